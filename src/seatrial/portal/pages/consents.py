"""Consents: who may do what with whose data until when; each given by itself, and taken back by one button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.desk import Brought
from seatrial.framework.submission_store import NotHere
from seatrial.portal.about import PAPERS, about
from seatrial.portal.forms.consent import WORDS, ConsentForm
from seatrial.portal.forms.step import words
from seatrial.portal.opening import house
from seatrial.portal.pages.submissions import back

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpResponse

    from seatrial.framework.consent import Consent
    from seatrial.portal.about import About
    from seatrial.portal.acting import PortalRequest


def show(request: PortalRequest, name: str) -> HttpResponse:
    """All consents, and the form of another."""
    here = about(request, name)
    if request.method == "POST":
        return _given(here, ConsentForm(here, request.POST))
    return _page(here, ConsentForm(here) if _may_give(here) else None)


def revoke(request: PortalRequest, name: str, consent: str) -> HttpResponse:
    """Take one back, now; it cannot be undone, and another can be given."""
    here = about(request, name)
    found = next((one for one in here.standing.consents if one.id == consent), None)
    if found is None:
        raise NotHere(name)
    brought = Brought(consent=found)
    here.tried(lambda: here.desk.act(name, "revoke_consent", brought), "Taken back: from now on it holds no more.")
    return back(here, "submission-consents")


def _given(here: About, form: ConsentForm) -> HttpResponse:
    def act() -> None:
        consent = form.consent(house().new_id("con"), here.desk.now)
        here.desk.act(here.name, "give_consent", Brought(consent=consent), form.request_digest)

    if form.is_valid() and here.tried(act, "Given.", form):
        return back(here, "submission-consents")
    return _page(here, form, status=422)


def _page(here: About, form: ConsentForm | None, status: int = 200) -> HttpResponse:
    lines = [_line(one, here.desk.now) for one in reversed(here.standing.consents)]
    context = {"lines": lines, "form": form, "marking": PAPERS}
    return here.page("developer/consents.html", context, status=status)


def _may_give(here: About) -> bool:
    events = {offer.event for offer in here.desk.offers(here.standing)}
    return "give_consent" in events and here.standing.subject is not None


def _line(consent: Consent, now: datetime) -> dict[str, Any]:
    state, tone = ("active", "active") if consent.active(now) else ("over", "ended")
    if consent.revoked(now):
        state, tone = "taken back", "ended"
    return {
        "consent": consent,
        "may": WORDS[consent.activity],
        "who": sorted(f"{one.organisation}, {words(one.role)}" for one in consent.recipients),
        "purposes": ", ".join(sorted(words(one) for one in consent.purposes)),
        "classes": ", ".join(sorted(consent.classes)),
        "state": state,
        "tone": tone,
        "until": consent.revoked_at or consent.expires,
    }
