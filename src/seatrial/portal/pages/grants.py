"""Who sees what: grants, the keys that were asked for, and every noted reading of one submission; one grant ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.framework.submission_store import NotHere
from seatrial.portal.about import PAPERS, about
from seatrial.portal.forms.step import words
from seatrial.portal.opening import house
from seatrial.portal.pages.submissions import back, sides
from seatrial.storage.reads import ReadTables

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.framework.consent import Grant
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest

MOST = 100
"""Lines of a list; the newest are shown, and how many there are."""


def show(request: PortalRequest, name: str) -> HttpResponse:
    """All of it, newest first."""
    here = about(request, name)
    grants = house().permissions.grants(here.desk.viewer, name)[::-1]
    reads, total = ReadTables(house().database).newest(here.desk.viewer, name, MOST)
    asked = [{"request": one.request, "sides": sides(here, one)} for one in here.desk.keys(name, here.standing)][::-1]
    context = {
        "grants": [_line(here, grant) for grant in grants[:MOST]],
        "grants_total": len(grants),
        "reads": reads,
        "reads_total": total,
        "asked": asked[:MOST],
        "recipients": _recipients(here),
        "marking": PAPERS,
    }
    return here.page("developer/grants.html", context)


def end(request: PortalRequest, name: str, grant: str) -> HttpResponse:
    """End one grant, now; it does not come back."""
    here = about(request, name)

    def act() -> None:
        house().permissions.end_grant(here.desk.viewer, name, grant, here.desk.now)

    if all(one.id != grant for one in house().permissions.grants(here.desk.viewer, name)):
        raise NotHere(name)
    here.tried(act, "The grant has ended.")
    return back(here, "submission-grants")


def _recipients(here: About) -> list[dict[str, Any]]:
    """Who is named by a consent that holds now, and for what."""
    return [
        {
            "who": f"{one.organisation}, {words(one.role)}",
            "what": words(consent.activity),
            "classes": ", ".join(sorted(consent.classes)),
            "until": consent.expires,
        }
        for consent in here.standing.consents
        if consent.active(here.desk.now)
        for one in sorted(consent.recipients, key=lambda one: (one.organisation, one.role))
    ]


def _line(here: About, grant: Grant) -> dict[str, Any]:
    return {"grant": grant, "active": grant.active(here.desk.now), "actions": ", ".join(sorted(grant.actions))}
