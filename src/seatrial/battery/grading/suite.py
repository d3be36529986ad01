"""A case's own tests, run on any build of it.

A test runs as the program's ordinary user, in a fresh box, beside `tests/`, which is there only while it runs. Files
that hold what a test must print are left out where the test does without them: a program cannot read there what it is
to say.
"""

from __future__ import annotations

import posixpath
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.c.build import HOME, SOURCE
from seatrial.battery.grading.batch import REPORTS, Answer, as_user, settle
from seatrial.battery.grading.faults import Fault, fault_of
from seatrial.battery.grading.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seatrial.battery.grading.case import Case, Test
    from seatrial.battery.grading.workshop import Kind, Made, Workshop
    from seatrial.sandbox import Boxes, BoxSpec

FACTS_BYTES = 16 * 1024 * 1024
SCRIPTS = (".sh", ".py", ".pl", ".awk", ".mk")
_FACTS = Shelf(FACTS_BYTES)


@dataclass(frozen=True)
class Outcome:
    """What a test showed: what is wrong with it (empty when it is green), and a fault while it ran."""

    problem: str
    fault: Fault | None


class Suite:
    """The tests of one case."""

    def __init__(self, case: Case, shop: Workshop, boxes: Boxes, box: BoxSpec) -> None:
        self.case, self.shop, self.boxes, self.box = case, shop, boxes, box

    def on_base(self, test: Test, kind: Kind) -> Outcome:
        """A test on the program as it stands, remembered."""
        base = self.shop.base(kind)
        return self._remembered(f"{base.built.key}\0{test!r}", lambda: self.run(test, base))

    def run(self, test: Test, made: Made) -> Outcome:
        """A test on any build."""
        return self._run(test, made, self._beside(test))

    def with_input(self, test: Test, made: Made, content: bytes) -> Outcome:
        """A test with another content in place of everything that it may read, for what happens meanwhile."""
        files = {path: item if _script(path, item[0]) else (content, item[1]) for path, item in self._all().items()}
        return self._run(test, made, files)

    def with_input_on_base(self, test: Test, kind: Kind, content: bytes) -> Outcome:
        """The same on the program as it stands, remembered."""
        base = self.shop.base(kind)
        key = f"{base.built.key}\0{test!r}\0{content!r}"
        return self._remembered(key, lambda: self.with_input(test, base, content))

    @property
    def reads(self) -> bool:
        """Whether there is anything beside the tests that they may read."""
        return any(not _script(path, content) for path, content, _ in self.case.tests_tree)

    @staticmethod
    def _remembered(key: str, work: Callable[[], Outcome]) -> Outcome:
        return _FACTS.get(key, work)

    def _all(self) -> dict[str, tuple[bytes, int]]:
        return dict(self.case.tests_tree.files)

    def _beside(self, test: Test) -> dict[str, tuple[bytes, int]]:
        """What lies beside a test: everything, or all but the files of expected output if the base does without."""
        expected = {item.stdout for item in self.case.tests if item.stdout}
        fewer = {path: item for path, item in self._all().items() if item[0] not in expected or _script(path, item[0])}
        if len(fewer) == len(self.case.tests_tree.files):
            return fewer
        base = self.shop.base("plain")
        key = f"{base.built.key}\0{test!r}\0fewer"
        without = self._remembered(key, lambda: self._run(test, base, fewer))
        if not without.problem:
            return fewer
        everything = self._remembered(f"{key} not", lambda: self._run(test, base, self._all()))
        return fewer if everything.problem == without.problem else self._all()

    def _run(self, test: Test, made: Made, files: Mapping[str, tuple[bytes, int]]) -> Outcome:
        log = f"{REPORTS}/{secrets.token_hex(12)}"
        with self.boxes.open(self.box) as box:
            settle(box, made.built, {f"{HOME}/tests": files, f"{SOURCE}/tests": files} if files else {})
            code, stdout, stderr, late, reports = as_user(box, test.command, log, timeout_s=test.timeout_s)
        fault = fault_of(Answer(code, "", late, reports=reports), signals=False)
        if late:
            return Outcome(f"takes longer than {test.timeout_s:g} s", fault)
        if code != test.exit:
            said = (stderr or stdout).decode("utf-8", "replace").strip().splitlines()
            return Outcome(f"exit code {code}, not {test.exit}" + (f" ({said[-1][:120]})" if said else ""), fault)
        if test.stdout is not None and stdout != test.stdout:
            return Outcome("another output than expected", fault)
        return Outcome("", fault)


def _script(path: str, content: bytes) -> bool:
    return path.endswith(SCRIPTS) or content.startswith(b"#!") or posixpath.basename(path).lower() == "makefile"
