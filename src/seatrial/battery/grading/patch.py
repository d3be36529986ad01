"""Judging a repair of any C program: named checks in a fixed order, each `ok`, `not ok` or `not checked`.

| check | asks |
|---|---|
| format | is it a text diff that applies |
| scope | does it change only what may be changed |
| constructs | does it mend rather than hide (see `constructs` and `look`) |
| build | does it build, plain and with the sanitizer |
| proofs | do the proofs and their variants run without report, fatal signal or new time-out, in every build |
| tests | is every test green, and every hidden input answered as the fixed program answers it, in every build |
| differential | are many more valid inputs answered as before |
| neighbours | are inputs that fault on the base just as a proof does mended too |

"The crash is gone" alone is never enough, and never is more asked for: on inputs that used to fault, whatever does not
fault is right. Score: 0 when a check up to `proofs` is not ok, 0.5 when a later one is not, 1 otherwise.

Without a fixed program `differential` and `neighbours` are never `ok`: they are `not checked`, or `not ok` where the
case itself shows enough (almost everything that was accepted is answered otherwise; the very statement of a proof still
faults). Tests that are red on the base as well are said so, not dropped.

Known limits. A repair that no longer gives memory back cures a use after it: accepted, for leaks are not looked for.
Writes inside library functions that the sanitizer does not watch show only when they crash. A test script that itself
compares with a file hands that file to the program. A program that forks can remove the reports of its children.
Without a fixed program, a repair that answers only inputs much like those of the tests is not told from a sound one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from seatrial.battery.c.build import BuildFailed
from seatrial.battery.grading import constructs
from seatrial.battery.grading.batch import Broken
from seatrial.battery.grading.case import CaseError
from seatrial.battery.grading.faults import fault_of
from seatrial.battery.grading.patchfile import BadPatch, apply_patch
from seatrial.battery.grading.replay import FOREIGN_BOX
from seatrial.battery.grading.runs import Runs, Seen
from seatrial.battery.grading.scope import may_change
from seatrial.battery.grading.search import Search
from seatrial.battery.grading.suite import Suite
from seatrial.battery.grading.workshop import Workshop
from seatrial.battery.verdict import Check, State
from seatrial.sandbox import BoxGone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatrial.battery.grading.case import Case, Proof, Test
    from seatrial.battery.grading.faults import Fault
    from seatrial.battery.grading.workshop import Kind, Made
    from seatrial.sandbox import Boxes, BoxSpec

T = TypeVar("T")
EARLY = ("format", "scope", "constructs", "build", "proofs")  # without these there is no repair at all
LATE = ("tests", "differential", "neighbours")
REPEATS = 2  # of each proof where faults are looked for, and one more with locals living apart
INSTEAD = 8  # tests that are run with a proof in place of what they read


def _nothing() -> tuple[bytes, ...]:
    return ()


@dataclass(frozen=True)
class Hidden:
    """What a maker of cases knows beyond the case: inputs with the fixed program's answers, and more proofs."""

    inputs: tuple[bytes, ...] = ()
    differential: Callable[[], tuple[bytes, ...]] = _nothing  # many valid ones, made when they are needed
    variants: tuple[Proof, ...] = ()
    search: bool = True  # look for more inputs near those of the case


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
    """A check is not ok, and the later ones would say nothing."""


