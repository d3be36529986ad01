"""Similarity of two stack traces: the position-dependent model.

Source: Dang et al., *ReBucket: a method for clustering duplicate crash reports based on call stack similarity*, ICSE
2012, with the constants of CASR: `A` weighs how far from the top two equal frames lie, `R` how far they are shifted.
For traces x of m and y of n frames, with zeros on the borders,

    M[i][j] = max(M[i-1][j-1] + [x_i = y_j] exp(-A min(i, j) - R |i - j|), M[i-1][j], M[i][j-1])
    similarity = M[m][n] / sum(exp(-A k) for k = 1 .. min(m, n)),        distance = 1 - similarity

- The norm is that of the shorter trace: a trace and its own beginning have similarity 1.
- Sums are taken in the order of the frames, so that equal traces have a distance of exactly 0.

>>> round(similarity("abcde", "zabcde"), 4), round(similarity("abc", "axc"), 4), similarity("abcde", "abc")
(0.8781, 0.6668, 1.0)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

A = 0.04
R = 0.13
CUT = 0.3
"""Traces of one group are nearer to one another than this."""
PAD = 0
"""What fills a row beyond its trace; frames are numbered from 1."""
AT_ONCE = 4096
"""Pairs that are computed together: their vectors stay in the processor's second cache."""


def similarity(x: Sequence[Hashable], y: Sequence[Hashable]) -> float:
    """Similarity of two sequences of frames, 0 to 1. Raises `ValueError` where one is empty."""
    names = {frame: number for number, frame in enumerate(dict.fromkeys([*x, *y]), 1)}
    rows, lengths = packed([[names[frame] for frame in x], [names[frame] for frame in y]])
    return 1.0 - float(distances([rows], lengths, np.array([0]), np.array([1]))[0])


def packed(traces: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Traces of frame numbers as rows of one array, padded with `PAD`, and their lengths: shapes (n, longest), (n,)."""
    lengths = np.fromiter((len(trace) for trace in traces), dtype=np.int32, count=len(traces))
    rows = np.full((len(traces), int(lengths.max(initial=0))), PAD, dtype=np.int32)
    for row, trace in zip(rows, traces, strict=True):
        row[: len(trace)] = trace
    return rows, lengths


def distances(
    columns: Sequence[NDArray[np.int32]],
    lengths: NDArray[np.int32],
    left: NDArray[np.intp],
    right: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Distances of pairs of traces.

    Args:
        columns: frames of each trace as `packed` gives them, under each of their names, the telling one first; 0 where
            a frame has no such name. Two frames are equal if the first names are that both have.
        lengths: numbers of frames of each trace.
        left: row of the one trace of each pair, shape (pairs,).
        right: row of the other.

    Returns:
        Distances, shape (pairs,), 0 to 1, in the order of the pairs.

    Raises:
        ValueError: a trace without a frame, which is like nothing.
    """
    if len(left) and not min(lengths[left].min(), lengths[right].min()):
        raise ValueError("a trace without a frame cannot be compared; leave it out")
    result = np.empty(len(left))
    order = np.lexsort((lengths[right], lengths[left]))
    for start in range(0, len(order), AT_ONCE):
        chunk = order[start : start + AT_ONCE]
        result[chunk] = _chunk(columns, lengths, left[chunk], right[chunk])
    return result


def _chunk(
    columns: Sequence[NDArray[np.int32]],
    lengths: NDArray[np.int32],
    left: NDArray[np.intp],
    right: NDArray[np.intp],
) -> NDArray[np.float64]:
    tall, wide, count = int(lengths[left].max()), int(lengths[right].max()), len(left)
    mine = [np.ascontiguousarray(column[left, :tall].T) for column in columns]
    theirs = [np.ascontiguousarray(column[right, :wide].T) for column in columns]
    before, row = np.zeros((wide + 1, count)), np.zeros((wide + 1, count))
    ends, every = np.zeros(count), np.arange(count)
    gain = np.empty(count)
    for i in range(tall):
        for j in range(wide):
            weight = np.exp(-(min(i + 1, j + 1) * A + abs(i - j) * R))
            np.multiply(_equal([(one[i], other[j]) for one, other in zip(mine, theirs, strict=True)]), weight, out=gain)
            gain += before[j]
            np.maximum(gain, before[j + 1], out=gain)
            np.maximum(gain, row[j], out=row[j + 1])
        done = lengths[left] == i + 1
        ends[done] = row[lengths[right][done], every[done]]
        before, row = row, before
    norms = np.cumsum(np.exp(-A * np.arange(1, min(tall, wide) + 1)))
    return np.asarray(1.0 - ends / norms[np.minimum(lengths[left], lengths[right]) - 1])


def _equal(names: Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]]) -> NDArray[np.bool_]:
    """Whether frames are equal, by the first of their names that both have."""
    (mine, theirs), *others = names
    same: NDArray[np.bool_] = mine == theirs
    both: NDArray[np.bool_] = (mine != PAD) & (theirs != PAD)
    if not others:
        return np.logical_and(same, both)
    return np.asarray(np.where(both, same, _equal(others)))
