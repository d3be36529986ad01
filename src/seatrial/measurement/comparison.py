"""Differences on the same tasks: to another participant (Q7) and between ways of eliciting one (Q8).

- Pairing is by task and epoch: a task that only one of the two ran says nothing about their difference. Beside an
  estimate, and where there is none, stand the four counts: both, only the first, only the second, neither.
- With 15 families or more the difference is about new families like these; with fewer only about these very tasks,
  and the interval excludes 0 only where the exact McNemar test does.
- The best of several arms looks better than it is on the tasks it was chosen on. So the arm is chosen on a random half
  of the families and measured on the other half. Swapping the halves and pooling is left out: the two answers share
  every run, and equal arms were told apart too often.

>>> discordance(8, 1)  # of nine tasks that one side alone solved, eight by the first
0.0390625
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta, binom, norm

from seatrial.measurement.clusters import MIN_FAMILIES, cluster_mean, task_means
from seatrial.measurement.estimate import LEVEL, Estimate, Limits, NotIdentifiable
from seatrial.measurement.outcomes import LOSS_BOUND, OutcomesError, require_one_participant, require_solved_or_not

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Bools, Floats, Outcomes, Texts

METHOD_VERSION = "3"
ESTIMAND = "difference of the shares solved among new tasks of new families like these, at the stated budgets"
BANK_ESTIMAND = "difference of the shares solved of the very tasks that both ran, at the stated budgets"
GAP_ESTIMAND = "gain of the arm chosen on the other tasks over the default arm"


@dataclass(frozen=True)
class PairedComparison:
    """Counts over pairs of runs at one task and epoch, and the difference first minus second."""

    both: int
    first_only: int
    second_only: int
    neither: int
    answer: Estimate | NotIdentifiable

    @property
    def pairs(self) -> int:
        """Pairs in which both runs have an outcome."""
        return self.both + self.first_only + self.second_only + self.neither


@dataclass(frozen=True)
class ElicitationGap:
    """What the best of several arms gains over the default arm, on tasks that had no part in choosing it."""

    chosen: str | None  # None: the default alone was run, or no task of the choosing half by both
    arms: tuple[str, ...]  # those that might have been chosen, in order of name
    halved_by: str  # family or task
    choosing: int  # families or tasks on which the arm was chosen
    comparison: PairedComparison  # chosen minus default on the others


def paired_difference(first: Outcomes, second: Outcomes, *, level: float = LEVEL) -> PairedComparison:
    """Q7: mean of task-wise differences, cluster-robust t on the plain scale; below 15 families for these tasks only.

    Both tables must hold one participant each, of one bank; unequal comparison keys are refused.
    """
    for name in ("bank_version", "comparison_key"):
        if getattr(first, name) != getattr(second, name):
            values = f"{getattr(first, name)!r} and {getattr(second, name)!r}"
            raise OutcomesError(f"{name}: {values} in one comparison; only like can be compared")
    for table in (first, second):
        require_one_participant(table)
        require_solved_or_not(table)
    return _compare(_Pairs.of(first, second), "Q7", "", level)


def elicitation_gap(
    outcomes: Outcomes, *, rng: np.random.Generator, default: str = "default", level: float = LEVEL
) -> ElicitationGap:
    """Q8 for one participant run in several arms that were all named before; `rng` draws the half that chooses.

    Families are halved where each half can keep 15 of them; else tasks are, and the answer is about this bank only.
    """
    arms = tuple(str(arm) for arm in np.unique(outcomes.arm))
    if default not in arms:
        raise OutcomesError(f"column arm: no run of {default!r}, the arm that others are measured against")
    tables = {arm: outcomes.only(arm=arm) for arm in arms}
    for table in tables.values():
        require_one_participant(table)
        require_solved_or_not(table)
    pairs = {arm: _Pairs.of(tables[arm], tables[default]) for arm in arms if arm != default}
    unit, chooses = _choosing_half(list(pairs.values()), rng)
    halves = {arm: each.split(np.isin(getattr(each, unit), chooses)) for arm, each in pairs.items()}
    gains = {arm: half.gain() for arm, (half, _) in halves.items() if len(half.task)}
    if not gains:
        reason = "no other arm was run on the tasks of the default arm"
        return ElicitationGap(None, tuple(pairs), unit, len(chooses), _without("Q8", GAP_ESTIMAND, reason))
    chosen = max(gains, key=lambda arm: gains[arm])
    estimand = f"gain of arm {chosen} over arm {default}, chosen on other tasks: "
    comparison = _compare(halves[chosen][1], "Q8", estimand, level, bank_only=unit == "task")
    return ElicitationGap(chosen, tuple(pairs), unit, len(chooses), comparison)


def discordance(first_only: int, second_only: int) -> float:
    """Two-sided exact McNemar p-value: how often fair coins part as unevenly as what one side alone solved."""
    return min(1.0, 2 * float(binom.cdf(min(first_only, second_only), first_only + second_only, 0.5)))


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Runs of both sides at the same task and epoch, in order of task and epoch; equal-length columns."""

    task: Texts
    family: Texts
    first: Floats
    second: Floats
    missing: Bools  # planned by both, but at least one run has no outcome: its scores are NaN
    budget: str
    bank_version: str

    @classmethod
    def of(cls, first: Outcomes, second: Outcomes) -> _Pairs:
        left, right = _by_cell(first), _by_cell(second)
        shared = sorted(left.keys() & right.keys())
        rows = [left[cell] for cell in shared]
        a = np.array([score for _, score in rows])
        b = np.array([right[cell][1] for cell in shared])
        budget = first.budget if first.budget == second.budget else f"{first.budget}; against {second.budget}"
        return cls(
            np.array([task for task, _ in shared], dtype=np.str_),
            np.array([family for family, _ in rows], dtype=np.str_),
            a,
            b,
            np.isnan(a + b),
            budget,
            first.bank_version,
        )

    def where(self, mask: Bools) -> _Pairs:
        return replace(
            self,
            task=self.task[mask],
            family=self.family[mask],
            first=self.first[mask],
            second=self.second[mask],
            missing=self.missing[mask],
        )

    def split(self, mask: Bools) -> tuple[_Pairs, _Pairs]:
        return self.where(mask), self.where(~mask)

    def gain(self) -> float:
        """Mean of task-wise differences of the pairs that have both outcomes; nothing known counts as no gain."""
        known = self.where(~self.missing)
        return (
            float(task_means(known.first - known.second, known.task, known.family)[0].mean())
            if known.task.size
            else 0.0
        )

    def counts(self) -> dict[str, int]:
        a, b = self.first > 0, self.second > 0
        cells = {"both": a & b, "first_only": a & ~b, "second_only": ~a & b, "neither": ~a & ~b}
        return {name: int(cell.sum()) for name, cell in cells.items()}


