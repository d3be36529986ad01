"""Custody's own SQLite file: leases, sealed credentials, wrapped keys, deposit tokens, weights in memory, receipts.

- Plain `sqlite3`, so that custody runs as a process of its own, without the portal and its framework.
- WAL, `synchronous=FULL`, `secure_delete=ON`; one connection a thread; each write is one `BEGIN IMMEDIATE`.
- The end of a scope is one INSERT; a trigger revokes its leases in the same statement, and every other table refuses
  new rows of an ended scope by a trigger too.
- What the ledger is to hold of an act is written beside it by a trigger, and owed until the ledger has it (`entries`).
- No column holds a secret: tokens as SHA-256, credentials sealed, keys wrapped.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from seatrial.custody.lease import ScopeEnded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_S = 20.0
"""Seconds a writer waits for another; a write takes some milliseconds."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS ended_scope (submission TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS suspended_scope (submission TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS lease (
  id TEXT PRIMARY KEY, token_digest TEXT NOT NULL, submission TEXT NOT NULL, body TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'revoked', 'expired', 'exhausted')),
  issued_at TEXT NOT NULL, ended_at TEXT,
  requests INTEGER NOT NULL DEFAULT 0, input_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0, microdollars INTEGER NOT NULL DEFAULT 0,
  held_requests INTEGER NOT NULL DEFAULT 0, held_input INTEGER NOT NULL DEFAULT 0,
  held_output INTEGER NOT NULL DEFAULT 0, held_microdollars INTEGER NOT NULL DEFAULT 0,
  open_calls INTEGER NOT NULL DEFAULT 0, first_used TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS lease_submission ON lease (submission, state);
CREATE INDEX IF NOT EXISTS lease_state ON lease (state);
CREATE TABLE IF NOT EXISTS reservation (
  id TEXT PRIMARY KEY, lease TEXT NOT NULL REFERENCES lease (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'settled')),
  requests INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
  microdollars INTEGER NOT NULL, excess INTEGER NOT NULL DEFAULT 0, at TEXT NOT NULL, holder TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS reservation_open ON reservation (state, lease) WHERE state = 'open';
