"""What speaks for or against taking a review's numbers at their word (Q11), beside `person_fit`.

| what | question |
|---|---|
| `two_arms` | does the strongest elicitation solve more than the default arm, by more than luck? |
| `contamination` | are private tasks solved less than public ones of the same difficulty? |
| `broken_items` | which tasks are solved rather by weak calibrators than by strong ones? |
| `account` | how many runs were refused, lost or stopped, by family, and what could they change? |

Nothing here finds intent. A test that found nothing says so with its power; one that found something says that a person
looks. A participant that holds back in both arms alike, or only on hard tasks, looks like a weaker one.

>>> [round(two_arm_power(100, 0.45, share).power, 2) for share in (0.1, 0.2, 0.3)]
[0.22, 0.59, 0.87]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom
from scipy.stats import t as student

from seatrial.measurement.clusters import MIN_FAMILIES
from seatrial.measurement.comparison import paired_difference
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.outcomes import STATUSES, require_one_participant, require_solved_or_not
from seatrial.measurement.person_fit import SUPPRESSIONS, Power, no_evidence, require_tasks
from seatrial.measurement.success import bank_success, not_generalizable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from seatrial.measurement.bank import Bank
    from seatrial.measurement.comparison import PairedComparison
    from seatrial.measurement.outcomes import Bools, Floats, Integers, Outcomes

METHOD_VERSION = "1"
ALARM = 0.05  # one-sided, exact
AGAIN, LUCKY = 0.85, 0.12  # a solved task is solved again, a missed one is solved, when run once more
PERMUTATIONS = 10_000
QUINTILES = 5
MIN_COLUMN = 5  # calibrators that ran a task, below which its correlation is left unsaid
RESIDUALS = "mean of outcome minus expected chance, private tasks minus public ones of the same difficulty"


@dataclass(frozen=True)
class TwoArms:
    """Runs of the default arm and of the strongest elicitation on the same tasks."""

    comparison: PairedComparison  # strongest minus default
    p_value: float  # exact, one-sided
    flagged: bool
    power: tuple[Power, ...]
    words: str


@dataclass(frozen=True)
class Contamination:
    """Residuals of private tasks against public ones inside difficulty quintiles."""

    answer: Estimate | NotIdentifiable  # below 0: private tasks are solved less than their difficulty says
    p_value: float | None  # one-sided, by permutation; None: no quintile holds both kinds
    private: int  # private tasks with public ones in their quintile
    unmatched: int  # those without


@dataclass(frozen=True)
class Item:
    """How a task's outcomes go with the calibrators' success on all other tasks; a task, never a calibrator."""

    task: str
    correlation: float
    calibrators: int


@dataclass(frozen=True)
class BrokenItems:
    """Every task that could be checked, most doubtful first, and those that are solved rather by weak calibrators."""

    items: tuple[Item, ...]
    unchecked: tuple[str, ...]  # solved by all, by none, or run by too few

    @property
    def suspects(self) -> tuple[str, ...]:
        """Tasks with a negative correlation: a person looks at them."""
        return tuple(item.task for item in self.items if item.correlation < 0)


@dataclass(frozen=True)
class FamilyAccount:
    """How the planned runs of a family ended; a lost run that was run again counts by its outcome alone."""

    family: str
    runs: int
    by_status: Mapping[str, int]


@dataclass(frozen=True)
class Account:
    """Counts by family, and the success rate between the worst and the best that runs without a fair end allow."""

    families: tuple[FamilyAccount, ...]
    losses: Estimate | NotIdentifiable  # lost and stopped runs all missed, all solved
    refusals: Estimate | NotIdentifiable  # refused runs as they count, and all solved


def two_arms(default: Outcomes, strongest: Outcomes, *, again: float = AGAIN, lucky: float = LUCKY) -> TwoArms:
    """Exact one-sided McNemar test that the strongest elicitation solves more than the default arm.

    `again` and `lucky` are the chances that a solved and a missed task is solved when run once more, for the power.
    """
    found = paired_difference(strongest, default)
    discordant = found.first_only + found.second_only
    p = float(binom.sf(found.first_only - 1, discordant, 0.5))
    share = (found.both + found.first_only) / found.pairs if found.pairs else 0.0
    power = tuple(two_arm_power(found.pairs, share, each, again=again, lucky=lucky) for each in SUPPRESSIONS)
    flagged = p <= ALARM
    words = f"the strongest elicitation solves more than the default arm (exact p = {p:.2g}): a person looks"
    return TwoArms(found, p, flagged, power, words if flagged else no_evidence(power))


def two_arm_power(tasks: int, share: float, suppression: float, *, again: float = AGAIN, lucky: float = LUCKY) -> Power:
    """Exact power of `two_arms` for a participant that really solves `share` and turns `suppression` of it into misses.

    Two runs of one task part by luck alone with the chance that `again` and `lucky` give, alike in both directions.
    """
    part = min((share * (1 - again) + (1 - share) * lucky) / 2, share)
    strong_only, weak_only = part + (share - part) * suppression, part * (1 - suppression)
    n = np.arange(tasks + 1)
    parting = binom.pmf(n, tasks, min(strong_only + weak_only, 1.0))
    least = binom.isf(ALARM, n, 0.5) + 1  # fewest one-sided discordances whose p-value is at most ALARM
    beyond = binom.sf(least - 1, n, strong_only / max(strong_only + weak_only, np.finfo(np.float64).tiny))
    return Power(suppression, float(parting @ beyond))


def contamination(
    outcomes: Outcomes,
    chance: Mapping[str, float],
    private: AbstractSet[str],
    *,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
    level: float = LEVEL,
) -> Contamination:
    """Compare residuals of private (or later written) tasks with those of public tasks of the same difficulty.

    `chance` is the expected chance of each task at the participant's ability (`person_fit.expected`); tasks without one
    are left out. Labels are permuted inside quintiles of it; the interval takes families as the units that differ.
    """
    require_one_participant(outcomes)
    require_solved_or_not(outcomes)
    runs = outcomes.counted()
    runs = runs.where(np.isin(runs.task, list(chance)))
    task, first, code = np.unique(runs.task, return_index=True, return_inverse=True)
    p = np.array([chance[str(name)] for name in task])
    residual = np.bincount(code, weights=runs.score, minlength=len(task)) / np.bincount(code, minlength=len(task)) - p
    hidden = np.isin(task, list(private))
    stratum = _quintile(p)
    used = _matched(stratum, hidden)
    unmatched = int((hidden & ~used).sum())
    if not used.any():
        counts = {"tasks": len(task), "private": int(hidden.sum())}
        reason = "no private task has a public one of its difficulty"
        return Contamination(_no_residuals(reason, counts), None, 0, unmatched)
    family, residual, stratum, hidden = runs.family[first][used], residual[used], stratum[used], hidden[used]
    gap = _gaps(residual, stratum, hidden[None])[0]
    drawn = _gaps(residual, stratum, _permuted(stratum, hidden, rng, permutations))
    p_value = (1 + int((drawn <= gap + 1e-12).sum())) / (1 + permutations)
    influence = _influence(residual, stratum, hidden)
    _, owner = np.unique(family, return_inverse=True)
    families = int(owner.max()) + 1
    if families < MIN_FAMILIES:
        counts = {"tasks": len(residual), "private": int(hidden.sum()), "families": families}
        answer: Estimate | NotIdentifiable = _no_residuals(not_generalizable(families), counts)
        return Contamination(answer, p_value, int(hidden.sum()), unmatched)
    sums = np.bincount(owner, weights=influence)
    half = float(student.ppf((1 + level) / 2, families - 1) * np.sqrt(families / (families - 1) * (sums @ sums)))
    answer = Estimate(
        quantity="Q11",
        estimand=RESIDUALS,
        unit="difference of shares",
        value=float(gap),
        lower=float(gap) - half,
        upper=float(gap) + half,
        level=level,
        method=f"residuals inside difficulty quintiles, cluster-robust over families, t({families - 1}) limits",
        method_version=METHOD_VERSION,
        n_runs=int(np.isin(runs.task, task[used]).sum()),
        n_tasks=len(residual),
        n_families=families,
        budget=runs.budget,
        bank_version=runs.bank_version,
        qualifiers=frozenset(),
    )
    return Contamination(answer, p_value, int(hidden.sum()), unmatched)


def broken_items(scores: Floats, bank: Bank) -> BrokenItems:
    """Correlate each task's outcomes over calibrators with their success on all other tasks (NaN: not run)."""
    require_tasks(scores, bank)
    known = ~np.isnan(scores)
    filled = np.where(known, scores, 0.0)
    runs, solved = known.sum(axis=1, keepdims=True), filled.sum(axis=1, keepdims=True)
    others = runs - known
    usable = known & (others > 0)
    rest = np.where(usable, (solved - filled) / np.maximum(others, 1), 0.0)
    count = usable.sum(axis=0)
    y = np.where(usable, scores, 0.0)
    dy = np.where(usable, y - y.sum(axis=0) / np.maximum(count, 1), 0.0)
    dr = np.where(usable, rest - rest.sum(axis=0) / np.maximum(count, 1), 0.0)
    spread = np.sqrt((dy**2).sum(axis=0) * (dr**2).sum(axis=0))
    checked = (count >= MIN_COLUMN) & (spread > 1e-12)
    correlation = (dy * dr).sum(axis=0) / np.where(checked, spread, 1.0)
    order = [place for place in np.argsort(correlation, kind="stable") if checked[place]]
    items = tuple(Item(str(bank.task[place]), float(correlation[place]), int(count[place])) for place in order)
    return BrokenItems(items, tuple(str(name) for name in bank.task[~checked]))