class _Grading:
    def __init__(self, case: Case, boxes: Boxes, hidden: Hidden, box: BoxSpec) -> None:
        self.case, self.boxes, self.hidden, self.box = case, boxes, hidden, box
        self.shop = Workshop(case, boxes, box)
        self.runs = Runs(case, self.shop, boxes, box)
        self.suite = Suite(case, self.shop, boxes, box)
        self.checks: dict[str, Check] = {}
        self.notes: list[str] = []
        self.tree = case.source
        self.seen: dict[Kind, list[Seen]] = {}  # what faults on the base, by the builds that a repair is tried in
        self.made: dict[Kind, Made] = {}
        self.lines: list[str] = []  # calls in added lines, perhaps of the program's own functions

    def grade(self, patch: bytes) -> PatchVerdict:
        self._look_at_base()
        try:
            self._format_and_scope(patch)
            for kind, seen in self.seen.items():
                self._mended(kind, seen)
            self._said("build", "", " and ".join(self.made))
            self._said("proofs", "", f"{len(self.seen['plain'])} inputs that faulted before")
            self._tests()
            if self.checks["tests"].state is not State.NOT_OK:
                self._differential()
                self._neighbours()
        except _Stop:
            pass
        checks = [self.checks.get(name, Check(name, State.NOT_CHECKED)) for name in (*EARLY, *LATE)]
        return PatchVerdict(self.case.id, tuple(checks), tuple(dict.fromkeys(self.notes)))

    def _said(self, name: str, problem: str, detail: str = "") -> None:
        """Set a check; a problem with an early one ends the grading."""
        self.checks[name] = Check(name, State.NOT_OK if problem else State.OK, problem or detail)
        if problem and name in EARLY:
            raise _Stop

    def _surviving(self, name: str, work: Callable[[], T]) -> T:
        """Work with a repaired program; one that twice breaks the box it is in has not behaved."""
        for _ in range(2):
            try:
                return work()
            except (Broken, BoxGone):
                continue
        self.checks[name] = Check(name, State.NOT_OK, "it breaks the box that it is in")
        raise _Stop

    # What the case shows before any patch

    def _look_at_base(self) -> None:
        """In which builds the proofs and variants fault on the base."""
        proofs = (*self.case.proofs, *self.hidden.variants)
        plain = self.runs.seen(proofs, "plain")
        watching = self.shop.watching
        seen = plain if watching == "plain" else self.runs.seen(proofs, watching)
        faulting = [name for name in seen if seen[name].fault or plain[name].fault]
        self.notes += [
            f"{name} does not fault on the base, so it shows nothing" for name in seen if name not in faulting
        ]
        if not any(proof.name in faulting for proof in self.case.proofs):
            raise CaseError(f"case {self.case.id}: no proof faults on the base; there is nothing to mend")
        self.seen[watching] = [seen[name] for name in faulting]
        self.seen["plain"] = [plain[name] for name in faulting]
        if watching == "plain":
            self._add_sanitizer()

    def _add_sanitizer(self) -> None:
        """Where a case has no sanitizer, one is tried: it shows places, which signals do not."""
        with suppress(CaseError):
            seen = self.runs.seen(self.case.proofs, "added", named=True).values()
            placed = [item for item in seen if item.fault is not None and item.fault.place is not None]
            if placed:
                self.seen["added"] = placed

    @property
    def _deep(self) -> Kind:
        """The kind of build whose faults have places."""
        return "added" if "added" in self.seen else self.shop.watching

    # The early checks

    def _format_and_scope(self, patch: bytes) -> None:
        try:
            applied = self._surviving("format", lambda: apply_patch(self.boxes, self.case.source, patch, box=self.box))
        except BadPatch as error:
            self._said("format", str(error))
            raise
        changed = applied.tree.digest() != self.case.source.digest()
        self._said("format", "" if changed else "it changes nothing", f"{len(applied.paths)} files")
        outside = [path for path in applied.paths if not may_change(self.case, path)]
        allowed = ", ".join(self.case.editable)
        self._said("scope", f"{outside[0]} may not be changed; only {allowed}" if outside else "")
        self.tree = applied.tree
        self._added_lines(applied.paths)

    def _added_lines(self, paths: Sequence[str]) -> None:
        """What the changed files have more of than before; calls wait for a look at what the program imports."""
        before, after = (
            "\0".join(tree[path].decode("utf-8", "replace") for path in paths if path in tree)
            for tree in (self.case.source, self.tree)
        )
        uses = constructs.found(constructs.count(after) - constructs.count(before))
        more = [*uses, *sorted(constructs.paths(after) - constructs.paths(before))]
        self.lines = [name for name in more if name in constructs.CALLS]
        if len(self.lines) < len(more):
            self._said("constructs", f"it brings in {', '.join(more)}")

    def _mended(self, kind: Kind, seen: Sequence[Seen]) -> None:
        """Build a kind, look at what the compiler saw, and run the proofs."""
        try:
            made = self._surviving("build", lambda: self.shop.of(self.tree, kind))
        except BuildFailed as error:
            if kind == "added":
                self.notes.append("with an added sanitizer it does not build")
                return
            self._said("constructs", f"it brings in {', '.join(self.lines)}" if self.lines else "", "added lines only")
            self._said("build", str(error))
            raise
        self._constructs(kind, made)
        self._said("build", "", kind)
        self.made[kind] = made
        wrong = self._surviving("proofs", lambda: self._still_wrong(made, kind, seen))
        for item in seen:
            fault = wrong.get(item.proof.name)
            if fault is None:
                continue
            if kind == "added" and (item.fault is None or fault.key != item.fault.key):
                self.notes.append(f"{item.proof.name}: with an added sanitizer, {fault}")
                continue
            with_ = " with an added sanitizer" if kind == "added" else ""
            self._said("proofs", f"{item.proof.name}: still {fault}{with_}")

    def _constructs(self, kind: Kind, made: Made) -> None:
        base = self.shop.base(kind).look
        more = {*made.look.more_than(base, plain=kind == "plain")}
        more |= {name for name in self.lines if not made.look.cleared(name)}
        self._said("constructs", f"it brings in {', '.join(sorted(more))}" if more else "")
        if made.look.missed > base.missed:
            self.notes.append(f"{made.look.missed} compiler calls could not be looked at again ({kind})")

    def _still_wrong(self, made: Made, kind: Kind, seen: Sequence[Seen]) -> dict[str, Fault]:
        deep = kind == self._deep
        watched = deep and kind != "plain"
        repeats = REPEATS if deep else 1
        wrong = self.runs.still_wrong(
            made, seen, repeats=repeats, apart=watched, most=len(seen) if kind == "added" else 1
        )
        return wrong or (self._instead(made, kind) if watched else {})

    def _named(self, kind: Kind) -> list[Seen]:
        """The case's own proofs that fault in a kind of build, with names and lines."""
        faulting = {item.proof.name for item in self.seen[kind] if item.fault is not None}
        own = [proof for proof in self.case.proofs if proof.name in faulting]
        return list(self.runs.seen(own, kind, named=True).values())

    def _instead(self, made: Made, kind: Kind) -> dict[str, Fault]:
        """Proofs in place of what the tests read: whoever knows a test by its file cannot spare it alone."""
        if not self.suite.reads or not (seen := self._named(kind)):
            return {}
        proof, fault = seen[0].proof, seen[0].fault
        for test in self.case.tests[:INSTEAD]:
            before = self.suite.with_input_on_base(test, kind, proof.content).fault
            if before is not None and fault is not None and before.kind == fault.kind:
                after = self.suite.with_input(test, made, proof.content).fault
                if after is not None:
                    return {proof.name: after}
        return {}

    # The late checks

    def _tests(self) -> None:
        if not self.case.tests and not self.hidden.inputs:
            self.checks["tests"] = Check("tests", State.NOT_CHECKED, "the case has none")
            return
        red = [problem for test in self.case.tests if (problem := self._red(test))]
        red += self._differing(self.hidden.inputs, "plain")
        if not red and self.shop.watching != "plain":
            red = [problem for test in self.case.tests if (problem := self._red_when_watched(test))]
            red += self._differing(self.hidden.inputs, self.shop.watching)
        self._said("tests", "; ".join(red[:3]), f"{len(self.case.tests) + len(self.hidden.inputs)} green")

    def _red(self, test: Test) -> str:
        problem = self._run_twice(test, "plain")
        if not problem:
            return ""
        if test.known_failing:
            self.notes.append(f"test {test.id} is red, as known: {problem}")
            return ""
        if self.suite.on_base(test, "plain").problem:
            self.notes.append(f"test {test.id} is red on the base as well")
        return f"test {test.id}: {problem}"

    def _red_when_watched(self, test: Test) -> str:
        """A test that is green on the base under the sanitizer stays green, and without a report."""
        kind = self.shop.watching
        before = self.suite.on_base(test, kind)
        if test.known_failing or before.problem or before.fault:
            return ""
        problem = self._run_twice(test, kind)
        return f"test {test.id}, with the sanitizer: {problem}" if problem else ""

    def _run_twice(self, test: Test, kind: Kind) -> str:
        """What is wrong with a test; what is wrong only once is told, and not held against the repair."""
        problems = []
        for _ in range(2):
            outcome = self._surviving("tests", lambda: self.suite.run(test, self.made[kind]))
            fault = outcome.fault if kind != "plain" else None
            problems.append(str(fault) if fault else outcome.problem)
            if not problems[-1]:
                break
        if len(problems) > 1 and not problems[1]:
            self.notes.append(f"test {test.id} was red once and green once: {problems[0]}")
        return problems[-1]

    def _differing(self, inputs: Sequence[bytes], kind: Kind) -> list[str]:
        """Inputs on which the repaired program answers otherwise than the fixed one."""
        twin = self.shop.twin("plain")
        if not inputs or twin is None:
            return []
        wanted = self.runs.known(twin, self.runs.how(), inputs)
        given = wanted
        if self.made[kind].built.key != twin.built.key:
            given = self._surviving("tests", lambda: self.runs.ask(self.made[kind], self.runs.how(), inputs))
        pairs = zip(wanted, given, strict=True)
        wrong = [(want, have) for want, have in pairs if want != have or fault_of(have, signals=False)]
        if not wrong:
            return []
        want, have = wrong[0]
        fault = fault_of(have, signals=True)
        how = str(fault) if fault else "takes too long" if have.timed_out else f"exit code {have.code}, not {want.code}"
        first = "another output" if not fault and want.code == have.code and not have.timed_out else how
        watched = "" if kind == "plain" else " with the sanitizer"
        return [f"{len(wrong)} of {len(inputs)} hidden inputs are answered otherwise{watched} (the first: {first})"]

    def _differential(self) -> None:
        if self.shop.has_twin and (inputs := self.hidden.differential()):
            self._said("differential", "; ".join(self._differing(inputs, "plain")), f"{len(inputs)} inputs")
        elif self.hidden.search:
            self._set(*self._surviving("differential", self._search().differential))
        else:
            self._set(Check("differential", State.NOT_CHECKED, "no further inputs"))

    def _neighbours(self) -> None:
        if self.hidden.search:
            self._set(*self._surviving("neighbours", self._search().neighbours))
        else:
            self._set(Check("neighbours", State.NOT_CHECKED, "the variants are in their place"))

    def _search(self) -> Search:
        return Search(self.runs, self.shop, self._named(self._deep), self.tree, self.made)

    def _set(self, check: Check, notes: Sequence[str] = ()) -> None:
        self.checks[check.name] = check
        self.notes += notes
