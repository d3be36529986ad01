"""Invitations, identity providers and service tokens, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError

from seatrial.framework.participant import Membership, Organisation, OrganisationKind, Role
from seatrial.framework.viewer import Viewer
from seatrial.storage.stores.identity import IdentityProvider, IdentityTables, Invitation, ServiceToken
from seatrial.storage.stores.participants import ParticipantTables
from support.framework import LAB, RIVAL
from support.stores import DATABASES, database, enrolled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.storage.session import Database

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUSE = Viewer.house("a test of who comes in")
OWN, OTHER = (Viewer.of("per-1", name, Role.DEVELOPER_OWNER) for name in (LAB, RIVAL))
INVITED = Invitation("inv_" + "0" * 32, LAB, Role.DEVELOPER_COUNSEL, "per-1", NOW, NOW + timedelta(days=7))
TOKEN = ServiceToken(
    "svc_" + "0" * 32,
    "nightly",
    LAB,
    Role.DEVELOPER_OWNER,
    ("read",),
    ("192.0.2.0/24",),
    "per-1",
    NOW,
    NOW + timedelta(days=90),
)
LAB_BODY = Organisation(LAB, LAB, OrganisationKind.DEVELOPER)


@pytest.fixture(params=DATABASES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with database(request.param, tmp_path) as one:
        yield enrolled(one)


def test_an_invitation_is_used_once_in_time_and_not_once_withdrawn(opened: Database) -> None:
    tables = IdentityTables(opened)
    tables.invite(HOUSE, INVITED, "d" * 64)
    assert tables.invitation(HOUSE, digest="d" * 64) == INVITED
    assert tables.invitation(HOUSE, digest="e" * 64) is None
    assert not tables.use(HOUSE, INVITED.id, "per-2", INVITED.expires)
    assert tables.use(HOUSE, INVITED.id, "per-2", NOW)
    assert not tables.use(HOUSE, INVITED.id, "per-3", NOW)
    used = tables.invitation(HOUSE, name=INVITED.id)
    assert used
    assert (used.used_by, used.open(NOW)) == ("per-2", False)
    tables.withdraw(HOUSE, INVITED.id, NOW)
    assert tables.invitation(HOUSE, name=INVITED.id) == used


def test_a_viewer_sees_their_organisations_and_lets_nobody_in(opened: Database) -> None:
    tables = IdentityTables(opened)
    tables.invite(HOUSE, INVITED, "d" * 64)
    tables.issue(HOUSE, TOKEN, "f" * 64)
    assert tables.invitations(OWN, LAB) == (INVITED,)
    assert tables.tokens(OWN, LAB) == tables.tokens(HOUSE) == (TOKEN,)
    assert tables.invitations(OTHER, LAB) == tables.tokens(OTHER, LAB) == tables.tokens(OTHER) == ()
    assert tables.invitation(OTHER, name=INVITED.id) is None
    if opened.address.engine == "postgresql":
        tables.withdraw(OWN, INVITED.id, NOW)
        assert tables.invitations(OWN, LAB) == (INVITED,)
        assert not tables.revoke(OWN, TOKEN.id, NOW)
        with pytest.raises(DatabaseError):
            tables.invite(OTHER, INVITED, "e" * 64)
    tables.put(HOUSE, IdentityProvider("idp", "n", "https://idp.example", "c", "/k", organisation=LAB, acr=("a",)))
    if opened.address.engine == "postgresql":
        assert tables.providers(OWN) == ()
    assert [one.acr for one in tables.providers(HOUSE)] == [("a",)]
    tables.end_provider(HOUSE, "idp", NOW)
    assert tables.providers(HOUSE) == ()


def test_a_token_ends_once(opened: Database) -> None:
    tables = IdentityTables(opened)
    tables.issue(HOUSE, TOKEN, "f" * 64)
    found = tables.token(HOUSE, "f" * 64)
    assert found == TOKEN
    assert TOKEN.active(NOW)
    assert not TOKEN.active(TOKEN.expires)
    assert tables.revoke(HOUSE, TOKEN.id, NOW)
    assert not tables.revoke(HOUSE, TOKEN.id, NOW)
    ended = tables.token(HOUSE, "f" * 64)
    assert ended
    assert not ended.active(NOW)


def test_people_are_listed_by_pages_and_leave(opened: Database) -> None:
    people = ParticipantTables(opened)
    since = NOW - timedelta(days=1)
    joined = tuple(Membership(f"per-{number:03}", LAB, Role.DEVELOPER_OWNER, since) for number in range(120))
    service = Membership(TOKEN.id, LAB, Role.DEVELOPER_OWNER, since)
    people.add(HOUSE, LAB_BODY, (*joined, service))
    first = people.members(OWN, LAB, NOW)
    rest = people.members(OWN, LAB, NOW, after=first[-1].person)
    assert first + rest == joined
    people.end(HOUSE, joined[3], NOW)
    assert joined[3] not in people.members(OWN, LAB, NOW)
    assert people.memberships(HOUSE, joined[3].person, NOW) == ()
    assert people.memberships(HOUSE, joined[3].person, NOW - timedelta(hours=1)) != ()
    with pytest.raises(LookupError):
        people.members(OTHER, LAB, NOW)


def test_a_person_is_known_by_one_provider(opened: Database) -> None:
    people = ParticipantTables(opened)
    people.identify(HOUSE, "per-9", "https://idp.example", "s")
    people.identify(HOUSE, "per-9", "https://idp.example", "s")
    assert people.known_as(HOUSE, "https://idp.example", "s") == "per-9"
    assert people.known_as(HOUSE, "https://idp.example", "t") == people.known_as(HOUSE, "", "") == ""
    assert (people.knows(HOUSE, "per-9"), people.knows(HOUSE, "per-8")) == (True, False)
    with pytest.raises(LookupError, match="another identity provider"):
        people.identify(HOUSE, "per-9", "https://other.example", "s")
