"""What every store of a log does: it only grows, one writer at a time, all of a transaction or nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from seatrial.ledger.errors import LedgerError, NotTheSameLog
from seatrial.ledger.log import Log, LogStore, recomputed_root
from seatrial.ledger.memory import MemoryCheckpoint, MemoryLogStore
from seatrial.ledger.merkle import EMPTY_ROOT, root
from seatrial.ledger.receipt import verify_receipt
from seatrial.ledger.sqlite import SqliteLogStore
from seatrial.storage.stores.log import LogTables
from support.ledger import LOG_SIGNER, event
from support.stores import DATABASES, database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STORES: dict[str, Callable[[Path], LogStore]] = {
    "memory": lambda _folder: MemoryLogStore(),
    "sqlite": lambda folder: SqliteLogStore(folder / "log.sqlite"),
}
STREAM = "sub_000102030405060708090a0b0c0d0e0f"
OTHER = "cas_000102030405060708090a0b0c0d0e0f"
KEY = LOG_SIGNER.verifier.text


@pytest.fixture(params=[*STORES, *(f"house-{kind}" for kind in DATABASES)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogStore]:
    if request.param in STORES:
        yield STORES[request.param](tmp_path)
        return
    with database(request.param.removeprefix("house-"), tmp_path) as opened_database:
        yield LogTables(opened_database)


def opened(store: LogStore) -> Log:
    return Log.open(store, LOG_SIGNER, MemoryCheckpoint())


def test_an_empty_log_publishes_the_empty_tree(store: LogStore) -> None:
    log = opened(store)

    assert (log.check().size, log.check().root) == (0, EMPTY_ROOT)
    with store.reading() as tx:
        assert tx.size() == 0
        assert tx.latest_checkpoint() == log.checkpoint()
        assert tx.latest_checkpoint(cosigned=True) is None


def test_every_batch_is_there_with_its_receipts_and_its_checkpoint(store: LogStore) -> None:
    log, made = opened(store), [event(seed) for seed in range(37)]
    receipts = [*log.append(made[:1]), *log.append(made[1:20]), *log.append(made[20:])]

    for index, receipt in enumerate(receipts):
        assert verify_receipt(receipt.encode(), KEY).event == made[index]
        assert verify_receipt(log.receipt(index).encode(), KEY).index == index
    with store.reading() as tx:
        assert tx.size() == 37
        assert [tx.entry(index) for index in range(37)] == [one.entry for one in made]
        assert recomputed_root(tx, 37) == root(tx.node, 37) == log.check().root


def test_entries_are_found_by_stream(store: LogStore) -> None:
    opened(store).append([event(1, STREAM), event(2, OTHER), event(3, STREAM)])
    with store.reading() as tx:
        assert list(tx.indexes(STREAM)) == [0, 2]
        assert list(tx.indexes(OTHER)) == [1]
        assert list(tx.indexes("hou_" + "0" * 32)) == []


def test_nothing_is_put_in_the_place_of_another(store: LogStore) -> None:
    opened(store).append([event(1), event(2)])
    for index in (0, 1, 3):
        with pytest.raises((LedgerError, LookupError)), store.writing() as tx:
            tx.put_entry(index, event(3).entry, STREAM)
    with pytest.raises(Exception, match=r"(?i)never change|exist|unique"), store.writing() as tx:
        tx.put_node(0, 0, bytes(32))
    with store.reading() as tx:
        assert tx.size() == 2
        assert tx.entry(1) == event(2).entry


@pytest.mark.parametrize("ask", [lambda tx: tx.entry(2), lambda tx: tx.node(0, 2), lambda tx: tx.node(5, 0)])
def test_what_is_missing_is_a_lookup_error(store: LogStore, ask: Callable[[object], object]) -> None:
    opened(store).append([event(1), event(2)])
    with pytest.raises(LookupError), store.reading() as tx:
        ask(tx)


def test_an_error_takes_all_of_a_transaction_back(store: LogStore) -> None:
    log = opened(store)
    log.append([event(1)])
    before = log.checkpoint()
    with pytest.raises(ZeroDivisionError), store.writing():
        _ = log.append([event(2), event(3)]), 1 // 0

    assert log.checkpoint() == before
    [receipt] = log.append([event(4)])
    assert receipt.index == 1
    with store.reading() as tx:
        assert tx.size() == 2
        assert recomputed_root(tx, 2) == log.check().root


def test_inside_a_transaction_nothing_leaves_before_it_is_durable(store: LogStore) -> None:
    log = opened(store)
    with store.writing() as tx:
        log.append([event(1)])
        log.append([event(2)])
        assert tx.size() == 2
        assert log.check().size == 0
    assert log.check().size == 2


def test_the_newest_checkpoint_is_the_largest_and_of_one_size_the_last(store: LogStore) -> None:
    with store.writing() as tx:
        for size, note, cosigned in ((5, b"a", False), (7, b"b", False), (5, b"c", True), (7, b"d", False)):
            tx.put_checkpoint(size, note, cosigned=cosigned)
    with store.reading() as tx:
        assert tx.latest_checkpoint() == b"d"
        assert tx.latest_checkpoint(cosigned=True) == b"c"
    with store.writing() as tx:
        tx.put_checkpoint(7, b"e", cosigned=True)
    with store.reading() as tx:
        assert tx.latest_checkpoint() == tx.latest_checkpoint(cosigned=True) == b"e"


def test_writers_in_threads_wait_for_each_other(store: LogStore) -> None:
    log, errors = opened(store), list[BaseException]()

    def grow(first: int) -> None:
        try:
            for seed in range(first, first + 10):
                log.append([event(seed)])
        except BaseException as error:  # noqa: BLE001  # told below
            errors.append(error)

    threads = [threading.Thread(target=grow, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not errors
    with store.reading() as tx:
        assert tx.size() == 30
        assert len({tx.entry(index) for index in range(30)}) == 30
        assert recomputed_root(tx, 30) == log.check().root


def test_a_store_that_is_not_the_published_one_is_refused(store: LogStore) -> None:
    other = Log.open(MemoryLogStore(), LOG_SIGNER, MemoryCheckpoint())
    other.append([event(8), event(9)])
    for already in (0, 1, 2):
        log = Log(store, LOG_SIGNER, other.published)
        with pytest.raises(NotTheSameLog):
            log.append([event(1)])
        with store.reading() as tx:
            assert tx.size() == already
        Log.open(store, LOG_SIGNER, _published_so_far(store)).append([event(already)])


def _published_so_far(store: LogStore) -> MemoryCheckpoint:
    published = MemoryCheckpoint()
    with store.reading() as tx:
        note = tx.latest_checkpoint()
    if note is not None:
        published.publish(note, 0)
    return published
