"""Asking for a second factor, or a passkey, once more before an act; then the act goes on.

A form that was on its way is kept in the session meanwhile and sent on by itself; one with files or a password is not,
and its page is opened again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.mfa.models import Authenticator
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from seatrial.portal.errors import API, plain
from seatrial.portal.identity.adapters import has_second_factor
from seatrial.portal.identity.assurance import BY_TOKEN, Need

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest


def step_up(request: PortalRequest, need: Need) -> HttpResponse:
    """Ask for what is needed."""
    if request.assurance is BY_TOKEN:
        return plain(request, 403, "Not for a service token", "A person does this, with a passkey or a second factor.")
    if request.path.startswith(API):
        return plain(
            request, 403, "Not sure enough", f"This needs: {need.value}. Sign in at /account/ and do it there."
        )
    if request.assurance.provider:
        start = reverse("oidc-start", args=[request.assurance.provider])
        return redirect(f"{start}?{urlencode({'next': request.get_full_path(), 'need': need.value})}")
    return _local(request, need)


def _local(request: PortalRequest, need: Need) -> HttpResponse:
    by_passkey = has_second_factor(request.user, Authenticator.Type.WEBAUTHN)  # type: ignore[arg-type]
    if need in {Need.PASSKEY, Need.SIGNING} and not by_passkey:
        return render(request, "account/needs_passkey.html", {"next": request.get_full_path()}, status=403)
    url = reverse("mfa_reauthenticate_webauthn" if by_passkey else "mfa_reauthenticate")
    if request.method == "POST" and not request.FILES and not any("password" in name for name in request.POST):
        return cast("HttpResponse", suspend_request(request, url))
    return redirect(f"{url}?{urlencode({'next': request.get_full_path()})}")
