"""Answers of measurement as records: whom and what an answer is about, and the one place where they are collected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from seatrial.measurement import Estimate, NotIdentifiable
from seatrial.report.records import EstimateRecord, Integrity, NotIdentifiableRecord, Scope

if TYPE_CHECKING:
    from seatrial.report.records import Ability, Comparison, Curve, Elicitation, Horizon, Rounds, Threshold

SampleSet: TypeAlias = Literal["all", "without-flagged", "with-voided"]
Answer: TypeAlias = Estimate | NotIdentifiable

ALL = Scope(family=None, level=None)
FULL_SCALE = {"share of tasks": (0.0, 1.0), "difference of shares": (-1.0, 1.0)}  # where a missing limit lies


@dataclass(frozen=True)
class About:
    """Whom and what an answer is about; `estimand` replaces measurement's where the instances were picked."""

    participant: str
    scope: Scope = ALL
    sample_set: SampleSet = "all"
    suffix: str = ""
    estimand: str = ""


def _not_looked_at() -> Integrity:
    return Integrity(ends=[], bounds=[], arms=[], person_fit="not looked at")


@dataclass
class Numbers:
    """What is found, in the order it is found."""

    registered: frozenset[str]
    estimates: list[EstimateRecord] = field(default_factory=list)
    missing: list[NotIdentifiableRecord] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    horizons: list[Horizon] = field(default_factory=list)
    abilities: list[Ability] = field(default_factory=list)
    rounds: Rounds | None = None
    elicitation: list[Elicitation] = field(default_factory=list)
    thresholds: list[Threshold] = field(default_factory=list)
    integrity: Integrity = field(default_factory=_not_looked_at)

    @property
    def quantities(self) -> set[str]:
        """Quantities of which there is an estimate."""
        found = {item.quantity for item in self.estimates}
        found |= {point.estimate.quantity for curve in self.curves for point in curve.points if point.estimate}
        found |= {item.estimate.quantity for item in self.comparisons if item.estimate}
        found |= {item.estimate.quantity for item in self.elicitation if item.estimate}
        found |= {point.estimate.quantity for item in self.horizons for point in item.points if point.estimate}
        return found | {item.points.quantity for item in self.abilities if item.points}

    def add(self, about: About, answer: Answer, *, solved: int | None = None, reason: str = "") -> None:
        """Keep an answer as an estimate or as missing; `reason` stands in place of measurement's own."""
        if isinstance(answer, NotIdentifiable):
            self.miss(about, answer, reason or answer.reason)
        else:
            self.estimates.append(self.record(about, answer, solved=solved))

    def place(self, about: About, answer: Answer) -> tuple[EstimateRecord | None, str]:
        """An answer that stands in a record of its own: the estimate, or the reason, which is also kept as missing."""
        if isinstance(answer, NotIdentifiable):
            self.miss(about, answer, answer.reason)
            return None, answer.reason
        return self.record(about, answer), ""

    def miss(self, about: About, answer: NotIdentifiable, reason: str) -> None:
        """Keep that there is no number."""
        self.missing.append(
            NotIdentifiableRecord(
                quantity=answer.quantity,
                participant=about.participant,
                scope=about.scope,
                sample_set=about.sample_set,
                estimand=about.estimand or answer.estimand,
                reason=reason,
                counts=dict(answer.counts),
            )
        )

    def record(self, about: About, answer: Estimate, *, solved: int | None = None) -> EstimateRecord:
        """An estimate as a record; limits that a share lacks are the ends of its scale."""
        scope = about.scope
        place = [scope.family or "all", f"L{scope.level}" if scope.level is not None else "all", about.sample_set]
        low, high = FULL_SCALE.get(answer.unit, (None, None))
        whole = (scope, about.sample_set) == (ALL, "all")
        return EstimateRecord(
            id="/".join([answer.quantity, about.participant, *place, *([about.suffix] if about.suffix else [])]),
            quantity=answer.quantity,
            participant=about.participant,
            scope=scope,
            sample_set=about.sample_set,
            estimand=about.estimand or answer.estimand,
            unit=answer.unit,
            value=answer.value,
            interval=(
                answer.lower if answer.lower is not None else low,
                answer.upper if answer.upper is not None else high,
            ),
            level=answer.level,
            method=answer.method,
            method_version=answer.method_version,
            n=answer.n_runs,
            solved=solved,
            tasks=answer.n_tasks,
            families=answer.n_families,
            budget=answer.budget,
            bank=answer.bank_version,
            scale=answer.scale_version,
            seed=answer.seed,
            qualifiers=sorted(answer.qualifiers),
            standing="registered" if answer.quantity in self.registered and whole else "exploratory",
        )
