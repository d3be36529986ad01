"""The curve behind every horizon: a weighted logistic fit of success on task length, with a slight ridge on its slope.

- Weights are normalised to sum 1, so their scale means nothing and `RIDGE` always weighs the same.
- Only the slope is penalised, and only so much that separated outcomes have a finite fit (arXiv 2503.14499 fits the
  same curve; on a normalised scale its constant reproduces published tables, a larger one moves their ends far).
- Outcomes may be fractional, even outside [0, 1], as pseudo-outcomes of a sampled bank are: the objective is convex.

>>> import numpy as np
>>> x, y = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
>>> found = fit(x, y, np.ones(6))
>>> round(found.at(0.5), 3), round(found.slope, 2)
(2.5, -1.21)
>>> fit(x, np.ones(6), np.ones(6)) is None
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats, Integers, Texts

RIDGE = 1e-5  # of the slope per octave, weights summing to 1
TOLERANCE = 1e-12  # Newton step, in standardised units, at which the fit stands
ITERATIONS = 200  # a convex problem in two unknowns needs some ten; beyond this the step is rounding
REFIT_STEPS = 6  # from the full fit, dropping one family needs three or four
REFIT_CLIP = (3.0, 1.5)  # largest step in intercept and slope: a draw that separates must not overflow
REFIT_ETA = 30.0  # log-odds beyond which a chance is 0 or 1 to thirteen digits
_RISE = 1e-14  # rounding of the objective: not a rise


@dataclass(frozen=True)
class Fit:
    """Log-odds of success = intercept + slope · x; loss is the weighted mean log loss in nats, without the ridge."""

    intercept: float
    slope: float
    loss: float

    def at(self, share: float) -> float:
        """The x at which the curve passes a share of success."""
        return float((logit(share) - self.intercept) / self.slope)


def fit(x: Floats, y: Floats, weight: Floats, *, ridge: float = RIDGE) -> Fit | None:
    """Minimise Σ w [log(1 + e^η) - y η] + ridge/2 · slope², η = intercept + slope · x, Σ w = 1.

    `x`, `y` and `weight` have one entry a run. None where there is nothing to fit: all outcomes equal, or
    pseudo-outcomes whose mean lies outside (0, 1).
    """
    known = weight > 0
    x, y, weight = x[known], y[known], weight[known]
    if not len(y) or (y == y[0]).all():
        return None
    weight = weight / weight.sum()
    share = float(weight @ y)
    if not 0 < share < 1:
        return None
    centre = float(weight @ x)
    scale = float(np.sqrt(weight @ (x - centre) ** 2)) or 1.0
    z = (x - centre) / scale
    place = _minimum(z, y, weight, ridge / scale**2, np.array([float(logit(share)), 0.0]))
    slope = float(place[1]) / scale
    eta = place[0] + place[1] * z
    return Fit(float(place[0]) - slope * centre, slope, float(weight @ (np.logaddexp(0, eta) - y * eta)))


def refit(
    x: Floats, y: Floats, weight: Floats, start: Fit, *, ridge: float = RIDGE, steps: int = REFIT_STEPS
) -> Floats:
    """Many fits near one: a few clipped Newton steps from `start` for each row of weights, of outcomes, or of both.

    `y` and `weight` are (runs,) or (fits, runs); weights need not be normalised. Returns (fits, 2): intercept, slope.
    """
    weight, y = np.atleast_2d(weight), np.atleast_2d(y)
    weight = weight / weight.sum(axis=1, keepdims=True)
    rows = max(len(weight), len(y))
    centre = float(x.mean())
    z = x - centre
    squares = z * z
    a = np.full(rows, start.intercept + start.slope * centre)
    b = np.full(rows, start.slope)
    for _ in range(steps):
        eta = np.clip(a[:, None] + b[:, None] * z, -REFIT_ETA, REFIT_ETA)
        chance = expit(eta)
        error, bend = weight * (chance - y), weight * (chance * (1 - chance))
        ga, gb = error.sum(axis=1), error @ z + ridge * b
        haa, hab, hbb = bend.sum(axis=1), bend @ z, bend @ squares + ridge
        determinant = np.maximum(haa * hbb - hab**2, np.finfo(np.float64).tiny)
        a = a - np.clip((hbb * ga - hab * gb) / determinant, -REFIT_CLIP[0], REFIT_CLIP[0])
        b = b - np.clip((haa * gb - hab * ga) / determinant, -REFIT_CLIP[1], REFIT_CLIP[1])
    return np.column_stack([a - b * centre, b])


def family_weights(task: Texts, family: Texts) -> Floats:
    """One weight a run, sum 1: 1 / (runs of its task · √tasks of its family), so that large families do not rule."""
    _, first, code, runs = np.unique(task, return_index=True, return_inverse=True, return_counts=True)
    _, owner, tasks = np.unique(family[first], return_inverse=True, return_counts=True)
    return _normalised(1 / (runs[code] * np.sqrt(tasks[owner][code])))


def equal_weights(task: Texts) -> Floats:
    """One weight a run, sum 1: every task weighs the same, however often it was run."""
    runs: Integers
    _, code, runs = np.unique(task, return_inverse=True, return_counts=True)
    return _normalised(1 / runs[code])


def _normalised(weight: Floats) -> Floats:
    share: Floats = weight / weight.sum()
    return share


def _minimum(z: Floats, y: Floats, weight: Floats, ridge: float, start: Floats) -> Floats:
    """Damped Newton: the step is halved while the objective rises."""

    def objective(place: Floats) -> float:
        eta = place[0] + place[1] * z
        return float(weight @ (np.logaddexp(0, eta) - y * eta) + ridge / 2 * place[1] ** 2)

    place, value = start, objective(start)
    for _ in range(ITERATIONS):
        step = _newton_step(z, y, weight, ridge, place)
        while objective(place - step) > value + _RISE and np.abs(step).max() >= TOLERANCE:
            step = step / 2
        place = place - step
        value = objective(place)
        if np.abs(step).max() < TOLERANCE:
            break
    return place


def _newton_step(z: Floats, y: Floats, weight: Floats, ridge: float, place: Floats) -> Floats:
    chance = expit(place[0] + place[1] * z)
    error, bend = weight * (chance - y), weight * chance * (1 - chance)
    gradient = np.array([error.sum(), error @ z + ridge * place[1]])
    haa, hab, hbb = bend.sum(), bend @ z, bend @ (z * z) + ridge
    determinant = max(float(haa * hbb - hab**2), float(np.finfo(np.float64).tiny))
    step = [hbb * gradient[0] - hab * gradient[1], haa * gradient[1] - hab * gradient[0]]
    return np.array(step, dtype=np.float64) / determinant
