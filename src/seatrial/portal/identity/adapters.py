"""What allauth asks us: where people go, what counts as recent, how secrets are kept, how passkeys name the portal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.urls import reverse

from seatrial.portal.identity.assurance import STEP_UP, Need, assurance
from seatrial.portal.identity.sealing import key, seal, unseal
from seatrial.portal.opening import place

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.http import HttpRequest

SECOND = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_second_factor(user: AbstractBaseUser, *kinds: Authenticator.Type) -> bool:
    """Whether somebody has set up one of these; of any kind where none is named."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=kinds or SECOND).exists())


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up; whoever has two factors shows the second one again, and not the password."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's
        """People come in by invitation only."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """To the first page; or to where a second factor is set up."""
        return "/" if Need.SESSION.met(assurance(request), datetime.now(UTC)) else reverse("account")

    def is_reauthentication_required(self, *, app: str, **_more: object) -> bool:  # noqa: ARG002 - allauth's
        """Whether the best factor that a person has was not shown of late."""
        request = context.request
        now, shown = datetime.now(UTC), assurance(request)
        if has_second_factor(request.user):
            return not Need.FRESH.met(shown, now)
        last = request.session.get("account_authentication_methods") or [{"at": 0}]
        return now.timestamp() - float(last[-1]["at"]) > STEP_UP.total_seconds()

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
        """A passkey first, then codes; a password only where there is nothing else."""
        found = list(super().get_reauthentication_methods(user))
        second = [one for one in found if one["id"] != "reauthenticate"]
        return sorted(second, key=lambda one: str(one["id"]), reverse=True) or found

    def add_message(self, *_given: object, **_named: object) -> None:
        """The pages say what happened themselves."""

    def send_notification_mail(self, *_given: object, **_named: object) -> None:
        """No mail: an account has no address."""


class FactorAdapter(DefaultMFAAdapter):
    """Second factors: their secrets sealed, the last one not removable, passkeys for the portal's own address."""

    def encrypt(self, text: str) -> str:
        """Seal a secret for its row."""
        return seal(text, key(place().factor_key()))

    def decrypt(self, encrypted_text: str) -> str:
        """Open it again."""
        return unseal(encrypted_text, key(place().factor_key()))

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether another second factor is left."""
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=SECOND)
        return bool(others.exclude(pk=authenticator.pk).exists())

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """A passkey belongs to the host under which people reach the portal, whatever a request says."""
        return {"id": urlsplit(place().url).hostname or "localhost", "name": "Seatrial"}

    def get_totp_issuer(self) -> str:
        """What an authenticator app shows."""
        return "Seatrial"

    def build_totp_svg(self, url: str) -> str:
        """The picture, as a part of a page."""
        drawn: str = super().build_totp_svg(url)
        return drawn[drawn.index("<svg") :]

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002
        """A name to begin with."""
        many = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {many + 1}"
