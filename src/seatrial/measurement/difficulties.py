"""How hard the tasks of a bank are, learnt from models that have run all of it (calibrators).

P(calibrator i solves task j) = 1 / (1 + exp(-a (theta_i - b_j))), theta ~ N(0, 1) over calibrators: a one-parameter
logistic model by EM over a grid of theta (Bock & Aitkin 1981). The prior of b is empirical: normal around a regression
on log2 human minutes or on the generator's level, its spread estimated with the fit (Efron & Morris 1973).

- Everything is fitted in logits, where difficulties have a spread of their own, and put on the scale of theta at the
  end. A spread fixed on the scale of theta would reward shrinking both, and a would grow without limit.
- Tasks of one item share one difficulty; scores may be given per task or per item, may be missing (NaN) or fractional.
- Discriminations of their own only from 40 calibrators: with 12 to 20 they correlate about 0.5 with the truth.
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
ROUNDS = 100  # of EM; most fits stand after 40
NEWTON = 2
TOLERANCE = 3e-3  # logits; far below the standard deviation of any difficulty
VAGUE = 2.0  # logits: spread of difficulties before any was seen
MIN_FOR_REGRESSION = 5  # items with a known x
MIN_FOR_DISCRIMINATIONS = 40  # calibrators
SPREAD_OF_LOG_A = 0.5
LOG_A = (-2.5, 2.0)
LOG_SCALE = (-2.0, 2.5)  # spread of abilities between 0.14 and 12 logits
_LOG_SCALE_MEAN, _LOG_SCALE_SD = 0.4, 1.0  # 1.5 logits, weakly: five calibrators cannot say it alone
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
    """In logits: eta = a_j (scale · node - b_j)."""

    log_scale: float
    log_a: Floats  # (I,), 0 in a one-parameter fit
    b: Floats  # (I,)
    sd: Floats  # (I,)

    def distance(self) -> Floats:
        """(items, nodes) ability minus difficulty."""
        distance: Floats = np.exp(self.log_scale) * NODES - self.b[:, None]
        return distance

    def weight(self, counts: _Counts) -> Floats:
        """P(node | a calibrator's scores), L by nodes."""
        eta = np.exp(self.log_a)[:, None] * self.distance()
        log = counts.solved @ eta - counts.runs @ np.logaddexp(0, eta) + _LOG_PRIOR
        weight: Floats = np.exp(log - log.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        return weight


@dataclass(frozen=True, eq=False)
class _Prior:
    """Normal around a line in x; items without x around the mean of all."""

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
    state = _begin(counts, bank, start)
    prior, state = _em(counts, x, state, own=False)
    if own:
        prior, state = _em(counts, x, state, own=True)
    return _described(counts, prior, state, bank)


def usable_calibrators(scores: Floats) -> Bools:
    """Which rows can stand for a participant: outcomes on half of the columns, mean within [0.05, 0.95]."""
    known = ~np.isnan(scores)
    runs = known.sum(axis=1)
    mean = np.where(known, scores, 0.0).sum(axis=1) / np.maximum(runs, 1)
    low, high = USABLE_MEAN
    usable: Bools = (runs >= USABLE_SHARE * scores.shape[1]) & (mean >= low) & (mean <= high)
    return usable


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


def _begin(counts: _Counts, bank: Bank, start: Difficulties | None) -> _State:
    items = counts.runs.shape[1]
    if start is None:
        share = (counts.solved.sum(axis=0) + 0.5) / (counts.runs.sum(axis=0) + 1)
        return _State(_LOG_SCALE_MEAN, np.zeros(items), -np.log(share / (1 - share)), np.full(items, 1.0))
    at = np.unique(bank.item_code, return_index=True)[1]
    scale = float(np.exp(np.log(start.a).mean()))
    return _State(float(np.log(scale)), np.zeros(items), start.b[at] * scale, start.sd[at] * scale)


def _regression(x: Floats, state: _State) -> _Prior:
    """Least squares of b on x, and the spread around it with what is uncertain of each b; one notional logit² more."""
    known = ~np.isnan(x)
    mean = np.full(len(x), float(state.b.mean()))
    intercept, slope = float(state.b.mean()), 0.0
    width = float(np.std(x[known])) if known.sum() >= MIN_FOR_REGRESSION else 0.0
    if width > 0:
        centre = float(x[known].mean())
        slope = float(np.mean((x[known] - centre) * state.b[known])) / width**2
        intercept = float(state.b[known].mean()) - slope * centre
        mean[known] = intercept + slope * x[known]
    else:
        known = np.zeros(len(x), dtype=bool)
    squares = (state.b - mean) ** 2 + state.sd**2
    spread = np.full(len(x), VAGUE)
    for group in (known, ~known):
        if group.any():
            spread[group] = np.sqrt((squares[group].sum() + 1) / (group.sum() + 1))
    typical = float(spread[known].mean() if known.any() else spread.mean())
    return _Prior(mean, spread, intercept, slope, typical)


def _em(counts: _Counts, x: Floats, state: _State, *, own: bool) -> tuple[_Prior, _State]:
    prior = _regression(x, state)
    for _ in range(ROUNDS):
        before = state
        weight = state.weight(counts)
        runs, solved = counts.runs.T @ weight, counts.solved.T @ weight  # items by nodes
        prior = _regression(x, state)
        for _ in range(NEWTON):
            state = _joint_step(runs, solved, prior, state) if own else _difficulty_step(runs, solved, prior, state)
        state = _scale_step(runs, solved, state)
        moved = max(np.abs(state.b - before.b).max(), np.abs(state.log_a - before.log_a).max())
        if max(moved, abs(state.log_scale - before.log_scale)) < TOLERANCE:
            break
    return prior, state


def _difficulty_step(runs: Floats, solved: Floats, prior: _Prior, state: _State) -> _State:
    """One Newton step on every b."""
    a = np.exp(state.log_a)
    chance = expit(a[:, None] * state.distance())
    gradient = -a * (solved - runs * chance).sum(axis=1) - (state.b - prior.mean) / prior.sd**2
    curvature = a**2 * (runs * chance * (1 - chance)).sum(axis=1) + 1 / prior.sd**2
    b = state.b + np.clip(gradient / curvature, -1, 1)
    return _State(state.log_scale, state.log_a, b, 1 / np.sqrt(curvature))


def _joint_step(runs: Floats, solved: Floats, prior: _Prior, state: _State) -> _State:
    """One Newton step on (log a, b) of every item, log a ~ N(0, 0.5²); Fisher information as curvature."""
    a, distance = np.exp(state.log_a), state.distance()
    chance = expit(a[:, None] * distance)
    miss, noise = solved - runs * chance, runs * chance * (1 - chance)
    g_a = a * (miss * distance).sum(axis=1) - state.log_a / SPREAD_OF_LOG_A**2
    g_b = -a * miss.sum(axis=1) - (state.b - prior.mean) / prior.sd**2
    h_aa = a**2 * (noise * distance**2).sum(axis=1) + 1 / SPREAD_OF_LOG_A**2
    h_bb = a**2 * noise.sum(axis=1) + 1 / prior.sd**2
    h_ab = -(a**2) * (noise * distance).sum(axis=1)
    determinant = h_aa * h_bb - h_ab**2
    step_a = np.clip((h_bb * g_a - h_ab * g_b) / determinant, -1, 1)
    step_b = np.clip((h_aa * g_b - h_ab * g_a) / determinant, -1, 1)
    log_a = np.clip(state.log_a + step_a, *LOG_A)
    return _State(state.log_scale, log_a, state.b + step_b, np.sqrt(h_aa / determinant))


def _scale_step(runs: Floats, solved: Floats, state: _State) -> _State:
    """One Newton step on the log of the abilities' spread."""
    slope = np.exp(state.log_a)[:, None] * np.exp(state.log_scale) * NODES
    chance = expit(np.exp(state.log_a)[:, None] * state.distance())
    gradient = float(((solved - runs * chance) * slope).sum())
    gradient -= (state.log_scale - _LOG_SCALE_MEAN) / _LOG_SCALE_SD**2
    curvature = float((runs * chance * (1 - chance) * slope**2).sum()) + 1 / _LOG_SCALE_SD**2
    log_scale = float(np.clip(state.log_scale + np.clip(gradient / curvature, -0.3, 0.3), *LOG_SCALE))
    return _State(log_scale, state.log_a, state.b, state.sd)


def _described(counts: _Counts, prior: _Prior, state: _State, bank: Bank) -> Difficulties:
    """On the scale of theta: b and its spread in units of the abilities' spread, a in logits a unit."""
    weight = state.weight(counts)
    theta, scale = weight @ NODES, float(np.exp(state.log_scale))
    at = bank.item_code
    per_item = np.where(counts.runs > 0, counts.solved / np.maximum(counts.runs, 1), np.nan)
    return Difficulties(
        a=(np.exp(state.log_a) * scale)[at],
        b=(state.b / scale)[at],
        sd=(state.sd / scale)[at],
        theta=theta,
        theta_sd=np.sqrt(np.maximum(weight @ NODES**2 - theta**2, 0)),
        usable=usable_calibrators(per_item),
        intercept=prior.intercept / scale,
        slope=prior.slope / scale,
        spread=prior.spread / scale,
    )
