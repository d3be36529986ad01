"""Where sealed chunks are: a protocol, an implementation in memory, and one in a directory.

- The store sees sealed bytes under names that say nothing; it can open neither.
- A chunk is there whole and durable, or not at all: it is written aside and gets its name only by `keep`.
- A name is written once. A second writer of the same name finds it taken; nothing is ever replaced.
- `drop_upload` is for good: an upload that was dropped takes no chunk again, not even one that is being written.
- Uploads share nothing: the same bytes in two uploads are two chunks, and no call tells one upload about another.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import mmap
import os
import re
import shutil
import threading
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from seatrial.custody.keys import CustodyError, check_upload, new_id
from seatrial.custody.records import Measure
from seatrial.ledger.outside import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PART = ".part"
_GONE = ".gone"
WRITE_BYTES: Final = 1 << 20
"""Written at once: a disk is not kept waiting, and eight chunks on their way take 8 MiB."""


class UploadGone(CustodyError):
    """The upload was dropped, or never opened: it takes and has no chunks."""


class ChunkWriter(Protocol):
    """A chunk that is being written; it ends by `keep` or `discard`."""

    def write(self, sealed: bytes | memoryview, /) -> object:
        """Add bytes."""
        ...

    def keep(self) -> bool:
        """Give it its name, durable on return; false when the name was taken. Raises `UploadGone`."""
        ...

    def discard(self) -> None:
        """Forget it; after `keep` no fault and nothing."""
        ...


class ChunkStore(Protocol):
    """Sealed chunks by upload and name (64 hex digits)."""

    def create(self, upload: str) -> None:
        """Open an upload; again is no fault. Raises `UploadGone` when it was dropped."""
        ...

    def gone(self, upload: str) -> bool:
        """Whether the upload was dropped."""
        ...

    def put(self, upload: str, name: str) -> ChunkWriter:
        """Begin to write a chunk. Raises `UploadGone`."""
        ...

    def has(self, upload: str, name: str) -> bool:
        """Whether the chunk is there, whole."""
        ...

    def get(self, upload: str, name: str) -> BinaryIO:
        """The chunk, to be read and closed. Raises `LookupError`."""
        ...

    def usage(self, upload: str) -> Measure:
        """How many chunks, and how many bytes, counting those being written."""
        ...

    def drop_upload(self, upload: str) -> Measure:
        """Remove all of an upload, for good; what it had. Again is no fault."""
        ...

    def free(self) -> int:
        """Bytes that may still be written."""
        ...


class MemoryChunkStore:
    """Chunks of one process, for tests and trials; `capacity` is how many bytes it takes."""

    def __init__(self, capacity: int = 1 << 30) -> None:
        self._lock = threading.Lock()
        self._capacity = capacity
        self._kept: dict[str, dict[str, bytes]] = {}
        self._gone: set[str] = set()

    def create(self, upload: str) -> None:
        """Open an upload."""
        with self._lock:
            if check_upload(upload) in self._gone:
                raise UploadGone(f"{upload}: it was dropped")
            self._kept.setdefault(upload, {})

    def gone(self, upload: str) -> bool:
        """Whether it was dropped."""
        return upload in self._gone

    def put(self, upload: str, name: str) -> ChunkWriter:
        """Begin to write."""
        self._chunks(upload)
        return _MemoryChunk(self, upload, _checked(name))

    def has(self, upload: str, name: str) -> bool:
        """Whether it is there."""
        return _checked(name) in self._kept.get(upload, {})

    def get(self, upload: str, name: str) -> BinaryIO:
        """The chunk."""
        try:
            return io.BytesIO(self._kept[upload][_checked(name)])
        except KeyError:
            raise LookupError(f"{upload}: no such chunk") from None

    def usage(self, upload: str) -> Measure:
        """How many, and how many bytes."""
        sizes = [len(chunk) for chunk in self._kept.get(upload, {}).values()]
        return Measure(len(sizes), sum(sizes))

    def drop_upload(self, upload: str) -> Measure:
        """Remove all of it."""
        with self._lock:
            had = self.usage(check_upload(upload))
            self._gone.add(upload)
            self._kept.pop(upload, None)
            return had

    def free(self) -> int:
        """Bytes left."""
        return self._capacity - sum(self.usage(upload).size for upload in self._kept)

    def keep(self, upload: str, name: str, sealed: bytes) -> bool:
        """What a writer calls at its end."""
        with self._lock:
            chunks = self._chunks(upload)
            return chunks.setdefault(name, sealed) is sealed

    def _chunks(self, upload: str) -> dict[str, bytes]:
        try:
            return self._kept[check_upload(upload)]
        except KeyError:
            raise UploadGone(f"{upload}: it was dropped, or never opened") from None


class _MemoryChunk:
    def __init__(self, store: MemoryChunkStore, upload: str, name: str) -> None:
        self._store, self._upload, self._name = store, upload, name
        self._bytes = bytearray()

    def write(self, sealed: bytes | memoryview) -> None:
        self._bytes += sealed

    def keep(self) -> bool:
        return self._store.keep(self._upload, self._name, bytes(self._bytes))

    def discard(self) -> None:
        self._bytes.clear()


class DirectoryChunkStore:
    """Chunks as files: a directory 0700 for each upload, a file 0600 for each chunk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, upload: str) -> None:
        """Open an upload, durable on return."""
        folder = self._folder(upload)
        if self.gone(upload):
            raise UploadGone(f"{upload}: it was dropped")
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(self._directory)

    def gone(self, upload: str) -> bool:
        """Whether its tombstone is there."""
        return self._folder(upload).with_suffix(_GONE).exists()

    def put(self, upload: str, name: str) -> ChunkWriter:
        """Begin to write, aside."""
        return _FileChunk(self._folder(upload), _checked(name))

    def has(self, upload: str, name: str) -> bool:
        """Whether it is there."""
        return (self._folder(upload) / _checked(name)).is_file()

    def get(self, upload: str, name: str) -> BinaryIO:
        """The chunk."""
        try:
            return (self._folder(upload) / _checked(name)).open("rb")
        except FileNotFoundError:
            raise LookupError(f"{upload}: no such chunk") from None

    def usage(self, upload: str) -> Measure:
        """How many, and how many bytes."""
        try:
            sizes = [entry.stat().st_size for entry in os.scandir(self._folder(upload))]
        except FileNotFoundError:
            return Measure()
        return Measure(len(sizes), sum(sizes))

    def drop_upload(self, upload: str) -> Measure:
        """Put a tombstone, move the directory away in one step, and remove it."""
        folder = self._folder(upload)
        had = self.usage(upload)
        folder.with_suffix(_GONE).touch(mode=0o600)
        try:
            folder.rename(folder.with_suffix(f".{new_id('old')}"))
        except FileNotFoundError:
            had = Measure()
        sync_folder(self._directory)
        for left in self._directory.glob(f"{upload}.old_*"):
            shutil.rmtree(left)
        sync_folder(self._directory)
        return had

    def free(self) -> int:
        """Bytes the file system has left for this user."""
        return shutil.disk_usage(self._directory).free

    def sweep(self) -> int:
        """Remove what a former process left half written; call it at start, before anybody writes. How many."""
        parts = list(self._directory.glob(f"*/*{_PART}"))
        for part in parts:
            part.unlink(missing_ok=True)
        return len(parts)

    def _folder(self, upload: str) -> Path:
        return self._directory / check_upload(upload)


