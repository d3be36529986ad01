"""The builds of a case, and of a repaired tree, each with a look at what the compiler saw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seatrial.battery.c.build import ARCHIVE, HOME, SOURCE, STEADY, BuildFailed, Built
from seatrial.battery.grading.case import CaseError
from seatrial.battery.grading.look import AFTER, ALSO, LIST, TOOLS, WRITTEN, Look, equipment
from seatrial.battery.grading.shelf import Shelf
from seatrial.sandbox import ReadLimit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.battery.grading.case import Case
    from seatrial.battery.instance import FileTree
    from seatrial.sandbox import Box, Boxes, BoxSpec

# plain: as it is; sanitized: with the case's own sanitizer; added: with a sanitizer that the case did not ask for.
Kind = Literal["plain", "sanitized", "added"]
ADDED = "-g -fsanitize=address -fno-omit-frame-pointer"
HELD_BYTES = 512 * 1024 * 1024  # a toy with sanitizer is 60 KiB; a foreign project tens of MiB
_SHELF = Shelf(HELD_BYTES)


@dataclass(frozen=True)
class Made:
    """A finished build and what was seen of it."""

    built: Built
    look: Look


class Workshop:
    """Builds for one case, made when they are first asked for and remembered."""

    def __init__(self, case: Case, boxes: Boxes, box: BoxSpec) -> None:
        self.case, self.boxes, self.box = case, boxes, box
        wanted = "sanitizer" in case.run.faults
        self._watching: Kind | None = "sanitized" if wanted and case.build.sanitizer_env is not None else None

    @property
    def has_twin(self) -> bool:
        """Whether there is a fixed program to compare with."""
        return self.case.twin is not None or self.case.build.twin_env is not None

    @property
    def watching(self) -> Kind:
        """The kind of build in which a fault is looked for first."""
        return self._watching or "plain"

    def base(self, kind: Kind) -> Made:
        """The program as it stands. Raises `CaseError` when it cannot be built."""
        return self._trusted(self.case.source, "source", kind, {})

    def twin(self, kind: Kind) -> Made | None:
        """The fixed program, from its own tree or from the same source under its environment; None without one."""
        if self.case.twin is not None:
            return self._trusted(self.case.twin, "twin", kind, {})
        if self.case.build.twin_env is not None:
            return self._trusted(self.case.source, "twin", kind, self.case.build.twin_env)
        return None

    def of(self, tree: FileTree, kind: Kind, extra: Mapping[str, str] | None = None) -> Made:
        """Any tree under the plan of the case. Raises `BuildFailed`."""
        plan = self.case.build
        own = (plan.sanitizer_env or {}) if kind == "sanitized" else plan.plain_env
        env = {**STEADY, **own, **(extra or {})}
        env["PATH"] = f"{TOOLS}:{env['PATH']}"
        if kind == "added":
            env[ALSO] = ADDED
        text = f"{tree.digest()}\0{plan.commands!r}\0{sorted(env.items())!r}\0{plan.timeout_s}\0{plan.keep}"
        key = hashlib.sha256(f"{text}\0{self.box.digest()}".encode()).hexdigest()
        return _SHELF.get(key, lambda: self._make(key, tree, env), lambda made: len(made.built.content) + 64 * 1024)

    def _compilers(self) -> tuple[str, ...]:
        """The compilers of a box, remembered."""

        def listed() -> tuple[str, ...]:
            with self.boxes.open(self.box) as box:
                return tuple(box.exec(LIST, cwd="/", env=STEADY).stdout.decode("utf-8", "replace").split())

        return _SHELF.get(f"compilers\0{self.box.digest()}", listed)

    def _trusted(self, tree: FileTree, what: str, kind: Kind, extra: Mapping[str, str]) -> Made:
        try:
            return self.of(tree, kind, extra)
        except BuildFailed as error:
            problem = str(error)
            if error.missing_tool:
                problem = f"{error.command[0]!r} is not in the box; install it or use another build command"
            raise CaseError(f"case {self.case.id}: build of {what}: {problem}") from None

    def _make(self, key: str, tree: FileTree, env: dict[str, str]) -> Made:
        plan = self.case.build
        with self.boxes.open(self.box) as box:
            source = {f"source/{path}": item for path, item in tree.files.items()}
            box.place(HOME, {**source, **equipment(self._compilers())}, read_only=False)
            for command in plan.commands:
                done = box.exec(command, cwd=SOURCE, env=env, timeout_s=plan.timeout_s)
                if done.timed_out or done.returncode:
                    raise BuildFailed(command, done.returncode, done.stdout + done.stderr, timed_out=done.timed_out)
            content = _take(box, plan.keep, plan.commands[-1])
            box.exec(AFTER, cwd="/", env=STEADY)
            return Made(Built(key, content, plan.keep), _look(box))


def _look(box: Box) -> Look:
    try:
        return Look.read(box.read(WRITTEN))
    except (ReadLimit, OSError):
        return Look(missed=1)


def _take(box: Box, keep: str, last: tuple[str, ...]) -> bytes:
    """The program that is kept, or the tree as an archive."""
    if not keep:
        pack = ("tar", "--sort=name", "--mtime=@0", "-cf", ARCHIVE, "-C", SOURCE, "--", ".")
        done = box.exec(pack, cwd="/", env=STEADY)
        if done.returncode:
            raise BuildFailed(pack, done.returncode, done.stderr)
    try:
        return box.read(f"{SOURCE}/{keep}" if keep else ARCHIVE)
    except (ReadLimit, FileNotFoundError) as error:
        raise BuildFailed(last, 0, f"cannot take what was built: {error}".encode()) from error
