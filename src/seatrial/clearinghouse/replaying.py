"""A finding's case in sealed boxes: build it, run a proof on the build, and read what the run left.

- Every build and every run has a fresh box without a network, on a boundary that a probe has just shown closed.
- A build leaves as one archive that the host never opens; it is unpacked again in the box that runs it.
- A sanitizer's report is believed only from the file that its own `log_path` made, under a name drawn for the run, with
  an exit code drawn for the run or a signal: a target that prints its input can print a perfect false report.
- Panics and uncaught exceptions of other languages have no such file. They are read from standard error when the
  program ended badly, and marked `stated_by_target`.
- Leaks are looked for only where a leak is claimed: that needs ptrace in the box, and its absence is no leak.
"""

from __future__ import annotations

import posixpath
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from seatrial.clearinghouse.crash import CrashReport, parse
from seatrial.clearinghouse.finding import Expect
from seatrial.sandbox import BoxSpec, Limits, ReadLimit, Rootfs
from seatrial.sandbox.replay import ReplayFile, ReplaySpec, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatrial.clearinghouse.finding import Recipe
    from seatrial.sandbox import Box, Boxes
    from seatrial.sandbox.replay import Observation

MIB = 1024**2
GIVEN = "/given"
CASE = "/tmp/case"
ARCHIVE = "/tmp/built.tar"
POV = "{pov}"
BUILD_S = 900.0  # a foreign project with its sanitizer; a toy takes seconds
TEST_S = 900.0
SETTLE_S, UNPACK_BYTES_PER_S = 1.0, 20e6  # a build is unpacked before its program starts; slow even on a loaded machine
BUILT_BYTES = 256 * MIB
LOG_TAIL = 2000  # characters of a failed build that are kept: the compiler's last words
FATAL = frozenset({"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"})
STATED = frozenset({"go", "rust", "java", "python", "js", "libfuzzer", "native"})
"""Tools whose reports come on standard error and nowhere else."""
NO_CRASH = (b"unexpected memory mapping", b"Shadow memory range interleaves", b"ReserveShadowMemoryRange failed")
LEAK_TOOL = b"LeakSanitizer has encountered a fatal error"
STEADY = {"LC_ALL": "C", "TZ": "UTC", "SOURCE_DATE_EPOCH": "0", "HOME": "/tmp", "PATH": "/usr/local/bin:/usr/bin:/bin"}
_COMMON = "exitcode={code}:log_path={log}:halt_on_error=1:print_stacktrace=1:symbolize={symbols}:color=never"
_ADDRESS = ":allocator_may_return_null=1:handle_abort=1:detect_leaks={leaks}"
_ENTER = 'mkdir -p "$1" && tar -xf "$2" -C "$1" && cd "$1" || exit 120; shift 2; exec "$@"'
_FILL = (
    'set -e; mkdir -p "$2"; cd "$2"; [ ! -d "$1/tree" ] || cp -R "$1/tree/." .; '
    'for one in "$1"/archive/*; do [ ! -e "$one" ] || tar -xf "$one" --no-same-owner; done; '
    '[ -z "$3" ] || git checkout -q --detach "$3"; '
    'for one in "$1"/patch/*; do [ ! -e "$one" ] || git apply -p1 --recount --unidiff-zero "$one"; done'
)


class CannotRun(ValueError):
    """A case that no box can run as it is: a person has to look. The message says at what."""


class BuildFailed(ValueError):
    """The source, the patch or the build did not work. `step` is `source` or `build`; the message ends the log."""

    def __init__(self, step: str, said: bytes, *, timed_out: bool = False) -> None:
        self.step = step
        text = said.decode("utf-8", "replace").strip()[-LOG_TAIL:] or "it said nothing"
        super().__init__(f"{step} {'ran out of time' if timed_out else 'failed'}: {text}")


class Images(Protocol):
    """Where the root file systems lie that recipes name."""

    def rootfs(self, image: str) -> Rootfs:
        """The root file system of an image. Raises `CannotRun` for one that is not here."""
        ...


@dataclass(frozen=True)
class TreeImages:
    """`host` is this machine's own `/usr`, read-only; `sha256:<hex>` an unpacked tree in `folder`."""

    folder: str = ""

    def rootfs(self, image: str) -> Rootfs:
        """The root file system of an image."""
        if image == "host":
            return Rootfs()
        digest = image.rpartition("@")[2].removeprefix("sha256:")
        if self.folder and len(digest) == 64 and all(sign in "0123456789abcdef" for sign in digest):
            from pathlib import Path  # noqa: PLC0415 - only where trees are kept

            tree = Path(self.folder) / digest
            if tree.is_dir():
                return Rootfs("tree", str(tree), digest)
        raise CannotRun(
            f"recipe.image: {image!r} is not here; give `host`, or the digest of a tree in the image folder"
        )


