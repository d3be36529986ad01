"""All numbers of a review: which quantity for whom on which instances. Measurement computes, this file asks.

- Q1 for every participant: overall, per level, per family, and per family and level. Q2 and the horizon (Q6) overall.
- The first two overall without flagged runs, and with voided ones, where there are any.
- Q4 where the plan repeats instances, on the instances that it repeats most often.
- Q3 for the subject, Q7 against the best participant without AI per level and Q8 between arms, when it is a model.
- Where the instances were picked in rounds the subject's numbers are those of a partly run battery, see `rounds`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement import (
    BudgetCurve,
    NotIdentifiable,
    Outcomes,
    bank_success,
    budget_curve,
    generalized_success,
    success_in_attempts,
)
from seatrial.report.collection import ALL, About, Numbers
from seatrial.report.comparisons import add_comparisons, add_elicitation
from seatrial.report.horizons import add_horizon
from seatrial.report.integrity import integrity
from seatrial.report.records import Curve, CurvePoint, Scope
from seatrial.report.rounds import (
    PICKED_ESTIMAND,
    Picked,
    add_abilities,
    add_partial,
    add_partial_horizon,
    generalized_from_picked,
)
from seatrial.report.table import MODEL, Tables
from seatrial.report.thresholds import add_thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.report.collection import Answer

CURVE_PICKED = "the instances were picked in rounds, so their shares within a budget are those of no battery"


def numbers(tables: Tables) -> Numbers:
    """Everything that the rows of a run say."""
    found = Numbers(registered(tables))
    picked = Picked.of(tables)
    asked = _Asked(found, tables, picked)
    for participant in tables.participants:
        asked.shares(participant)
        asked.attempts(participant)
        asked.horizon(participant)
    subject = tables.participants[0]
    if tables.kind(subject) == MODEL:
        asked.curve(subject)
        add_comparisons(found, tables, subject)
        add_elicitation(found, tables, subject, asked.seed)
    add_thresholds(found, tables, subject, picked=picked is not None)
    calibrated = picked is not None and picked.log.calibration is not None
    estimand = PICKED_ESTIMAND if picked else ""
    found.integrity = integrity(found, tables, calibrated=calibrated, estimand=estimand)
    return found


def registered(tables: Tables) -> frozenset[str]:
    """Quantities that the plan names: its analysis entries whose id begins with Q and a number."""
    ids = (str(item["id"]) for item in tables.files.plan.get("analysis", ()))
    return frozenset(name.replace("-", " ").replace(".", " ").split()[0].upper() for name in ids if name.strip())


@dataclass(frozen=True)
class _Asked:
    """One review's questions."""

    found: Numbers
    tables: Tables
    picked: Picked | None

    @property
    def subject(self) -> str:
        return self.tables.participants[0]

    @property
    def seed(self) -> int:
        return int(self.tables.files.plan_digest[:12], 16)

    def shares(self, participant: str) -> None:
        """Q1 and Q2 on every scope and set of runs."""
        for scope in _scopes(self.tables):
            outcomes = self.tables.outcomes(participant, scope)
            if scope == ALL:
                self.whole(About(participant), outcomes)
            else:
                about = About(participant, scope, estimand=PICKED_ESTIMAND if self.picked else "")
                self.add(about, bank_success(outcomes), outcomes)
        for about, outcomes in _other_sets(self.tables, participant):
            self.whole(about, outcomes)

    def whole(self, about: About, outcomes: Outcomes) -> None:
        """Q1 and Q2 on everything that was run."""
        if self.picked and about.participant == self.subject:
            answers = add_partial(self.found, self.picked, about, outcomes)
            if about.sample_set == "all":
                self.found.rounds = self.picked.record(about.participant)
                add_abilities(self.found, self.picked, self.tables, answers)
                add_partial_horizon(self.found, about.participant, outcomes, answers)
            return
        generalized = generalized_from_picked(self.subject) if self.picked else generalized_success
        estimand = PICKED_ESTIMAND if self.picked else ""
        self.add(replace(about, estimand=estimand), bank_success(outcomes), outcomes)
        self.add(about, generalized(outcomes), outcomes)

    def add(self, about: About, answer: Answer, outcomes: Outcomes) -> None:
        """Keep an answer; where a participant can act on nothing, that is why it has none."""
        absent = self.tables.unavailable(about.participant, about.scope)
        reason = f"not available here: {absent}" if absent else ""
        self.found.add(about, answer, solved=int(outcomes.counted().score.sum()), reason=reason)

    def attempts(self, participant: str) -> None:
        """Q4 on the instances with most planned repeats."""
        most, tasks = self.tables.repeated
        if most < 2:
            return
        outcomes = self.tables.outcomes(participant)
        outcomes = outcomes.where(np.isin(outcomes.task, sorted(tasks)))
        if len(outcomes):
            self.add(About(participant, suffix=f"k{most}"), success_in_attempts(outcomes, most), outcomes)

    def horizon(self, participant: str) -> None:
        """Q6; of picked instances only the subject's, which `whole` has given."""
        if self.picked is None:
            outcomes = self.tables.outcomes(participant)
            if len(outcomes):
                add_horizon(self.found, participant, outcomes)

    def curve(self, subject: str) -> None:
        """Q3, as counts alone where instances were picked."""
        answer = budget_curve(self.tables.outcomes(subject), rng=np.random.default_rng(self.seed))
        about = About(subject)
        if isinstance(answer, NotIdentifiable):
            self.found.miss(about, answer, answer.reason)
            return
        reason = CURVE_PICKED if self.picked else ""
        curve = _curve_record(self.found, answer, subject, self.seed, reason)
        self.found.curves.append(curve)
        if not any(point.estimate for point in curve.points):
            reasons = "; ".join(dict.fromkeys(point.reason for point in curve.points))
            whole = answer.points[-1].answer
            missing = NotIdentifiable(
                quantity="Q3", estimand=whole.estimand, reason=reasons, counts={"runs": curve.points[-1].runs}
            )
            self.found.miss(about, missing, reasons)


def _scopes(tables: Tables) -> Iterator[Scope]:
    yield ALL
    yield from (Scope(family=None, level=level) for level in tables.levels)
    cells = {(item.family, item.level) for item in tables.planned}
    for family in tables.families:
        yield Scope(family=family, level=None)
        yield from (Scope(family=family, level=level) for level in tables.levels if (family, level) in cells)


def _other_sets(tables: Tables, participant: str) -> Iterator[tuple[About, Outcomes]]:
    rows = tables.rows(participant)
    if any(row.flags and row.score is not None for row in rows):
        unflagged = tables.outcomes(participant, keep=lambda row: not row.flags)
        yield About(participant, sample_set="without-flagged"), unflagged
    if any(row.status == "invalidated" for row in rows):
        yield About(participant, sample_set="with-voided"), tables.outcomes(participant, voided=True)


def _curve_record(found: Numbers, curve: BudgetCurve, subject: str, seed: int, reason: str) -> Curve:
    points = []
    for point in curve.points:
        estimate, why = None, reason
        if isinstance(point.answer, NotIdentifiable):
            why = point.answer.reason
        elif not reason:
            estimate = found.record(About(subject, suffix=f"{point.share:g}"), point.answer, solved=point.solved)
        points.append(
            CurvePoint(share=point.share, solved=point.solved, runs=point.runs, estimate=estimate, reason=why)
        )
    return Curve(participant=subject, points=points, limited=curve.limited, seed=seed)
