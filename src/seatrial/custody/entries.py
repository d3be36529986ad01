"""What custody owes the ledger: ends of leases, keys made and destroyed, weights removed. Ids and digests only.

- Written by triggers of custody's own file, in the transaction of the act itself and whichever process acts. So a
  ledger that cannot append holds up no revocation and no destruction, and a kill loses no entry.
- Made up by `record_owed`, oldest first, by one process at a time; the others leave it to that one.
- A process that is killed between the ledger's append and the mark records its entries once more, word for word: two
  equal events say no more than one.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from seatrial.ledger.event import Event, instant

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from seatrial.custody.sqlite import CustodyFile
    from seatrial.custody.withdrawal import Appends
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

    def event(self, actor: Actor) -> Event:
        """As the ledger takes it."""
        return Event(self.kind, self.at, self.submission, actor, self.nonce, refs=self.refs, ids=self.ids)


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


def record_owed(entries: OwedEntries, ledger: Appends, actor_of: Callable[[str], Actor]) -> int:
    """Append what is owed; how many. Raises the ledger's errors: then the rest stays owed."""
    count = 0
    with alone(entries.lock) as mine:
        while mine and (found := entries.owed()):
            ledger.append([entry.event(actor_of(entry.submission)) for entry in found])
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
    ids, refs = json.loads(row["ids"]), json.loads(row["refs"])
    return OwedEntry(row["id"], row["kind"], row["submission"], at, row["nonce"], ids, refs)
