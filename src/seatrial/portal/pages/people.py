"""The people of one's own organisation, whom one brings in, and the tokens of its services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render

from seatrial.framework.participant import Membership, Role
from seatrial.framework.submission_store import NotHere
from seatrial.portal.forms.account import InviteForm, TokenForm
from seatrial.portal.opening import house, place
from seatrial.registry import LEADS, Registry, may_bring_in
from seatrial.storage.stores.identity import MOST

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import Acting, PortalRequest

INVITATION_PATH = "/invitation/"


def invitation_link(secret: str) -> str:
    """Where an invitation is accepted; the secret is in the fragment, which no server and no log sees."""
    return f"{place().url}{INVITATION_PATH}#{secret}"


def members(request: PortalRequest) -> HttpResponse:
    """Who acts for the organisation, who is invited, and a form to bring somebody in."""
    registry, who = Registry(house()), request.who
    body = registry.organisation(who.organisation)
    roles = may_bring_in(who.role, body.kind)
    form = InviteForm(roles, request.POST or None)
    if request.method == "POST" and roles and form.is_valid():
        chosen = next(role for role in roles if role == form.cleaned_data["role"])
        made, secret = registry.invite(who.person, body.id, chosen, request.now)
        return render(
            request, "account/invited.html", {"invited": made, "secret": secret, "link": invitation_link(secret)}
        )
    found = registry.people(body.id, request.now, after=request.GET.get("after", ""), most=MOST)
    context = {
        "organisation": body,
        "people": found,
        "more": found[-1].person if len(found) == MOST else "",
        "invitations": [one for one in registry.identity.invitations(who.viewer, body.id) if one.open(request.now)],
        "form": form if roles else None,
        "may_end": _leads(who),
    }
    return render(request, "account/members.html", context, status=422 if form.errors else 200)


def _leads(who: Acting) -> bool:
    return who.role in LEADS or who.role is Role.OPERATOR


def withdraw_invitation(request: PortalRequest, name: str) -> HttpResponse:
    """An invitation opens nothing any more: one's own, or any of the organisation where one leads."""
    registry, who = Registry(house()), request.who
    found = registry.identity.invitation(who.viewer, name=name)
    if found is None or not (found.invited_by == who.person or _leads(who)):
        raise NotHere(name)
    registry.withdraw_invitation(found, request.now)
    messages.success(request, "The invitation is withdrawn.")
    return redirect("members")


def leave(request: PortalRequest, person: str, role: str) -> HttpResponse:
    """Somebody no longer acts for the organisation in a role: oneself, or others where one leads."""
    registry, who = Registry(house()), request.who
    found = [one for one in registry.memberships(person, request.now) if one.organisation == who.organisation]
    ending = next((one for one in found if one.role == role), None)
    if ending is None or not (_leads(who) or person == who.person):
        raise NotHere(person)
    if request.method == "POST":
        registry.leave(ending, request.now)
        messages.success(request, f"{person} no longer acts as {role.replace('_', ' ')}.")
        return redirect("account" if person == who.person else "members")
    return render(request, "account/leave.html", {"ending": ending})


def tokens(request: PortalRequest) -> HttpResponse:
    """The tokens of the organisation's services, and a form to make one for the role acted in."""
    registry, who = Registry(house()), request.who
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        made, secret = registry.issue_token(
            Membership(who.person, who.organisation, who.role, request.now),
            given["name"],
            tuple(given["scopes"]),
            request.now,
            days=given["days"],
            networks=given["networks"],
        )
        return render(request, "account/token_made.html", {"token": made, "secret": secret})
    found = registry.identity.tokens(who.viewer, who.organisation)
    context = {"tokens": [{"one": one, "active": one.active(request.now)} for one in found], "form": form}
    return render(request, "account/tokens.html", context, status=422 if form.errors else 200)


def revoke_token(request: PortalRequest, name: str) -> HttpResponse:
    """A token opens nothing any more: one's own, or any of the organisation where one leads."""
    registry, who = Registry(house()), request.who
    found = registry.identity.tokens(who.viewer, who.organisation)
    token = next((one for one in found if one.id == name), None)
    if token is None or not (token.made_by == who.person or who.role in LEADS):
        raise NotHere(name)
    registry.revoke(token, request.now)
    messages.success(request, "The token is revoked.")
    return redirect("tokens")
