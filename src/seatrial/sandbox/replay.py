"""Running an artefact again, each time in a fresh box without a network, and saying what happened.

Observations only: whether a crash counts, and for what, is the caller's question (`battery`, `clearinghouse`).

- Every repeat is a box of its own, from a `Boxes`, so on a boundary that the preflight has shown closed.
- The files of the case lie read-only at `at`; a wrong digest is a `SpecError` before anything runs.
- Report files are pulled after every process of the box is dead, as regular files, without following links, capped.
- No limit on address space is ever set: AddressSanitizer reserves terabytes of it.
"""

from __future__ import annotations

import hashlib
import platform
import posixpath
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.sandbox.crash import CrashReport, read_reports
from seatrial.sandbox.errors import BoxGone, ReadLimit, SpecError
from seatrial.sandbox.spec import MIB, BoxSpec

if TYPE_CHECKING:
    from seatrial.sandbox.box import Box, Boxes, BoxRecord

REPEATS = 3  # a proof that works once may be luck; battery and clearinghouse ask for agreement of three
MAX_REPEATS = 100
MAX_REPORT_FILES = 16  # a sanitizer writes one file for each process of the target
MAX_REPORT_BYTES = 4 * MIB
LIST_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class ReplayFile:
    """One file of the case: its path under `at`, its bytes, and (when known beforehand) their SHA-256."""

    path: str
    content: bytes
    mode: int = 0o644
    sha256: str = ""

    def __post_init__(self) -> None:
        clean = posixpath.normpath(self.path)
        if self.path.startswith("/") or clean != self.path or clean.startswith("..") or "\0" in self.path:
            raise SpecError("replay file", self.path, "a plain relative path below the case's folder")
        if self.sha256 and hashlib.sha256(self.content).hexdigest() != self.sha256:
            raise SpecError(f"sha256 of {self.path}", self.sha256, "the digest of the bytes that were given")


@dataclass(frozen=True)
class ReplaySpec:
    """What to run and what to bring back.

    A name in `reports` that ends in `*` stands for every file with that beginning: `/tmp/asan.*` for
    `ASAN_OPTIONS=log_path=/tmp/asan`, which adds the process id.
    """

    argv: tuple[str, ...]
    files: tuple[ReplayFile, ...] = ()
    stdin: bytes = b""
    env: tuple[tuple[str, str], ...] = ()
    reports: tuple[str, ...] = ()
    box: BoxSpec = field(default_factory=BoxSpec)
    at: str = "/replay"
    cwd: str = "/tmp"
    user: str | None = None
    repeats: int = REPEATS
    timeout_s: float = 20.0
    fixed_addresses: bool = False

    def __post_init__(self) -> None:
        if not self.argv:
            raise SpecError("argv", self.argv, "a program and its arguments")
        if not 1 <= self.repeats <= MAX_REPEATS:
            raise SpecError("repeats", self.repeats, f"1 to {MAX_REPEATS}")
        if not self.timeout_s > 0:
            raise SpecError("timeout_s", self.timeout_s, "seconds above zero")
        for name in self.reports:
            if not name.startswith("/") or "*" in name[:-1] or posixpath.normpath(name) != name:
                raise SpecError("reports", name, "absolute paths, with at most one * at the end")
        if len({item.path for item in self.files}) != len(self.files):
            raise SpecError("files", [item.path for item in self.files], "each path once")


@dataclass(frozen=True)
class Observation:
    """What one repeat left. `exit_code` or `signal` is set, or neither when the time ran out.

    A program can also exit with 128 + n by itself; that cannot be told from a signal by a shell's convention and is
    given as the signal it claims.
    """

    exit_code: int | None
    signal: str | None
    timed_out: bool
    stdout: bytes
    stderr: bytes
    truncated: bool
    reports: tuple[tuple[str, bytes], ...]  # path in the box and content, sorted by path
    missing: tuple[str, ...]  # files asked for that were absent, no regular files, or over the cap
    cpu_ns: int | None  # processor time of the command and the descendants it waited for; None when killed
    wall_ns: int
    record: BoxRecord

    def crashes(self) -> tuple[CrashReport, ...]:
        """The sanitizer reports in the pulled files, never those on standard error, which the target can forge."""
        return tuple(report for _, content in self.reports for report in read_reports([content]))


