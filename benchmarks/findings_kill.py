"""Kill -9 an import of findings at drawn points, again and again: what was acknowledged is there, and nothing is twice.

    PYTHONPATH=tests python benchmarks/findings_kill.py [--database postgresql] [--kills 100] [--items 10000] [--seed 1]

First a whole import is timed. Then a child process imports batch after batch and writes each receipt to a file (fsync)
only after the store has returned. It is killed at a point drawn over the time that its import takes; another goes on.
After every kill: each acknowledged id is held with its blobs, drawn ones with a proof in the record, and counts add up.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seatrial.clearinghouse.blobs import FolderBlobs, FolderKeys
from seatrial.clearinghouse.intake import Defaults, Intake, read
from seatrial.clearinghouse.leaf import in_batch
from seatrial.clearinghouse.store import Asked
from seatrial.installation import now
from seatrial.ledger.folder import LedgerFolder
from seatrial.storage import Address
from seatrial.storage.session import Database
from seatrial.storage.stores.finding_store import FindingStore
from seatrial.storage.stores.log import LogTables
from support.findings import HOUSE, SENDER, plain, source
from support.stores import address, enrolled

BATCH = 30
"""Items of a batch while it is killed, so that many points fall between acknowledgements."""

TELL = 10
"""Kills between two lines of output."""


def expect(holds: object, what: str) -> None:
    """End with what does not hold."""
    if not holds:
        raise SystemExit(what)


def opened(at: Address, folder: Path) -> tuple[FindingStore, FolderBlobs, LedgerFolder]:
    """The store, its blobs and its record, as another process finds them."""
    database = Database(at)
    database.prepare()
    ledger = LedgerFolder(folder / "ledger", lambda number: LogTables(database, number))
    if not ledger.file(1, "checkpoint").exists():
        enrolled(database)
        ledger.begin("bench.example/findings", bytes(range(32)))
    blobs = FolderBlobs(folder / "blobs", FolderKeys(folder / "keys"))
    return FindingStore(database, lambda: (1, ledger.open())), blobs, ledger


def take(at: Address, folder: Path, first: int, items: int, receipts: Path, batch: int) -> None:
    """Import, and acknowledge each durable batch."""
    store, blobs, _ = opened(at, folder)
    print("ready", flush=True)
    given = read(source(plain(number) for number in range(first, first + items)), Defaults())
    with receipts.open("a") as out:
        for receipt in Intake(store, blobs, now, quota=10**9, batch=batch).take(HOUSE, SENDER, given, Defaults()):
            out.write("".join(f"{item.id}\n" for item in receipt.items))
            out.flush()
            os.fsync(out.fileno())


def check(at: Address, folder: Path, receipts: Path, chosen: random.Random) -> tuple[int, int]:
    """Compare what was acknowledged with what is there: acknowledged, and held."""
    store, blobs, ledger = opened(at, folder)
    lines = receipts.read_text().split("\n")[:-1] if receipts.exists() else []  # a line without its end is no receipt
    told = list(dict.fromkeys(lines))
    for start in range(0, len(told), 1000):
        part = told[start : start + 1000]
        held = store.findings(HOUSE, part)
        missing = set(part) - held.keys()
        expect(not missing, f"lost: {len(missing)} acknowledged findings, as {min(missing, default='')}")
        for found in held.values():
            for artefact in found.finding.artefacts:
                expect(blobs.has(artefact.compartment, artefact.sha256), f"lost: a blob of {found.finding.short}")
    for name in chosen.sample(told, min(20, len(told))):
        proof = store.proof(HOUSE, name, 1)
        leaf = proof.leaf
        expect(in_batch(proof.event.hash, proof.position, leaf.size, proof.path, leaf.root), f"no proof of {name}")
        with ledger.open().store.reading() as tx:
            expect(leaf.root in tx.entry(leaf.index).decode(), f"the record has no leaf of {name}")
        for artefact in store.findings(HOUSE, [name])[name].finding.artefacts:
            blobs.get(artefact.compartment, artefact.sha256)
    ledger.open().check()
    kept, counted = store.funnel(HOUSE), store.count(HOUSE)
    kept.check()
    expect(kept == counted, f"{kept} is not {counted}")
    return len(told), counted.held


def main() -> None:
    """Time one import, then kill others."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", default="sqlite", choices=["sqlite", "postgresql"])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "FIRST"))
    given = parser.parse_args()
    if given.child:
        folder = Path(given.child[0])
        at = Address.of(folder, os.environ.get("SEATRIAL_DATABASE", ""))
        take(at, folder, int(given.child[1]), given.items, folder / "receipts", BATCH)
        return
    print(f"database {given.database}, seed {given.seed}")
    with tempfile.TemporaryDirectory() as name, address(given.database, Path(name)) as at:
        began, spent = time.monotonic(), time.process_time()
        take(at, Path(name), 0, given.items, Path(name) / "receipts", 1000)
        wall, cpu = time.monotonic() - began, time.process_time() - spent
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"import of {given.items:,}: {wall:.1f} s, {cpu:.1f} CPU s, {peak:.0f} MiB at most")
        told, held = check(at, Path(name), Path(name) / "receipts", random.Random(given.seed))
        print(f"  acknowledged {told:,}, held {held:,}")
    if given.kills:
        killed(given)


def killed(given: argparse.Namespace) -> None:
    """Kill imports at points drawn over their lifetime."""
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name, address(given.database, Path(name)) as at:
        folder, first, hit, told = Path(name), 0, 0, 0
        setting = {} if at.engine == "sqlite3" else {"SEATRIAL_DATABASE": _setting(at)}
        command = [sys.executable, __file__, "--items", "600", "--child", name]
        lifetime = _lived(command, first, os.environ | setting, None)
        while hit < given.kills:
            first += rng.choice([0, 300, 600])  # the same again, half of it, or all new
            hit += _lived(command, first, os.environ | setting, rng.uniform(0.0, lifetime)) < 0
            told, held = check(at, folder, folder / "receipts", rng)
            if hit % TELL == 0:
                print(f"  {hit} kills: {told:,} acknowledged, {held:,} held", flush=True)
        left = len(list(folder.rglob("*.sealed.*")))
        print(f"{hit} kills over {lifetime:.1f} s: 0 of {told:,} acknowledged lost, {held:,} held, counts exact")
        print(f"  files that were being written when it ended: {left}")
        store, _, _ = opened(at, folder)
        print(f"  {len(store.lines(HOUSE, Asked(most=10)))} lines of the list read, record and rows agree")


def _lived(command: list[str], first: int, environment: dict[str, str], after: float | None) -> float:
    """How long an import took; -1 where it was killed, `after` seconds after it began."""
    with subprocess.Popen([*command, str(first)], env=environment, stdout=subprocess.PIPE) as child:
        if child.stdout is None or child.stdout.readline() != b"ready\n":
            raise SystemExit("the import did not begin")
        began = time.monotonic()
        try:
            expect(child.wait(after) == 0, "an import failed by itself")
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            return -1
        return time.monotonic() - began


def _setting(at: Address) -> str:
    from support import postgres  # noqa: PLC0415 - its server is started for it alone

    return postgres.server().setting(at.name)


if __name__ == "__main__":
    main()
