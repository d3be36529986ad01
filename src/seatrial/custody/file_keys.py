"""Key halves as files: one directory for the government's halves, another for those held for the developer.

- Directories 0700, files 0600, outside the database: its log, old pages and dumps would keep what was destroyed.
- Never in a backup: losing them costs a new deposit, never a submission. A directory that others may read, or that
  lies under a backup path, is refused at start.
- A destroyed half leaves an empty tombstone, so that its id is known as destroyed and is never made again.
"""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING

from seatrial.custody.keys import (
    HALF_BYTES,
    CustodyError,
    Destroyed,
    KeyGone,
    KeyId,
    key_id,
    new_id,
    unwrap_under,
    wrap_under,
)
from seatrial.custody.secret import Secret
from seatrial.ledger.outside import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from seatrial.custody.keys import KeyScope

_GONE = ".gone"


class UnsafeDirectory(CustodyError):
    """A key directory that others may read, or that a backup would copy."""


class HalfFiles:
    """One side's halves, a file each."""

    def __init__(
        self,
        directory: Path,
        *,
        backups: Iterable[Path] = (),
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._directory = directory.absolute()
        self._random = random_bytes
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check(self._directory, backups)

    def make(self, key: KeyId) -> None:
        """A new half under `key`, durable on return."""
        path = self._path(key)
        if path.exists() or self._tombstone(key).exists():
            raise CustodyError(f"{key}: this id was used before; take another")
        waiting = path.with_suffix(".new")
        with open(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(self._random(HALF_BYTES))
            file.flush()
            os.fsync(file.fileno())
        waiting.rename(path)
        sync_folder(self._directory)

    def read(self, key: KeyId) -> Secret:
        """The half, or `KeyGone`."""
        try:
            return Secret(self._path(key).read_bytes())
        except FileNotFoundError:
            raise KeyGone(f"{key}: this half was destroyed or never made") from None

    def destroy(self, key: KeyId) -> bool:
        """Remove the half for good, durable on return; whether it was there."""
        path = self._path(key)
        self._tombstone(key).touch(mode=0o600)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        finally:
            sync_folder(self._directory)
        return True

    def exists(self, key: KeyId) -> bool:
        """Whether the half is there."""
        return self._path(key).is_file()

    def count(self) -> int:
        """How many halves there are: for a health page, which shows no more."""
        return sum(1 for path in self._directory.iterdir() if path.suffix == ".half")

    def _path(self, key: KeyId) -> Path:
        return self._directory / f"{key_id(key)}.half"

    def _tombstone(self, key: KeyId) -> Path:
        return self._directory / f"{key_id(key)}{_GONE}"


def _check(directory: Path, backups: Iterable[Path]) -> None:
    found = directory.stat()
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise UnsafeDirectory(f"{directory}: others may enter it; run chmod 700 on it")
    if found.st_uid != os.geteuid():
        raise UnsafeDirectory(f"{directory}: it belongs to another user; keys need a directory of their own user")
    for backup in backups:
        if directory.resolve().is_relative_to(backup.resolve()):
            raise UnsafeDirectory(f"{directory}: it lies under the backup path {backup}; keys are never backed up")


class FileKeyHolder:
    """The government's halves in a directory. Implements `KeyHolder`."""

    def __init__(self, halves: HalfFiles) -> None:
        self._halves = halves

    def create(self, scope: KeyScope) -> KeyId:  # noqa: ARG002 - a file's name says nothing of what it opens
        """Make a half under a new id."""
        key = KeyId(new_id("key"))
        self._halves.make(key)
        return key

    def wrap(self, key: KeyId, other_half: Secret, dek: Secret) -> bytes:
        """Wrap under both halves."""
        return wrap_under(other_half, self._halves.read(key), key, dek)

    def unwrap(self, key: KeyId, other_half: Secret, wrapped: bytes) -> Secret:
        """Unwrap under both halves."""
        return unwrap_under(other_half, self._halves.read(key), key, wrapped)

    def destroy(self, key: KeyId) -> Destroyed:
        """Destroy the half."""
        return Destroyed(key, was_there=self._halves.destroy(key))

    def exists(self, key: KeyId) -> bool:
        """Whether the half is there."""
        return self._halves.exists(key)


class HeldHalf:
    """Developer halves held in a directory that the developer may empty. Implements `DeveloperHalf`."""

    def __init__(self, halves: HalfFiles) -> None:
        self._halves = halves

    def create(self, key: KeyId) -> None:
        """Make a half."""
        self._halves.make(key)

    def get(self, key: KeyId, now: datetime) -> Secret:  # noqa: ARG002 - held halves have no term
        """The half."""
        return self._halves.read(key)

    def drop(self, key: KeyId) -> bool:
        """Destroy the half."""
        return self._halves.destroy(key)
