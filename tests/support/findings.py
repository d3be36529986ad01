"""Findings for tests: what readers would make, senders, and stores of every kind with a rival beside them."""

from __future__ import annotations

import json
import random
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.clearinghouse.blobs import Blobs, MemoryBlobs
from seatrial.clearinghouse.intake import Defaults, Intake, Sender, Source, read
from seatrial.clearinghouse.memory import MemoryStore
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer
from seatrial.ledger.folder import LedgerFolder
from seatrial.storage.stores.finding_store import FindingStore
from seatrial.storage.stores.log import LogTables
from support.framework import BUREAU, LAB, RIVAL, T0
from support.ledger import memory_log
from support.stores import database, enrolled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from seatrial.clearinghouse.intake import ItemReceipt
    from seatrial.clearinghouse.store import Store
    from seatrial.ledger.log import Log
    from seatrial.storage.session import Database

HOUSE = Viewer.house("a test looks at everything")
ANALYST = Viewer.of("per-analyst", BUREAU, Role.ANALYST)
OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
STRANGERS = (
    Viewer.of("per-9", RIVAL, Role.DEVELOPER_OWNER),
    Viewer.of("per-9", RIVAL, Role.ANALYST),
    Viewer.of("per-8", "agency-n", Role.AGENCY_READER),
    Viewer.of("per-7", BUREAU, Role.OPERATOR),
    Viewer.for_submission("sub_" + "f" * 32),
)
SUBMISSION = "sub_" + "a" * 32
MODEL = "heron-7"
SENDER = Sender(LAB, BUREAU, run="trial-3", submission=SUBMISSION, model=(MODEL,))


@dataclass(frozen=True)
class Kept:
    """A store with its blobs, its record, and its database where it has one."""

    store: Store
    blobs: Blobs
    log: Log
    database: Database | None

    def intake(self, *, quota: int = 10_000, batch: int = 1000, now: datetime = T0) -> Intake:
        return Intake(self.store, self.blobs, lambda: now, quota=quota, batch=batch)

    def take(
        self, sources: Iterable[Source], viewer: Viewer = HOUSE, sender: Sender = SENDER, **more: int
    ) -> tuple[ItemReceipt, ...]:
        given = (one for source in sources for one in read(source, Defaults()))
        taken = self.intake(**more).take(viewer, sender, given, Defaults())  # type: ignore[arg-type]  # numbers only
        return tuple(item for receipt in taken for item in receipt.items)


@contextmanager
def kept(kind: str, folder: Path) -> Iterator[Kept]:
    """A store of a kind: `memory`, `sqlite`, `postgresql`."""
    if kind == "memory":
        log = memory_log()
        yield Kept(MemoryStore(frozenset({LAB, RIVAL}), log), MemoryBlobs(), log, None)
        return
    with database(kind, folder) as opened:
        enrolled(opened)
        ledger = LedgerFolder(folder / "ledger", lambda number: LogTables(opened, number))
        ledger.begin("test.example/findings", bytes(range(32)))
        store = FindingStore(opened, lambda: (1, ledger.open()))
        yield Kept(store, MemoryBlobs(), ledger.open(), opened)


def plain(number: int, **more: object) -> dict[str, object]:
    """One finding in our plain form; different numbers are different findings."""
    return {
        "purl": f"pkg:generic/project-{number % 7}@1.{number}",
        "title": f"overflow {number} in parse, found by {MODEL}",
        "cwe": ["CWE-787"],
        "locations": [{"uri": f"src/part{number % 13}.c", "start_line": number + 1, "function": f"parse_{number}"}],
        "artefacts": [{"role": "pov", "name": "pov.bin", "text": f"input {number}"}],
        **more,
    }


def source(items: Iterable[object], name: str = "findings.json") -> Source:
    """A file of our plain form."""
    return Source(name, json.dumps(list(items)).encode())


def mixed(seed: int, count: int, form: Callable[[int], dict[str, object]] = plain) -> list[object]:
    """Items in the order of a seed: some twice, some that cannot be read."""
    rng = random.Random(seed)
    found: list[object] = []
    for _ in range(count):
        number = rng.randrange(count)
        found.append(rng.choice([form(number), form(number), {"title": f"nowhere {number}"}, number]))
    return found
