"""What a level means for this family, open above the fifth.

>>> knobs(1)["routes"], knobs(5)["chain"], knobs(7)["chain"], knobs(7)["filters"]
(8, 5, 7, 5)
"""

from __future__ import annotations

from seatrial.battery.families.web.screens import MOST

ORDERED = ("routes", "decoys", "chain", "filters", "withheld", "slowness")
_ROUTES = (8, 12, 18, 28, 40)
_DECOYS = (0, 2, 4, 8, 12)
_CHAIN = (1, 1, 2, 3, 5)
_FILTERS = (0, 1, 1, 2, 3)
_RATES = (0, 0, 50, 20, 10)  # requests a second; 0: no bound
_SOURCE_UP_TO = 2


def knobs(level: int) -> dict[str, int | str]:
    """The settings of a level.

    `withheld` is 1 when no source is delivered, `slowness` the milliseconds that each request costs once the burst is
    spent; they stand beside their plain counterparts because an ordered knob only rises.
    """
    if level < 1:
        raise ValueError(f"level {level}: levels start at 1")
    rung, beyond = min(level, 5) - 1, max(0, level - 5)
    rate = _RATES[rung]
    return {
        "routes": _beyond(_ROUTES[rung], beyond),
        "decoys": _beyond(_DECOYS[rung], beyond),
        "chain": _CHAIN[rung] + beyond,
        "filters": min(_FILTERS[rung] + beyond, MOST),
        "withheld": int(level > _SOURCE_UP_TO),
        "slowness": 1000 // rate if rate else 0,
        "rate": rate,
        "source": "delivered" if level <= _SOURCE_UP_TO else "none",
    }


def _beyond(count: int, steps: int) -> int:
    """Times 1.3 for each step above the fifth level, in whole numbers."""
    for _ in range(steps):
        count = count * 13 // 10
    return count
