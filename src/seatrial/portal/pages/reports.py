"""A report's way: a draft from a finished run, the developer's time to comment, later drafts, and the signature.

- The developer reads a draft before anybody else. What is signed is the delivered text, the run's own files and the
  developer's comments, word for word.
- Each step is the desk's; these pages write its papers from the run and from what people type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect

from seatrial.desk import Brought
from seatrial.drafting import (
    DIFF,
    DRAFT,
    NAMES,
    REPORT,
    TRANSCRIPT_REVIEW,
    WRITTEN,
    Reports,
    difference,
    draft_papers,
    outline,
    public_key,
    transcript_review,
)
from seatrial.evaluation.jobs import UnitState
from seatrial.evaluation.queued import each_run, report_of, run_id
from seatrial.evaluation.scrutiny.rulings import settled
from seatrial.framework.obligation import due
from seatrial.framework.submission_store import NotHere
from seatrial.paperwork import sha256
from seatrial.portal.assigned import SCORES, assigned, page, runs
from seatrial.portal.forms.drafting import DeliveryForm, DraftForm, Once, RevisionForm
from seatrial.portal.opening import house
from seatrial.portal.pages.runs import attachment, figures_of
from seatrial.publication import KEY_FILE
from seatrial.report.assessment import Assessment, ReportError
from seatrial.report.bundle import ENVELOPE, archive, checked
from seatrial.reviewing import newest
from seatrial.storage.stores.rulings import RulingTables

if TYPE_CHECKING:
    from django import forms
    from django.http import HttpResponse

    from seatrial.evaluation.jobs import PlanUnit
    from seatrial.framework.document import Document
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

SHOWN = (WRITTEN, DRAFT, DIFF, TRANSCRIPT_REVIEW, *NAMES, REPORT)
"""The papers of a report, in the order in which they come."""
TYPES = {".md": "text/markdown; charset=utf-8", ".html": "text/html; charset=utf-8", ".json": "application/json"}


def show(request: PortalRequest, name: str) -> HttpResponse:
    """Where the report stands: drafts, comments, what is due, and the signed files."""
    here = assigned(request, name)
    kept = _reports(here)
    text = _text(kept)
    steps = [
        offer
        for offer in here.desk.offers(here.standing)
        if offer.event in {"send_draft", "deliver_draft", "revise", "sign_report"}
    ]
    context: dict[str, Any] = {
        "owed": due(here.standing, here.pack, request.now),
        "steps": [{"event": one.event, "url": here.address(STEPS[one.event]), "missing": one.missing} for one in steps],
        "text": text,
        "figures": _figures(kept, text),
        "comments": [{"document": one, "text": _paper(kept, one)} for one in kept.comments()],
        "papers": [
            {"document": one, "name": _name(one), "url": here.address("report-paper", one.kind, one.version)}
            for one in reversed(here.standing.documents)
            if one.kind in SHOWN
        ],
        "signature": _signature(here, kept),
        "marking": SCORES,
    }
    return page(here, "reports/show.html", **context)


STEPS = {
    "send_draft": "report-draft",
    "deliver_draft": "report-deliver",
    "revise": "report-revise",
    "sign_report": "report-sign",
}


def draft(request: PortalRequest, name: str) -> HttpResponse:
    """Write a draft from a finished run; the evaluator gives it to the lead."""
    here = assigned(request, name)
    chosen, units = _run(here)
    form = DraftForm(request.POST or None, initial={"text": _begin(here, chosen)})
    if request.method == "POST" and chosen is not None and form.is_valid() and _sent(here, chosen, form):
        return redirect("review-report", name=name)
    return _step(here, form, "send_draft", "Write the draft", chosen=chosen, units=units, waits=_unread(here, units))


def revise(request: PortalRequest, name: str) -> HttpResponse:
    """Write a later draft, with an answer to the developer's comments."""
    here = assigned(request, name)
    chosen, units = _run(here)
    kept = _reports(here)
    form = RevisionForm(request.POST or None, initial={"text": _words(_text(kept))})
    if request.method == "POST" and chosen is not None and form.is_valid() and _revised(here, chosen, form):
        return redirect("review-report", name=name)
    comments = [{"document": one, "text": _paper(kept, one)} for one in kept.comments()]
    return _step(here, form, "revise", "Revise the draft", chosen=chosen, units=units, comments=comments)