def account(outcomes: Outcomes, *, level: float = LEVEL) -> Account:
    """Counts by family of how runs ended, and bounds for what the unfair ends could hide. One participant."""
    losses = outcomes.losses()
    settled = outcomes.where(~np.isin(outcomes.status, ("lost", "stopped")))
    families = []
    for family in np.unique(outcomes.family):
        status = [*settled.only(family=family).status.tolist(), *losses.only(family=family).status.tolist()]
        by_status = {name: status.count(name) for name in STATUSES if name in status}
        families.append(FamilyAccount(str(family), len(status), by_status))
    refused = outcomes.status == "refused"
    solved = replace(
        outcomes,
        score=np.where(refused, 1.0, outcomes.score),
        status=np.where(refused, "finished", outcomes.status),
    )
    return Account(
        tuple(families),
        _bounds(outcomes.filled(0.0), outcomes.filled(1.0), "lost and stopped runs all missed, all solved", level),
        _bounds(outcomes, solved, "refused runs missed as they count, all solved", level),
    )


def _bounds(low: Outcomes, high: Outcomes, words: str, level: float) -> Estimate | NotIdentifiable:
    worst, best = bank_success(low, level=level), bank_success(high, level=level)
    if isinstance(worst, NotIdentifiable) or isinstance(best, NotIdentifiable):
        return worst if isinstance(worst, NotIdentifiable) else best
    return replace(
        worst, quantity="Q11", value=None, upper=best.upper, method=f"{worst.method}; {words}",
        qualifiers=worst.qualifiers | best.qualifiers,
    )  # fmt: skip


