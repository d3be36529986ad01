"""The log's store: entries, nodes and checkpoints in the same database as the rows they speak of.

- `writing()` joins an open session of the same database, so an act and its event are written together or not at all.
- One writer at a time: SQLite's BEGIN IMMEDIATE, PostgreSQL's lock on the head row.
- Plain statements, no model instances: an append is a dozen of them, and they are the same on both databases.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seatrial.storage.session import Database, Frame

FIRST_LOG = 1


class LogTables:
    """The ledger's `LogStore`: log number `log` of this database."""

    def __init__(self, database: Database, log: int = FIRST_LOG) -> None:
        self._database = database
        self._log = log

    @contextmanager
    def writing(self) -> Iterator[LogRows]:
        """The only writer, until the block ends."""
        with self._database.transaction(writing=True) as frame:
            rows = LogRows(frame, self._log)
            rows.lock()
            yield rows

    @contextmanager
    def reading(self) -> Iterator[LogRows]:
        """One consistent state of the log."""
        with self._database.transaction(writing=False) as frame:
            yield LogRows(frame, self._log)


class LogRows:
    """The ledger's `LogTx`: one transaction's view of the log."""

    def __init__(self, frame: Frame, log: int) -> None:
        self._frame = frame
        self._log = log

    def lock(self) -> None:
        """Become the only writer of this log."""
        for_update = " FOR UPDATE" if self._frame.database.address.engine == "postgresql" else ""
        found = self._rows(f"SELECT size FROM storage_ledgerhead WHERE log = %s{for_update}")  # noqa: S608 - a constant
        if not found:
            self._run("INSERT INTO storage_ledgerhead (log, size) VALUES (%s, 0)")

    def size(self) -> int:
        """The number of entries."""
        found = self._rows("SELECT size FROM storage_ledgerhead WHERE log = %s")
        return int(found[0][0]) if found else 0

    def put_entry(self, index: int, entry: bytes, stream: str) -> None:
        """Write the next entry.

        Raises:
            IndexError: `index` is not the next one.
        """
        if self._run("UPDATE storage_ledgerhead SET size = size + 1 WHERE log = %s AND size = %s", index) != 1:
            raise IndexError(f"the log's next entry is {self.size()}, not {index}")
        self._run(
            'INSERT INTO storage_ledgerentry (log, "index", entry, stream) VALUES (%s, %s, %s, %s)',
            index,
            entry,
            stream,
        )

    def entry(self, index: int) -> bytes:
        """The bytes of an entry.

        Raises:
            LookupError: there is none.
        """
        return self._bytes('SELECT entry FROM storage_ledgerentry WHERE log = %s AND "index" = %s', index)

    def indexes(self, stream: str) -> Sequence[int]:
        """The indexes of a stream's entries, ascending."""
        asked = 'SELECT "index" FROM storage_ledgerentry WHERE log = %s AND stream = %s ORDER BY "index"'
        return [int(row[0]) for row in self._rows(asked, stream)]

    def put_node(self, level: int, index: int, digest: bytes) -> None:
        """Write the digest of a complete subtree."""
        self._run(
            'INSERT INTO storage_ledgernode (log, level, "index", digest) VALUES (%s, %s, %s, %s)',
            level,
            index,
            digest,
        )

    def node(self, level: int, index: int) -> bytes:
        """The digest of a complete subtree.

        Raises:
            LookupError: the subtree is not complete.
        """
        asked = 'SELECT digest FROM storage_ledgernode WHERE log = %s AND level = %s AND "index" = %s'
        return self._bytes(asked, level, index)

    def put_checkpoint(self, size: int, note: bytes, *, cosigned: bool = False) -> None:
        """Add a signed checkpoint."""
        self._run(
            "INSERT INTO storage_ledgercheckpoint (log, size, cosigned, note) VALUES (%s, %s, %s, %s)",
            size,
            cosigned,
            note,
        )

    def latest_checkpoint(self, *, cosigned: bool = False) -> bytes | None:
        """The checkpoint of the largest size, of one size the one added last; None before the first."""
        wanted = (True,) if cosigned else (True, False)
        asked = (
            "SELECT note, size, id FROM storage_ledgercheckpoint WHERE log = %s AND cosigned = %s"
            " ORDER BY size DESC, id DESC LIMIT 1"
        )
        found = [row for flag in wanted for row in self._rows(asked, flag)]
        return bytes(max(found, key=lambda row: (row[1], row[2]))[0]) if found else None

    def after_commit(self, act: Callable[[], None]) -> None:
        """Run `act` once the outermost transaction is durable; drop it when that is rolled back."""
        transaction.on_commit(partial(act), using=self._frame.alias)

    def _bytes(self, statement: str, *values: int | bytes | str) -> bytes:
        found = self._rows(statement, *values)
        if not found:
            raise LookupError(f"log {self._log} holds nothing at {values}")
        return bytes(found[0][0])

    def _rows(self, statement: str, *values: int | bytes | str) -> list[tuple[Any, ...]]:
        with connections[self._frame.alias].cursor() as cursor:
            cursor.execute(statement, [self._log, *values])
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    def _run(self, statement: str, *values: int | bytes | str) -> int:
        with connections[self._frame.alias].cursor() as cursor:
            cursor.execute(statement, [self._log, *values])
            return int(cursor.rowcount)
