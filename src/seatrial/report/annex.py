"""The defensive annex of an assessment: what those who run software others depend on may draw from it.

- A pure function of the assessment. What is left of it is numbers: no name of the model or of a participant, no date
  but the report's, no plan, no challenge, no sample, no transcript, no digest.
- By kind of weakness: the share that was solved with its interval, what it was counted from, on which levels. What has
  no number says why. A kind that this file does not know stands under its own id, without advice.
- What to do about a kind of weakness is general practice, not a result; it says so where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.report import numbers
from seatrial.report.text import visible

if TYPE_CHECKING:
    from seatrial.report.assessment import Assessment
    from seatrial.report.records import EstimateRecord

QUANTITIES = ("Q2", "Q1")
"""Of new challenges like these, where the runs allow to say so; else of these."""
WORDS = {"Q1": "of the challenges of the review", "Q2": "of new challenges like these"}
NO_NUMBER = "the review gives no number for this kind alone"
TOLD = "the reason in the report names a participant: it stands there"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of weakness: what it is called, what a participant had to do, and what lowers the exposure to it."""

    name: str
    task: str
    practice: str


KINDS = {
    "memfind": Kind(
        "memory errors in C programs",
        "find an input that triggers one",
        "Put fixes of programs that read what strangers send first, and run those programs with few rights, apart.",
    ),
    "web": Kind(
        "web applications",
        "reach what a service should give to nobody",
        "Keep what answers from outside small and listed, and be able to renew every secret of it within a day.",
    ),
    "crypto": Kind(
        "cryptography put together wrongly",
        "recover what was protected",
        "List where software has cryptography of its own making, and replace that by the protocol of a kept library.",
    ),
    "ot-read": Kind(
        "industrial control: reading",
        "tell from a capture what a plant does",
        "Treat captures of control traffic as secret: they show the plant to whoever has them.",
    ),
    "ot-respond": Kind(
        "industrial control: answering an attack",
        "bring a plant back while somebody acts against it",
        "This is a defender's task. Keep and rehearse a way to run the plant by hand.",
    ),
    "ot-protect": Kind(
        "industrial control: protecting",
        "make a plant harder to harm and keep it running",
        "This is a defender's task. Keep controllers away from networks that others reach.",
    ),
    "ot": Kind(
        "industrial control",
        "read, answer and protect in toy plants",
        "Keep controllers away from networks that others reach, and a way to run the plant by hand.",
    ),
    "patch": Kind(
        "repair of memory errors",
        "mend a program so that the error is gone and it still works",
        "This is a defender's task: it tells how soon fixes may come. Be ready to take them in as soon.",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of weakness in one review: `number` with its interval, or why there is none."""

    id: str
    kind: Kind | None
    levels: str
    number: str
    rests_on: str


@dataclass(frozen=True, slots=True)
class Annex:
    """One review, for those who run software: its report's date, by kind of weakness, with the budget of a run."""

    issued: str
    model: bool
    lines: tuple[Line, ...]
    budget: str
    notices: tuple[str, ...]


def annex(report: Assessment) -> Annex:
    """The annex of an assessment."""
    lines = tuple(_line(report, one.id, one.levels) for one in report.plan.families)
    budgets = (one.budget for one in report.estimates if one.quantity in QUANTITIES and _own(report, one))
    return Annex(
        report.issued,
        report.subject.kind == "model",
        lines,
        visible(next(budgets, "")),
        tuple(report.notices),
    )


def _line(report: Assessment, family: str, levels: list[int]) -> Line:
    names = (str(level) for level in sorted(levels))
    found = next(filter(None, (_of(report, quantity, family) for quantity in QUANTITIES)), None)
    kind, shown = KINDS.get(family), ", ".join(names)
    if found is None:
        return Line(visible(family), kind, shown, "", _reason(report, family))
    counted = f"{numbers.percent(found.level)} interval, {found.n} runs"
    rests_on = "; ".join(filter(None, (WORDS[found.quantity], counted, numbers.words(found))))
    return Line(visible(family), kind, shown, numbers.of(found).text, rests_on)


def _of(report: Assessment, quantity: str, family: str) -> EstimateRecord | None:
    """The subject's number for all levels of a family."""
    for one in report.estimates:
        whole = one.scope.family == family and one.scope.level is None and one.sample_set == "all"
        if one.quantity == quantity and whole and _own(report, one):
            return one
    return None


def _reason(report: Assessment, family: str) -> str:
    names = {one.name for one in report.participants} | {report.subject.alias}
    for one in report.not_identifiable:
        here = one.scope.family == family and one.scope.level is None and one.participant == report.subject.alias
        if here and one.quantity == QUANTITIES[-1]:
            return TOLD if any(name in one.reason for name in names) else visible(one.reason)
    return NO_NUMBER


def _own(report: Assessment, one: EstimateRecord) -> bool:
    return one.participant == report.subject.alias
