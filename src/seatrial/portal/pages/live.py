"""A review while it runs, for its developer: stages and their clocks, how far each run is, and what it has spent.

How many tasks were solved is not shown before the end; what the page shows comes from the plan's units and custody's
counters, and nothing in it from a model.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.queued import RUN_REVIEW, shown
from seatrial.framework.schedule import STAGES, plan
from seatrial.portal.about import about
from seatrial.portal.forms.step import words
from seatrial.portal.opening import house, installation
from seatrial.portal.pages.model_access import spend_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.evaluation.jobs import PlanUnit
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

MOST = 50
FIRST_STAGE = {
    "running": "runs",
    "paused": "runs",
    "review": "review",
    "draft_report": "review",
    "developer_comment": "comment",
    "report_issued": "",
    "handoff": "",
    "closed": "",
}
"""By state, the first stage of the plan that is not behind; the first of all where a state has no line."""
TONES = {"waiting": "waiting", "running": "active", "complete": "done", "cancelled": "ended", "error": "attention"}


def show(request: PortalRequest, name: str) -> HttpResponse:
    """The page, and the part of it that renews itself."""
    here = about(request, name)
    units = [one for one in house().jobs.units(here.desk.viewer, name) if one.wanted.kind == RUN_REVIEW]
    leases = installation().custody.leases.of_submission(name)
    lines = [_line(one) for one in units[:MOST]]
    context = {
        "units": lines,
        "total": len(units),
        "stages": _stages(here),
        "spent": _spent([spend_of(lease) for lease in leases[-MOST:]]),
        "summary": _summary(here, lines),
    }
    return here.page("developer/runs.html", context)


def _line(unit: PlanUnit) -> dict[str, Any]:
    now = shown(unit)
    eta = timedelta(seconds=now.eta_s) if now.eta_s is not None else None
    return {"unit": unit, "shown": now, "tone": TONES.get(now.state, "neutral"), "eta": eta, "spend": now.spend or {}}


def _stages(here: About) -> list[dict[str, Any]]:
    """The stages of the plan that are not over, with their clocks; none before access was opened."""
    opened = here.standing.date("access_opened")
    if opened is None or here.over:
        return []
    planned = plan(opened, here.standing.pauses, here.pack, here.desk.now)
    first = FIRST_STAGE.get(here.standing.state, STAGES[0])
    left = STAGES[STAGES.index(first) :] if first else ()
    return [
        {"name": f"Stage {stage.name}", "due": stage.due, "owner": words(stage.owner)}
        for stage in planned.stages
        if stage.name in left and stage.due > here.desk.now
    ]


def _spent(leases: list[dict[str, Any]]) -> dict[str, int]:
    return {
        "requests": sum(one["requests"][0] for one in leases),
        "input": sum(one["input"][0] for one in leases),
        "output": sum(one["output"][0] for one in leases),
        "microdollars": sum(one["microdollars"] for one in leases),
        "open_calls": sum(one["open_calls"] for one in leases),
    }


def _summary(here: About, lines: list[dict[str, Any]]) -> str:
    """One sentence, read out when it changes."""
    running = next((one for one in lines if one["shown"].state == "running"), None)
    if running is None:
        return f"Nothing runs. It stands in: {words(here.standing.state)}."
    return f"A review runs: {running['shown'].stage or 'it begins'}."
