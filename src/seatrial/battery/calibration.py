"""How long people take: the times that `seatrial battery play` records, and the median that follows.

A person who gives up or runs out of time has not shown that the task takes longer than that and no more: those times
are censored, and the median is Kaplan and Meier's (1958), with the interval of Brookmeyer and Crowley (1982) on the
log-log scale. With nobody timed the level is "uncalibrated" and no minutes are printed; with more than half censored
the median is unknown and says so.

>>> fit([Timing("a", 60.0, solved=True), Timing("b", 120.0, solved=True), Timing("c", 600.0, solved=False)])
Calibration(n=3, n_solved=2, median_minutes=2.0, interval=(1.0, None))
>>> fit([]).words()
'uncalibrated'
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "seatrial.play/1"
_Z95 = 1.959964


@dataclass(frozen=True)
class Timing:
    """One person's first serious try at one instance: seconds at work, pauses left out."""

    person: str
    seconds: float
    solved: bool


@dataclass(frozen=True)
class Calibration:
    """The fit of a cell. None in the interval: that end is not reached by the data."""

    n: int = 0
    n_solved: int = 0
    median_minutes: float | None = None
    interval: tuple[float | None, float | None] = (None, None)

    def words(self) -> str:
        """For a person."""
        if self.n == 0:
            return "uncalibrated"
        if self.median_minutes is None:
            return f"median not reached ({self.n_solved} of {self.n} solved)"
        low, high = (f"{end:.0f}" if end is not None else "…" for end in self.interval)
        return f"{self.median_minutes:.0f} min (95 %: {low}-{high}; {self.n_solved} of {self.n} solved)"


def fit(timings: Iterable[Timing]) -> Calibration:
    """Kaplan-Meier median in minutes with its 95 % interval."""
    rows = sorted(timings, key=lambda row: (row.seconds, not row.solved))
    if not rows:
        return Calibration()
    survival, variance, at_risk = 1.0, 0.0, len(rows)
    median, low, high = None, None, None
    for at in sorted({row.seconds for row in rows}):
        solved = sum(row.solved for row in rows if row.seconds == at)
        if solved:
            survival *= 1 - solved / at_risk
            variance += solved / (at_risk * (at_risk - solved)) if at_risk > solved else 0.0
            below, above = _band(survival, variance)
            median = at if median is None and survival <= 0.5 else median
            low = at if low is None and below <= 0.5 else low
            high = at if high is None and above <= 0.5 else high
        at_risk -= sum(row.seconds == at for row in rows)
    return Calibration(len(rows), sum(row.solved for row in rows), _minutes(median), (_minutes(low), _minutes(high)))


def _band(survival: float, variance: float) -> tuple[float, float]:
    """Both ends of the 95 % band of the survival curve on the log-log scale."""
    if survival <= 0.0:
        return 0.0, 1.0
    if survival >= 1.0:
        return 1.0, 1.0
    spread = _Z95 * variance**0.5 / log(survival)
    centre = log(-log(survival))
    ends = exp(-exp(centre + spread)), exp(-exp(centre - spread))
    return min(ends), max(ends)


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 2)


Cell = tuple[str, str, int]  # family, version, level


def read_timings(path: Path) -> dict[Cell, tuple[Timing, ...]]:
    """The times of a file written by `play`, each person's first try at an instance only.

    Raises `ValueError` that names the line which cannot be read.
    """
    cells: dict[Cell, list[Timing]] = {}
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            cell, instance, timing, void = _record(line)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: {type(error).__name__}: {error}") from error
        if not void and (timing.person, instance) not in seen:
            seen.add((timing.person, instance))
            cells.setdefault(cell, []).append(timing)
    return {cell: tuple(rows) for cell, rows in cells.items()}


def _record(line: str) -> tuple[Cell, str, Timing, bool]:
    record = json.loads(line)
    if record["schema"] != SCHEMA:
        raise ValueError(f"schema {record['schema']!r}, this reads {SCHEMA}")
    cell = (str(record["family"]), str(record["version"]), int(record["level"]))
    outcome = record["outcome"]
    timing = Timing(str(record["pseudonym"]), record["working_ms"] / 1000, outcome == "solved")
    return cell, str(record["instance"]), timing, outcome == "void"


def read_fits(path: Path) -> dict[Cell, Calibration]:
    """The fit of every cell of a file written by `play`."""
    return {cell: fit(rows) for cell, rows in read_timings(path).items()}
