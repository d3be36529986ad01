"""Shreddings and receipts in custody's SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.custody.receipt import KeptReceipt, ReceiptKind
from seatrial.custody.shred import Shredding

if TYPE_CHECKING:
    import sqlite3

    from seatrial.custody.sqlite import CustodyFile


class SqliteShredStore:
    """Implements `ShredStore`. A done shredding also rewrites the file, so that no old page keeps sealed bytes."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file

    def save(self, shredding: Shredding) -> None:
        """Keep it in place of its former state."""
        done = shredding.done_at is not None
        if done:
            self._file.purge()
        with self._file.writing() as tx:
            row = (shredding.submission, shredding.to_json(), int(done))
            tx.execute("INSERT OR REPLACE INTO shredding VALUES (?,?,?)", row)

    def load(self, submission: str) -> Shredding | None:
        """The one of a submission."""
        connection = self._file.connection()
        row = connection.execute("SELECT body FROM shredding WHERE submission=?", (submission,)).fetchone()
        return Shredding.from_json(row["body"]) if row else None

    def unfinished(self) -> tuple[str, ...]:
        """Due or begun, and not done."""
        rows = self._file.connection().execute("SELECT submission FROM shredding WHERE done=0 ORDER BY rowid")
        return tuple(str(row[0]) for row in rows.fetchall())


class SqliteReceiptStore:
    """Implements `ReceiptStore`."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file

    def put(self, receipt: KeptReceipt) -> KeptReceipt:
        """Keep it, or return the one that is there."""
        row = (receipt.kind.value, receipt.submission, receipt.envelope, receipt.proof)
        with self._file.writing() as tx:
            tx.execute("INSERT OR IGNORE INTO receipt VALUES (?,?,?,?)", row)
        return self.get(receipt.kind, receipt.submission) or receipt

    def prove(self, kind: ReceiptKind, submission: str, proof: bytes) -> None:
        """Add or renew the proof."""
        with self._file.writing() as tx:
            tx.execute("UPDATE receipt SET proof=? WHERE kind=? AND submission=?", (proof, kind.value, submission))

    def get(self, kind: ReceiptKind, submission: str) -> KeptReceipt | None:
        """The one of this kind."""
        row = (
            self._file.connection()
            .execute("SELECT * FROM receipt WHERE kind=? AND submission=?", (kind.value, submission))
            .fetchone()
        )
        return _receipt(row) if row else None

    def owed(self) -> tuple[KeptReceipt, ...]:
        """Those without a proof."""
        rows = self._file.connection().execute("SELECT * FROM receipt WHERE proof IS NULL ORDER BY rowid")
        return tuple(_receipt(row) for row in rows.fetchall())


def _receipt(row: sqlite3.Row) -> KeptReceipt:
    proof = None if row["proof"] is None else bytes(row["proof"])
    return KeptReceipt(ReceiptKind(row["kind"]), row["submission"], bytes(row["envelope"]), proof)
