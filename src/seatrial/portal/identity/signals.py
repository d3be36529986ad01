"""What happens of itself at a sign-in: a session's clocks start, and whoever sets up a second factor has shown it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.mfa.signals import authenticator_added
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore

from seatrial.portal.identity.adapters import SECOND
from seatrial.portal.identity.assurance import proved
from seatrial.portal.identity.sessions import begins

if TYPE_CHECKING:
    from allauth.mfa.models import Authenticator
    from django.contrib.auth.models import User
    from django.http import HttpRequest


def connect() -> None:
    """Hear of both."""
    user_logged_in.connect(began, dispatch_uid="seatrial-session")
    authenticator_added.connect(added, dispatch_uid="seatrial-factor")


def began(request: HttpRequest, **_signal: Any) -> None:  # noqa: ANN401 - what a signal brings along
    """Somebody signed in; sessions that are over go."""
    SessionStore.clear_expired()
    begins(request)


def added(request: HttpRequest, user: User, authenticator: Authenticator, **_signal: Any) -> None:  # noqa: ANN401
    """A code was typed or a passkey made just now, which shows that they have it."""
    if authenticator.type in SECOND:
        proved(request, user, authenticator.type)
