"""The difference between two participants on the same tasks (Q7), and the counts behind it.

Pairing is by task and epoch: a task that only one of the two ran says nothing about their difference. Beside an
estimate, and where there is none, stand the four counts: both, only the first, only the second, neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement.clusters import MIN_FAMILIES, cluster_mean, task_means
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.outcomes import LOSS_BOUND, OutcomesError, require_one_participant, require_solved_or_not
from seatrial.measurement.success import not_generalizable

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Outcomes

METHOD_VERSION = "1"
ESTIMAND = "difference of the shares solved among new tasks of new families like these, at the stated budgets"


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


def paired_difference(first: Outcomes, second: Outcomes, *, level: float = LEVEL) -> PairedComparison:
    """Q7: mean of task-wise differences, cluster t(F-1) on the plain scale.

    Both tables must hold one participant each, of one bank; unequal comparison keys are refused.
    """
    for name in ("bank_version", "comparison_key"):
        if getattr(first, name) != getattr(second, name):
            values = f"{getattr(first, name)!r} and {getattr(second, name)!r}"
            raise OutcomesError(f"{name}: {values} in one comparison; only like can be compared")
    for table in (first, second):
        require_one_participant(table)
        require_solved_or_not(table)
    planned = _cells(first.counted(), first.losses()) & _cells(second.counted(), second.losses())
    left = {key: row for row, key in enumerate(_keys(first.counted()))}
    right = {key: row for row, key in enumerate(_keys(second.counted()))}
    shared = sorted(left.keys() & right.keys())
    a = first.counted().score[[left[key] for key in shared]]
    b = second.counted().score[[right[key] for key in shared]]
    family = first.counted().family[[left[key] for key in shared]]
    counts = {
        "both": int(np.sum((a > 0) & (b > 0))),
        "first_only": int(np.sum((a > 0) & (b == 0))),
        "second_only": int(np.sum((a == 0) & (b > 0))),
        "neither": int(np.sum((a == 0) & (b == 0))),
    }

    def without(reason: str) -> PairedComparison:
        found = {"pairs": len(shared), **counts, "families": len(np.unique(family))}
        return PairedComparison(
            **counts, answer=NotIdentifiable(quantity="Q7", estimand=ESTIMAND, reason=reason, counts=found)
        )

    if not shared:
        return without("no task was run by both")
    if len(planned) - len(shared) > LOSS_BOUND * len(planned):
        return without(f"{len(planned) - len(shared)} of {len(planned)} pairs lack an outcome")
    tasks = np.array([task for task, _ in shared])
    d, _, family_of_task = task_means(a - b, tasks, family)
    families = len(np.unique(family_of_task))
    if families < MIN_FAMILIES:
        return without(not_generalizable(families))
    found = cluster_mean(d, family_of_task)
    if found.se == 0:
        return without(f"no variation between the {families} families")
    lower, upper = found.plain_limits(level)
    answer = Estimate(
        quantity="Q7",
        estimand=ESTIMAND,
        unit="difference of shares",
        value=found.mean,
        lower=max(-1.0, lower),
        upper=min(1.0, upper),
        level=level,
        method=f"paired by task, cluster-robust over families, t({families - 1}) limits",
        method_version=METHOD_VERSION,
        n_runs=2 * len(shared),
        n_tasks=len(d),
        n_families=families,
        budget=first.budget if first.budget == second.budget else f"{first.budget}; against {second.budget}",
        bank_version=first.bank_version,
        qualifiers=frozenset(),
    )
    return PairedComparison(**counts, answer=answer)


def _keys(table: Outcomes) -> list[tuple[str, int]]:
    return list(zip(table.task.tolist(), table.epoch.tolist(), strict=True))


def _cells(*tables: Outcomes) -> set[tuple[str, int]]:
    return {key for table in tables for key in _keys(table)}
