"""What an agency has before it: reports that developers granted to it, and inquiries that are addressed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import render

from seatrial.drafting import NAMES
from seatrial.framework.data_class import DataClass
from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import NotHere
from seatrial.portal.opening import house
from seatrial.reading import REPORT, granted_report, report_of
from seatrial.report.bundle import ENVELOPE, archive

if TYPE_CHECKING:
    from seatrial.framework.consent import Grant
    from seatrial.framework.standing import Standing
    from seatrial.portal.acting import PortalRequest

MARKING = {"data_class": "R", "words": "reports: signed views for each reader", "tlp": "amber+strict"}
FILES = {REPORT: ENVELOPE, **NAMES}
"""The papers of a report, as the files of its bundle: the signature, and what it names."""
INQUIRIES = frozenset({"inquiry", "declined"})


def granted(request: PortalRequest) -> HttpResponse:
    """What was granted to this organisation in this role, what for and until when."""
    who = request.who
    standings = {one.object: one for one in house().submissions.list(who.viewer, Kind.SUBMISSION)}
    found, more = house().permissions.granted(who.viewer, request.GET.get("after", ""))
    lines = [_line(request, standings[name], grant) for name, grant in found if name in standings]
    context = {"lines": lines, "more": f"?after={more}" if more else "", "marking": MARKING}
    return render(request, "agency/granted.html", context)


def report(request: PortalRequest, name: str, grant: str) -> HttpResponse:
    """A granted report, to be saved."""
    who = request.who
    standing = house().submissions.load(who.viewer, name).standing
    found = next((one for one in house().permissions.grants(who.viewer, name) if one.id == grant), None)
    if standing.kind is not Kind.SUBMISSION or found is None:
        raise NotHere(name)
    papers = granted_report(house(), who.actor, standing, found, request.now)
    files = {FILES[kind]: content for kind, content in papers.items() if kind in FILES}
    answer = HttpResponse(archive(files), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{name}-report-{found.object_version}.zip"'
    return answer


def inquiries(request: PortalRequest) -> HttpResponse:
    """The questions that developers addressed to this organisation, newest first."""
    found = house().submissions.list(request.who.viewer, Kind.SUBMISSION)
    lines = [_asked(one) for one in reversed(found) if one.state in INQUIRIES or one.holds("opaque_reference")]
    return render(request, "agency/inquiries.html", {"lines": lines[:100], "total": len(lines)})


def _line(request: PortalRequest, standing: Standing, grant: Grant) -> dict[str, object]:
    mine = grant.role == request.who.role
    readable = grant.data_class is DataClass.R and report_of(standing, grant.object_version) is not None
    active = grant.active(request.now)
    return {
        "standing": standing,
        "grant": grant,
        "active": active,
        "open": active and mine and readable,
        "what": DataClass(grant.data_class).content,
    }


def _asked(standing: Standing) -> dict[str, object]:
    return {
        "standing": standing,
        "open": standing.state == "inquiry",
        "answered": standing.holds("opaque_reference"),
    }
