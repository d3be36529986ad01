"""The fuzzing participant: builds the delivered C program with feedback, fuzzes it from the delivered sample.

It knows nothing of a format or a generator. The house's own engine (`fuzz.c`, gcc only) is always there; where the box
has libFuzzer (clang) or AFL++ as well, the budget is shared equally among all of them. The first input that makes the
program as delivered die of a sanitizer report is handed in. A budget is processor seconds; compiling is not charged.

The libFuzzer and AFL++ roads need programs that this project does not install, so its own tests skip them.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from seatrial.battery.participants.contract import CHALLENGE, Absent, Brief, Guesses, Kind, Result, missing

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.instance import FileTree
    from seatrial.sandbox import Box, ExecResult

WORK = "/tmp/fuzz"
POC = "poc"  # a task that takes an input for a program takes it under this name
ERROR_EXIT = 77  # as in fuzz.c: the sanitizer's exit code in the engine and in its check
BUILD_S = 120.0
WALL = 20.0  # seconds of wall time allowed for one of processor time: boxes share their cores
OPTIONS = (
    f"detect_leaks=0:exitcode={ERROR_EXIT}:abort_on_error=0:symbolize=0:allocator_may_return_null=1"
    ":quarantine_size_mb=8:log_path=/dev/null"
)
_RENAMED = ("-Dmain=fuzz_target_main", "-Dexit=fuzz_target_exit")
_TEXT = {".md", ".txt", ".mk", ".json", ".toml", ".cfg"}
_HARNESS = """\
#define _GNU_SOURCE
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int fuzz_target_main(int, char **);
static jmp_buf leave;
void fuzz_target_exit(int code) { (void)code; longjmp(leave, 1); }
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("input", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    if (pwrite(file, data, size, 0) != (ssize_t)size || ftruncate(file, (off_t)size) != 0)
        return 0;
    char name[] = "target";
    char *argv[] = {name, path, NULL};
    if (setjmp(leave) == 0)
        fuzz_target_main(2, argv);
    return 0;
}
"""


@dataclass(frozen=True)
class Target:
    """The delivered program as a fuzzer sees it: paths in the box."""

    sources: tuple[str, ...]
    includes: tuple[str, ...]
    samples: tuple[str, ...]

    @classmethod
    def of(cls, tree: FileTree) -> Target | None:
        """C sources, folders of headers, and whatever is neither source nor text; None without a C source."""
        paths = [PurePosixPath(path) for path, _, _ in tree]
        sources = tuple(f"{CHALLENGE}/{path}" for path in paths if path.suffix == ".c")
        folders = dict.fromkeys(f"-I{CHALLENGE}/{path.parent}" for path in paths if path.suffix == ".h")
        samples = tuple(f"{CHALLENGE}/{path}" for path in paths if _may_be_input(path))
        return cls(sources, tuple(folders), samples) if sources else None


def _may_be_input(path: PurePosixPath) -> bool:
    return path.suffix not in {".c", ".h", *_TEXT} and path.name.upper() not in {"MAKEFILE", "README", "LICENSE"}


Engine = Callable[["Box", Target, float, int], str]


@dataclass(frozen=True)
class Fuzzer:
    """All engines of the box, one after the other."""

    name: str = "fuzzer"
    version: str = "1"
    kind: Kind = "tool"
    needs: tuple[str, ...] = ("gcc",)
    budget_s: float = 20.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Result:
        """Fuzz for `budget_s` processor seconds; hand in the first input that faults."""
        target = Target.of(brief.files)
        if POC not in brief.intake.files or target is None:
            return Absent(("a task that takes an input for a C program",))
        lacking = missing(box, self.needs)
        if lacking:
            return Absent(lacking)
        if not _prepare(box, target):
            return Guesses(note="the delivered program does not build with gcc and AddressSanitizer")
        engines = _engines(box)
        notes = []
        for name, engine in engines.items():
            said = engine(box, target, budget_s / len(engines), int.from_bytes(draw.bytes(8), "big"))
            notes.append(f"{name}: {said}")
            found = _found(box, brief.intake.files[POC])
            if found is not None:
                return Guesses(({POC: found},), "; ".join(notes))
        return Guesses(note="; ".join(notes))


def _prepare(box: Box, target: Target) -> bool:
    """The program as delivered, with the sanitizer: what every finding is checked against."""
    box.exec(["sh", "-c", f"rm -rf {WORK} && mkdir -p {WORK}/in"], cwd="/")
    return _compile(box, ["gcc", "-O1", "-g", "-w", "-fsanitize=address", *target.includes, *target.sources], "check")


def _compile(box: Box, command: list[str], out: str) -> bool:
    done = box.exec([*command, "-o", f"{WORK}/{out}"], cwd=WORK, timeout_s=BUILD_S)
    return done.returncode == 0 and not done.timed_out


def _found(box: Box, cap: int) -> bytes | None:
    """An input that an engine left, if it fits and the program as delivered faults on it."""
    for path in ("found", "crash"):
        try:
            content = box.read(f"{WORK}/{path}", limit=cap)
        except (OSError, ValueError):
            continue
        done = box.exec([f"{WORK}/check", f"{WORK}/{path}"], cwd=WORK, env={"ASAN_OPTIONS": OPTIONS}, timeout_s=10.0)
        if done.returncode == ERROR_EXIT:
            return content
    return None


def _engines(box: Box) -> dict[str, Engine]:
    found: dict[str, Engine] = {"built-in": _built_in}
    if not missing(box, ("clang",)):
        found["libFuzzer"] = _libfuzzer
    if not missing(box, ("afl-fuzz", "afl-cc")):
        found["AFL++"] = _aflpp
    return found


def _built_in(box: Box, target: Target, budget_s: float, seed: int) -> str:
    """Our own engine, linked to the program."""
    source = files(__package__).joinpath("fuzz.c").read_bytes()
    box.write(f"{WORK}/fuzz.c", source)
    flags = ["-O1", "-g", "-w", "-fsanitize=address"]
    feedback = ["-fsanitize-coverage=trace-pc,trace-cmp", *_RENAMED]
    objects = " ".join(f"{number}.o" for number in range(len(target.sources)))
    lines = [
        shlex.join(["gcc", *flags, *feedback, *target.includes, "-c", path, "-o", f"{number}.o"])
        for number, path in enumerate(target.sources)
    ]
    lines.append("gcc -O2 -w -fno-tree-loop-distribute-patterns -c fuzz.c -o fuzz.o")
    lines.append(f"gcc -fsanitize=address {objects} fuzz.o -o fuzz")
    built = box.exec(["sh", "-c", " && ".join(lines)], cwd=WORK, timeout_s=BUILD_S)
    if built.returncode or built.timed_out:
        return "does not build with feedback"
    command = [f"{WORK}/fuzz", f"{budget_s:g}", str(seed), f"{WORK}/check", f"{WORK}/found", *target.samples]
    done = box.exec(command, cwd=WORK, env={"ASAN_OPTIONS": OPTIONS}, timeout_s=WALL * budget_s + 60.0)
    return _last_line(done)


def _libfuzzer(box: Box, target: Target, budget_s: float, seed: int) -> str:
    """LibFuzzer with value profile."""
    box.write(f"{WORK}/harness.c", _HARNESS.encode())
    command = ["clang", "-O1", "-g", "-w", "-fsanitize=fuzzer,address", *target.includes]
    if not _compile(box, [*command, *_RENAMED, *target.sources, f"{WORK}/harness.c"], "libfuzzer"):
        return "does not build with clang"
    _copy_samples(box, target)
    run = ["./libfuzzer", "-use_value_profile=1", f"-seed={seed % 2**31 + 1}", "-artifact_prefix=crash-"]
    limits = [f"-max_total_time={max(1, round(budget_s))}", "-close_fd_mask=3", "-detect_leaks=0", "-max_len=4096"]
    done = box.exec([*run, *limits, "in"], cwd=WORK, env={"ASAN_OPTIONS": "detect_leaks=0"}, timeout_s=WALL * budget_s)
    box.exec(["sh", "-c", 'for name in crash-*; do cp "$name" crash; break; done'], cwd=WORK)
    return f"ended with {done.returncode}"


def _aflpp(box: Box, target: Target, budget_s: float, seed: int) -> str:
    """AFL++ on a file, with the sanitizer."""
    if not _compile(box, ["afl-cc", "-O1", "-g", "-w", "-fsanitize=address", *target.includes, *target.sources], "afl"):
        return "does not build with afl-cc"
    _copy_samples(box, target)
    env = dict.fromkeys(("AFL_NO_UI", "AFL_SKIP_CPUFREQ", "AFL_NO_AFFINITY", "AFL_BENCH_UNTIL_CRASH"), "1")
    env["AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES"] = "1"
    seconds = str(max(1, round(budget_s)))
    run = ["afl-fuzz", "-s", str(seed % 2**31), "-V", seconds, "-i", "in", "-o", "out", "-m", "none"]
    done = box.exec([*run, "--", "./afl", "@@"], cwd=WORK, env=env, timeout_s=WALL * budget_s)
    box.exec(["sh", "-c", 'for name in out/default/crashes/id*; do cp "$name" crash; break; done'], cwd=WORK)
    return f"ended with {done.returncode}"


def _copy_samples(box: Box, target: Target) -> None:
    if target.samples:
        box.exec(["cp", "--", *target.samples, "in/"], cwd=WORK)
    else:
        box.write(f"{WORK}/in/empty", b"\0")


def _last_line(done: ExecResult) -> str:
    if done.timed_out:
        return "ran out of wall time"
    lines = done.stdout.decode("utf-8", "replace").split("\n")
    said = next((line for line in reversed(lines) if line.strip()), "said nothing")
    return said[:200]


PARTICIPANTS = (Fuzzer(),)
