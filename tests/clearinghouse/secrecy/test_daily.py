"""A day's root in the record: kept once, after the day, and enough to check a reveal with."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, timedelta

import pytest

from seatrial.clearinghouse.event import Event, EventType
from seatrial.clearinghouse.finding import Claim, Finding, Target
from seatrial.clearinghouse.memory import MemoryStore
from seatrial.clearinghouse.origin import Origin
from seatrial.clearinghouse.secrecy.commitment import BadCommitment, Reveal, commit, verify
from seatrial.clearinghouse.secrecy.daily import keep_day, reveal
from seatrial.clearinghouse.store import Batch, Received
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer
from seatrial.ledger.event import Event as LeafEvent
from support.cases import ANA, HOUSE, NOW
from support.ledger import memory_log

DAY = date(2026, 12, 1)


def findings(store: MemoryStore, count: int) -> list[Finding]:
    made = [
        Finding(origin_ref="1" * 32, target=Target(product_name="p"), claim=Claim(title=f"number {number}"))
        for number in range(count)
    ]
    for number, one in enumerate(made):
        at = NOW + timedelta(minutes=number)
        first = Event.following(None, one.finding_id, EventType.RECEIVED, {}, ANA, at, bytes(16))
        nonce = number.to_bytes(32)
        item = Received(one, (first,), commit(nonce, one.canonical()), nonce)
        store.put_findings(HOUSE, Batch((item,), (Origin("1" * 32, "house", "house", NOW),)))
    return made


def test_a_day_is_kept_once_and_every_finding_of_it_is_shown_to_have_been_there() -> None:
    store, log = MemoryStore(), memory_log()
    made = findings(store, 5)
    with pytest.raises(BadCommitment, match="the day is not over"):
        keep_day(store, HOUSE, log, DAY, NOW, "house")
    kept = keep_day(store, HOUSE, log, DAY, NOW + timedelta(days=1), "house")
    assert keep_day(store, HOUSE, log, DAY, NOW + timedelta(days=2), "house") == kept
    assert asdict(kept)["size"] == 5
    receipt = log.receipt(kept.index)
    leaf = LeafEvent.parse(receipt.entry)
    assert leaf.refs == {"commitments": f"sha256:{kept.root}"}
    for one in made:
        shown = Reveal.from_json(json.loads(json.dumps(reveal(store, HOUSE, one.finding_id).to_json())))
        assert verify(shown, leaf.refs["commitments"].removeprefix("sha256:"))
        assert shown.canonical == one.canonical()
    assert all(one.claim.title not in repr(leaf) for one in made)


def test_a_stranger_reveals_nothing() -> None:
    store = MemoryStore()
    [one] = findings(store, 1)
    with pytest.raises(BadCommitment, match="no such finding for you"):
        reveal(store, Viewer.of("per-x", "lab-b", Role.DEVELOPER_OWNER), one.finding_id)
