"""Run records, sealed: when a task's log is complete it is sealed under its submission's records key.

- A record's id is random; its bytes are sealed with that id as label, so that two records cannot be exchanged.
- On disk a record is a file under a name that says nothing (HMAC of its id under a key derived from the data key).
- Plain copies are not this room's: whoever made one lists it as a holding of the deletion.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from seatrial.custody.keys import CustodyError, KeyScope, Purpose, check_id, new_id
from seatrial.custody.seal import seal, unseal
from seatrial.ledger.outside import sync_folder

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from seatrial.custody.secret import Secret
    from seatrial.custody.vault import Vault

MAX_RECORD_BYTES = 1 << 30
"""One record is sealed in memory as a whole; larger logs are cut by their writer."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How much of something is held."""

    count: int = 0
    size: int = 0
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed record: its id, and the digest of what was sealed."""

    id: str
    submission: str
    digest: str


class RecordStore(Protocol):
    """Sealed bytes by submission and name."""

    def put(self, submission: str, name: str, sealed: bytes) -> None:
        """Keep it, durable on return."""
        ...

    def get(self, submission: str, name: str) -> bytes:
        """The sealed bytes. Raises `LookupError`."""
        ...

    def measure(self, submission: str) -> Measure:
        """How many, and how many bytes."""
        ...

    def drop(self, submission: str) -> None:
        """Remove all of a submission; again is no fault."""
        ...


class MemoryRecordStore:
    """Records of one process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def put(self, submission: str, name: str, sealed: bytes) -> None:
        """Keep it."""
        self._kept[submission, name] = sealed

    def get(self, submission: str, name: str) -> bytes:
        """The sealed bytes."""
        try:
            return self._kept[submission, name]
        except KeyError:
            raise LookupError("no such record") from None

    def measure(self, submission: str) -> Measure:
        """How many, and how many bytes."""
        sizes = [len(sealed) for (owner, _), sealed in self._kept.items() if owner == submission]
        return Measure(len(sizes), sum(sizes))

    def drop(self, submission: str) -> None:
        """Remove all of a submission."""
        for key in [key for key in self._kept if key[0] == submission]:
            del self._kept[key]


class DirectoryRecordStore:
    """Records as files: a directory 0700 for each submission."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, submission: str, name: str, sealed: bytes) -> None:
        """Keep it, durable on return."""
        folder = self._folder(submission)
        folder.mkdir(mode=0o700, exist_ok=True)
        waiting = folder / f"{_plain(name)}.new"
        with open(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        waiting.rename(folder / name)
        for place in (folder, self._directory):
            sync_folder(place)

    def get(self, submission: str, name: str) -> bytes:
        """The sealed bytes."""
        try:
            return (self._folder(submission) / _plain(name)).read_bytes()
        except FileNotFoundError:
            raise LookupError("no such record") from None

    def measure(self, submission: str) -> Measure:
        """How many, and how many bytes."""
        folder = self._folder(submission)
        sizes = [path.stat().st_size for path in folder.iterdir()] if folder.is_dir() else []
        return Measure(len(sizes), sum(sizes))

    def drop(self, submission: str) -> None:
        """Remove all of a submission."""
        folder = self._folder(submission)
        if folder.is_dir():
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
            folder.rmdir()
            sync_folder(self._directory)

    def _folder(self, submission: str) -> Path:
        return self._directory / check_id(submission, "sub")


def keep_record(vault: Vault, store: RecordStore, submission: str, plain: bytes, now: datetime) -> Record:
    """Seal a record and keep it. Raises `ScopeEnded` after the end of the submission's access."""
    if len(plain) > MAX_RECORD_BYTES:
        raise CustodyError(f"a record of {len(plain)} bytes; at most {MAX_RECORD_BYTES}: cut it")
    scope = KeyScope(submission, Purpose.RECORDS)
    dek = vault.open_or_create(scope, now)
    record = Record(new_id("rec"), submission, "sha256:" + hashlib.sha256(plain).hexdigest())
    store.put(submission, _name(dek, record.id), seal(dek, scope, plain, label=record.id))
    return record


def open_record(vault: Vault, store: RecordStore, submission: str, record: str, now: datetime) -> Secret:
    """A record's bytes. Raises `KeyGone` once shredded, `LookupError`, `HalfAwaited` or `NotThisSeal`."""
    scope = KeyScope(submission, Purpose.RECORDS)
    dek = vault.open(scope, now)
    return unseal(dek, scope, store.get(submission, _name(dek, record)), label=record)


def _name(dek: Secret, record: str) -> str:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"names").derive(dek.reveal())
    return hmac.digest(key, record.encode(), "sha256").hex()


def _plain(name: str) -> str:
    if not name.isalnum() or not name.isascii():
        raise ValueError("a record's name has letters and digits only")
    return name
