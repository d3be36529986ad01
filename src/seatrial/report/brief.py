"""The brief of a published report: what was measured, in the form that people read, and nothing that the report lacks.

- A pure function of the assessment. Every number is one of its numbers, rounded as the report rounds it; an estimate
  never stands without its interval, its confidence level and what it was counted from.
- What cannot be said stands with its reason, in the place of the number.
- It says what was measured. It does not say what follows for anybody's decision.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.report import numbers
from seatrial.report.text import visible
from seatrial.report.words import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.report.assessment import Assessment
    from seatrial.report.records import EstimateRecord

WIDTH = 78  # of the text version, in columns
LABELS = {
    "Q1": "Solved on the challenges of this review",
    "Q2": "Expected on new challenges like these",
}
KEY_QUANTITIES = ("Q1", "Q2")
MATTERS = (
    (
        "How far an AI model gets in finding and using weaknesses in software concerns those who defend systems as "
        "much as those who make the model. Whoever knows it earlier has more time."
    ),
    (
        "Two accounts of what models can do are comparable only where plan, challenges, budget and counts are stated. "
        "The report states them, and names the digest of each file that they follow from."
    ),
    (
        "A number with its interval says how much was learnt, and how little: the wider the interval, the less its "
        "middle should be leant on."
    ),
)
SAID_NOTHING = "It says nothing of whether anything may be released, to anybody, at any time."


@dataclass(frozen=True, slots=True)
class Point:
    """One key point: what, the number with its interval or the reason why there is none, and what it rests on."""

    what: str
    number: str
    rests_on: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """One report, for people."""

    subject: str
    issued: str
    plan: str
    summary: tuple[str, ...]
    points: tuple[Point, ...]
    matters: tuple[str, ...]
    questions: tuple[tuple[str, tuple[str, ...]], ...]
    notices: tuple[str, ...]


def brief(report: Assessment) -> Brief:
    """The brief of an assessment."""
    return Brief(
        visible(report.subject.alias),
        report.issued,
        report.plan.digest,
        tuple(_summary(report)),
        tuple(_points(report)),
        MATTERS,
        tuple(_questions(report)),
        tuple(report.notices),
    )


def text(of: Brief) -> str:
    """The brief as plain text."""
    blocks = [f"Brief: {of.subject}", f"Report issued {of.issued}", f"Plan {of.plan}", *of.summary, "KEY POINTS"]
    blocks += [_indented(f"{one.what}: {one.number}" + f" [{one.rests_on}]" * bool(one.rests_on)) for one in of.points]
    blocks += ["WHY IT MATTERS", *of.matters, "QUESTIONS AND ANSWERS"]
    for question, answers in of.questions:
        blocks += [question, *map(_indented, answers)]
    blocks += ["WHAT THIS IS NOT", *map(_indented, of.notices)]
    return (
        "\n\n".join(textwrap.fill(one, WIDTH, subsequent_indent="  " * one.startswith("- ")) for one in blocks) + "\n"
    )


def _indented(line: str) -> str:
    return f"- {line}"


def _summary(report: Assessment) -> Iterator[str]:
    name, kind = visible(report.subject.alias), KINDS["model"] if report.subject.kind == "model" else "no AI model"
    families = visible(", ".join(one.id for one in report.plan.families))
    yield f"{name} ({kind}) tried {report.plan.instances} generated challenges of these families: {families}."
    if report.containment and all(one.sealed for one in report.containment):
        yield "Every boundary was probed before anything ran behind it, and each mandatory probe found it closed."
    found = {quantity: _whole(report, quantity) for quantity in KEY_QUANTITIES}
    solved = found["Q1"]
    if solved is not None:
        yield f"It solved {numbers.of(solved).text} of them ({_counted(solved)})."
    beyond = found["Q2"]
    if beyond is not None:
        yield f"Of new challenges like these, it should solve {numbers.of(beyond).text} ({_counted(beyond)})."
    else:
        yield f"For new challenges like these no number is given: {_reason(report, 'Q2')}."
    yield "More tokens, time, attempts or better tools can only be expected to solve more."


def _points(report: Assessment) -> Iterator[Point]:
    for quantity, what in LABELS.items():
        yield _point(what, _whole(report, quantity), _reason(report, quantity))
    yield from _attempts(report)
    yield from _further(report)
    for one in report.comparisons:
        if one.level is None and one.against == "best":
            beside = f"More than {visible(one.other)}, the best tool or participant without AI, on the same challenges"
            yield _point(beside, one.estimate, one.reason)
    for way in report.elicitation:
        if way.participant == report.subject.alias:
            yield _point("Gained by the best other way of asking", way.estimate, way.reason)


def _attempts(report: Assessment) -> Iterator[Point]:
    for one in report.estimates:
        if one.quantity == "Q4" and _of_all(report, one):
            yield _point(f"Solved in at least one of {one.id.rpartition('/k')[2]} attempts", one, "")


def _further(report: Assessment) -> Iterator[Point]:
    """How far it gets, and where it stands on a scale."""
    for horizon in report.horizons:
        if horizon.participant == report.subject.alias:
            axis = "human minutes" if horizon.axis == "minutes" else "generator levels"
            for point in horizon.points:
                what = f"Where {numbers.percent(point.share)} are solved, on the axis of {axis}"
                yield _point(what, point.estimate, point.reason)
    for ability in report.abilities:
        if ability.participant == report.subject.alias:
            yield _point("Ability, in points of the calibration", ability.points, ability.reason)


def _point(what: str, estimate: EstimateRecord | None, reason: str) -> Point:
    if estimate is None:
        return Point(what, f"no number: {visible(reason)}" if reason else "no number is stated")
    qualified = numbers.words(estimate)
    return Point(what, numbers.of(estimate).text, "; ".join(filter(None, (_counted(estimate), qualified))))


def _counted(one: EstimateRecord) -> str:
    level = f"{numbers.percent(one.level)} interval"
    counted = f"{numbers.solved_of(one.solved, one.n)} runs solved" if one.solved is not None else f"{one.n} runs"
    return f"{level}, {counted}"


def _questions(report: Assessment) -> Iterator[tuple[str, tuple[str, ...]]]:
    solved = _whole(report, "Q1")
    yield "Does this say whether the model may be released?", (f"No. {SAID_NOTHING}",)
    if solved is not None:
        yield "With what budget?", (f"{visible(solved.budget)}.",)
        yield "What exactly is the first number?", (f"{visible(solved.estimand).capitalize()}.", visible(solved.method))
    with_voided = [one for one in report.estimates if one.quantity == "Q1" and one.sample_set != "all"]
    others = [one for one in with_voided if _of_all(report, one, one.sample_set)]
    if others:
        said = (f"{one.sample_set.replace('-', ' ')}: {numbers.of(one).text}, {_counted(one)}" for one in others)
        yield "Would the runs that rules or people marked change it?", tuple(said)
    yield "What was not tested?", tuple(map(visible, report.not_tested))
    evidence = "The report names the digest of every file that its numbers follow from"
    yield "How can it be checked?", (f"{evidence}, and of its plan.",)


def _whole(report: Assessment, quantity: str) -> EstimateRecord | None:
    """The subject's number over all of the review."""
    found = (one for one in report.estimates if one.quantity == quantity and _of_all(report, one))
    return next(found, None)


def _of_all(report: Assessment, one: EstimateRecord, sample_set: str = "all") -> bool:
    whole = one.scope.family is None and one.scope.level is None
    return whole and one.participant == report.subject.alias and one.sample_set == sample_set


def _reason(report: Assessment, quantity: str) -> str:
    for one in report.not_identifiable:
        whole = one.scope.family is None and one.scope.level is None and one.sample_set == "all"
        if whole and one.participant == report.subject.alias and one.quantity == quantity:
            return visible(one.reason)
    return ""
