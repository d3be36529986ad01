"""The demonstration's door: a visitor picks a made-up person and is signed in as them.

Its address exists in a process that serves a demonstration and in no other, and it answers this host alone.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.shortcuts import redirect, render

from seatrial.framework.submission_store import NotHere
from seatrial.portal.access import ANYBODY, Route, opens
from seatrial.portal.acting import CHOSEN
from seatrial.portal.demo_parties import PLAYERS, by_organisation
from seatrial.portal.identity.assurance import proved
from seatrial.portal.navigation import NAVIGATION
from seatrial.portal.opening import place
from seatrial.portal.pages.account import BACKEND

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest

WORDS = {
    "developer_owner": "offers models, consents, grants, comments, withdraws",
    "developer_counsel": "comments on drafts for the developer, and withdraws",
    "evaluator": "runs reviews, reads transcripts, writes drafts",
    "evaluator_lead": "signs agreements and reports, turns the second key",
    "designation_liaison": "answers inquiries, proposes and adopts framework texts",
    "agency_reader": "reads what a developer granted, comments on texts",
    "metrics_reader": "reads figures that a developer granted",
    "analyst": "takes findings in, groups and rates them",
    "verifier": "shows findings again, and that a fix works",
    "coordinator": "reports findings and keeps their clocks",
    "clearinghouse_lead": "leads the clearinghouse, turns keys",
    "maintainer": "answers reports on its own software and fixes it",
    "trusted_partner": "reads what a developer granted a partner",
    "infrastructure_operator": "reads advisories for those who run the software",
    "auditor": "checks the record and who read what",
    "task_owner": "keeps held-out tasks",
    "operator": "runs this installation, and sees no submission",
}
"""What each role does here, in a line."""


def door(request: PortalRequest) -> HttpResponse:
    """Everybody whom a visitor can be; and the sign-in as one of them."""
    if not place().demonstration or not _from_here(request):
        raise NotHere(request.path)
    if request.method == "POST":
        return _entered(request)
    bodies = [
        {
            "organisation": body,
            "people": [
                {"player": one, "does": WORDS[one.role], "value": f"{one.person}:{one.pair}"} for one in players
            ],
        }
        for body, players in by_organisation()
    ]
    return render(request, "demo/door.html", {"bodies": bodies})


def _entered(request: PortalRequest) -> HttpResponse:
    wish = request.POST.get("player", "")
    found = next((one for one in PLAYERS if f"{one.person}:{one.pair}" == wish), None)
    if found is None:
        raise NotHere(request.path)
    user = User.objects.get(username=found.person)
    login(request, user, BACKEND)
    proved(request, user, "webauthn")
    request.session[CHOSEN] = found.pair
    return redirect(next((name for _, name, roles in NAVIGATION if opens(roles, found.role)), "home"))


def _from_here(request: PortalRequest) -> bool:
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


DOOR = Route("demonstration", "demonstration/", door, ANYBODY, ANYBODY)
"""Its line of the table."""
