"""Uploads and the right to send to one: the row, its token, the protocol of the store, and two implementations.

- A token is bound to one upload. The store holds its SHA-256; it is shown once.
- A row holds ids, a digest and instants: what is uploaded, and how much, stands sealed beside the chunks.
- An unknown upload, another upload's token and a token that is over are refused alike.
- After the end of a submission's access no upload is opened for it (`ScopeEnded`).

>>> token = UploadToken.new("upl_" + "0" * 32, bytes(32))
>>> UploadToken.parse(token.secret.reveal().decode()).digest == token.digest
True
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from seatrial.custody.keys import CustodyError, KeyScope, Purpose, check_id, check_upload, new_id
from seatrial.custody.lease import refuse_ended
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from seatrial.custody.sqlite import CustodyFile

TOKEN_TERM = timedelta(days=14)
"""2 TB at 50 Mbit/s take four days, with interruptions perhaps ten; a new token continues the same upload."""

_TOKEN = re.compile(r"sea_upload_(upl_[0-9a-f]{32})_([A-Za-z0-9_-]{43})", re.ASCII)
_REFUSED = "this upload token is unknown, over, or another upload's; ask for a new one"


class UploadRefused(CustodyError):
    """No such upload for this token."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: whose it is, and the digest of the token that may send to it. Instants are aware UTC."""

    id: str
    submission: str
    token_digest: str
    opened_at: datetime
    expires: datetime
    dropped_at: datetime | None = None

    def __post_init__(self) -> None:
        check_upload(self.id)
        check_id(self.submission, "sub")

    @property
    def scope(self) -> KeyScope:
        """What its data key seals: this upload alone."""
        return KeyScope(self.submission, Purpose.WEIGHTS, self.id)


@dataclass(frozen=True, slots=True)
class UploadToken:
    """What the developer holds: `sea_upload_` id `_` 43 characters of base64url (256 bits)."""

    upload: str
    secret: Secret

    @classmethod
    def new(cls, upload: str, random_bytes: bytes | None = None) -> UploadToken:
        """A token for `upload` from 32 random bytes."""
        raw = secrets.token_bytes(32) if random_bytes is None else random_bytes
        return cls(
            upload, Secret(f"sea_upload_{upload}_{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}".encode())
        )

    @classmethod
    def parse(cls, text: str) -> UploadToken:
        """Read a token; a fault's text does not repeat it."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise UploadRefused("this is no upload token: sea_upload_, the upload's id and 43 characters are needed")
        return cls(match[1], Secret(text.encode()))

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the whole token."""
        return hashlib.sha256(self.secret.reveal()).hexdigest()


class UploadStore(Protocol):
    """Uploads by id."""

    def put(self, upload: Upload) -> None:
        """Keep a new one, or one with a new token in place of the former. Raises `ScopeEnded`."""
        ...

    def get(self, upload: str) -> Upload:
        """By id. Raises `UploadRefused`."""
        ...

    def of_submission(self, submission: str) -> tuple[Upload, ...]:
        """All of a submission, dropped ones too, oldest first."""
        ...

    def dropped(self, upload: str, now: datetime) -> None:
        """Write down that it was dropped; again is no fault."""
        ...


class MemoryUploadStore:
    """Uploads of one process; `ended` tells which scopes take none any more."""

    def __init__(self, ended: Callable[[str], datetime | None] = lambda _: None) -> None:
        self._lock = threading.Lock()
        self._ended = ended
        self._kept: dict[str, Upload] = {}

    def put(self, upload: Upload) -> None:
        """Keep it."""
        with self._lock:
            refuse_ended(self._ended, upload.submission)
            self._kept[upload.id] = upload

    def get(self, upload: str) -> Upload:
        """By id."""
        try:
            return self._kept[upload]
        except KeyError:
            raise UploadRefused(_REFUSED) from None

    def of_submission(self, submission: str) -> tuple[Upload, ...]:
        """All of a submission."""
        found = (upload for upload in self._kept.values() if upload.submission == submission)
        return tuple(sorted(found, key=lambda upload: (upload.opened_at, upload.id)))

    def dropped(self, upload: str, now: datetime) -> None:
        """Write it down."""
        with self._lock:
            kept = self.get(upload)
            self._kept[upload] = replace(kept, dropped_at=kept.dropped_at or now)


