"""Estimates as text: value and interval never apart, and no digit that the interval does not carry.

- The half-width of the interval has two significant digits and the value ends at the same place.
- Human minutes are read as factors, so they are rounded by their factor: two significant digits, more only where the
  interval is narrower than a tenth of the value; from two hours on they are told in hours.
- A limit that does not exist is not printed, and the other one is called what it is: at least, at most.
- Qualifiers become words beside the number.

>>> shown(0.5432, (0.41, 0.67)).text
'54\u202f% (41 to 67\u202f%)'
>>> shown(0.5432, (0.52, 0.566)).text
'54.3\u202f% (52.0 to 56.6\u202f%)'
>>> shown(None, (0.2, 0.61)).text
'between 20 and 61\u202f%'
>>> shown(0.0, (0.0, 0.168)).text
'0\u202f% (at most 16.8\u202f%)'
>>> shown(51.01, (32.6, 83.7), "human minutes").text
'51 min (33 to 84)'
>>> shown(304.0, (170.0, None), "human minutes").text
'5.1 h (at least 2.8 h)'
>>> shown(2.834, (2.31, 3.42), "generator level").text
'level 2.83 (2.31 to 3.42)'
>>> shown(412.6, (180.2, 645.0), "points").text
'410 points (180 to 640)'
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.report.records import EstimateRecord

BLANK = "\u202f"  # a narrow blank that does not break
PERCENT = f"{BLANK}%"
MINUS = "\u2212"
SHARE = "share of tasks"
SAID_BY_INTERVAL = ("at-most", "at-least")
IN_HOURS = 120.0  # minutes from which a time is told in hours
NARROW = 0.1  # half-width over value below which two significant digits would hide the interval

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
    "uncalibrated": "not calibrated against people",
    "exploratory": "exploratory",
}


@dataclass(frozen=True)
class Unit:
    """How numbers of a unit are written: times `factor`, between `prefix` and `suffix`."""

    factor: float = 1.0
    prefix: str = ""
    suffix: str = ""
    ratio: bool = False  # read as factors: rounded by significant digits


UNITS: Mapping[str, Unit] = {
    SHARE: Unit(100.0, suffix=PERCENT),
    "difference of shares": Unit(100.0, suffix=" percentage points"),
    "points": Unit(suffix=" points"),
    "logits": Unit(suffix=" logits"),
    "generator level": Unit(prefix="level "),
    "octaves": Unit(suffix=" octaves"),
    "human minutes": Unit(suffix=" min", ratio=True),
    "hours": Unit(1 / 60, suffix=" h", ratio=True),
}


@dataclass(frozen=True)
class Shown:
    """The pieces of one estimate, rounded alike; `value` is empty where only limits exist, a limit where it is not."""

    value: str
    low: str
    high: str
    prefix: str = ""
    suffix: str = PERCENT

    @property
    def interval(self) -> str:
        """The two limits, or the one that says something."""
        return self._limits(self.prefix, self.suffix)

    @property
    def text(self) -> str:
        """Value and interval in one phrase."""
        again = self.suffix if self.suffix == PERCENT else ""  # a word need not be said twice
        return f"{self.prefix}{self.value}{self.suffix} ({self._limits('', again)})" if self.value else self.interval

    @property
    def bare(self) -> str:
        """Value and interval without unit, for a table that says the unit in its head."""
        return f"{self.value} ({self.low} to {self.high})"

    def _limits(self, prefix: str, unit: str) -> str:
        if not self.high or self.value == self.high:
            return f"at least {prefix}{self.low}{self.suffix}"
        if not self.low or self.value == self.low:
            return f"at most {prefix}{self.high}{self.suffix}"
        if not self.value:
            return f"between {prefix}{self.low} and {self.high}{self.suffix}"
        return f"{prefix}{self.low} to {self.high}{unit}"


def shown(value: float | None, interval: tuple[float | None, float | None], unit: str = SHARE) -> Shown:
    """Round a value and its limits by the rule of their unit; a unit without a rule is written out behind them."""
    low, high = interval
    size = next((number for number in (value, low, high) if number is not None), 0.0)
    how = UNITS.get("hours" if unit == "human minutes" and size >= IN_HOURS else unit, Unit(suffix=f" {unit}"))
    scaled = [None if number is None else how.factor * number for number in (low, value, high)]
    places = _places(_half_width(scaled))

    def text(number: float | None) -> str:
        if number is None:
            return ""
        if how.factor == UNITS[SHARE].factor and number in {0.0, how.factor}:
            return f"{number:.0f}"  # an end of the scale has no digits to round
        return _decimal(number, _digits(number, scaled) if how.ratio else places)

    return Shown(text(scaled[1]), text(scaled[0]), text(scaled[2]), how.prefix, how.suffix)


def decimals(half_width: float) -> int:
    """Decimal places that two significant digits of a half-width reach; none for half-widths of ten or more."""
    return max(0, _places(half_width))


def of(estimate: EstimateRecord) -> Shown:
    """An estimate's pieces."""
    return shown(estimate.value, estimate.interval, estimate.unit)


def words(estimate: EstimateRecord) -> str:
    """Its qualifiers in words, one phrase after the other; those that the interval's own words say are left out."""
    return "; ".join(QUALIFIERS[name] for name in estimate.qualifiers if name not in SAID_BY_INTERVAL)


def percent(share: float) -> str:
    """A share that is counted and not estimated, in whole percent."""
    return f"{100 * share:.0f}{PERCENT}"


def tenth(share: float) -> str:
    """A share that was measured in a simulation, in tenths of a percent."""
    return f"{100 * share:.1f}{PERCENT}"


def chance(p: float) -> str:
    """A p-value with two significant digits; below a ten-thousandth only that it is.

    >>> chance(0.0316), chance(0.00001), chance(1.0)
    ('0.032', 'below 0.0001', '1')
    """
    return "below 0.0001" if p < 0.0001 else f"{p:.2g}"


def solved_of(solved: int, runs: int) -> str:
    """A count."""
    return f"{solved} of {runs}"


def _places(half_width: float) -> int:
    """The same, negative from a half-width of 100 on."""
    if half_width <= 0:
        return 0
    exponent = math.floor(math.log10(half_width))
    if round(half_width / 10.0**exponent, 1) >= 10:  # 9.96 rounds to 10, which has its two digits before the point
        exponent += 1
    return 1 - exponent


def _half_width(numbers: Sequence[float | None]) -> float:
    """Half of what lies between the outermost of limits and value; a tenth of a number that stands alone."""
    found = [number for number in numbers if number is not None]
    if len(found) == 1:
        return abs(found[0]) / 10
    whole = all(number is not None for number in (numbers[0], numbers[-1]))
    return (found[-1] - found[0]) / (2 if whole else 1)


def _digits(number: float, numbers: Sequence[float | None]) -> int:
    """Decimal places for a number that is read as a factor."""
    found = [item for item in numbers if item is not None and item > 0]
    if number <= 0 or not found:
        return 0
    narrow = math.log(found[-1] / found[0]) / 2 if len(found) > 1 else 1.0
    significant = 2 if narrow >= NARROW or narrow <= 0 else 2 - math.floor(math.log10(narrow / NARROW))
    return significant - 1 - math.floor(math.log10(number))


def _decimal(number: float, places: int) -> str:
    rounded = f"{round(number, places):,.{max(0, places)}f}"
    if not rounded.strip("-0.,"):
        rounded = rounded.removeprefix("-")
    return rounded.replace("-", MINUS)
