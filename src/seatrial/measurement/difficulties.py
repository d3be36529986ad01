"""How hard the tasks of a bank are, learnt from models that have run all of it (calibrators).

P(calibrator i solves task j) = 1 / (1 + exp(-a (theta_i - b_j))), theta ~ N(0, 1) over calibrators: a one-parameter
logistic model by marginal maximum a posteriori (EM over a grid of theta; Bock & Aitkin 1981). The prior of b follows
what is known beforehand: an empirical regression of b on log2 human minutes or on the generator's level.

- Tasks of one item share one difficulty; scores may be given per task or per item, may be missing (NaN) or fractional.
- Discriminations of their own only from 40 calibrators: with 12 to 20 they correlate about 0.5 with the truth.
- A stored calibration names no calibrator and holds no row of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.outcomes import Bools, Floats

NODES: Floats = np.linspace(-4.5, 4.5, 61)  # N(0, 1) has less than 1e-5 of its mass outside
_LOG_PRIOR: Floats = -(NODES**2) / 2
ROUNDS = 60
NEWTON = 3
TOLERANCE = 1e-4  # logits; far below the standard deviation of any difficulty
VAGUE = 2.0  # SD of b where nothing is known beforehand
NARROWEST = 0.7  # minutes never say more than this about b
REGRESSIONS = 2
MIN_FOR_DISCRIMINATIONS = 40  # calibrators
SPREAD_OF_LOG_A = 0.5
LOG_A = (-2.5, 2.0)
USABLE_SHARE = 0.5  # of the bank's items with an outcome
USABLE_MEAN = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Difficulties:
    """Per task of the bank: discrimination a, difficulty b with its posterior SD; per calibrator: theta."""

    a: Floats  # (J,)
    b: Floats  # (J,), on the scale of theta
    sd: Floats  # (J,), of b
    theta: Floats  # (L,), posterior means
    theta_sd: Floats  # (L,)
    usable: Bools  # (L,) enough outcomes, neither floor nor ceiling
    intercept: float  # b expected of a new item: intercept + slope · x
    slope: float  # 0 where x is unknown or says nothing
    spread: float  # SD of b around that


@dataclass(frozen=True, eq=False)
class _Counts:
    """Runs and solved runs of each calibrator on each item."""

    runs: Floats  # (L, I)
    solved: Floats  # (L, I)


@dataclass(frozen=True, eq=False)
class _State:
    log_a: Floats  # (I,)
    b: Floats  # (I,)
    weight: Floats  # (L, nodes), each row sums to 1


@dataclass(frozen=True, eq=False)
class _Prior:
    mean: Floats  # (I,)
    sd: Floats  # (I,)
    intercept: float
    slope: float
    spread: float


def fit_difficulties(
    scores: Floats, bank: Bank, *, discriminations: bool | None = None, start: Difficulties | None = None
) -> Difficulties:
    """Difficulties from a matrix of calibrators by tasks (or by `bank.items`), NaN where a task was not run.

    `discriminations` None: only from 40 calibrators. `start`: a fit of nearly the same matrix, to begin from.
    """
    counts = _counts(scores, bank)
    x = _item_x(bank)
    own = len(scores) >= MIN_FOR_DISCRIMINATIONS if discriminations is None else discriminations
    first = _Prior(np.zeros(len(x)), np.full(len(x), VAGUE), 0.0, 0.0, VAGUE)
    state = _State(np.zeros(len(x)), _first_guess(counts), np.zeros((0, 0)))
    if start is not None:
        at = np.unique(bank.item_code, return_index=True)[1]
        state = _State(np.full(len(x), float(np.log(start.a).mean())), start.b[at], state.weight)
    prior, state = first, _em(counts, first, state, own=False)
    if not np.isnan(x).all():
        for _ in range(REGRESSIONS):
            prior = _regression(x, state.b)
            state = _em(counts, prior, state, own=False)
    if own:
        state = _em(counts, prior, state, own=True)
    return _described(counts, prior, state, bank)


def usable_calibrators(scores: Floats) -> Bools:
    """Which rows can stand for a participant: outcomes on half of the columns, mean within [0.05, 0.95]."""
    known = ~np.isnan(scores)
    runs = known.sum(axis=1)
    mean = np.where(known, scores, 0.0).sum(axis=1) / np.maximum(runs, 1)
    low, high = USABLE_MEAN
    return (runs >= USABLE_SHARE * scores.shape[1]) & (mean >= low) & (mean <= high)


def _counts(scores: Floats, bank: Bank) -> _Counts:
    values = np.asarray(scores, dtype=np.float64)
    items = len(bank.items)
    if values.ndim != 2 or not len(values) or values.shape[1] not in {len(bank), items}:
        raise ValueError(
            f"scores have shape {values.shape}: calibrators by the bank's {len(bank)} tasks or its {items} items"
        )
    if ((values < 0) | (values > 1)).any():
        row, column = np.argwhere((values < 0) | (values > 1))[0]
        raise ValueError(f"score {values[row, column]} in row {row}, column {column}: between 0 and 1, or NaN")
    known = ~np.isnan(values)
    runs, solved = known.astype(np.float64), np.where(known, values, 0.0)
    if values.shape[1] == items:
        return _Counts(runs, solved)
    gather = np.zeros((len(bank), items))
    gather[np.arange(len(bank)), bank.item_code] = 1
    return _Counts(runs @ gather, solved @ gather)


def _item_x(bank: Bank) -> Floats:
    """Mean known x of each item's tasks, NaN where none is known."""
    known = ~np.isnan(bank.x)
    code, items = bank.item_code, len(bank.items)
    count = np.bincount(code[known], minlength=items)
    total = np.bincount(code[known], weights=bank.x[known], minlength=items)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _first_guess(counts: _Counts) -> Floats:
    share = (counts.solved.sum(axis=0) + 0.5) / (counts.runs.sum(axis=0) + 1)
    return -np.log(share / (1 - share))


