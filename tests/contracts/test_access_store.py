"""What every store of the gateway's access rows keeps; a new implementation joins `STORES`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seatrial.custody.access_log import AccessRow, AccessStore, Ending, LogRoot, MemoryAccessStore, close, prove
from seatrial.custody.sqlite import CustodyFile
from seatrial.custody.sqlite_access import SqliteAccessStore
from seatrial.ledger.merkle import leaf_hash, verify_inclusion

STORES: dict[str, Callable[[Path], AccessStore]] = {
    "memory": lambda _: MemoryAccessStore(),
    "sqlite": lambda folder: SqliteAccessStore(CustodyFile(folder / "custody.sqlite3")),
}
TABLES = ("access_row", "access_root_recorded", "access_root")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AccessStore:
    return STORES[request.param](tmp_path)


def row(number: int, submission: int = 1) -> AccessRow:
    return AccessRow(
        call=f"cal_{number:032x}",
        lease=f"lea_{submission:032x}",
        submission=f"sub_{submission:032x}",
        at=NOW + timedelta(milliseconds=number),
        path="chat/completions",
        model="m",
        status=200,
        ending=Ending.WHOLE,
        request_sha256=f"{number:064x}",
        response_bytes=number,
    )


def test_rows_are_numbered_without_a_gap_and_read_as_written(store: AccessStore) -> None:
    rows = [row(number) for number in range(7)]
    assert [store.add(item) for item in rows] == list(range(7))
    assert store.read(2, 3) == tuple(rows[2:5])
    assert store.read(7, 3) == ()


def test_a_call_has_one_row(store: AccessStore) -> None:
    store.add(row(1))
    with pytest.raises(ValueError, match="cal_0"):
        store.add(replace(row(1), status=500))
    assert store.read(0, 9) == (row(1),)


def test_a_submission_sees_its_own_rows_only(store: AccessStore) -> None:
    for number in range(6):
        store.add(row(number, submission=number % 2 + 1))
    assert store.of_submission(f"sub_{2:032x}") == tuple((number, row(number, 2)) for number in (1, 3, 5))


def test_roots_follow_on_one_another_and_cover_every_row(store: AccessStore) -> None:
    for number in range(5):
        store.add(row(number))
    first = close(store, NOW)
    assert first is not None
    assert (first.first, first.count) == (0, 5)
    assert close(store, NOW) is None
    for number in range(5, 8):
        store.add(row(number))
    second = close(store, NOW + timedelta(hours=1))
    assert second is not None
    assert store.roots() == (first, second)
    with pytest.raises(ValueError, match="begins at row 8"):
        store.put_root(LogRoot(3, 2, "00" * 32, NOW))


def test_roots_are_missing_in_the_ledger_until_they_are_marked(store: AccessStore) -> None:
    made = []
    for number in range(3):
        store.add(row(number))
        made.append(close(store, NOW + timedelta(hours=number)))
    assert store.unrecorded() == tuple(made)
    assert made[1] is not None
    store.mark_recorded(made[1])
    store.mark_recorded(made[1])
    assert store.unrecorded() == (made[0], made[2])
    with pytest.raises(LookupError, match="no such root"):
        store.mark_recorded(replace(made[1], digest="00" * 32))


def test_each_row_proves_itself_and_no_changed_row_does(store: AccessStore) -> None:
    for number in range(11):
        store.add(row(number))
    close(store, NOW)
    for number in range(11):
        made, index, path = prove(store, number)
        tree = bytes.fromhex(made.digest)
        assert verify_inclusion(leaf_hash(row(number).entry), index, made.count, path, tree)
        changed = replace(row(number), microdollars=1)
        assert not verify_inclusion(leaf_hash(changed.entry), index, made.count, path, tree)
    store.add(row(11))
    with pytest.raises(LookupError, match="no root yet"):
        prove(store, 11)


def test_rows_and_roots_in_the_file_cannot_be_changed(tmp_path: Path) -> None:
    file = CustodyFile(tmp_path / "custody.sqlite3")
    kept = SqliteAccessStore(file)
    kept.add(row(1))
    made = close(kept, NOW)
    assert made is not None
    kept.mark_recorded(made)
    for statement in (
        "DELETE FROM access_root_recorded",
        "UPDATE access_row SET body = '{}'",
        "DELETE FROM access_row",
        "DELETE FROM access_root",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="stay as they are"):
            file.connection().execute(statement)
    assert SqliteAccessStore(file).read(0, 9) == (row(1),)


def test_a_row_and_what_stands_beside_it_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    file = CustodyFile(tmp_path / "custody.sqlite3")
    kept = SqliteAccessStore(file)
    with file.writing() as tx:
        tx.execute("CREATE TABLE beside (number INTEGER) STRICT")
    with pytest.raises(ValueError, match="has its row"), file.writing() as tx:  # noqa: PT012 - one transaction
        tx.execute("INSERT INTO beside VALUES (1)")
        kept.add(row(1))
        kept.add(row(1))
    assert kept.read(0, 9) == ()
    assert file.connection().execute("SELECT count(*) FROM beside").fetchone()[0] == 0
