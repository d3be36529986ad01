"""Sign-in by an identity provider: leaving for it, and coming back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpx
from allauth.core.internal import ratelimit
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from seatrial.framework.submission_store import NotHere
from seatrial.portal.identity.assurance import Need, assurance, proved_by_provider
from seatrial.portal.identity.oidc import Begun, Client, NotSignedIn, Vouched
from seatrial.portal.opening import house, place
from seatrial.portal.pages.account import BACKEND, INVITED
from seatrial.registry import NotOpen, Registry, RolesExclude

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest
    from seatrial.storage.stores.identity import IdentityProvider

BEGUN = "oidc"
MOST_BEGUN = 4
"""Sign-ins that a session can have begun; a tab that was left open does not end the next one."""
RATES = {"oidc": "30/m/ip"}

log = logging.getLogger("seatrial.identity")


def start(request: PortalRequest, name: str) -> HttpResponse:
    """Leave for the provider."""
    if not ratelimit.consume(request, app="seatrial", action="oidc", config=RATES, limit_get=True):
        return ratelimit.respond_429(request)  # type: ignore[no-any-return]
    provider = _provider(name)
    need = next((one for one in Need if one.value == request.GET.get("need")), Need.SESSION)
    try:
        url, state, begun = Client(provider, _callback()).begin(need, _then(request), request.now)
    except (NotSignedIn, httpx.HTTPError, KeyError, ValueError) as error:
        return _refused(request, error)
    kept = list(request.session.get(BEGUN, {}).items())[-MOST_BEGUN + 1 :]
    request.session[BEGUN] = {**dict(kept), state: begun.kept()}
    return redirect(url)


def callback(request: PortalRequest) -> HttpResponse:
    """Come back from the provider; what was begun is answered once."""
    waiting = dict(request.session.get(BEGUN, {}))
    kept = waiting.pop(request.GET.get("state", ""), None)
    request.session[BEGUN] = waiting
    if kept is None:
        return _refused(request, NotSignedIn("nothing was begun with this state"))
    begun = Begun(**kept)
    provider = _provider(begun.provider)
    try:
        vouched = Client(provider, _callback()).finish(begun, request.GET.dict(), request.now)
        return _signed_in(request, provider, begun, vouched)
    except (NotSignedIn, NotOpen, RolesExclude) as error:
        return _refused(request, error)


def _signed_in(request: PortalRequest, provider: IdentityProvider, begun: Begun, vouched: Vouched) -> HttpResponse:
    if request.user.is_authenticated:
        person = Registry(house()).known_as(vouched.issuer, vouched.subject)
        if request.user.get_username() != person or request.assurance.provider != provider.id:
            raise NotSignedIn("another person than the one who is signed in")
        user = User.objects.get(username=person)
    else:
        user = User.objects.get(username=_person(request, provider, vouched))
        if not user.is_active:
            raise NotSignedIn("the account has ended")
        login(request, user, BACKEND)
    proved_by_provider(request, user, provider, vouched.factor, anew=vouched.anew)
    need = Need(begun.need)
    if not need.met(assurance(request), request.now):
        return render(request, "account/not_enough.html", {"provider": provider}, status=403)
    return redirect(begun.next)


def _person(request: PortalRequest, provider: IdentityProvider, vouched: Vouched) -> str:
    """Who that is; whoever is invited comes in by it.

    Raises:
        NotSignedIn: nobody here is known by it, and nobody is invited.
    """
    registry = Registry(house())
    person = registry.known_as(vouched.issuer, vouched.subject)
    invited = request.session.get(INVITED)
    if not invited:
        if not person:
            raise NotSignedIn("nobody here is known by it")
        return person
    invitation = registry.invitation(request.now, name=invited)
    if provider.organisation not in {"", invitation.organisation}:
        raise NotSignedIn("an invitation of another organisation")
    name = person or house().new_id("per")
    made = User.objects.get_or_create(username=name)[1]
    try:
        registry.accept(invitation, name, request.now, (vouched.issuer, vouched.subject))
    except (NotOpen, RolesExclude):
        if made:
            User.objects.filter(username=name).delete()
        raise
    request.session.pop(INVITED, None)
    return name


def _provider(name: str) -> IdentityProvider:
    for one in Registry(house()).providers():
        if one.id == name:
            return one
    raise NotHere(name)


def _callback() -> str:
    return place().url + reverse("oidc-callback")


def _then(request: PortalRequest) -> str:
    wish = request.GET.get("next", "/")
    return wish if url_has_allowed_host_and_scheme(wish, allowed_hosts=None) else "/"


def _refused(request: PortalRequest, error: Exception) -> HttpResponse:
    """One page for all that can be wrong; the log has the line that found it."""
    log.warning("a sign-in by a provider was not taken", exc_info=error)
    return render(request, "account/not_signed_in.html", status=403)
