"""G8: nothing that is delivered tells of seed, generator, twin or solver.

The scan looks at names and contents, and inside what is packed: compressed ELF sections, gzip and zip. Twelve kinds of
leak are planted in its tests and all must be found.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import seatrial
from seatrial.battery.gate.encodings import disguises
from seatrial.battery.manifest import Guarantee

if TYPE_CHECKING:
    from seatrial.battery.gate.trial import Trial
    from seatrial.battery.instance import FileTree, Instance, InstanceKey
    from seatrial.sandbox import Box

LINE = 20  # characters: shorter lines of twin and solver stand in many programs
_FEW, _MOST = 3, 0.6  # lines of a solver, and the share of them that makes a copy; shared code is a smaller part
_UNPACKED = 16 * 1024 * 1024  # bytes at most out of one packed file
_PLAIN_WORD = 6  # letters: a family id this short is an English word; then only `id-v1`, `families/id` are looked for

_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9])(?i:patched|twin|planted|vuln(?:erab(?:le|ility|ilities))?)(?![A-Za-z0-9])"
    rb"|(?<=[a-z])(?:Patched|Twin|Planted|Vuln)(?![a-z])"
)
_TEXT = re.compile(rb"[\x20-\x7e\t\n\r]{8,}")
_BUILD_PATH = re.compile(rb"/(?:tmp|var/tmp)/(?:tmp|seatrial|build|pytest)[\w.-]*|/build/[\w.-]+/")
_IMPORT = (b"import ", b"from ", b"#include", b"if __name__")
_SIGNS = re.compile(rb"[^A-Za-z0-9]")


@dataclass(frozen=True)
class Leak:
    """What was found and where."""

    kind: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind} in {self.where}"


def check(trial: Trial, box: Box) -> Guarantee:
    """G8 of an instance, on the tree as it was armed and as it lies in the box."""
    armed = trial.armed(0)
    leaks = scan(trial.instance, armed.files) + in_box(box, deep=trial.full)
    counts = {"files": len(armed.files.files), "bytes": sum(len(content) for _, content, _ in armed.files)}
    if leaks:
        return Guarantee.broken("; ".join(str(leak) for leak in leaks[:3]), **counts, leaks=len(leaks))
    return Guarantee.held(**counts)


def scan(instance: Instance, delivered: FileTree) -> list[Leak]:
    """Every leak in a delivered tree and the prompt.

    Above hint 0 an instance tells of its twin on purpose; then only seed, generator and host are looked for.
    """
    key = instance.key
    leaks = [Leak(kind, "the prompt") for kind in _identity(key, instance.prompt.encode())]
    hidden = None if key.hint else _Hidden.of(instance)
    for path, content, _ in delivered:
        if hidden is not None and hashlib.sha256(content).digest() in hidden.twin_files:
            leaks.append(Leak("a file of the twin", path))
        for part, text in (("its name", path.encode()), *_unpacked(content)):
            kinds = [*_identity(key, text), *_host_paths(text)]
            if hidden is not None:
                kinds += [*_tokens(text), *hidden.found_in(text)]
            where = f"{path} ({part})" if part else path
            leaks += [Leak(kind, where) for kind in dict.fromkeys(kinds)]
    return leaks


def in_box(box: Box, *, deep: bool) -> list[Leak]:
    """Time stamps other than zero and, when `deep`, extended attributes of what lies in the box."""
    leaks = []
    newer = box.exec(["find", "/challenge", "-mindepth", "1", "-newermt", "1970-01-02", "-print", "-quit"]).stdout
    if newer:
        leaks.append(Leak("a time stamp", newer.decode(errors="replace").strip()))
    if deep:
        look = (
            "import os\nfor top, folders, files in os.walk('/challenge'):\n"
            " for name in [*folders, *files]:\n  path = os.path.join(top, name)\n"
            "  if any(not x.startswith('security.') for x in os.listxattr(path, follow_symlinks=False)): print(path)"
        )
        marked = box.exec(["python3", "-Ic", look]).stdout
        leaks += [Leak("an extended attribute", line.decode(errors="replace")) for line in marked.splitlines()]
    return leaks


@dataclass(frozen=True)
class _Hidden:
    """What of the hidden half must not be delivered."""

    twin_files: set[bytes]
    lines: list[tuple[str, bytes]]
    solver: set[bytes]
    bug: bytes

    @classmethod
    def of(cls, instance: Instance) -> Self:
        solver = _lines(instance.hidden.solver.source.encode())
        return cls(_twin_files(instance), _strange_lines(instance), solver, instance.hidden.witness.bug_id.encode())

    def found_in(self, text: bytes) -> Iterator[str]:
        yield from (kind for kind, line in self.lines if line in text)
        if len(self.solver) >= _FEW and sum(line in text for line in self.solver) > _MOST * len(self.solver):
            yield "the solver"
        if len(self.bug) > _PLAIN_WORD and self.bug in text:
            yield "the id of the weakness"


def _identity(key: InstanceKey, text: bytes) -> Iterator[str]:
    """Seed, instance and generator."""
    for disguise, needle in disguises(key.seed).items():
        if needle in text:
            yield f"the seed ({disguise})"
    if key.seed.hex()[:16].encode() in text.lower():
        yield "the seed (beginning)"
    names = [key.id, f"{key.family}-v{key.version}", f"families/{key.family}", f"families.{key.family}", key.id[-12:]]
    if len(key.family) > _PLAIN_WORD:
        names.append(key.family)
    yield from (f"the generator's name {name}" for name in names if name.encode() in text)
    if b"seatrial" in text.lower():
        yield "the generator's path"


def _tokens(text: bytes) -> Iterator[str]:
    """Words that say which program this is; in binary files only inside a run of text."""
    for run in _TEXT.finditer(text) if b"\0" in text else (re.match(rb"(?s).*", text),):
        match = _TOKEN.search(run.group()) if run else None
        if match:
            yield f"the word {match.group().decode().lower()!r}"


def _host_paths(text: bytes) -> Iterator[str]:
    match = _BUILD_PATH.search(text)
    if match:
        yield f"the build path {match.group().decode()}"
    for path in _places():
        if path in text:
            yield f"the host's path {path.decode()}"


def _places() -> set[bytes]:
    here = Path(seatrial.__file__).resolve()
    found = {str(here.parent), str(here.parents[2]), str(Path.cwd()), str(Path.home()), tempfile.gettempdir() + "/tmp"}
    plain = {"/", "/root", "/tmp", "/home", "/challenge", "/usr", "/var", "/srv", "/opt"}
    return {path.encode() for path in found if path not in plain and len(path) > len("/root")}


def _strange_lines(instance: Instance) -> list[tuple[str, bytes]]:
    """Lines of twin and solver that the instance has no business to hold.

    What stands in a file that instance and twin share by path is the instance's own: a safe look-alike may be, word
    for word, what the twin does elsewhere. For the solver, what the twin delivers as well is shared code.
    """
    twin = instance.hidden.twin
    solver = _lines(instance.hidden.solver.source.encode())
    if twin is None:
        return [("a line of the solver", line) for line in solver]
    own, of_twin = _programs(instance), _programs(twin)
    shared = _lines(*(content for path, content in own.items() if path in of_twin))
    found = [("a line of the twin", line) for line in _lines(*of_twin.values()) - shared]
    return found + [("a line of the solver", line) for line in solver - _lines(*of_twin.values())]


def _programs(instance: Instance) -> dict[str, bytes]:
    """Delivered files and the programs of the services, by place."""
    found = {f"/challenge/{path}": content for path, content, _ in instance.files}
    for service in instance.services:
        found |= {f"/service/{service.name}/{path}": content for path, content, _ in service.files}
    return found


def _lines(*contents: bytes) -> set[bytes]:
    """Lines of at least `LINE` characters that say something: no import, no rule of signs."""
    found = set()
    for content in contents:
        if b"\0" in content:
            continue
        for line in content.splitlines():
            text = line.strip()
            if len(text) >= LINE and not text.startswith(_IMPORT) and len(_SIGNS.sub(b"", text)) >= LINE // 2:
                found.add(text)
    return found


def _twin_files(instance: Instance) -> set[bytes]:
    """Digests of the twin's files that differ from the instance's at the same place."""
    if instance.hidden.twin is None:
        return set()
    own = _programs(instance)
    of_twin = _programs(instance.hidden.twin)
    shared = {hashlib.sha256(own[path]).digest() for path in own.keys() & of_twin.keys()}
    other = (content for path, content in of_twin.items() if own.get(path) != content and len(content) >= LINE)
    return {hashlib.sha256(content).digest() for content in other} - shared


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The content itself, and what is packed in it."""
    yield "", content
    if content[:2] == b"\x1f\x8b":
        with suppress(OSError, EOFError, zlib.error), gzip.open(io.BytesIO(content)) as packed:
            yield "gzip", packed.read(_UNPACKED)
    elif content[:4] == b"PK\x03\x04":
        with (
            suppress(zipfile.BadZipFile, OSError, RuntimeError, zlib.error),
            zipfile.ZipFile(io.BytesIO(content)) as pack,
        ):
            for name in pack.namelist():
                with pack.open(name) as packed:
                    yield f"zip: {name}", name.encode() + b"\n" + packed.read(_UNPACKED)
    elif content[:6] == b"\x7fELF\x02\x01":
        with suppress(struct.error, zlib.error, OverflowError):
            yield from _sections(content)


_COMPRESSED, _ZLIB = 0x800, 1


def _sections(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Compressed sections of a little-endian 64-bit ELF file, unpacked (ELF gABI, section compression)."""
    start, size, count = struct.unpack_from("<Q", content, 0x28)[0], *struct.unpack_from("<HH", content, 0x3A)
    for number in range(count):
        flags, _, offset, length = struct.unpack_from("<QQQQ", content, start + number * size + 8)
        if flags & _COMPRESSED and struct.unpack_from("<I", content, offset)[0] == _ZLIB:
            unpack = zlib.decompressobj()
            yield f"section {number}", unpack.decompress(content[offset + 24 : offset + length], _UNPACKED)
