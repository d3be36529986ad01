"""The face of a box, the same for every engine.

A box is synchronous to its callers; every method may be called from any thread. Engines wait on a thread of
their own, so a caller on an asyncio loop uses the `_async` forms, which block neither it nor a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from seatrial.sandbox.spec import BoxSpec, RangeSpec


@dataclass(frozen=True)
class ExecResult:
    """What a command left: 128 + signal when killed; `truncated` when a stream passed its cap.

    `cpu_ns` is the processor time of the command and of the descendants it waited for; None when it was killed.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    truncated: bool = False
    timed_out: bool = False
    duration_ns: int = 0
    cpu_ns: int | None = None


@dataclass(frozen=True)
class BoxRecord:
    """What a report needs to know of one box."""

    engine: str
    engine_version: str
    level: int
    limits_mode: str  # cgroup2 | cgroup1 | rlimit
    users_mode: str  # many | one
    kernel_release: str
    spec_digest: str
    preflight_digest: str
    opened_ns: int
    closed_ns: int | None = None
    end: str | None = None  # closed | watchdog | gone


class Process(Protocol):
    """A command left running in a box, with its standard output as a live stream."""

    def lines(self) -> Iterator[bytes]:
        """Standard output line by line as it comes, without the newline; ends when the stream closes."""
        ...

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        ...

    def kill(self) -> None:
        """End it and every descendant."""
        ...

    def wait(self, timeout_s: float | None = None) -> ExecResult:
        """Wait for the end; `TimeoutError` when it does not come in time."""
        ...


class Box(Protocol):
    """A sealed place to run untrusted code."""

    spec: BoxSpec
    name: str
    address: str | None  # IPv4 address of its first seat in a private network, else None

    def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        timeout_s: float | None = None,
    ) -> ExecResult:
        """Run one command to its end; on time-out every descendant is killed and `timed_out` is set.

        The default user is the box's root; `user` is a name or number of its passwd file, `:group` may follow.
        The default `cwd` is the spec's `workdir`, from which relative paths count. What cannot be started is a
        result, as from a shell: 127 for a program not found, 126 for all else, the reason on stderr.

        Raises `BoxGone` when the box is dead, `UserUnsupported` when it has no such user to switch to.
        """
        ...

    async def exec_async(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        timeout_s: float | None = None,
    ) -> ExecResult:
        """`exec` for a caller on an asyncio loop, any loop; cancelling it kills the command."""
        ...

    def spawn(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> Process:
        """Start one command and leave it running (services)."""
        ...

    def read(self, path: str, *, limit: int | None = None, follow: bool = False) -> bytes:
        """Bytes of a regular file; links are not followed unless asked, and then only inside the box.

        Raises `FileNotFoundError`, `IsADirectoryError`, `PermissionError`, `OSError(EINVAL)` for anything that
        is not a regular file, `ReadLimit` beyond `limit` (default: the spec's `read_bytes`).
        """
        ...

    async def read_async(self, path: str, *, limit: int | None = None, follow: bool = False) -> bytes:
        """`read` for a caller on an asyncio loop."""
        ...

    def write(self, path: str, content: bytes, *, mode: int = 0o644, user: str | None = None) -> None:
        """Write a regular file, making parent directories; a file that exists keeps its mode."""
        ...

    async def write_async(self, path: str, content: bytes, *, mode: int = 0o644, user: str | None = None) -> None:
        """`write` for a caller on an asyncio loop."""
        ...

    def place(self, at: str, files: Mapping[str, tuple[bytes, int]], *, read_only: bool = True) -> None:
        """Put a tree (relative POSIX path → bytes and mode) at `at`, owned by the box's root, time stamps zero.

        With `read_only` the tree becomes a read-only mount that not even the box's root can change.
        """
        ...

    def kill_all(self) -> None:
        """Kill every process of the payload; the box stays usable."""
        ...

    def record(self) -> BoxRecord:
        """Facts for the report."""
        ...

    def close(self) -> None:
        """End every process and free the storage; may be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Boxes(Protocol):
    """The only way to a box: each boundary is preflighted first, and again when its record is too old."""

    def open(self, spec: BoxSpec) -> Box:
        """A fresh box on a boundary just shown closed; raises `NotSealed` or `Unavailable`."""
        ...

    def open_range(self, spec: RangeSpec) -> Mapping[str, Box]:
        """Fresh boxes on a private network, by host name in the order of the spec."""
        ...

    def close(self) -> None:
        """Close everything this object opened."""
        ...
