"""Inputs near those that a case brings.

Small seeded changes of its proofs and of its tests' inputs, and the least that still faults: each number of a proof,
each run of equal bytes and its end made as small as the fault allows, for a repair is wrong first at the border.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from seatrial.battery.draw import Draw
from seatrial.battery.grading.faults import fault_of
from seatrial.battery.grading.runs import BRIEF_S, Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.battery.grading.batch import Answer
    from seatrial.battery.grading.case import Proof
    from seatrial.battery.grading.replay import Execution
    from seatrial.battery.grading.runs import Runs
    from seatrial.battery.grading.workshop import Kind

MUTANTS, NEIGHBOURS = 512, 128  # per case: of proofs tried on the base, and kept of those that fault alike
TEST_MUTANTS = 128  # per case: of its tests' inputs tried on the base
MOST_INPUT = 256 * 1024  # bytes of an input of which mutants are made
MOST_REPEATED = 4096  # bytes that a repeated piece may come to
MOST_MEASURES = 48  # of a proof that are made smaller
HALVINGS = 12  # enough for a value below 4096; larger ones come near enough
_RUN = re.compile(rb"(.)\1{7,}", re.DOTALL)
_NUMBER = re.compile(rb"[0-9]{1,9}")


@dataclass(frozen=True)
class Ending:
    """Inputs that end without a fault on the base, with its answers, run alike."""

    origin: str  # proofs | tests
    how: Execution
    inputs: tuple[bytes, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Near:
    """Inputs that fault on the base with the class of their proof."""

    least: tuple[Seen, ...]
    mutants: tuple[Seen, ...]


def faulting(runs: Runs, kind: Kind, seen: Sequence[Seen]) -> Near:
    """What faults near the proofs: the least of each, and up to `NEIGHBOURS` mutants."""
    return runs.fact("faulting", kind, [item.proof for item in seen], lambda: _faulting(runs, seen))


def _faulting(runs: Runs, seen: Sequence[Seen]) -> Near:
    least: list[Seen] = []
    found: list[Seen] = []
    for item in seen:
        if item.fault is None or len(item.proof.content) > MOST_INPUT:
            continue
        least += _alike(runs, item, "the least", _least(runs, item))
        found += _alike(runs, item, "change", _of_proof(item.proof, len(seen)))
    if len(found) > NEIGHBOURS:
        found = [found[number * len(found) // NEIGHBOURS] for number in range(NEIGHBOURS)]
    return Near(tuple(least), tuple(found))


def _alike(runs: Runs, item: Seen, what: str, inputs: Sequence[bytes]) -> list[Seen]:
    """The inputs that fault on the base with the class of their proof."""
    told = runs.known(runs.shop.base(item.kind), brief(runs.how(item.proof)), inputs)
    out = []
    for number, (content, answer) in enumerate(zip(inputs, told, strict=True), 1):
        fault = fault_of(answer, signals=runs.signals)
        if fault is not None and item.fault is not None and fault.kind == item.fault.kind:
            proof = replace(item.proof, name=f"{what} {number} of {item.proof.name}", content=content)
            out.append(Seen(proof, item.kind, fault, answer, item.fault))
    return out


def _least(runs: Runs, item: Seen) -> list[bytes]:
    """Every measure of the proof made as small as the fault allows, all at once by halving."""
    measures = measures_of(item.proof.content)
    span = [(0, measure.value) for measure in measures]  # the fault is there at the upper end
    for _ in range(HALVINGS):
        tried = [at for at, (low, high) in enumerate(span) if low < high]
        inputs = [measures[at].made(sum(span[at]) // 2) for at in tried]
        told = runs.known(runs.shop.base(item.kind), brief(runs.how(item.proof)), inputs)
        for at, answer in zip(tried, told, strict=True):
            fault = fault_of(answer, signals=runs.signals)
            still = fault is not None and item.fault is not None and fault.kind == item.fault.kind
            low, high = span[at]
            span[at] = (low, (low + high) // 2) if still else ((low + high) // 2 + 1, high)
    made = (measure.made(high) for measure, (_, high) in zip(measures, span, strict=True) if high < measure.value)
    return list(dict.fromkeys(made))


def ending(runs: Runs, kind: Kind, seen: Sequence[Seen]) -> list[Ending]:
    """Mutants and tests' inputs that end without a fault on the base, alike in every build and every run."""
    beside = runs.case.tests_tree.digest()
    return runs.fact(f"ending {beside}", kind, [item.proof for item in seen], lambda: _ending(runs, kind, seen))


