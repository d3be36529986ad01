"""Many inputs through one program in one box: what each run answered, and what a sanitizer reported.

A small runner (`batch.c`) sits in the box; the program runs as another user where the box has one, gets one input at a
time, and cannot see the next. Every run has the same user, folder, environment and path of its input, whether it is a
proof or a test, and no expected answer ever enters the box: a program cannot tell what it is judged by.

* Output counts up to `OUTPUT_BYTES`; a run that takes longer than its time-out is killed with its descendants.
* Sanitizers write into a folder that the program cannot list, under a name drawn for each batch, and end the program
  with an exit code drawn for each run: that code without a report is a report that was suppressed.
* Address randomisation is off, leaks are not looked for.
"""

from __future__ import annotations

import posixpath
import re
import secrets
import struct
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

from seatrial.battery.c.build import HOME, SOURCE, Recipe, build
from seatrial.battery.grading.case import INPUT, CaseError
from seatrial.battery.grading.replay import SHADOW, ShadowError
from seatrial.battery.instance import FileTree
from seatrial.sandbox import SandboxError, UserUnsupported

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seatrial.battery.c.build import Built
    from seatrial.battery.grading.replay import Execution
    from seatrial.sandbox import Box, Boxes, BoxSpec

USER = 1000  # the ordinary user of a box
OUTPUT_BYTES = 1024 * 1024  # of one run; a toy prints a line, a foreign test case rarely more
REPORT_BYTES = 32 * 1024  # of one run: the stacks of a report and its shadow bytes are some 6 KiB
CHUNK_RUNS, CHUNK_BYTES = 2048, 8 * 1024 * 1024  # of one call: what the box and the host hold in memory
SLACK_S = 30.0  # over the sum of the time-outs that are likely to be used up
SLOW_RUNS = 8  # runs of a chunk that may use their whole time before the chunk is given up
LOW, HIGH = 64, 124  # drawn exit codes: programs use the small ones, shells those from 126
REPORTS = f"{HOME}/reports"
_PLACE = f"{HOME}/in"
_RECIPE = Recipe(
    (("sh", "-c", "for cc in gcc cc clang; do command -v $cc && exec $cc -O2 -o batch batch.c; done; exit 127"),),
    timeout_s=120.0,
    keep="batch",
)
_LATE, _SIGNALLED, _UNSTARTED = 1, 2, 4
_HEAD = struct.Struct("<II32sI")
_COMMON = "exitcode=@@@:print_stacktrace=1:color=never:log_path={log}:symbolize={symbols}"
_ADDRESS = (
    ":halt_on_error=1:detect_leaks=0:abort_on_error=0:allocator_may_return_null=1:handle_segv=2:handle_sigbus=2"
    ":handle_sigill=1:handle_sigfpe=1:detect_stack_use_after_return=@@?"
)


class Broken(SandboxError):
    """A program stopped the runner: says nothing of its answers, and is no way for a sound program to behave."""


@dataclass(frozen=True)
class Answer:
    """What one run answered. Two answers are equal when the program did the same."""

    code: int  # 128 + signal when it was killed
    stdout_sha256: str
    timed_out: bool = False
    signalled: bool = False
    suppressed: bool = field(default=False, compare=False)  # the sanitizer's drawn exit code, and no report
    reports: bytes = field(default=b"", compare=False)


@dataclass(frozen=True)
class Way:
    """How a batch is run besides what the case says."""

    symbols: bool = False  # places in reports have names and lines; a report costs ten times as much
    own_stack: frozenset[int] = frozenset()  # runs whose locals live where no trick with the stack unwatches them


def environment(log: str, way: Way) -> dict[str, str]:
    """What every run of a program under judgement finds in its environment, with or without a sanitizer in it."""
    common = _COMMON.format(log=log, symbols=int(way.symbols))
    found = {"LC_ALL": "C", "TZ": "UTC", "HOME": "/tmp", "PATH": "/usr/bin:/bin"}
    found["ASAN_OPTIONS"] = common + _ADDRESS
    return found | {f"{tool}_OPTIONS": f"{common}:halt_on_error=0" for tool in ("UBSAN", "MSAN", "TSAN")}