CREATE TABLE IF NOT EXISTS credential (
  submission TEXT PRIMARY KEY, id TEXT NOT NULL, sealed BLOB NOT NULL, deposited_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS wrapped_key (
  scope TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, submission TEXT NOT NULL, purpose TEXT NOT NULL,
  upload TEXT NOT NULL, wrapped BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS wrapped_submission ON wrapped_key (submission);
CREATE TABLE IF NOT EXISTS deposit_token (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL, submission TEXT NOT NULL, expires TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS shredding (submission TEXT PRIMARY KEY, body TEXT NOT NULL, done INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS receipt (
  kind TEXT NOT NULL, submission TEXT NOT NULL, envelope BLOB NOT NULL, proof BLOB, PRIMARY KEY (kind, submission)
) STRICT;
CREATE TABLE IF NOT EXISTS opened_weights (
  id INTEGER PRIMARY KEY, upload TEXT NOT NULL, submission TEXT NOT NULL, lease TEXT NOT NULL, manifest TEXT NOT NULL,
  directory TEXT NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL, at TEXT NOT NULL, ended_at TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS opened_still ON opened_weights (submission) WHERE ended_at IS NULL;
CREATE TABLE IF NOT EXISTS owed_entry (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, submission TEXT NOT NULL,
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  ids TEXT NOT NULL DEFAULT '{}', refs TEXT NOT NULL DEFAULT '{}',
  nonce TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
  nums TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX IF NOT EXISTS owed_submission ON owed_entry (submission);
CREATE TRIGGER IF NOT EXISTS lease_issued AFTER INSERT ON lease BEGIN
  INSERT INTO owed_entry (kind, submission, at, ids, refs, nums)
  VALUES ('lease.issued', NEW.submission, NEW.issued_at, json_object('lease', NEW.id),
    json_object('token', 'sha256:' || NEW.token_digest, 'subject', json_extract(NEW.body, '$.subject_digest')),
    json_object('requests', json_extract(NEW.body, '$.limits.max_requests'),
      'output_tokens', json_extract(NEW.body, '$.limits.max_output_tokens')));
END;
CREATE TRIGGER IF NOT EXISTS credential_sealed AFTER INSERT ON credential BEGIN
  INSERT INTO owed_entry (kind, submission, at, ids)
  VALUES ('credential.deposited', NEW.submission, NEW.deposited_at, json_object('credential', NEW.id));
END;
CREATE TRIGGER IF NOT EXISTS lease_over AFTER UPDATE OF state ON lease
WHEN OLD.state = 'active' AND NEW.state <> 'active' BEGIN
  INSERT INTO owed_entry (kind, submission, at, ids)
  VALUES ('lease.' || NEW.state, NEW.submission, COALESCE(NEW.ended_at, NEW.issued_at), json_object('lease', NEW.id));
END;
CREATE TRIGGER IF NOT EXISTS key_made AFTER INSERT ON wrapped_key BEGIN
  INSERT INTO owed_entry (kind, submission, ids) VALUES ('key.created', NEW.submission, json_object('key', NEW.key));
END;
CREATE TRIGGER IF NOT EXISTS key_dropped AFTER DELETE ON wrapped_key BEGIN
  INSERT INTO owed_entry (kind, submission, ids) VALUES ('key.destroyed', OLD.submission, json_object('key', OLD.key));
END;
CREATE TRIGGER IF NOT EXISTS weights_removed AFTER UPDATE OF ended_at ON opened_weights
WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL BEGIN
  INSERT INTO owed_entry (kind, submission, at, ids, refs)
  VALUES ('weights.ended', NEW.submission, NEW.ended_at, json_object('lease', NEW.lease),
    json_object('manifest', NEW.manifest));
END;
CREATE TRIGGER IF NOT EXISTS scope_ends AFTER INSERT ON ended_scope BEGIN
  UPDATE lease SET state = 'revoked', ended_at = NEW.at WHERE submission = NEW.submission AND state = 'active';
  DELETE FROM deposit_token WHERE submission = NEW.submission;
END;
"""

_GUARDED = ("lease", "credential", "wrapped_key", "deposit_token")
_GUARD = """
CREATE TRIGGER IF NOT EXISTS {table}_of_ended_scope BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM ended_scope WHERE submission = NEW.submission)
BEGIN SELECT RAISE(ABORT, 'scope ended'); END;
"""


class CustodyFile:
    """The SQLite file and its connections, one a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        with suppress(FileExistsError):  # an open file's locks go with any descriptor of it that this process closes
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(self._connect()) as connection:
            known = {row["name"] for row in connection.execute("PRAGMA table_info(owed_entry)")}
            if known and "nums" not in known:  # a file of a version that owed no numbers
                connection.execute("ALTER TABLE owed_entry ADD COLUMN nums TEXT NOT NULL DEFAULT '{}'")
            connection.executescript(SCHEMA + "".join(_GUARD.format(table=table) for table in _GUARDED))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that holds the write lock from its begin, or a part of the one that this thread has open."""
        connection = self.connection()
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except sqlite3.IntegrityError as error:
            connection.execute("ROLLBACK")
            if "scope ended" in str(error):
                raise ScopeEnded("access of this submission has ended; it takes nothing new") from None
            raise
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def connection(self) -> sqlite3.Connection:
        """This thread's connection (and process's: one is never carried over a fork)."""
        if getattr(self._local, "process", None) != os.getpid():
            self._local.connection, self._local.process = self._connect(), os.getpid()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def close(self) -> None:
        """Close this thread's connection."""
        if getattr(self._local, "process", None) == os.getpid():
            self._local.connection.close()
            self._local.process = None

    def purge(self) -> None:
        """Rewrite the file without what was deleted, and empty its log."""
        self.connection().execute("VACUUM")
        self.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection
