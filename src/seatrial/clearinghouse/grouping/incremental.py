"""New crashes beside groups that exist: they join, or found groups of their own; nothing that stands is renumbered.

- An exact key that is known decides alone.
- Else the new trace joins the group whose *farthest* member is nearest, if that is nearer than the cut: the rule of
  complete linkage. Among equals the lowest id wins.
- A group of which a member may not stand beside the new key (`cannot`) is passed over, whatever the distance.
- A crash whose key tells nothing any more (`Constraints.undecided`) founds a group of its own.
- What joins nothing is grouped among itself, as a batch of its own.

The same reports in several batches may lead to other groups than in one, since what stands is never taken apart again;
`drift` says by how much, and a person decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seatrial.clearinghouse.grouping import pdm
from seatrial.clearinghouse.grouping.clustering import linked_traces
from seatrial.clearinghouse.grouping.constraints import Constraints
from seatrial.clearinghouse.grouping.traces import TOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seatrial.clearinghouse.grouping.traces import Trace


@dataclass
class Standing:
    """Groups that exist: the different traces of each, by group id.

    A store gives only what the newcomers could meet: groups that share an exact key or a top function with them.
    """

    traces: dict[str, list[Trace]] = field(default_factory=dict)

    def add(self, group: str, trace: Trace) -> None:
        """Note one more trace of a group."""
        self.traces.setdefault(group, []).append(trace)


@dataclass(frozen=True)
class Joined:
    """Where newcomers went: for each key the group it joined, and the keys of each group that is new."""

    joined: dict[str, str]
    founded: tuple[tuple[str, ...], ...]


def place(newcomers: Iterable[Trace], standing: Standing, constraints: Constraints | None = None) -> Joined:
    """Place new traces, in the order of their keys, so that the order in which they came is of no account.

    Newcomers are placed against the groups as they stand: one that joins is not compared with the next, except through
    the farthest member rule, which is applied to joiners too.
    """
    decided = constraints or Constraints()
    groups = {group: list(traces) for group, traces in standing.traces.items()}
    known = {decided.key(trace): group for group, traces in groups.items() for trace in traces}
    homes = decided.homes()
    home_of: dict[str, str] = {homes[key]: group for key, group in known.items() if key in homes}
    top = _Top()
    for group, traces in groups.items():
        for trace in traces:
            top.add(group, trace)
    joined: dict[str, str] = {}
    alone: list[tuple[str, ...]] = []
    left: dict[str, Trace] = {}
    for key, trace in sorted({decided.key(trace): trace for trace in newcomers}.items()):
        if decided.undecided(trace):
            alone.append((key,))
            continue
        home = known.get(key) or home_of.get(homes.get(key, key)) or _nearest(key, trace, groups, top, decided)
        if home is None:
            left[key] = trace
            continue
        joined[key] = home
        if key not in known:
            known[key] = home
            groups[home].append(trace)
            top.add(home, trace)
    ordered = sorted(left)
    founded, _ = linked_traces([left[key] for key in ordered], ordered, decided)
    return Joined(joined, (*(tuple(ordered[number] for number in group) for group in founded), *alone))


@dataclass(frozen=True, slots=True)
class Drift:
    """How far groups that grew differ from a fresh run: reports that sit elsewhere, and the adjusted Rand index."""

    moved: int
    adjusted_rand: float


def drift(grown: Mapping[str, str], fresh: Mapping[str, int]) -> Drift:
    """Compare two groupings of the same reports: a check that changes nothing.

    Source of the index: Hubert and Arabie, *Comparing partitions*, Journal of Classification 2, 1985. A report
    has moved when it is not among the largest part of its grown group that the fresh run keeps together.
    """
    both: dict[tuple[str, int], int] = {}
    for report, group in grown.items():
        cell = (group, fresh[report])
        both[cell] = both.get(cell, 0) + 1
    rows: dict[str, int] = {}
    columns: dict[int, int] = {}
    largest: dict[str, int] = {}
    for (row, column), count in both.items():
        rows[row] = rows.get(row, 0) + count
        columns[column] = columns.get(column, 0) + count
        largest[row] = max(largest.get(row, 0), count)
    together = sum(_two(count) for count in both.values())
    by_row, by_column = sum(map(_two, rows.values())), sum(map(_two, columns.values()))
    expected = by_row * by_column / _two(len(grown)) if len(grown) > 1 else 0.0
    most = (by_row + by_column) / 2
    index = 1.0 if most == expected else (together - expected) / (most - expected)
    return Drift(len(grown) - sum(largest.values()), index)


def _two(count: int) -> int:
    return count * (count - 1) // 2


class _Top:
    """Groups by the functions at the top of their traces."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], set[str]] = {}

    def add(self, group: str, trace: Trace) -> None:
        if trace.comparable:
            for function in trace.functions[:TOP]:
                self._groups.setdefault((trace.project, function), set()).add(group)

    def near(self, trace: Trace) -> list[str]:
        found: set[str] = set()
        for function in trace.functions[:TOP]:
            found |= self._groups.get((trace.project, function), set())
        return sorted(found)


def _nearest(
    key: str, trace: Trace, groups: Mapping[str, Sequence[Trace]], top: _Top, decided: Constraints
) -> str | None:
    if not trace.comparable:
        return None
    homes = decided.homes()
    mine = homes.get(key, key)
    apart = {homes.get(b, b) for a, b in _both_ways(decided) if homes.get(a, a) == mine}
    best: tuple[float, str] | None = None
    for group in top.near(trace):
        members = groups[group]
        member_keys = (decided.key(member) for member in members)
        if apart and any(homes.get(other, other) in apart for other in member_keys):
            continue
        farthest = _farthest(trace, members)
        if farthest < pdm.CUT and (best is None or (farthest, group) < best):
            best = (farthest, group)
    return best[1] if best else None


def _both_ways(decided: Constraints) -> list[tuple[str, str]]:
    pairs = [(link.one, link.other) for link in decided.links if link.kind == "cannot"]
    return pairs + [(other, one) for one, other in pairs]


def _farthest(trace: Trace, members: Sequence[Trace]) -> float:
    """Distance of the farthest member: 1 where one is not in the neighbourhood."""
    tops = set(trace.functions[:TOP])
    if not all(member.comparable and tops & set(member.functions[:TOP]) for member in members):
        return 1.0
    names: dict[str, int] = {}
    rows, lengths = pdm.packed(
        [[names.setdefault(name, len(names) + 1) for name in one.functions] for one in (trace, *members)]
    )
    others = np.arange(1, len(members) + 1)
    return float(pdm.distances([rows], lengths, np.zeros_like(others), others).max())