_SCHEMA = """
CREATE TABLE IF NOT EXISTS upload (
  id TEXT PRIMARY KEY, submission TEXT NOT NULL, token_digest TEXT NOT NULL,
  opened_at TEXT NOT NULL, expires TEXT NOT NULL, dropped_at TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS upload_submission ON upload (submission);
CREATE TRIGGER IF NOT EXISTS upload_of_ended_scope BEFORE INSERT ON upload
WHEN EXISTS (SELECT 1 FROM ended_scope WHERE submission = NEW.submission)
BEGIN SELECT RAISE(ABORT, 'scope ended'); END;
"""


class SqliteUploadStore:
    """Uploads in custody's SQLite file; a trigger refuses new ones of an ended scope."""

    def __init__(self, file: CustodyFile) -> None:
        self._file = file
        file.connection().executescript(_SCHEMA)

    def put(self, upload: Upload) -> None:
        """Keep it."""
        dropped = upload.dropped_at.isoformat() if upload.dropped_at else None
        instants = (upload.opened_at.isoformat(), upload.expires.isoformat(), dropped)
        with self._file.writing() as tx:
            row = (upload.id, upload.submission, upload.token_digest, *instants)
            tx.execute("INSERT OR REPLACE INTO upload VALUES (?,?,?,?,?,?)", row)

    def get(self, upload: str) -> Upload:
        """By id."""
        row = self._file.connection().execute("SELECT * FROM upload WHERE id=?", (upload,)).fetchone()
        if row is None:
            raise UploadRefused(_REFUSED)
        return _upload(row)

    def of_submission(self, submission: str) -> tuple[Upload, ...]:
        """All of a submission."""
        select = "SELECT * FROM upload WHERE submission=? ORDER BY opened_at, id"
        return tuple(_upload(row) for row in self._file.connection().execute(select, (submission,)).fetchall())

    def dropped(self, upload: str, now: datetime) -> None:
        """Write it down."""
        self.get(upload)
        with self._file.writing() as tx:
            tx.execute("UPDATE upload SET dropped_at=coalesce(dropped_at, ?) WHERE id=?", (now.isoformat(), upload))


def open_upload(store: UploadStore, submission: str, now: datetime, term: timedelta = TOKEN_TERM) -> UploadToken:
    """Open a new upload for a submission; the token is shown once. Raises `ScopeEnded`."""
    token = UploadToken.new(new_id("upl"))
    store.put(Upload(token.upload, submission, token.digest, now, now + term))
    return token


def renew_token(store: UploadStore, upload: str, now: datetime, term: timedelta = TOKEN_TERM) -> UploadToken:
    """A new token for an upload in place of the former one, which is refused from now on."""
    kept = store.get(upload)
    if kept.dropped_at is not None:
        raise UploadRefused(f"{upload}: it was dropped")
    token = UploadToken.new(upload)
    store.put(replace(kept, token_digest=token.digest, expires=now + term))
    return token


def admitted(store: UploadStore, upload: str, token: str, now: datetime) -> Upload:
    """The upload, if this is its own token and not over. Raises `UploadRefused` alike in every other case."""
    try:
        given = UploadToken.parse(token)
        kept = store.get(check_upload(upload))
    except (UploadRefused, ValueError):
        raise UploadRefused(_REFUSED) from None
    if not hmac.compare_digest(kept.token_digest, given.digest) or given.upload != upload or now >= kept.expires:
        raise UploadRefused(_REFUSED)
    return kept


def _upload(row: sqlite3.Row) -> Upload:
    dropped = row["dropped_at"]
    return Upload(
        id=row["id"],
        submission=row["submission"],
        token_digest=row["token_digest"],
        opened_at=datetime.fromisoformat(row["opened_at"]),
        expires=datetime.fromisoformat(row["expires"]),
        dropped_at=datetime.fromisoformat(dropped) if dropped else None,
    )