def answers(
    boxes: Boxes, built: Built, how: Execution, inputs: Sequence[bytes], *, box: BoxSpec, way: Way | None = None
) -> tuple[Answer, ...]:
    """The answer to each input, in order; all in one fresh box.

    Raises `Broken` when the program broke the runner, `CaseError` when the command is not there.
    """
    if not inputs:
        return ()
    way = way or Way()
    runner = build(boxes, FileTree.of({"batch.c": _source()}), _RECIPE)
    found: list[Answer] = []
    with boxes.open(box) as opened:
        settle(opened, built)
        opened.place(f"{HOME}/in", {"batch": (runner.content, 0o700)}, read_only=False)
        for chunk in _chunks(inputs):
            start = len(found)
            codes = [LOW + secrets.randbelow(HIGH - LOW) for _ in chunk]
            marks = [code + 1000 * (start + at in way.own_stack) for at, code in enumerate(codes)]
            log = f"{REPORTS}/{secrets.token_hex(12)}"
            done = opened.exec(
                [f"{_PLACE}/batch"],
                stdin=_request(how, chunk, marks, environment(log, way)),
                cwd=SOURCE,
                env={"PATH": "/usr/bin:/bin"},
                timeout_s=SLACK_S + SLOW_RUNS * how.timeout_s,
            )
            read = _read(done.stdout, codes, how)
            if len(read) < len(chunk) and not done.timed_out:
                raise Broken(f"the runner stopped after {len(read)} of {len(chunk)} inputs: {done.stderr[-200:]!r}")
            found += read + [Answer(-1, "", timed_out=True)] * (len(chunk) - len(read))
            opened.kill_all()
    return tuple(found)


def settle(box: Box, built: Built, beside: Mapping[str, Mapping[str, tuple[bytes, int]]] | None = None) -> None:
    """Put a build, and trees by place, into a box; but for a single program, all is the ordinary user's."""
    built.unpack(box)
    for place, files_ in (beside or {}).items():
        box.place(place, files_, read_only=False)
    if not built.name or beside:
        box.exec(["chown", "-R", f"{USER}:{USER}", SOURCE, *(beside or {})], cwd="/")


def as_user(box: Box, command: Sequence[str], log: str, *, timeout_s: float) -> tuple[int, bytes, bytes, bool, bytes]:
    """One command as the program's user in the program's environment: code, output, errors, whether late, reports."""
    env = {name: value.replace("@@@", "099").replace("@@?", "no") for name, value in environment(log, Way()).items()}
    box.exec(["mkdir", "-m", "1733", REPORTS], cwd="/")
    try:
        done = box.exec(command, cwd=SOURCE, env=env, user=str(USER), timeout_s=timeout_s)
    except UserUnsupported:
        done = box.exec(command, cwd=SOURCE, env=env, timeout_s=timeout_s)
    box.kill_all()
    listed = box.exec(["sh", "-c", f"head -c {REPORT_BYTES} {log}.* 2> /dev/null; exit 0"], cwd="/")
    return done.returncode, done.stdout, done.stderr, done.timed_out, listed.stdout


def _source() -> bytes:
    return files(__package__).joinpath("batch.c").read_bytes()


def _chunks(inputs: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start, size = 0, 0
    for at, item in enumerate(inputs):
        if at > start and (at - start >= CHUNK_RUNS or size + len(item) > CHUNK_BYTES):
            yield inputs[start:at]
            start, size = at, 0
        size += len(item)
    yield inputs[start:]


def _text(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


def _texts(items: Sequence[str]) -> bytes:
    return struct.pack("<I", len(items)) + b"".join(_text(item.encode()) for item in items)


def _request(how: Execution, inputs: Sequence[bytes], marks: Sequence[int], env: dict[str, str]) -> bytes:
    suffix = re.sub(r"[^A-Za-z0-9.]", "", posixpath.splitext(how.name)[1])[:16]
    path = f"{_PLACE}/input{suffix}"
    limit = max(1, min(round(how.timeout_s * 1000), 2**31 - 1))
    parts = [struct.pack("<IIIII", int(how.stdin), limit, OUTPUT_BYTES, REPORT_BYTES, USER)]
    parts += [_text(path.encode()), _text(REPORTS.encode())]
    parts += [_texts([word.replace(INPUT, path) for word in how.command])]
    parts += [_texts([f"{name}={value}" for name, value in env.items()]), struct.pack("<I", len(inputs))]
    for mark, content in zip(marks, inputs, strict=True):
        parts += [struct.pack("<I", mark), _text(content)]
    return b"".join(parts)


def _read(stdout: bytes, codes: Sequence[int], how: Execution) -> list[Answer]:
    """The runner's answers, as many as are whole."""
    found: list[Answer] = []
    at = 0
    for drawn in codes:
        if at + _HEAD.size > len(stdout):
            break
        code, said, digest, size = _HEAD.unpack_from(stdout, at)
        at += _HEAD.size
        if at + size > len(stdout):
            break
        reports = stdout[at : at + size]
        at += size
        if said & _UNSTARTED:
            raise CaseError(f"run.command: {how.command[0]!r} is not in the built tree or on the box's PATH; mend it")
        if any(mark in reports for mark in SHADOW):
            raise ShadowError("the sanitizer could not map its shadow memory")
        late, signalled = bool(said & _LATE), bool(said & _SIGNALLED)
        suppressed = code == drawn and not signalled and not late and not reports.strip()
        found.append(Answer(code, digest.hex(), late, signalled, suppressed, reports))
    return found
