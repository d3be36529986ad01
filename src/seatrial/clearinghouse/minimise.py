"""A smaller proof of the same bug: fewer bytes, the same signature.

Delta debugging (Zeller and Hildebrandt, *Simplifying and isolating failure-inducing input*, IEEE TSE 28, 2002): drop
ever smaller pieces while type and state stay. It needs no tool in the box and works for every harness. What is left is
shown again three times; where that does not hold, the proof stays as it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.clearinghouse.reproduce import REPLAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.clearinghouse.replaying import Bench, Built, Case

RUNS = 400
"""Replays that one proof is worth: seconds for a toy, minutes for a real target."""


@dataclass(frozen=True)
class Minimised:
    """The smaller proof, how many runs it took, and whether the search ended by itself."""

    pov: bytes
    runs: int
    finished: bool


def minimise(bench: Bench, case: Case, built: Built, budget: int = RUNS) -> Minimised:
    """Make the case's proof smaller within `budget` runs.

    Raises:
        ValueError: the proof shows nothing on this build.
    """
    wanted, pov = bench.show(case, built), case.pov or b""
    if not wanted.shown:
        raise ValueError("the proof shows nothing on this build; reproduce it first")

    def keeps(pov: bytes) -> bool:
        seen = bench.show(case, built, pov=pov)
        return seen.shown and seen.signature == wanted.signature

    found = ddmin(pov, keeps, budget - REPLAYS - 1)
    if found.pov != pov and not all(keeps(found.pov) for _ in range(REPLAYS)):
        return Minimised(pov, found.runs + REPLAYS + 1, finished=False)
    return Minimised(found.pov, found.runs + REPLAYS + 1, found.finished)


def ddmin(content: bytes, keeps: Callable[[bytes], bool], budget: int) -> Minimised:
    """The smallest content that dropping pieces leads to, asking `keeps` at most `budget` times.

    >>> ddmin(b"some text with a bug in it", lambda text: b"bug" in text, 100)
    Minimised(pov=b'bug', runs=31, finished=True)
    """
    pieces, runs = 2, 0
    while len(content) > 1:
        size = -(-len(content) // pieces)
        for start in range(0, len(content), size):
            if runs >= budget:
                return Minimised(content, runs, finished=False)
            rest = content[:start] + content[start + size :]
            runs += 1
            if keeps(rest):
                content, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(2 * pieces, len(content))
    return Minimised(content, runs, finished=True)
