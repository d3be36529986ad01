"""What an upload of weights consists of: files, their sizes, and the SHA-256 of every chunk of every file.

- A manifest's bytes are its RFC 8785 form and only that, with files in the order of their paths: one directory has one
  manifest. It is the upload's identity, and with it alone an upload can be taken up again.
- A chunk never spans files. All chunks of a file have `chunk_bytes`, except the last, which has the rest.
- A path is relative, in NFC, at most `MAX_PATH_BYTES`, without `.`, `..`, empty parts, backslashes or control
  characters, and no file is another's directory: unpacking one can write nowhere else.
- Kinds of file that run code when loaded (pickles and scripts) are accepted and marked, by name.

>>> chunk = hashlib.sha256(b"abc").hexdigest()
>>> manifest = Manifest(64, (WeightsFile("model.gguf", 3, (chunk,)), WeightsFile("notes/empty.txt", 0, ())))
>>> Manifest.parse(manifest.encode()) == manifest, manifest.total_bytes, manifest.sizes == {chunk: 3}
(True, 3, True)
>>> Manifest(64, (WeightsFile("../model.gguf", 3, (chunk,)),))
Traceback (most recent call last):
...
seatrial.custody.manifest.BadManifest: file '../model.gguf': path: no part may be empty, '.' or '..'
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import rfc8785

from seatrial.custody.keys import CustodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHUNK_BYTES: Final = 64 << 20
"""2 TB are 32,768 chunks; one sealed chunk is one object of the store."""
MAX_PATH_BYTES: Final = 1024
MAX_NAME_BYTES: Final = 255
"""What Linux file systems take as one name."""
MAX_MANIFEST_BYTES: Final = 16 << 20
"""2 TB in chunks of 64 MiB take 2.2 MB; 16 MiB leave room for some 100,000 small files."""
READ_BYTES: Final = 1 << 20
"""Read at once: memory does not grow with the file, and calls of the system stay few."""
FORMAT: Final = 1

EXECUTES_ON_LOAD: Final = frozenset(
    {".bin", ".ckpt", ".dill", ".joblib", ".pickle", ".pkl", ".pt", ".pt2", ".pth", ".py", ".sh", ".so"}
)
"""Suffixes of pickles, of archives that hold pickles, and of code. By name alone: content may lie."""

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class BadManifest(CustodyError):
    """A manifest that cannot be taken; says which file and which field."""

    def __init__(self, file: str | None, field: str, fault: str) -> None:
        super().__init__(f"file {file!r}: {field}: {fault}" if file is not None else f"manifest: {field}: {fault}")
        self.file, self.field, self.fault = file, field, fault


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file: its path, its size in bytes, and the hex SHA-256 of its chunks in order."""

    path: str
    size: int
    chunks: tuple[str, ...]

    @property
    def executes(self) -> bool:
        """Whether loading it by its usual loader may run code that it carries."""
        return any(self.path.lower().endswith(suffix) for suffix in EXECUTES_ON_LOAD)


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of an upload, in the order of their paths. Raises `BadManifest` for anything against the rules."""

    chunk_bytes: int
    files: tuple[WeightsFile, ...]
    sizes: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """Every chunk's size by digest; a chunk that stands at several places stands here once."""

    def __post_init__(self) -> None:
        if type(self.chunk_bytes) is not int or not 0 < self.chunk_bytes <= CHUNK_BYTES:
            raise BadManifest(None, "chunk_bytes", f"a whole number from 1 to {CHUNK_BYTES} is needed")
        if not self.files:
            raise BadManifest(None, "files", "there is no file; nothing would be uploaded")
        for file in self.files:
            _check_path(file.path)
            _check_size(file, self.chunk_bytes)
        _check_order([file.path for file in self.files])
        object.__setattr__(self, "sizes", _sizes(self.chunk_bytes, self.files))

    @property
    def total_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def executing(self) -> tuple[str, ...]:
        """Paths of files that may run code when loaded."""
        return tuple(file.path for file in self.files if file.executes)

    def encode(self) -> bytes:
        """Canonical JSON."""
        files = [{"path": file.path, "bytes": file.size, "chunks": list(file.chunks)} for file in self.files]
        plain = {"v": FORMAT, "chunk_bytes": self.chunk_bytes, "total_bytes": self.total_bytes, "files": files}
        return rfc8785.dumps(plain)  # type: ignore[arg-type]  # its type of JSON does not take list[dict]

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the bytes. Never written down plain: whoever later has the weights could match it."""
        return hashlib.sha256(self.encode()).hexdigest()

    @classmethod
    def parse(cls, data: bytes, *, chunk_bytes: int = CHUNK_BYTES) -> Manifest:
        """Read a manifest whose chunks have at most `chunk_bytes`. Raises `BadManifest`."""
        fields = _object(None, "the whole", _decoded(data), {"v", "chunk_bytes", "total_bytes", "files"})
        if fields["v"] != FORMAT:
            raise BadManifest(None, "v", f"{FORMAT} is the format that is read here")
        if not isinstance(fields["files"], list):
            raise BadManifest(None, "files", "a list is needed")
        manifest = cls(fields["chunk_bytes"], tuple(_file(file) for file in fields["files"]))
        if manifest.chunk_bytes > chunk_bytes:
            raise BadManifest(None, "chunk_bytes", f"at most {chunk_bytes} are taken here")
        if fields["total_bytes"] != manifest.total_bytes:
            raise BadManifest(None, "total_bytes", f"the files add up to {manifest.total_bytes}")
        if manifest.encode() != data:
            raise BadManifest(None, "the whole", "the bytes are not their own canonical form (RFC 8785)")
        return manifest


def describe(
    directory: Path, *, chunk_bytes: int = CHUNK_BYTES, progress: Callable[[int], None] = lambda _: None
) -> Manifest:
    """Read every file under `directory` and state what it is; `progress` gets the bytes of each read.

    Raises:
        BadManifest: A file that is no plain file, or a path against the rules.
    """
    files = []
    for path in sorted(_plain_files(directory), key=lambda path: path.relative_to(directory).as_posix().encode()):
        chunks = tuple(_digests(path, chunk_bytes, progress))
        files.append(WeightsFile(path.relative_to(directory).as_posix(), path.stat().st_size, chunks))
    return Manifest(chunk_bytes, tuple(files))


def pieces(path: Path, start: int, size: int) -> Iterator[bytes]:
    """Read `size` bytes of a file from `start` in pieces; fewer come when the file has become shorter."""
    with path.open("rb") as file:
        file.seek(start)
        while size > 0 and (piece := file.read(min(READ_BYTES, size))):
            size -= len(piece)
            yield piece


def _plain_files(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink():
            raise BadManifest(name, "path", "a symbolic link; copy what it points to (cp -rL) and upload the copy")
        if path.is_file():
            yield path
        elif not path.is_dir():
            raise BadManifest(name, "path", "neither a file nor a directory")


def _digests(path: Path, chunk_bytes: int, progress: Callable[[int], None]) -> Iterator[str]:
    for start in range(0, path.stat().st_size, chunk_bytes):
        digest = hashlib.sha256()
        for piece in pieces(path, start, chunk_bytes):
            digest.update(piece)
            progress(len(piece))
        yield digest.hexdigest()


def _check_path(path: object) -> None:
    if not isinstance(path, str) or not path:
        raise BadManifest(None, "path", "a text that is not empty is needed")
    shown = path[:80]
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise BadManifest(ascii(shown), "path", "not valid Unicode") from None
    if size > MAX_PATH_BYTES:
        raise BadManifest(shown, "path", f"{size} bytes; at most {MAX_PATH_BYTES}")
    if unicodedata.normalize("NFC", path) != path:
        raise BadManifest(shown, "path", "not in Unicode normal form C")
    if path.startswith("/"):
        raise BadManifest(shown, "path", "it has to be relative")
    if "\\" in path or any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in path):
        raise BadManifest(shown, "path", "a backslash or a character that cannot be seen")
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise BadManifest(shown, "path", "no part may be empty, '.' or '..'")
    if any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise BadManifest(shown, "path", f"a part has more than {MAX_NAME_BYTES} bytes")


def _check_size(file: WeightsFile, chunk_bytes: int) -> None:
    if type(file.size) is not int or not 0 <= file.size < 2**53:
        raise BadManifest(file.path, "bytes", "a whole number from 0 to 2^53 - 1 is needed")
    if not all(isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in file.chunks):
        raise BadManifest(file.path, "chunks", "each is a SHA-256 in 64 lowercase hex digits")
    needed = -(-file.size // chunk_bytes)
    if len(file.chunks) != needed:
        raise BadManifest(file.path, "chunks", f"{file.size} bytes are {needed} chunks, not {len(file.chunks)}")


def _check_order(paths: list[str]) -> None:
    known = set(paths)
    for before, path in zip([None, *paths], paths, strict=False):
        if before is not None and before.encode() >= path.encode():
            raise BadManifest(path, "path", "given twice" if before == path else "files are sorted by path")
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if (above := "/".join(parts[:depth])) in known:
                raise BadManifest(path, "path", f"{above!r} is a file and cannot be a directory too")


def _sizes(chunk_bytes: int, files: tuple[WeightsFile, ...]) -> Mapping[str, int]:
    sizes: dict[str, int] = {}
    for file in files:
        for number, digest in enumerate(file.chunks):
            size = min(chunk_bytes, file.size - number * chunk_bytes)
            if sizes.setdefault(digest, size) != size:
                raise BadManifest(file.path, "chunks", f"chunk {digest} is stated with two sizes")
    return MappingProxyType(sizes)


def _decoded(data: bytes) -> object:
    if len(data) > MAX_MANIFEST_BYTES:
        raise BadManifest(None, "the whole", f"{len(data)} bytes; at most {MAX_MANIFEST_BYTES}")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise BadManifest(None, "the whole", "not JSON") from None


def _object(file: str | None, field: str, given: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(given, dict) or given.keys() != names:
        raise BadManifest(file, field, f"an object with exactly {', '.join(sorted(names))} is needed")
    return given


def _file(given: object) -> WeightsFile:
    path = given.get("path") if isinstance(given, dict) else None
    shown = path if isinstance(path, str) else None
    fields = _object(shown, "the whole", given, {"path", "bytes", "chunks"})
    if not isinstance(fields["chunks"], list):
        raise BadManifest(shown, "chunks", "a list is needed")
    return WeightsFile(fields["path"], fields["bytes"], tuple(fields["chunks"]))
