"""What is due: of all that whoever acts sees, what waits for their role, and what waits for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render

from seatrial.framework.finding import SENT
from seatrial.framework.obligation import awaited, due
from seatrial.framework.participant import Role
from seatrial.framework.standing import Kind
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from seatrial.framework.obligation import Obligation
    from seatrial.framework.standing import Standing
    from seatrial.portal.acting import PortalRequest

MOST = 100
ROUTES = {Kind.SUBMISSION: "submission", Kind.FINDING: "finding", Kind.FRAMEWORK_TEXT: "text"}
FINDING_ROLES = frozenset({Role.ANALYST, Role.VERIFIER, Role.COORDINATOR, Role.MAINTAINER})


def index(request: PortalRequest) -> HttpResponse:
    """Soonest first; what has no clock stands last, with whom it waits for."""
    viewer, role = request.who.viewer, request.who.role
    store = house().submissions
    seen = [one for kind in (Kind.SUBMISSION, Kind.FRAMEWORK_TEXT) for one in store.list(viewer, kind)]
    counts = store.counts(viewer, Kind.FINDING) if role in FINDING_ROLES else {}
    states = _states(role, frozenset(counts))
    findings = store.page(viewer, Kind.FINDING, states, most=MOST)[0] if states else ()
    lines = sorted(_lines(request, (*seen, *findings)), key=_order)
    mine = [line for line in lines if line["mine"]]
    context = {
        "mine": mine[:MOST],
        "others": [line for line in lines if not line["mine"]][:MOST],
        "mine_total": len(mine),
        "waiting": [(state, counts[state], awaited(state)) for state in states if state in counts],
    }
    return render(request, "due/index.html", context)


def _states(role: Role, there: frozenset[str]) -> tuple[str, ...]:
    """The states of findings that wait for this role; a coordinator has the clocks of all that was sent."""
    clocked = {*SENT.split(), "advisory_published"} if role is Role.COORDINATOR else set()
    found = (state for state in sorted(there) if state in clocked or (awaited(state) or ("", ""))[1] == role)
    return tuple(found)


def _lines(request: PortalRequest, standings: tuple[Standing, ...]) -> Iterator[dict[str, object]]:
    for standing in standings:
        for owed in due(standing, house().packs(standing.pack), request.now):
            mine = owed.owner == request.who.role
            if mine or standing.kind is Kind.SUBMISSION:
                yield {"standing": standing, "owed": owed, "mine": mine, "route": ROUTES[standing.kind]}


def _order(line: dict[str, object]) -> tuple[bool, float]:
    owed: Obligation = line["owed"]  # type: ignore[assignment]  # one of ours
    return owed.by is None, owed.by.timestamp() if owed.by else 0.0
