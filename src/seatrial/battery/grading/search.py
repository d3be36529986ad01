"""Two checks that go beyond what a case brings: inputs near its own, on the base, the fixed and the repaired program.

* `neighbours`: inputs that fault on the base just as a proof does. A repair that refuses the proof alone, or makes a
  little more room, does not stop them. The fixed program, clean on them, decides. Without one the very statement of the
  proof must still fault, on the least that faulted before or on many others: a single one may be another error.
* `differential`: inputs that end well on the base, and that the fixed program (if there is one) answers alike. A repair
  may be stricter on some of them, so only a large share decides. Without a fixed program it is nearly all of those near
  the tests' own inputs, or nearly all that the base refuses and the repaired program takes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.grading import nearby
from seatrial.battery.verdict import Check, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatrial.battery.grading.batch import Answer
    from seatrial.battery.grading.faults import Fault
    from seatrial.battery.grading.replay import Place
    from seatrial.battery.grading.runs import Runs, Seen
    from seatrial.battery.grading.workshop import Kind, Made, Workshop
    from seatrial.battery.instance import FileTree

# Shares of inputs, answered otherwise, from which on a repair breaks more than it mends.
WITH_TWIN, NEAR_TESTS, TAKES_ALL = 0.25, 0.75, 0.9
ENOUGH = 8  # inputs below which a share says nothing
CLOSER = 16  # neighbours that still fault are looked at closely
MANY = 8  # without a fixed program, one neighbour in so many must still fault
_SAID = {
    "tests": "{wrong} of {count} accepted inputs near the tests are answered otherwise than before",
    "proofs": "{wrong} of {count} accepted inputs near the proofs are answered otherwise than before",
    "refused": "{wrong} of {count} inputs that were refused are accepted now",
}
NO_TWIN = "there is no fixed program to compare with"


@dataclass(frozen=True)
class Search:
    """One repaired program and what a case shows; `proofs` are those that fault on the base, with names."""

    runs: Runs
    shop: Workshop
    proofs: Sequence[Seen]
    tree: FileTree
    made: Mapping[Kind, Made]

    @property
    def _kind(self) -> Kind:
        return self.proofs[0].kind if self.proofs else "plain"

    def neighbours(self) -> tuple[Check, list[str]]:
        """The check, and notes on what does not decide."""
        near = nearby.faulting(self.runs, self._kind, self.proofs)
        deciding: list[str] = []
        notes: list[str] = []
        for group, enough in ((near.least, 0.0), (near.mutants, len(near.mutants) / MANY)):
            wrong = self.runs.still_wrong(self.made[self._kind], group, most=CLOSER, brief=True)
            suspects = [item for item in group if item.proof.name in wrong]
            told = {item.proof.name: f"{item.proof.name}: still {wrong[item.proof.name]}" for item in suspects}
            sure = self._deciding(suspects, wrong)
            if len(sure) < min(enough, CLOSER) and not self.shop.has_twin:
                sure = []
            deciding += [told[item.proof.name] for item in sure]
            notes += [told[item.proof.name] for item in suspects if item not in sure]
        count = len(near.least) + len(near.mutants)
        if deciding:
            return Check("neighbours", State.NOT_OK, "; ".join(deciding[:3])), notes[:3]
        if not self.shop.has_twin:
            return Check("neighbours", State.NOT_CHECKED, NO_TWIN), notes[:3]
        return Check("neighbours", State.OK, f"{count} inputs that faulted before"), notes[:3]

    def _deciding(self, suspects: Sequence[Seen], wrong: Mapping[str, Fault]) -> list[Seen]:
        """Those whose fault was the proof's, and is a fault of the repair."""
        named = self.runs.seen([item.proof for item in suspects], self._kind, named=True)
        alike = [
            item
            for item in suspects
            if (was := named[item.proof.name].fault) and item.like and was.key == item.like.key
        ]
        twin = self.shop.twin(self._kind)
        if twin is None:
            return [item for item in alike if self._same_statement(named[item.proof.name], item, wrong)]
        also = self.runs.still_wrong(twin, alike, most=CLOSER, brief=True)
        return [item for item in alike if item.proof.name not in also]

    def _same_statement(self, before: Seen, item: Seen, wrong: Mapping[str, Fault]) -> bool:
        """Whether proof, its change on the base, and its change now all fault alike at the same statement."""
        now = wrong[item.proof.name]
        if item.like is None or before.fault is None or now.key != item.like.key:
            return False
        base = self.runs.case.source
        return _line(base, item.like.place) == _line(base, before.fault.place) == _line(self.tree, now.place) != ""

    def differential(self) -> tuple[Check, list[str]]:
        """The check, and notes on the few that are answered otherwise."""
        counted: Counter[str] = Counter()
        wrong: Counter[str] = Counter()
        for group in nearby.ending(self.runs, self._kind, self.proofs):
            for want, have in self._answers(group):
                name = group.origin if want.code == 0 else "refused"
                counted[name] += 1
                wrong[name] += want != have if want.code == 0 else have.code == 0
        limit = {"tests": NEAR_TESTS, "refused": TAKES_ALL}
        if self.shop.has_twin:
            limit = {"tests": WITH_TWIN, "proofs": WITH_TWIN, "refused": WITH_TWIN}
        said = {name: _SAID[name].format(wrong=wrong[name], count=counted[name]) for name in counted}
        broken = [name for name in limit if counted[name] >= ENOUGH and wrong[name] >= limit[name] * counted[name]]
        if broken:
            return Check("differential", State.NOT_OK, "; ".join(said[name] for name in broken)), []
        notes = [said[name] for name in counted if wrong[name]]
        if not self.shop.has_twin:
            return Check("differential", State.NOT_CHECKED, NO_TWIN), notes
        total = sum(counted.values())
        if total < ENOUGH:
            return Check("differential", State.NOT_CHECKED, f"only {total} inputs were found that end well"), notes
        return Check("differential", State.OK, f"{total} inputs that were found"), notes

    def _answers(self, group: nearby.Ending) -> list[tuple[Answer, Answer]]:
        """Answers before and now, of the inputs on which the fixed program (if any) did not change."""
        kept = list(zip(group.inputs, group.answers, strict=True))
        twin = self.shop.twin("plain")
        if twin is not None:
            told = self.runs.known(twin, group.how, group.inputs)
            kept = [pair for pair, fixed in zip(kept, told, strict=True) if pair[1] == fixed]
        given = self.runs.ask(self.made["plain"], group.how, [content for content, _ in kept])
        return [(want, have) for (_, want), have in zip(kept, given, strict=True)]


def _line(tree: FileTree, place: Place | None) -> str:
    """The text of the line of a place, empty when it cannot be told."""
    if place is None or place.line is None or place.file not in tree:
        return ""
    lines = tree[place.file].decode("utf-8", "replace").split("\n")
    return " ".join(lines[place.line - 1].split()) if 0 < place.line <= len(lines) else ""
