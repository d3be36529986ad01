"""What a box is asked to be: frozen descriptions with a digest, no behaviour.

>>> BoxSpec().digest() == BoxSpec().digest()
True
>>> BoxSpec(hostname="other").digest() == BoxSpec().digest()
False
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Literal

from seatrial.sandbox.errors import SpecError

MIB = 1024 * 1024
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
MAX_ENV = 64
MAX_HOSTS = 32
MAX_SEGMENTS = 8


@dataclass(frozen=True)
class Limits:
    """Bounds of one box. `memory_bytes` includes files written in the box (tmpfs pages are charged to it)."""

    cpus: float = 1.0
    memory_bytes: int = 1024 * MIB
    pids: int = 1024
    disk_bytes: int = 512 * MIB
    inodes: int = 100_000
    open_files: int = 4096
    stdout_bytes: int = 10 * MIB
    stderr_bytes: int = 10 * MIB
    read_bytes: int = 100 * MIB
    lifetime_s: int = 21_600

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, int | float) or value <= 0:
                raise SpecError(f"limits.{item.name}", value, "a number above zero")


@dataclass(frozen=True)
class Profile:
    """Identity and privileges inside the box; every capability acts in the box's own user namespace only."""

    capabilities: Literal["task", "range", "bare"] = "task"
    users: Literal["auto", "many", "one"] = "auto"
    needs_cgroup: bool = False


@dataclass(frozen=True)
class Rootfs:
    """The file system a box sees: the host's `/usr`, read-only, or one unpacked tree at `path`."""

    kind: Literal["host", "tree"] = "host"
    path: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        if self.kind == "tree" and not self.path.startswith("/"):
            raise SpecError("rootfs.path", self.path, "the absolute path of an unpacked tree")


@dataclass(frozen=True)
class BoxSpec:
    """One box. The same spec, engine and network make the same boundary."""

    rootfs: Rootfs = field(default_factory=Rootfs)
    limits: Limits = field(default_factory=Limits)
    profile: Profile = field(default_factory=Profile)
    hostname: str = "box"
    workdir: str = "/root"
    env: tuple[tuple[str, str], ...] = ()
    min_level: int = 1

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.hostname):
            raise SpecError("hostname", self.hostname, "a lower-case letter, then letters, digits, hyphens")
        if not self.workdir.startswith("/"):
            raise SpecError("workdir", self.workdir, "an absolute path")
        if len(self.env) > MAX_ENV:
            raise SpecError("env", len(self.env), f"at most {MAX_ENV} variables")
        if not 1 <= self.min_level <= 4:
            raise SpecError("min_level", self.min_level, "1, 2, 3 or 4")

    def digest(self) -> str:
        """SHA-256 of the canonical JSON of this spec (CPU share in thousandths, so no floats)."""
        return _digest(self)


@dataclass(frozen=True)
class RangeHost:
    """A box with a seat in one or more segments of a private network, reachable by its name."""

    name: str
    box: BoxSpec = field(default_factory=BoxSpec)
    segments: tuple[str, ...] = ("lan",)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise SpecError("host name", self.name, "a lower-case letter, then letters, digits, hyphens")
        if not self.segments:
            raise SpecError(f"segments of {self.name}", self.segments, "at least one segment")


@dataclass(frozen=True)
class RangeSpec:
    """A private network without uplink: one bridge per segment, no router; the first host is the default."""

    hosts: tuple[RangeHost, ...]

    def __post_init__(self) -> None:
        names = [host.name for host in self.hosts]
        if not 1 <= len(names) <= MAX_HOSTS or len(set(names)) != len(names):
            raise SpecError("hosts", names, f"1 to {MAX_HOSTS} different names")
        if len(self.segments) > MAX_SEGMENTS:
            raise SpecError("segments", self.segments, f"at most {MAX_SEGMENTS} segments")

    @property
    def segments(self) -> tuple[str, ...]:
        """All segment names, sorted."""
        return tuple(sorted({segment for host in self.hosts for segment in host.segments}))

    def digest(self) -> str:
        """SHA-256 of the canonical JSON of this range."""
        return _digest(self)


@lru_cache(maxsize=1024)  # asked for at every opening of a box; a spec never changes
def _digest(spec: BoxSpec | RangeSpec) -> str:
    def plain(value: object) -> object:
        if isinstance(value, float):
            return round(value * 1000)
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return value

    text = json.dumps(plain(asdict(spec)), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
