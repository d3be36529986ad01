"""Findings without a cluster find one, or found one: what people decided binds, and ids never change.

Who joins a cluster inherits what was decided about it and opens nothing again. Findings without a trace (a flaw of
logic, a crash without frames) are each a cluster of their own until a person or a patch says otherwise; so are crashes
that a split has shown to look alike in everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.clearinghouse.cluster import Cluster, Member, Stage
from seatrial.clearinghouse.cluster import Link as LinkKind
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.grouping import Constraints, Link, Standing, Trace, place
from seatrial.clearinghouse.steps.chains import Chains, retried
from seatrial.clearinghouse.store import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from seatrial.clearinghouse.cluster import Constraint, Ground
    from seatrial.clearinghouse.store import Signature, Store
    from seatrial.framework.viewer import Viewer

WORKER = Actor("worker:clustering", "1")


@dataclass(frozen=True)
class Placed:
    """Where findings went: for each its cluster, and the ids of the clusters that are new."""

    cluster_of: Mapping[str, str]
    founded: tuple[str, ...]


def cluster_findings(store: Store, viewer: Viewer, keeper: str, at: datetime, project: str = "") -> Placed:
    """Place everything that waits for a cluster, a batch at a time.

    Args:
        store: where findings are.
        viewer: who acts.
        keeper: the organisation that keeps new clusters.
        at: the instant of the events.
        project: of this project only.
    """
    cluster_of: dict[str, str] = {}
    founded: list[str] = []
    while waiting := store.unclustered(viewer, project=project, most=BATCH):
        by_project: dict[str, list[Signature]] = {}
        for signature in waiting:
            by_project.setdefault(signature.project, []).append(signature)
        for name, signatures in sorted(by_project.items()):
            done = retried(lambda name=name, some=signatures: _place(store, viewer, keeper, at, name, some))  # type: ignore[misc]
            cluster_of |= done.cluster_of
            founded += done.founded
    return Placed(cluster_of, tuple(founded))


def trace_of(signature: Signature) -> Trace:
    """What grouping sees of a signature."""
    return Trace(
        signature.exact_key, signature.project, signature.trace, signature.type.split("\n")[0], signature.crash_line
    )


def decided(clusters: Iterable[Cluster]) -> Constraints:
    """The decisions of people that are in force over these clusters."""
    links = dict.fromkeys(
        Link("must" if one.link is LinkKind.MUST else "cannot", one.one, one.other, one.by, one.reason)
        for cluster in clusters
        for one in cluster.constraints
        if not one.reverted
    )
    ambiguous = frozenset(key for cluster in clusters for key in cluster.ambiguous)
    return Constraints(tuple(links), ambiguous)


def with_members(cluster: Cluster, some: Sequence[Member]) -> Cluster:
    """A cluster with more members, and one representative for each crash line: the first that crashed there."""
    seen: set[str] = set()
    members = []
    for member in (*cluster.members, *some):
        members.append(member.model_copy(update={"represents": member.crash_line not in seen}))
        seen.add(member.crash_line)
    return cluster.model_copy(update={"members": tuple(members)})


def as_one(
    kept: Cluster, gone: Cluster, links: Sequence[Constraint] = (), grounds: Sequence[Ground] = ()
) -> tuple[Cluster, Cluster]:
    """Two clusters made one: the one that stays with all members, decisions and grounds, and the one that redirects."""
    merged = with_members(
        kept.model_copy(
            update={
                "constraints": (*kept.constraints, *gone.constraints, *links),
                "ambiguous": tuple(dict.fromkeys((*kept.ambiguous, *gone.ambiguous))),
                "evidence": (*kept.evidence, *gone.evidence, *grounds),
                "exploited": kept.exploited or gone.exploited,
            }
        ),
        gone.members,
    )
    redirect = gone.model_copy(
        update={"members": (), "stage": Stage.MERGED_INTO, "merged_into": kept.cluster_id, "constraints": ()}
    )
    return merged, redirect


def _place(
    store: Store, viewer: Viewer, keeper: str, at: datetime, project: str, waiting: Sequence[Signature]
) -> Placed:
    clusters = {one.cluster_id: one for one in store.clusters(viewer, project=project)}
    constraints = decided(list(clusters.values()))
    alone = [one for one in waiting if not one.exact_key or constraints.undecided(trace_of(one))]
    apart = {one.finding_id for one in alone}
    traced = [one for one in waiting if one.finding_id not in apart]
    found = place((trace_of(one) for one in traced), _standing(store, viewer, project, traced, clusters), constraints)
    key_of = {one.finding_id: constraints.key(trace_of(one)) for one in traced}
    home = {key: _last(cluster, clusters) for key, cluster in found.joined.items()}
    groups = [set(group) for group in found.founded]
    new = store.new_cluster_ids(viewer, len(groups) + len(waiting) - len(traced))
    home |= {key: name for group, name in zip(groups, new, strict=False) for key in group}
    cluster_of = {one.finding_id: home[key_of[one.finding_id]] for one in traced}
    key_of |= {one.finding_id: constraints.key(trace_of(one)) for one in alone if one.exact_key}
    cluster_of |= {one.finding_id: name for one, name in zip(alone, new[len(groups) :], strict=True)}
    joining: dict[str, list[Member]] = {}
    for one in sorted(waiting, key=lambda one: one.finding_id):
        member = Member(finding_id=one.finding_id, exact_key=key_of.get(one.finding_id, ""), crash_line=one.crash_line)
        joining.setdefault(cluster_of[one.finding_id], []).append(member)
    chains = Chains.of(store, viewer, list(joining), WORKER, at)
    changed = []
    for name, members in sorted(joining.items()):
        before = clusters.get(name) or Cluster(cluster_id=name, project=project, keeper=keeper)
        changed.append(with_members(before, members))
        chains.add(name, EventType.JOINED, {"findings": [member.finding_id for member in members]})
    store.append(viewer, chains.made, changed)
    return Placed(cluster_of, tuple(sorted(set(new) & set(joining))))


def _standing(
    store: Store, viewer: Viewer, project: str, waiting: Sequence[Signature], clusters: Mapping[str, Cluster]
) -> Standing:
    """The clusters that the waiting could meet, with all their members.

    A member that shares no top function with anything that waits is far from it by definition, and stands here as a
    trace that can be compared with nothing.
    """
    keys = sorted({one.exact_key for one in waiting})
    functions = sorted({name for one in waiting for name in one.functions})
    near = (*store.by_exact_key(viewer, project, keys), *store.by_top_function(viewer, project, functions))
    signed = {one.finding_id: one for one in near if one.cluster_id}
    standing = Standing()
    for name in sorted({one.cluster_id for one in signed.values()}):
        for member in clusters[name].members if name in clusters else ():
            held = signed.get(member.finding_id)
            standing.add(name, trace_of(held) if held else Trace(member.exact_key, project, ()))
    return standing


def _last(name: str, clusters: Mapping[str, Cluster]) -> str:
    """Where a cluster that was merged went."""
    while name in clusters and clusters[name].stage is Stage.MERGED_INTO:
        name = clusters[name].merged_into
    return name