class _FileChunk:
    """Written past the page cache: fresh pages there, for what nobody reads soon, may cost more than to hash and seal.

    The system wants whole pages for that: bytes are gathered in `_waiting`, and the last of them go the usual way.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._final = folder, folder / name
        self._part = folder / f"{new_id('prt')}{_PART}"
        try:
            self._file = open(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)  # noqa: PTH123, SIM115
        except FileNotFoundError:
            raise UploadGone(f"{folder.name}: it was dropped, or never opened") from None
        self._waiting = mmap.mmap(-1, WRITE_BYTES)
        self._past_cache(wanted=True)

    def write(self, sealed: bytes | memoryview) -> None:
        left = memoryview(sealed)
        while left:
            taken = left[: WRITE_BYTES - self._waiting.tell()]
            self._waiting.write(taken)
            left = left[len(taken) :]
            if self._waiting.tell() == WRITE_BYTES:
                self._flush()

    def keep(self) -> bool:
        """A hard link gives the name in one step, and fails when it is taken."""
        try:
            self._past_cache(wanted=False)
            self._flush()
            os.fsync(self._file.fileno())
            os.link(self._part, self._final)
            sync_folder(self._folder)
        except FileExistsError:
            return False
        except FileNotFoundError:
            raise UploadGone(f"{self._folder.name}: it was dropped") from None
        finally:
            self.discard()
        return True

    def discard(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def _flush(self) -> None:
        with memoryview(self._waiting)[: self._waiting.tell()] as left:
            written = 0
            while written < len(left):
                try:
                    written += self._file.write(left[written:])
                except OSError as error:
                    if error.errno != errno.EINVAL or not self._past_cache(wanted=False):
                        raise
        self._waiting.seek(0)

    def _past_cache(self, *, wanted: bool) -> bool:
        """Whether it was so before. A file system that cannot do it says so here, or at the first write."""
        flags = fcntl.fcntl(self._file, fcntl.F_GETFL)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._file, fcntl.F_SETFL, flags | os.O_DIRECT if wanted else flags & ~os.O_DIRECT)
        return bool(flags & os.O_DIRECT)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a chunk's name has 64 lowercase hex digits")
    return name
