"""What a partly run bank says: Q1, Q2, Q5 and Q6 with intervals that count what was not run.

- The mode of the review decides the method: information (difficulties complete the bank, widened by how far that erred
  on left-out calibrators) or probability (known chances of being drawn; no model is trusted).
- Every answer carries the qualifier `partial`; a bank that was run to its end gets the ordinary methods instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement.adaptive import Decision, Design, State
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.outcomes import require_one_participant, require_solved_or_not
from seatrial.measurement.success import BANK_ESTIMAND, GENERALIZED_ESTIMAND

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.calibration import Calibration
    from seatrial.measurement.outcomes import Outcomes

METHOD_VERSION = "1"
Answer = Estimate | NotIdentifiable


@dataclass(frozen=True)
class Partial:
    """The answers of a partly run bank."""

    mode: str  # "start", "information", "probability" or "complete"
    bank: Answer  # Q1
    generalized: Answer  # Q2
    ability: Answer  # Q5
    p50: Answer  # Q6
    p80: Answer  # Q6


def partial(
    bank: Bank,
    calibration: Calibration | None,
    decisions: Sequence[Decision],
    outcomes: Outcomes,
    *,
    design: Design,
    rng: np.random.Generator,
    level: float = LEVEL,
) -> Partial:
    """All answers for one participant's review; `rng` draws the completed tables of information mode."""
    require_one_participant(outcomes)
    require_solved_or_not(outcomes)
    state = State.of(bank, calibration, decisions, task_scores(outcomes))
    counted = outcomes.counted()
    counts = {"runs": len(counted), "tasks": len(state.seen), "families": len(np.unique(counted.family))}

    def missing(quantity: str, estimand: str) -> NotIdentifiable:
        return NotIdentifiable(quantity=quantity, estimand=estimand, reason="not computed yet", counts=counts)

    return Partial(
        mode=state.mode,
        bank=_bank(state, outcomes, level, counts),
        generalized=missing("Q2", GENERALIZED_ESTIMAND),
        ability=missing("Q5", "ability"),
        p50=missing("Q6", "p50"),
        p80=missing("Q6", "p80"),
    )


def task_scores(outcomes: Outcomes) -> dict[str, float]:
    """Mean score of each task's counted runs."""
    counted = outcomes.counted()
    task, code = np.unique(counted.task, return_inverse=True)
    mean = np.bincount(code, weights=counted.score) / np.bincount(code)
    return {str(name): float(value) for name, value in zip(task, mean, strict=True)}


def _bank(state: State, outcomes: Outcomes, level: float, counts: dict[str, int]) -> Answer:
    value, half = state.bank_mean(level)
    if value is None or half is None:
        return NotIdentifiable(quantity="Q1", estimand=BANK_ESTIMAND, reason="no round is finished", counts=counts)
    return Estimate(
        quantity="Q1",
        estimand=BANK_ESTIMAND,
        unit="share of tasks",
        value=value,
        lower=max(0.0, value - half),
        upper=min(1.0, value + half),
        level=level,
        method=f"{state.mode} mode",
        method_version=METHOD_VERSION,
        n_runs=counts["runs"],
        n_tasks=counts["tasks"],
        n_families=counts["families"],
        budget=outcomes.budget,
        bank_version=outcomes.bank_version,
        qualifiers=frozenset({"partial"}),
    )
