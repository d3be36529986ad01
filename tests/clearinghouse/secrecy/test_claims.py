"""Claim checks: an answer about the place asked for, and about nothing and nobody else."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.event import Actor
from seatrial.clearinghouse.memory import MemoryStore
from seatrial.clearinghouse.secrecy.claims import (
    CHECKS,
    BadExchange,
    ClaimDesk,
    ClaimTable,
    Place,
    StoredClaims,
    TooMany,
    answer,
    exchanged_key,
    exported,
    imported,
    subject,
)
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer
from support.cases import HOUSE, NOW

SECRET, SALT = b"\x07" * 32, b"\x09" * 32
INTAKE = Actor("worker:intake", "1")
RIVAL = Actor("per-rival", "developer_owner")
PLACES = [
    Place(f"https://github.com/a/{repo}", path, cwe) for repo in "xy" for path in ("a.c", "b.c") for cwe in (787, 416)
]
SOME = st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 3)), max_size=8)


class House:
    """A desk and its claims over one store."""

    def __init__(self) -> None:
        self.store = MemoryStore(developers=frozenset({"lab-a", "lab-b"}))
        self.claims = StoredClaims(SECRET, self.store, HOUSE, "house")
        self.desk = ClaimDesk(self.claims, self.store, HOUSE, "house")


@pytest.mark.parametrize(
    "same",
    [
        Place("https://github.com/Acme/Tool", "src/x.c", 787),
        Place("http://github.com/acme/tool.git", "./src/x.c", 787),
        Place("git@github.com:acme/tool.git", "/src/x.c", 787),
        Place("github.com/acme/tool/", "src/./x.c", 787),
        Place("ssh://github.com/acme/tool", "src\\x.c", 787),
    ],
)
def test_spellings_of_one_place_are_one(same: Place) -> None:
    assert same.text == b"github.com/acme/tool\0src/x.c\0CWE-787"


@given(st.lists(st.sampled_from(PLACES), unique=True), st.sampled_from(PLACES))
def test_the_answer_is_about_the_place_that_was_asked_for(claimed: list[Place], asked: Place) -> None:
    table = ClaimTable(SECRET)
    for place in claimed:
        table.claim(place, NOW)
    assert answer(table, asked) == ("claimed since 2026-12-01" if asked in claimed else "unknown")


@given(st.sets(st.sampled_from(PLACES)), SOME, SOME, st.lists(st.sampled_from(PLACES), max_size=6))
def test_a_rival_sees_one_transcript_whoever_claimed_how_often_and_whoever_asked_before(
    claimed: set[Place], again: list[tuple[Place, int]], checks: list[tuple[Place, int]], asked: list[Place]
) -> None:
    """Two houses that differ in all but which places are claimed since when answer a rival alike."""
    plain, busy = House(), House()
    for place in sorted(claimed, key=lambda one: one.text):
        plain.claims.claim(place, INTAKE, NOW)
        busy.claims.claim(place, Actor("worker:other", "9"), NOW)
    for place, later in again:
        if place in claimed:
            busy.claims.claim(place, INTAKE, NOW + timedelta(days=later))
    for place, who in checks:
        busy.desk.check(f"lab-{who}", place, INTAKE, NOW)
    transcripts = [[house.desk.check("lab-b", place, RIVAL, NOW) for place in asked] for house in (plain, busy)]
    assert transcripts[0] == transcripts[1]
    assert all(said in {"unknown", "claimed since 2026-12-01"} for said in transcripts[0])


def test_a_rival_sees_no_row_of_claims_or_checks() -> None:
    house = House()
    house.claims.claim(PLACES[0], INTAKE, NOW)
    house.desk.check("lab-a", PLACES[0], INTAKE, NOW)
    rival = Viewer.of("per-rival", "lab-b", Role.DEVELOPER_OWNER)
    chain = f"CL-{house.claims.key(PLACES[0])[:32]}"
    assert house.store.events(HOUSE, chain)
    assert house.store.events(HOUSE, subject("lab-a"))
    assert not house.store.events(rival, chain)
    assert not house.store.events(rival, subject("lab-a"))


def test_nothing_that_is_kept_can_be_guessed_without_the_secret() -> None:
    house = House()
    house.claims.claim(PLACES[0], INTAKE, NOW)
    house.desk.check("lab-a", PLACES[0], INTAKE, NOW)
    kept = repr(house.store._rows.chains)
    for place in PLACES:
        for guess in (hashlib.sha256(place.text), hashlib.sha3_256(place.text), hashlib.sha256(bytes(32) + place.text)):
            assert guess.hexdigest()[:32] not in kept
        assert place.path not in kept
    assert "lab-a" not in repr(list(house.store._rows.chains))


def test_how_often_a_party_may_ask_does_not_depend_on_the_answers() -> None:
    house = House()
    house.claims.claim(PLACES[0], INTAKE, NOW)
    for number in range(CHECKS):
        house.desk.check("lab-b", PLACES[number % 2], RIVAL, NOW + timedelta(seconds=number))
    for place in PLACES:
        with pytest.raises(TooMany, match="from 2026-12-02T09:00:00"):
            house.desk.check("lab-b", place, RIVAL, NOW + timedelta(hours=23))
    assert house.desk.check("lab-a", PLACES[0], RIVAL, NOW) == "claimed since 2026-12-01"
    assert house.desk.check("lab-b", PLACES[0], RIVAL, NOW + timedelta(days=1)) == "claimed since 2026-12-01"
    with pytest.raises(TooMany):
        house.desk.check("lab-b", PLACES[0], RIVAL, NOW + timedelta(days=1))


def test_every_check_is_logged_with_its_answer() -> None:
    house = House()
    house.desk.check("lab-a", PLACES[0], RIVAL, NOW)
    [event] = house.store.events(HOUSE, subject("lab-a"))
    assert event.body == {"key": house.claims.key(PLACES[0]), "answer": "unknown"}


def test_two_houses_exchange_claims_under_a_salt_of_their_own() -> None:
    raw = exported(SALT, {PLACES[0]: date(2026, 12, 1)})
    assert imported(SALT, raw) == {exchanged_key(SALT, PLACES[0]): date(2026, 12, 1)}
    assert exchanged_key(SALT, PLACES[0]) == hashlib.sha256(SALT + b"\0" + PLACES[0].text).hexdigest()
    assert PLACES[0].path.encode() not in raw
    assert SALT.hex().encode() not in raw
    for salt, wrong in ((b"\x08" * 32, raw), (SALT, b"[]"), (SALT, b"{"), (SALT, raw.replace(b"2026-12-01", b"soon"))):
        with pytest.raises(BadExchange, match="claims"):
            imported(salt, wrong)
    with pytest.raises(BadExchange, match="32 random bytes"):
        exchanged_key(b"short", PLACES[0])
    with pytest.raises(ValueError, match="32 bytes or more"):
        ClaimTable(b"short")
