"""Sealed credentials, wrapped keys and deposit tokens in custody's SQLite file."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.custody.credential import SealedCredential
from seatrial.custody.deposit import TokenRefused
from seatrial.custody.keys import KeyGone, KeyId, KeyScope, Purpose
from seatrial.custody.vault import WrappedKey

if TYPE_CHECKING:
    import sqlite3

    from seatrial.custody.deposit import DepositToken
    from seatrial.custody.sqlite import CustodyFile


class SqliteCredentialStore:
    """Implements `CredentialStore`."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file

    def put(self, credential: SealedCredential) -> None:
        """Keep it in place of the former one."""
        row = (credential.submission, credential.id, credential.sealed, credential.deposited_at.isoformat())
        with self._file.writing() as tx:
            tx.execute("INSERT OR REPLACE INTO credential VALUES (?,?,?,?)", row)

    def get(self, submission: str) -> SealedCredential:
        """The live one."""
        connection = self._file.connection()
        row = connection.execute("SELECT * FROM credential WHERE submission=?", (submission,)).fetchone()
        if row is None:
            raise LookupError("no credential is deposited for this submission")
        return SealedCredential(
            row["id"], submission, bytes(row["sealed"]), datetime.fromisoformat(row["deposited_at"])
        )

    def drop(self, submission: str) -> int:
        """Remove it."""
        with self._file.writing() as tx:
            return tx.execute("DELETE FROM credential WHERE submission=?", (submission,)).rowcount


class SqliteKeyTable:
    """Implements `KeyTable`."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file

    def put(self, key: WrappedKey) -> WrappedKey:
        """Keep it, or return the one that is there."""
        scope = key.scope
        row = (scope.text, key.key, scope.submission, scope.purpose.value, scope.upload, key.wrapped)
        with self._file.writing() as tx:
            tx.execute("INSERT OR IGNORE INTO wrapped_key VALUES (?,?,?,?,?,?)", row)
        return self.get(scope)

    def get(self, scope: KeyScope) -> WrappedKey:
        """The scope's key."""
        row = self._file.connection().execute("SELECT * FROM wrapped_key WHERE scope=?", (scope.text,)).fetchone()
        if row is None:
            raise KeyGone(f"{scope.text}: there is no key for this")
        return _wrapped(row)

    def of_submission(self, submission: str) -> tuple[WrappedKey, ...]:
        """All of a submission."""
        rows = self._file.connection().execute(
            "SELECT * FROM wrapped_key WHERE submission=? ORDER BY scope", (submission,)
        )
        return tuple(_wrapped(row) for row in rows.fetchall())

    def drop(self, key: KeyId) -> bool:
        """Remove one."""
        with self._file.writing() as tx:
            return tx.execute("DELETE FROM wrapped_key WHERE key=?", (key,)).rowcount == 1


class SqliteTokenStore:
    """Implements `TokenStore`."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file

    def put(self, token: DepositToken) -> None:
        """Keep a new one."""
        row = (token.id, token.digest, token.submission, token.expires.isoformat())
        with self._file.writing() as tx:
            tx.execute("INSERT INTO deposit_token VALUES (?,?,?,?)", row)

    def take(self, token: str, digest: str, now: datetime) -> str:
        """Use it up; an expired one goes too."""
        with self._file.writing() as tx:
            row = tx.execute("SELECT * FROM deposit_token WHERE id=?", (token,)).fetchone()
            known = row is not None and hmac.compare_digest(row["digest"], digest)
            if known:
                tx.execute("DELETE FROM deposit_token WHERE id=?", (token,))
        if not known or now >= datetime.fromisoformat(row["expires"]):
            raise TokenRefused("this deposit token is unknown, used or over; ask for a new one")
        return str(row["submission"])


def _wrapped(row: sqlite3.Row) -> WrappedKey:
    scope = KeyScope(row["submission"], Purpose(row["purpose"]), row["upload"])
    return WrappedKey(KeyId(row["key"]), scope, bytes(row["wrapped"]))
