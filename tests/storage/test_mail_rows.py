"""Contacts, letters, feeds and changes as rows, on both databases: what is one's own, and who has a letter when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from seatrial.framework.consent import Activity
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer
from seatrial.storage.stores.changes import ChangeTables
from seatrial.storage.stores.mail import Contact, Feed, Letter, MailTables
from support.framework import BUREAU, DAY, HOUR, LAB, RIVAL, T0, actor, consent, fresh, full_act
from support.house import open_house
from support.stores import DATABASES, address, setting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.house import House

EVERYBODY = Viewer.house("a test looks at everything")
OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
LEAD = Viewer.of("per-evaluator-lead", BUREAU, Role.EVALUATOR_LEAD)
STRANGER = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=DATABASES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with address(request.param, tmp_path) as at:
        opened = open_house(tmp_path, environment=setting(at))
        yield opened
        opened.database.close()


def contact(viewer: Viewer) -> Contact:
    return Contact(viewer.person, f"{viewer.person}@mail.example", "UTC", "2026-11-02", T0, confirmed_at=T0)


def test_a_contact_is_its_persons_own(house: House) -> None:
    tables = MailTables(house.database)
    for viewer in (OWNER, STRANGER):
        tables.put(viewer, contact(viewer))
    assert tables.contact(STRANGER, OWNER.person) is None
    assert tables.contacts(STRANGER) == (contact(STRANGER),)
    assert tables.contacts(EVERYBODY, [OWNER.person]) == (contact(OWNER),)
    tables.write(EVERYBODY, [Letter("let-1", OWNER.person, "waits", T0, T0, object="sub-1")])
    assert tables.about(STRANGER, OWNER.person, "sub-1") == ()
    tables.forget(OWNER, OWNER.person)
    assert tables.contact(EVERYBODY, OWNER.person) is None
    tables.forget(OWNER, STRANGER.person)
    assert tables.contact(EVERYBODY, STRANGER.person) is not None


def test_a_letter_is_its_takers_for_a_while_and_ends_once(house: House) -> None:
    tables = MailTables(house.database)
    made = [Letter(f"let-{one}", OWNER.person, "waits", T0, T0, object="sub-1") for one in range(3)]
    tables.write(EVERYBODY, made)
    tables.write(EVERYBODY, [replace(made[0], kind="digest")])
    taken = tables.take(EVERYBODY, T0, 5 * MINUTE, 2)
    assert [(one.id, one.kind, one.tries) for one in taken] == [("let-0", "waits", 1), ("let-1", "waits", 1)]
    assert [one.id for one in tables.take(EVERYBODY, T0, 5 * MINUTE, 2)] == ["let-2"]
    assert tables.take(EVERYBODY, T0 + 4 * MINUTE, 5 * MINUTE, 2) == ()
    tables.end(EVERYBODY, taken[0], "sent", T0)
    tables.end(EVERYBODY, taken[0], "given_up", T0 + MINUTE, "550")
    tables.untried(EVERYBODY, [taken[1]], T0 + HOUR)
    again = tables.take(EVERYBODY, T0 + HOUR, 5 * MINUTE, 9)
    assert {(one.id, one.tries) for one in again} == {("let-1", 1), ("let-2", 2)}
    last = tables.last_to(OWNER, OWNER.person)
    assert last is not None
    assert (last.id, last.state) == ("let-0", "sent")
    assert tables.clean(EVERYBODY, T0 + DAY) == 1


def test_a_feed_is_found_by_its_digest_until_its_person_revokes_it(house: House) -> None:
    tables = MailTables(house.database)
    feed = Feed("fed-1", OWNER.person, LAB, Role.DEVELOPER_OWNER, "phone", T0)
    tables.open_feed(OWNER, feed, "a" * 64)
    assert tables.feed(EVERYBODY, "a" * 64) == feed
    assert tables.feeds(STRANGER, OWNER.person) == ()
    assert not tables.revoke_feed(STRANGER, feed.id, T0)
    assert tables.revoke_feed(OWNER, feed.id, T0)
    assert tables.feed(EVERYBODY, "a" * 64) is None


def test_the_newest_steps_are_found_of_what_a_viewer_sees_and_of_nothing_else(house: House) -> None:
    names = []
    for number in range(4):
        name, at = house.new_id(), T0 + number * HOUR
        house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), at, about=name), at)
        names.append(name)
    shared = consent(Activity.SHARE_DOSSIER)
    for number, name in enumerate(names[:2]):
        at = T0 + (10 + number) * HOUR
        act = full_act("submit", actor("developer_owner"), at, about=name, consent=shared)
        house.act(name, replace(act, request_digest=""), at)
    found = ChangeTables(house.database)
    steps = [(one.object, one.event) for one in found.since(OWNER, None, 3)]
    assert steps == [(names[1], "submit"), (names[0], "submit"), (names[3], "open_draft")]
    assert {one.object for one in found.since(LEAD, None, 9)} == set(names[:2])
    assert [one.object for one in found.since(LEAD, T0 + 10 * HOUR, 9)] == [names[1]]
    assert found.since(STRANGER, None, 9) == ()
