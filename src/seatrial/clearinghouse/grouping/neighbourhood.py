"""Which pairs of traces are compared at all: the blocks of record linkage.

- Within a project, two traces are compared that share a function among their top three frames; every other pair is at
  distance 1 by definition. That differs from comparing everything only for pairs of twelve or more frames with disjoint
  tops (below twelve, three lost frames cost more than the cut); they are offered to a person as candidates instead.
- A function at the top of very many traces (`CAP`) would make too many pairs. Among those traces only the ones are
  compared that meet in a band of their MinHash signatures (datasketch); the cut is reported, never silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from seatrial.clearinghouse.grouping.traces import TOP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from seatrial.clearinghouse.grouping.traces import Trace

CAP = 5_000
"""Traces with one function at their top that are all compared: 12.5 million pairs, about half a minute."""
PERMUTATIONS = 64
BANDS, ROWS = 16, 4  # two traces of Jaccard similarity 0.7 meet with probability 0.99, of 0.3 with 0.12


@dataclass(frozen=True)
class Capped:
    """A block that was too large to be compared whole: its project, its function, its traces, the pairs compared."""

    project: str
    function: str
    traces: int
    pairs: int


def pairs(traces: Sequence[Trace]) -> tuple[NDArray[np.intp], NDArray[np.intp], tuple[Capped, ...]]:
    """Pairs of numbers of traces that are compared, the lower first, each pair once, and the blocks that were cut."""
    blocks: dict[tuple[str, str], list[int]] = {}
    for number, trace in enumerate(traces):
        if trace.comparable:
            for function in dict.fromkeys(trace.functions[:TOP]):
                blocks.setdefault((trace.project, function), []).append(number)
    found: list[NDArray[np.int64]] = []
    capped = []
    count = len(traces)
    for (project, function), block in blocks.items():
        if len(block) > CAP:
            some = np.array([low * count + high for low, high in _banded(traces, block)], dtype=np.int64)
            capped.append(Capped(project, function, len(block), len(some)))
        else:
            numbers = np.array(block, dtype=np.int64)
            low, high = np.triu_indices(len(block), 1)
            some = numbers[low] * count + numbers[high]
        found.append(some)
    all_pairs = np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
    return (all_pairs // max(count, 1)).astype(np.intp), (all_pairs % max(count, 1)).astype(np.intp), tuple(capped)


def _banded(traces: Sequence[Trace], block: list[int]) -> Iterator[tuple[int, int]]:
    from datasketch import MinHash  # noqa: PLC0415 - only for blocks that are too large, and slow to import

    seen: set[tuple[int, int]] = set()
    meeting: dict[tuple[int, bytes], list[int]] = {}
    encoded = [[name.encode() for name in set(traces[number].functions)] for number in block]
    for number, sketch in zip(block, MinHash.generator(encoded, num_perm=PERMUTATIONS, seed=1), strict=True):
        for band in range(BANDS):
            place = (band, sketch.hashvalues[band * ROWS : (band + 1) * ROWS].tobytes())
            meeting.setdefault(place, []).append(number)
    for together in meeting.values():
        for pair in combinations(together, 2):
            if pair not in seen:
                seen.add(pair)
                yield pair
