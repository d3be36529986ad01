"""The method as other programs implement it, for comparison with them.

Frames are filtered, reports with equal traces fall together, and the rest is linked completely in one pool: no
neighbourhoods, no least number of frames, in the order given. Frames are equal by source position where both have one,
else by module and offset where both have them, else by function. SciPy's linkage and the one that CASR uses (kodama)
follow the same nearest-neighbour chain and break ties alike, so that numbers of groups can be compared exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seatrial.clearinghouse.grouping import pdm

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from seatrial.clearinghouse.crash import Frame

MOST = 12_000
"""Different traces of one pool: their distances take about 0.6 GB, and SciPy copies them once."""


def reference_groups(traces: Sequence[Sequence[Frame]]) -> list[int | None]:
    """For each trace the number of its group, `None` where it has no frame.

    Raises:
        ValueError: more different traces than one pool can hold.
    """
    numbers: dict[tuple[Hashable, ...], int] = {}
    unique: list[Sequence[Frame]] = []
    of: list[int | None] = []
    for trace in traces:
        if not trace:
            of.append(None)
            continue
        key = tuple(_first(frame) for frame in trace)
        if key not in numbers:
            numbers[key] = len(unique)
            unique.append(trace)
        of.append(numbers[key])
    if len(unique) > MOST:
        raise ValueError(f"{len(unique)} different traces; one pool takes {MOST}, the usual mode any number")
    labels = _linked(unique)
    return [None if number is None else int(labels[number]) for number in of]


def _linked(unique: list[Sequence[Frame]]) -> NDArray[np.intp]:
    if len(unique) < 2:
        return np.arange(len(unique))
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415 - slow to import, and for this mode only

    columns = [_packed(unique, name) for name in (_position, _module, _function)]
    lengths = np.array([len(trace) for trace in unique], dtype=np.int32)
    left, right = np.triu_indices(len(unique), 1)
    condensed = pdm.distances(columns, lengths, left, right)
    return np.asarray(fcluster(linkage(condensed, method="complete"), np.nextafter(pdm.CUT, 0), criterion="distance"))


def _packed(unique: list[Sequence[Frame]], name: object) -> NDArray[np.int32]:
    """Numbers of frames by one kind of name, from 1; 0 where a frame has none of that kind."""
    assert callable(name)  # noqa: S101
    numbers: dict[Hashable, int] = {None: 0}
    return pdm.packed([[numbers.setdefault(name(frame), len(numbers)) for frame in trace] for trace in unique])[0]


def _position(frame: Frame) -> Hashable:
    return (frame.file, frame.line, frame.column) if frame.file else None


def _module(frame: Frame) -> Hashable:
    return (frame.module, frame.offset) if frame.module and frame.offset else None


def _function(frame: Frame) -> Hashable:
    return frame.function or frame.address or None


def _first(frame: Frame) -> Hashable:
    return _position(frame) or _module(frame) or _function(frame)
