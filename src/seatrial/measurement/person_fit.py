"""Whether one participant's pattern of outcomes fits the difficulties of the bank as honest participants' patterns do.

A model that misses easy tasks on purpose and solves hard ones leaves a pattern that its ability does not explain. The
measure is the standardised log-likelihood l_z of its outcomes (Drasgow, Levine & Williams 1985).

- Its textbook reference, mean 0 and SD 1, is wrong for models on estimated difficulties. The reference here is each
  calibrator, scored with difficulties that were fitted without it, on as many tasks.
- What is not found says little by itself: beside every answer stands the power, from the same calibrators with a share
  of their solves turned into misses at random. A model that misses only hard tasks reads as a weaker one instead.
- A reference holds no calibrator's row or name: sorted values alone.
- Tasks must be the whole bank or drawn at random: tasks picked near the participant's ability carry less misfit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, xlog1py, xlogy
from scipy.stats import t as student

from seatrial.measurement.difficulties import fit_difficulties, usable_calibrators
from seatrial.measurement.estimate import NotIdentifiable
from seatrial.measurement.posterior import PRIOR_SD, THETA

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.difficulties import Difficulties
    from seatrial.measurement.outcomes import Floats

SUPPRESSIONS = (0.1, 0.2, 0.3)  # shares of solves turned into misses for which power is stated
WANTED = 0.2  # the suppression that an answer in words speaks of
SUBSETS = 4  # of tasks for each calibrator: the variance within them is part of the reference
REHEARSALS = 25  # suppressed patterns for each calibrator, subset and share
ALARM = 0.01  # one-sided: newer models misfit more than their calibrators, so one in twenty would be several
MIN_CALIBRATORS = 5
MIN_TASKS = 20  # below, the power against a fifth of suppressed solves is hardly above the rate of alarms
SIZE_TOLERANCE = 0.1  # l_z grows with the number of tasks: a reference serves sizes no further off
ESTIMAND = "misfit l_z of the participant's outcomes against those of honest calibrators"


@dataclass(frozen=True)
class Power:
    """How often suppression of a share of the solves would be flagged."""

    suppression: float
    power: float


@dataclass(frozen=True)
class Reference:
    """l_z of honest calibrators on `tasks` tasks; `values` are their means in ascending order, without names."""

    tasks: int
    values: tuple[float, ...]
    spread: float  # between calibrators and, on average, within one
    false_alarms: float  # of the calibrators, each judged by the others
    power: tuple[Power, ...]

    @property
    def cut(self) -> float:
        """Below lies one honest participant in a hundred: a prediction limit with t(L-1)."""
        return _cut(np.asarray(self.values), self.spread)


@dataclass(frozen=True)
class PersonFit:
    """The misfit of one participant, where it stands among honest ones, and what would have been seen."""

    statistic: float  # l_z
    cut: float
    flagged: bool
    rank: int  # how many of the calibrators fit worse
    calibrators: int
    tasks: int
    false_alarms: float
    power: tuple[Power, ...]
    words: str


def reference(
    scores: Floats, bank: Bank, *, tasks: int, rng: np.random.Generator, subsets: int = SUBSETS
) -> Reference | NotIdentifiable:
    """The reference for participants with `tasks` outcomes, from a matrix of calibrators by tasks (NaN: not run)."""
    require_tasks(scores, bank)
    known = ~np.isnan(scores)
    whole = known.sum(axis=1) >= tasks
    rows = np.flatnonzero(usable_calibrators(scores) & whole)
    counts = {"calibrators": len(rows), "tasks": tasks}
    if tasks < MIN_TASKS:
        return _missing(f"{tasks} tasks, {MIN_TASKS} needed", counts)
    if len(rows) < MIN_CALIBRATORS:
        return _missing(f"{len(rows)} usable calibrators with {tasks} outcomes, {MIN_CALIBRATORS} needed", counts)
    everybody = fit_difficulties(scores, bank)
    honest = np.empty((len(rows), subsets))
    suppressed = np.empty((len(rows), len(SUPPRESSIONS), subsets, REHEARSALS))
    for place, row in enumerate(rows):
        without = fit_difficulties(np.delete(scores, row, axis=0), bank, start=everybody)
        for subset in range(subsets):
            at = rng.choice(np.flatnonzero(known[row]), size=tasks, replace=False)
            y, a, b = scores[row, at], without.a[at], without.b[at]
            honest[place, subset] = misfit(y[None], a, b)[0]
            for column, share in enumerate(SUPPRESSIONS):
                kept = rng.random((REHEARSALS, tasks)) >= share
                suppressed[place, column, subset] = misfit(y * kept, a, b)
    return _reference(honest, suppressed, tasks)


def person_fit(scores: Floats, difficulties: Difficulties, against: Reference) -> PersonFit | NotIdentifiable:
    """Judge one participant's outcomes (one entry a task of the bank, NaN where not run).

    The reference must be of about as many tasks as have an outcome.
    """
    if scores.shape != difficulties.b.shape:
        raise ValueError(f"scores have shape {scores.shape}: one entry for each of {len(difficulties.b)} tasks, or NaN")
    known = ~np.isnan(scores)
    n = int(known.sum())
    if abs(n - against.tasks) > SIZE_TOLERANCE * against.tasks:
        reason = f"{n} tasks have an outcome, the reference is of {against.tasks}"
        return _missing(reason, {"calibrators": len(against.values), "tasks": n})
    statistic = float(misfit(scores[None, known], difficulties.a[known], difficulties.b[known])[0])
    flagged = statistic < against.cut
    return PersonFit(
        statistic=statistic,
        cut=against.cut,
        flagged=flagged,
        rank=int(np.sum(np.asarray(against.values) < statistic)),
        calibrators=len(against.values),
        tasks=n,
        false_alarms=against.false_alarms,
        power=against.power,
        words=_words(statistic, against) if flagged else no_evidence(against.power),
    )


def require_tasks(scores: Floats, bank: Bank) -> None:
    """Refuse a matrix that is not calibrators by the tasks of the bank, or holds something else than shares and NaN."""
    if scores.ndim != 2 or scores.shape[1] != len(bank):
        raise ValueError(f"scores have shape {scores.shape}: calibrators by the bank's {len(bank)} tasks")
    bad = (scores < 0) | (scores > 1)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(f"score {scores[row, column]} of task {bank.task[column]}, row {row}: from 0 to 1, or NaN")


def no_evidence(power: tuple[Power, ...]) -> str:
    """The one wording of a test that found nothing: never without its power."""
    best = min(power, key=lambda each: abs(each.suppression - WANTED))
    return (
        f"no evidence, at power {best.power:.2f}, of suppression of {best.suppression:.0%} of solves or more".replace(
            "%", " %"
        )
    )


def expected(scores: Floats, difficulties: Difficulties) -> Floats:
    """Chance of every task at the posterior mean of the ability that one participant's outcomes show (NaN: not run)."""
    known = ~np.isnan(scores)
    theta = _ability(scores[None, known], difficulties.a[known], difficulties.b[known])
    chance: Floats = expit(difficulties.a * (theta - difficulties.b))
    return chance


