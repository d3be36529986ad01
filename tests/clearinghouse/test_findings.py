"""Properties of findings: conservation, one content one id, no name in any text, states that the lifecycle has."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.clearinghouse.blobs import FolderBlobs, FolderKeys, NoBlob, Spoilt, of_origin
from seatrial.clearinghouse.cluster import STATES as STAGE_STATES
from seatrial.clearinghouse.cluster import Stage
from seatrial.clearinghouse.disposition import FOLD, STATES, Disposition, Misplaced, fold, state_of
from seatrial.clearinghouse.event import Actor, BrokenChain, Event, EventType, check_chain
from seatrial.clearinghouse.finding import Artefact, Claim, Finding, NotAFinding, Target
from seatrial.clearinghouse.intake import Defaults, Fault, Source, read
from seatrial.clearinghouse.intake.redaction import Names
from seatrial.clearinghouse.memory import MemoryStore
from seatrial.clearinghouse.origin import Origin
from seatrial.framework.finding import FINDING
from seatrial.framework.finding import STATES as LIFECYCLE_STATES
from support.findings import HOUSE, MODEL, SENDER, Kept, MemoryBlobs, mixed, plain, source
from support.framework import T0
from support.ledger import memory_log

if TYPE_CHECKING:
    from pathlib import Path

MOVES = (
    (EventType.REPLAYED, "reproduced"), (EventType.REPLAYED, "flaky"), (EventType.REPLAYED, "not_reproduced"),
    (EventType.REVIEWED, "confirmed_by_review"), (EventType.KNOWN_MATCHED, "known"), (EventType.SCOPED_OUT, ""),
    (EventType.TAKEN_BACK, ""), (EventType.REOPENED, ""), (EventType.UNPARKED, ""), (EventType.BISECTED, ""),
)  # fmt: skip


def kept() -> Kept:
    return Kept(MemoryStore(log=memory_log()), MemoryBlobs(), memory_log(), None)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 40),
    batch=st.integers(1, 15),
    quota=st.integers(0, 20),
    moves=st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(MOVES)), max_size=25),
)
def test_nothing_is_lost_and_nothing_is_twice(
    seed: int, count: int, batch: int, quota: int, moves: list[tuple[int, tuple[EventType, str]]]
) -> None:
    at = kept()
    first = at.take([source(mixed(seed, count))], quota=quota, batch=batch)
    again = at.take([source(mixed(seed, count))], quota=quota, batch=batch + 3)
    assert [one.id for one in first] == [one.id for one in again]
    assert all(one.again for one in again)
    for number, (kind, where) in moves:
        name = first[number % len(first)].id
        chain = at.store.events(HOUSE, name)
        if chain[0].type is EventType.QUARANTINED:
            continue
        body = {"disposition": where} if where else {}
        event = Event.following(chain[-1], name, kind, body, Actor("worker:t", "1"), T0, bytes(16))
        at.store.append(HOUSE, [event])
        assert at.store.findings(HOUSE, [name])[name].disposition is fold(at.store.events(HOUSE, name))
    funnel = at.store.funnel(HOUSE)
    funnel.check()
    assert funnel == at.store.count(HOUSE)
    assert funnel.handed_in == len(first) + len(again)
    assert funnel.held == len({one.id for one in first})


def test_the_id_is_of_the_content_and_of_nothing_else() -> None:
    one = Finding(origin_ref="a" * 32, target=Target(product_name="p"), claim=Claim(title="t"))
    assert Finding.parse(one.canonical()).finding_id == one.finding_id
    assert one.model_copy(update={"origin_ref": "b" * 32}).canonical() != one.canonical()
    for broken in (b"", b"[]", b"{}", one.canonical() + b" ", one.canonical().replace(b"finding/1", b"finding/2")):
        with pytest.raises(NotAFinding):
            Finding.parse(broken)
    with pytest.raises(ValueError, match="exploit compartment"):
        Artefact(role="pov", sha256="a" * 64, size=1)  # type: ignore[arg-type]  # as JSON has it
    assert not {"received_at", "model", "submission", "run"} & Finding.model_fields.keys()


def test_every_place_is_a_state_of_the_lifecycle() -> None:
    named = {*STATES.values(), *STAGE_STATES.values()} - {""}
    assert set(STATES) == set(Disposition)
    assert set(STAGE_STATES) == set(Stage)
    assert named <= LIFECYCLE_STATES.keys()
    assert {one for one in Disposition if not STATES[one]} == {Disposition.QUARANTINED}
    reached = {
        state_of(one, STAGE_STATES[stage], stands_for_it=stands)
        for one in Disposition
        for stage in Stage
        for stands in (True, False)
    }
    assert reached - {""} <= LIFECYCLE_STATES.keys()
    assert {"candidate", "reproduced"} <= {row.source for row in FINDING.transitions}


def test_a_chain_shows_what_was_changed_and_where_it_begins() -> None:
    by = Actor("worker:t", "1")
    first = Event.following(None, "a" * 64, EventType.RECEIVED, {"n": 1}, by, T0, bytes(16))
    second = Event.following(first, "a" * 64, EventType.PARKED, {}, by, T0 + timedelta(microseconds=1), bytes(16))
    check_chain((first, second))
    for broken in ((second,), (first, first), (second, first)):
        with pytest.raises(BrokenChain):
            check_chain(broken)
    with pytest.raises(BrokenChain, match="not what its hash says"):
        Event.of({**first.fields(), "body": {"n": 2}}, first.hash)
    with pytest.raises(Misplaced):
        fold((second,))
    with pytest.raises(Misplaced, match="no disposition"):
        fold(
            (Event.following(first, "a" * 64, EventType.REPLAYED, {"disposition": "sold"}, by, T0, bytes(16)),), STATED
        )
    assert FOLD[EventType.RECEIVED] is Disposition.CANDIDATE


STATED = Disposition.CANDIDATE


@pytest.mark.parametrize("spelt", [MODEL, MODEL.upper(), "Heron-7"])
def test_no_name_of_the_model_is_in_a_finding_or_in_what_goes_outward(spelt: str) -> None:
    at = kept()
    item = plain(
        1,
        title=f"by {spelt}",
        summary=f"{spelt} said so; xheron-7x is another word",
        product_name=f"zed ({spelt})",
        locations=[{"uri": f"/home/{spelt}/a.c", "function": spelt}],
        artefacts=[{"role": "patch", "name": f"{spelt}.diff", "text": f"--- by {spelt}"}, {"role": "pov", "text": "x"}],
        references=[f"https://example.org/{spelt}"],
    )
    [receipt] = at.take([source([item])])
    held = at.store.findings(HOUSE, [receipt.id])[receipt.id].finding
    text = held.canonical().decode().lower()
    assert text.count("heron-7") == text.count("xheron-7x") == 1
    for artefact in held.artefacts:
        assert spelt.encode() not in at.blobs.get(artefact.compartment, artefact.sha256)


def test_bytes_that_trigger_are_not_altered_but_refused() -> None:
    at = kept()
    [receipt] = at.take([source([plain(1, artefacts=[{"role": "pov", "text": f"GET /{MODEL}"}])])])
    assert (receipt.disposition, receipt.what) == (Disposition.QUARANTINED, "holds a name of the model")
    assert Names(("o1",)).out_of("o1 is short") == "o1 is short"


def test_what_is_shredded_says_nothing_and_takes_nothing() -> None:
    whole = Origin("0" * 32, "lab-a", "bureau", T0, "sub_1", (MODEL,), "run", ("log",))
    left = whole.shredded(T0)
    assert (left.submission, left.model, left.run, left.samples) == ("", (), "", ())
    assert (left.submitter, left.ref, left.merged(whole)) == ("lab-a", whole.ref, left)
    assert whole.merged(Origin("0" * 32, "lab-a", "bureau", T0, model=("b",))).model == (MODEL, "b")


def test_blobs_are_whole_sealed_and_shredded(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs", FolderKeys(tmp_path / "keys"))
    papers = of_origin("0" * 32)
    data = b"the very input " * 100
    [plain_at, sealed_at, paper_at] = blobs.put([("advisory", data), ("exploit", data), (papers, data)])
    assert plain_at == sealed_at == paper_at
    for compartment in ("advisory", "exploit", papers):
        assert blobs.get(compartment, plain_at) == data
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    sealed = [path for path in files if path.suffix == ".sealed"]
    assert len(files) == 3
    assert all(plain_at not in path.name and b"very input" not in path.read_bytes() for path in sealed)
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    with pytest.raises(NoBlob):
        blobs.get("exploit", "1" * 64)
    assert blobs.shred(papers)
    with pytest.raises(NoBlob):
        blobs.get(papers, paper_at)
    with pytest.raises(ValueError, match="only an origin"):
        blobs.shred("exploit")
    [left] = [path for path in sealed if path.exists()]
    left.write_bytes(left.read_bytes()[:-1] + b"\0")
    with pytest.raises(Spoilt, match="backup"):
        blobs.get("exploit", sealed_at)


def test_an_unreadable_file_is_kept_under_its_origins_key() -> None:
    at = kept()
    [receipt] = at.take([Source("bad.sarif", b'{"runs": [')])
    [item] = at.store.quarantined(HOUSE)
    ref = at.store.origins_of(HOUSE, SENDER.submission)[0]
    assert (item.receipt_id, at.blobs.get(of_origin(ref), item.sha256)) == (receipt.id, b'{"runs": [')
    [(_, fault)] = read(Source("x", b""), Defaults())
    assert fault == Fault("x", "is empty", "Hand in what the tool wrote")
