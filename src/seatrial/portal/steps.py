"""The page of one step of an object that is no submission: a text of the framework, a finding.

What a step asks for and what is missing comes from the lifecycle's own rows, by the desk; see `pages.submissions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render

from seatrial.desk import Brought, Desk
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.obligation import due
from seatrial.framework.submission_store import NotHere, Stale
from seatrial.portal.forms.step import StepForm, words
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from django import forms
    from django.http import HttpResponse

    from seatrial.desk import Offer
    from seatrial.framework.standing import Kind, Standing
    from seatrial.framework.submission_store import Record
    from seatrial.portal.acting import PortalRequest


@dataclass(frozen=True, slots=True)
class Here:
    """One object before one person, at the time of one request."""

    request: PortalRequest
    desk: Desk
    record: Record

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return self.record.standing

    @property
    def context(self) -> dict[str, Any]:
        """What every page of it shows."""
        standing = self.standing
        return {
            "record": self.record,
            "standing": standing,
            "meaning": LIFECYCLES[standing.kind].meaning[standing.state],
            "owed": due(standing, house().packs(standing.pack), self.request.now),
            "offers": self.desk.offers(standing),
        }

    def offer(self, event: str) -> Offer:
        """A step that this person's role can take now. Raises `NotHere`."""
        found = next((one for one in self.desk.offers(self.standing) if one.event == event), None)
        if found is None:
            raise NotHere(self.standing.object)
        return found

    def taken(self, event: str, brought: Brought, once: str = "", form: forms.Form | None = None) -> bool:
        """Whether the step was taken; what stopped it is said on the form, or above the page that comes next."""
        try:
            outcome = self.desk.act(self.standing.object, event, brought, once)
        except NotPossible as error:
            return self._stopped(f"This is not possible yet. Missing: {'; '.join(error.missing)}.", form)
        except Stale:
            return self._stopped("Somebody acted in the meantime. Read the page again before you go on.", form)
        except ValueError as error:
            return self._stopped(f"{error}.", form)
        state = words(outcome.standing.state)
        messages.success(self.request, f"Recorded: {words(event)}. It stands in {state} now.")
        return True

    def _stopped(self, why: str, form: forms.Form | None) -> bool:
        if form is None:
            messages.error(self.request, why)
        else:
            form.add_error(None, why)
        return False


def here(request: PortalRequest, name: str, kind: Kind) -> Here:
    """The object of that id and kind, as whoever acts sees it. Raises `NotHere`."""
    desk = Desk(house(), request.who.actor, request.now)
    record = desk.record(name)
    if record.standing.kind is not kind:
        raise NotHere(name)
    return Here(request, desk, record)


def step_page(at: Here, event: str, place: str, template: str, **more: Any) -> HttpResponse:  # noqa: ANN401 - of a page
    """One step: its form, and the act that comes of it; then the page of the object, which is the route `place`."""
    request, offer = at.request, at.offer(event)
    form = StepForm(offer, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and at.taken(event, form.brought(), form.request_digest, form):
        return redirect(place, name=at.standing.object)
    title = words(event).capitalize()
    context = {**at.context, "offer": offer, "page_title": title, "form": form, **more}
    return render(request, template, context, status=422 if form.errors else 200)
