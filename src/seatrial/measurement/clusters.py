"""Means over tasks whose errors come in families, and a band around a curve of such means.

The task is the observation, the family the unit that may differ: tasks of one family are solved or missed together,
so intervals come from the spread between families (Miller, arXiv 2411.00640), on the logit scale with Student's t.

- The error is that of leaving out each family. Where families are equally large it is the usual cluster-robust error;
  where one is large, that error is far too small, for the mean is drawn towards the family it is measured against.
- Families of unequal size count as N²/Σ n_f² equal ones for the degrees of freedom (Kish 1965). Simulated with a family
  of 125 tasks beside 29 of 5, the usual error with t(F-1) held 82 % and this one 98 %; with equal families both are
  the same and hold 94 to 96 %, where intervals over runs held 37 to 94 %.

>>> import numpy as np
>>> mean = cluster_mean(np.array([1.0, 0.0, 1.0, 1.0]), np.array(["a", "a", "b", "c"]))
>>> mean.mean, round(mean.se, 4), mean.families, round(mean.freedom, 2)
(0.75, 0.2257, 3, 1.67)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit
from scipy.stats import t as student

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats, Integers, Texts

MIN_FAMILIES = 15  # below, no interval of this kind held its level in simulation
BAND_DRAWS = 2000  # Monte Carlo error of the critical value below 2 %
ROUNDING = 1e-13  # of a family's summed error, per task: families that agree exactly have a spread of exactly 0
SE_FLOOR = 0.25  # a resample by chance without spread would else decide the band alone


@dataclass(frozen=True)
class ClusterMean:
    """Mean of task values with the standard error that families give it."""

    mean: float
    se: float
    tasks: int
    families: int
    freedom: float  # of t; one less than the equally large families that would weigh as these do

    @property
    def words(self) -> str:
        """The limits as the method of an estimate names them."""
        return f"t({self.freedom:.3g}) limits"

    def t(self, level: float) -> float:
        """The two-sided quantile of Student's t with one degree of freedom less than effective families."""
        return float(student.ppf((1 + level) / 2, self.freedom))

    def logit_limits(self, level: float) -> tuple[float, float]:
        """Limits for a share strictly between 0 and 1."""
        slope = self.mean * (1 - self.mean)
        half = self.t(level) * self.se / slope
        return float(expit(logit(self.mean) - half)), float(expit(logit(self.mean) + half))

    def plain_limits(self, level: float) -> tuple[float, float]:
        """Limits on the scale of the values, for differences."""
        half = self.t(level) * self.se
        return self.mean - half, self.mean + half


@dataclass(frozen=True, eq=False)
class Band:
    """A simultaneous band over grid points: the whole true curve lies inside with the stated level."""

    mean: Floats
    lower: Floats
    upper: Floats
    critical: float


def cluster_mean(values: Floats, family: Texts) -> ClusterMean:
    """Mean m of task values; se² = (F-1)/F · Σ_f (m_f - m)², m_f without family f. One family alone has no se (NaN)."""
    _, code = np.unique(family, return_inverse=True)
    families = int(code.max()) + 1
    tasks = len(values)
    mean = float(values.mean())
    error = np.bincount(code, weights=values - mean)
    error[np.abs(error) < ROUNDING * tasks] = 0.0
    size = np.bincount(code).astype(np.float64)
    freedom = effective_freedom(size)
    if families == 1:
        return ClusterMean(mean, np.nan, tasks, families, freedom)
    moved = error / (tasks - size)
    return ClusterMean(mean, float(np.sqrt((families - 1) / families * (moved @ moved))), tasks, families, freedom)


def effective_freedom(size: Floats | Integers) -> float:
    """Degrees of freedom of a mean over families of these sizes: N²/Σ n_f² - 1 (Kish 1965), at least 1."""
    return max(float(size.sum()) ** 2 / float(size @ size) - 1, 1.0)


def one_sided_limit(units: int, level: float) -> float:
    """The largest share that `units` independent misses leave possible: 1 - ((1-level)/2)^(1/units)."""
    return float(1 - ((1 - level) / 2) ** (1 / units))


def max_t_band(
    values: Floats, family: Texts, *, level: float, rng: np.random.Generator, draws: int = BAND_DRAWS
) -> Band:
    """Studentised maximum-t band for columns of task values (tasks by grid points), resampling families.

    Means are clipped to [0.5/N, 1 - 0.5/N] before the logit. Every column needs spread between families.
    """
    _, code = np.unique(family, return_inverse=True)
    families = int(code.max()) + 1
    size = np.bincount(code).astype(np.float64)
    sums = np.zeros((families, values.shape[1]))
    np.add.at(sums, code, values)
    place, spread = _logit_scale(np.ones((1, families)), sums, size)
    picks = rng.integers(families, size=(draws, families))
    weights = np.apply_along_axis(np.bincount, 1, picks, minlength=families).astype(np.float64)
    drawn_place, drawn_spread = _logit_scale(weights, sums, size)
    distance = np.abs(drawn_place - place) / np.maximum(drawn_spread, SE_FLOOR * spread)
    critical = float(np.quantile(distance.max(axis=1), level))
    half = critical * spread[0]
    return Band(sums.sum(axis=0) / size.sum(), expit(place[0] - half), expit(place[0] + half), critical)


def _logit_scale(weights: Floats, sums: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Logit means and their standard errors for each weighting of families (draws by grid points)."""
    families = weights.shape[1]
    tasks = (weights @ size)[:, None]
    raw = (weights @ sums) / tasks
    squares = weights @ sums**2 - 2 * raw * (weights @ (sums * size[:, None])) + raw**2 * (weights @ size**2)[:, None]
    se = np.sqrt(families / (families - 1) * np.maximum(squares, 0)) / tasks
    mean = np.clip(raw, 0.5 / tasks, 1 - 0.5 / tasks)
    return logit(mean), se / (mean * (1 - mean))


def task_means(score: Floats, task: Texts, family: Texts) -> tuple[Floats, Integers, Texts]:
    """Mean score, number of runs and family of each task, tasks in sorted order; score may have grid columns."""
    _, first, code, runs = np.unique(task, return_index=True, return_inverse=True, return_counts=True)
    sums = np.zeros((len(first), *score.shape[1:]))
    np.add.at(sums, code, score)
    return sums / runs.reshape(-1, *[1] * (score.ndim - 1)), runs.astype(np.int64), family[first]
