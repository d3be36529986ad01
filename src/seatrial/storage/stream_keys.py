"""The keys under which the log names organisations: a file for each stream, outside the database and its backups.

While a stream's key is there, the house can tell which organisation an entry means; once it is shredded nobody can. A
shredded stream never gets a key that is kept: an entry that follows names its organisation by a key used once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seatrial.ledger.event import ID, STREAM_KEY_BYTES
from seatrial.ledger.outside import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
GONE = ".gone"
"""An empty file beside where the key was."""


class StreamKeys:
    """A folder of mode 0700 with one key of 32 bytes a stream."""

    def __init__(self, folder: Path, random: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._random = random
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)

    def of(self, stream: str) -> bytes:
        """The key of a stream, made when it is asked for first; once shredded, another one at every call."""
        path = self._path(stream)
        if path.with_suffix(GONE).exists():
            return self._random(STREAM_KEY_BYTES)
        if not path.exists():
            self._make(path)
        return path.read_bytes()

    def shred(self, stream: str) -> bool:
        """Destroy the key for good; whether it was there."""
        path = self._path(stream)
        path.with_suffix(GONE).touch(mode=PRIVATE_FILE)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        finally:
            sync_folder(self._folder)
        return True

    def _path(self, stream: str) -> Path:
        if not ID.fullmatch(stream):
            raise ValueError(f"{stream}: not the id of a stream; three letters, _ and 32 hex digits")
        return self._folder / f"{stream}.key"

    def _make(self, path: Path) -> None:
        """Written beside its place, then linked into it: the first of two makers wins, and the key is whole."""
        fresh = path.with_suffix(f".{os.getpid()}.{self._random(4).hex()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as out:
            out.write(self._random(STREAM_KEY_BYTES))
            out.flush()
            os.fsync(out.fileno())
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        sync_folder(self._folder)
