"""How sure it is who acts, and what a page asks for.

- A password alone opens nothing but the pages where a second factor is set up.
- `Need.SESSION`: two factors in this session. `PASSKEY`: one of them a passkey, which nobody can be talked into typing
  elsewhere. `FRESH`: a second factor within the last `STEP_UP`. `SIGNING`: a passkey within it.
- A provider that knew them still has vouched, but for nothing fresh.
- A session's proofs are allauth's own list in the session; an identity provider's stands there as well.
- A service token is not a person: it meets `SESSION` and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication

from seatrial.portal.settings import STEP_UP_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.contrib.auth.models import AbstractBaseUser
    from django.http import HttpRequest

    from seatrial.storage.stores.identity import IdentityProvider

STEP_UP = timedelta(seconds=STEP_UP_S)  # our decision, a quarter of an hour: as long as one sitting over one paper


class Factor(IntEnum):
    """The best that somebody has shown in a session."""

    NONE = 0
    PASSWORD = 1
    TWO = 2
    PASSKEY = 3


@dataclass(frozen=True, slots=True)
class Assurance:
    """What was shown in a session: the best factor, and when two factors and a passkey were shown last."""

    factor: Factor = Factor.NONE
    two_at: datetime | None = None
    passkey_at: datetime | None = None
    bound_to: str = ""
    """The one organisation that their identity provider signs people in for; empty for any."""
    provider: str = ""
    """The identity provider that signed them in, by our id; empty for a local account."""

    def within(self, organisation: str) -> bool:
        """Whether whoever signed them in may do so for an organisation."""
        return not self.bound_to or self.bound_to == organisation


NOTHING = Assurance()
BY_TOKEN = Assurance(Factor.TWO)


class Need(Enum):
    """What a page asks for, in the order of how much that is."""

    SESSION = "session"
    PASSKEY = "passkey"
    FRESH = "fresh"
    SIGNING = "signing"

    def met(self, shown: Assurance, now: datetime) -> bool:
        """Whether what was shown is enough."""
        if self is Need.SESSION:
            return shown.factor >= Factor.TWO
        if self is Need.PASSKEY:
            return shown.factor >= Factor.PASSKEY
        at = shown.two_at if self is Need.FRESH else shown.passkey_at
        return at is not None and now - at < STEP_UP


class StepUp(Exception):
    """A view that found that an act needs more than its page did; the guard asks for it."""

    def __init__(self, need: Need) -> None:
        super().__init__(need.value)
        self.need = need


def assurance(request: HttpRequest) -> Assurance:
    """What the session of a request has shown."""
    if not request.user.is_authenticated:
        return NOTHING
    return of_records(get_authentication_records(request, request.user))


def of_records(records: Iterable[Mapping[str, Any]]) -> Assurance:
    """The same, of the list that a session keeps."""
    best, two_at, passkey_at, bound_to, provider = Factor.NONE, None, None, "", ""
    for record in records:
        factor, at = _factor(record), datetime.fromtimestamp(record["at"], UTC)
        best = max(best, factor)
        anew = record.get("anew", True)
        two_at = at if anew and factor >= Factor.TWO else two_at
        passkey_at = at if anew and factor >= Factor.PASSKEY else passkey_at
        bound_to, provider = record.get("bound_to") or bound_to, record.get("provider") or provider
    return Assurance(best, two_at, passkey_at, bound_to, provider)


def _factor(record: Mapping[str, Any]) -> Factor:
    if record["method"] == "mfa":
        return Factor.PASSKEY if record.get("type") == "webauthn" else Factor.TWO
    if record["method"] == "oidc":
        return Factor(record["factor"])
    return Factor.PASSWORD if record["method"] == "password" else Factor.NONE


def proved(request: HttpRequest, user: AbstractBaseUser, kind: str) -> None:
    """Write down that a second factor was shown now: `totp`, `webauthn` or `recovery_codes`."""
    record_authentication(request, user, "mfa", type=kind)


def proved_by_provider(
    request: HttpRequest, user: AbstractBaseUser, provider: IdentityProvider, factor: Factor, *, anew: bool
) -> None:
    """Write down that an identity provider vouched for them now, and whether they proved themselves anew for it."""
    record_authentication(
        request, user, "oidc", provider=provider.id, bound_to=provider.organisation, factor=int(factor), anew=anew
    )
