"""Who takes part, as the house's own registry: who somebody is, what they may act as, who brings in whom.

- Everybody else sees their own organisation only; these few questions are the house's, each for its reason.
- People come in by invitation: members bring in people of their own organisation, the operator brings in the first.
- Whoever operates the installation is nothing else in it; whoever is something else does not operate it.
- An invitation and a token are shown once; what is kept is their SHA-256.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seatrial.framework.ceilings import ROLES_OF_KIND
from seatrial.framework.participant import SERVICE_ROLES, Membership, Organisation, OrganisationKind, Role
from seatrial.framework.viewer import Viewer
from seatrial.storage.stores.identity import IdentityProvider, IdentityTables, Invitation, ServiceToken

if TYPE_CHECKING:
    from seatrial.house import House

INVITATION_PREFIX, TOKEN_PREFIX = "sea_inv_", "sea_svc_"
"""For scanners that look for secrets."""
SECRET_BYTES = 32  # 256 bits: nobody guesses one
INVITATION_DAYS = 7  # our decision: long enough for a letter, short enough to be remembered
FIRST_LINK_HOURS = 24
TOKEN_DAYS = 90  # our decision: a token that nobody renews in a quarter is one that nobody misses
SCOPES = ("read", "act")
FIRST = Organisation("operations", "Operations", OrganisationKind.INFRASTRUCTURE)
"""Whom the first operator acts for."""

LEADS = frozenset({Role.DEVELOPER_OWNER, Role.EVALUATOR_LEAD, Role.CLEARINGHOUSE_LEAD, Role.DESIGNATION_LIAISON})
"""Who brings in people in every role of their organisation's kind; all others, in their own role."""


class NotOpen(LookupError):
    """An invitation that is used, withdrawn, too old or none."""


class RolesExclude(ValueError):
    """A person would operate the installation and act in it."""


