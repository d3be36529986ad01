"""The runs of a review: asked for as jobs from the registered plan, watched while they go, read when they are over.

- A stop ends a run within seconds; what was in flight is censored, and what was finished is kept and carried on with.
- How many were solved is shown when a run is over, and not before.
- The report that a run wrote is handed out as a file; the page here shows its key figures under this portal's own
  headers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import redirect, render

from seatrial.evaluation.jobs import UnitState, Where
from seatrial.evaluation.queued import shown
from seatrial.framework.obligation import due
from seatrial.framework.participant import Role
from seatrial.framework.submission_store import NotHere
from seatrial.portal.assigned import SCORES, assigned, number, page, pages, runs, step_of
from seatrial.portal.opening import house
from seatrial.portal.pages.reviews import TONES, line_of, no_worker
from seatrial.report import numbers
from seatrial.report.assessment import Assessment
from seatrial.report.words import OUTCOMES, QUANTITIES

if TYPE_CHECKING:
    from seatrial.evaluation.jobs import PlanUnit
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest
    from seatrial.report.glance import Glance
    from seatrial.report.records import EstimateRecord, NotIdentifiableRecord

RUNS = 25
SAMPLES = 50
STARTING = frozenset({"access_open", "preflight", "running"})
"""States in which a run may be asked for; in the first, the preflight is started with it."""
FILES = {"report.html": "text/html; charset=utf-8", "assessment.json": "application/json", "samples.csv": "text/csv"}


def index(request: PortalRequest, name: str) -> HttpResponse:
    """The runs of a review, newest first."""
    here = assigned(request, name)
    units = runs().of(here.desk.viewer, name)
    begin = number(request.GET.get("from", ""))
    context: dict[str, Any] = {
        "runs": [line_of(unit) for unit in units[begin : begin + RUNS]],
        "pages": pages(len(units), begin, RUNS),
        "going": sum(unit.open for unit in units),
        "start": _start(here),
        "no_worker": no_worker(request),
        "marking": SCORES,
    }
    return page(here, "reviews/runs.html", **context)


def start(request: PortalRequest, name: str) -> HttpResponse:
    """Ask for a run of the registered plan; from open access, start the preflight first."""
    here = assigned(request, name)
    if here.role is not Role.EVALUATOR or here.standing.state not in STARTING:
        here.tried(lambda: _not_now(here), "")
        return redirect("review-runs", name=name)
    asked: list[PlanUnit] = []

    def act() -> None:
        runs().plan(here.desk.viewer, here.standing)
        if here.standing.state == "access_open":
            here.desk.act(name, "start_preflight")
        asked.append(runs().ask(here.desk.viewer, here.standing, request.now))

    if here.tried(act, "The run is asked for; a worker takes it within seconds."):
        return redirect("review-run", name=name, unit=asked[0].id)
    return redirect("review-runs", name=name)


def show(request: PortalRequest, name: str, unit: str) -> HttpResponse:
    """One run: how far it is, or what came of it."""
    here, found = _found(request, name, unit)
    glance = runs().glance(found)
    progress = glance.json("progress.json", {}) if found.open or not glance.reported else {}
    context: dict[str, Any] = {
        **_shared(here, found, glance),
        "people": sorted((progress or {}).get("participants", {}).items()),
        "owed": due(here.standing, here.pack, request.now) if found.open else (),
        "figures": None if found.open else key_figures(glance),
        "record": glance.json("run.json", {}) or {},
        "no_worker": found.open and no_worker(request),
        "flagged": len(glance.flagged()),
        "files": [] if found.open else _files(here, found, glance),
    }
    return page(here, "reviews/run.html", **context)


def stop(request: PortalRequest, name: str, unit: str) -> HttpResponse:
    """Ask whether a run is to stop, and stop it."""
    here, found = _found(request, name, unit)
    where = here.address("review-run", unit)
    if request.method == "POST":
        by = f"stopped (owner: evaluator): by {here.desk.actor.person}"
        told = "The run is told to stop; it ends within seconds."
        here.tried(lambda: house().jobs.cancel(here.desk.viewer, Where(unit=found.id), by, request.now), told)
        return redirect(where)
    confirm = {
        "title": "Stop this run",
        "lead": "It stops within seconds, whatever it is doing.",
        "effects": [
            "Samples in flight are censored: they count neither as solved nor as missed.",
            "Finished samples are kept. You can carry on with the rest later.",
            "The submission stays in its state; its access goes on until its window ends.",
        ],
        "action": request.path,
        "button": "Stop the run",
        "style": "usa-button--secondary",
        "back": where,
    }
    return render(request, "components/confirm.html", {"confirm": confirm, "marking": SCORES})


def carry_on(request: PortalRequest, name: str, unit: str) -> HttpResponse:
    """Carry on with a run that was stopped."""
    here, found = _found(request, name, unit)
    asked: list[PlanUnit] = []

    def act() -> None:
        if here.role is not Role.EVALUATOR or here.standing.state not in STARTING:
            _not_now(here)
        if here.standing.state == "access_open":
            here.desk.act(name, "start_preflight")
        asked.append(runs().carry_on(here.desk.viewer, found, request.now))

    if here.tried(act, "The run is carried on with."):
        return redirect("review-run", name=name, unit=asked[0].id)
    return redirect("review-run", name=name, unit=unit)


def samples(request: PortalRequest, name: str, unit: str) -> HttpResponse:
    """The samples of a run that is over, a page at a time."""
    here, found = _found(request, name, unit)
    glance = runs().glance(found)
    wanted = {key: request.GET.get(key, "") for key in ("participant", "outcome")}
    everything = glance.rows()
    rows = [row for row in everything if all(value in ("", row.values[key]) for key, value in wanted.items())]
    begin = number(request.GET.get("from", ""))
    kept = {key: value for key, value in wanted.items() if value in {row.values[key] for row in everything}}
    query = "&".join(f"{key}={value}" for key, value in kept.items() if value.isidentifier() or "-" in value)
    context: dict[str, Any] = {
        **_shared(here, found, glance),
        "rows": rows[begin : begin + SAMPLES],
        "pages": pages(len(rows), begin, SAMPLES, query),
        "wanted": wanted,
        "choices": [(key, sorted({row.values[key] for row in everything})) for key in wanted],
        "outcomes": [(name, meaning) for name, meaning in OUTCOMES.values()],
    }
    return page(here, "reviews/samples.html", **context)


def file(request: PortalRequest, name: str, unit: str, kind: str) -> HttpResponse:
    """A file of a run's report, to keep: never shown in the browser as it is."""
    here, found = _found(request, name, unit)
    content = runs().glance(found).bytes(kind) if kind in FILES and not found.open else None
    if content is None:
        raise NotHere(kind)
    return attachment(content, f"{here.title}-{kind}", FILES[kind])


