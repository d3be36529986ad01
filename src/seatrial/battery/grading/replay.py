"""Replaying proofs of a fault: build, run in fresh boxes, read what the sanitizer wrote, say how often it agreed.

What counts, and what does not:

* A fault is a report in the file that the sanitizer's `log_path` made, whose name is drawn for each run, or (plain
  builds, and programs that abort by themselves) a fatal signal. Text that a program prints is never read, so an input
  that makes it echo a report forges nothing.
* Running out of memory or time is no fault. A shadow-map error is the infrastructure's: `ShadowError`, a void.
* Address randomisation is off, leaks are not looked for (that needs ptrace), address space is not limited.

Known limit: the *input* is the hostile part here. The program itself is ours or the operator's; one that reads its own
environment, learns `ASAN_OPTIONS` and writes a report into that file would be believed. The exit code, drawn for each
run as well, exposes it unless it reads that too; `exit_agrees` says whether it fitted.
"""

from __future__ import annotations

import posixpath
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from seatrial.battery.c.build import HOME, SOURCE, BuildFailed, Built, Recipe, build
from seatrial.battery.grading.case import INPUT, Case, CaseError, Proof
from seatrial.sandbox import BoxSpec, Limits, SandboxError
from seatrial.sandbox.replay import REPEATS, Observation, ReplayFile, ReplaySpec, replay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.battery.instance import FileTree
    from seatrial.sandbox import Boxes
    from seatrial.sandbox.crash import CrashReport
    from seatrial.sandbox.frames import Frame

GIB = 1024**3
# A foreign project may need more than a toy: two cores as on a small machine, room for its tree twice.
FOREIGN_BOX = BoxSpec(limits=Limits(cpus=2.0, memory_bytes=4 * GIB, disk_bytes=2 * GIB))
AGREEING = 2  # of three: one run in three is luck, and called flaky
FATAL = frozenset({"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"})
# Reports that say that a resource ran out, or that memory was not given back: no fault of memory safety.
RESOURCE = frozenset({"out-of-memory", "rss-limit-exceeded", "allocation-size-too-big", "memory-leak"})
SHADOW = (b"Shadow memory range interleaves", b"ReserveShadowMemoryRange failed")
UNPACK_S, UNPACK_BYTES_PER_S = 1.0, 20e6  # a tree is unpacked before its program starts; slow even for a loaded machine
_OPTIONS = "exitcode={code}:log_path={path}:halt_on_error=1:print_stacktrace=1:symbolize={symbols}:color=never"
_ADDRESS = ":detect_leaks=0:abort_on_error=0:allocator_may_return_null=1:detect_stack_use_after_return=0"
# Unpack, say so in a file of drawn name, and become the program; a command that is not there is said in another file.
_ENTER = (
    'mkdir -p "$1" && tar -xf "$2" -C "$1" && cd "$1" && : > "$3.ready" || exit 1; '
    'note=$3; shift 3; command -v -- "$1" > /dev/null || : > "$note.absent"; exec "$@"'
)

Cleanness = Literal["yes", "no", "not checked"]


class ShadowError(SandboxError):
    """The sanitizer could not map its shadow: says nothing of the program or the input."""


@dataclass(frozen=True)
class Place:
    """A frame whose source, or else module, lies in the case's tree."""

    file: str
    line: int | None
    function: str
    offset: int | None = None  # in its module, where the report names no function


@dataclass(frozen=True)
class Run:
    """One replay: its fault (the sanitizer's word or a signal's name, empty for none) and the frames of our own."""

    fault: str
    tool: str
    frames: tuple[Place, ...]
    allocation: tuple[Place, ...]
    free: tuple[Place, ...]
    timed_out: bool
    exit_code: int | None
    exit_agrees: bool
    stdout: bytes

    @property
    def sanitizer(self) -> bool:
        """Whether a sanitizer reported it."""
        return bool(self.fault) and self.tool != "signal"

    def sites(self) -> tuple[Place, ...]:
        """First own frame of the fault, of the allocation and of the free."""
        return tuple(stack[0] for stack in (self.frames, self.allocation, self.free) if stack)


@dataclass(frozen=True)
class Execution:
    """How an input is run."""

    command: tuple[str, ...]  # `{input}` stands for the path of the input
    stdin: bool = False
    timeout_s: float = 10.0
    signals: bool = True  # a fatal signal is a fault
    name: str = "input"


def observe(
    boxes: Boxes,
    built: Built,
    how: Execution,
    content: bytes,
    *,
    repeats: int = REPEATS,
    box: BoxSpec | None = None,
    symbols: bool = True,
) -> tuple[Run, ...]:
    """Run one input `repeats` times, each in a fresh box. Raises `CaseError` when the command is not there.

    Without `symbols` a report names no function but costs a tenth: its places then have offsets.
    """
    return tuple(_once(boxes, built, how, content, box or BoxSpec(), symbols) for _ in range(repeats))


