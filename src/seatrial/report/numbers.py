"""Estimates as text: value and interval never apart, and no digit that the interval does not carry.

The half-width of the interval has two significant digits and the value ends at the same place; qualifiers become
words beside the number.

>>> shown(0.5432, (0.41, 0.67)).text
'54\u202f% (41 to 67\u202f%)'
>>> shown(0.5432, (0.52, 0.566)).text
'54.3\u202f% (52.0 to 56.6\u202f%)'
>>> shown(None, (0.2, 0.61)).text
'between 20 and 61\u202f%'
>>> shown(0.0, (0.0, 0.168)).text
'0\u202f% (at most 16.8\u202f%)'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.report.assessment import EstimateRecord

PERCENT = "\u202f%"  # a narrow blank that does not break
MINUS = "\u2212"
SAID_BY_INTERVAL = ("at-most", "at-least")

QUALIFIERS = {
    "at-most": "none was solved",
    "at-least": "all were solved",
    "losses-bounded": "limits only: more than 5 % of the planned runs have no outcome, and these limits hold whatever "
    "they would have been",
    "budget-limited": "still rising at the full budget",
    "partial": "from a part of the battery",
    "bank-only": "this battery only",
    "above-calibrators": "stronger than every model used for calibration",
    "not-generalizable": "not generalizable",
    "not-identifiable": "not identifiable",
    "level-axis": "on generator levels",
    "uncalibrated": "uncalibrated",
    "exploratory": "exploratory",
}


@dataclass(frozen=True)
class Shown:
    """The pieces of one estimate in percent, rounded alike; `value` is empty where only limits exist."""

    value: str
    low: str
    high: str

    @property
    def interval(self) -> str:
        """The two limits, or the one that says something when all or none was solved."""
        if not self.value:
            return f"between {self.low} and {self.high}{PERCENT}"
        if self.value == self.low:
            return f"at most {self.high}{PERCENT}"
        if self.value == self.high:
            return f"at least {self.low}{PERCENT}"
        return f"{self.low} to {self.high}{PERCENT}"

    @property
    def text(self) -> str:
        """Value and interval in one phrase."""
        return f"{self.value}{PERCENT} ({self.interval})" if self.value else self.interval


def shown(value: float | None, interval: tuple[float, float]) -> Shown:
    """Round a share and its limits by the half-width rule."""
    low, high = interval
    places = decimals(100 * (high - low) / 2)

    def text(share: float) -> str:
        if share in {0.0, 1.0}:  # an end of the scale has no digits to round
            return f"{100 * share:.0f}"
        rounded = f"{100 * share:.{places}f}"
        if float(rounded) == 0:
            rounded = rounded.removeprefix("-")
        return rounded.replace("-", MINUS)

    return Shown("" if value is None else text(value), text(low), text(high))


def decimals(half_width: float) -> int:
    """Decimal places that two significant digits of a half-width reach; none for half-widths of ten or more."""
    if half_width <= 0:
        return 0
    exponent = math.floor(math.log10(half_width))
    if round(half_width / 10.0**exponent, 1) >= 10:  # 9.96 rounds to 10, which has its two digits before the point
        exponent += 1
    return max(0, 1 - exponent)


def of(estimate: EstimateRecord) -> Shown:
    """An estimate's pieces."""
    return shown(estimate.value, estimate.interval)


def words(estimate: EstimateRecord) -> str:
    """Its qualifiers in words, one phrase after the other; those that the interval's own words say are left out."""
    return "; ".join(QUALIFIERS[name] for name in estimate.qualifiers if name not in SAID_BY_INTERVAL)


def solved_of(solved: int, runs: int) -> str:
    """A count."""
    return f"{solved} of {runs}"
