"""Reads: every one is a row, for the owner's and the auditor's eyes, and each day's root is in the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import Error, connections

from seatrial.framework.consent import Activity
from seatrial.framework.data_class import DataClass
from seatrial.framework.participant import Organisation, OrganisationKind, Role
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer
from seatrial.ledger.event import Event
from seatrial.ledger.receipt import verify_receipt
from seatrial.storage.reads import NOTED, DayOpen, ReadTables, close_day, close_days, root_of
from support.framework import BUREAU, DAY, HOUR, LAB, RIVAL, T0, actor, consent, fresh, full_act
from support.house import open_house
from support.stores import DATABASES, address, setting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.house import House

OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
STRANGER = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)
LEAD = Viewer.of("per-evaluator-lead", BUREAU, Role.EVALUATOR_LEAD)
AUDITOR = Viewer.of("per-auditor", "office", Role.AUDITOR)
RIVAL_AUDITOR = Viewer.of("riv-auditor", RIVAL, Role.AUDITOR)
HOUSE = Viewer.house("a test looks at everything")


@pytest.fixture(params=DATABASES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with address(request.param, tmp_path) as at:
        opened = open_house(tmp_path, environment=setting(at))
        opened.participants.add(HOUSE, Organisation("office", "An office", OrganisationKind.AUDITOR))
        yield opened
        opened.database.close()


def shared(house: House) -> str:
    name = house.new_id()
    house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), T0, about=name), T0)
    share = full_act("submit", actor("developer_owner"), T0 + HOUR, about=name, consent=consent(Activity.SHARE_DOSSIER))
    house.act(name, replace(share, request_digest=""), share.at)
    return name


def test_a_read_is_seen_by_the_owner_and_an_auditor_and_by_nobody_else(house: House) -> None:
    reads, name = ReadTables(house.database), shared(house)
    for viewer in (LEAD, OWNER):
        assert reads.note(viewer, name, "pap-1", DataClass.T, T0)
    for viewer in (OWNER, AUDITOR, HOUSE):
        seen = reads.list(viewer)
        assert [(one.person, one.organisation, one.role, one.data_class) for one in seen] == [
            ("per-evaluator-lead", BUREAU, "evaluator_lead", DataClass.T),
            ("per-developer-owner", LAB, "developer_owner", DataClass.T),
        ]
        assert reads.list(viewer, name) == seen
    for viewer in (LEAD, STRANGER, RIVAL_AUDITOR):
        assert reads.list(viewer) == ()


def test_only_reads_of_the_four_classes_are_noted(house: House) -> None:
    reads, name = ReadTables(house.database), shared(house)
    noted = {data_class for data_class in DataClass if reads.note(OWNER, name, "pap-1", data_class, T0)}
    assert noted == NOTED
    assert len(reads.list(OWNER)) == len(NOTED)


def test_nobody_reads_what_they_do_not_see(house: House) -> None:
    reads, name = ReadTables(house.database), shared(house)
    with pytest.raises(NotHere):
        reads.note(STRANGER, name, "pap-1", DataClass.M, T0)
    assert reads.list(HOUSE) == ()


def test_the_root_of_a_day_is_in_the_record_and_follows_from_its_rows(house: House) -> None:
    reads, name = ReadTables(house.database), shared(house)
    for minute in range(5):
        reads.note(LEAD, name, f"pap-{minute}", DataClass.M, T0 + timedelta(minutes=minute))
    reads.note(LEAD, name, "pap-9", DataClass.M, T0 + DAY)
    receipt = close_day(house, T0.date(), T0 + 2 * DAY)
    event = verify_receipt(receipt.encode(), house.log.signer.verifier.text).event
    told = reads.of_day(AUDITOR, T0.date())
    assert (event.kind, event.refs["root"], len(told)) == ("reads.root", f"sha256:{root_of(told).hex()}", 5)
    assert root_of(told[:-1]) != root_of(told)
    assert reads.place(AUDITOR, T0.date()) == (1, receipt.index)
    assert (reads.place(AUDITOR, (T0 + DAY).date()), house.disagreements()) == (None, ())


def test_a_day_is_closed_once_and_takes_no_more_reads(house: House) -> None:
    reads, name = ReadTables(house.database), shared(house)
    reads.note(LEAD, name, "pap-1", DataClass.M, T0)
    with pytest.raises(DayOpen, match="not before"):
        close_day(house, T0.date(), T0 + HOUR)
    assert close_days(house, T0 + 3 * DAY) == (T0.date(),)
    assert close_days(house, T0 + 3 * DAY) == ()
    with pytest.raises(DayOpen, match="already"):
        close_day(house, T0.date(), T0 + 3 * DAY)
    with pytest.raises(Error, match="are closed"):
        reads.note(LEAD, name, "pap-2", DataClass.M, T0)


def test_a_day_that_the_log_does_not_take_stays_open(house: House) -> None:
    ReadTables(house.database).note(OWNER, shared(house), "pap-1", DataClass.M, T0)
    checkpoint = house.ledger.file(1, "checkpoint")
    published = checkpoint.read_bytes()
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="note"):
        close_day(house, T0.date(), T0 + 2 * DAY)
    checkpoint.write_bytes(published)
    assert close_days(house, T0 + 2 * DAY) == (T0.date(),)


def test_a_noted_read_stays_as_it_is(house: House) -> None:
    ReadTables(house.database).note(OWNER, shared(house), "pap-1", DataClass.M, T0)
    for statement in ("UPDATE storage_read SET person = 'nobody'", "DELETE FROM storage_read"):
        with pytest.raises(Error, match="only grows"), house.database.session(HOUSE, writing=True) as frame:
            connections[frame.alias].cursor().execute(statement)


def test_events_of_a_day_name_nobody(house: House) -> None:
    ReadTables(house.database).note(LEAD, shared(house), "pap-1", DataClass.M, T0)
    event = Event.parse(close_day(house, T0.date(), T0 + 2 * DAY).entry)
    assert (set(event.refs), dict(event.ids), dict(event.nums)) == ({"root"}, {}, {})
