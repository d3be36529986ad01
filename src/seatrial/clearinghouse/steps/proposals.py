"""Pairs of clusters that may be one, from what is known of them: traces, fixes, introductions, places, words.

Nothing here joins anything. What a person declined stays away until there is new evidence.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from seatrial.clearinghouse.cluster import Stage
from seatrial.clearinghouse.event import EventType
from seatrial.clearinghouse.grouping import Candidate, Hint, Profile, candidates, hints_of, near, pdm
from seatrial.clearinghouse.grouping.text import alike
from seatrial.clearinghouse.steps.clustering import trace_of
from seatrial.clearinghouse.steps.matrix import hints as patch_hints

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.finding import Finding
    from seatrial.clearinghouse.grouping import Trace
    from seatrial.clearinghouse.store import Store
    from seatrial.framework.viewer import Viewer


def proposals(store: Store, viewer: Viewer, project: str = "") -> list[Candidate]:
    """Pairs worth a person's look, strongest first, at most five for any cluster."""
    by_project: dict[str, list[Cluster]] = {}
    for cluster in store.clusters(viewer, project=project):
        if cluster.stage is not Stage.MERGED_INTO and cluster.members:
            by_project.setdefault(cluster.project, []).append(cluster)
    found: list[Candidate] = []
    for name, clusters in sorted(by_project.items()):
        if len(clusters) > 1:
            declined = _declined(store, viewer, clusters)
            found += candidates(_hints(store, viewer, name, clusters), declined)
    return found


def _hints(store: Store, viewer: Viewer, project: str, clusters: Sequence[Cluster]) -> Iterator[Hint]:
    ids = [member.finding_id for cluster in clusters for member in cluster.members]
    held = store.findings(viewer, ids)
    keys = sorted({member.exact_key.split(" ")[0] for cluster in clusters for member in cluster.members} - {""})
    signed = {one.finding_id: one for one in store.by_exact_key(viewer, project, keys)}
    profiles, texts, traces = [], {}, {}
    for cluster in clusters:
        findings = [held[member.finding_id].finding for member in cluster.members if member.finding_id in held]
        own = [trace_of(signed[member.finding_id]) for member in cluster.members if member.finding_id in signed]
        profiles.append(
            Profile(
                cluster.cluster_id,
                frozenset(trace.type_word for trace in own if trace.type_word),
                frozenset(name for trace in own for name in trace.functions),
                cluster.root.introduced_by,
                cluster.root.fixed_by,
                places=frozenset(place for finding in findings for place in _places(finding)),
            )
        )
        if not own and findings:
            texts[cluster.cluster_id] = f"{findings[0].claim.title} {findings[0].claim.summary}"
        traces[cluster.cluster_id] = [trace for trace in own if trace.comparable]
    yield from hints_of(profiles)
    yield from alike(texts)
    yield from _near(traces)
    yield from patch_hints(store, viewer, clusters)


def _near(traces: dict[str, list[Trace]]) -> Iterator[Hint]:
    """Pairs whose nearest traces are worth a look, by the first trace of each crash line."""
    some = {name: list({trace.crash_line: trace for trace in own}.values()) for name, own in traces.items() if own}
    flat = [(name, trace) for name, own in some.items() for trace in own]
    numbers: dict[str, int] = {}
    rows, lengths = pdm.packed(
        [[numbers.setdefault(name, len(numbers) + 1) for name in trace.functions] for _, trace in flat]
    )
    pairs = [
        (a, b)
        for a, b in combinations(range(len(flat)), 2)
        if flat[a][0] != flat[b][0] and not set(flat[a][1].functions).isdisjoint(flat[b][1].functions)
    ]
    if not pairs:
        return
    left, right = np.array(pairs, dtype=np.intp).T
    best: dict[tuple[str, str], float] = {}
    for a, b, distance in zip(left, right, pdm.distances([rows], lengths, left, right), strict=True):
        pair = (flat[a][0], flat[b][0])
        best[pair] = min(best.get(pair, 1.0), float(distance))
    for (one, other), distance in best.items():
        hint = near(one, other, distance)
        if hint is not None:
            yield hint


def _places(finding: Finding) -> Iterator[tuple[int, str, str]]:
    for weakness in finding.claim.cwe:
        for place in finding.claim.locations:
            if place.uri:
                yield weakness, place.uri, place.function


def _declined(store: Store, viewer: Viewer, clusters: Sequence[Cluster]) -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], frozenset[str]] = {}
    for cluster in clusters:
        for event in store.events(viewer, cluster.cluster_id):
            if event.type is EventType.CANDIDATE_DECLINED:
                pair = (event.body["one"], event.body["other"])
                found[pair] = found.get(pair, frozenset()) | frozenset(event.body["evidence"])
    return found
