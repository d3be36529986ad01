"""Events: the known bytes, one spelling each, and no place for a text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.ledger.errors import LedgerError, Malformed
from seatrial.ledger.event import MAX_ENTRY_BYTES, Actor, Event, commitment_ref, instant, pseudonym, sha256_ref
from seatrial.ledger.merkle import leaf_hash
from support.ledger import event

KNOWN = (
    b'{"actor":{"as":"psd_101112131415161718191a1b1c1d1e1f","role":"developer"},"at":"2026-11-23T10:00:00Z","ids":{},'
    b'"kind":"submission.withdrawn","nonce":"202122232425262728292a2b2c2d2e2f","nums":{},"refs":{},'
    b'"stream":"sub_000102030405060708090a0b0c0d0e0f","v":1}'
)
FIELDS = json.loads(KNOWN)

hexes = st.text("0123456789abcdef", min_size=32, max_size=32)
ids = st.builds(lambda name, digits: f"{name}_{digits}", st.text("abz", min_size=3, max_size=3), hexes)
names = st.text("az09_", min_size=1, max_size=32)
events = st.builds(
    Event,
    kind=st.sampled_from(["a.b", "submission.withdrawn", "key.created.again"]),
    at=st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)).map(instant),  # noqa: DTZ001
    stream=ids,
    actor=st.builds(Actor, st.text("abz", min_size=1, max_size=32), hexes.map("psd_{}".format)),
    nonce=hexes,
    refs=st.dictionaries(names, st.binary(max_size=9).map(sha256_ref), max_size=4),
    ids=st.dictionaries(names, ids, max_size=4),
    nums=st.dictionaries(names, st.integers(-(2**53) + 1, 2**53 - 1), max_size=4),
)


def test_the_known_event() -> None:
    known = Event.parse(KNOWN)

    assert len(KNOWN) == 258
    assert known.entry == KNOWN
    assert leaf_hash(KNOWN).hex() == "409fcd8f4d6628464a86e2d89b16c78de816689add0094194992bb23c35c11fa"
    assert known.kind == "submission.withdrawn"


@settings(deadline=None)
@given(events)
def test_an_event_is_read_back_from_its_entry_and_only_from_it(given_event: Event) -> None:
    entry = given_event.entry

    assert Event.parse(entry) == given_event
    assert rfc8785.dumps(json.loads(entry)) == entry
    for other in (entry + b"\n", b" " + entry, json.dumps(json.loads(entry)).encode()):
        with pytest.raises(Malformed):
            Event.parse(other)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=300), st.integers(0, 257), st.text(max_size=60)))
def test_no_other_bytes_are_an_event(junk: bytes | int | str) -> None:
    if isinstance(junk, int):
        junk = KNOWN[:junk]
    elif isinstance(junk, str):
        junk = KNOWN.replace(b"developer", json.dumps(junk)[1:-1].encode())
    if junk != KNOWN:
        try:
            parsed = Event.parse(junk)
        except Malformed:
            return
        assert parsed.entry == junk
        assert parsed.actor.role.isalpha()
        assert len(parsed.actor.role) <= 32


def test_any_flipped_bit_is_another_event_or_none() -> None:
    for at in range(len(KNOWN)):
        for bit in range(8):
            bad = KNOWN[:at] + bytes([KNOWN[at] ^ (1 << bit)]) + KNOWN[at + 1 :]
            try:
                assert Event.parse(bad) != Event.parse(KNOWN)
            except Malformed:
                continue


@pytest.mark.parametrize(
    "change",
    [
        {"note": "free text"},
        {"kind": "Submission withdrawn"},
        {"kind": "withdrawn"},
        {"kind": "a." + "b" * 63},
        {"kind": "submission.withdrawn\n"},
        {"at": "2026-11-23T10:00:00+00:00"},
        {"at": "2026-11-23T10:00:00.5Z"},
        {"at": "2026-02-30T10:00:00Z"},
        {"at": "٢٠٢٦-11-23T10:00:00Z"},
        {"stream": "sub_1"},
        {"actor": {"role": "developer", "as": "Example Lab"}},
        {"actor": {"role": "developer"}},
        {"actor": "developer"},
        {"refs": {"plan": "sha256:short"}},
        {"refs": {"a sentence of text": "sha256:" + "0" * 64}},
        {"refs": []},
        {"ids": {"lease": "the lease of a lab"}},
        {"nums": {"calls": 1.0}},
        {"nums": {"calls": True}},
        {"nums": {"calls": 2**53}},
        {"nums": {"calls": "7"}},
        {"nonce": "00"},
        {"v": 2},
        {"v": True},
        {"v": None},
    ],
)
def test_a_text_has_no_place_to_go(change: dict[str, object]) -> None:
    entry = json.dumps({**FIELDS, **change}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    with pytest.raises(Malformed):
        Event.parse(entry.encode())


@pytest.mark.parametrize("missing", sorted(FIELDS))
def test_no_field_may_be_missing(missing: str) -> None:
    with pytest.raises(Malformed, match=missing):
        Event.from_fields({name: value for name, value in FIELDS.items() if name != missing})


@pytest.mark.parametrize(
    "entry",
    [
        KNOWN.replace(b'"v":1', b'"v":1,"v":1'),
        KNOWN.replace(b'"nums":{}', b'"nums":{"a":1,"a":1}'),
        KNOWN.replace(b'"v":1', b'"v":1.0'),
        KNOWN.replace(b'"v":1', b'"v":1e0'),
        KNOWN.replace(b'"v":1', b'"v":NaN'),
        KNOWN.replace(b'"v":1', b'"v":01'),
        KNOWN.replace(b"developer", b"devel\\u006fper"),
        b"[" * 4000,
        b"[]",
        b"null",
        b"",
        b"\xff",
        b"1" * 4097,
    ],
)
def test_other_spellings_are_refused(entry: bytes) -> None:
    with pytest.raises(Malformed):
        Event.parse(entry)


def test_more_bytes_than_digests_need_are_refused() -> None:
    refs = {f"r{number}": sha256_ref(b"") for number in range(60)}
    with pytest.raises(Malformed, match=str(MAX_ENTRY_BYTES)):
        Event("a.b", FIELDS["at"], FIELDS["stream"], event(1).actor, FIELDS["nonce"], refs)


def test_an_event_never_changes() -> None:
    refs = {"root": sha256_ref(b"")}
    made = Event("a.b", FIELDS["at"], FIELDS["stream"], event(1).actor, FIELDS["nonce"], refs)
    refs["more"] = "text"

    assert "more" not in made.refs
    with pytest.raises(TypeError):
        made.refs["more"] = "text"  # type: ignore[index]


def test_references_and_pseudonyms() -> None:
    assert commitment_ref(bytes(32), b"x") != commitment_ref(b"\1" * 32, b"x")
    assert pseudonym(bytes(32), "lab") != pseudonym(b"\1" * 32, "lab")
    assert pseudonym(bytes(32), "lab").startswith("psd_")
    with pytest.raises(LedgerError, match="32 random bytes"):
        commitment_ref(b"", b"x")
    with pytest.raises(LedgerError, match="32 random bytes"):
        pseudonym(b"", "lab")


def test_instants_are_utc_in_whole_seconds() -> None:
    at = datetime(2026, 3, 29, 3, 30, 1, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert instant(at) == "2026-03-29T01:30:01Z"
    with pytest.raises(LedgerError, match="time zone"):
        instant(datetime(2026, 1, 1))  # noqa: DTZ001
