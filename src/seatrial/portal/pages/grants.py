"""Who sees what of one submission: grants, made and ended; keys that were asked for; every noted reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.framework.submission_store import NotHere
from seatrial.granting import grantable, opened
from seatrial.portal.about import PAPERS, about
from seatrial.portal.forms.grant import GrantForm
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
    return _page(here, GrantForm(here) if _may_grant(here) else None)


def make(request: PortalRequest, name: str) -> HttpResponse:
    """Open the signed report to one more reader."""
    here = about(request, name)
    if not _may_grant(here):
        return back(here, "submission-grants")
    form = GrantForm(here, request.POST)

    def act() -> None:
        opened(here.desk, here.standing, form.wanted, form.request_digest)

    if form.is_valid() and here.tried(act, "Granted: the report is open to them until then.", form):
        return back(here, "submission-grants")
    return _page(here, form, status=422)


def _may_grant(here: About) -> bool:
    return here.owns and here.standing.subject is not None and grantable(here.standing)


def _page(here: About, form: GrantForm | None, status: int = 200) -> HttpResponse:
    name = here.name
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
        "form": form,
        "marking": PAPERS,
    }
    return here.page("developer/grants.html", context, status=status)


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
