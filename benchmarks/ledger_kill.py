"""Kill -9 a process that appends, at random points: nothing acknowledged is lost, and the log never forks.

    python benchmarks/ledger_kill.py [--points 200] [--seed 1]

Each round starts a process that appends batches of random sizes and writes every receipt to a pipe; the parent reads a
random number of bytes, lets a random moment pass and kills it. What counts as acknowledged is what came through the
pipe whole. After each kill the log must open, and at the end an independent implementation (pymerkle), fed with the
entries as plain SQL returns them, must give the root of every checkpoint that was ever signed or acknowledged.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import pymerkle

from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.event import Actor, Event
from seatrial.ledger.folder import LedgerFolder
from seatrial.ledger.note import Note
from seatrial.ledger.receipt import Receipt, verify_receipt

MAX_BATCH = 24
MOMENT = 0.03
"""Seconds: longer than a batch with its two syncs, so that a kill falls into each part of it."""


def append(folder: Path, seed: int) -> None:
    """Append until killed, and acknowledge on standard output."""
    random, log = Random(seed), LedgerFolder(folder).open()
    while True:
        receipts = log.append([event(random) for _ in range(random.randint(1, MAX_BATCH))])
        for receipt in receipts:
            print(json.dumps(receipt.encode().decode()))
        sys.stdout.flush()


def event(random: Random) -> Event:
    """Return an event of this seed."""
    digest = f"sha256:{random.randbytes(32).hex()}"
    stream, actor = f"sub_{random.randbytes(16).hex()}", Actor("operator", "psd_" + "0" * 32)
    return Event("run.ended", "2026-11-23T10:00:00Z", stream, actor, random.randbytes(16).hex(), {"log": digest})


def killed(folder: Path, seed: int, random: Random) -> list[bytes]:
    """Run one appending process until its end comes, and return the receipts that it acknowledged."""
    command = [sys.executable, __file__, "--append", str(folder), "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        seen = process.stdout.read(random.choice((1, random.randint(1, 60_000))))
        time.sleep(random.random() * MOMENT)
        os.kill(process.pid, signal.SIGKILL)
        seen += process.stdout.read()
    lines = seen.split(b"\n")[:-1]
    return [json.loads(line).encode() for line in lines]


def rounds(folder: Path, points: int, seed: int) -> list[bytes]:
    """Kill `points` times; after each, the log opens and the round's receipts verify."""
    key = LedgerFolder(folder).begin("kill.example/log", bytes(range(32))).signer.verifier.text
    random, acknowledged = Random(seed), list[bytes]()
    for point in range(points):
        receipts = killed(folder, seed * 100_003 + point, random)
        for receipt in receipts:
            verify_receipt(receipt, key)
        acknowledged += receipts
        LedgerFolder(folder).open()
    return acknowledged


def checked(folder: Path, acknowledged: list[bytes]) -> tuple[int, int]:
    """Return the number of lost entries and of forks, as an independent implementation sees them."""
    with sqlite3.connect(folder / "log.sqlite") as database:
        entries = [row[0] for row in database.execute("SELECT body FROM entry ORDER BY idx")]
        notes = [row[0] for row in database.execute("SELECT note FROM checkpoint")]
    oracle = pymerkle.InmemoryTree.init_from_entries(entries, algorithm="sha256")
    receipts = [Receipt.parse(data) for data in acknowledged]
    lost = sum(receipt.index >= len(entries) or entries[receipt.index] != receipt.entry for receipt in receipts)
    signed = {Checkpoint.parse(Note.parse(note).text) for note in [*notes, *(one.note for one in receipts)]}
    forks = sum(one.size > len(entries) or (one.size and oracle.get_root(one.size) != one.root) for one in signed)
    return lost, int(forks)


def main() -> int:
    """Run the rounds and print what came of them; exit 1 if anything was lost or forked."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--points", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--append", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.append:
        append(given.append, given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "log"
        acknowledged = rounds(folder, given.points, given.seed)
        lost, forks = checked(folder, acknowledged)
        with LedgerFolder(folder).open().store.reading() as tx:
            size = tx.size()
    print(
        f"{given.points} kills (seed {given.seed}): {len(acknowledged):,} acknowledged of {size:,} entries,"
        f" {lost} lost, {forks} forks"
    )
    return 1 if lost or forks or not acknowledged else 0


if __name__ == "__main__":
    sys.exit(main())
