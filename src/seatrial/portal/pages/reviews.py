"""The evaluator's queue, and one review: where it stands, what waits for whom, what to do next."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render

from seatrial.desk import Brought
from seatrial.evaluation.queued import shown
from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.obligation import due
from seatrial.framework.standing import Kind
from seatrial.framework.submission import OVER
from seatrial.paperwork import subject_of
from seatrial.portal.about import MODEL_FACTS, PAPERS
from seatrial.portal.assigned import RICHER, assigned, number, page, pages, runs, step_of
from seatrial.portal.forms.drafting import DeviationsForm
from seatrial.portal.forms.once import Once
from seatrial.portal.forms.plan import PlanForm
from seatrial.portal.forms.step import words
from seatrial.portal.journey import way
from seatrial.portal.opening import house
from seatrial.portal.pages.submissions import ANY_TIME, sides
from seatrial.reviewing import BUDGET, DEVIATIONS, PLAN, newest, plan_papers

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpResponse

    from seatrial.evaluation.jobs import PlanUnit
    from seatrial.framework.document import Document
    from seatrial.framework.standing import Standing
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

QUEUE = 50
RECENT = 5
WORKER_QUIET = timedelta(seconds=60)
"""No sign of life of any worker for so long: nobody takes a run that is asked for."""
PREFLIGHT, SANITY = "preflight_record", "endpoint_sanity_record"


def index(request: PortalRequest) -> HttpResponse:
    """The submissions that this organisation assesses: what each waits for, whose turn it is, until when."""
    ended = request.GET.get("show") == "ended"
    found = house().submissions.list(request.who.viewer, Kind.SUBMISSION)
    mine = [one for one in found if one.evaluator == request.who.organisation and (one.state in OVER) is ended]
    begin = number(request.GET.get("from", ""))
    lines = [_queued(one, request.now) for one in mine]
    lines.sort(key=lambda line: (line["by"] is None, line["by"] or request.now))
    context: dict[str, Any] = {
        "lines": lines[begin : begin + QUEUE],
        "pages": pages(len(lines), begin, QUEUE, "show=ended" if ended else ""),
        "ended": ended,
        "marking": MODEL_FACTS,
    }
    return render(request, "reviews/index.html", context)


def show(request: PortalRequest, name: str) -> HttpResponse:
    """One review."""
    here = assigned(request, name)
    standing = here.standing
    units = runs().of(here.desk.viewer, name)
    offers = [
        {
            "event": offer.event,
            "url": step_of(here, offer.event),
            "missing": offer.missing,
            "any_time": offer.event in ANY_TIME,
        }
        for offer in here.desk.offers(standing)
    ]
    context: dict[str, Any] = {
        "meaning": LIFECYCLES[standing.kind].meaning[standing.state],
        "way": way(here.record.history, standing.state),
        "owed": _owed(standing, request.now),
        "next": sorted((one for one in offers if not one["any_time"]), key=lambda one: one["event"] not in RICHER),
        "any_time": [one for one in offers if one["any_time"]],
        "keys": [
            {"keys": one, "sides": sides(here, one)} for one in here.desk.open_keys(name, standing) if one.missing
        ],
        "papers": [_paper(standing, kind) for kind in (PLAN, BUDGET, PREFLIGHT, SANITY, DEVIATIONS)],
        "runs": [line_of(unit) for unit in units[:RECENT]],
        "total": len(units),
    }
    return page(here, "reviews/show.html", **context)


def plan(request: PortalRequest, name: str) -> HttpResponse:
    """The options of a review, and what they come to, before anything runs; a lead registers them."""
    here = assigned(request, name)
    subject = subject_of(here.standing)
    form = PlanForm(subject, request.POST or (request.GET if "tier" in request.GET else None))
    offer = next((one for one in here.desk.offers(here.standing) if one.event == "register_plan"), None)
    once = Once(request.POST or None)
    met = form.is_bound and form.is_valid()
    if request.method == "POST" and met and offer is not None and once.is_valid():
        brought, digest = Brought(papers=plan_papers(here.standing, form.request())), once.request_digest
        if here.tried(lambda: here.desk.act(name, "register_plan", brought, digest), "The plan is registered.", form):
            return redirect("review-plan", name=name)
    context: dict[str, Any] = {
        "form": form,
        "once": once,
        "figures": form.figures if met else None,
        "may_register": offer is not None,
        "missing": offer.missing if offer else (),
        "registered": _registered(here),
        "marking": PAPERS,
    }
    status = 422 if request.method == "POST" and form.errors else 200
    return page(here, "reviews/plan.html", status=status, **context)


def boundary(request: PortalRequest, name: str) -> HttpResponse:
    """What the last preflight observed, and what the endpoint answered to its first questions."""
    here = assigned(request, name)
    records = [one for one in here.standing.documents if one.kind == PREFLIGHT]
    latest = [(one, _content(here, one)) for one in records if one.at == records[-1].at]
    sanity = newest(here.standing, SANITY)
    context: dict[str, Any] = {
        "records": [{"document": one, "content": content} for one, content in latest],
        "earlier": len(records) - len(latest),
        "sanity": sanity,
        "answers": _answers(_content(here, sanity)) if sanity else None,
        "marking": PAPERS,
    }
    return page(here, "reviews/boundary.html", **context)


def end(request: PortalRequest, name: str) -> HttpResponse:
    """End the runs, with what was done otherwise than planned."""
    here = assigned(request, name)
    offer = next((one for one in here.desk.offers(here.standing) if one.event == "end_runs"), None)
    units = runs().of(here.desk.viewer, name)
    form = DeviationsForm(request.POST or None, initial={"deviations": deviations(units)})
    if request.method == "POST" and offer is not None and form.is_valid():
        brought = Brought(papers=((DEVIATIONS, form.cleaned_data["deviations"].encode()),))
        said = "The runs are ended; access is over."
        if here.tried(lambda: here.desk.act(name, "end_runs", brought, form.request_digest), said, form):
            return redirect("review", name=name)
    going = sum(unit.open for unit in units)
    context: dict[str, Any] = {"form": form, "offer": offer, "going": going, "marking": PAPERS}
    return page(here, "reviews/end.html", status=422 if form.errors else 200, **context)


def deviations(units: tuple[PlanUnit, ...]) -> str:
    """What the runs themselves tell of how they went, as the beginning of a paper."""
    lines = [f"- run {unit.id}: {_went(unit)}" for unit in reversed(units)]
    return "# Deviations\n\n## How the runs went\n\n{}\n\n## What was done otherwise than planned\n\nnone\n".format(
        "\n".join(lines) or "nothing was run"
    )


def line_of(unit: PlanUnit) -> dict[str, Any]:
    """A run as a list shows it."""
    return {"unit": unit, "shown": shown(unit), "tone": TONES[unit.state]}


TONES = {"waiting": "waiting", "running": "active", "complete": "done", "cancelled": "ended", "error": "attention"}


def no_worker(request: PortalRequest) -> bool:
    """Whether nobody is there to take a run that is asked for."""
    quiet = house().jobs.quiet_for(request.now)
    return quiet is None or quiet > WORKER_QUIET


def _went(unit: PlanUnit) -> str:
    seen = shown(unit)
    done = f"{seen.done} of {seen.total} samples done" if seen.total else "no sample done"
    return f"{seen.state}, {done}" + (f"; {seen.reason}" if seen.reason else "")


def _queued(standing: Standing, now: datetime) -> dict[str, Any]:
    owed = _owed(standing, now)[:1]
    return {"standing": standing, "owed": owed, "by": owed[0].by if owed else None}


def _owed(standing: Standing, now: datetime) -> tuple[Any, ...]:
    return due(standing, house().packs(standing.pack), now)


def _paper(standing: Standing, kind: str) -> dict[str, Any]:
    return {"kind": words(kind), "document": newest(standing, kind)}


def _registered(here: About) -> dict[str, Any] | None:
    """The newest registered plan, with its request where it holds one."""
    document = newest(here.standing, PLAN)
    if document is None:
        return None
    try:
        found = runs().plan(here.desk.viewer, here.standing)
        return {"document": document, "request": found[1] if found else None, "why": ""}
    except ValueError as error:
        return {"document": document, "request": None, "why": str(error)}


def _content(here: About, document: Document) -> dict[str, Any] | None:
    """A paper of the runner, read; None where its bytes are not kept or hold no record."""
    try:
        found = json.loads(house().papers.get(here.desk.viewer, here.name, document.digest))
    except (LookupError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _answers(record: dict[str, Any] | None) -> dict[str, Any] | None:
    """The three questions of an endpoint's record, in order."""
    if record is None:
        return None
    asked = [
        {"name": label, **record[part]}
        for label, part in (("A short question", "question"), ("A stated maximum", "maximum"), ("A stream", "stream"))
        if isinstance(record.get(part), dict)
    ]
    return {"record": record, "asked": asked}
