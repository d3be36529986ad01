"""Ratings of clusters as their chains keep them: proposals, what they disagree on, and what a named person decided.

- A proposal of a person carries the person's own id, whoever types it; it sees what was proposed before it, unless it
  is said to be blind.
- A decision names the proposals it rests on. It moves an open cluster to `rated`; a sign-off is voided by it, since the
  digest is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.cluster import Stage
from seatrial.clearinghouse.event import EventType
from seatrial.clearinghouse.rating import Decision, Proposal, RaterKind, Rating, decide
from seatrial.clearinghouse.steps.chains import Chains, retried
from seatrial.clearinghouse.steps.decisions import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.event import Actor, Event
    from seatrial.clearinghouse.store import Store
    from seatrial.framework.viewer import Viewer

BEFORE_RATED = frozenset({Stage.OPEN, Stage.RATED, Stage.SIGNED_OFF})
"""Stages that a decision about the rating leads to `rated` from; later ones stay where they are."""


@dataclass(frozen=True)
class Rated:
    """What a cluster's chain says of its rating: proposals in order, and the document of the newest decision."""

    proposals: tuple[Proposal, ...]
    decision: Mapping[str, Any] | None


@dataclass(frozen=True)
class RatingDesk:
    """Who proposes and decides, at which instant."""

    store: Store
    viewer: Viewer
    person: Actor
    at: datetime

    def rated(self, cluster_id: str) -> Rated:
        """The rating of a cluster as it stands. Raises `Refused` where there is no such cluster."""
        self._cluster(cluster_id)
        events = self.store.events(self.viewer, cluster_id)
        proposals = tuple(_proposal(event) for event in events if event.type is EventType.RATING_PROPOSED)
        decided = [event.body for event in events if event.type is EventType.RATING_DECIDED]
        return Rated(proposals, decided[-1] if decided else None)

    def propose(
        self, cluster_id: str, rating: Rating, *, evidence: Sequence[str] = (), blind: bool = False, rule: str = ""
    ) -> Proposal:
        """Propose a rating.

        Args:
            cluster_id: of which cluster.
            rating: vectors, weakness, SSVC answers.
            evidence: what it rests on.
            blind: the rater has not seen the proposals before it.
            rule: the id of a rule that makes the proposal, instead of the person.

        Raises:
            Refused: no such cluster.
            NotAVector, NotAWeakness: something in it cannot be read; nothing is kept.
        """

        def act() -> Proposal:
            before = self.rated(cluster_id).proposals
            rater = rule or self.person.id
            saw = frozenset() if blind else frozenset(one.rater for one in before if one.rater != rater)
            kind = RaterKind.RULE if rule else RaterKind.PERSON
            made = Proposal(rater, kind, rating, self.at, tuple(evidence), saw)
            chains = Chains.of(self.store, self.viewer, [cluster_id], self.person, self.at)
            body = {
                "rater": made.rater,
                "kind": made.kind.value,
                "rating": rating.document(),
                "evidence": list(made.evidence),
                "saw": sorted(saw),
            }
            chains.add(cluster_id, EventType.RATING_PROPOSED, body)
            self.store.append(self.viewer, chains.made)
            return made

        return retried(act)

    def decide(self, cluster_id: str, rating: Rating, reason: str = "") -> Decision:
        """Decide the rating, on the newest proposal of each rater.

        Raises:
            Refused: no such cluster.
            NotDecidable: what is missing, all at once.
            NotAVector, NotAWeakness: something in it cannot be read.
        """

        def act() -> Decision:
            cluster = self._cluster(cluster_id)
            newest = {one.rater: one for one in self.rated(cluster_id).proposals}
            made = decide(tuple(newest.values()), rating, person=self.person.id, reason=reason, at=self.at)
            chains = Chains.of(self.store, self.viewer, [cluster_id], self.person, self.at)
            chains.add(cluster_id, EventType.RATING_DECIDED, made.document())
            stage = Stage.RATED if cluster.stage in BEFORE_RATED else cluster.stage
            self.store.append(self.viewer, chains.made, [cluster.model_copy(update={"stage": stage})])
            return made

        return retried(act)

    def _cluster(self, cluster_id: str) -> Cluster:
        found = self.store.clusters(self.viewer, [cluster_id])
        if not found:
            raise Refused(f"{cluster_id}: there is no such cluster; `seatrial findings list` shows those that you see")
        if found[0].stage is Stage.MERGED_INTO:
            raise Refused(f"{cluster_id}: it was merged; rate {found[0].merged_into}")
        return found[0]


def _proposal(event: Event) -> Proposal:
    body = event.body
    given = body["rating"]
    rating = Rating(given["cvss_4"], given["cvss_3"], given["cwe"], dict(given["ssvc"]))
    kind = RaterKind(body["kind"])
    return Proposal(body["rater"], kind, rating, event.at, tuple(body["evidence"]), frozenset(body["saw"]))
