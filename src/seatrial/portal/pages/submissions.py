"""Submissions: what stands where, what can be done next and by whom, two keys, and the way out.

Every step of the lifecycle has the same page: what it asks for and what is missing come from the lifecycle's own rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render

from seatrial.desk import Desk
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.obligation import due
from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import NotHere, Stale
from seatrial.framework.two_key import KeyAction
from seatrial.portal.errors import not_found
from seatrial.portal.forms.step import StepForm, words
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.desk import Offer
    from seatrial.framework.standing import Standing
    from seatrial.portal.acting import PortalRequest


def desk(request: PortalRequest) -> Desk:
    """The desk of whoever acts, at the time of the request."""
    return Desk(house(), request.who.actor, request.now)


def index(request: PortalRequest) -> HttpResponse:
    """The submissions that are there for whoever acts."""
    found = house().submissions.list(request.who.viewer, Kind.SUBMISSION)
    lines = [{"standing": one, "owed": _owed(one, request)[:1]} for one in reversed(found)]
    return render(request, "submissions/index.html", {"lines": lines})


def show(request: PortalRequest, name: str) -> HttpResponse:
    """Where one stands, what is owed by whom, the steps that are open to this role, and its history."""
    at = desk(request)
    record = at.record(name)
    standing = record.standing
    if standing.kind is not Kind.SUBMISSION:
        raise NotHere(name)
    context = {
        "record": record,
        "standing": standing,
        "meaning": LIFECYCLES[standing.kind].meaning[standing.state],
        "owed": _owed(standing, request),
        "offers": at.offers(standing),
        "keys": at.keys(name, standing),
    }
    return render(request, "submissions/show.html", context)


def step(request: PortalRequest, name: str, event: str) -> HttpResponse:
    """One step: its form, and the act that comes of it."""
    at = desk(request)
    standing = at.record(name).standing
    offer = next((one for one in at.offers(standing) if one.event == event), None)
    if offer is None:
        return not_found(request)
    form = StepForm(offer, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and _taken(request, at, standing, form):
        return redirect("submission", name=name)
    context = {"standing": standing, "offer": offer, "title": words(event).capitalize(), "form": form}
    return render(request, "submissions/step.html", context, status=422 if form.errors else 200)


def key(request: PortalRequest, name: str, action: str) -> HttpResponse:
    """Turn one's key for an action of two keys."""
    at = desk(request)
    standing = at.record(name).standing
    known = {str(one): one for one in KeyAction}
    if action not in known:
        return not_found(request)
    if request.method == "POST":
        at.turn(name, known[action], request.POST.get("digest", ""))
        messages.success(request, f"Your key is turned for: {words(action)}.")
        return redirect("submission", name=name)
    open_keys = [one for one in at.keys(name, standing) if one.request.action == action]
    return render(request, "submissions/key.html", {"standing": standing, "action": action, "keys": open_keys})


def withdraw(request: PortalRequest, name: str) -> HttpResponse:
    """What a withdrawal does, said plainly, and one button."""
    standing = desk(request).record(name).standing
    return render(request, "submissions/withdraw.html", {"standing": standing})


def _owed(standing: Standing, request: PortalRequest) -> tuple[object, ...]:
    return due(standing, house().packs(standing.pack), request.now)


def _taken(request: PortalRequest, at: Desk, standing: Standing, form: StepForm) -> bool:
    """Whether the step was taken; if not, the form says what is missing."""
    offer: Offer = form.offer
    try:
        outcome = at.act(standing.object, offer.event, form.brought(), form.request_digest)
    except NotPossible as error:
        form.add_error(None, f"This is not possible yet. Missing: {'; '.join(error.missing)}.")
        return False
    except Stale:
        form.add_error(None, "Somebody acted in the meantime. Read the page again before you go on.")
        return False
    messages.success(request, f"Recorded: {words(offer.event)}. It stands in {words(outcome.standing.state)} now.")
    return True
