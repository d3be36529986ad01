"""What people decide about clusters: split, merge, decline; each an act with a name and a reason.

- A split gives the leavers a new id and keeps them apart for ever: no import and no fresh clustering brings them back.
- A merge keeps the id that has a case, else the lower one; the other redirects for ever.
- Both are decisions about exact keys, so that they bind what arrives later; one that contradicts an earlier decision is
  refused and names it.
- To undo is a decision too: the earlier one stays, marked with the one that reverted it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.clearinghouse.cluster import Cluster, Constraint, Decision, Member, Stage
from seatrial.clearinghouse.cluster import Link as LinkKind
from seatrial.clearinghouse.event import EventType
from seatrial.clearinghouse.grouping import Link
from seatrial.clearinghouse.steps.chains import Chains, retried
from seatrial.clearinghouse.steps.clustering import as_one, decided, with_members

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from seatrial.clearinghouse.event import Actor
    from seatrial.clearinghouse.store import Store
    from seatrial.framework.viewer import Viewer


class Refused(ValueError):
    """A decision that cannot be taken; says why and what to do."""


@dataclass(frozen=True)
class Desk:
    """Who decides, about the clusters of which store, at which instant."""

    store: Store
    viewer: Viewer
    person: Actor
    at: datetime

    def __post_init__(self) -> None:
        if not self.person.is_person:
            raise Refused(f"{self.person.id}: a decision is a person's")

    def split(self, cluster_id: str, leavers: Sequence[str], reason: str) -> tuple[Cluster, Cluster]:
        """Give some findings a cluster of their own; the cluster that stays, and the new one.

        Raises:
            Refused: no such cluster, or not some of its findings, or all of them.
            Contradiction: an earlier decision holds a leaver and a stayer together.
        """
        return retried(lambda: self._split(cluster_id, leavers, reason))

    def merge(self, one: str, other: str, reason: str, with_case: Sequence[str] = ()) -> Cluster:
        """Make two clusters one; the one that stays.

        Raises:
            Refused: not two clusters of one project that stand, or both have a case.
            Contradiction: an earlier decision parted them.
        """
        return retried(lambda: self._merge(one, other, reason, with_case))

    def decide(self, cluster_id: str, about: str, value: str, reason: str) -> Cluster:
        """Decide something that stays with the cluster (`title`, `wont_fix`, `out_of_scope`, ...)."""
        return retried(lambda: self._decide(cluster_id, about, value, reason))

    def decline(self, one: str, other: str, evidence: Sequence[str], reason: str) -> None:
        """Say that two clusters are not one for all of this evidence; only new evidence proposes them again."""
        first, second = sorted((self._cluster(one).cluster_id, self._cluster(other).cluster_id))
        body = {"one": first, "other": second, "evidence": list(evidence), "reason": _said(reason)}

        def act() -> None:
            chains = self._chains(first)
            chains.add(first, EventType.CANDIDATE_DECLINED, body)
            self.store.append(self.viewer, chains.made)

        retried(act)

    def revert(self, cluster_id: str, decision: str, reason: str) -> Cluster:
        """Take back what a split or a merge decided for the future; findings stay where they are."""
        return retried(lambda: self._revert(cluster_id, decision, reason))

    def _split(self, cluster_id: str, leavers: Sequence[str], reason: str) -> tuple[Cluster, Cluster]:
        cluster = self._cluster(cluster_id)
        going = [member for member in cluster.members if member.finding_id in set(leavers)]
        staying = [member for member in cluster.members if member.finding_id not in set(leavers)]
        strangers = set(leavers) - {member.finding_id for member in going}
        if strangers:
            raise Refused(f"{cluster_id}: {min(strangers)[:12]} is not in it; `seatrial findings show {cluster_id}`")
        if not going or not staying:
            raise Refused(f"{cluster_id}: some findings leave and some stay; name at least one and not all")
        # Who shares a key with those who stay is told apart by the crash line from now on.
        shared = {member.exact_key for member in going} & {member.exact_key for member in staying} - {""}
        going, staying = ([_extended(member, shared) for member in some] for some in (going, staying))
        same = {member.exact_key for member in going} & {member.exact_key for member in staying} - {""}
        ambiguous = (*cluster.ambiguous, *sorted(shared), *sorted(same))
        [new] = self.store.new_cluster_ids(self.viewer, 1)
        chains = self._chains(cluster_id)
        body = {"to": new, "findings": [member.finding_id for member in going], "reason": _said(reason)}
        act = chains.add(cluster_id, EventType.SPLIT, body)
        pairs = sorted(
            {
                (a.exact_key, b.exact_key)
                for a in going
                for b in staying
                if a.exact_key and b.exact_key and a.exact_key != b.exact_key
            }
        )
        links = [self._link(LinkKind.CANNOT, a, b, reason, act.hash) for a, b in pairs]
        self._check(cluster.project, links)
        left = cluster.model_copy(
            update={"members": (), "constraints": (*cluster.constraints, *links), "ambiguous": ambiguous}
        )
        begun = Cluster(
            cluster_id=new,
            project=cluster.project,
            keeper=cluster.keeper,
            constraints=tuple(links),
            ambiguous=tuple(ambiguous),
        )
        left, begun = with_members(left, staying), with_members(begun, going)
        chains.add(new, EventType.JOINED, {"findings": body["findings"], "from": cluster_id})
        self.store.append(self.viewer, chains.made, [left, begun])
        return left, begun

    def _merge(self, one: str, other: str, reason: str, with_case: Sequence[str]) -> Cluster:
        first, second = self._cluster(one), self._cluster(other)
        if first.cluster_id == second.cluster_id:
            raise Refused(f"{one} and {other} are one cluster already")
        if first.project != second.project:
            raise Refused(f"{one} is of {first.project} and {other} of {second.project}: merge within a project")
        cased = [cluster for cluster in (first, second) if cluster.cluster_id in with_case]
        if len(cased) > 1:
            raise Refused(f"{one} and {other} have a case each; end one case first")
        kept = cased[0] if cased else min(first, second, key=lambda cluster: cluster.cluster_id)
        gone = second if kept is first else first
        chains = self._chains(kept.cluster_id, gone.cluster_id)
        act = chains.add(kept.cluster_id, EventType.MERGED, {"from": gone.cluster_id, "reason": _said(reason)})
        chains.add(gone.cluster_id, EventType.MERGED, {"into": kept.cluster_id, "reason": reason})
        keys = [next((member.exact_key for member in side.members if member.exact_key), "") for side in (kept, gone)]
        links = (
            [self._link(LinkKind.MUST, keys[0], keys[1], reason, act.hash)] if all(keys) and keys[0] != keys[1] else []
        )
        self._check(kept.project, links)
        merged, redirect = as_one(kept, gone, links)
        self.store.append(self.viewer, chains.made, [redirect, merged])
        return merged

    def _decide(self, cluster_id: str, about: str, value: str, reason: str) -> Cluster:
        cluster = self._cluster(cluster_id)
        made = Decision(about=about, value=value, by=self.person.id, reason=_said(reason), decided_at=self.at)
        chains = self._chains(cluster_id)
        chains.add(cluster_id, EventType.DECIDED, {"about": about, "value": value, "reason": reason})
        changed = cluster.model_copy(update={"decisions": (*cluster.decisions, made)})
        if about == "wont_fix" and value == "yes":
            changed = changed.model_copy(update={"stage": Stage.WONT_FIX})
        self.store.append(self.viewer, chains.made, [changed])
        return changed

    def _revert(self, cluster_id: str, decision: str, reason: str) -> Cluster:
        cluster = self._cluster(cluster_id)
        held = [one for one in cluster.constraints if one.decision.startswith(decision) and not one.reverted]
        if not decision or not held:
            raise Refused(f"{cluster_id}: no decision {decision!r} is in force; `seatrial findings show {cluster_id}`")
        chains = self._chains(cluster_id)
        act = chains.add(cluster_id, EventType.REVERTED, {"decision": held[0].decision, "reason": _said(reason)})
        # The same decision stands in the other cluster too: it is in force until it is reverted in both.
        names = {one.decision for one in held}
        others = [
            one
            for one in self.store.clusters(self.viewer, project=cluster.project)
            if one.cluster_id != cluster_id and any(link.decision in names for link in one.constraints)
        ]
        changed = []
        for one in (cluster, *others):
            links = [
                link.model_copy(update={"reverted": act.hash}) if link.decision in names else link
                for link in one.constraints
            ]
            changed.append(one.model_copy(update={"constraints": tuple(links)}))
        self.store.append(self.viewer, chains.made, changed)
        return changed[0]

    def _cluster(self, cluster_id: str) -> Cluster:
        """The cluster, or what it was merged into."""
        found = self.store.clusters(self.viewer, [cluster_id])
        if not found:
            raise Refused(f"{cluster_id}: there is no such cluster; `seatrial findings list` shows those that you see")
        if found[0].stage is Stage.MERGED_INTO:
            return self._cluster(found[0].merged_into)
        return found[0]

    def _chains(self, *subjects: str) -> Chains:
        return Chains.of(self.store, self.viewer, list(subjects), self.person, self.at)

    def _link(self, kind: LinkKind, one: str, other: str, reason: str, decision: str) -> Constraint:
        return Constraint(
            link=kind,
            one=one,
            other=other,
            by=self.person.id,
            reason=reason,
            decided_at=self.at,
            decision=decision,
        )

    def _check(self, project: str, links: Sequence[Constraint]) -> None:
        """Refuse what contradicts an earlier decision about this project."""
        constraints = decided(self.store.clusters(self.viewer, project=project))
        for one in links:
            constraints = constraints.with_link(
                Link("must" if one.link is LinkKind.MUST else "cannot", one.one, one.other, one.by, one.reason)
            )


def _extended(member: Member, shared: set[str]) -> Member:
    if member.exact_key not in shared:
        return member
    return member.model_copy(update={"exact_key": f"{member.exact_key} {member.crash_line}"})


def _said(reason: str) -> str:
    if not reason.strip():
        raise Refused("a decision needs a reason; give it in a sentence")
    return reason
