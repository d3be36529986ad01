"""Success rates: on this very bank (Q1), on tasks like these (Q2), and in at least one of k attempts (Q4).

Q1 and Q2 are two questions, so they stand side by side.

- Q1: the tasks are fixed; only a run's luck is uncertain. Repeats measure it; without them Wilson bounds it.
- Q2: the families are a sample of the families there could be. Fewer than 15 give no number.
- Q4: from n ≥ k attempts at every task; with a sound checker it is also what the best of k attempts reaches.
- Losses above 5 % of planned runs: no value; the limits hold whatever the lost runs would have been.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy.special import gammaln
from scipy.stats import norm
from scipy.stats import t as student

from seatrial.measurement.clusters import MIN_FAMILIES, cluster_mean, one_sided_limit, task_means
from seatrial.measurement.estimate import LEVEL, Estimate, Limits, NotIdentifiable
from seatrial.measurement.outcomes import LOSS_BOUND, OutcomesError, require_one_participant, require_solved_or_not

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats, Integers, Outcomes, Texts

METHOD_VERSION = "2"
MIN_REPEATED = 15  # tasks: below, the noise of one run is estimated too poorly to replace Wilson's bound

BANK_ESTIMAND = "share of the tasks of this battery solved in one run each, at the stated budget"
GENERALIZED_ESTIMAND = "share solved among new tasks of new families like these, at the stated budget"

ATTEMPTS_ESTIMAND = (
    "share of new tasks of new families like these solved in at least one of {} attempts, at the stated budget each"
)


_Method: TypeAlias = Callable[["Outcomes"], Limits | str]


def bank_success(
    outcomes: Outcomes, *, level: float = LEVEL, repeats_drawn_before: bool = True
) -> Estimate | NotIdentifiable:
    """Q1 for one participant: mean of task means with an interval for the luck of the runs.

    `repeats_drawn_before=False` says that tasks with several runs were not drawn at random before the review; then
    a partly repeated bank gets Wilson's interval.
    """

    def method(runs: Outcomes) -> Limits:
        return _bank_limits(runs, level, repeats_drawn_before=repeats_drawn_before)

    return _estimate(outcomes, "Q1", BANK_ESTIMAND, level, method)


def generalized_success(outcomes: Outcomes, *, level: float = LEVEL) -> Estimate | NotIdentifiable:
    """Q2 for one participant: the same mean, cluster-robust on the logit scale with t(F-1)."""

    def method(runs: Outcomes) -> Limits | str:
        return _generalized_limits(runs, level)

    return _estimate(outcomes, "Q2", GENERALIZED_ESTIMAND, level, method)


def success_in_attempts(outcomes: Outcomes, k: int, *, level: float = LEVEL) -> Estimate | NotIdentifiable:
    """Q4 for one participant: solved in at least one of k attempts, the mean over tasks of 1 - C(n-c, k)/C(n, k).

    n attempts at a task of which c solved it (arXiv 2107.03374): unbiased, where 1 - (1 - c/n)^k is 3 to 5 points too
    low. Interval as for Q2. With a checker that accepts a solution if and only if it is one, the best of k attempts is
    the same number. A task with fewer than k planned attempts is an `OutcomesError`: no formula makes up for it. A task
    left with fewer by losses gives limits only, from the losses all missed and all solved.
    """
    if k < 1:
        raise ValueError(f"k is {k}: at least one attempt")
    short = _short_of_attempts(outcomes, k)

    def method(runs: Outcomes) -> Limits | str:
        y, family = _solved_in(runs, k)
        return _clustered(y, family, level)

    return _estimate(outcomes, "Q4", ATTEMPTS_ESTIMAND.format(k), level, method, bounded=short)


def at_least_one(n: Integers, c: Integers, k: int) -> Floats:
    """Chance that k of n attempts, drawn without replacement, hold at least one of the c successes; needs n ≥ k."""
    none = n - c >= k
    missed = np.where(none, n - c, k)
    log_share = gammaln(missed + 1) - gammaln(missed - k + 1) - gammaln(n + 1) + gammaln(n - k + 1)
    return np.where(c == 0, 0.0, np.where(none, -np.expm1(log_share), 1.0))


def wilson(share: float, n: float, *, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval for a share of n."""
    z2 = float(norm.ppf((1 + level) / 2)) ** 2
    scale = 1 + z2 / n
    centre = (share + z2 / (2 * n)) / scale
    half = np.sqrt(z2) / scale * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def not_generalizable(families: int) -> str:
    """The one wording of too few families."""
    return f"not generalizable ({families} {'family' if families == 1 else 'families'}, {MIN_FAMILIES} needed)"


