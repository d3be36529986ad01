"""Kill -9 import, reproduction and clustering at drawn points: nothing acknowledged is lost, and nothing is twice.

    python benchmarks/findings_steps_kill.py [--kills 100] [--seed 1]

A process imports findings, gives each its verdict and places it in a cluster, and begins again, over SQLite and a
record on disk; proofs say what boxes would, so that many points fall between two transactions. It writes down what was
acknowledged (fsync) after each, and is killed at a drawn moment; the next goes on. After every kill:

- every acknowledged finding and verdict is there, and every finding has one verdict at most;
- counts kept equal counts made anew, and add up;
- every finding is in one cluster at most, its own row says the same, and an id stands for what it stood for before.

At the end one process goes on to the end, and every true finding is in exactly one cluster.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from seatrial.clearinghouse.blobs import FolderBlobs, FolderKeys
from seatrial.clearinghouse.disposition import CLUSTERED
from seatrial.clearinghouse.event import EventType
from seatrial.clearinghouse.intake import Defaults, Intake, read
from seatrial.clearinghouse.steps import Reproduction, cluster_findings
from seatrial.clearinghouse.store import Asked
from seatrial.installation import now
from seatrial.ledger.folder import LedgerFolder
from seatrial.storage import Address
from seatrial.storage.session import Database
from seatrial.storage.stores.finding_store import FindingStore
from seatrial.storage.stores.log import LogTables
from support.findings import HOUSE, SENDER, source
from support.framework import BUREAU
from support.stores import enrolled
from support.told_boxes import Told

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS, BATCH = 40, 8
STACKS = ("abcdefgh", "abdcefgh", "hgfedcba", "ponmlkji", "ijklmnop", "qrstuvqr")
LONGEST_S = 1.2
"""A round's import, verdicts and clusters take about as long."""


def expect(holds: object, what: str) -> None:
    """End with what does not hold."""
    if not holds:
        raise SystemExit(what)


class Place:
    """The store as one process has it open."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(Address.of(folder, ""))
        self.database.prepare()
        self.ledger = LedgerFolder(folder / "ledger", lambda number: LogTables(self.database, number))
        if not self.ledger.file(1, "checkpoint").exists():
            enrolled(self.database)
            self.ledger.begin("bench.example/findings", bytes(range(32)))
        self.blobs = FolderBlobs(folder / "blobs", FolderKeys(folder / "keys"))
        self.store = FindingStore(self.database, lambda: (1, self.ledger.open()))


def items(rng: Random) -> Iterator[dict[str, object]]:
    """Findings of five projects, some of which crash alike, some at nothing."""
    for _ in range(ITEMS):
        functions = rng.choice(STACKS)[: rng.randrange(4, 9)] + rng.choice(("", "x", "yz"))
        pov = rng.choice([f"{functions}@{rng.randrange(3)}#{rng.randrange(10**6)}"] * 9 + ["quiet"])
        yield {
            "purl": f"pkg:generic/project-{rng.randrange(5)}",
            "title": f"{pov} {rng.randrange(10**9)}",
            "artefacts": [{"role": "pov", "name": "pov", "text": pov}],
            "recipe": {"image": "host", "run": ["./target", "{pov}"]},
        }


def work(folder: Path, seed: int, rounds: int) -> None:
    """First what waits, then as many rounds of import, verdicts and clusters; each acknowledged when it is durable."""
    place, rng = Place(folder), Random(seed)
    with (folder / "told").open("a") as out:

        def told(*lines: str) -> None:
            out.write("".join(f"{line}\n" for line in lines))
            out.flush()
            os.fsync(out.fileno())

        for number in range(rounds + 1):
            if number:
                given = read(source(items(rng)), Defaults())
                for receipt in Intake(place.store, place.blobs, now, quota=10**9, batch=BATCH).take(
                    HOUSE, SENDER, given, Defaults()
                ):
                    told(*(f"held {item.id}" for item in receipt.items))
            boxes = Reproduction(place.store, place.blobs, now, Told())
            for name, verdict in boxes.run(HOUSE, list(boxes.waiting(HOUSE))):
                told(f"{verdict.disposition} {name}")
            done = cluster_findings(place.store, HOUSE, BUREAU, now())
            told(*(f"{cluster} {name}" for name, cluster in done.cluster_of.items()))


def everything(place: Place) -> list[str]:
    """The id of every finding."""
    found: list[str] = []
    while lines := place.store.lines(HOUSE, Asked(after=found[-1] if found else "", most=500)):
        found += [line.finding_id for line in lines]
    return found


def check(folder: Path, began: dict[str, str], *, ended: bool = False) -> Counter[str]:
    """Compare what was acknowledged with what is there. `began` holds the first event of each cluster seen so far."""
    place = Place(folder)
    lines = (folder / "told").read_text().split("\n")[:-1] if (folder / "told").exists() else []
    names = everything(place)
    held = place.store.findings(HOUSE, names)
    count: Counter[str] = Counter()
    for word, _, name in (line.partition(" ") for line in lines):
        expect(name in held, f"lost: finding {name}")
        at = held[name]
        expect(word in {"held", at.disposition, at.cluster_id}, f"lost: {word} of {name}")
        count["acknowledged"] += 1
    kept, counted = place.store.funnel(HOUSE), place.store.count(HOUSE)
    kept.check()
    expect(kept == counted, f"{kept} is not {counted}")
    clusters = place.store.clusters(HOUSE)
    home = [(member.finding_id, one.cluster_id) for one in clusters for member in one.members]
    expect(len(dict(home)) == len(home), "doubled: a finding is in two clusters")
    expect(
        dict(home) == {name: one.cluster_id for name, one in held.items() if one.cluster_id},
        "rows and clusters differ",
    )
    expect(len({one.cluster_id for one in clusters}) == len(clusters), "doubled: one id for two clusters")
    for one in clusters:
        first = place.store.events(HOUSE, one.cluster_id)[0].hash
        expect(began.setdefault(one.cluster_id, first) == first, f"doubled: {one.cluster_id} began twice")
    expect(set(began) == {one.cluster_id for one in clusters}, "lost: a cluster")
    recent = names if ended else Random(len(names)).sample(names, min(150, len(names)))
    for name in recent:
        verdicts = [event for event in place.store.events(HOUSE, name) if event.type is EventType.REPLAYED]
        expect(len(verdicts) <= 1, f"doubled: {name} has {len(verdicts)} verdicts")
    if ended:
        true = {name for name, one in held.items() if one.disposition in CLUSTERED}
        expect(true == set(dict(home)), f"lost: {len(true ^ set(dict(home)))} true findings are in no cluster")
        place.ledger.open().check()
    count.update(findings=len(held), clusters=len(clusters), clustered=len(home))
    place.database.close()
    return count


def main() -> None:
    """Kill, check, and go on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng, forked, started = Random(given.seed), multiprocessing.get_context("fork"), time.monotonic()
    began: dict[str, str] = {}
    hit = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check(folder, began)
        while hit < given.kills:
            child = forked.Process(target=work, args=(folder, rng.randrange(10**9), 1))
            child.start()
            child.join(rng.uniform(0, LONGEST_S))
            if child.is_alive() and child.pid:
                os.kill(child.pid, signal.SIGKILL)
            child.join()
            expect(child.exitcode in {0, -signal.SIGKILL}, "a process failed by itself")
            hit += child.exitcode != 0
            check(folder, began)
        last = forked.Process(target=work, args=(folder, 0, 0))
        last.start()
        last.join()
        count = check(folder, began, ended=True)
    print(f"seed {given.seed}: {hit} kills, 0 lost, 0 doubled; {dict(count)}; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
