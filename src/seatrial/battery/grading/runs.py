"""Inputs of a case through its builds, and what they show: the small vocabulary in which a repair is judged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from posixpath import splitext
from typing import TYPE_CHECKING, TypeVar

from seatrial.battery.grading.batch import Answer, Way, answers
from seatrial.battery.grading.faults import UNDEFINED, Fault, fault_of, remarks, signal_of
from seatrial.battery.grading.replay import FATAL, Execution
from seatrial.battery.grading.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seatrial.battery.grading.case import Case, Proof
    from seatrial.battery.grading.workshop import Kind, Made, Workshop
    from seatrial.sandbox import Boxes, BoxSpec

T = TypeVar("T")
BRIEF_S = 2.0  # an input that a search made up shows nothing that is worth waiting longer for
FACTS_BYTES = 64 * 1024 * 1024
_FACTS = Shelf(FACTS_BYTES)
NAMED = Way(symbols=True)
_AFTER_RETURN = ("stack-use-after-return",)  # seen only where locals live apart, and no part of the case


@dataclass(frozen=True)
class Seen:
    """What one build of the base does on an input; `like` is the fault of the proof that the input was made from."""

    proof: Proof
    kind: Kind
    fault: Fault | None
    answer: Answer
    like: Fault | None = None


class Runs:
    """Inputs through builds of one case; answers of the case's own programs are remembered."""

    def __init__(self, case: Case, shop: Workshop, boxes: Boxes, box: BoxSpec) -> None:
        self.case, self.shop, self.boxes, self.box = case, shop, boxes, box
        self.signals = "signal" in case.run.faults

    def how(self, proof: Proof | None = None) -> Execution:
        """How an input is run: as the case says, or as its proof says."""
        run = self.case.run
        command = (proof.command if proof else ()) or run.command
        return Execution(command, run.stdin, run.timeout_s, self.signals, proof.name if proof else "input")

    def ask(self, made: Made, how: Execution, inputs: Sequence[bytes], way: Way | None = None) -> tuple[Answer, ...]:
        """The answers of any build."""
        return answers(self.boxes, made.built, how, inputs, box=self.box, way=way)

    def known(self, made: Made, how: Execution, inputs: Sequence[bytes], way: Way | None = None) -> tuple[Answer, ...]:
        """The answers of a build of the case's own, remembered."""
        asked = hashlib.sha256(b"".join(hashlib.sha256(item).digest() for item in inputs)).hexdigest()
        key = f"{made.built.key}\0{how!r}\0{way!r}\0{asked}"
        return _FACTS.get(
            key, lambda: self.ask(made, how, inputs, way), lambda found: sum(200 + len(item.reports) for item in found)
        )

    def fact(self, what: str, kind: Kind, proofs: Iterable[Proof], work: Callable[[], T]) -> T:
        """Something that follows from the base and some proofs alone, remembered."""
        asked = [(proof.name, proof.command, hashlib.sha256(proof.content).hexdigest()) for proof in proofs]
        return _FACTS.get(f"{what}\0{self.shop.base(kind).built.key}\0{self.case.run!r}\0{asked!r}", work)

    def seen(self, proofs: Iterable[Proof], kind: Kind, *, named: bool = False) -> dict[str, Seen]:
        """What the base does on each input in one kind of build, by name; `named`: places have names and lines."""
        base = self.shop.base(kind)
        found = {}
        for how, group in self.grouped(proofs):
            told = self.known(base, how, [proof.content for proof in group], NAMED if named else None)
            for proof, answer in zip(group, told, strict=True):
                found[proof.name] = Seen(proof, kind, fault_of(answer, signals=self.signals), answer)
        return found

    def grouped(self, proofs: Iterable[Proof]) -> list[tuple[Execution, list[Proof]]]:
        """Proofs that are run alike."""
        groups: dict[tuple[tuple[str, ...], str], list[Proof]] = {}
        for proof in proofs:
            groups.setdefault((proof.command, splitext(proof.name)[1]), []).append(proof)
        return [(self.how(group[0]), group) for group in groups.values()]

    def still_wrong(
        self,
        made: Made,
        before: Sequence[Seen],
        *,
        repeats: int = 1,
        apart: bool = False,
        most: int = 1,
        brief: bool = False,
    ) -> dict[str, Fault]:
        """What a repaired build still does wrong on inputs that fault on the base, by name: the first, or some more.

        A fault at any place counts, and so does an end by another signal or a new time-out. `apart`: one more run of
        each has its locals where no trick with the stack makes the sanitizer forget them. `brief`: with less time.
        """
        found: dict[str, Fault] = {}
        seen = {item.proof.name: item for item in before}
        for usual, group in self.grouped([item.proof for item in before]):
            how = replace(usual, timeout_s=min(usual.timeout_s, BRIEF_S)) if brief else usual
            asked = [(proof, False) for proof in group for _ in range(repeats)]
            asked += [(proof, True) for proof in group if apart]
            told = self._asked(made, how, asked, named=False)
            suspects = {
                proof.name: (proof, own_stack, wrong)
                for (proof, own_stack), answer in reversed(list(zip(asked, told, strict=True)))
                if (wrong := self._wrong(answer, seen[proof.name], own_stack)) is not None
            }
            waiting = [suspects[proof.name] for proof in group if proof.name in suspects]
            while waiting and len(found) < most:
                found |= self._confirmed(made, how, waiting[:most], seen)
                waiting = waiting[most:]
        return found

    def _asked(
        self, made: Made, how: Execution, asked: Sequence[tuple[Proof, bool]], *, named: bool
    ) -> Sequence[Answer]:
        own_stack = frozenset(at for at, (_, apart) in enumerate(asked) if apart)
        return self.ask(made, how, [proof.content for proof, _ in asked], Way(symbols=named, own_stack=own_stack))

    def _confirmed(
        self, made: Made, how: Execution, suspects: Sequence[tuple[Proof, bool, Fault]], seen: Mapping[str, Seen]
    ) -> dict[str, Fault]:
        """The suspects once more, with names, by which remarks on undefined behaviour are told from known ones."""
        told = self._asked(made, how, [(proof, apart) for proof, apart, _ in suspects], named=True)
        found = {}
        for (proof, apart, first), answer in zip(suspects, told, strict=True):
            wrong = self._wrong(answer, seen[proof.name], apart, named=True)
            if wrong is not None or first.tool != UNDEFINED:
                found[proof.name] = wrong or first
        return found

    def _wrong(self, answer: Answer, seen: Seen, apart: bool, *, named: bool = False) -> Fault | None:  # noqa: FBT001 - as asked
        before = seen.answer
        known = self._known_remarks(seen) if named else ()
        fault = fault_of(answer, signals=self.signals, known=known, ignored=_AFTER_RETURN if apart else ())
        if fault is not None:
            return fault
        if answer.timed_out and not before.timed_out:
            return Fault(f"takes longer than {self.case.run.timeout_s:g} s", "time")
        name = signal_of(answer)
        if name and name not in FATAL and signal_of(before) != name:
            return Fault(f"ends by {name}", "signal")
        return None

    def _known_remarks(self, seen: Seen) -> frozenset[tuple[str, str]]:
        """Remarks about undefined behaviour that the base makes as well, but for those that the proof is about."""
        about = {seen.proof.fault_class, seen.fault.kind if seen.fault else ""}
        named = self.seen([seen.proof], seen.kind, named=True)[seen.proof.name]
        return frozenset(key for key in remarks(named.answer) if key[0] not in about)