def _once(boxes: Boxes, built: Built, how: Execution, content: bytes, box: BoxSpec, symbols: bool) -> Run:  # noqa: FBT001
    note, log = f"/tmp/{secrets.token_hex(12)}", f"/tmp/{secrets.token_hex(12)}"
    code = 64 + secrets.randbelow(60)
    options = _OPTIONS.format(code=code, path=log, symbols=int(symbols))
    name = re.sub(r"[^A-Za-z0-9._-]", "_", posixpath.basename(how.name)).lstrip(".-") or "input"
    at = HOME if built.name else f"{HOME}/given"  # read-only; a whole tree is unpacked beside it
    command = tuple(word.replace(INPUT, f"{at}/in/{name}") for word in how.command)
    program = f"source/{built.name}" if built.name else "built.tar"
    enter = () if built.name else ("sh", "-c", _ENTER, "sh", SOURCE, f"{at}/built.tar", note)
    spec = ReplaySpec(
        argv=(*enter, *command),
        files=(ReplayFile(program, built.content, 0o755), ReplayFile(f"in/{name}", content)),
        stdin=content if how.stdin else b"",
        env=(
            *(("LC_ALL", "C"), ("TZ", "UTC"), ("HOME", "/tmp"), ("PATH", "/usr/bin:/bin")),
            ("ASAN_OPTIONS", options + _ADDRESS),
            *((f"{tool}_OPTIONS", options) for tool in ("UBSAN", "MSAN", "TSAN")),
        ),
        reports=(f"{log}.*",) if built.name else (f"{note}.ready", f"{note}.absent", f"{log}.*"),
        box=box,
        at=at,
        cwd=SOURCE if built.name else "/tmp",
        repeats=1,
        timeout_s=how.timeout_s + (0.0 if built.name else UNPACK_S + len(built.content) / UNPACK_BYTES_PER_S),
        fixed_addresses=True,
    )
    (seen,) = replay(boxes, spec)
    files = dict(seen.reports)
    if not built.name and f"{note}.ready" not in files:
        raise ShadowError(f"the built tree could not be unpacked for a replay: {seen.stderr[-200:]!r}")
    if f"{note}.absent" in files:
        raise CaseError(f"run.command: {command[0]!r} is not in the built tree or on the box's PATH; mend the command")
    logs = [content for path, content in seen.reports if path.startswith(f"{log}.")]
    if any(mark in content for content in logs for mark in SHADOW):
        raise ShadowError("the sanitizer could not map its shadow memory")
    return _read(seen, code, how, tuple(report for report in seen.crashes() if report.fault not in RESOURCE))


def _read(seen: Observation, code: int, how: Execution, reports: tuple[CrashReport, ...]) -> Run:
    """What one observation amounts to. An undefined-behaviour remark gives way to a memory report of the same run."""
    first = next((item for item in reports if item.tool != "UndefinedBehaviorSanitizer"), None)
    report = first or (reports[0] if reports else None)
    signalled = seen.signal if how.signals and seen.signal in FATAL else None
    return Run(
        fault=report.fault if report else signalled or "",
        tool=report.tool if report else "signal" if signalled else "",
        frames=own_places(report.frames) if report else (),
        allocation=own_places(report.allocation) if report else (),
        free=own_places(report.free) if report else (),
        timed_out=seen.timed_out,
        exit_code=seen.exit_code,
        exit_agrees=seen.exit_code == code,
        stdout=seen.stdout,
    )


def own_places(frames: Sequence[Frame]) -> tuple[Place, ...]:
    """Frames whose source, or else module, lies in the case's tree; a runtime's own are somewhere else."""
    out = []
    for frame in frames:
        path = posixpath.normpath(frame.file or frame.module or "/").removeprefix(f"{SOURCE}/")
        if not path.startswith(("/", "..")):
            out.append(Place(path, frame.line, frame.function, frame.offset))
    return tuple(out)