def _estimate(
    outcomes: Outcomes, quantity: str, estimand: str, level: float, method: _Method, *, bounded: bool = False
) -> Estimate | NotIdentifiable:
    require_one_participant(outcomes)
    require_solved_or_not(outcomes)
    counted, losses = outcomes.counted(), outcomes.losses()
    families = len(np.unique(counted.family))
    counts = {
        "runs": len(counted),
        "solved": int(counted.score.sum()),
        "tasks": len(np.unique(counted.task)),
        "families": families,
        "lost": len(losses),
    }

    def missing(reason: str) -> NotIdentifiable:
        return NotIdentifiable(quantity=quantity, estimand=estimand, reason=reason, counts=counts)

    if not len(counted):
        return missing("no run has an outcome")
    bounded = bounded or len(losses) > LOSS_BOUND * (len(counted) + len(losses))
    answers = [method(outcomes.filled(0.0)), method(outcomes.filled(1.0))] if bounded else [method(counted)] * 2
    low, high = answers
    if isinstance(low, str):
        return missing(low)
    if isinstance(high, str):
        return missing(high)
    return Estimate(
        quantity=quantity,
        estimand=estimand,
        unit="share of tasks",
        value=None if bounded else low.value,
        lower=low.lower,
        upper=high.upper,
        level=level,
        method=f"{low.method}; losses at their worst and best" if bounded else low.method,
        method_version=METHOD_VERSION,
        n_runs=counts["runs"],
        n_tasks=counts["tasks"],
        n_families=families,
        budget=outcomes.budget,
        bank_version=outcomes.bank_version,
        qualifiers=frozenset({"losses-bounded"}) if bounded else low.qualifiers,
    )


def _bank_limits(runs: Outcomes, level: float, *, repeats_drawn_before: bool) -> Limits:
    y, k, _ = task_means(runs.score, runs.task, runs.family)
    mean, n = float(y.mean()), len(y)
    repeated = k >= 2
    count = int(repeated.sum())
    if mean in {0.0, 1.0}:
        return _one_sided(mean, n * int(k.min()), level)
    if count == n and (y * (1 - y)).any():
        lower, upper = _repeated_limits(y, k, level)
        return Limits(mean, lower, upper, "variance of repeated runs in each task, Wilson's limits for as many runs")
    if count >= MIN_REPEATED and repeats_drawn_before:
        noise = y[repeated] * (1 - y[repeated]) * k[repeated] / (k[repeated] - 1)
        variance = (np.sum(noise / k[repeated]) + (n - count) * noise.mean()) / n**2
        half = float(student.ppf((1 + level) / 2, count - 1)) * float(np.sqrt(variance))
        method = f"variance of repeated runs in {count} of {n} tasks, t({count - 1}) limits"
    else:
        half, method = 0.0, ""
    if half == 0:  # no repeats, too few, or all repeats agreed by chance: bound the luck instead of estimating it
        lower, upper = wilson(mean, n, level=level)
        return Limits(mean, lower, upper, f"Wilson on {n} tasks; wider than needed for a fixed battery")
    return Limits(mean, max(0.0, mean - half), min(1.0, mean + half), method)


def _generalized_limits(runs: Outcomes, level: float) -> Limits | str:
    y, _, family = task_means(runs.score, runs.task, runs.family)
    return _clustered(y, family, level)


def _repeated_limits(y: Floats, k: Integers, level: float) -> tuple[float, float]:
    """Wilson's limits for as many independent runs as have the variance of the repeated ones.

    One more task of even odds is added to the variance, and half a run solved and missed to the share: two runs a task
    may agree by chance. Without, 60 tasks of two runs near the ceiling held 91 % in simulation, and with it 95 %.
    """
    n, fewest = len(y), int(k.min())
    variance = (float(np.sum(y * (1 - y) / (k - 1))) + 0.25 / fewest) / n**2
    share = (float(y.mean()) * n * fewest + 0.5) / (n * fewest + 1)
    return wilson(float(y.mean()), max(share * (1 - share) / variance, 1.0), level=level)


def _short_of_attempts(outcomes: Outcomes, k: int) -> bool:
    """Whether losses leave a task fewer than k attempts; an error where fewer were planned."""
    planned, attempts = np.unique(outcomes.filled(0.0).task, return_counts=True)
    if (attempts < k).any():
        first = int(np.argmax(attempts < k))
        rule = f"at least one of {k} attempts needs {k} runs of every task"
        raise OutcomesError(f"task {planned[first]} has {attempts[first]} runs; {rule}")
    ended, attempts = np.unique(outcomes.counted().task, return_counts=True)
    return len(ended) < len(planned) or bool((attempts < k).any())


def _solved_in(runs: Outcomes, k: int) -> tuple[Floats, Texts]:
    y, n, family = task_means(runs.score, runs.task, runs.family)
    return at_least_one(n, np.rint(y * n).astype(np.int64), k), family


def _clustered(y: Floats, family: Texts, level: float) -> Limits | str:
    families = len(np.unique(family))
    if families < MIN_FAMILIES:
        return not_generalizable(families)
    found = cluster_mean(y, family)
    if found.mean in {0.0, 1.0}:
        return _one_sided(found.mean, found.families, level, unit="families")
    if found.se == 0:
        return f"no variation between the {families} families"
    lower, upper = found.logit_limits(level)
    return Limits(found.mean, lower, upper, f"cluster-robust over families, logit scale, {found.words}")


def _one_sided(mean: float, units: int, level: float, unit: str = "runs") -> Limits:
    limit = one_sided_limit(units, level)
    method = f"one-sided limit from {units} {unit} that all agreed"
    if mean == 0:
        return Limits(0.0, 0.0, limit, method, frozenset({"at-most"}))
    return Limits(1.0, 1 - limit, 1.0, method, frozenset({"at-least"}))
