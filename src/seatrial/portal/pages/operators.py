"""What the operator of an installation sees of its organisations: that they are here, and who they are. No content.

- The operator brings in an organisation's first member; from then on, its own members bring in the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse

from seatrial.framework.submission_store import NotHere
from seatrial.portal.forms.account import InviteForm
from seatrial.portal.forms.operators import OrganisationForm, ProviderForm
from seatrial.portal.opening import house, place
from seatrial.portal.pages.people import invitation_link
from seatrial.registry import Registry, roles_of
from seatrial.storage.stores.identity import MOST

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.framework.participant import Organisation
    from seatrial.portal.acting import PortalRequest


def organisations(request: PortalRequest) -> HttpResponse:
    """Every organisation that takes part, and a form to enter one."""
    registry = Registry(house())
    known = registry.organisations()
    form = OrganisationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        entered = form.organisation()
        if entered.id not in {one.id for one in known}:
            registry.enter(entered)
            return redirect("organisation", name=entered.id)
        form.add_error("id", "There is an organisation of this short name.")
    context = {"organisations": known, "form": form}
    return render(request, "operators/organisations.html", context, status=422 if form.errors else 200)


def organisation(request: PortalRequest, name: str) -> HttpResponse:
    """One organisation: its people, its invitations, and a form for its first member."""
    registry = Registry(house())
    body = _known(registry, name)
    people = registry.people(name, request.now, after=request.GET.get("after", ""), most=MOST)
    waits = not registry.people(name, request.now, most=1)
    form = InviteForm(roles_of(body.kind), request.POST or None)
    if request.method == "POST":
        if not waits:
            raise NotHere(name)
        if form.is_valid():
            chosen = next(role for role in roles_of(body.kind) if role == form.cleaned_data["role"])
            made, secret = registry.invite(request.who.person, body.id, chosen, request.now)
            shown = {"invited": made, "secret": secret, "link": invitation_link(secret), "back_url": "../"}
            return render(request, "account/invited.html", shown)
    context = {
        "organisation": body,
        "people": people,
        "more": people[-1].person if len(people) == MOST else "",
        "invitations": [one for one in registry.invitations(name) if one.open(request.now)],
        "form": form if waits else None,
    }
    return render(request, "operators/organisation.html", context, status=422 if form.errors else 200)


def providers(request: PortalRequest) -> HttpResponse:
    """The identity providers that sign people in, and a form to enter one."""
    registry = Registry(house())
    form = ProviderForm(registry.organisations(), request.POST or None)
    if request.method == "POST" and form.is_valid():
        registry.set_provider(form.provider())
        messages.success(request, "It signs people in from now on.")
        return redirect("providers")
    callback = place().url + reverse("oidc-callback")
    context = {"providers": registry.providers(), "form": form, "callback": callback}
    return render(request, "operators/providers.html", context, status=422 if form.errors else 200)


def end_provider(request: PortalRequest, name: str) -> HttpResponse:
    """A provider signs nobody in any more, and whom it signed in acts no more."""
    Registry(house()).end_provider(name, request.now)
    messages.success(request, "It signs nobody in any more.")
    return redirect("providers")


def all_tokens(request: PortalRequest) -> HttpResponse:
    """The ids of service tokens, of all organisations."""
    found = [one for one in Registry(house()).tokens() if one.active(request.now)]
    return render(request, "operators/tokens.html", {"tokens": found})


def _known(registry: Registry, name: str) -> Organisation:
    try:
        return registry.organisation(name)
    except LookupError as error:
        raise NotHere(name) from error
