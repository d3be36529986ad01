"""Bundles in one file: tar or zip, unpacked in memory under limits, or refused as a whole with the member named.

- No link, no device, no absolute name, no `..`, no name twice; at most 10,000 members, 512 MiB unpacked, 200 times the
  packed size. Sizes are counted as bytes come out: what a header claims decides nothing.
"""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from seatrial.clearinghouse.blobs import BLOB_BYTES
from seatrial.clearinghouse.intake.item import Unreadable
from seatrial.clearinghouse.intake.limits import ARCHIVE_BYTES, ARCHIVE_MEMBERS, ARCHIVE_RATIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seatrial.clearinghouse.intake.item import Source

CHUNK = 2**16
UNPACK = "Unpack it, take that member out, and hand in the directory"


def unpacked(source: Source) -> Mapping[str, bytes]:
    """The regular files of an archive by name.

    Raises:
        Unreadable: It names the member.
    """
    most = min(ARCHIVE_BYTES, max(len(source.data) * ARCHIVE_RATIO, CHUNK))
    files: dict[str, bytes] = {}
    total = 0
    try:
        for name, stream in _members(source):
            if name in files:
                raise Unreadable(name, "stands twice in the archive", UNPACK)
            files[name] = _read(name, stream, most - total)
            total += len(files[name])
            if len(files) > ARCHIVE_MEMBERS:
                raise Unreadable(name, f"is member {ARCHIVE_MEMBERS + 1}; an archive has at most that less one", UNPACK)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as e:
        raise Unreadable(source.name, f"cannot be unpacked ({e})", "Pack it again as a plain tar.gz or zip") from e
    return files


def _read(name: str, stream: BinaryIO, left: int) -> bytes:
    taken = bytearray()
    while piece := stream.read(CHUNK):
        taken += piece
        if len(taken) > left:
            raise Unreadable(name, f"makes the archive unpack to more than {ARCHIVE_RATIO} times its size", UNPACK)
        if len(taken) > BLOB_BYTES:
            raise Unreadable(name, f"is larger than {BLOB_BYTES // 2**20} MiB", UNPACK)
    return bytes(taken)


def _members(source: Source) -> Iterator[tuple[str, BinaryIO]]:
    if zipfile.is_zipfile(io.BytesIO(source.data)):
        yield from _of_zip(source.data)
    else:
        yield from _of_tar(source.data)


def _of_zip(data: bytes) -> Iterator[tuple[str, BinaryIO]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            name = _safe(member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise Unreadable(name, "is a link or a device", UNPACK)
            if member.flag_bits & 1:
                raise Unreadable(name, "is encrypted", "Hand it in without a password")
            if not member.is_dir():
                with archive.open(member) as stream:
                    yield name, stream  # type: ignore[misc]  # zipfile's stream reads bytes


def _of_tar(data: bytes) -> Iterator[tuple[str, BinaryIO]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
        for member in archive:
            name = _safe(member.name)
            if member.isdir():
                continue
            if not member.isreg():
                raise Unreadable(name, "is a link or a device", UNPACK)
            stream = archive.extractfile(member)
            if stream is not None:
                yield name, stream  # type: ignore[misc]  # the same


def _safe(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in (path.parts[:1] or ("",))[0] or "\0" in name:
        raise Unreadable(name, "leads out of the archive", UNPACK)
    return str(path)