@dataclass(frozen=True)
class ProofReplay:
    """What replaying one proof showed."""

    proof: str
    runs: int
    reproduced: int
    state: Literal["reproduced", "flaky", "not reproduced"]
    fault: str
    frames: tuple[Place, ...]
    as_stated: bool | None  # class and function as the case says; None when it says nothing or nothing was seen
    twin_clean: Cleanness
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaseReplay:
    """All proofs of a case."""

    case: str
    proofs: tuple[ProofReplay, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data, in the order of the case."""
        return {
            "case": self.case,
            "proofs": [
                {
                    "proof": item.proof,
                    "reproduced": f"{item.reproduced} of {item.runs}",
                    "state": item.state,
                    "class": item.fault,
                    "frames": [f"{place.file}:{place.line or '?'} {place.function}" for place in item.frames],
                    "as_stated": item.as_stated,
                    "twin_clean": item.twin_clean,
                    "notes": list(item.notes),
                }
                for item in self.proofs
            ],
        }


def grade_replay(case: Case, boxes: Boxes, *, box: BoxSpec = FOREIGN_BOX) -> CaseReplay:
    """Replay every proof of a case. Raises `CaseError` for a case that cannot be built or run."""
    if not case.proofs:
        raise CaseError(f"case {case.id}: no proof to replay; add a [[proof]] with its path")
    programs = Programs(case, boxes, box)
    return CaseReplay(case.id, tuple(_proof(programs, proof) for proof in case.proofs))


class Programs:
    """The builds of a case, each made when it is first needed."""

    def __init__(self, case: Case, boxes: Boxes, box: BoxSpec) -> None:
        self.case, self.boxes, self.box = case, boxes, box
        self.sanitized = case.build.sanitizer_env is not None and "sanitizer" in case.run.faults

    def base(self, *, sanitized: bool) -> Built:
        """The program as it stands."""
        return self.of(self.case.source, "source", sanitized=sanitized)

    def twin(self, *, sanitized: bool) -> Built | None:
        """The fixed program, from its own tree or from the same source under its environment."""
        if self.case.twin is not None:
            return self.of(self.case.twin, "twin", sanitized=sanitized)
        if self.case.build.twin_env is not None:
            return self.of(self.case.source, "twin", sanitized=sanitized, extra=self.case.build.twin_env)
        return None

    def of(self, tree: FileTree, what: str, *, sanitized: bool, extra: Mapping[str, str] | None = None) -> Built:
        """Any tree under the plan of the case."""
        plan = self.case.build
        env = {**((plan.sanitizer_env or {}) if sanitized else plan.plain_env), **(extra or {})}
        recipe = Recipe(plan.commands, tuple(sorted(env.items())), plan.timeout_s, plan.keep)
        try:
            return build(self.boxes, tree, recipe, box=self.box)
        except BuildFailed as error:
            if error.missing_tool:
                missing = f"{error.command[0]!r} is not in the box; install it or use another build command"
                raise CaseError(f"case {self.case.id}: build of {what}: {missing}") from None
            raise CaseError(f"case {self.case.id}: build of {what}: {error}") from None


def _proof(programs: Programs, proof: Proof) -> ProofReplay:
    case = programs.case
    how = Execution(
        command=proof.command or case.run.command,
        stdin=case.run.stdin,
        timeout_s=case.run.timeout_s,
        signals="signal" in case.run.faults,
        name=proof.name,
    )
    sanitized, notes = programs.sanitized, []
    runs = observe(programs.boxes, programs.base(sanitized=sanitized), how, proof.content, box=programs.box)
    if sanitized and how.signals and not any(run.fault for run in runs):
        plain = observe(programs.boxes, programs.base(sanitized=False), how, proof.content, box=programs.box)
        if any(run.fault for run in plain):
            runs, sanitized = plain, False
            notes.append("the sanitizer build reports nothing; the plain build ends by a signal")
    agreed = _agreed(runs)
    if any(run.timed_out for run in runs):
        notes.append(f"{sum(run.timed_out for run in runs)} of {len(runs)} runs took longer than {how.timeout_s:g} s")
    if any(run.sanitizer and not run.exit_agrees for run in runs):
        notes.append("the program did not end with the sanitizer's exit code: it went on, or a script runs it")
    clean: Cleanness = "not checked"
    twin = programs.twin(sanitized=sanitized) if agreed else None
    if twin:
        after = observe(programs.boxes, twin, how, proof.content, box=programs.box)
        clean = "no" if any(run.fault or run.timed_out for run in after) else "yes"
        notes += [f"the twin: {run.fault or 'ran out of time'}" for run in after if run.fault or run.timed_out][:1]
    count = len(agreed)
    return ProofReplay(
        proof=proof.name,
        runs=len(runs),
        reproduced=count,
        state="reproduced" if count >= AGREEING else "flaky" if count else "not reproduced",
        fault=agreed[0].fault if agreed else "",
        frames=agreed[0].frames if agreed else (),
        as_stated=_as_stated(proof, agreed[0]) if agreed else None,
        twin_clean=clean,
        notes=tuple(notes),
    )


def _agreed(runs: Sequence[Run]) -> list[Run]:
    """The runs that share the most common fault: class and innermost own function."""
    keys = [(run.fault, run.frames[0].function if run.frames else "") for run in runs]
    counted = Counter(key for key in keys if key[0])
    if not counted:
        return []
    best = counted.most_common(1)[0][0]
    return [run for run, key in zip(runs, keys, strict=True) if key == best]


def _as_stated(proof: Proof, run: Run) -> bool | None:
    """Whether the fault is what the case says; a plain signal says nothing of class and function."""
    if not run.sanitizer or not (proof.fault_class or proof.function):
        return None
    named = {place.function.split("(", 1)[0] for place in run.sites()}
    return proof.fault_class in {"", run.fault} and (not proof.function or proof.function in named)


__all__ = [
    "FATAL",
    "HOME",
    "RESOURCE",
    "SHADOW",
    "CaseReplay",
    "Execution",
    "Place",
    "Programs",
    "ProofReplay",
    "Run",
    "ShadowError",
    "grade_replay",
    "observe",
    "own_places",
]