def _ending(runs: Runs, kind: Kind, seen: Sequence[Seen]) -> list[Ending]:
    asked = [("proofs", brief(runs.how(item.proof)), _of_proof(item.proof, len(seen))) for item in seen]
    if given := _tests_inputs(runs):
        share = max(1, TEST_MUTANTS // len(given))
        inputs = [mutant for content in given for mutant in (content, *mutants_of(content, share))]
        asked.append(("tests", brief(runs.how()), inputs))
    out = []
    for origin, how, inputs in asked:
        told = runs.known(runs.shop.base(kind), how, inputs)
        good = [
            (content, answer)
            for content, answer in zip(inputs, told, strict=True)
            if not answer.timed_out and fault_of(answer, signals=True) is None
        ]
        again = runs.known(runs.shop.base("plain"), how, [content for content, _ in good])
        kept = [(content, new) for (content, old), new in zip(good, again, strict=True) if old == new]
        if origin == "tests":
            kept = _meaning_something(kept, given)
        out.append(Ending(origin, how, tuple(item for item, _ in kept), tuple(item for _, item in kept)))
    return out


def _meaning_something(told: list[tuple[bytes, Answer]], given: Sequence[bytes]) -> list[tuple[bytes, Answer]]:
    """The tests' inputs, and those changes of them that are answered as none of them is."""
    usual = {answer.stdout_sha256 for content, answer in told if content in given and answer.code == 0}
    return [pair for pair in told if pair[0] in given or pair[1].code != 0 or pair[1].stdout_sha256 not in usual]


def brief(how: Execution) -> Execution:
    """With less time: for inputs that a search made up."""
    return replace(how, timeout_s=min(how.timeout_s, BRIEF_S))


def _tests_inputs(runs: Runs) -> list[bytes]:
    """Files beside the tests that may be inputs: the base decides."""
    expected = {test.stdout for test in runs.case.tests}
    return [
        content
        for path, content, _ in runs.case.tests_tree
        if len(content) <= MOST_INPUT and not path.endswith(".sh") and content[:2] != b"#!" and content not in expected
    ]


def _of_proof(proof: Proof, proofs: int) -> list[bytes]:
    return mutants_of(proof.content, max(1, MUTANTS // proofs)) if len(proof.content) <= MOST_INPUT else []


@dataclass(frozen=True)
class Measure:
    """Something in an input that can be made smaller: a number, a run of equal bytes, the part before the end."""

    content: bytes
    start: int
    end: int
    value: int
    kind: Literal["decimal", "byte", "run", "size"]

    def made(self, value: int) -> bytes:
        """The input with another value."""
        if self.kind == "size":
            return self.content[:value]
        new = str(value).encode() if self.kind == "decimal" else bytes([value]) if self.kind == "byte" else b""
        if self.kind == "run":
            new = self.content[self.start : self.start + 1] * value
        return self.content[: self.start] + new + self.content[self.end :]


def measures_of(content: bytes) -> list[Measure]:
    """At most `MOST_MEASURES` measures, the longest runs and the first bytes before others."""
    runs = [Measure(content, at.start(), at.end(), len(at[0]), "run") for at in _RUN.finditer(content)]
    runs = sorted(runs, key=lambda run: -run.value)[: MOST_MEASURES // 3]
    found = [Measure(content, at.start(), at.end(), int(at[0]), "decimal") for at in _NUMBER.finditer(content)]
    if not content.isascii() or b"\0" in content:
        found += [Measure(content, at, at + 1, byte, "byte") for at, byte in enumerate(content) if byte]
    return [Measure(content, 0, 0, len(content), "size"), *runs, *found][:MOST_MEASURES]


def mutants_of(content: bytes, count: int) -> list[bytes]:
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
    kind = draw.below(11)
    numbers = list(_NUMBER.finditer(data)) if kind > 8 else []
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
    elif kind in {6, 7}:
        piece = bytes(data[at : at + draw.between(1, 8)])
        data[at:at] = piece * min(1 << draw.between(2, 9), MOST_REPEATED // len(piece))
    elif not numbers:
        data.extend(data[-draw.between(1, 32) :])
    else:
        found = draw.choice(numbers)
        value = int(found[0])
        other = draw.choice((value + 1, max(0, value - 1), 2 * value, 8 * value, value // 2, 0, 255, 65536))
        data[found.start() : found.end()] = str(other).encode()
