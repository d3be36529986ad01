"""Witnesses: they cosign growth and nothing else, remember before they answer, and alarm on two histories."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.cosign import WitnessAddress, cosign
from seatrial.ledger.errors import LedgerError, Malformed
from seatrial.ledger.merkle import EMPTY_ROOT
from seatrial.ledger.note import CosignatureSigner, LogSigner, Note, cosigned_at
from seatrial.ledger.policy import Policy
from seatrial.ledger.receipt import verify_receipt
from seatrial.ledger.witness import SIZE_TYPE, SPLIT_VIEW, UNPROVED, Answer, Request, Witness
from seatrial.ledger.witness_state import SqliteWitnessState
from support.ledger import LOG_SIGNER, WITNESS_SIGNER, event, memory_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.ledger.log import Log

NOW = 1795428000
URL = "http://witness.example"


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    state = SqliteWitnessState(tmp_path / "witness.sqlite")
    yield Witness(WITNESS_SIGNER, {"seatrial.example/log": [LOG_SIGNER.verifier]}, state)
    state.close()


def grown(log: Log, to: int, first: int = 0) -> Log:
    with log.store.reading() as tx:
        size = tx.size()
    log.append([event(first + seed) for seed in range(size, to)])
    return log


def body(log: Log, old: int, note: bytes | None = None) -> bytes:
    read = Note.parse(note or log.checkpoint())
    size = Checkpoint.parse(read.text).size
    proof = log.consistency(old, size) if old <= size else ()
    return Request(old, proof, read, Checkpoint.parse(read.text)).encode()


def posted(witness: Witness, answers: list[Answer] | None = None) -> object:
    def post(url: str, sent: bytes) -> Answer:
        assert url == f"{URL}/add-checkpoint"
        answer = witness.add_checkpoint(sent, NOW)
        (answers if answers is not None else []).append(answer)
        return answer._replace(type=answer.type.partition(";")[0])

    return post


def test_it_cosigns_growth_and_remembers(witness: Witness) -> None:
    log = grown(memory_log(), 3)
    first = witness.add_checkpoint(body(log, 0), NOW)
    second = witness.add_checkpoint(body(grown(log, 9), 3), NOW + 1)
    again = witness.add_checkpoint(body(log, 9), NOW + 2)

    assert [first.status, second.status, again.status] == [200, 200, 200]
    note = Note.parse(log.checkpoint() + second.body)
    assert len(note.signed_by([LOG_SIGNER.verifier, WITNESS_SIGNER.verifier])) == 2
    assert cosigned_at(note.signatures[1].signature) == NOW + 1
    with witness.state.deciding() as tx:
        held = tx.held(log.origin)
    assert held is not None
    assert (held.size, held.note) == (9, log.checkpoint())


def test_another_old_size_is_answered_with_the_held_one(witness: Witness) -> None:
    log = grown(memory_log(), 3)
    witness.add_checkpoint(body(log, 0), NOW)
    answer = witness.add_checkpoint(body(grown(log, 9), 2), NOW)

    assert (answer.status, answer.type, answer.body, answer.alarm) == (409, SIZE_TYPE, b"3\n", None)


def test_unknown_logs_and_wrong_signatures(witness: Witness) -> None:
    log = grown(memory_log(), 3)
    stranger = LogSigner.from_seed("other.example/log", bytes(32))
    forger = LogSigner.from_seed("seatrial.example/log", bytes(32))
    of_stranger = Checkpoint("other.example/log", 3, bytes(32)).signed(stranger)
    forged = Checkpoint("seatrial.example/log", 3, bytes(32)).signed(forger)
    broken = Note(Checkpoint("seatrial.example/log", 3, bytes(32)).text, (LOG_SIGNER.sign("x\n"),)).encode()

    assert witness.add_checkpoint(body(log, 0, of_stranger), NOW).status == 404
    assert witness.add_checkpoint(body(log, 0, forged), NOW).status == 403
    assert witness.add_checkpoint(body(log, 0, broken), NOW).status == 403
    assert witness.add_checkpoint(body(log, 4), NOW).status == 400
    assert witness.state.alarms() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda sent: sent[:0],
        lambda sent: b"\n" + sent,
        lambda sent: sent.replace(b"old 0", b"old 00"),
        lambda sent: sent.replace(b"old 0", b"old -1"),
        lambda sent: sent.replace(b"old 0", b"old 0\nAAAA"),
        lambda sent: sent.replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n" * 1 + (b"A" * 43 + b"=\n") * 63),
        lambda sent: sent.replace(b"\n\n", b"\n"),
        lambda sent: sent.replace("—".encode(), b"-"),
        lambda sent: sent + b"x" * 70_000,
        lambda sent: b"\xff" + sent,
    ],
)
def test_what_is_no_request(witness: Witness, change: object) -> None:
    sent = body(grown(memory_log(), 3), 0)
    assert callable(change)
    assert witness.add_checkpoint(change(sent), NOW).status == 400
    with pytest.raises(Malformed):
        Request.parse(change(sent))


def test_the_empty_tree_has_one_root(witness: Witness) -> None:
    log = memory_log()
    false = Checkpoint(log.origin, 0, bytes(32)).signed(LOG_SIGNER)

    assert witness.add_checkpoint(body(log, 0, false), NOW).status == 409
    assert witness.add_checkpoint(body(log, 0), NOW).status == 200
    assert Checkpoint.parse(Note.parse(log.checkpoint()).text).root == EMPTY_ROOT


def test_a_split_view_of_the_same_size_is_refused_and_both_are_kept(witness: Witness) -> None:
    log, other = grown(memory_log(), 5), grown(memory_log(), 5, first=100)
    witness.add_checkpoint(body(log, 0), NOW)
    for old in (5, 0):
        answer = witness.add_checkpoint(body(other, old), NOW + 1)
        assert (answer.status, answer.body) == (409, b"5\n")

    [alarm] = witness.state.alarms()
    assert (alarm.why, alarm.at, alarm.origin) == (SPLIT_VIEW, NOW + 1, log.origin)
    assert (alarm.held, alarm.offered) == (log.checkpoint(), other.checkpoint())
    assert witness.add_checkpoint(body(grown(log, 6), 5), NOW).status == 200


def test_growth_that_is_not_shown_is_refused_and_kept(witness: Witness) -> None:
    log, other = grown(memory_log(), 5), grown(memory_log(), 8, first=100)
    witness.add_checkpoint(body(log, 0), NOW)
    answer = witness.add_checkpoint(body(other, 5), NOW)

    assert answer.status == 422
    assert answer.alarm is not None
    assert [alarm.why for alarm in witness.state.alarms()] == [UNPROVED]
    assert witness.add_checkpoint(body(other, 5), NOW).alarm is None
    with witness.state.deciding() as tx:
        held = tx.held(log.origin)
    assert held is not None
    assert held.size == 5


def test_no_cosignature_leaves_before_its_state_is_kept(witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    log, seen = grown(memory_log(), 3), list[int]()
    real = CosignatureSigner.sign

    def watched(self: CosignatureSigner, text: str, time: int) -> object:
        with sqlite3.connect(witness.state._connection.execute("PRAGMA database_list").fetchone()[2]) as other:
            seen.append(other.execute("SELECT size FROM held").fetchone()[0])
        return real(self, text, time)

    monkeypatch.setattr(CosignatureSigner, "sign", watched)
    assert witness.add_checkpoint(body(log, 0), NOW).status == 200
    assert seen == [3]


def test_state_outlives_the_process(witness: Witness, tmp_path: Path) -> None:
    log = grown(memory_log(), 3)
    witness.add_checkpoint(body(log, 0), NOW)
    witness.state.close()
    again = Witness(WITNESS_SIGNER, witness.logs, SqliteWitnessState(tmp_path / "witness.sqlite"))

    assert again.add_checkpoint(body(grown(log, 4), 0), NOW).body == b"3\n"
    again.state.close()


def test_a_round_brings_cosignatures_that_receipts_carry(witness: Witness) -> None:
    log = grown(memory_log(), 3)
    address, answers = WitnessAddress(WITNESS_SIGNER.verifier, URL + "/"), list[Answer]()
    first = cosign(log, [address], posted(witness, answers))
    second = cosign(grown(log, 9), [address], posted(witness, answers))

    assert (first.cosigned, second.cosigned) == (("witness.example/w1",), ("witness.example/w1",))
    assert [answer.status for answer in answers] == [200, 409, 200]
    policy = Policy.parse(f"witness W {WITNESS_SIGNER.verifier.text}\nquorum W\n".encode())
    assert verify_receipt(log.receipt(8).encode(), LOG_SIGNER.verifier, policy).cosigned_by == ("W",)


def test_a_round_tells_of_a_split_view_and_of_a_witness_that_is_ahead(witness: Witness) -> None:
    address = WitnessAddress(WITNESS_SIGNER.verifier, URL)
    cosign(grown(memory_log(), 5), [address], posted(witness))

    for other, told in ((5, "another history"), (8, "another history"), (2, "holds 5 entries")):
        outcome = cosign(grown(memory_log(), other, first=100), [address], posted(witness))
        assert told in outcome.split["witness.example/w1"]
        assert outcome.cosigned == ()


def test_a_witness_that_does_not_answer_or_lies_costs_only_its_cosignature() -> None:
    log, address = grown(memory_log(), 3), WitnessAddress(WITNESS_SIGNER.verifier, URL)

    def silent(_url: str, _body: bytes) -> Answer:
        raise ConnectionRefusedError("connection refused")

    liar = CosignatureSigner.from_seed("witness.example/w1", bytes(32))
    wrong = WITNESS_SIGNER.sign("another text\n", NOW).line.encode()
    for post, told in (
        (silent, "refused"),
        (lambda *_: Answer(200, "text/plain", liar.sign("x\n", NOW).line.encode()), "no cosignature of the witness"),
        (lambda *_: Answer(200, "text/plain", wrong), "cosignature is wrong"),
        (lambda *_: Answer(500, "text/plain", b"oops"), "answered 500: oops"),
        (lambda *_: Answer(409, SIZE_TYPE, b"many\n"), "decimal"),
    ):
        outcome = cosign(log, [address], post)
        assert told in outcome.missing["witness.example/w1"]
        assert outcome.split == {}
    with log.store.reading() as tx:
        assert tx.latest_checkpoint(cosigned=True) is None


def test_a_proof_is_asked_only_of_what_there_is() -> None:
    with pytest.raises(LedgerError, match="no tree of 4"):
        grown(memory_log(), 3).consistency(1, 4)
