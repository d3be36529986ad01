"""How people and programs come in: invitations, identity providers, service tokens.

- A token is found by its SHA-256; what was shown once is nowhere.
- An invitation is used once: whoever comes second finds it used, however close they were.
- A viewer sees what their own organisation made, and changes none of it: whoever lets people in is the house.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.framework.participant import Role
from seatrial.storage.codec import decode, encode
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database

MOST = 100
"""Rows of one list; what is older is not listed."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody may enter `organisation` as `role`, once, until `expires`."""

    id: str
    organisation: str
    role: Role
    invited_by: str
    made_at: datetime
    expires: datetime
    used_at: datetime | None = None
    used_by: str = ""
    withdrawn_at: datetime | None = None

    def open(self, now: datetime) -> bool:
        """Whether it can still be used."""
        return self.used_at is None and self.withdrawn_at is None and now < self.expires


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID provider, as the operator set it.

    Attributes:
        id: Ours, for addresses.
        name: What a person reads.
        issuer: Exactly as its tokens say it.
        client_id: What it calls this portal.
        key_file: The private key of `private_key_jwt`, as a path.
        key_id: Names the key to the provider; may be empty.
        organisation: Whose people it signs in; empty for any.
        pkce: Whether the provider takes it.
        acr: Assurance asked for at sign-in, in the provider's words; any of them is enough.
        step_up_acr: The same, before a signature.
        phishing_resistant_acr: Of those, what counts as a passkey.
        prompt: What is sent so that the person proves themselves anew; empty where the provider takes none.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    key_file: str
    key_id: str = ""
    organisation: str = ""
    pkce: bool = True
    acr: tuple[str, ...] = ()
    step_up_acr: tuple[str, ...] = ()
    phishing_resistant_acr: tuple[str, ...] = ()
    prompt: str = "login"


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A program that acts for an organisation, as an identity of its own: its `id` stands where a person would.

    Attributes:
        scopes: `read`, `act`, or both.
        networks: From where it may come, as CIDR; anywhere if empty.
    """

    id: str
    name: str
    organisation: str
    role: Role
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    made_by: str
    made_at: datetime
    expires: datetime
    revoked_at: datetime | None = None

    def active(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked_at is None and self.made_at <= now < self.expires


class IdentityTables:
    """Invitations, providers and tokens of one installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def invite(self, viewer: Viewer, invitation: Invitation, digest: str) -> None:
        """Keep an invitation."""
        with self._database.session(viewer, writing=True):
            rows.Invitation.objects.create(
                id=invitation.id,
                digest=digest,
                organisation_id=invitation.organisation,
                role=invitation.role,
                invited_by=invitation.invited_by,
                made_at=invitation.made_at,
                expires=invitation.expires,
            )

    def invitations(self, viewer: Viewer, organisation: str) -> tuple[Invitation, ...]:
        """The newest invitations into an organisation that the viewer sees."""
        with self._database.session(viewer):
            found = rows.Invitation.objects.filter(organisation_id=_seen(viewer, organisation))
            return tuple(_invitation(row) for row in found.order_by("-made_at", "pk")[:MOST])

    def invitation(self, viewer: Viewer, *, digest: str = "", name: str = "") -> Invitation | None:
        """One, by what was shown once or by its id; a viewer finds those of its own organisation."""
        with self._database.session(viewer):
            found = rows.Invitation.objects.filter(**({"digest": digest} if digest else {"pk": name}))
            row = found.first() if viewer.sees_all else found.filter(organisation_id=viewer.organisation).first()
            return None if row is None else _invitation(row)

    def use(self, viewer: Viewer, invitation: str, person: str, now: datetime) -> bool:
        """Use it, in the transaction of what it opens; whether it could be used."""
        with self._database.session(viewer, writing=True):
            open_one = rows.Invitation.objects.filter(
                pk=invitation, used_at__isnull=True, withdrawn_at__isnull=True, expires__gt=now
            )
            return open_one.update(used_at=now, used_by=person) == 1

    def withdraw(self, viewer: Viewer, invitation: str, now: datetime) -> None:
        """Withdraw one; one that is used stays used."""
        with self._database.session(viewer, writing=True):
            rows.Invitation.objects.filter(pk=invitation, used_at__isnull=True).update(withdrawn_at=now)

    def put(self, viewer: Viewer, provider: IdentityProvider) -> None:
        """Enter a provider, or change its entry."""
        with self._database.session(viewer, writing=True):
            rows.IdentityProvider.objects.update_or_create(
                pk=provider.id,
                defaults={
                    "issuer": provider.issuer,
                    "organisation_id": provider.organisation or None,
                    "ended_at": None,
                    "record": encode(provider),
                },
            )

    def providers(self, viewer: Viewer) -> tuple[IdentityProvider, ...]:
        """Those that sign people in."""
        with self._database.session(viewer):
            found = rows.IdentityProvider.objects.filter(ended_at__isnull=True).order_by("pk")
            return tuple(decode(IdentityProvider, record) for record in found.values_list("record", flat=True))

    def end_provider(self, viewer: Viewer, provider: str, now: datetime) -> None:
        """It signs nobody in any more."""
        with self._database.session(viewer, writing=True):
            rows.IdentityProvider.objects.filter(pk=provider).update(ended_at=now)

    def issue(self, viewer: Viewer, token: ServiceToken, digest: str) -> None:
        """Keep a token."""
        with self._database.session(viewer, writing=True):
            rows.ServiceToken.objects.create(
                id=token.id,
                digest=digest,
                organisation_id=token.organisation,
                made_at=token.made_at,
                expires=token.expires,
                record=encode(token),
            )

    def tokens(self, viewer: Viewer, organisation: str = "") -> tuple[ServiceToken, ...]:
        """The newest tokens of an organisation that the viewer sees; the house may ask for all."""
        with self._database.session(viewer):
            found = rows.ServiceToken.objects.order_by("-made_at", "pk")
            if organisation or not viewer.sees_all:
                found = found.filter(organisation_id=_seen(viewer, organisation or viewer.organisation))
            return tuple(_token(row) for row in found[:MOST])

    def token(self, viewer: Viewer, digest: str) -> ServiceToken | None:
        """The token that was shown once."""
        with self._database.session(viewer):
            row = rows.ServiceToken.objects.filter(digest=digest).first()
            return None if row is None else _token(row)

    def revoke(self, viewer: Viewer, token: str, now: datetime) -> bool:
        """End a token; whether it was one that held."""
        with self._database.session(viewer, writing=True):
            return rows.ServiceToken.objects.filter(pk=token, revoked_at__isnull=True).update(revoked_at=now) == 1


def _seen(viewer: Viewer, organisation: str) -> str:
    """The organisation, or nothing that there is."""
    return organisation if viewer.sees_all or organisation == viewer.organisation else ""


def _invitation(row: rows.Invitation) -> Invitation:
    return Invitation(
        row.pk,
        row.organisation_id,
        Role(row.role),
        row.invited_by,
        row.made_at,
        row.expires,
        row.used_at,
        row.used_by,
        row.withdrawn_at,
    )


def _token(row: rows.ServiceToken) -> ServiceToken:
    kept = decode(ServiceToken, row.record)
    return ServiceToken(
        kept.id,
        kept.name,
        kept.organisation,
        kept.role,
        kept.scopes,
        kept.networks,
        kept.made_by,
        row.made_at,
        row.expires,
        row.revoked_at,
    )
