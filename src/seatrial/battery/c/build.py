"""Compiling a tree in a box: any commands, any build system that the box has, with a cache for this process.

* A build happens in a fresh box on a copy of the tree; what it made leaves as one archive that the host never opens.
  It is unpacked again in the box that runs it, at the same place, so that paths in reports and scripts hold.
* Builds are reproducible per toolchain: no locale, no time zone, no clock, no build id, no absolute path.
* The cache is keyed by tree, recipe and box, bounded in bytes, and builds each key once even when asked from many
  threads.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from seatrial.battery.instance import FileTree
from seatrial.sandbox import BoxSpec, ReadLimit

if TYPE_CHECKING:
    from seatrial.sandbox import Box, Boxes

HOME = "/case"  # where a case lives in every box
SOURCE = f"{HOME}/source"
ARCHIVE = "/tmp/built.tar"
CACHE_BYTES = 512 * 1024 * 1024  # a toy with sanitizer is 60 KiB; a foreign project tens of MiB
LOG_TAIL = 2000  # characters of a failed build that are kept: the compiler's last words

STEADY = {"LC_ALL": "C", "TZ": "UTC", "SOURCE_DATE_EPOCH": "0", "HOME": "/tmp", "PATH": "/usr/bin:/bin"}
REPRODUCIBLE = (f"-ffile-prefix-map={SOURCE}=.", "-frandom-seed=0", "-Wl,--build-id=none")
# Lines are all that a report needs of debug information, so `-g1`: the code is the same, the compiler a sixth quicker.
ADDRESS = ("-O1", "-g1", "-fno-omit-frame-pointer", "-fno-inline", "-fsanitize=address")
TARGET = "target"
COMPILE_S = 120.0  # a generated program takes a second at most


@dataclass(frozen=True)
class Recipe:
    """How a tree is built: commands in order, extra environment, and the one program that is kept (empty: the tree)."""

    commands: tuple[tuple[str, ...], ...]
    env: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 900.0
    keep: str = ""


@dataclass(frozen=True)
class Built:
    """A finished build: one program by its `name`, or (no name) an archive of the whole tree."""

    key: str
    content: bytes
    name: str = ""

    def unpack(self, box: Box) -> None:
        """Put it at its place in another box."""
        if self.name:
            box.write(f"{SOURCE}/{self.name}", self.content, mode=0o755)
            return
        box.write(ARCHIVE, self.content)
        done = box.exec(["sh", "-c", f"mkdir -p {SOURCE} && tar -xf {ARCHIVE} -C {SOURCE} && rm {ARCHIVE}"], cwd="/")
        if done.returncode:
            raise BuildFailed(("tar",), done.returncode, done.stderr)


class BuildFailed(Exception):
    """A command of a build did not end with 0: names it and the last line it wrote."""

    def __init__(self, command: tuple[str, ...], returncode: int, output: bytes, *, timed_out: bool = False) -> None:
        self.command, self.returncode, self.timed_out = command, returncode, timed_out
        self.log = output.decode("utf-8", "replace")[-LOG_TAIL:]
        last = (self.log.strip().splitlines() or ["it said nothing"])[-1]
        how = "ran out of time" if timed_out else f"ended with {returncode}"
        super().__init__(f"build command `{' '.join(command)[:200]}` {how}: {last[:300]}")

    @property
    def missing_tool(self) -> bool:
        """Whether the box has no such program."""
        return self.returncode == 127 and not self.timed_out


class BuildCache:
    """Finished builds by key, oldest use dropped first."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._held: OrderedDict[str, Built] = OrderedDict()
        self._mutex = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}

    def held(self, key: str) -> Built | None:
        """A build made before."""
        with self._mutex:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def get(self, key: str, make: Callable[[], Built]) -> Built:
        """The build of a key, made now or before. Raises what making it raises; failures are not kept."""
        with self._mutex:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            built = self.held(key)
            if built is None:
                built = make()
                self.keep(built)
        with self._mutex:
            self._turns.pop(key, None)
        return built

    def keep(self, built: Built) -> None:
        """Hold a build, and let go of the oldest beyond the limit."""
        with self._mutex:
            self._held[built.key] = built
            total = sum(len(item.content) for item in self._held.values())
            while total > self._limit and len(self._held) > 1:
                _, dropped = self._held.popitem(last=False)
                total -= len(dropped.content)


