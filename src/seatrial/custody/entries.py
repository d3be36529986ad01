"""What custody owes the ledger: leases issued and ended, endpoints sealed, keys made and destroyed, weights removed.

Ids, digests and integers only.

- Written by triggers of custody's own file, in the transaction of the act itself and whichever process acts. So a
  ledger that cannot append holds up no revocation and no destruction, and a kill loses no entry.
- Made up by `record_owed`, oldest first, by one process at a time; the others leave it to that one.
- A process that is killed between the ledger's append and the mark leaves entries that the ledger has: whoever makes
  them up next knows them again by their nonces, and appends what is missing.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from seatrial.custody.withdrawal import Appends
from seatrial.ledger.event import Event, instant

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from seatrial.custody.sqlite import CustodyFile
    from seatrial.ledger.event import Actor

AT_ONCE: Final = 100
"""Entries of one append, so that it holds the log for a tenth of a second at most."""


@dataclass(frozen=True, slots=True)
class OwedEntry:
    """One event that the ledger lacks. `at` has whole seconds, as an event states it."""

    number: int
    kind: str
    submission: str
    at: str
    nonce: str
    ids: Mapping[str, str]
    refs: Mapping[str, str]
    nums: Mapping[str, int]

    def event(self, actor: Actor) -> Event:
        """As the ledger takes it."""
        refs, ids, nums = self.refs, self.ids, self.nums
        return Event(self.kind, self.at, self.submission, actor, self.nonce, refs=refs, ids=ids, nums=nums)


class OwedEntries:
    """The entries of one custody file that are owed."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file

    @property
    def lock(self) -> Path:
        """Held by the one process that makes them up."""
        return self._file.path.with_suffix(".entries")

    def owed(self, most: int = AT_ONCE) -> tuple[OwedEntry, ...]:
        """The oldest ones."""
        rows = self._file.connection().execute("SELECT * FROM owed_entry ORDER BY id LIMIT ?", (most,)).fetchall()
        return tuple(_entry(row) for row in rows)

    def of_submission(self, submission: str) -> int:
        """How many of a submission are owed."""
        asked = "SELECT COUNT(*) FROM owed_entry WHERE submission=?"
        return int(self._file.connection().execute(asked, (submission,)).fetchone()[0])

    def recorded(self, entries: tuple[OwedEntry, ...]) -> None:
        """The ledger has these."""
        with self._file.writing() as tx:
            tx.executemany("DELETE FROM owed_entry WHERE id=?", [(entry.number,) for entry in entries])


class Ledger(Appends, Protocol):
    """The ledger, as far as it is needed here."""

    def missing(self, events: Sequence[Event]) -> Sequence[Event]:
        """Those that it does not have."""
        ...


def record_owed(entries: OwedEntries, ledger: Ledger, actor_of: Callable[[str], Actor]) -> int:
    """Append what is owed and not there; how many were owed. Raises the ledger's errors: then the rest stays owed."""
    count = 0
    with alone(entries.lock) as mine:
        while mine and (found := entries.owed()):
            if lacking := ledger.missing([entry.event(actor_of(entry.submission)) for entry in found]):
                ledger.append(lacking)
            entries.recorded(found)
            count += len(found)
    return count


@contextmanager
def alone(lock: Path) -> Iterator[bool]:
    """Whether nobody else makes up what is owed now; the lock goes with its process, however that ends."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _entry(row: sqlite3.Row) -> OwedEntry:
    at = instant(datetime.fromisoformat(row["at"]))
    ids, refs, nums = (json.loads(row[name]) for name in ("ids", "refs", "nums"))
    return OwedEntry(row["id"], row["kind"], row["submission"], at, row["nonce"], ids, refs, nums)
