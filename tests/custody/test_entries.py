"""What custody owes the ledger: written with the act, whatever the ledger does, and made up word for word."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.custody.budget import Call, Reservation, Usage
from seatrial.custody.entries import OwedEntries, record_owed
from seatrial.custody.keys import KeyScope, Purpose
from seatrial.custody.shred import Shredder
from seatrial.ledger.event import Actor, Event
from support.sealed import HOUR, LIMITS, NOW, OTHER, SUBMISSION, Stores, lease

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CUSTODIAN = Actor("custodian", "psd_" + "c" * 32)


class Ledger:
    """Takes events, or fails before or after it took them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.before = self.after = False

    def append(self, events: Sequence[Event]) -> list[object]:
        if self.before:
            raise OSError("cannot append")
        self.events += events
        if self.after:
            raise OSError("killed before it was marked")
        return []

    def missing(self, events: Sequence[Event]) -> list[Event]:
        return [event for event in events if event.nonce not in {one.nonce for one in self.events}]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return Stores("sqlite", tmp_path)


@pytest.fixture
def entries(stores: Stores) -> OwedEntries:
    return OwedEntries(stores.file)


def record(entries: OwedEntries, ledger: Ledger) -> int:
    return record_owed(entries, ledger, lambda _: CUSTODIAN)  # type: ignore[arg-type]  # receipts are not read


def test_every_end_of_a_lease_is_owed_once(stores: Stores, entries: OwedEntries) -> None:
    made = [lease(replace(LIMITS, max_requests=1))[0] for _ in range(4)]
    made.append(lease(hours=1)[0])
    for one in made:
        stores.leases.issue(one, NOW)
    revoked, exhausted, scoped, ended, expired = made
    stores.leases.revoke(revoked.id, NOW)
    stores.leases.revoke(revoked.id, NOW)
    held = stores.leases.reserve(exhausted.id, Call("m", 1, 1), NOW)
    assert isinstance(held, Reservation)
    stores.leases.settle(held.id, Usage(1, 1), NOW)
    stores.leases.expire(NOW + HOUR)
    stores.leases.end_scope(SUBMISSION, NOW + HOUR)
    ledger = Ledger()
    assert record(entries, ledger) == 10
    said = {(event.kind, event.ids["lease"]) for event in ledger.events if event.kind != "lease.issued"}
    assert [event.ids["lease"] for event in ledger.events if event.kind == "lease.issued"] == [one.id for one in made]
    assert said == {
        ("lease.revoked", revoked.id),
        ("lease.exhausted", exhausted.id),
        ("lease.expired", expired.id),
        ("lease.revoked", scoped.id),
        ("lease.revoked", ended.id),
    }
    assert {event.at for event in ledger.events} == {"2026-11-24T09:00:00Z", "2026-11-24T10:00:00Z"}
    assert record(entries, ledger) == 0


def test_keys_are_recorded_when_they_are_made_and_when_they_are_destroyed(stores: Stores, entries: OwedEntries) -> None:
    stores.vault.create(KeyScope(SUBMISSION, Purpose.CREDENTIALS), NOW)
    [key] = stores.keys.of_submission(SUBMISSION)
    Shredder(stores.vault, stores.leases, stores.credentials, stores.shreddings).shred(SUBMISSION, NOW)
    ledger = Ledger()
    record(entries, ledger)
    assert [(event.kind, dict(event.ids)) for event in ledger.events] == [
        ("key.created", {"key": key.key}),
        ("key.destroyed", {"key": key.key}),
    ]


def test_a_ledger_that_cannot_append_holds_up_no_end_and_gets_everything_later(
    stores: Stores, entries: OwedEntries
) -> None:
    mine, other = lease()[0], lease(submission=OTHER)[0]
    for one in (mine, other):
        stores.leases.issue(one, NOW)
    ledger = Ledger()
    ledger.before = True
    assert stores.leases.end_scope(SUBMISSION, NOW) == 1
    with pytest.raises(OSError, match="cannot append"):
        record(entries, ledger)
    assert stores.leases.revoke(other.id, NOW)
    assert (entries.of_submission(SUBMISSION), entries.of_submission(OTHER)) == (2, 2)
    ledger.before = False
    assert record(entries, ledger) == 4
    assert ledger.kinds == ["lease.issued", "lease.issued", "lease.revoked", "lease.revoked"]
    assert entries.of_submission(SUBMISSION) == 0


def test_an_entry_that_was_appended_and_not_marked_is_not_appended_again(stores: Stores, entries: OwedEntries) -> None:
    made = lease()[0]
    stores.leases.issue(made, NOW)
    stores.leases.revoke(made.id, NOW)
    ledger = Ledger()
    ledger.after = True
    with pytest.raises(OSError, match="killed"):
        record(entries, ledger)
    ledger.after = False
    stores.leases.issue(lease()[0], NOW)
    record(entries, ledger)
    assert ledger.kinds == ["lease.issued", "lease.revoked", "lease.issued"]
    assert entries.owed() == ()


def test_one_at_a_time_makes_them_up(stores: Stores, entries: OwedEntries) -> None:
    made = lease()[0]
    stores.leases.issue(made, NOW)
    stores.leases.revoke(made.id, NOW)
    ledger = Ledger()
    with entries.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert record(entries, ledger) == 0
    assert record(entries, ledger) == 2