_PROGRAMS = BuildCache()
_OBJECTS = BuildCache(CACHE_BYTES // 8)


def build(boxes: Boxes, tree: FileTree, recipe: Recipe, *, box: BoxSpec | None = None) -> Built:
    """Build a tree in a fresh box, or take the build from the cache of this process."""
    spec = box or BoxSpec()
    key = _key(tree, recipe, spec)

    def make() -> Built:
        with boxes.open(spec) as fresh:
            return Built(key, _build(fresh, tree, recipe), recipe.keep)

    return _PROGRAMS.get(key, make)


def compile_c(boxes: Boxes, tree: FileTree, *flags: str, inside: Box | None = None) -> Built:
    """All C files of a tree with gcc into one program `target`: in a fresh box, or in one that nothing ran in yet.

    A file is compiled once for equal text, headers and flags: a program and its twin share all files but one.
    """
    compiling = ("gcc", "-std=c99", *flags, *REPRODUCIBLE)
    key = _key(tree, Recipe((compiling,)), BoxSpec())

    def make() -> Built:
        if inside is not None:
            return Built(key, _compile(inside, tree, compiling), TARGET)
        with boxes.open(BoxSpec()) as fresh:
            return Built(key, _compile(fresh, tree, compiling), TARGET)

    return _PROGRAMS.get(key, make)


def _compile(box: Box, tree: FileTree, compiling: tuple[str, ...]) -> bytes:
    sources = [path for path in tree.files if path.endswith(".c")]
    if len(sources) == 1:
        command = (*compiling, "-o", TARGET, *sources)
        return _build(box, tree, Recipe((command,), timeout_s=COMPILE_S, keep=TARGET))
    headers = {path: item for path, item in tree.files.items() if path not in sources}
    names = {path: f"{number}.o" for number, path in enumerate(sources)}
    keys = {
        path: _key(FileTree({**headers, path: tree.files[path]}), Recipe(((*compiling, path),)), BoxSpec())
        for path in sources
    }
    known = {path: built.content for path in sources if (built := _OBJECTS.held(keys[path]))}
    fresh = [path for path in sources if path not in known]
    box.place(SOURCE, {**tree.files, **{names[path]: (item, 0o644) for path, item in known.items()}}, read_only=False)
    for path in fresh:
        _do(box, (*compiling, "-c", path, "-o", names[path]), STEADY, COMPILE_S)
    _do(box, (*compiling, "-o", TARGET, *names.values()), STEADY, COMPILE_S)
    for path in fresh:
        _OBJECTS.keep(Built(keys[path], box.read(f"{SOURCE}/{names[path]}"), names[path]))
    return box.read(f"{SOURCE}/{TARGET}")


@cache
def _spec_digest(box: BoxSpec) -> str:
    return box.digest()


def _key(tree: FileTree, recipe: Recipe, box: BoxSpec) -> str:
    text = f"{tree.digest()}\0{recipe!r}\0{_spec_digest(box)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _build(box: Box, tree: FileTree, recipe: Recipe) -> bytes:
    env = {**STEADY, **dict(recipe.env)}
    box.place(SOURCE, tree.files, read_only=False)
    for command in recipe.commands:
        _do(box, command, env, recipe.timeout_s)
    return _take(box, recipe, env)


def _do(box: Box, command: tuple[str, ...], env: dict[str, str], timeout_s: float) -> None:
    done = box.exec(command, cwd=SOURCE, env=env, timeout_s=timeout_s)
    if done.timed_out or done.returncode:
        raise BuildFailed(command, done.returncode, done.stdout + done.stderr, timed_out=done.timed_out)


def _take(box: Box, recipe: Recipe, env: dict[str, str]) -> bytes:
    """The program that is kept, or the tree as an archive."""
    if not recipe.keep:
        pack = ("tar", "--sort=name", "--mtime=@0", "-cf", ARCHIVE, "-C", SOURCE, "--", ".")
        done = box.exec(pack, cwd="/", env=env)
        if done.returncode:
            raise BuildFailed(pack, done.returncode, done.stderr)
    try:
        return box.read(f"{SOURCE}/{recipe.keep}" if recipe.keep else ARCHIVE)
    except (ReadLimit, FileNotFoundError) as error:
        raise BuildFailed(recipe.commands[-1], 0, f"cannot take what was built: {error}".encode()) from error