@dataclass(frozen=True)
class Case:
    """What a finding brought to be run.

    Attributes:
        recipe: commands and limits.
        files: path in the working folder and bytes: harness, oracle, source.
        archives: tar archives that are unpacked into the working folder, a source tree with its history for example.
        pov: the input that shows it; `None` where the recipe needs none.
        seed: an ordinary input, which must not show it.
        commit: what the history is checked out at, where one came with it.
    """

    recipe: Recipe
    files: tuple[tuple[str, bytes], ...] = ()
    archives: tuple[bytes, ...] = ()
    pov: bytes | None = None
    seed: bytes | None = None
    commit: str = ""

    def __post_init__(self) -> None:
        for name, _ in self.files:
            if posixpath.isabs(name) or posixpath.normpath(name) != name or name.startswith(".."):
                raise CannotRun(f"file {name!r}: must be a plain relative path")

    @property
    def runnable(self) -> bool:
        """Whether the input is there that its command names."""
        return self.pov is not None or not any(POV in word for word in self.recipe.run)

    def with_pov(self, pov: bytes) -> Case:
        """The same case with another input."""
        return replace(self, pov=pov)


@dataclass(frozen=True)
class Built:
    """A finished build: an archive of the working folder."""

    content: bytes


@dataclass(frozen=True)
class Shown:
    """What one run showed.

    Attributes:
        shown: what the recipe expects happened.
        report: the crash, where one was reported.
        marks: `stated_by_target`, `no_report` (a signal alone).
        trouble: why nothing can be said: the box's or the tool's fault, not the target's.
    """

    shown: bool
    report: CrashReport | None = None
    marks: frozenset[str] = frozenset()
    trouble: str = ""

    @property
    def signature(self) -> tuple[str, str, str]:
        """What two runs are compared by: type, access and state."""
        if self.report is None:
            return ("", "", "")
        return (self.report.type_word, self.report.access or "", self.report.state)


