"""Judging a repair of any C program: named checks in a fixed order, each `ok`, `not ok` or `not checked`.

| check | asks |
|---|---|
| format | is it a plain text diff that applies |
| scope | does it change only what may be changed |
| constructs | does it mend rather than hide (see `constructs`) |
| build | does it build, plain and with the sanitizer |
| proofs | do the proofs and their variants run without report, fatal signal or new time-out, in both builds |
| tests | is every test green, and every hidden input answered as the fixed program answers it |
| differential | are many more valid inputs answered as the fixed program answers them |
| neighbours | are mutants of a proof that fault at the same place (and not in the fixed program) mended too |

"The crash is gone" alone is never enough, and never asked for more: for inputs that used to fault any behaviour
without a fault is right. Score: 0 when a check up to `proofs` is not ok, 0.5 when a later one is not, 1 otherwise.
Tests that are red on the base as well are said so, not dropped. Without a fixed program `differential` and
`neighbours` are `not checked`, never `ok`.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from seatrial.battery.c.build import HOME, SOURCE, STEADY, BuildFailed, Built, Recipe, build
from seatrial.battery.draw import Draw
from seatrial.battery.grading import constructs
from seatrial.battery.grading.batch import answers
from seatrial.battery.grading.case import CaseError
from seatrial.battery.grading.patchfile import Applied, BadPatch, apply_patch
from seatrial.battery.grading.replay import FOREIGN_BOX, Execution, Programs, Run, observe
from seatrial.battery.verdict import Check, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatrial.battery.grading.case import Case, Proof, Test
    from seatrial.battery.instance import FileTree
    from seatrial.sandbox import Boxes, BoxSpec, ExecResult

T = TypeVar("T")
EARLY = ("format", "scope", "constructs", "build", "proofs")  # without these there is no repair at all
LATE = ("tests", "differential", "neighbours")
MUTANTS, NEIGHBOURS = 512, 16  # per case: tried on the base, and kept of those that fault at the same place
HIDDEN_FOLDERS = ("tests", "proofs", "twin")
REPLAYS = 3


@dataclass(frozen=True)
class Hidden:
    """What a maker of cases knows beyond the case: inputs with the fixed program's answers, and more proofs."""

    inputs: tuple[bytes, ...] = ()
    differential: tuple[bytes, ...] = ()
    variants: tuple[Proof, ...] = ()
    search_neighbours: bool = True


@dataclass(frozen=True)
class PatchVerdict:
    """The whole answer."""

    case: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def score(self) -> float:
        """0, 0.5 or 1; see the module."""
        bad = {check.name for check in self.checks if check.state is State.NOT_OK}
        if bad & set(EARLY) or not self.checks:
            return 0.0
        return 0.5 if bad else 1.0

    @property
    def solved(self) -> bool:
        """Whether it is a repair."""
        return self.score == 1.0

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "case": self.case,
            "score": self.score,
            "solved": self.solved,
            "checks": [
                {"name": check.name, "state": check.state.value, "detail": check.detail} for check in self.checks
            ],
            "notes": list(self.notes),
        }


def grade_patch(
    case: Case, patch: bytes, boxes: Boxes, *, hidden: Hidden | None = None, box: BoxSpec = FOREIGN_BOX
) -> PatchVerdict:
    """Judge a patch. Raises `CaseError` when the case itself cannot be built, run or judged by."""
    if not case.proofs:
        raise CaseError(f"case {case.id}: no proof to judge a patch by; add a [[proof]] with its path")
    return _Grading(case, boxes, hidden or Hidden(), box).grade(patch)


class _Stop(Exception):
    """A check of the first five is not ok: the later ones say nothing."""