def _quintile(chance: Floats) -> Integers:
    """Numbers the quintile of each task; equal chances are never parted."""
    edges = np.quantile(chance, np.arange(1, QUINTILES) / QUINTILES) if len(chance) else np.zeros(0)
    return np.searchsorted(edges, chance, side="left").astype(np.int64)


def _matched(stratum: Integers, hidden: Bools) -> Bools:
    """Tasks of those strata that hold both kinds."""
    both = [number for number in np.unique(stratum) if 0 < hidden[stratum == number].mean() < 1]
    return np.isin(stratum, both)


def _gaps(residual: Floats, stratum: Integers, hidden: Bools) -> Floats:
    """Mean residual of hidden tasks minus that of the others, for each row of labels; strata weigh their hidden."""
    total = np.zeros(len(hidden))
    for number in np.unique(stratum):
        r, label = residual[stratum == number], hidden[:, stratum == number]
        private = label.sum(axis=1)
        within = label @ r
        total += within - private * (r.sum() - within) / (len(r) - private)
    gaps: Floats = total / hidden.sum(axis=1)
    return gaps


def _permuted(stratum: Integers, hidden: Bools, rng: np.random.Generator, draws: int) -> Bools:
    labels = np.repeat(hidden[None], draws, axis=0)
    for number in np.unique(stratum):
        at = np.flatnonzero(stratum == number)
        labels[:, at] = rng.permuted(labels[:, at], axis=1)
    return labels


def _influence(residual: Floats, stratum: Integers, hidden: Bools) -> Floats:
    """What each task's residual adds to the gap beyond its group's mean."""
    added = np.zeros(len(residual))
    for number in np.unique(stratum):
        at = stratum == number
        private, public = at & hidden, at & ~hidden
        added[private] = (residual[private] - residual[private].mean()) / hidden.sum()
        share = private.sum() / hidden.sum()
        added[public] = -(residual[public] - residual[public].mean()) * share / public.sum()
    return added


def _no_residuals(reason: str, counts: dict[str, int]) -> NotIdentifiable:
    return NotIdentifiable(quantity="Q11", estimand=RESIDUALS, reason=reason, counts=counts)