def _regression(x: Floats, b: Floats) -> _Prior:
    """Least squares of b on x; where x is unknown the mean of b with the vague SD."""
    known = ~np.isnan(x)
    spread_of_x = float(np.std(x[known])) if known.any() else 0.0
    slope = float(np.cov(x[known], b[known], bias=True)[0, 1]) / spread_of_x**2 if spread_of_x > 0 else 0.0
    intercept = float(b[known].mean() - slope * x[known].mean())
    residual = b[known] - intercept - slope * x[known]
    freedom = max(int(known.sum()) - 2, 1)
    spread = max(float(np.sqrt(residual @ residual / freedom)), NARROWEST)
    mean = np.where(known, intercept + slope * np.nan_to_num(x), b.mean())
    return _Prior(mean, np.where(known, spread, VAGUE), intercept, slope, spread)


def _chance(log_a: Floats, b: Floats) -> Floats:
    return expit(np.exp(log_a)[:, None] * (NODES - b[:, None]))


def _posterior(counts: _Counts, log_a: Floats, b: Floats) -> Floats:
    """P(theta node | a calibrator's scores), L by nodes."""
    eta = np.exp(log_a)[:, None] * (NODES - b[:, None])
    log = counts.solved @ eta - counts.runs @ np.logaddexp(0, eta) + _LOG_PRIOR
    weight = np.exp(log - log.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def _em(counts: _Counts, prior: _Prior, state: _State, *, own: bool) -> _State:
    log_a, b = state.log_a, state.b
    centre = float(log_a.mean())
    weight = state.weight
    for _ in range(ROUNDS):
        weight = _posterior(counts, log_a, b)
        runs, solved = counts.runs.T @ weight, counts.solved.T @ weight  # items by nodes
        before, before_a = b, log_a
        for _ in range(NEWTON):
            if own:
                log_a, b = _joint_step(runs, solved, prior, log_a, b, centre)
            else:
                b = _difficulty_step(runs, solved, prior, log_a, b)
        if not own:
            log_a = _common_step(runs, solved, log_a, b)
        if max(np.abs(b - before).max(), np.abs(log_a - before_a).max()) < TOLERANCE:
            break
    return _State(log_a, b, weight)


def _difficulty_step(runs: Floats, solved: Floats, prior: _Prior, log_a: Floats, b: Floats) -> Floats:
    a, chance = np.exp(log_a), _chance(log_a, b)
    gradient = -a * (solved - runs * chance).sum(axis=1) - (b - prior.mean) / prior.sd**2
    curvature = a**2 * (runs * chance * (1 - chance)).sum(axis=1) + 1 / prior.sd**2
    return b + np.clip(gradient / curvature, -1, 1)


def _common_step(runs: Floats, solved: Floats, log_a: Floats, b: Floats) -> Floats:
    chance = _chance(log_a, b)
    eta = np.exp(log_a)[:, None] * (NODES - b[:, None])
    gradient = float(((solved - runs * chance) * eta).sum())
    curvature = float((runs * chance * (1 - chance) * eta**2).sum())
    step = np.clip(gradient / max(curvature, 1e-9), -0.3, 0.3)
    return np.clip(log_a + step, *LOG_A)


def _joint_step(
    runs: Floats, solved: Floats, prior: _Prior, log_a: Floats, b: Floats, centre: float
) -> tuple[Floats, Floats]:
    """One Newton step on (log a, b) of every item, log a ~ N(centre, 0.5²); Fisher information as curvature."""
    a, chance = np.exp(log_a), _chance(log_a, b)
    distance = NODES - b[:, None]
    miss, noise = solved - runs * chance, runs * chance * (1 - chance)
    g_a = a * (miss * distance).sum(axis=1) - (log_a - centre) / SPREAD_OF_LOG_A**2
    g_b = -a * miss.sum(axis=1) - (b - prior.mean) / prior.sd**2
    h_aa = a**2 * (noise * distance**2).sum(axis=1) + 1 / SPREAD_OF_LOG_A**2
    h_bb = a**2 * noise.sum(axis=1) + 1 / prior.sd**2
    h_ab = -(a**2) * (noise * distance).sum(axis=1)
    determinant = h_aa * h_bb - h_ab**2
    step_a = (h_bb * g_a - h_ab * g_b) / determinant
    step_b = (h_aa * g_b - h_ab * g_a) / determinant
    return np.clip(log_a + np.clip(step_a, -1, 1), *LOG_A), b + np.clip(step_b, -1, 1)


def _described(counts: _Counts, prior: _Prior, state: _State, bank: Bank) -> Difficulties:
    weight = _posterior(counts, state.log_a, state.b)
    chance = _chance(state.log_a, state.b)
    a = np.exp(state.log_a)
    runs = counts.runs.T @ weight
    sd = 1 / np.sqrt(a**2 * (runs * chance * (1 - chance)).sum(axis=1) + 1 / prior.sd**2)
    theta = weight @ NODES
    at = bank.item_code
    per_item = np.where(counts.runs > 0, counts.solved / np.maximum(counts.runs, 1), np.nan)
    return Difficulties(
        a=a[at],
        b=state.b[at],
        sd=sd[at],
        theta=theta,
        theta_sd=np.sqrt(np.maximum(weight @ NODES**2 - theta**2, 0)),
        usable=usable_calibrators(per_item),
        intercept=prior.intercept,
        slope=prior.slope,
        spread=prior.spread,
    )
