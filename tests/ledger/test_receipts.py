"""Receipts: self-contained, verified with public keys alone, and refused when any bit differs."""

from __future__ import annotations

import doctest
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from seatrial.ledger import checkpoint, merkle, note, policy, tiles
from seatrial.ledger import event as event_module
from seatrial.ledger import log as log_module
from seatrial.ledger.errors import LedgerError, Malformed, NotTheSameLog, NotVerified
from seatrial.ledger.log import Log
from seatrial.ledger.memory import MemoryCheckpoint, MemoryLogStore
from seatrial.ledger.note import LogSigner, Note
from seatrial.ledger.policy import Policy
from seatrial.ledger.receipt import Receipt, verify_receipt
from support.ledger import LOG_SIGNER, WITNESS_SIGNER, event, memory_log

if TYPE_CHECKING:
    from types import ModuleType

KEY = LOG_SIGNER.verifier.text
POLICY = Policy.parse(f"log {KEY}\nwitness W {WITNESS_SIGNER.verifier.text}\nquorum W\n".encode())


def cosigned_log(size: int = 6) -> Log:
    log = memory_log()
    log.append([event(seed) for seed in range(size)])
    note = Note.parse(log.checkpoint())
    log.keep_cosigned(note.with_lines(WITNESS_SIGNER.sign(note.text, 1795428000)))
    return log


def test_a_receipt_says_what_it_proves() -> None:
    shown = verify_receipt(cosigned_log().receipt(4).encode(), KEY, POLICY)

    assert (shown.event, shown.index, shown.size, shown.origin) == (event(4), 4, 6, "seatrial.example/log")
    assert (shown.log_signed, shown.cosigned_by, shown.quorum_met, shown.holds) == (True, ("W",), True, True)


def test_a_receipt_before_the_witness_came_does_not_meet_a_quorum() -> None:
    log = memory_log()
    [receipt] = log.append([event(1)])
    shown = verify_receipt(receipt.encode(), policy=POLICY)

    assert (shown.log_signed, shown.cosigned_by, shown.quorum_met, shown.holds) == (True, (), False, False)
    assert verify_receipt(receipt.encode(), KEY).quorum_met is None


def test_entries_after_the_cosigned_checkpoint_have_receipts_too() -> None:
    log = cosigned_log()
    log.append([event(7)])

    assert verify_receipt(log.receipt(5).encode(), KEY, POLICY).holds
    assert verify_receipt(log.receipt(6).encode(), KEY).size == 7
    with pytest.raises(LedgerError, match="no entry 7"):
        log.receipt(7)


@pytest.mark.parametrize("index", [0, 5])
def test_any_flipped_bit_of_a_receipt_is_refused(index: int) -> None:
    data = cosigned_log().receipt(index).encode()
    accepted = []
    for at in range(len(data)):
        for bit in range(8):
            bad = data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
            try:
                if verify_receipt(bad, KEY, POLICY).holds:
                    accepted.append((at, bit))
            except (Malformed, NotVerified):
                continue
    assert accepted == []


def test_another_index_size_or_log_is_refused() -> None:
    log = cosigned_log()
    receipt = log.receipt(4)
    for other in (0, 3, 5, 6):
        with pytest.raises(NotVerified):
            verify_receipt(Receipt(receipt.entry, other, receipt.path, receipt.note).encode(), KEY)
    stranger = LogSigner.from_seed("other.example/log", bytes(32))
    with pytest.raises(NotVerified, match="another log"):
        verify_receipt(receipt.encode(), stranger.verifier)
    same_name = LogSigner.from_seed("seatrial.example/log", bytes(32))
    with pytest.raises(NotVerified, match="did not sign"):
        verify_receipt(receipt.encode(), same_name.verifier)
    with pytest.raises(Malformed, match="no public key"):
        verify_receipt(receipt.encode())


def test_a_receipt_has_one_spelling() -> None:
    data = cosigned_log().receipt(4).encode()

    assert Receipt.parse(data).encode() == data
    for bad in (
        data + b"\n",
        data.replace(b"index 4", b"index 04"),
        b"\n" + data,
        data.replace(b"\n", b"\r\n"),
        b"",
        data[:40],
    ):
        with pytest.raises((Malformed, NotVerified)):
            verify_receipt(bad, KEY)


def test_a_wrong_cosignature_of_a_known_witness_is_an_error() -> None:
    receipt = cosigned_log().receipt(1)
    note = Note.parse(receipt.note)
    forged = note.with_lines(WITNESS_SIGNER.sign("another text\n", 1795428000))
    with pytest.raises(NotVerified, match=r"witness\.example"):
        verify_receipt(Receipt(receipt.entry, 1, receipt.path, forged.encode()).encode(), KEY, POLICY)


def test_a_log_keeps_only_its_own_checkpoints_as_cosigned() -> None:
    log, other = memory_log(), memory_log()
    log.append([event(1)])
    other.append([event(2)])
    with pytest.raises(NotTheSameLog):
        log.keep_cosigned(Note.parse(other.checkpoint()))
    with pytest.raises(LedgerError, match="no event"):
        log.append([])


def test_a_published_checkpoint_of_another_key_opens_nothing() -> None:
    published = MemoryCheckpoint()
    Log.open(MemoryLogStore(), LogSigner.from_seed("seatrial.example/log", bytes(32)), published)
    with pytest.raises(NotVerified):
        Log.open(MemoryLogStore(), LOG_SIGNER, published)


def test_verification_needs_neither_a_database_nor_a_network() -> None:
    code = (
        "import sys; from seatrial.ledger import verify_receipt, Log, Policy\n"
        "heavy = {'django', 'httpx', 'starlette', 'uvicorn', 'sqlite3', 'http'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Interrupted(MemoryCheckpoint):
    """A file that cannot be written once the empty tree is published."""

    def publish(self, note: bytes, size: int) -> None:
        if size:
            raise OSError("no space left on the device")
        super().publish(note, size)


def test_a_crash_between_the_transaction_and_its_checkpoint_file_neither_loses_nor_forks() -> None:
    store, published = MemoryLogStore(), Interrupted()
    log = Log.open(store, LOG_SIGNER, published)
    with pytest.raises(OSError, match="no space"):
        log.append([event(1)])
    working = MemoryCheckpoint()
    working.publish(published.read() or b"", 0)
    again = Log.open(store, LOG_SIGNER, working)
    assert again.check().size == 1
    [second] = again.append([event(2)])

    assert second.index == 1
    assert verify_receipt(again.receipt(0).encode(), KEY).event == event(1)
    assert merkle.verify_consistency(
        1, 2, merkle.leaf_hash(event(1).entry), again.check().root, again.consistency(1, 2)
    )


@pytest.mark.parametrize("module", [event_module, merkle, note, checkpoint, log_module, policy, tiles])
def test_the_worked_examples_hold(module: ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)