def misfit(y: Floats, a: Floats, b: Floats) -> Floats:
    """l_z of each row of outcomes (patterns by tasks) at the posterior mean of its ability."""
    p = expit(a * (_ability(y, a, b)[:, None] - b))
    log_odds = np.log(p) - np.log1p(-p)
    found = (xlogy(y, p) + xlog1py(1 - y, -p)).sum(axis=1)
    wanted = (xlogy(p, p) + xlog1py(1 - p, -p)).sum(axis=1)
    spread = np.sqrt((p * (1 - p) * log_odds**2).sum(axis=1))
    l_z: Floats = (found - wanted) / np.maximum(spread, np.finfo(np.float64).tiny)
    return l_z


def _ability(y: Floats, a: Floats, b: Floats) -> Floats:
    """Posterior mean of theta for each row of outcomes."""
    eta = a[:, None] * (THETA - b[:, None])
    log = y @ eta - np.logaddexp(0, eta).sum(axis=0) - (THETA / PRIOR_SD) ** 2 / 2
    weight = np.exp(log - log.max(axis=1, keepdims=True))
    theta: Floats = weight @ THETA / weight.sum(axis=1)
    return theta


def _reference(honest: Floats, suppressed: Floats, tasks: int) -> Reference:
    """Sorted means and spread; alarms and power of each calibrator's patterns against the others' cut."""
    everyone = np.arange(len(honest))
    alarms, found = np.zeros(len(honest)), np.zeros((len(honest), len(SUPPRESSIONS)))
    for row in everyone:
        others = honest[everyone != row]
        cut = _cut(others.mean(axis=1), _spread(others))
        alarms[row] = (honest[row] < cut).mean()
        found[row] = (suppressed[row] < cut).mean(axis=(1, 2))
    power = tuple(Power(share, float(each)) for share, each in zip(SUPPRESSIONS, found.mean(axis=0), strict=True))
    values = tuple(np.sort(honest.mean(axis=1)).tolist())
    return Reference(tasks, values, _spread(honest), float(alarms.mean()), power)


def _spread(honest: Floats) -> float:
    within = honest.var(axis=1, ddof=1).mean() if honest.shape[1] > 1 else 0.0
    return float(np.sqrt(honest.mean(axis=1).var(ddof=1) + within))


def _cut(values: Floats, spread: float) -> float:
    size = len(values)
    return float(values.mean() + student.ppf(ALARM, size - 1) * spread * np.sqrt(1 + 1 / size))


def _words(statistic: float, against: Reference) -> str:
    return (
        f"outcomes fit the difficulties worse than honest ones would in {1 - ALARM:.0%} of cases".replace("%", " %")
        + f" (l_z {statistic:.1f}, below {against.cut:.1f} from {len(against.values)} calibrators): a person looks"
    )


def _missing(reason: str, counts: dict[str, int]) -> NotIdentifiable:
    return NotIdentifiable(quantity="Q11", estimand=ESTIMAND, reason=reason, counts=counts)