class _Grading:
    def __init__(self, case: Case, boxes: Boxes, hidden: Hidden, box: BoxSpec) -> None:
        self.case, self.boxes, self.hidden, self.box = case, boxes, hidden, box
        self.programs = Programs(case, boxes, box)
        self.checks: list[Check] = []
        self.notes: list[str] = []
        self.plain: Built | None = None
        self.sanitized: Built | None = None

    def grade(self, patch: bytes) -> PatchVerdict:
        try:
            applied = self._format(patch)
            self._scope(applied)
            self._constructs(applied)
            self._build(applied.tree)
            self._proofs()
        except _Stop:
            done = {check.name for check in self.checks}
            self.checks += [Check(name, State.NOT_CHECKED) for name in (*EARLY, *LATE) if name not in done]
        else:
            self._tests()
            self._differential()
            self._neighbours()
        return PatchVerdict(self.case.id, tuple(self.checks), tuple(self.notes))

    def _said(self, name: str, problem: str, detail: str = "") -> None:
        self.checks.append(Check(name, State.NOT_OK if problem else State.OK, problem or detail))
        if problem and name in EARLY:
            raise _Stop

    def _format(self, patch: bytes) -> Applied:
        self.programs.base(sanitized=False)
        try:
            applied = apply_patch(self.boxes, self.case.source, patch, box=self.box)
        except BadPatch as error:
            self._said("format", str(error))
            raise
        changed = applied.tree.digest() != self.case.source.digest()
        self._said("format", "" if changed else "it changes nothing", f"{len(applied.paths)} files")
        return applied

    def _scope(self, applied: Applied) -> None:
        outside = [path for path in applied.paths if not self._may_change(path)]
        allowed = ", ".join(self.case.editable)
        self._said("scope", f"{outside[0]} may not be changed; only {allowed}" if outside else "")

    def _may_change(self, path: str) -> bool:
        if path.split("/", maxsplit=1)[0] in HIDDEN_FOLDERS and path not in self.case.source:
            return False
        return any(matches(path, pattern) for pattern in self.case.editable)

    def _constructs(self, applied: Applied) -> None:
        found: set[str] = set()
        for path in applied.paths:
            mine = [text for where, text in applied.added if where == path]
            base = self.case.source[path].decode("utf-8", "replace") if path in self.case.source else ""
            found |= set(constructs.in_lines(mine, base))
        if not found:
            more, blind = constructs.in_trees(self.boxes, self.case.source, applied.tree, applied.paths, box=self.box)
            found |= set(more)
            if blind:
                self.notes.append(f"could not be preprocessed alone, added lines were read instead: {', '.join(blind)}")
        self._said("constructs", f"it brings in {', '.join(sorted(found))}" if found else "")

    def _build(self, tree: FileTree) -> None:
        plan = self.case.build
        try:
            self.plain = self._made(tree, sanitized=False)
            if self.programs.sanitized:
                self.sanitized = self._made(tree, sanitized=True)
        except BuildFailed as error:
            self._said("build", str(error))
        self._said("build", "", "plain and sanitizer" if plan.sanitizer_env is not None else "plain")

    def _made(self, tree: FileTree, *, sanitized: bool) -> Built:
        plan = self.case.build
        env = (plan.sanitizer_env or {}) if sanitized else plan.plain_env
        return build(self.boxes, tree, Recipe(plan.commands, tuple(sorted(env.items())), plan.timeout_s), box=self.box)

    def _builds(self) -> list[tuple[bool, Built]]:
        built = [(False, self.plain), (True, self.sanitized)]
        return [(sanitized, item) for sanitized, item in built if item is not None]

    def _how(self, proof: Proof | None = None) -> Execution:
        run = self.case.run
        return Execution(
            command=(proof.command if proof else ()) or run.command,
            stdin=run.stdin,
            timeout_s=run.timeout_s,
            signals="signal" in run.faults,
            name=proof.name if proof else "input",
        )

    def _observe(self, built: Built, proof: Proof, repeats: int, *, symbols: bool = True) -> tuple[Run, ...]:
        how = self._how(proof)
        return observe(self.boxes, built, how, proof.content, repeats=repeats, box=self.box, symbols=symbols)

    def _proofs(self) -> None:
        """Every proof, and the variants that the maker of the case gave."""
        faulting = []
        for proof in (*self.case.proofs, *self.hidden.variants):
            if self._faults_on_base(proof):
                faulting.append(proof)
            else:
                self.notes.append(f"{proof.name} does not fault on the base, so it shows nothing")
        if not any(proof in faulting for proof in self.case.proofs):
            raise CaseError(f"case {self.case.id}: no proof faults on the base; there is nothing to mend")
        for proof in faulting:
            problem = self._still_wrong(proof)
            if problem:
                self._said("proofs", f"{proof.name}: {problem}")
        self._said("proofs", "", f"{len(faulting)} inputs that faulted before")

    def _faults_on_base(self, proof: Proof) -> bool:
        """Whether an input shows the error at all; remembered, since every patch of a case asks again."""
        kinds = (True, False) if self.programs.sanitized else (False,)
        built = [self.programs.base(sanitized=kind) for kind in kinds]
        name = f"{proof.command}\0{hashlib.sha256(proof.content).hexdigest()}"

        def seen(item: Built) -> bool:
            return any(run.fault for run in self._observe(item, proof, 1, symbols=False))

        return any(_REMEMBERED.get(f"fault\0{item.key}\0{name}", partial(seen, item)) for item in built)

    def _still_wrong(self, proof: Proof) -> str:
        for sanitized, built in self._builds():
            runs = self._observe(built, proof, REPLAYS if sanitized or self.sanitized is None else 1)
            for run in runs:
                if run.fault:
                    where = f" in {run.frames[0].function} ({run.frames[0].file})" if run.frames else ""
                    return f"still {run.fault}{where}"
            if any(run.timed_out for run in runs):
                before = self._observe(self.programs.base(sanitized=sanitized), proof, 1)
                if not any(run.timed_out for run in before):
                    return f"now takes longer than {self.case.run.timeout_s:g} s"
        return ""

    def _tests(self) -> None:
        if not self.case.tests and not self.hidden.inputs:
            self.checks.append(Check("tests", State.NOT_CHECKED, "the case has none"))
            return
        red = [problem for test in self.case.tests if (problem := self._red(test, self._patched))]
        red += self._differing(self.hidden.inputs)
        count = len(self.case.tests) + len(self.hidden.inputs)
        self._said("tests", "; ".join(red[:3]), f"{count} green")

    def _red(self, test: Test, program: Callable[[], Built]) -> str:
        problem = self._outcome(test, program())
        if not problem:
            return ""
        if test.known_failing:
            self.notes.append(f"test {test.id} is red, as known: {problem}")
            return ""
        if self._outcome(test, self.programs.base(sanitized=False)):
            self.notes.append(f"test {test.id} is red on the base as well")
        return f"test {test.id}: {problem}"

    def _patched(self) -> Built:
        if self.plain is None:
            raise RuntimeError("the patched program was not built")
        return self.plain

    def _outcome(self, test: Test, built: Built) -> str:
        done = self._run_test(test, built)
        if done.timed_out:
            return f"took longer than {test.timeout_s:g} s"
        if done.returncode != test.exit:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
            return f"exit code {done.returncode}, not {test.exit}" + (f" ({said[-1][:120]})" if said else "")
        if test.stdout is not None and done.stdout != test.stdout:
            return "another output than expected"
        return ""

    def _run_test(self, test: Test, built: Built) -> ExecResult:
        """One test in a fresh box; `tests/` is there only while it runs, beside the program and beside its folder."""
        with self.boxes.open(self.box) as box:
            built.unpack(box)
            if self.case.tests_tree.files:
                box.place(f"{HOME}/tests", self.case.tests_tree.files, read_only=False)
                box.place(
                    f"{SOURCE}/tests",
                    {**_below(self.case.source, "tests"), **self.case.tests_tree.files},
                    read_only=False,
                )
            return box.exec(test.command, cwd=SOURCE, env=STEADY, timeout_s=test.timeout_s)

    def _differing(self, inputs: Sequence[bytes]) -> list[str]:
        """Inputs on which the patched program answers otherwise than the fixed one."""
        twin = self.programs.twin(sanitized=False)
        if not inputs or twin is None:
            return []
        asked = hashlib.sha256(b"".join(hashlib.sha256(item).digest() for item in inputs)).hexdigest()
        wanted = _REMEMBERED.get(f"answers\0{twin.key}\0{asked}", lambda: self._answers(twin, inputs))
        given = self._answers(self._patched(), inputs)
        wrong = [number for number, pair in enumerate(zip(wanted, given, strict=True)) if pair[0] != pair[1]]
        if not wrong:
            return []
        first = wrong[0]
        how = (
            "takes too long"
            if given[first].timed_out
            else f"exit code {given[first].code}, {wanted[first].code} wanted"
        )
        if given[first].code == wanted[first].code:
            how = "another output"
        return [f"{len(wrong)} of {len(inputs)} hidden inputs are answered otherwise (the first: {how})"]

    def _answers(self, built: Built, inputs: Sequence[bytes]) -> tuple[Any, ...]:
        run = self.case.run
        return answers(self.boxes, built, run.command, inputs, stdin=run.stdin, timeout_s=run.timeout_s, box=self.box)

    def _differential(self) -> None:
        if self.programs.twin(sanitized=False) is None:
            self.checks.append(Check("differential", State.NOT_CHECKED, "there is no fixed program to compare with"))
        elif not self.hidden.differential:
            self.checks.append(Check("differential", State.NOT_CHECKED, "the case brings no further valid inputs"))
        elif any(check.state is State.NOT_OK for check in self.checks):
            self.checks.append(Check("differential", State.NOT_CHECKED, "the tests are red already"))
        else:
            wrong = self._differing(self.hidden.differential)
            self._said("differential", "; ".join(wrong), f"{len(self.hidden.differential)} inputs")

    def _neighbours(self) -> None:
        """Mutants of the proofs. Without a fixed program that is clean on them they only make a note."""
        if not self.hidden.search_neighbours:
            return
        near = self._near()
        still = []
        for proof in near:
            problem = self._still_wrong(proof)
            if problem:
                still.append(f"{proof.name}: {problem}")
        twin = self.programs.twin(sanitized=self.programs.sanitized)
        if twin is None:
            self.checks.append(Check("neighbours", State.NOT_CHECKED, "there is no fixed program to compare with"))
            self.notes += still[:3]
            return
        deciding = [
            text
            for proof, text in ((proof, text) for proof in near for text in still if text.startswith(f"{proof.name}:"))
            if not any(run.fault or run.timed_out for run in self._observe(twin, proof, 1))
        ]
        self._said("neighbours", "; ".join(deciding[:3]), f"{len(near)} mutants that faulted before")

    def _near(self) -> list[Proof]:
        """Up to `NEIGHBOURS` mutants that fault on the base with the class and innermost frame of their proof."""
        base = self.programs.base(sanitized=self.programs.sanitized)
        found: list[Proof] = []
        share = max(1, MUTANTS // len(self.case.proofs))
        for proof in self.case.proofs:
            own = next((run for run in self._observe(base, proof, 1) if run.fault), None)
            if own is None or proof.command:
                continue
            mutants = _mutants(proof.content, share)
            codes = self._exit_codes(base, mutants)
            suspects = [mutant for mutant, code in zip(mutants, codes, strict=True) if code in _faulty(codes, own)]
            for number, mutant in enumerate(suspects[: 2 * NEIGHBOURS]):
                candidate = replace(proof, name=f"{proof.name}~{number}", content=mutant)
                run = self._observe(base, candidate, 1)[0]
                if _key(run) == _key(own):
                    found.append(candidate)
                if len(found) >= NEIGHBOURS:
                    return found
        return found

    def _exit_codes(self, built: Built, inputs: Sequence[bytes]) -> tuple[int, ...]:
        run = self.case.run
        env = {"ASAN_OPTIONS": f"exitcode={_FAULT_CODE}:detect_leaks=0:allocator_may_return_null=1"}
        found = answers(
            self.boxes, built, run.command, inputs, stdin=run.stdin, timeout_s=run.timeout_s, env=env, box=self.box
        )
        return tuple(answer.code for answer in found)


class _Memory:
    """What is a fact about a finished build, kept for a while: equal builds give equal answers."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._facts: OrderedDict[str, Any] = OrderedDict()
        self._mutex = threading.Lock()

    def get(self, key: str, work: Callable[[], T]) -> T:
        """The fact of that key, found out now or before; two threads may both find it out."""
        with self._mutex:
            if key in self._facts:
                self._facts.move_to_end(key)
                known: T = self._facts[key]
                return known
        found = work()
        with self._mutex:
            self._facts[key] = found
            while len(self._facts) > self._limit:
                self._facts.popitem(last=False)
        return found


_REMEMBERED = _Memory(limit=256)  # some ten facts a case: a few dozen cases in turn, at most some MiB
_FAULT_CODE = 87  # only sorts mutants for a closer look, so that nothing depends on nobody else using it


def _faulty(codes: Sequence[int], own: Run) -> set[int]:
    return {code for code in codes if code == _FAULT_CODE or code > 128} if own.fault else set()


def _key(run: Run) -> tuple[str, str]:
    return run.fault, run.frames[0].function if run.frames else ""


def _mutants(content: bytes, count: int) -> list[bytes]:
    """Seeded small changes of an input: bits, bytes, borders, lengths, cut, repeated and dropped pieces."""
    draw = Draw(hashlib.sha256(content).digest(), family="grading", version="1", level=1, stream="mutants")
    found: dict[bytes, None] = {}
    for _ in range(4 * count):
        data = bytearray(content or b"\0")
        for _ in range(draw.between(1, 3)):
            _mutate(data, draw)
        found.setdefault(bytes(data))
        if len(found) >= count:
            break
    found.pop(content, None)
    return list(found)


def _mutate(data: bytearray, draw: Draw) -> None:
    at = draw.below(max(1, len(data)))
    kind = draw.below(7)
    if not data or kind == 0:
        data[at:at] = draw.bytes(draw.between(1, 4))
    elif kind == 1:
        data[at] ^= 1 << draw.below(8)
    elif kind == 2:
        data[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x41))
    elif kind == 3:
        data[at] = (data[at] + draw.choice((1, 255, 2, 254, 16))) & 0xFF
    elif kind == 4:
        del data[at : at + draw.between(1, 4)]
    elif kind == 5:
        data[at:at] = data[at : at + draw.between(1, 16)]
    else:
        data.extend(data[-draw.between(1, 32) :])


def matches(path: str, pattern: str) -> bool:
    """Whether a path fits a pattern in which `**/` stands for any folders, `*` and `?` stay inside one name.

    >>> [matches(path, "**/*.c") for path in ("a.c", "src/deep/a.c", "a.h")]
    [True, True, False]
    """
    regex, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            regex, at = regex + r"(?:[^/]+/)*", at + 3
        elif pattern.startswith("**", at):
            regex, at = regex + ".*", at + 2
        else:
            regex += {"*": "[^/]*", "?": "[^/]"}.get(pattern[at], re.escape(pattern[at]))
            at += 1
    return re.fullmatch(regex, path) is not None


def _below(tree: FileTree, folder: str) -> dict[str, tuple[bytes, int]]:
    prefix = f"{folder}/"
    return {path.removeprefix(prefix): item for path, item in tree.files.items() if path.startswith(prefix)}
