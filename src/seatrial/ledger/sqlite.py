"""A log in one SQLite file, with nothing but the standard library: what `seatrial ledger` keeps it in.

- Durable on return: write-ahead log with `synchronous=FULL`, so a commit is one write and one fsync. The file must lie
  on a local disk: the write-ahead log does not work over a network.
- One writer at a time: `BEGIN IMMEDIATE`; others wait up to `BUSY_SECONDS`.
- Nothing is ever changed: triggers refuse every UPDATE and DELETE, an entry that is not the next one, and a node or
  an entry in the place of another (which `INSERT OR REPLACE` would slip past the triggers on DELETE).
- Each thread has a connection of its own; a transaction inside one of the same thread joins it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from seatrial.ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BUSY_SECONDS: Final = 20.0
"""How long a writer waits for another one; a batch takes milliseconds."""
CACHE_KIB: Final = 32_768
"""Page cache: the upper levels of a tree of millions stay in it, so a proof reads few pages."""
SCHEMA_VERSION: Final = 1
WRITE: Final = "BEGIN IMMEDIATE"
READ: Final = "BEGIN"

SCHEMA: Final = """
CREATE TABLE entry (
  idx INTEGER PRIMARY KEY, stream TEXT NOT NULL, body BLOB NOT NULL CHECK (length(body) BETWEEN 1 AND 4096)
);
CREATE INDEX entry_stream ON entry (stream, idx);
CREATE TABLE node (
  level INTEGER NOT NULL, idx INTEGER NOT NULL, digest BLOB NOT NULL CHECK (length(digest) = 32),
  PRIMARY KEY (level, idx)
) WITHOUT ROWID;
CREATE TABLE checkpoint (
  seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL, cosigned INTEGER NOT NULL
);
CREATE INDEX checkpoint_size ON checkpoint (size, seq);
CREATE INDEX checkpoint_cosigned ON checkpoint (size, seq) WHERE cosigned;
CREATE TRIGGER entry_next BEFORE INSERT ON entry WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM entry)
  BEGIN SELECT RAISE(ABORT, 'an entry takes the next index'); END;
CREATE TRIGGER node_once BEFORE INSERT ON node
  WHEN EXISTS (SELECT 1 FROM node WHERE level = NEW.level AND idx = NEW.idx)
  BEGIN SELECT RAISE(ABORT, 'a node never changes'); END;
CREATE TRIGGER checkpoint_next BEFORE INSERT ON checkpoint
  WHEN NEW.seq IS NOT NULL AND EXISTS (SELECT 1 FROM checkpoint WHERE seq = NEW.seq)
  BEGIN SELECT RAISE(ABORT, 'a checkpoint never changes'); END;
"""
REFUSAL: Final = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
  BEGIN SELECT RAISE(ABORT, 'the log only grows: no {verb}'); END;
"""
TABLES: Final = ("entry", "node", "checkpoint")
NEWEST: Final = "SELECT note FROM checkpoint ORDER BY size DESC, seq DESC LIMIT 1"
NEWEST_COSIGNED: Final = "SELECT note FROM checkpoint WHERE cosigned ORDER BY size DESC, seq DESC LIMIT 1"


