"""What the runs so far say about every task of a bank: weights over nodes, and each task's chance at each node.

Two kinds, used alike. With difficulties the nodes are abilities theta (241 points, prior N(0, 2.5²), so wide that a
participant beyond every calibrator is not pulled back). Without them the nodes are curves: intercept and slope of a
logistic in the standardised axis of the bank, which a handful of runs can place roughly and nothing can break: all
outcomes equal, an axis without values and one family are ordinary cases.

>>> import numpy as np
>>> start = Posterior.of_difficulties(a=np.ones(3), b=np.array([-1.0, 0.0, 1.0]))
>>> after = start.updated(np.array([0, 1]), np.array([1.0, 1.0]))
>>> bool(after.theta_mean > start.theta_mean), int(after.information().argmax())
(True, 2)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats, Integers

THETA: Floats = np.linspace(-6, 6, 241)  # moments are exact to a per cent down to an SD of half the spacing
PRIOR_SD = 2.5  # of theta; calibrators have 1
CERTAIN = 1e-6  # a chance no surer than this: one impossible outcome is a surprise and not infinite
_INTERCEPT: Floats = np.linspace(-6, 6, 31)  # log-odds at the mean of the axis
_INTERCEPT_SD = 2.0
_SLOPE: Floats = np.linspace(-5, 2, 22)  # log-odds for one standard deviation of the axis; longer tasks are harder
_SLOPE_MEAN, _SLOPE_SD = -1.0, 1.5


@dataclass(frozen=True, eq=False)
class Posterior:
    """Tasks by nodes, and a weight a node."""

    log_odds: Floats  # (tasks, nodes)
    chance: Floats  # (tasks, nodes)
    a: Floats  # (tasks,) discrimination; 1 where nodes are curves
    theta: Floats | None  # (nodes,) or None where nodes are curves
    log_weight: Floats  # (nodes,), not normalised

    @classmethod
    def of_difficulties(cls, a: Floats, b: Floats) -> Self:
        """The prior of a participant whose tasks have discriminations a and difficulties b."""
        return cls._of(a[:, None] * (THETA - b[:, None]), a, THETA, -((THETA / PRIOR_SD) ** 2) / 2)

    @classmethod
    def of_axis(cls, x: Floats) -> Self:
        """The prior of a participant without calibrators: curves in x; a task without x stands at the mean."""
        known = ~np.isnan(x)
        spread = float(np.std(x[known])) if known.any() else 0.0
        place = np.where(known, (x - np.mean(x[known])) / spread, 0.0) if spread > 0 else np.zeros(len(x))
        slopes = _SLOPE if spread > 0 else np.zeros(1)
        intercept, slope = (grid.ravel() for grid in np.meshgrid(_INTERCEPT, slopes, indexing="ij"))
        log_weight = -((intercept / _INTERCEPT_SD) ** 2) / 2 - ((slope - _SLOPE_MEAN) / _SLOPE_SD) ** 2 / 2
        return cls._of(intercept + place[:, None] * slope, np.ones(len(x)), None, log_weight)

    @classmethod
    def _of(cls, log_odds: Floats, a: Floats, theta: Floats | None, log_weight: Floats) -> Self:
        chance = 1 / (1 + np.exp(-log_odds))
        return cls(log_odds, chance, a, theta, log_weight)

    def updated(self, places: Integers, score: Floats) -> Self:
        """After runs of the tasks at `places` that ended with `score` (0/1 or between)."""
        odds = self.log_odds[places]
        return replace(self, log_weight=self.log_weight + (score[:, None] * odds - np.logaddexp(0, odds)).sum(axis=0))

    @property
    def weight(self) -> Floats:
        """(nodes,), sums to 1."""
        weight: Floats = np.exp(self.log_weight - self.log_weight.max())
        weight /= weight.sum()
        return weight

    def expected(self) -> Floats:
        """(tasks,) chance of each task, averaged over nodes."""
        return self.chance @ self.weight

    def information(self) -> Floats:
        """(tasks,) Fisher information about theta that one run of each task would give, averaged over nodes."""
        return self.a**2 * ((self.chance * (1 - self.chance)) @ self.weight)

    @property
    def theta_mean(self) -> float:
        """Posterior mean of theta; NaN where nodes are curves."""
        return float(self.weight @ self.theta) if self.theta is not None else np.nan

    @property
    def theta_sd(self) -> float:
        """Posterior standard deviation of theta; NaN where nodes are curves."""
        if self.theta is None:
            return np.nan
        return float(np.sqrt(self.weight @ (self.theta - self.theta_mean) ** 2))

    def above(self, theta: float) -> float:
        """P(ability > theta); 1 where nodes are curves, for then nothing is known of calibrators."""
        return float(self.weight[self.theta > theta].sum()) if self.theta is not None else 1.0

    def bank_mean(self, places: Integers, score: Floats) -> tuple[float, float]:
        """Mean and SD of the score one pass over the bank would give, given the runs at `places`."""
        unseen = np.ones(len(self.a), dtype=bool)
        unseen[places] = False
        chance = self.chance[unseen]
        total, noise = chance.sum(axis=0), (chance * (1 - chance)).sum(axis=0)
        mean = float(self.weight @ total)
        variance = float(self.weight @ (total - mean) ** 2 + self.weight @ noise)
        return (float(score.sum()) + mean) / len(self.a), float(np.sqrt(variance)) / len(self.a)

    def surprise(self, places: Integers, score: Floats) -> float:
        """How much less likely the runs at `places` were than this posterior expects, in standard deviations (l_z)."""
        chance = np.clip(self.expected()[places], CERTAIN, 1 - CERTAIN)
        odds = np.log(chance / (1 - chance))
        spread = float(np.sqrt(np.sum(chance * (1 - chance) * odds**2)))
        return -float((score - chance) @ odds) / spread if spread > 0 else 0.0

    def tables(self, places: Integers, score: Floats, rng: np.random.Generator, draws: int) -> Floats:
        """(draws, tasks) completed banks: a node drawn from the posterior, unseen tasks 0 or 1 by its chances."""
        node = rng.choice(len(self.log_weight), size=draws, p=self.weight)
        filled = (rng.random((draws, len(self.a))) < self.chance[:, node].T).astype(np.float64)
        filled[:, places] = score
        return filled
