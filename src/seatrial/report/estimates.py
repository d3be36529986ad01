"""All numbers of a review: which quantity for whom on which instances, and the record of each answer.

- Q1 for every participant: overall, per level, per family, and per family and level. Q2 overall.
- The same two overall without flagged runs, and with voided ones, where there are any.
- Q3 for the subject, and Q7 against the best participant without AI per level, when the subject is a model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from seatrial.measurement import (
    BudgetCurve,
    Estimate,
    NotIdentifiable,
    Outcomes,
    PairedComparison,
    bank_success,
    budget_curve,
    generalized_success,
    paired_difference,
)
from seatrial.report.assessment import (
    Comparison,
    Curve,
    CurvePoint,
    EstimateRecord,
    NotIdentifiableRecord,
    Scope,
)
from seatrial.report.table import ALL, MODEL, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

SampleSet: TypeAlias = Literal["all", "without-flagged", "with-voided"]
RIVALS = ("tool", "floor")  # the reference holds the solution and a simulated participant is made up: neither compares


@dataclass
class Numbers:
    """What is found, in the order it is found."""

    registered: frozenset[str]
    estimates: list[EstimateRecord] = field(default_factory=list)
    missing: list[NotIdentifiableRecord] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)


@dataclass(frozen=True)
class _About:
    """Whom and what an answer is about."""

    participant: str
    scope: Scope = ALL
    sample_set: SampleSet = "all"
    suffix: str = ""


def numbers(tables: Tables) -> Numbers:
    """Everything that the rows of a run say."""
    found = Numbers(registered(tables))
    for participant in tables.participants:
        for scope in _scopes(tables):
            about = _About(participant, scope)
            outcomes = tables.outcomes(participant, scope)
            _add(found, about, bank_success(outcomes), outcomes, tables)
            if scope == ALL:
                _add(found, about, generalized_success(outcomes), outcomes, tables)
        for about, outcomes in _other_sets(tables, participant):
            _add(found, about, bank_success(outcomes), outcomes, tables)
            _add(found, about, generalized_success(outcomes), outcomes, tables)
    subject = tables.participants[0]
    if tables.kind(subject) == MODEL:
        _curve(found, tables, subject)
        for scope in (ALL, *(Scope(family=None, level=level) for level in tables.levels)):
            _compare(found, tables, subject, scope)
    return found


def registered(tables: Tables) -> frozenset[str]:
    """Quantities that the plan names: its analysis entries whose id begins with Q and a number."""
    ids = (str(item["id"]) for item in tables.files.plan.get("analysis", ()))
    return frozenset(name.replace("-", " ").replace(".", " ").split()[0].upper() for name in ids if name.strip())


def _scopes(tables: Tables) -> Iterator[Scope]:
    yield ALL
    yield from (Scope(family=None, level=level) for level in tables.levels)
    cells = {(item.family, item.level) for item in tables.planned}
    for family in tables.families:
        yield Scope(family=family, level=None)
        yield from (Scope(family=family, level=level) for level in tables.levels if (family, level) in cells)


def _other_sets(tables: Tables, participant: str) -> Iterator[tuple[_About, Outcomes]]:
    rows = tables.rows(participant)
    if any(row.flags and row.score is not None for row in rows):
        unflagged = tables.outcomes(participant, keep=lambda row: not row.flags)
        yield _About(participant, sample_set="without-flagged"), unflagged
    if any(row.status == "invalidated" for row in rows):
        yield _About(participant, sample_set="with-voided"), tables.outcomes(participant, voided=True)


def _add(found: Numbers, about: _About, answer: Estimate | NotIdentifiable, outcomes: Outcomes, tables: Tables) -> None:
    if isinstance(answer, NotIdentifiable):
        absent = tables.unavailable(about.participant, about.scope)
        _miss(found, about, answer, f"not available here: {absent}" if absent else answer.reason)
    else:
        found.estimates.append(_record(answer, about, int(outcomes.counted().score.sum()), found.registered))


def _miss(found: Numbers, about: _About, answer: NotIdentifiable, reason: str) -> None:
    found.missing.append(
        NotIdentifiableRecord(
            quantity=answer.quantity,
            participant=about.participant,
            scope=about.scope,
            sample_set=about.sample_set,
            estimand=answer.estimand,
            reason=reason,
            counts=dict(answer.counts),
        )
    )


def _record(answer: Estimate, about: _About, solved: int | None, named: frozenset[str]) -> EstimateRecord:
    scope = about.scope
    place = [scope.family or "all", f"L{scope.level}" if scope.level is not None else "all", about.sample_set]
    lower = -1.0 if answer.unit.startswith("difference") else 0.0
    return EstimateRecord(
        id="/".join([answer.quantity, about.participant, *place, *([about.suffix] if about.suffix else [])]),
        quantity=answer.quantity,
        participant=about.participant,
        scope=scope,
        sample_set=about.sample_set,
        estimand=answer.estimand,
        unit=answer.unit,
        value=answer.value,
        interval=(
            answer.lower if answer.lower is not None else lower,
            answer.upper if answer.upper is not None else 1.0,
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
        qualifiers=sorted(answer.qualifiers),
        standing="registered"
        if answer.quantity in named and (scope, about.sample_set) == (ALL, "all")
        else "exploratory",
    )


def _curve(found: Numbers, tables: Tables, subject: str) -> None:
    seed = int(tables.files.plan_digest[:12], 16)
    answer = budget_curve(tables.outcomes(subject), rng=np.random.default_rng(seed))
    about = _About(subject)
    if isinstance(answer, NotIdentifiable):
        _miss(found, about, answer, answer.reason)
        return
    found.curves.append(_curve_record(answer, subject, seed, found.registered))
    missing = [point.answer for point in answer.points if isinstance(point.answer, NotIdentifiable)]
    if len(missing) == len(answer.points):
        _miss(found, about, missing[-1], "; ".join(dict.fromkeys(item.reason for item in missing)))


def _curve_record(curve: BudgetCurve, subject: str, seed: int, named: frozenset[str]) -> Curve:
    points = []
    for point in curve.points:
        estimate, reason = None, ""
        if isinstance(point.answer, Estimate):
            about = _About(subject, suffix=f"{point.share:g}")
            estimate = _record(point.answer, about, point.solved, named)
        else:
            reason = point.answer.reason
        points.append(
            CurvePoint(share=point.share, solved=point.solved, runs=point.runs, estimate=estimate, reason=reason)
        )
    return Curve(participant=subject, points=points, limited=curve.limited, seed=seed)


def _compare(found: Numbers, tables: Tables, subject: str, scope: Scope) -> None:
    own = tables.outcomes(subject, scope)
    rivals = {name: tables.outcomes(name, scope) for name in tables.participants[1:] if tables.kind(name) in RIVALS}
    pairs = {name: paired_difference(own, runs) for name, runs in rivals.items()}
    pairs = {name: pair for name, pair in pairs.items() if pair.pairs}
    if not pairs:
        return
    best = max(pairs, key=lambda name: pairs[name].both + pairs[name].second_only)
    _comparison(found, _About(subject, scope, suffix=f"minus {best}"), pairs[best], best, list(pairs))
    if len(pairs) > 1:
        everybody = ", ".join(pairs)
        union = paired_difference(own, _union([rivals[name] for name in pairs]))
        _comparison(found, _About(subject, scope, suffix="minus any"), union, everybody, list(pairs), against="any")


def _comparison(
    found: Numbers,
    about: _About,
    pair: PairedComparison,
    other: str,
    candidates: list[str],
    against: Literal["best", "any"] = "best",
) -> None:
    estimate, reason = None, ""
    if isinstance(pair.answer, NotIdentifiable):
        reason = pair.answer.reason
        _miss(found, about, pair.answer, reason)
    else:
        estimate = _record(pair.answer, about, None, found.registered)
    found.comparisons.append(
        Comparison(
            level=about.scope.level,
            against=against,
            subject=about.participant,
            other=other,
            candidates=candidates,
            pairs=pair.pairs,
            both=pair.both,
            subject_only=pair.first_only,
            other_only=pair.second_only,
            neither=pair.neither,
            estimate=estimate,
            reason=reason,
        )
    )


def _union(rivals: list[Outcomes]) -> Outcomes:
    """One table in which an instance is solved when any of the participants solved it."""
    best: dict[tuple[str, int], tuple[str, float]] = {}
    for runs in (table.counted() for table in rivals):
        for task, epoch, family, score in zip(runs.task, runs.epoch, runs.family, runs.score, strict=True):
            key = (str(task), int(epoch))
            best[key] = (str(family), max(float(score), best.get(key, ("", 0.0))[1]))
    columns: dict[str, list[str] | list[int] | list[float]] = {
        "participant": ["any of them"] * len(best),
        "task": [task for task, _ in best],
        "epoch": [epoch for _, epoch in best],
        "family": [family for family, _ in best.values()],
        "score": [score for _, score in best.values()],
    }
    first = rivals[0]
    return Outcomes.of(
        columns, budget=first.budget, bank_version=first.bank_version, comparison_key=first.comparison_key
    )
