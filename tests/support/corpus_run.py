"""One program of the made corpus in sealed boxes: its truth, what reproduction and clustering say, and its matrix."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from seatrial.clearinghouse.disposition import Disposition
from seatrial.clearinghouse.finding import Expect, Recipe
from seatrial.clearinghouse.grouping import (
    Matrix,
    Patch,
    Proof,
    agreements,
    candidates,
    cluster_traces,
    contradictions,
    near,
    pdm,
    trace_of,
)
from seatrial.clearinghouse.grouping.patch_matrix import change_digest
from seatrial.clearinghouse.patching import measure
from seatrial.clearinghouse.replaying import Bench, Case
from seatrial.clearinghouse.reproduce import reproduce
from seatrial.sandbox import SealedBoxes

if TYPE_CHECKING:
    from seatrial.clearinghouse.reproduce import Verdict
    from support.crash_corpus import Program

BUILD = ("gcc", "-g", "-O0", "-fsanitize=address", "-fno-omit-frame-pointer", "-o", "target", "target.c")


@dataclass(frozen=True)
class Seen:
    """What came of a program; lists go by proof, groups are numbers of proofs.

    `truth`: the bug that alone, mended, stops the proof; 0 where it is not one. `parted`: groups that a patch of their
    own speaks against. `joined`: pairs of groups that two-way agreements join.
    """

    truth: tuple[int, ...]
    verdicts: tuple[Verdict, ...]
    groups: tuple[tuple[int, ...], ...]
    joined: tuple[tuple[int, int], ...]
    parted: tuple[int, ...]
    proposed: tuple[tuple[int, int], ...]

    @property
    def final(self) -> list[list[int]]:
        """The groups after the joins."""
        home = list(range(len(self.groups)))
        for one, other in self.joined:
            low, high = sorted((home[one], home[other]))
            home = [low if place == high else place for place in home]
        return [
            [member for number, group in enumerate(self.groups) if home[number] == place for member in group]
            for place in sorted(set(home))
        ]


@cache
def _bench(process: int) -> Bench:
    del process  # a forked process opens boxes of its own
    return Bench(SealedBoxes())


def case_of(program: Program, *flags: str) -> Case:
    """The program's case, built with these flags."""
    recipe = Recipe(
        image="host",
        build=(*BUILD, *flags),
        run=("./target", "{pov}"),
        test=("sh", "test.sh"),
        timeout_s=10,
        expect=Expect.CRASH,
    )
    files = (("target.c", program.source.encode()), ("test.sh", program.test.encode()))
    return Case(recipe, files=files, seed=b"a03")


def seen(program: Program) -> Seen:
    """Run everything about one program, in boxes of this process."""
    bench = _bench(os.getpid())
    case = case_of(program)
    verdicts = tuple(reproduce(bench, replace(case, pov=proof.pov)) for proof in program.proofs)
    traces = [trace_of(program.name, one.report) if one.report else None for one in verdicts]
    groups = tuple(group.members for group in cluster_traces(traces).groups)
    home = {member: number for number, group in enumerate(groups) for member in group}
    measured = _matrix(bench, program, home)
    pairs, hints = agreements(measured)
    joined = tuple((int(one), int(other)) for one, other in pairs)
    nearby = [
        hint
        for one in range(len(groups))
        for other in range(one)
        if (hint := near(f"{other:03d}", f"{one:03d}", _nearest(groups[one], groups[other], traces)))
    ]
    proposed = tuple((int(one.one), int(one.other)) for one in candidates([*hints, *nearby]))
    return Seen(_truth(bench, program), verdicts, groups, joined, tuple(map(int, contradictions(measured))), proposed)


def _truth(bench: Bench, program: Program) -> tuple[int, ...]:
    stopped: list[list[int]] = [[] for _ in program.proofs]
    plain = bench.build(case_of(program))
    shown = [bench.show(case_of(program), plain, pov=proof.pov).shown for proof in program.proofs]
    for bug in range(1, program.bugs + 1):
        case = case_of(program, f"-DFIX_{bug}")
        built = bench.build(case)
        for number, proof in enumerate(program.proofs):
            if shown[number] and not bench.show(case, built, pov=proof.pov).shown:
                stopped[number].append(bug)
    return tuple(some[0] if len(some) == 1 else 0 for some in stopped)


def _matrix(bench: Bench, program: Program, home: dict[int, int]) -> Matrix:
    proofs = [
        (Proof(hashlib.sha256(proof.pov).hexdigest(), f"{home[number]:03d}"), proof.pov)
        for number, proof in enumerate(program.proofs)
        if number in home
    ]
    patches = {}
    for mend in program.mends:
        if mend.proof in home:
            digest = hashlib.sha256(mend.diff).hexdigest()
            group, content = f"{home[mend.proof]:03d}", change_digest(mend.diff.decode())
            patches[digest] = (Patch(digest, group, mend.origin, content, "test.sh"), mend.diff)
    return measure(bench, case_of(program), list(patches.values()), proofs)


def _nearest(one: tuple[int, ...], other: tuple[int, ...], traces: list[object]) -> float:
    distances = [1.0]
    for a in one:
        for b in other:
            x, y = traces[a].functions, traces[b].functions  # type: ignore[attr-defined]  # grouped ones have a trace
            if not set(x).isdisjoint(y):
                distances.append(1.0 - pdm.similarity(x, y))
    return min(distances)


def true(seen: Seen) -> bool:
    """Whether reproduction found every proof to be true, as it is."""
    return all(one.disposition is Disposition.REPRODUCED for one in seen.verdicts)
