"""The gateway's rows and roots in custody's SQLite file. Implements `AccessStore`.

Triggers refuse every change of a row, a root or a mark: what is written stays as it was.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.custody.access_log import AccessRow, Ending, LogRoot, covered

if TYPE_CHECKING:
    from seatrial.custody.sqlite import CustodyFile

_TABLES = """
CREATE TABLE IF NOT EXISTS access_row (
  number INTEGER PRIMARY KEY, call TEXT NOT NULL UNIQUE, submission TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS access_submission ON access_row (submission, number);
CREATE TABLE IF NOT EXISTS access_root (
  first INTEGER PRIMARY KEY, count INTEGER NOT NULL, digest TEXT NOT NULL, made_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS access_root_recorded (first INTEGER PRIMARY KEY REFERENCES access_root (first)) STRICT;
"""
_STAYS = """
CREATE TRIGGER IF NOT EXISTS {table}_is_not_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'rows of the access log stay as they are'); END;
"""
_FIELDS = tuple(field.name for field in fields(AccessRow))


class SqliteAccessStore:
    """Rows of every process that opens the file."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file
        stays = (
            _STAYS.format(table=table, verb=verb)
            for table in ("access_row", "access_root", "access_root_recorded")
            for verb in ("UPDATE", "DELETE")
        )
        file.connection().executescript(_TABLES + "".join(stays))

    def add(self, row: AccessRow) -> int:
        """Write a row."""
        body = json.dumps({**{name: getattr(row, name) for name in _FIELDS}, "at": row.at.isoformat()})
        with self._file.writing() as tx:
            number = int(tx.execute("SELECT coalesce(max(number) + 1, 0) FROM access_row").fetchone()[0])
            try:
                tx.execute("INSERT INTO access_row VALUES (?,?,?,?)", (number, row.call, row.submission, body))
            except sqlite3.IntegrityError:
                raise ValueError(f"{row.call}: this call has its row") from None
        return number

    def read(self, first: int, count: int) -> tuple[AccessRow, ...]:
        """Some rows."""
        found = self._file.connection().execute(
            "SELECT body FROM access_row WHERE number >= ? ORDER BY number LIMIT ?", (first, count)
        )
        return tuple(_row(body) for (body,) in found.fetchall())

    def of_submission(self, submission: str) -> tuple[tuple[int, AccessRow], ...]:
        """A submission's rows."""
        found = self._file.connection().execute(
            "SELECT number, body FROM access_row WHERE submission = ? ORDER BY number", (submission,)
        )
        return tuple((number, _row(body)) for number, body in found.fetchall())

    def page(self, submission: str, before: int | None, count: int) -> tuple[tuple[int, AccessRow], ...]:
        """At most `count` of a submission's rows with their numbers, newest first; those before number `before`."""
        found = self._file.connection().execute(
            "SELECT number, body FROM access_row WHERE submission = ? AND number < ? ORDER BY number DESC LIMIT ?",
            (submission, 2**62 if before is None else before, count),
        )
        return tuple((number, _row(body)) for number, body in found.fetchall())

    def put_root(self, made: LogRoot) -> None:
        """Keep a root."""
        with self._file.writing() as tx:
            begins = covered(self.roots())
            if made.first != begins:
                raise ValueError(f"the next root begins at row {begins}, not {made.first}")
            row = (made.first, made.count, made.digest, made.made_at.isoformat())
            tx.execute("INSERT INTO access_root VALUES (?,?,?,?)", row)

    def roots(self) -> tuple[LogRoot, ...]:
        """All roots."""
        return _roots(self._file.connection().execute("SELECT * FROM access_root ORDER BY first"))

    def mark_recorded(self, made: LogRoot) -> None:
        """The ledger holds it."""
        with self._file.writing() as tx:
            kept = _roots(tx.execute("SELECT * FROM access_root WHERE first = ?", (made.first,)))
            if kept != (made,):
                raise LookupError(f"there is no such root from row {made.first} on")
            tx.execute("INSERT OR IGNORE INTO access_root_recorded VALUES (?)", (made.first,))

    def unrecorded(self) -> tuple[LogRoot, ...]:
        """Those that are missing there."""
        missing = "SELECT * FROM access_root WHERE first NOT IN (SELECT first FROM access_root_recorded) ORDER BY first"
        return _roots(self._file.connection().execute(missing))


def _roots(found: sqlite3.Cursor) -> tuple[LogRoot, ...]:
    rows = found.fetchall()
    return tuple(LogRoot(first, count, digest, datetime.fromisoformat(at)) for first, count, digest, at in rows)


def _row(body: str) -> AccessRow:
    fields = json.loads(body)
    return AccessRow(
        **{**fields, "at": datetime.fromisoformat(fields["at"]), "ending": Ending(fields["ending"])},
    )
