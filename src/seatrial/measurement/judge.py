"""A success rate read by a judge that errs, corrected with runs that people labelled as well (Q10).

- The judge's errors are estimated from labelled runs drawn at random, never chosen by the judge's own verdict: that
  would measure another quantity. The judge must err alike on labelled and unlabelled runs.
- One is added to each cell of the labels, so a judge that made no error in few labels is not taken for perfect, and
  the uncertainty of the labels is part of the interval (Rogan & Gladen 1978).
- A judge hardly better than a coin is not corrected: no amount of labels mends it.

>>> Labels.of(human=[1, 1, 1, 0, 0], judge=[1, 1, 0, 0, 1])
Labels(positives=3, confirmed=2, negatives=2, rejected=1)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from seatrial.measurement.clusters import MIN_FAMILIES, cluster_mean, task_means
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.outcomes import LOSS_BOUND, require_one_participant, require_solved_or_not
from seatrial.measurement.success import BANK_ESTIMAND, GENERALIZED_ESTIMAND, not_generalizable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.measurement.outcomes import Outcomes

METHOD_VERSION = "2"
MIN_DISCERNMENT = 0.5  # sensitivity + specificity - 1: below, the correction doubles every error and more
FEW_LABELS = 100  # below, the interval still covers in simulation but hardly narrows anything down: exploratory


@dataclass(frozen=True)
class Labels:
    """Runs that people and the judge both decided, drawn at random from the runs to be corrected or ones like them."""

    positives: int  # solved, say people
    confirmed: int  # of these the judge's positives
    negatives: int  # not solved, say people
    rejected: int  # of these the judge's negatives

    def __post_init__(self) -> None:
        for part, whole in (("confirmed", "positives"), ("rejected", "negatives")):
            found, of = getattr(self, part), getattr(self, whole)
            if not 0 <= found <= of:
                raise ValueError(f"{part} is {found} of {of} {whole}: between 0 and all of them")

    @classmethod
    def of(cls, human: Sequence[int], judge: Sequence[int]) -> Labels:
        """Counts from two equally long columns of 0 and 1, one entry a labelled run."""
        truth, verdict = np.asarray(human), np.asarray(judge)
        if truth.shape != verdict.shape or truth.ndim != 1:
            raise ValueError(f"human and judge have shapes {truth.shape} and {verdict.shape}: one column each, equal")
        for name, column in (("human", truth), ("judge", verdict)):
            bad = ~np.isin(column, (0, 1))
            if bad.any():
                row = int(np.argmax(bad))
                raise ValueError(f"column {name}, row {row}: {column[row]}; a label is 0 or 1")
        yes = truth == 1
        return cls(int(yes.sum()), int(verdict[yes].sum()), int((~yes).sum()), int((verdict[~yes] == 0).sum()))

    def __len__(self) -> int:
        return self.positives + self.negatives


@dataclass(frozen=True)
class _Corrected:
    value: float
    se: float


def judged_success(
    outcomes: Outcomes, labels: Labels, *, generalized: bool = False, level: float = LEVEL
) -> Estimate | NotIdentifiable:
    """Q10 for one participant whose scores are the judge's verdicts: the share that people would have called solved.

    Rogan-Gladen with limits by the delta method, labels included. `generalized` asks for tasks like these instead of
    this battery: the variance between families takes the place of that between runs.
    """
    require_one_participant(outcomes)
    require_solved_or_not(outcomes)
    runs, losses = outcomes.counted(), outcomes.losses()
    families = len(np.unique(runs.family))
    estimand = (GENERALIZED_ESTIMAND if generalized else BANK_ESTIMAND) + ", as people would judge"
    counts = {"runs": len(runs), "families": families, "labels": len(labels), "lost": len(losses)}
    reason = _unusable(runs, labels, families if generalized else MIN_FAMILIES)
    if reason:
        return NotIdentifiable(quantity="Q10", estimand=estimand, reason=reason, counts=counts)
    bounded = len(losses) > LOSS_BOUND * (len(runs) + len(losses))
    tables = [outcomes.filled(0.0), outcomes.filled(1.0)] if bounded else [runs, runs]
    low, high = (_corrected(table, labels, generalized=generalized) for table in tables)
    y, _, family = task_means(runs.score, runs.task, runs.family)
    spread = cluster_mean(y, family)
    t = spread.t(level) if generalized else float(norm.ppf((1 + level) / 2))
    qualifiers = {"losses-bounded"} if bounded else set()
    if len(labels) < FEW_LABELS:
        qualifiers.add("exploratory")
    limits = f"{spread.words} over families" if generalized else "normal limits"
    return Estimate(
        quantity="Q10",
        estimand=estimand,
        unit="share of tasks",
        value=None if bounded else _share(low.value),
        lower=_share(low.value - t * low.se),
        upper=_share(high.value + t * high.se),
        level=level,
        method=f"Rogan-Gladen from {labels.positives} + {labels.negatives} labels, delta method, {limits}",
        method_version=METHOD_VERSION,
        n_runs=len(runs),
        n_tasks=len(np.unique(runs.task)),
        n_families=families,
        budget=runs.budget,
        bank_version=runs.bank_version,
        qualifiers=frozenset(qualifiers),
    )


def _unusable(runs: Outcomes, labels: Labels, families: int) -> str:
    if not len(runs):
        return "no run has an outcome"
    if families < MIN_FAMILIES:
        return not_generalizable(families)
    sensitivity, specificity = _accuracy(labels)
    if sensitivity + specificity - 1 < MIN_DISCERNMENT:
        found = f"sensitivity {sensitivity:.2f}, specificity {specificity:.2f} from {len(labels)} labels"
        return f"judge not usable ({found}; their sum must reach {1 + MIN_DISCERNMENT})"
    return ""


def _accuracy(labels: Labels) -> tuple[float, float]:
    return (labels.confirmed + 1) / (labels.positives + 2), (labels.rejected + 1) / (labels.negatives + 2)


def _corrected(runs: Outcomes, labels: Labels, *, generalized: bool) -> _Corrected:
    y, _, family = task_means(runs.score, runs.task, runs.family)
    q = float(y.mean())
    noise = cluster_mean(y, family).se ** 2 if generalized else q * (1 - q) / len(runs)
    a, b = _accuracy(labels)
    d = a + b - 1
    p = (q + b - 1) / d
    variance = noise + p**2 * a * (1 - a) / (labels.positives + 2) + (1 - p) ** 2 * b * (1 - b) / (labels.negatives + 2)
    return _Corrected(p, float(np.sqrt(variance)) / d)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
