"""Where a witness keeps what it holds: one SQLite file, on the disk before any cosignature leaves."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from seatrial.ledger.witness import Alarm, Held

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BUSY_SECONDS: Final = 10.0
MAX_ALARMS: Final = 10_000
"""Kept evidence; each takes the log's own signature over another checkpoint, so a stranger cannot fill the disk."""
HELD: Final = """
CREATE TABLE IF NOT EXISTS held (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL
)
"""
ALARM: Final = """
CREATE TABLE IF NOT EXISTS alarm (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, origin TEXT NOT NULL, why TEXT NOT NULL,
  held BLOB NOT NULL, offered BLOB NOT NULL, text BLOB NOT NULL, UNIQUE (origin, why, text)
)
"""


class SqliteWitnessState:
    """A `WitnessState` in the file at `path`, with `synchronous=FULL`; one transaction at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous=FULL")
        for table in (HELD, ALARM):
            self._connection.execute(table)

    @contextmanager
    def deciding(self) -> Iterator[SqliteWitnessTx]:
        """Open the one transaction at a time, among threads and processes."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteWitnessTx(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def alarms(self) -> Sequence[Alarm]:
        """Return the alarms, oldest first."""
        with self._lock:
            rows = self._connection.execute("SELECT at, origin, why, held, offered FROM alarm ORDER BY seq")
            return [Alarm(*row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class SqliteWitnessTx:
    """A transaction of `SqliteWitnessState`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute

    def held(self, origin: str) -> Held | None:
        """Return what is held for a log."""
        row = self._run("SELECT size, root, note FROM held WHERE origin = ?", (origin,)).fetchone()
        return Held(*row) if row else None

    def hold(self, origin: str, held: Held) -> None:
        """Hold a newer checkpoint."""
        self._run(
            "INSERT INTO held (origin, size, root, note) VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE"
            " SET size = excluded.size, root = excluded.root, note = excluded.note",
            (origin, held.size, held.root, held.note),
        )

    def alarm(self, alarm: Alarm) -> bool:
        """Keep an alarm, once for each checkpoint offered."""
        [kept] = self._run("SELECT count(*) FROM alarm").fetchone()
        if kept >= MAX_ALARMS:
            return False
        values = (alarm.at, alarm.origin, alarm.why, alarm.held, alarm.offered, alarm.offered.partition(b"\n\n")[0])
        add = "INSERT OR IGNORE INTO alarm (at, origin, why, held, offered, text) VALUES (?, ?, ?, ?, ?, ?)"
        return self._run(add, values).rowcount > 0
