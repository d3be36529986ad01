"""Ranges of versions, written `vers:pypi/>=1.0|<1.2`, as intervals.

- The constraints stand in the order of their versions, as the specification of vers asks. Where the scheme is known and
  its versions compare, another order is refused: read as written, it would mean other versions.
- What cannot be read as intervals is refused, never guessed.

>>> [str(interval) for interval in Vers.parse("vers:npm/1.2.3|>=2.0.0|<2.5.1").intervals]
['1.2.3', '>=2.0.0 <2.5.1']
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote

from univers.version_range import RANGE_CLASS_BY_SCHEMES
from univers.versions import InvalidVersion

_WRITTEN = re.compile(r"vers:(?P<scheme>[a-z][a-z0-9.+-]*)/(?P<constraints>[!-~]+)")
_CONSTRAINT = re.compile(r"(?P<comparator>>=|<=|!=|<|>|=)?(?P<version>[^<>=!*|]+)")


NO_ORDER = frozenset({"generic", "github", "all", "none"})
"""Schemes whose versions are whatever a project makes of them: they have no order of their own."""


class NotARange(ValueError):
    """A text that is no range of versions."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Versions from `low` to `high`; an empty end is open. A single version has both equal, both included."""

    low: str = ""
    high: str = ""
    low_included: bool = True
    high_included: bool = False

    @property
    def single(self) -> str:
        """The version, where it is only one."""
        return self.low if self.low and self.low == self.high else ""

    def __str__(self) -> str:
        """As people write it."""
        if self.single:
            return self.single
        low = f"{'>=' if self.low_included else '>'}{self.low}" if self.low else ""
        high = f"{'<=' if self.high_included else '<'}{self.high}" if self.high else ""
        return " ".join(part for part in (low, high) if part) or "*"


@dataclass(frozen=True, slots=True)
class Vers:
    """A range: its scheme, its text, and its intervals in order."""

    scheme: str
    text: str
    intervals: tuple[Interval, ...]

    @classmethod
    def parse(cls, text: str) -> Vers:
        """Read a range.

        Raises:
            NotARange: Another form, a constraint that cannot be read, or bounds that make no intervals.
        """
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise NotARange(f"{text[:60]!r} is no range; write it as vers:pypi/>=1.0|<1.2")
        if match["constraints"] == "*":
            return cls(match["scheme"], text, (Interval(),))
        _check_order(match["scheme"], match["constraints"], text)
        return cls(match["scheme"], text, tuple(_intervals(match["constraints"], text)))

    @property
    def bounded(self) -> bool:
        """Every constraint has a comparator: no single version stands among them."""
        return not any(interval.single for interval in self.intervals)


def _check_order(scheme: str, constraints: str, text: str) -> None:
    known = RANGE_CLASS_BY_SCHEMES.get(scheme)
    if known is None or known.version_class is None or scheme in NO_ORDER:
        return
    try:
        versions = [known.version_class(unquote(part.lstrip("<>=!"))) for part in constraints.split("|")]
        falls = any(later < earlier for earlier, later in pairwise(versions))
    except (InvalidVersion, TypeError, ValueError, AttributeError):
        return  # not versions of the scheme: the range is kept as text, and nothing compares it
    if falls:
        raise NotARange(f"{text[:60]!r}: the versions do not rise; write the constraints in the order of {scheme}")


def _intervals(constraints: str, text: str) -> list[Interval]:
    """A lower bound opens an interval, an upper bound closes it; `!=` splits the one it falls into."""
    found: list[Interval] = []
    low: Interval | None = None
    started = False
    for part in constraints.split("|"):
        match = _CONSTRAINT.fullmatch(part)
        if match is None:
            raise NotARange(f"{part!r} in {text[:60]!r} is no constraint; write a comparator and a version")
        comparator, version = match["comparator"] or "=", unquote(match["version"])
        if comparator == "=" and low is None:
            found.append(Interval(version, version, high_included=True))
        elif comparator in (">", ">=") and low is None:
            low = Interval(version, low_included=comparator == ">=")
        elif comparator in ("<", "<="):
            if low is None and started:
                raise NotARange(f"{text[:60]!r}: an upper bound has no lower one before it")
            opened = low or Interval()
            found.append(Interval(opened.low, version, opened.low_included, comparator == "<="))
            low = None
        elif comparator == "!=":
            opened = low or Interval()
            if low is None and started:
                raise NotARange(f"{text[:60]!r}: {part} lies in no interval")
            found.append(Interval(opened.low, version, opened.low_included, high_included=False))
            low = Interval(version, low_included=False)
        else:
            raise NotARange(f"{text[:60]!r}: {part} stands inside another interval")
        started = True
    return [*found, low] if low else found