class SqliteLogStore:
    """Keeps one log in the SQLite file at `path`, which is made if it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._own = threading.local()
        connection = self._connection()
        if _is_prepared(connection, path):
            return
        connection.execute(WRITE)
        try:
            _prepare(connection, path)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def _connection(self) -> sqlite3.Connection:
        held = getattr(self._own, "connection", None)
        if held is None:
            held = self._own.connection = _connect(self.path)
        return cast("sqlite3.Connection", held)

    def close(self) -> None:
        """Close this thread's connection."""
        held = getattr(self._own, "connection", None)
        if held is not None:
            held.close()
            self._own.connection = None

    @contextmanager
    def writing(self) -> Iterator[SqliteLogTx]:
        """Open the writing transaction, or join the one that is open in this thread."""
        with self._transaction(WRITE) as tx:
            yield tx

    @contextmanager
    def reading(self) -> Iterator[SqliteLogTx]:
        """Open a transaction that sees one state of the log."""
        with self._transaction(READ) as tx:
            yield tx

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[SqliteLogTx]:
        connection = self._connection()
        if connection.in_transaction:
            yield self._joined(begin)
            return
        connection.execute(begin)
        self._own.begun = begin
        tx = self._own.tx = SqliteLogTx(connection)
        try:
            yield tx
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._own.tx = None
        for act in tx.after:
            act()

    def _joined(self, begin: str) -> SqliteLogTx:
        if begin == WRITE and self._own.begun != WRITE:
            raise LedgerError("a reading transaction cannot turn into a writing one; open the writing one first")
        return cast("SqliteLogTx", self._own.tx)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    return connection


def _is_prepared(connection: sqlite3.Connection, path: Path) -> bool:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version not in {0, SCHEMA_VERSION}:
        raise LedgerError(f"{path}: a log of format {version}; this version reads format {SCHEMA_VERSION}")
    return bool(version == SCHEMA_VERSION)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if _is_prepared(connection, path):
        return
    refusals = [REFUSAL.format(table=table, verb=verb) for table in TABLES for verb in ("UPDATE", "DELETE")]
    for statement in _statements(SCHEMA + "".join(refusals)):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _statements(script: str) -> Iterator[str]:
    """Part a script without `executescript`, which would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


class SqliteLogTx:
    """A transaction of `SqliteLogStore`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute
        self.after = list[Callable[[], None]]()

    def size(self) -> int:
        """Return the number of entries."""
        return int(self._run("SELECT coalesce(max(idx) + 1, 0) FROM entry").fetchone()[0])

    def put_entry(self, index: int, entry: bytes, stream: str) -> None:
        """Add the next entry."""
        self._put("INSERT INTO entry (idx, stream, body) VALUES (?, ?, ?)", (index, stream, entry))

    def entry(self, index: int) -> bytes:
        """Return an entry."""
        return self._one("SELECT body FROM entry WHERE idx = ?", (index,), f"there is no entry {index} in the log")

    def indexes(self, stream: str) -> Sequence[int]:
        """Return the indexes of a stream's entries."""
        return [row[0] for row in self._run("SELECT idx FROM entry WHERE stream = ? ORDER BY idx", (stream,))]

    def put_node(self, level: int, index: int, digest: bytes) -> None:
        """Add a complete subtree."""
        self._put("INSERT INTO node (level, idx, digest) VALUES (?, ?, ?)", (level, index, digest))

    def node(self, level: int, index: int) -> bytes:
        """Return a complete subtree's hash."""
        where = f"node {index} of level {level} is missing from the store"
        return self._one("SELECT digest FROM node WHERE level = ? AND idx = ?", (level, index), where)

    def put_checkpoint(self, size: int, note: bytes, *, cosigned: bool = False) -> None:
        """Add a signed checkpoint."""
        self._put("INSERT INTO checkpoint (size, note, cosigned) VALUES (?, ?, ?)", (size, note, cosigned))

    def latest_checkpoint(self, *, cosigned: bool = False) -> bytes | None:
        """Return the newest checkpoint, or the newest cosigned one."""
        row = self._run(NEWEST_COSIGNED if cosigned else NEWEST).fetchone()
        return bytes(row[0]) if row else None

    def after_commit(self, act: Callable[[], None]) -> None:
        """Run `act` after the outermost transaction."""
        self.after.append(act)

    def _put(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            self._run(statement, values)
        except sqlite3.IntegrityError as error:
            raise LedgerError(f"the store refused: {error}") from None

    def _one(self, statement: str, values: tuple[object, ...], missing: str) -> bytes:
        row = self._run(statement, values).fetchone()
        if row is None:
            raise LookupError(missing)
        return bytes(row[0])