@dataclass
class Bench:
    """Boxes and images, and where drawn names come from."""

    boxes: Boxes
    images: Images = field(default_factory=TreeImages)
    draw: Callable[[int], str] = secrets.token_hex

    def build(self, case: Case, *, patch: bytes = b"", commit: str = "") -> Built:
        """Build a case, with one patch or at one commit of its history.

        Raises:
            BuildFailed: the source could not be laid out, the patch does not apply, or the build command failed.
            CannotRun: the recipe names an image that is not here.
        """
        with self.boxes.open(self._box(case.recipe)) as box:
            self._lay_out(box, case, patch, commit or case.commit)
            if case.recipe.build:
                self._command(box, "build", case.recipe.build, case.recipe, BUILD_S)
            self._command(box, "source", ("tar", "-cf", ARCHIVE, "."), case.recipe, BUILD_S)
            try:
                return Built(box.read(ARCHIVE, limit=BUILT_BYTES))
            except ReadLimit as error:
                raise BuildFailed("build", f"it is larger than {BUILT_BYTES // MIB} MiB".encode()) from error

    def tests(self, case: Case, built: Built) -> bool:
        """Whether the case's test suite ends well on a build. Raises `CannotRun` where none is named."""
        if not case.recipe.test:
            raise CannotRun("recipe.test: no test suite is named")
        seen = self._run(case, built, case.recipe.test, b"", {}, (), TEST_S)
        return seen.exit_code == 0 and not seen.timed_out

    def commits(self, case: Case, good: str, bad: str) -> list[str]:
        """The commits after `good` up to `bad`, oldest first, along the first parents. Raises `BuildFailed`."""
        with self.boxes.open(self._box(case.recipe)) as box:
            self._lay_out(box, case, b"", "")
            asked = ("git", "rev-list", "--first-parent", "--reverse", f"{good}..{bad}", "--")
            return self._command(box, "source", asked, case.recipe, BUILD_S).decode().split()

    def show(self, case: Case, built: Built, *, symbols: bool = False, pov: bytes | None = None) -> Shown:
        """Run the proof (or another input) once in a fresh box."""
        recipe, content = case.recipe, (case.pov or b"") if pov is None else pov
        log, code = f"/tmp/{self.draw(12)}", 64 + int(self.draw(1), 16) % 48
        common = _COMMON.format(code=code, log=log, symbols=int(symbols))
        leaks = int(recipe.expect is Expect.LEAK)
        env = {
            **recipe.env,
            "ASAN_OPTIONS": common + _ADDRESS.format(leaks=leaks),
            **{f"{tool}_OPTIONS": common for tool in ("UBSAN", "MSAN", "TSAN", "LSAN")},
        }
        argv = tuple(word.replace(POV, f"{GIVEN}/pov/input") for word in recipe.run)
        seen = self._run(case, built, argv, content, env, (f"{log}.*",), float(recipe.timeout_s))
        return _read(recipe.expect, seen, code)

    def _run(
        self,
        case: Case,
        built: Built,
        argv: Sequence[str],
        pov: bytes,
        env: dict[str, str],
        reports: tuple[str, ...],
        timeout_s: float,
    ) -> Observation:
        by_file = any(POV in word for word in case.recipe.run)
        spec = ReplaySpec(
            argv=("sh", "-c", _ENTER, "sh", CASE, f"{GIVEN}/built.tar", *argv),
            files=(ReplayFile("built.tar", built.content), ReplayFile("pov/input", pov)),
            stdin=b"" if by_file else pov,
            env=tuple({**STEADY, **env}.items()),
            reports=reports,
            box=self._box(case.recipe),
            at=GIVEN,
            cwd="/tmp",
            repeats=1,
            timeout_s=timeout_s + SETTLE_S + len(built.content) / UNPACK_BYTES_PER_S,
            fixed_addresses=True,
        )
        return replay(self.boxes, spec)[0]

    def _box(self, recipe: Recipe) -> BoxSpec:
        memory = (recipe.memory_mib + 2 * BUILT_BYTES // MIB) * MIB  # files in a box count as its memory
        limits = Limits(memory_bytes=memory, disk_bytes=4 * BUILT_BYTES, read_bytes=BUILT_BYTES)
        return BoxSpec(rootfs=self.images.rootfs(recipe.image), limits=limits)

    def _lay_out(self, box: Box, case: Case, patch: bytes, commit: str) -> None:
        given = {f"tree/{name}": (content, 0o755) for name, content in case.files}
        given |= {f"archive/{number}.tar": (content, 0o644) for number, content in enumerate(case.archives)}
        if patch:
            given["patch/0.diff"] = (patch, 0o644)
        box.place(GIVEN, given)
        laid = box.exec(("sh", "-c", _FILL, "sh", GIVEN, CASE, commit), cwd="/tmp", env=_quiet_git(), timeout_s=BUILD_S)
        if laid.returncode:
            raise BuildFailed("source", laid.stderr, timed_out=laid.timed_out)

    @staticmethod
    def _command(box: Box, step: str, argv: Sequence[str], recipe: Recipe, timeout_s: float) -> bytes:
        done = box.exec(argv, cwd=CASE, env={**_quiet_git(), **recipe.env}, timeout_s=timeout_s)
        if done.returncode or done.timed_out:
            raise BuildFailed(step, done.stderr or done.stdout, timed_out=done.timed_out)
        return done.stdout


def _quiet_git() -> dict[str, str]:
    """A steady environment in which a history counts as one's own, whoever packed it."""
    return {**STEADY, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}


def _read(expect: Expect, seen: Observation, code: int) -> Shown:
    said = b"".join(content for _, content in seen.reports) + seen.stderr
    trouble = _trouble(expect, seen, said)
    if trouble:
        return Shown(shown=False, trouble=trouble)
    if expect is Expect.ORACLE:
        return Shown(shown=seen.exit_code == 0)
    if expect is Expect.TIMEOUT:
        report = CrashReport("native", "c", "Timeout", title="Timeout") if seen.timed_out else None
        return Shown(shown=seen.timed_out, report=report)
    return _crash(expect, seen, code)


def _trouble(expect: Expect, seen: Observation, said: bytes) -> str:
    """Why a run says nothing about the target, or nothing."""
    if any(words in said for words in NO_CRASH):
        return "the sanitizer could not map its shadow memory in this box"
    if seen.record.end == "watchdog":
        return "the box ran out of memory or time"
    if expect is Expect.ORACLE and (seen.timed_out or seen.signal or seen.exit_code not in {0, 1}):
        return "the oracle said neither yes (0) nor no (1)"
    if expect is Expect.LEAK and LEAK_TOOL in said:
        return "leaks cannot be looked for in this box: the tool needs ptrace"
    return ""


def _crash(expect: Expect, seen: Observation, code: int) -> Shown:
    logged = next((report for _, content in seen.reports for report in parse(content)), None)
    if logged is not None and (seen.signal in FATAL or seen.exit_code == code):
        leak = logged.type_word in {"Direct-leak", "Indirect-leak"}
        return Shown(shown=leak == (expect is Expect.LEAK), report=logged)
    if expect is Expect.LEAK or seen.timed_out or not (seen.exit_code or seen.signal in FATAL):
        return Shown(shown=False)
    stated = next((report for report in parse(seen.stderr) if report.tool in STATED), None)
    if stated is not None:
        return Shown(shown=True, report=stated, marks=frozenset({"stated_by_target"}))
    if seen.signal in FATAL:
        bare = CrashReport("native", "c", "UNKNOWN", signal=seen.signal or "", title=f"{seen.signal} without a report")
        return Shown(shown=True, report=bare, marks=frozenset({"no_report"}))
    return Shown(shown=False)
