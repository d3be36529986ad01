"""What patches do to proofs: the evidence that two findings are one bug.

A cell is one patch against one proof, replayed several times in fresh boxes. The control column, where no patch is
applied, must crash still: without it a cell says nothing.

- **Two-way agreement** may join by itself: the patch of each stops every proof of the other, both builds keep their
  tests green, at least one test suite is named, and the patches are independent of one another (other source, other
  content) or one is the upstream fix. It is this strict because patches are often written on the crash stack to silence
  it, and an over-broad one stops everything.
- **One-way agreement** is a hint for a person.
- A patch of a group that stops some of the group's own proofs and not others speaks against the group: a split is
  proposed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from seatrial.clearinghouse.grouping.candidates import Hint, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REPLAYS = 3


class Outcome(StrEnum):
    """What became of a proof on a build with one patch."""

    STOPPED = "stopped"
    STILL = "still"
    OTHER_CRASH = "other_crash"
    BUILD_ERROR = "build_error"
    TESTS_RED = "tests_red"


@dataclass(frozen=True, slots=True)
class Patch:
    """A proposed fix: its digest, the group whose finding it mends, where it comes from, the tests it was held to.

    `origin` tells sources apart (never who they are); `content` is the digest of the change without its context,
    spacing and paths' prefixes (`change_digest`).
    """

    sha256: str
    group: str
    origin: str
    content: str
    tests: str = ""
    upstream: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """An input that shows a finding: its digest and the group it belongs to."""

    sha256: str
    group: str


@dataclass(frozen=True)
class Matrix:
    """Cells by (patch, proof); the control column has the empty patch `""`."""

    patches: tuple[Patch, ...]
    proofs: tuple[Proof, ...]
    cells: Mapping[tuple[str, str], Outcome]

    def sound(self, proof: Proof) -> bool:
        """Whether the proof still crashes where nothing is patched."""
        return self.cells.get(("", proof.sha256)) is Outcome.STILL

    def stops_all(self, patch: Patch, group: str) -> bool:
        """Whether a patch stops every sound proof of a group, of which there is at least one."""
        sound = [proof for proof in self.proofs if proof.group == group and self.sound(proof)]
        return bool(sound) and all(self.cells.get((patch.sha256, proof.sha256)) is Outcome.STOPPED for proof in sound)


def agreements(matrix: Matrix) -> tuple[list[tuple[str, str]], list[Hint]]:
    """Pairs of groups that may be joined by themselves (lower id first), and hints for the pairs that may not."""
    groups = sorted({proof.group for proof in matrix.proofs})
    mending: dict[str, list[Patch]] = {group: [] for group in groups}
    for patch in matrix.patches:
        # A patch that does not stop its own group's proofs mends nothing.
        if patch.group in mending and matrix.stops_all(patch, patch.group):
            mending[patch.group].append(patch)
    stops = {
        (patch.sha256, group)
        for some in mending.values()
        for patch in some
        for group in groups
        if group != patch.group and matrix.stops_all(patch, group)
    }
    joined, hints = [], []
    for place, one in enumerate(groups):
        for other in groups[place + 1 :]:
            forth = [patch for patch in mending[one] if (patch.sha256, other) in stops]
            back = [patch for patch in mending[other] if (patch.sha256, one) in stops]
            if any(_independent(a, b) and (a.tests or b.tests) for a in forth for b in back):
                joined.append((one, other))
            else:
                hints += [_one_way(patch, one, other) for patch in forth]
                hints += [_one_way(patch, other, one) for patch in back]
    return joined, hints


def contradictions(matrix: Matrix) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Groups whose own patch parts their proofs: the digests of the stopped ones and of those that still crash."""
    found = {}
    for patch in matrix.patches:
        own = [proof for proof in matrix.proofs if proof.group == patch.group and matrix.sound(proof)]
        outcome = {proof.sha256: matrix.cells.get((patch.sha256, proof.sha256)) for proof in own}
        stopped = tuple(sorted(digest for digest, cell in outcome.items() if cell is Outcome.STOPPED))
        still = tuple(sorted(digest for digest, cell in outcome.items() if cell is Outcome.STILL))
        if stopped and still:
            found[patch.group] = (stopped, still)
    return found


def settled(outcomes: Iterable[Outcome]) -> Outcome | None:
    """One cell from its replays: what all of them say; `None` where they differ, which settles nothing."""
    said = set(outcomes)
    return said.pop() if len(said) == 1 else None


def change_digest(diff: str) -> str:
    """SHA-256 of what a unified diff adds and removes, without context, spacing, line numbers and paths' prefixes."""
    kept = []
    for line in diff.splitlines():
        if line.startswith(("+++ ", "--- ")):
            kept.append(line[4:].split("\t")[0].strip().removeprefix("a/").removeprefix("b/"))
        elif line.startswith(("+", "-")) and line[1:].strip():
            kept.append(line[0] + "".join(line[1:].split()))
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def _independent(a: Patch, b: Patch) -> bool:
    return a.upstream or b.upstream or (a.origin != b.origin and a.content != b.content)


def _one_way(patch: Patch, one: str, other: str) -> Hint:
    return Hint(one, other, Kind.ONE_WAY_PATCH, 1.0, f"patch {patch.sha256[:12]} of {one} stops every proof of {other}")
