"""Inputs near those that a case brings: small seeded changes of its proofs and of its tests' inputs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.battery.draw import Draw
from seatrial.battery.grading.faults import fault_of
from seatrial.battery.grading.runs import Seen

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
_NUMBER = re.compile(rb"[0-9]{1,9}")
BRIEF_S = 2.0  # a mutant that takes longer shows nothing that is worth waiting for


@dataclass(frozen=True)
class Accepted:
    """Inputs that the base accepts, with its answers, run alike."""

    origin: str  # proofs | tests
    how: Execution
    inputs: tuple[bytes, ...]
    answers: tuple[Answer, ...]


def faulting(runs: Runs, kind: Kind, seen: Sequence[Seen]) -> list[Seen]:
    """Up to `NEIGHBOURS` mutants that fault on the base with the class of their proof."""
    return runs.fact("faulting", kind, [item.proof for item in seen], lambda: _faulting(runs, seen))


def _faulting(runs: Runs, seen: Sequence[Seen]) -> list[Seen]:
    found: list[Seen] = []
    for item in seen:
        if item.fault is None:
            continue
        mutants = _of_proof(item.proof, len(seen))
        told = runs.known(runs.shop.base(item.kind), _brief(runs.how(item.proof)), mutants)
        for number, (mutant, answer) in enumerate(zip(mutants, told, strict=True), 1):
            fault = fault_of(answer, signals=runs.signals)
            if fault is not None and fault.kind == item.fault.kind:
                proof = replace(item.proof, name=f"change {number} of {item.proof.name}", content=mutant)
                found.append(Seen(proof, item.kind, fault, answer, item.fault))
    return (
        [found[number * len(found) // NEIGHBOURS] for number in range(NEIGHBOURS)] if len(found) > NEIGHBOURS else found
    )


def accepted(runs: Runs, kind: Kind, seen: Sequence[Seen]) -> list[Accepted]:
    """Mutants and tests' inputs that end well on the base, with the same answer in every build and every run."""
    beside = runs.case.tests_tree.digest()
    return runs.fact(f"accepted {beside}", kind, [item.proof for item in seen], lambda: _all_accepted(runs, kind, seen))


def _all_accepted(runs: Runs, kind: Kind, seen: Sequence[Seen]) -> list[Accepted]:
    out = []
    for item in seen:
        out += _accepted(runs, kind, "proofs", _brief(runs.how(item.proof)), _of_proof(item.proof, len(seen)))
    given = _tests_inputs(runs)
    if given:
        share = max(1, TEST_MUTANTS // len(given))
        inputs = [mutant for content in given for mutant in (content, *mutants_of(content, share))]
        out += _accepted(runs, kind, "tests", _brief(runs.how()), inputs)
    return out


def _accepted(runs: Runs, kind: Kind, origin: str, how: Execution, inputs: Sequence[bytes]) -> list[Accepted]:
    told = runs.known(runs.shop.base(kind), how, inputs)
    good = [
        (content, answer)
        for content, answer in zip(inputs, told, strict=True)
        if answer.code == 0 and not answer.timed_out and fault_of(answer, signals=True) is None
    ]
    again = runs.known(runs.shop.base("plain"), how, [content for content, _ in good])
    kept = [(content, new) for (content, old), new in zip(good, again, strict=True) if old == new]
    return [Accepted(origin, how, tuple(item for item, _ in kept), tuple(item for _, item in kept))] if kept else []


def _brief(how: Execution) -> Execution:
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
