"""How fast the log is: durable appends in batches and one at a time, and proofs from a million entries.

    python benchmarks/ledger.py [--entries 1000000] [--folder DIR]

Every append is an event made, checked, hashed, stored and signed for, with its receipt, in the SQLite store with
`synchronous=FULL`, its checkpoint in a synced file. Gates: 2,000 appends a second in batches of 512 (two processes on
two cores share one log), 1 ms of CPU for an append, 1 ms for a proof at a million entries.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from seatrial.ledger.event import Actor, Event
from seatrial.ledger.folder import LedgerFolder
from seatrial.ledger.receipt import verify_receipt

if TYPE_CHECKING:
    from seatrial.ledger.log import Log

BATCH = 512
SINGLES = 300
PROOFS = 2000
ACTOR = Actor("operator", "psd_" + "0" * 32)


def events(count: int) -> list[Event]:
    """Return fresh events with one digest each, as a gateway's hourly root has."""
    return [
        Event(
            kind="gateway.log_root",
            at="2026-11-23T10:00:00Z",
            stream=f"sub_{secrets.token_hex(16)}",
            actor=ACTOR,
            nonce=secrets.token_hex(16),
            refs={"root": f"sha256:{secrets.token_hex(32)}"},
            nums={"calls": number},
        )
        for number in range(count)
    ]


def grow(folder: Path, count: int) -> None:
    """Append in batches, events and receipts included."""
    log = LedgerFolder(folder).open()
    for _ in range(count // BATCH):
        for receipt in log.append(events(BATCH)):
            receipt.encode()


def batches(folder: Path, count: int) -> None:
    """Time batches from one process and from two."""
    for processes in (1, 2):
        started = time.perf_counter()
        workers = [multiprocessing.Process(target=grow, args=(folder, count // processes)) for _ in range(processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        wall = time.perf_counter() - started
        print(f"batches of {BATCH}, {processes} process(es): {count / wall:,.0f} appends/s wall")


def build(log: Log, entries: int) -> None:
    """Grow to the size asked for and print what an append costs on the way."""
    with log.store.reading() as tx:
        missing = entries - tx.size()
    started, cpu = time.perf_counter(), time.process_time()
    done = 0
    while done < missing:
        step = min(BATCH, missing - done)
        log.append(events(step))
        done += step
    if done:
        spent, wall = time.process_time() - cpu, time.perf_counter() - started
        print(f"built to {entries:,}: {1e6 * spent / done:,.0f} us CPU an append, {done / wall:,.0f} appends/s wall")


def singles(log: Log) -> None:
    """Time one event at a time: a receipt in the answer to every act."""
    started, cpu = time.perf_counter(), time.process_time()
    for event in events(SINGLES):
        log.append([event])
    spent, wall = time.process_time() - cpu, time.perf_counter() - started
    print(f"one at a time: {1e3 * spent / SINGLES:.2f} ms CPU, {1e3 * wall / SINGLES:.2f} ms wall an append")


def proofs(log: Log, size: int, key: str) -> None:
    """Time receipts of entries drawn at random, and their verification."""
    random = Random(1)
    picks = [random.randrange(size) for _ in range(PROOFS)]
    times, made = [], []
    for pick in picks:
        began, cpu = time.perf_counter(), time.process_time()
        made.append(log.receipt(pick).encode())
        times.append((time.process_time() - cpu, time.perf_counter() - began))
    cpus, walls = sorted(one[0] for one in times), sorted(one[1] for one in times)
    middle, high = PROOFS // 2, PROOFS * 95 // 100
    print(
        f"proof at {size:,}: CPU {1e3 * sum(cpus) / PROOFS:.3f} ms mean;"
        f" wall {1e3 * walls[middle]:.3f} ms median, {1e3 * walls[high]:.3f} ms at the 95th percentile"
    )
    cpu = time.process_time()
    for data in made:
        verify_receipt(data, key)
    print(f"verifying a receipt: {1e3 * (time.process_time() - cpu) / PROOFS:.3f} ms CPU")


def main() -> None:
    """Run all of it in a folder that is removed afterwards, or in one that is kept."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--folder", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = LedgerFolder((given.folder or Path(scratch)) / "log")
        log = folder.open() if folder.number else folder.begin("bench.example/log", bytes(range(32)))
        batches(folder.path, 40 * BATCH)
        build(log, given.entries)
        singles(log)
        proofs(log, given.entries, log.signer.verifier.text)


if __name__ == "__main__":
    main()
