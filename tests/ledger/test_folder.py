"""A log's folder: secrets are the owner's alone, a stale copy is noticed, and the record goes on under a new origin."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.ledger.checkpoint import Checkpoint, read_checkpoint
from seatrial.ledger.errors import LedgerError, NotTheSameLog
from seatrial.ledger.event import Event, sha256_ref
from seatrial.ledger.folder import LedgerFolder
from seatrial.ledger.memory import MemoryLogStore
from seatrial.ledger.outside import CheckpointFile
from seatrial.ledger.receipt import Receipt, verify_receipt
from seatrial.ledger.sqlite import SqliteLogStore
from support.ledger import event

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEED = bytes(range(32))
KILLS = Path(__file__).parents[2] / "benchmarks" / "ledger_kill.py"


@pytest.fixture
def folder(tmp_path: Path) -> LedgerFolder:
    made = LedgerFolder(tmp_path / "ledger")
    made.begin("seatrial.example/log", SEED).append([event(seed) for seed in range(5)])
    return made


def fixed(count: int) -> bytes:
    return bytes(count)


def restored(folder: LedgerFolder, number: int = 1) -> None:
    """Put the store back to what it was two entries ago."""
    copy = folder.path / "copy.sqlite"
    with sqlite3.connect(folder.file(number, "sqlite")) as live, sqlite3.connect(copy) as saved:
        live.backup(saved)
    folder.open().append([event(91), event(92)])
    for suffix in ("", "-wal", "-shm"):
        Path(f"{folder.file(number, 'sqlite')}{suffix}").unlink(missing_ok=True)
    shutil.move(copy, folder.file(number, "sqlite"))


def test_only_the_owner_reads_the_key(folder: LedgerFolder) -> None:
    key = folder.file(1, "key")

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    key.chmod(0o644)
    with pytest.raises(LedgerError, match="chmod 600"):
        folder.open()


def test_a_folder_holds_one_log_and_finishes_an_interrupted_beginning(tmp_path: Path) -> None:
    folder = LedgerFolder(tmp_path / "ledger")
    with pytest.raises(LedgerError, match="seatrial ledger init"):
        folder.open()
    first = folder.begin("seatrial.example/log", SEED)
    folder.file(1, "checkpoint").unlink()
    again = folder.begin("another.example/log", bytes(32))

    assert again.signer.verifier.text == first.signer.verifier.text
    with pytest.raises(LedgerError, match="there is a log already"):
        folder.begin("seatrial.example/log", SEED)


def test_a_stale_copy_is_noticed_and_nothing_is_appended(folder: LedgerFolder) -> None:
    restored(folder)

    with pytest.raises(NotTheSameLog, match="holds 5 entries, 7 were published"):
        folder.open()
    with SqliteLogStore(folder.file(1, "sqlite")).reading() as tx:
        assert tx.size() == 5


def test_a_copy_put_back_under_a_running_process_is_noticed(folder: LedgerFolder) -> None:
    log = folder.open()
    published = CheckpointFile(folder.file(1, "checkpoint"))
    published.publish(Checkpoint(log.origin, 9, bytes(32)).signed(log.signer), 9)
    with pytest.raises(NotTheSameLog):
        log.append([event(6)])


def test_other_entries_of_the_same_number_are_noticed(folder: LedgerFolder, tmp_path: Path) -> None:
    other = LedgerFolder(tmp_path / "other")
    other.begin("seatrial.example/log", SEED).append([event(seed + 50) for seed in range(6)])
    for suffix in ("", "-wal", "-shm"):
        Path(f"{folder.file(1, 'sqlite')}{suffix}").unlink(missing_ok=True)
    with sqlite3.connect(other.file(1, "sqlite")) as live, sqlite3.connect(folder.file(1, "sqlite")) as target:
        live.backup(target)

    with pytest.raises(NotTheSameLog, match="are not the published ones"):
        folder.open()


def test_without_its_checkpoint_or_its_entries_a_log_is_not_opened(folder: LedgerFolder) -> None:
    checkpoint = folder.file(1, "checkpoint").read_bytes()
    folder.file(1, "checkpoint").unlink()
    with pytest.raises(NotTheSameLog, match="seatrial ledger continue"):
        folder.open()
    folder.file(1, "checkpoint").write_bytes(checkpoint)
    folder.file(1, "sqlite").unlink()
    with pytest.raises(NotTheSameLog, match="kept in another store"):
        folder.open()


def test_the_record_goes_on_under_a_new_origin_that_refers_to_the_old(folder: LedgerFolder) -> None:
    restored(folder)
    old_note = folder.file(1, "checkpoint").read_bytes()
    old = read_checkpoint(old_note, folder.signer(1).verifier)
    log = folder.go_on(NOW, fixed)
    [receipt] = log.append([event(6)])

    assert log.origin == "seatrial.example/log2"
    assert folder.open().origin == log.origin
    assert verify_receipt(receipt.encode(), folder.file(2, "vkey").read_text()).index == 1
    with log.store.reading() as tx:
        first = Event.parse(tx.entry(0))
    assert (first.kind, first.nums["size"]) == ("log.continued", 7)
    assert first.refs == {"checkpoint": sha256_ref(old_note), "root": f"sha256:{old.root.hex()}"}
    assert folder.file(1, "checkpoint").read_bytes() == old_note


def test_a_sound_log_is_not_continued_and_a_second_restore_is(folder: LedgerFolder) -> None:
    with pytest.raises(LedgerError, match="sound"):
        folder.go_on(NOW, fixed)
    restored(folder)
    folder.go_on(NOW, fixed)
    with pytest.raises(LedgerError, match="sound"):
        folder.go_on(NOW, fixed)
    restored(folder, 2)
    assert folder.go_on(NOW, fixed).origin == "seatrial.example/log3"


def test_an_interrupted_continuation_is_finished(folder: LedgerFolder) -> None:
    restored(folder)
    folder.go_on(NOW, fixed)
    for suffix in ("sqlite", "sqlite-wal", "sqlite-shm", "checkpoint"):
        folder.file(2, suffix).unlink(missing_ok=True)
    with pytest.raises(NotTheSameLog, match="continue"):
        folder.open()

    assert folder.go_on(NOW, fixed).origin == "seatrial.example/log2"
    assert folder.open().check().size == 1


def test_entries_may_be_kept_in_another_store(tmp_path: Path) -> None:
    stores = {1: MemoryLogStore()}
    folder = LedgerFolder(tmp_path / "ledger", kept=stores.__getitem__)
    folder.begin("seatrial.example/log", SEED).append([event(1)])

    assert folder.open().check().size == 1
    assert not folder.file(1, "sqlite").exists()
    with pytest.raises(NotTheSameLog, match="kept in another store"):
        LedgerFolder(tmp_path / "ledger").open()


def test_the_published_checkpoint_never_goes_back(tmp_path: Path) -> None:
    folder = LedgerFolder(tmp_path / "ledger")
    log = folder.begin("seatrial.example/log", SEED)
    log.append([event(1)])
    smaller = log.checkpoint()
    log.append([event(2)])
    CheckpointFile(folder.file(1, "checkpoint")).publish(smaller, 1)

    assert log.check().size == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET stream = 'x'",
        "DELETE FROM entry",
        "UPDATE node SET digest = zeroblob(32)",
        "DELETE FROM node",
        "UPDATE checkpoint SET size = 0",
        "DELETE FROM checkpoint",
        "INSERT OR REPLACE INTO entry VALUES (0, 'x', x'00')",
        "INSERT OR REPLACE INTO node VALUES (0, 0, zeroblob(32))",
        "INSERT OR REPLACE INTO checkpoint VALUES (1, 0, x'00', 0)",
        "INSERT INTO entry VALUES (9, 'x', x'00')",
        "INSERT INTO entry VALUES (5, 'x', zeroblob(4097))",
        "INSERT INTO node VALUES (9, 9, zeroblob(31))",
    ],
)
def test_the_tables_refuse_every_change(folder: LedgerFolder, statement: str) -> None:
    with sqlite3.connect(folder.file(1, "sqlite")) as database, pytest.raises(sqlite3.IntegrityError):
        database.execute(statement)


def test_the_store_waits_for_the_disk(folder: LedgerFolder) -> None:
    store = SqliteLogStore(folder.file(1, "sqlite"))
    run = store._connection().execute

    assert run("PRAGMA synchronous").fetchone() == (2,)
    assert run("PRAGMA journal_mode").fetchone() == ("wal",)
    with store.reading(), pytest.raises(LedgerError, match="cannot turn into a writing one"), store.writing():
        pass


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_the_process_is_killed() -> None:
    done = subprocess.run(
        [sys.executable, str(KILLS), "--points", "12", "--seed", "7"],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 lost, 0 forks" in done.stdout


def test_the_kill_rounds_would_tell_of_a_loss_and_of_a_fork(folder: LedgerFolder) -> None:
    spec = importlib.util.spec_from_file_location("ledger_kill", KILLS)
    assert spec is not None
    assert spec.loader is not None
    kills = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kills)
    log = folder.open()
    true = [log.receipt(index) for index in range(5)]
    beyond = Receipt(true[4].entry, 5, true[4].path, true[4].note)
    forked = Receipt(true[4].entry, 4, true[4].path, Checkpoint(log.origin, 5, bytes(32)).signed(log.signer))

    assert kills.checked(folder.path, [one.encode() for one in true]) == (0, 0)
    assert kills.checked(folder.path, [beyond.encode()]) == (1, 0)
    assert kills.checked(folder.path, [forked.encode()]) == (0, 1)
