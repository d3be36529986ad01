"""The published checkpoint as a file beside the store: what tells a restored or exchanged store from the true one.

- Written to a temporary file, synced, renamed, and the folder synced: after a crash it is the old one or the new one.
- It never goes back: under a lock among processes, a smaller checkpoint does not replace a larger one.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.note import Note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put a file in its place whole, on the disk, or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class CheckpointFile:
    """A `PublishedCheckpoint` in a file; any number of processes may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """Return the checkpoint; None before the first."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def publish(self, note: bytes, size: int) -> None:
        """Keep the checkpoint durably unless a larger one is there already."""
        with self._locked():
            held = self.read()
            if held is None or size > Checkpoint.parse(Note.parse(held).text).size:
                write_durably(self.path, note)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self.path.with_name(f"{self.path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