def deliver(request: PortalRequest, name: str) -> HttpResponse:
    """Deliver the draft to the developer, who reads it before anybody else."""
    here = assigned(request, name)
    kept = _reports(here)
    written = kept.text(WRITTEN)
    form = DeliveryForm(request.POST or None, initial={"text": written})
    if request.method == "POST" and form.is_valid():
        said = "The draft is delivered; the developer's time to comment begins."
        if here.tried(lambda: _delivered(here, kept, form), said, form):
            return redirect("review-report", name=name)
    return _step(here, form, "deliver_draft", "Deliver the draft", figures=_figures(kept, written))


def sign(request: PortalRequest, name: str) -> HttpResponse:
    """Sign the report: what is signed, over which files, with which key."""
    here = assigned(request, name)
    kept = _reports(here)
    text, form = kept.text(DRAFT), Once(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = "The report is signed and issued."
        if here.tried(lambda: kept.sign(text, house().home, form.request_digest), said, form):
            return redirect("review-report", name=name)
    files, why = _to_sign(kept, text)
    missing = kept.missing("sign_report", (REPORT, *(file["kind"] for file in files)))
    more = {"files": files, "why": why, "figures": _figures(kept, text), "missing": missing}
    return _step(here, form, "sign_report", "Sign the report", **more)


def render_again(request: PortalRequest, name: str, unit: str) -> HttpResponse:
    """Have a worker write the report of a finished run again."""
    here = assigned(request, name)
    found = runs().one(here.desk.viewer, name, unit)
    wanted = report_of(found, by=here.desk.actor.person)
    here.tried(lambda: house().jobs.enqueue(here.desk.viewer, wanted, request.now), "A worker writes the report again.")
    return redirect("review-run", name=name, unit=unit)


def paper(request: PortalRequest, name: str, kind: str, version: int) -> HttpResponse:
    """A paper of the report, to keep."""
    here = assigned(request, name)
    found = next((one for one in here.standing.documents if (one.kind, one.version) == (kind, version)), None)
    if found is None or kind not in SHOWN:
        raise NotHere(kind)
    try:
        content = _reports(here).paper(found)
    except LookupError as error:
        raise NotHere(kind) from error
    file = _name(found)
    return attachment(content, file, TYPES[file[file.rindex(".") :]])


def whole(request: PortalRequest, name: str) -> HttpResponse:
    """The signed report in one file: everything that the signature names, and the signature."""
    here = assigned(request, name)
    try:
        files = _reports(here).issued()
    except LookupError as error:
        raise NotHere(name) from error
    return attachment(archive(files), f"{here.title}-report.zip", "application/zip")


def key(request: PortalRequest, name: str) -> HttpResponse:
    """The public key of this installation's reports."""
    assigned(request, name)
    return attachment(public_key(house().home)[1], KEY_FILE.replace(".pem", ".pub.pem"), "application/x-pem-file")


def _reports(here: About) -> Reports:
    return Reports(here.desk, here.standing)


def _text(kept: Reports) -> str:
    """The newest draft's text, delivered or not: whichever was written last."""
    latest = [one for one in kept.standing.documents if one.kind in {WRITTEN, DRAFT}]
    return kept.paper(latest[-1]).decode() if latest else ""


def _words(text: str) -> str:
    return text.partition("\n## Files that belong to this draft\n")[0].rstrip() + "\n"


def _paper(kept: Reports, document: Document) -> str:
    try:
        return kept.paper(document).decode(errors="replace")
    except LookupError:
        return "(not kept here)"


def _figures(kept: Reports, text: str) -> dict[str, Any] | None:
    try:
        return figures_of(kept.assessed(text)[0]) if text else None
    except (LookupError, ValueError):
        return None


def _run(here: About) -> tuple[PlanUnit | None, list[PlanUnit]]:
    """The run a draft is written from: the one that was asked for, or the newest finished one."""
    finished = [one for one in runs().of(here.desk.viewer, here.name) if one.state is UnitState.COMPLETE]
    finished = [one for one in finished if runs().glance(one).reported]
    wanted = here.request.POST.get("run") or here.request.GET.get("run", "")
    chosen = next((one for one in finished if one.id == wanted), finished[0] if finished else None)
    return chosen, finished


def _begin(here: About, chosen: PlanUnit | None) -> str:
    if chosen is None:
        return ""
    rulings = RulingTables(house().database).of(here.desk.viewer, here.name, run_id(chosen))
    return outline(Assessment.model_validate(runs().glance(chosen).json("assessment.json")), rulings)


def _unread(here: About, units: list[PlanUnit]) -> int:
    """How many flagged samples nobody has settled."""
    decided: dict[tuple[str, str], list[Any]] = {}
    for one in RulingTables(house().database).of(here.desk.viewer, here.name):
        decided.setdefault((one.unit, one.key), []).append(one)
    flagged = ((run_id(unit), one.key) for unit in each_run(units) for one in runs().glance(unit).flagged())
    return sum(settled(decided.get(place, [])) is None for place in flagged)


def _sent(here: About, chosen: PlanUnit, form: DraftForm) -> bool:
    """Give the draft and the reading of transcripts to the lead; whether it was done."""
    units = [one for one in runs().of(here.desk.viewer, here.name) if not one.open]
    flagged = [(run_id(unit), one) for unit in each_run(units) for one in runs().glance(unit).flagged()]
    rulings = RulingTables(house().database).of(here.desk.viewer, here.name)
    read = transcript_review(flagged, rulings, form.cleaned_data["remarks"])

    def act() -> None:
        papers = draft_papers(form.cleaned_data["text"], runs().glance(chosen))
        here.desk.act(
            here.name, "send_draft", Brought(papers=((TRANSCRIPT_REVIEW, read), *papers)), form.request_digest
        )

    return here.tried(act, "The draft is with the lead.", form)


def _revised(here: About, chosen: PlanUnit, form: RevisionForm) -> bool:
    """Give the later draft to the lead, with what is different; whether it was done."""

    def act() -> None:
        papers = draft_papers(form.cleaned_data["text"], runs().glance(chosen))
        before = _reports(here).text(DRAFT)
        changed = difference(before, dict(papers)[WRITTEN].decode(), form.cleaned_data["remarks"])
        here.desk.act(here.name, "revise", Brought(papers=((DIFF, changed), *papers)), form.request_digest)

    return here.tried(act, "The revised draft is with the lead.", form)


def _delivered(here: About, kept: Reports, form: DeliveryForm) -> None:
    text = form.cleaned_data["text"].replace("\r\n", "\n").rstrip() + "\n"
    kept.assessed(text)
    here.desk.act(here.name, "deliver_draft", Brought(papers=((DRAFT, text.encode()),)), form.request_digest)


def _step(here: About, form: forms.Form, event: str, title: str, **more: Any) -> HttpResponse:  # noqa: ANN401 - of a page
    offer = next((one for one in here.desk.offers(here.standing) if one.event == event), None)
    context: dict[str, Any] = {
        "missing": offer.missing if offer else (),
        "form": form,
        "offer": offer,
        "page_title": title,
        "event": event,
        "marking": SCORES,
        **more,
    }
    return page(here, "reports/step.html", status=422 if form.errors else 200, **context)


def _to_sign(kept: Reports, text: str) -> tuple[list[dict[str, Any]], str]:
    """The files that a signature is over, or why there can be none."""
    if not text:
        return [], "No draft was delivered."
    try:
        papers = kept.signing(text)
    except (LookupError, ValueError) as error:
        return [], f"{error}."
    return [
        {"kind": one, "name": NAMES[one], "size": len(papers[one]), "digest": sha256(papers[one])} for one in papers
    ], ""


def _signature(here: About, kept: Reports) -> dict[str, Any] | None:
    """What is found when the signed report is looked at as an outsider would; None before it is signed."""
    envelope = newest(here.standing, REPORT)
    if envelope is None:
        return None
    try:
        files = kept.issued()
        lines = checked(files[ENVELOPE], files, public_key(house().home)[0])
    except (LookupError, ReportError) as error:
        return {"why": f"{error}.", "lines": (), "document": envelope}
    return {"why": "", "lines": lines, "document": envelope}


def _name(document: Document) -> str:
    """As what a paper is kept by whoever downloads it; a signed file has its own name in the whole report."""
    stem, _, suffix = NAMES.get(document.kind, f"{document.kind.replace('_', '-')}.md").rpartition(".")
    return ENVELOPE if document.kind == REPORT else f"{stem}-{document.version}.{suffix}"
