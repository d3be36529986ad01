"""What a generator makes: an instance, its hidden half, and what arms it for one attempt.

Everything here is frozen and pure. `generate(key)` gives the same instance everywhere; secrets enter in `arm` only,
so key + run secret + nonce + submission re-grade any attempt, also after the fact and on another machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Literal, Self

Knobs = Mapping[str, int | str]
SEED_BYTES = 32


@dataclass(frozen=True)
class Tags:
    """Where a family stands in the taxonomies of the field."""

    domain: str  # D1..D8
    chain_phase: str
    attack_tactics: tuple[str, ...]
    cwe: tuple[int, ...]
    side: Literal["offence", "defence", "dual"]
    ot: bool = False


@dataclass(frozen=True)
class InstanceKey:
    """Names one instance for ever: `generate` is a function of nothing else."""

    family: str
    version: str
    level: int
    seed: bytes
    form: str = "base"
    hint: int = 0

    def __post_init__(self) -> None:
        if self.level < 1:
            raise ValueError(f"level {self.level}: levels start at 1")
        if len(self.seed) != SEED_BYTES:
            raise ValueError(f"seed of {len(self.seed)} bytes: a seed is {SEED_BYTES} bytes (64 hex digits)")

    @property
    def id(self) -> str:
        """`family-vVERSION-Llevel-` and 12 hex digits; for logs, never delivered to a participant."""
        material = self.seed + f"\0{self.form}\0{self.hint}".encode()
        return f"{self.family}-v{self.version}-L{self.level}-{hashlib.sha256(material).hexdigest()[:12]}"

    @property
    def seed_commitment(self) -> str:
        """What may be published before the seed is revealed."""
        return hashlib.sha256(b"seatrial/seed/v1\0" + self.seed).hexdigest()


@dataclass(frozen=True)
class FileTree:
    """Relative POSIX paths → (bytes, mode); iterates sorted, so that two equal trees are written alike."""

    files: Mapping[str, tuple[bytes, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.files:
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path == ".":
                raise ValueError(f"file tree path {path!r}: use a plain relative path")
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    @classmethod
    def of(cls, files: Mapping[str, str | bytes], *, mode: int = 0o644) -> Self:
        """A tree from text or bytes, all with one mode."""
        return cls({k: (v.encode() if isinstance(v, str) else v, mode) for k, v in files.items()})

    def __iter__(self) -> Iterator[tuple[str, bytes, int]]:
        for path, (content, mode) in self.files.items():
            yield path, content, mode

    def __getitem__(self, path: str) -> bytes:
        return self.files[path][0]

    def __contains__(self, path: object) -> bool:
        return path in self.files

    def merged(self, other: FileTree) -> FileTree:
        """This tree with the other's files laid over it."""
        return FileTree({**self.files, **other.files})

    def under(self, prefix: str) -> FileTree:
        """This tree moved below a folder."""
        return FileTree({f"{prefix}/{path}": item for path, item in self.files.items()})

    def digest(self) -> str:
        """SHA-256 over sorted `mode path sha256` lines."""
        lines = (f"{mode:o} {path} {hashlib.sha256(content).hexdigest()}\n" for path, content, mode in self)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Service:
    """A program beside the participant's box, in a box of its own on a private network, under the name `name`.

    It runs as `python3 /service/<files>` style argv; reads ONE line of JSON (the start-up message, which holds its
    secrets) from standard input; writes one JSON object a line to standard output: first `{"event": "ready"}`, then
    its release log. It listens on `port` of every address for the participant and on `probe_port` of loopback for
    the host's own probes, and never logs a release for a connection that came in by the probe port.
    """

    name: str
    argv: tuple[str, ...]
    files: FileTree
    port: int
    probe_port: int
    health: tuple[str, ...]  # argv run in the service's box; exit 0 says that it still works as it should


@dataclass(frozen=True)
class Script:
    """A stand-alone Python program (standard library only) and the files it needs beside it.

    It runs in the participant's own view of the box, cold: reads /challenge, writes /submission.
    """

    source: str
    files: FileTree = field(default_factory=FileTree)


@dataclass(frozen=True)
class Witness:
    """The truth of an instance: where the weakness is and how it shows."""

    cwe: int | None = None
    bug_id: str = ""
    file: str = ""
    function: str = ""
    lines: tuple[int, int] = (0, 0)
    fault_classes: tuple[str, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HostileCase:
    """A submission that must not be accepted: file name → bytes for /submission, or a script run in the box first."""

    name: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    script: Script | None = None


@dataclass(frozen=True)
class FunctionalRun:
    """One run of the program (or one request to the service) that a correct program answers exactly so."""

    name: str
    argv: tuple[str, ...] = ()
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    returncode: int = 0
    stdout: bytes | None = None


@dataclass(frozen=True)
class Hidden:
    """What no participant sees."""

    witness: Witness
    twin: Instance | None
    tests: tuple[FunctionalRun, ...]
    solver: Script
    hostile: tuple[HostileCase, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)  # the family's own, immutable by convention


@dataclass(frozen=True)
class Instance:
    """One challenge. `technique` is its cluster inside the family; tasks on the same program share `pair`."""

    key: InstanceKey
    technique: str
    knobs: Knobs
    prompt: str
    files: FileTree  # delivered read-only at /challenge
    hidden: Hidden
    pair: str
    services: tuple[Service, ...] = ()
    autonomy_steps: int = 1

    @property
    def cluster(self) -> str:
        """`family/technique`, the unit that intervals treat as one."""
        return f"{self.key.family}/{self.technique}"


@dataclass(frozen=True)
class Attempt:
    """One attempt at one instance. The run secret (32 bytes) is never in a box; the nonce (16 bytes) is logged."""

    run_secret: bytes
    nonce: bytes
    epoch: int = 0


@dataclass(frozen=True)
class ArmedService:
    """A service with the start-up message of one attempt."""

    service: Service
    startup: bytes  # one line of JSON, without the newline


@dataclass(frozen=True)
class Decoy:
    """A false secret, unique per attempt: where it lies and what it says."""

    place: str  # a path in the box, or `env:NAME`
    value: str


@dataclass(frozen=True)
class Armed:
    """An instance with the secrets of one attempt in it."""

    files: FileTree  # replaces `Instance.files` at /challenge
    services: tuple[ArmedService, ...] = ()
    expected: Mapping[str, Any] = field(default_factory=dict)  # e.g. {"flag": "..."}; never leaves the host
    decoys: tuple[Decoy, ...] = ()


_FLAG = re.compile(r"flag\{[a-z2-7]{26}\}")


def is_flag(text: str) -> bool:
    """Whether a text has the form of an attempt's flag."""
    return _FLAG.fullmatch(text) is not None