def replay(boxes: Boxes, spec: ReplaySpec) -> tuple[Observation, ...]:
    """Run the case `spec.repeats` times, each in a fresh box; raises what opening a box raises (`NotSealed`, …)."""
    return tuple(_once(boxes, spec) for _ in range(spec.repeats))


def _once(boxes: Boxes, spec: ReplaySpec) -> Observation:
    with boxes.open(spec.box) as box:
        try:
            return _observe(box, spec)
        except BoxGone:
            box.close()
            if box.record().end != "watchdog":
                raise
            return _ended_by_watchdog(box, spec)


def _observe(box: Box, spec: ReplaySpec) -> Observation:
    if spec.files:
        box.place(spec.at, {item.path: (item.content, item.mode) for item in spec.files})
    argv = (*_fixed(), *spec.argv) if spec.fixed_addresses else spec.argv
    done = box.exec(
        argv,
        stdin=spec.stdin,
        cwd=spec.cwd,
        env=dict(spec.env),
        user=spec.user,
        timeout_s=spec.timeout_s,
    )
    if spec.fixed_addresses and done.returncode in (126, 127) and b"setarch" in done.stderr[:200]:
        raise SpecError("fixed_addresses", True, "a root file system that has setarch (util-linux)")
    box.kill_all()
    reports, missing = _pull(box, spec)
    name = None if done.timed_out else _signal_name(done.returncode)
    return Observation(
        exit_code=None if done.timed_out or name else done.returncode,
        signal=name,
        timed_out=done.timed_out,
        stdout=done.stdout,
        stderr=done.stderr,
        truncated=done.truncated,
        reports=reports,
        missing=missing,
        cpu_ns=done.cpu_ns,
        wall_ns=done.duration_ns,
        record=box.record(),
    )


def _ended_by_watchdog(box: Box, spec: ReplaySpec) -> Observation:
    """What is left of a box that took more memory or time than it may have, where no control group stopped it."""
    return Observation(
        exit_code=None,
        signal="SIGKILL",
        timed_out=False,
        stdout=b"",
        stderr=b"",
        truncated=False,
        reports=(),
        missing=spec.reports,
        cpu_ns=None,
        wall_ns=0,
        record=box.record(),
    )


def _fixed() -> tuple[str, ...]:
    """The prefix that switches address randomisation off for a command."""
    return ("setarch", platform.machine(), "-R")


def _signal_name(returncode: int) -> str | None:
    try:
        return signal.Signals(returncode - 128).name if returncode > 128 else None
    except ValueError:
        return None


def _pull(box: Box, spec: ReplaySpec) -> tuple[tuple[tuple[str, bytes], ...], tuple[str, ...]]:
    found: dict[str, bytes] = {}
    missing: list[str] = []
    for wanted in spec.reports:
        names = _matching(box, wanted[:-1]) if wanted.endswith("*") else [wanted]
        if not names:
            missing.append(wanted)
        for name in names[:MAX_REPORT_FILES]:
            try:
                found[name] = box.read(name, limit=MAX_REPORT_BYTES)
            except (OSError, ReadLimit):
                missing.append(name)
    return tuple(sorted(found.items())), tuple(missing)


def _matching(box: Box, beginning: str) -> list[str]:
    """Paths in the box that begin so; the shell only lists names, and a false name is read like any other path."""
    listed = box.exec(
        ["/bin/sh", "-c", 'for name in "$1"*; do printf "%s\\0" "$name"; done', "sh", beginning],
        cwd="/",
        env={},
        timeout_s=LIST_TIMEOUT_S,
    )
    names = [raw.decode("utf-8", "surrogateescape") for raw in listed.stdout.split(b"\0") if raw]
    kept = [
        name
        for name in names
        if name.startswith(beginning) and not name.endswith("*") and "/" not in name[len(beginning) :]
    ]
    return sorted(kept)[:MAX_REPORT_FILES]
