"""How the intervals of this release held in simulation, for the methods that a report uses.

The figures stand in `coverage.json` beside this file. `benchmarks/coverage.py` writes it: it simulates participants
whose true number is known and counts how often the interval held it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from seatrial.report.records import CoverageFigure

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = "coverage.json"
PARTLY = "partly run"  # figures of batteries of which a part was run
OTHER_WEIGHTS = "equal weights"  # a choice that reports do not make


@cache
def published() -> tuple[CoverageFigure, ...]:
    """All figures of this release; none where the file was not made."""
    path = files("seatrial.report").joinpath(FILE)
    if not path.is_file():
        return ()
    table = json.loads(path.read_text(encoding="utf-8"))
    return tuple(CoverageFigure(quantity=item["figure"].partition(" ")[0], **item) for item in table["figures"])


def coverage(quantities: Iterable[str], *, picked: bool) -> list[CoverageFigure]:
    """The figures of the quantities that were estimated, by the methods that a report uses.

    `picked`: the instances were picked in rounds, so the battery was run in part.
    """
    used = set(quantities)
    return [
        item
        for item in published()
        if item.quantity in used and OTHER_WEIGHTS not in item.figure and (PARTLY in item.figure) == picked
    ]
