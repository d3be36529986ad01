"""Commitments: they open for whoever has the nonce, and for nobody who guesses."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.finding import Claim, Finding, Location, Target
from seatrial.clearinghouse.secrecy.commitment import BadCommitment, DayRoot, Reveal, commit, opens, verify
from seatrial.ledger.event import sha256_ref


def finding(project: str = "zlib", function: str = "inflate", cwe: int = 787) -> Finding:
    claim = Claim(title=f"overflow in {function}", cwe=(cwe,), locations=(Location(function=function),))
    return Finding(origin_ref="0" * 32, target=Target(product_name=project), claim=claim)


def test_a_commitment_is_sha3_over_nonce_and_bytes() -> None:
    nonce, canonical = bytes(range(32)), finding().canonical()
    assert commit(nonce, canonical) == hashlib.sha3_256(nonce + canonical).hexdigest()
    with pytest.raises(BadCommitment, match="32 random bytes"):
        commit(b"", canonical)
    assert opens(commit(nonce, canonical), nonce, canonical)
    assert not opens(commit(nonce, canonical), nonce[::-1], canonical)
    assert not opens(commit(nonce, canonical), b"", canonical)


def test_no_guess_list_hits_a_commitment_though_the_finding_is_on_it() -> None:
    """Whoever can list all likely findings still confirms none: with the nonces that people would try, or with none."""
    projects, functions, weaknesses = ("zlib", "libpng", "curl"), ("inflate", "parse", "read"), (787, 416, 125)
    guesses = [finding(*triple).canonical() for triple in product(projects, functions, weaknesses)]
    committed = {commit(secrets.token_bytes(32), guess) for guess in guesses}
    tried = {
        digest
        for guess in guesses
        for nonce in (b"", bytes(32), b"\xff" * 32, hashlib.sha256(guess).digest())
        for digest in (hashlib.sha3_256(nonce + guess).hexdigest(), hashlib.sha256(nonce + guess).hexdigest())
    }
    assert len(committed) == len(guesses) == 27
    assert not committed & tried
    again = {commit(secrets.token_bytes(32), guess) for guess in guesses}
    assert not committed & again


@given(st.integers(1, 70), st.data())
def test_whoever_holds_a_reveal_verifies_it_against_the_root_alone(size: int, data: st.DataObject) -> None:
    nonces = [number.to_bytes(32) for number in range(size)]
    found = [f'{{"n":{number}}}'.encode() for number in range(size)]
    day = DayRoot.of("2026-11-24", [commit(nonce, one) for nonce, one in zip(nonces, found, strict=True)])
    index = data.draw(st.integers(0, size - 1))
    shown = Reveal.from_json(json.loads(json.dumps(day.reveal(index, nonces[index], found[index]).to_json())))
    assert verify(shown, day.root)
    assert not verify(replace(shown, canonical=b'{"n":-1}'), day.root)
    assert not verify(replace(shown, nonce=bytes(31) + b"\xff"), day.root)
    assert not verify(replace(shown, nonce=b""), day.root)
    assert not verify(shown, DayRoot.of("2026-11-24", [*day.commitments, "ab" * 32]).root)
    assert not verify(shown, "nonsense")
    assert not verify(replace(shown, index=size), day.root)


def test_a_reveal_of_other_bytes_is_not_made_and_a_broken_one_not_read() -> None:
    day = DayRoot.of("2026-11-24", [commit(bytes(32), b"{}")])
    with pytest.raises(BadCommitment, match="do not open it"):
        day.reveal(0, bytes(32), b"{ }")
    whole = day.reveal(0, bytes(32), b"{}").to_json()
    for key in whole:
        with pytest.raises(BadCommitment, match="reveal"):
            Reveal.from_json({name: value for name, value in whole.items() if name != key})
    with pytest.raises(BadCommitment, match="reveal"):
        Reveal.from_json({**whole, "nonce": "zz"})
    with pytest.raises(BadCommitment, match="64 lowercase hex digits"):
        DayRoot.of("2026-11-24", ["AB" * 32])


def test_the_root_of_a_day_is_what_the_record_refers_to() -> None:
    empty = DayRoot.of("2026-11-24", [])
    assert empty.ref == sha256_ref(b"")
