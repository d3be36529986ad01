"""From crash reports to groups that probably share a root cause, in one go.

Steps: reports with one exact key are one trace; traces that share a function at their top are compared
(`neighbourhood`, `pdm`); those nearer than the cut are linked completely (`linkage`), under the decisions of people
(`constraints`). Two groups in different components of the relation *nearer than the cut* can never be joined, so every
component is linked by itself, and that is exact.

- The result depends on the set of reports, never on their order or on where a part of it was computed.
- A report without a usable frame is in no group: its stack says nothing.
- Nothing is removed: the members of a group that crash at one line are told apart as `lines`, and a group with several
  is `mixed`, which a person may split.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seatrial.clearinghouse.grouping import pdm
from seatrial.clearinghouse.grouping.constraints import Constraints
from seatrial.clearinghouse.grouping.linkage import complete
from seatrial.clearinghouse.grouping.neighbourhood import Capped, pairs
from seatrial.clearinghouse.grouping.reference import reference_groups
from seatrial.clearinghouse.grouping.traces import trace_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from seatrial.clearinghouse.crash import CrashReport
    from seatrial.clearinghouse.grouping.traces import Trace


NOWHERE = -1


@dataclass(frozen=True)
class Group:
    """Reports that probably share a root cause.

    `members` are numbers of reports in the order in which they were given; `lines` tells for each crash line its
    members, the first of which stands for them.
    """

    members: tuple[int, ...]
    lines: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def mixed(self) -> bool:
        """Whether its members crash at more than one line."""
        return len(self.lines) > 1


@dataclass(frozen=True)
class Clustering:
    """Groups, ordered by their first member; reports without a frame; blocks that were not compared whole."""

    groups: tuple[Group, ...]
    without_trace: tuple[int, ...] = ()
    capped: tuple[Capped, ...] = ()

    def labels(self) -> dict[int, int]:
        """For each report in a group the number of its group, from 0."""
        return {member: number for number, group in enumerate(self.groups) for member in group.members}


def cluster(
    reports: Iterable[CrashReport],
    project: str = "",
    *,
    reference: bool = False,
    constraints: Constraints | None = None,
) -> Clustering:
    """Group the reports of one project.

    Args:
        reports: read once and not kept: a generator over a stream of logs is fine.
        project: part of every exact key.
        reference: compare everything with everything by source position and in the order given, as other programs of
            this method do (see `reference`); constraints have no place there.
        constraints: decisions of people, on exact keys.
    """
    if reference:
        given = [(report.trace, report.crash_line) for report in reports]
        labels = reference_groups([frames for frames, _ in given])
        return _clustering(labels, range(len(given)), [line for _, line in given])
    return cluster_traces((trace_of(project, report) for report in reports), constraints)


def cluster_traces(traces: Iterable[Trace | None], constraints: Constraints | None = None) -> Clustering:
    """Group traces of any number of projects; `None` stands for a report without a frame."""
    decided = constraints or Constraints()
    unique: dict[str, Trace] = {}
    numbers: dict[str, int] = {}
    lines: dict[str, int] = {}
    of, at = array("q"), array("q")
    for trace in traces:
        if trace is None:
            of.append(NOWHERE)
            at.append(NOWHERE)
            continue
        key = decided.key(trace)
        unique.setdefault(key, trace)
        of.append(numbers.setdefault(key, len(numbers)))
        at.append(lines.setdefault(trace.crash_line, len(lines)))
    ordered = sorted(unique)
    linked, capped = linked_traces([unique[key] for key in ordered], ordered, decided)
    label_of = {numbers[ordered[place]]: label for label, group in enumerate(linked) for place in group}
    return _clustering([label_of.get(number) for number in of], at, list(lines), capped)


def linked_traces(
    traces: Sequence[Trace], keys: Sequence[str], decided: Constraints
) -> tuple[list[list[int]], tuple[Capped, ...]]:
    """Groups of different traces, as their numbers, by similarity and decisions; singles included.

    `keys` are those of `decided.key`, ascending; they are what makes the result independent of any order. Projects are
    taken one after the other: the arrays of one are all that is in memory.
    """
    by_project: dict[str, list[int]] = {}
    for number, trace in enumerate(traces):
        by_project.setdefault(trace.project, []).append(number)
    groups: list[list[int]] = []
    capped: list[Capped] = []
    for own in by_project.values():
        some, cut = _of_project([traces[number] for number in own], [keys[number] for number in own], decided)
        groups += [[own[place] for place in group] for group in some]
        capped += cut
    return sorted(groups), tuple(capped)


def _of_project(
    traces: Sequence[Trace], keys: Sequence[str], decided: Constraints
) -> tuple[list[list[int]], tuple[Capped, ...]]:
    left, right, capped = pairs(traces)
    numbers: dict[str, int] = {}
    rows, lengths = pdm.packed(
        [[numbers.setdefault(name, len(numbers) + 1) for name in trace.functions] for trace in traces]
    )
    distance = pdm.distances([rows], lengths, left, right)
    near = distance < pdm.CUT
    left, right, distance = left[near], right[near], distance[near]
    place = {key: number for number, key in enumerate(keys)}
    homes = {place[key]: home for key, home in decided.homes().items() if key in place}
    first: dict[str, int] = {}
    together = [
        (first[home], number) for number, home in sorted(homes.items()) if first.setdefault(home, number) != number
    ]
    apart = [
        (place[link.one], place[link.other])
        for link in decided.links
        if link.kind == "cannot" and link.one in place and link.other in place
    ]
    component_of = _components(len(traces), left, right, together)
    by_component = np.argsort(component_of[left], kind="stable")
    left, right, distance = left[by_component], right[by_component], distance[by_component]
    edges = component_of[left]
    groups: list[list[int]] = []
    for component in _members(component_of):
        if len(component) == 1:
            groups.append(component)
            continue
        own = slice(*np.searchsorted(edges, [component[0], component[0] + 1]))
        index = np.array(component, dtype=np.intp)
        matrix = np.ones((len(index), len(index)))
        low, high = np.searchsorted(index, left[own]), np.searchsorted(index, right[own])
        matrix[low, high] = matrix[high, low] = distance[own]
        inside = {number: at for at, number in enumerate(component)}
        for one, other in apart:
            if one in inside and other in inside:
                matrix[inside[one], inside[other]] = matrix[inside[other], inside[one]] = np.inf
        held = [(inside[one], inside[other]) for one, other in together if one in inside]
        groups += [[component[at] for at in group] for group in complete(matrix, pdm.CUT, held)]
    return groups, capped


def _components(
    count: int, left: NDArray[np.intp], right: NDArray[np.intp], together: list[tuple[int, int]]
) -> NDArray[np.intp]:
    """For each trace the first of its component in the graph of what is near or held together: shape (count,)."""
    ends = np.array(together, dtype=np.intp).reshape(-1, 2)
    one, other = np.concatenate([left, ends[:, 0]]), np.concatenate([right, ends[:, 1]])
    first = np.arange(count)
    while True:
        least = np.minimum(first[one], first[other])
        before = first.copy()
        np.minimum.at(first, one, least)
        np.minimum.at(first, other, least)
        first = first[first]
        if np.array_equal(first, before):
            return first


def _members(component_of: NDArray[np.intp]) -> list[list[int]]:
    members: dict[int, list[int]] = {}
    for number, first in enumerate(component_of.tolist()):
        members.setdefault(first, []).append(number)
    return list(members.values())


def _clustering(
    labels: Sequence[int | None], at: Sequence[int], lines: Sequence[str], capped: tuple[Capped, ...] = ()
) -> Clustering:
    members: dict[int, dict[str, list[int]]] = {}
    without = []
    for number, (label, line) in enumerate(zip(labels, at, strict=True)):
        if label is None:
            without.append(number)
        else:
            members.setdefault(label, {}).setdefault(lines[line], []).append(number)
    groups = tuple(
        Group(
            tuple(sorted(number for numbers in by_line.values() for number in numbers)),
            {line: tuple(numbers) for line, numbers in by_line.items()},
        )
        for by_line in members.values()
    )
    return Clustering(groups, tuple(without), capped)