def attachment(content: bytes, name: str, kind: str) -> HttpResponse:
    """A file to keep."""
    answer = HttpResponse(content, content_type=kind)
    plain = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)
    answer.headers["Content-Disposition"] = f'attachment; filename="{plain}"'
    return answer


def key_figures(glance: Glance) -> dict[str, Any] | None:
    """What a finished run came to, from its own assessment; None where that is not written."""
    written = glance.json("assessment.json")
    return figures_of(Assessment.model_validate(written)) if written and glance.reported else None


def figures_of(found: Assessment) -> dict[str, Any]:
    """The key figures of an assessment: each with its interval, counts and method, or why there is none."""
    whole = [one for one in found.estimates if _of_all(one)]
    missing = [one for one in found.not_identifiable if _of_all(one)]
    return {
        "assessment": found,
        "estimates": [{"of": one, "shown": numbers.of(one), "said": numbers.words(one)} for one in whole],
        "missing": [{"of": one, "words": QUANTITIES[one.quantity]} for one in missing],
        "outcomes": [{"of": one, "words": OUTCOMES.get(one.outcome, (one.outcome, ""))} for one in found.outcomes],
    }


def _of_all(one: EstimateRecord | NotIdentifiableRecord) -> bool:
    whole = (one.scope.family, one.scope.level, one.sample_set) == (None, None, "all")
    return whole and one.quantity in {"Q1", "Q2"}


def _found(request: PortalRequest, name: str, unit: str) -> tuple[About, PlanUnit]:
    here = assigned(request, name)
    return here, runs().one(here.desk.viewer, name, unit)


def _shared(here: About, unit: PlanUnit, glance: Glance) -> dict[str, Any]:
    told = shown(unit)
    over = unit.state in {UnitState.CANCELLED, UnitState.ERROR}
    return {
        "unit": unit,
        "shown": told,
        "eta": None if told.eta_s is None else timedelta(seconds=told.eta_s),
        "tone": TONES[unit.state],
        "reported": glance.reported and not unit.open,
        "evaluates": here.role is Role.EVALUATOR,
        "may_carry_on": over and here.role is Role.EVALUATOR and here.standing.state in STARTING,
        "pause": step_of(here, "pause"),
        "may_pause": here.role is Role.EVALUATOR and here.standing.state in STARTING,
        "incident": step_of(here, "stop_for_incident"),
        "marking": SCORES,
    }


def _start(here: About) -> dict[str, Any]:
    """Whether a run can be asked for now, and if not, why."""
    why = ""
    if here.standing.state not in STARTING:
        why = f"It stands in {here.standing.state.replace('_', ' ')}: runs begin while access is open."
    elif here.role is not Role.EVALUATOR:
        why = "An evaluator starts runs; you act as the lead."
    else:
        try:
            why = "" if runs().plan(here.desk.viewer, here.standing) else "No plan is registered."
        except ValueError as error:
            why = f"{error}."
    return {"possible": not why, "why": why, "preflight": here.standing.state == "access_open"}


def _not_now(here: About) -> None:
    start = _start(here)
    raise ValueError(start["why"].rstrip(".") or "not in this state")


def _files(here: About, unit: PlanUnit, glance: Glance) -> list[dict[str, Any]]:
    told = {
        "report.html": "The whole report, one page without scripts",
        "assessment.json": "The same for machines",
        "samples.csv": "One row for each attempt",
    }
    return [
        {
            "url": here.address("review-file", unit.id, name),
            "name": name,
            "what": what,
            "size": (glance.path / name).stat().st_size,
        }
        for name, what in told.items()
        if (glance.path / name).is_file()
    ]