def _by_cell(table: Outcomes) -> dict[tuple[str, int], tuple[str, float]]:
    """Family and score of each planned task and epoch; the score of a loss is NaN. Invalidated runs are left out."""
    return {
        (task, epoch): (family, score)
        for rows in (table.losses(), table.counted())
        for task, epoch, family, score in zip(
            rows.task.tolist(), rows.epoch.tolist(), rows.family.tolist(), rows.score.tolist(), strict=True
        )
    }


def _choosing_half(pairs: list[_Pairs], rng: np.random.Generator) -> tuple[str, Texts]:
    """What is halved, family or task, and those that choose: the smaller half, drawn at random."""
    families = np.unique(np.concatenate([each.family for each in pairs])) if pairs else np.array([], dtype=np.str_)
    if len(families) >= 2 * MIN_FAMILIES:
        return "family", rng.permutation(families)[: len(families) // 2]
    tasks = np.unique(np.concatenate([each.task for each in pairs])) if pairs else families
    return "task", rng.permutation(tasks)[: len(tasks) // 2]


def _compare(pairs: _Pairs, quantity: str, about: str, level: float, *, bank_only: bool = False) -> PairedComparison:
    known = pairs.where(~pairs.missing)
    families = len(np.unique(known.family))
    estimand = about + (BANK_ESTIMAND if bank_only or families < MIN_FAMILIES else ESTIMAND)
    if not len(known.task):
        return _without(quantity, estimand, "no task was run by both")
    lost = int(pairs.missing.sum())
    counts = known.counts()
    if lost > LOSS_BOUND * len(pairs.task):
        return _without(quantity, estimand, f"{lost} of {len(pairs.task)} pairs lack an outcome", known)
    limits = _bank_limits(known, level) if estimand.endswith(BANK_ESTIMAND) else _family_limits(known, level)
    if limits is None:
        return _without(quantity, estimand, f"no variation between the {families} families", known)
    answer = Estimate(
        quantity=quantity,
        estimand=estimand,
        unit="difference of shares",
        value=limits.value,
        lower=max(-1.0, limits.lower),
        upper=min(1.0, limits.upper),
        level=level,
        method=limits.method,
        method_version=METHOD_VERSION,
        n_runs=2 * len(known.task),
        n_tasks=len(np.unique(known.task)),
        n_families=families,
        budget=pairs.budget,
        bank_version=pairs.bank_version,
        qualifiers=limits.qualifiers,
    )
    return PairedComparison(**counts, answer=answer)


def _family_limits(pairs: _Pairs, level: float) -> Limits | None:
    d, _, family = task_means(pairs.first - pairs.second, pairs.task, pairs.family)
    found = cluster_mean(d, family)
    if found.se == 0:
        return None
    method = f"paired by task, cluster-robust over families, {found.words}"
    return Limits(found.mean, *found.plain_limits(level), method)


def _bank_limits(pairs: _Pairs, level: float) -> Limits:
    """Adjusted Wald limits of Bonett & Price (2012), widened to those of the exact McNemar test.

    The exact limits hold the number of discordant pairs fixed, so alone they cover a large difference far too seldom;
    the others alone may exclude 0 where the exact test does not.
    """
    counts, n = pairs.counts(), len(pairs.task)
    first, second = counts["first_only"], counts["second_only"]
    a, b = (first + 1) / (n + 2), (second + 1) / (n + 2)
    half = float(norm.ppf((1 + level) / 2)) * float(np.sqrt((a + b - (a - b) ** 2) / (n + 2)))
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, first, second + 1)) if first else 0.0
    high = float(beta.ppf(1 - tail, first + 1, second)) if second else 1.0
    share = (first + second) / n
    method = f"{n} pairs, adjusted Wald limits widened to the exact McNemar test (p = {discordance(first, second):.2g})"
    lower, upper = min(a - b - half, (2 * low - 1) * share), max(a - b + half, (2 * high - 1) * share)
    return Limits((first - second) / n, lower, upper, method, frozenset({"bank-only"}))


def _without(quantity: str, estimand: str, reason: str, known: _Pairs | None = None) -> PairedComparison:
    counts = known.counts() if known else dict.fromkeys(("both", "first_only", "second_only", "neither"), 0)
    found = {
        "pairs": len(known.task) if known else 0,
        **counts,
        "families": len(np.unique(known.family)) if known else 0,
    }
    answer = NotIdentifiable(quantity=quantity, estimand=estimand, reason=reason, counts=found)
    return PairedComparison(**counts, answer=answer)