def digest(secret: str) -> str:
    """How a secret that was shown once is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def roles_of(kind: OrganisationKind) -> frozenset[Role]:
    """What people of such an organisation can act as."""
    return ROLES_OF_KIND[kind] - SERVICE_ROLES - {Role.OPERATOR}


def may_bring_in(role: Role, kind: OrganisationKind) -> frozenset[Role]:
    """Whom somebody in this role can bring into their own organisation."""
    if role is Role.OPERATOR:
        return frozenset({role})
    return roles_of(kind) if role in LEADS else roles_of(kind) & {role}


@dataclass(frozen=True)
class Registry:
    """The registry of one house."""

    house: House
    random: Callable[[int], str] = field(default=secrets.token_urlsafe)

    @property
    def identity(self) -> IdentityTables:
        """Invitations, providers and tokens, as rows."""
        return IdentityTables(self.house.database)

    def memberships(self, person: str, now: datetime) -> tuple[Membership, ...]:
        """What a person may act as now."""
        return self.house.participants.memberships(Viewer.house("what a person may act as"), person, now)

    def organisations(self) -> tuple[Organisation, ...]:
        """Every organisation that takes part; for whoever runs the installation, never for a page of another role."""
        return self.house.participants.organisations(Viewer.house("who takes part, for the installation's operator"))

    def organisation(self, name: str) -> Organisation:
        """One of them. Raises `LookupError`."""
        for one in self.organisations():
            if one.id == name:
                return one
        raise LookupError(f"{name}: there is no such organisation")

    def enter(self, organisation: Organisation, *memberships: Membership) -> None:
        """Enter an organisation, or people of it."""
        viewer = Viewer.house("a member is entered")
        self.house.participants.add(viewer, organisation, memberships)

    def invite(
        self, by: str, organisation: str, role: Role, now: datetime, lasts: timedelta = timedelta(days=INVITATION_DAYS)
    ) -> tuple[Invitation, str]:
        """An invitation, and the secret that is shown this once."""
        secret = INVITATION_PREFIX + self.random(SECRET_BYTES)
        made = Invitation(self.house.new_id("inv"), organisation, role, by, now, now + lasts)
        self.identity.invite(Viewer.house("somebody is invited"), made, digest(secret))
        return made, secret

    def invitation(self, now: datetime, *, secret: str = "", name: str = "") -> Invitation:
        """An open invitation, by its secret, or by its id where the secret was shown before.

        Raises:
            NotOpen: there is none.
        """
        viewer = Viewer.house("what somebody is invited to")
        found = self.identity.invitation(viewer, digest=digest(secret) if secret else "", name=name)
        if found is None or not found.open(now):
            raise NotOpen("this invitation is used, withdrawn or too old; ask for a new one")
        return found

    def invitations(self, organisation: str) -> tuple[Invitation, ...]:
        """The newest invitations into an organisation, for the operator."""
        return self.identity.invitations(Viewer.house("who is invited, for the operator"), organisation)

    def withdraw_invitation(self, invitation: Invitation, now: datetime) -> None:
        """An invitation opens nothing any more."""
        self.identity.withdraw(Viewer.house("an invitation is withdrawn"), invitation.id, now)

    def accept(self, invitation: Invitation, person: str, now: datetime, known: tuple[str, str] = ("", "")) -> None:
        """Let a person in, once; `known` is what their identity provider calls them, as (issuer, subject).

        Raises:
            NotOpen: somebody was first.
            RolesExclude: whoever operates the installation is nothing else in it.
        """
        viewer = Viewer.house("somebody accepts an invitation")
        with self.house.database.session(viewer, writing=True):
            held = {one.role for one in self.house.participants.memberships(viewer, person, now)}
            if held and (Role.OPERATOR in held | {invitation.role}) and held != {invitation.role}:
                raise RolesExclude(
                    "whoever operates this installation has no other role in it, and the other way round"
                )
            if not self.identity.use(viewer, invitation.id, person, now):
                raise NotOpen("this invitation is used, withdrawn or too old; ask for a new one")
            [body] = [one for one in self.house.participants.organisations(viewer) if one.id == invitation.organisation]
            entered = Membership(person, invitation.organisation, invitation.role, now)
            self.house.participants.add(viewer, body, (entered,))
            if known[0]:
                self.house.participants.identify(viewer, person, *known)

    def first_invitation(self, now: datetime) -> str | None:
        """The secret of the first operator's invitation, made anew; None once somebody operates the installation."""
        viewer = Viewer.house("whether anybody operates the installation")
        known = self.house.participants.organisations(viewer)
        for body in known:
            if any(one.role is Role.OPERATOR for one in self.people(body.id, now)):
                return None
        if FIRST.id not in {one.id for one in known}:
            self.enter(FIRST)
        for old in self.identity.invitations(viewer, FIRST.id):
            self.identity.withdraw(viewer, old.id, now)
        return self.invite("house", FIRST.id, Role.OPERATOR, now, timedelta(hours=FIRST_LINK_HOURS))[1]

    def people(self, organisation: str, now: datetime, after: str = "", most: int = 100) -> tuple[Membership, ...]:
        """Who acts for an organisation, by person."""
        viewer = Viewer.house("the people of an organisation, for its own members and the operator")
        return self.house.participants.members(viewer, organisation, now, after, most)

    def leave(self, membership: Membership, now: datetime) -> None:
        """Somebody no longer acts for an organisation in a role; tokens that they made for it end as well."""
        viewer = Viewer.house("somebody leaves")
        with self.house.database.session(viewer, writing=True):
            self.house.participants.end(viewer, membership, now)
            for token in self.identity.tokens(viewer, membership.organisation):
                if token.made_by == membership.person and token.role is membership.role and token.active(now):
                    self._revoked(viewer, token, now)

    def knows(self, person: str) -> bool:
        """Whether anybody has this id."""
        return self.house.participants.knows(Viewer.house("whether a login name is taken"), person)

    def known_as(self, issuer: str, subject: str) -> str:
        """The person whom an identity provider calls so; empty where there is none."""
        viewer = Viewer.house("who somebody is to their identity provider")
        return self.house.participants.known_as(viewer, issuer, subject)

    def providers(self) -> tuple[IdentityProvider, ...]:
        """The identity providers that sign people in."""
        return self.identity.providers(Viewer.house("who signs people in"))

    def set_provider(self, provider: IdentityProvider) -> None:
        """Enter an identity provider, or change its entry."""
        self.identity.put(Viewer.house("the operator sets an identity provider"), provider)

    def end_provider(self, provider: str, now: datetime) -> None:
        """It signs nobody in any more."""
        self.identity.end_provider(Viewer.house("the operator ends an identity provider"), provider, now)

    def issue_token(
        self,
        by: Membership,
        name: str,
        scopes: tuple[str, ...],
        now: datetime,
        *,
        days: int = TOKEN_DAYS,
        networks: tuple[str, ...] = (),
    ) -> tuple[ServiceToken, str]:
        """A token for an organisation in the role of who makes it, and the secret that is shown this once.

        Raises:
            ValueError: It would last too long, or scope or network is none.
        """
        if not 0 < days <= TOKEN_DAYS:
            raise ValueError(f"a token lasts 1 to {TOKEN_DAYS} days")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise ValueError(f"scopes: write {' or '.join(SCOPES)}")
        if by.role is Role.OPERATOR or by.role in SERVICE_ROLES:
            raise ValueError(f"{by.role}: has no tokens")
        for network in networks:
            ipaddress.ip_network(network)
        secret = TOKEN_PREFIX + self.random(SECRET_BYTES)
        ends = now + timedelta(days=days)
        made = ServiceToken(
            self.house.new_id("svc"), name, by.organisation, by.role, scopes, networks, by.person, now, ends
        )
        viewer = Viewer.house("a service token is made")
        with self.house.database.session(viewer, writing=True):
            self.identity.issue(viewer, made, digest(secret))
            [body] = [one for one in self.house.participants.organisations(viewer) if one.id == by.organisation]
            self.house.participants.add(viewer, body, (Membership(made.id, body.id, by.role, now, ends),))
        return made, secret

    def token(self, secret: str, address: str, now: datetime) -> ServiceToken | None:
        """The token of this secret, if it opens anything now and from this address."""
        if not secret.startswith(TOKEN_PREFIX):
            return None
        found = self.identity.token(Viewer.house("whose token this is"), digest(secret))
        if found is None or not found.active(now) or not _from(found.networks, address):
            return None
        return found

    def tokens(self, organisation: str = "") -> tuple[ServiceToken, ...]:
        """The newest tokens, of an organisation or of all."""
        return self.identity.tokens(Viewer.house("the tokens of an organisation, for its members"), organisation)

    def revoke(self, token: ServiceToken, now: datetime) -> None:
        """A token opens nothing any more."""
        viewer = Viewer.house("a service token is revoked")
        with self.house.database.session(viewer, writing=True):
            self._revoked(viewer, token, now)

    def _revoked(self, viewer: Viewer, token: ServiceToken, now: datetime) -> None:
        self.identity.revoke(viewer, token.id, now)
        self.house.participants.end(viewer, Membership(token.id, token.organisation, token.role, token.made_at), now)


def _from(networks: tuple[str, ...], address: str) -> bool:
    """Whether an address lies in one of the networks; in any where none is named."""
    if not networks:
        return True
    try:
        here = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(here in ipaddress.ip_network(one) for one in networks)
