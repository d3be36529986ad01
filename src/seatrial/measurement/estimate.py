"""A number with everything a reader needs beside it, or the plain statement that there is none.

- An `Estimate` cannot be built without its estimand, interval, method, counts, budget and bank (promise 6).
- What the data cannot say is a `NotIdentifiable` with the reason and the counts; never a number, never an error.

>>> NotIdentifiable(quantity="Q2", estimand="success on new families", reason="3 families", counts={"runs": 9}).reason
'3 families'
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

LEVEL = 0.95  # the level of the field's published tables, so that intervals can be laid side by side
QUANTITIES = frozenset(f"Q{number}" for number in range(1, 13))
QUALIFIERS = frozenset(
    {
        "not-generalizable",
        "at-least",
        "at-most",
        "not-identifiable",
        "budget-limited",
        "partial",
        "above-calibrators",
        "bank-only",
        "level-axis",
        "uncalibrated",
        "losses-bounded",
        "exploratory",
    }
)
_TOLERANCE = 1e-12  # a value may touch its own limit; rounding may carry it this far past


class EstimateError(ValueError):
    """An estimate was described incompletely or against itself: names the field and the rule."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One estimate; every field without a default must be stated."""

    quantity: str  # Q1..Q12
    estimand: str  # what is estimated, in words
    unit: str
    value: float | None  # None where only limits can be given
    lower: float | None
    upper: float | None
    level: float  # of the interval, e.g. 0.95
    method: str
    method_version: str
    n_runs: int
    n_tasks: int
    n_families: int
    budget: str  # in words, e.g. "2,000,000 tokens a run"
    bank_version: str
    qualifiers: frozenset[str]
    scale_version: str | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise EstimateError(f"quantity {self.quantity!r}: one of Q1 to Q12")
        for name in ("estimand", "unit", "method", "method_version", "budget", "bank_version"):
            if not str(getattr(self, name)).strip():
                raise EstimateError(f"{name} is empty: say it in words")
        for name in ("n_runs", "n_tasks", "n_families"):
            if getattr(self, name) < 1:
                raise EstimateError(f"{name} is {getattr(self, name)}: an estimate needs at least one")
        if not 0 < self.level < 1:
            raise EstimateError(f"level {self.level}: between 0 and 1")
        unknown = self.qualifiers - QUALIFIERS
        if unknown:
            raise EstimateError(f"qualifiers {sorted(unknown)}: known are {sorted(QUALIFIERS)}")
        self._check_interval()

    def _check_interval(self) -> None:
        numbers = [number for number in (self.lower, self.value, self.upper) if number is not None]
        if not all(map(math.isfinite, numbers)):
            raise EstimateError(f"value and limits {numbers}: finite numbers or None")
        if self.lower is None and self.upper is None:
            raise EstimateError("an estimate without any limit: no number without its error")
        if any(second < first - _TOLERANCE for first, second in pairwise(numbers)):
            raise EstimateError(f"limits and value {numbers}: they must not cross")


@dataclass(frozen=True)
class Limits:
    """Value, limits and how they were found, before an estimate says what they are of."""

    value: float
    lower: float
    upper: float
    method: str
    qualifiers: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class NotIdentifiable:
    """A quantity that these data cannot give, why, and what was counted."""

    quantity: str
    estimand: str
    reason: str
    counts: Mapping[str, int]
