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
    from collections.abc import Callable, Hashable, Sequence

    from numpy.typing import NDArray

A = 0.04
R = 0.13
CUT = 0.3
"""Traces of one group are nearer to one another than this."""
PAD = -1
CELLS = 2_000_000
"""Cells of pairs that are computed at once: tens of megabytes."""


def similarity(x: Sequence[Hashable], y: Sequence[Hashable]) -> float:
    """Similarity of two sequences of frames, 0 to 1. Raises `ValueError` where one is empty."""
    names = {frame: number for number, frame in enumerate(dict.fromkeys([*x, *y]))}
    rows, lengths = packed([[names[frame] for frame in x], [names[frame] for frame in y]])
    return 1.0 - float(distances(rows, lengths, np.array([0]), np.array([1]))[0])


def packed(traces: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Traces of frame numbers as rows of one array, padded with `PAD`, and their lengths: shapes (n, longest), (n,)."""
    lengths = np.fromiter((len(trace) for trace in traces), dtype=np.int32, count=len(traces))
    rows = np.full((len(traces), int(lengths.max(initial=0))), PAD, dtype=np.int32)
    for row, trace in zip(rows, traces, strict=True):
        row[: len(trace)] = trace
    return rows, lengths


def distances(
    rows: NDArray[np.int32],
    lengths: NDArray[np.int32],
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    equal: Callable[[NDArray[np.intp], NDArray[np.intp], int, int], NDArray[np.bool_]] | None = None,
) -> NDArray[np.float64]:
    """Distances of pairs of traces.

    Args:
        rows: frames of each trace as `packed` gives them.
        lengths: their numbers of frames.
        left: row of the one trace of each pair, shape (pairs,).
        right: row of the other.
        equal: what makes frames equal, given the pairs' rows, the place i in the left trace and the width of the right
            ones: shape (pairs, width). Without it frames are equal whose numbers are.

    Returns:
        Distances, shape (pairs,), 0 to 1, in the order of the pairs.

    Raises:
        ValueError: a trace without a frame, which is like nothing.
    """
    if len(left) and not min(lengths[left].min(), lengths[right].min()):
        raise ValueError("a trace without a frame cannot be compared; leave it out")
    result = np.empty(len(left))
    sizes = np.maximum(lengths[left], lengths[right])
    order = np.argsort(sizes, kind="stable")
    start = 0
    while start < len(order):
        # Pairs of like size together; the widest of a chunk decides how many fit.
        step = max(1, CELLS // (int(sizes[order[start]]) + 1))
        end = min(len(order), start + step)
        end = max(start + 1, min(end, start + CELLS // (int(sizes[order[end - 1]]) + 1)))
        chunk = order[start:end]
        result[chunk] = _chunk(rows, lengths, left[chunk], right[chunk], equal)
        start = end
    return result


def _chunk(
    rows: NDArray[np.int32],
    lengths: NDArray[np.int32],
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    equal: Callable[[NDArray[np.intp], NDArray[np.intp], int, int], NDArray[np.bool_]] | None,
) -> NDArray[np.float64]:
    tall, wide = int(lengths[left].max()), int(lengths[right].max())
    place = np.arange(1, wide + 1)
    other = rows[right, :wide]
    table = np.zeros((len(left), wide + 1))
    ends = np.zeros(len(left))
    for i in range(1, tall + 1):
        weight = np.exp(-(np.minimum(i, place) * A + np.abs(i - place) * R))
        if equal is None:
            mine = rows[left, i - 1]
            same = (other == mine[:, None]) & (mine != PAD)[:, None]
        else:
            same = equal(left, right, i - 1, wide)
        table[:, 1:] = np.maximum(table[:, 1:], table[:, :-1] + np.where(same, weight, 0.0))
        np.maximum.accumulate(table, axis=1, out=table)
        done = lengths[left] == i
        ends[done] = table[done, lengths[right][done]]
    norms = np.cumsum(np.exp(-A * np.arange(1, min(tall, wide) + 1)))
    return np.asarray(1.0 - ends / norms[np.minimum(lengths[left], lengths[right]) - 1])
