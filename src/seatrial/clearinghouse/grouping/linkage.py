"""Complete linkage with a cut: no group holds two traces that are not near each other.

A closure over a loose comparison (a like b, b like c, so a like c) joins what is unlike; complete linkage does not. The
nearest two groups are joined first, where the distance of groups is that of their farthest members; among equal
distances the groups with the lowest first members go first. So the result follows from the distances and the order of
the traces (they are sorted by exact key), and it is the same whether a component is taken by itself or with the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def complete(matrix: NDArray[np.float64], cut: float, together: Iterable[tuple[int, int]] = ()) -> list[list[int]]:
    """Groups of a symmetric matrix of distances, shape (n, n).

    Args:
        matrix: distances; infinity keeps two apart whatever else is said. It is overwritten.
        cut: groups are joined below this distance.
        together: pairs that are in one group from the start, whatever their distance.

    Returns:
        Groups of row numbers, each ascending, ordered by their first.
    """
    count = len(matrix)
    members: dict[int, list[int]] = {row: [row] for row in range(count)}
    np.fill_diagonal(matrix, np.inf)
    home = list(range(count))
    for one, other in together:
        low, high = sorted((home[one], home[other]))
        if low != high:
            _join(matrix, members, low, high)
            home = [low if place == high else place for place in home]
    nearest = matrix.argmin(axis=1) if count else np.empty(0, dtype=np.intp)
    least = matrix[np.arange(count), nearest]
    while len(members) > 1:
        low = int(least.argmin())
        if not least[low] < cut:
            break
        high = int(nearest[low])
        low, high = min(low, high), max(low, high)
        _join(matrix, members, low, high)
        least[high] = np.inf
        stale = np.flatnonzero((nearest == low) | (nearest == high))
        stale = np.union1d(stale[np.isfinite(least[stale])], [low])
        nearest[stale] = matrix[stale].argmin(axis=1)
        least[stale] = matrix[stale, nearest[stale]]
    return [sorted(members[first]) for first in sorted(members)]


def _join(matrix: NDArray[np.float64], members: dict[int, list[int]], low: int, high: int) -> None:
    farthest = np.maximum(matrix[low], matrix[high])
    matrix[low] = matrix[:, low] = farthest
    matrix[low, low] = np.inf
    matrix[high] = matrix[:, high] = np.inf
    members[low] += members.pop(high)
