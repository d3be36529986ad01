"""What is kept of models that have run the whole bank: difficulties, and how far the method errs on such models.

- A stored calibration names no calibrator and holds no row of one: difficulties, their number, the largest ability.
- The posterior's own interval is too narrow where one ability does not say everything (it covered 68 to 77 % on a
  published cyber bank). Each usable calibrator is left out in turn and reviewed with what the others say; its errors in
  units of the posterior's SD give the multiplier of every later interval, for each number of runs.
- Scaffold and budget must be the review's: `comparison_key` says which they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.stats import t as student

from seatrial.measurement.difficulties import Difficulties, fit_difficulties, usable_calibrators
from seatrial.measurement.posterior import Posterior

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.outcomes import Bools, Integers

__all__ = ["MIN_CALIBRATORS", "SIZES", "Calibration", "Difficulties", "fit_difficulties", "usable_calibrators"]

MIN_CALIBRATORS = 5  # usable ones; with three or four the gain was gone and coverage unsteady
SIZES = (30, 45, 60, 90, 120)
KNOWN_SHARE = 0.8  # of a bank's tasks with calibrated difficulties before picks rest on them
_PROBIT = np.pi / 8  # logistic with a normal error of its argument (MacKay 1992)


@dataclass(frozen=True)
class Calibration:
    """Difficulties of a bank's items with everything a review needs to use them."""

    item: tuple[str, ...]
    a: tuple[float, ...]  # per item
    b: tuple[float, ...]
    sd: tuple[float, ...]  # of b
    intercept: float  # b of an item not calibrated: intercept + slope · x
    slope: float
    spread: float
    axis: str  # of x
    usable: int  # calibrators that could be left out
    largest_theta: float  # of usable calibrators
    multipliers: Mapping[int, float]  # runs -> factor on the posterior SD of the bank's success rate
    horizon_multipliers: Mapping[int, float]  # the same for the horizon in octaves
    replay_errors: Mapping[int, float]  # runs -> root mean square error of the left-out calibrators, share of tasks
    comparison_key: str
    bank_version: str
    scale_version: str = "1"
    linking_se: float = 0.0  # logits; error of standing on an earlier calibration's scale, 0 on its own

    def posterior(self, bank: Bank) -> Posterior:
        """A participant's prior on this bank; items that were not calibrated get what x says, blurred."""
        known, place = self._places(bank)
        a = np.where(known, np.asarray(self.a)[place], float(np.exp(np.log(self.a).mean())))
        useful = ~np.isnan(bank.x) & (bank.axis == self.axis)
        guess = self.intercept + self.slope * np.where(useful, bank.x, 0.0)
        blur = np.where(useful, self.spread, 2.0)
        shrunk = a / np.sqrt(1 + _PROBIT * (a * blur) ** 2)
        centre = np.where(useful, guess, float(np.mean(self.b)))
        return Posterior.of_difficulties(np.where(known, a, shrunk), np.where(known, np.asarray(self.b)[place], centre))

    def unusable(self, bank: Bank) -> str:
        """Why this calibration cannot steer a review of the bank, or an empty text."""
        if self.usable < MIN_CALIBRATORS:
            return f"{self.usable} usable calibrators, {MIN_CALIBRATORS} needed"
        known = float(self._places(bank)[0].mean())
        if known < KNOWN_SHARE:
            return f"{known:.0%} of the tasks are calibrated, {KNOWN_SHARE:.0%} needed"
        return ""

    def multiplier(self, runs: int, *, horizon: bool = False) -> float:
        """The factor for a number of runs, linear between the stored ones."""
        stored = self.horizon_multipliers if horizon else self.multipliers
        sizes = sorted(stored)
        return float(np.interp(runs, sizes, [stored[size] for size in sizes])) if sizes else 1.0

    def quantile(self, level: float) -> float:
        """Student's t with one degree of freedom a usable calibrator: multipliers are themselves estimates."""
        return float(student.ppf((1 + level) / 2, max(self.usable, 1)))

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, one text for one calibration."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("multipliers", "horizon_multipliers", "replay_errors"):
            fields[name] = {str(size): value for size, value in fields[name].items()}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The calibration that `to_json` wrote; anything else is an error that names the field."""
        fields: dict[str, Any] = json.loads(text)
        missing = set(cls.__dataclass_fields__) - set(fields)
        unknown = set(fields) - set(cls.__dataclass_fields__)
        if missing or unknown:
            raise ValueError(f"calibration: fields missing {sorted(missing)}, unknown {sorted(unknown)}")
        for name in ("item", "a", "b", "sd"):
            fields[name] = tuple(fields[name])
        if len({len(fields[name]) for name in ("item", "a", "b", "sd")}) > 1:
            raise ValueError("calibration: item, a, b and sd have one entry an item")
        for name in ("multipliers", "horizon_multipliers", "replay_errors"):
            fields[name] = {int(size): float(value) for size, value in fields[name].items()}
        return cls(**fields)

    def _places(self, bank: Bank) -> tuple[Bools, Integers]:
        names = np.asarray(self.item, dtype=np.str_)
        order = np.argsort(names)
        place = order[np.minimum(np.searchsorted(names, bank.item, sorter=order), len(names) - 1)]
        return names[place] == bank.item, place
