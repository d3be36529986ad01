"""Differences as records: the subject beside participants without AI (Q7), and between its own arms (Q8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from seatrial.measurement import Estimate, NotIdentifiable, Outcomes, elicitation_gap, paired_difference
from seatrial.report.collection import ALL, About
from seatrial.report.records import Comparison, Elicitation, Scope

if TYPE_CHECKING:
    from seatrial.measurement import PairedComparison
    from seatrial.report.collection import Numbers
    from seatrial.report.table import Tables

RIVALS = ("tool", "floor")  # the reference holds the solution and a simulated participant is made up: neither compares
PICKED = (
    "the instances were picked for {}: the difference on them is no difference on the battery or beyond it, "
    "so only counts are given"
)


def add_comparisons(found: Numbers, tables: Tables, subject: str) -> None:
    """Q7 overall and by level."""
    for scope in (ALL, *(Scope(family=None, level=level) for level in tables.levels)):
        _compare(found, tables, subject, scope)


def add_elicitation(found: Numbers, tables: Tables, subject: str, seed: int) -> None:
    """Q8, where the subject was run in several arms."""
    arms = tables.arms(subject)
    if len(arms) < 2:
        return
    default = arms[0]
    gap = elicitation_gap(tables.all_arms(subject), rng=np.random.default_rng(seed), default=default)
    pair = gap.comparison
    estimate, reason = found.place(About(subject, suffix=f"over {default}"), pair.answer)
    found.elicitation.append(
        Elicitation(
            participant=subject,
            default=default,
            arms=[default, *gap.arms],
            chosen=gap.chosen,
            halved_by=gap.halved_by,
            both=pair.both,
            chosen_only=pair.first_only,
            default_only=pair.second_only,
            neither=pair.neither,
            estimate=estimate,
            reason=reason,
        )
    )


def _compare(found: Numbers, tables: Tables, subject: str, scope: Scope) -> None:
    own = tables.outcomes(subject, scope)
    rivals = {name: tables.outcomes(name, scope) for name in tables.participants[1:] if tables.kind(name) in RIVALS}
    pairs = {name: paired_difference(own, runs) for name, runs in rivals.items()}
    pairs = {name: pair for name, pair in pairs.items() if pair.pairs}
    if not pairs:
        return
    why = PICKED.format(subject) if tables.picked else ""
    best = max(pairs, key=lambda name: pairs[name].both + pairs[name].second_only)
    _comparison(found, About(subject, scope, suffix=f"minus {best}"), pairs[best], best, list(pairs), why=why)
    if len(pairs) > 1:
        everybody = ", ".join(pairs)
        union = paired_difference(own, _union([rivals[name] for name in pairs]))
        about = About(subject, scope, suffix="minus any")
        _comparison(found, about, union, everybody, list(pairs), against="any", why=why)


def _comparison(
    found: Numbers,
    about: About,
    pair: PairedComparison,
    other: str,
    candidates: list[str],
    *,
    why: str,
    against: Literal["best", "any"] = "best",
) -> None:
    answer = pair.answer
    if why and isinstance(answer, Estimate):
        counts = {"pairs": pair.pairs}
        answer = NotIdentifiable(quantity=answer.quantity, estimand=answer.estimand, reason=why, counts=counts)
    estimate, reason = found.place(about, answer)
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
