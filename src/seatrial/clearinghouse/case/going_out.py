"""What a sign-off and a release look at, gathered anew from the records: rating, members, labels, people.

- The rating is the newest `rating_decided` of the cluster's chain: its body is the decision's document.
- Representatives are those of the cluster as it stands. A finding that joins as one changes what was signed.
- Recipients are the contact of the draft's participant, and nobody besides.
- A finding's label has the case's participants as its audience; RED has named people, and none is named here: it stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from seatrial.clearinghouse.case.outbox import Going
from seatrial.clearinghouse.case.signoff import NotSigned, SignOffs, Subject, sign
from seatrial.clearinghouse.event import NONCE_BYTES, Event, EventType
from seatrial.clearinghouse.rating.raters import Rating
from seatrial.clearinghouse.secrecy.tlp import NAMED, Labelled, Recipient, strictest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from seatrial.clearinghouse.case.case import Case, DraftRef
    from seatrial.clearinghouse.case.outbox import Outbox
    from seatrial.clearinghouse.case.signoff import SignOff
    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.event import Actor
    from seatrial.clearinghouse.store import Held, Leaf
    from seatrial.framework.viewer import Viewer


class Records(Protocol):
    """What of a store is read here; `clearinghouse.store.Store` is one."""

    def events(self, viewer: Viewer, subject: str) -> tuple[Event, ...]:
        """A subject's chain."""
        ...

    def clusters(self, viewer: Viewer, cluster_ids: Sequence[str] = (), project: str = "") -> tuple[Cluster, ...]:
        """These clusters."""
        ...

    def findings(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, Held]:
        """These findings."""
        ...

    def append(
        self, viewer: Viewer, events: Sequence[Event], clusters: Sequence[Cluster] = (), keeper: str = ""
    ) -> Leaf:
        """Continue chains."""
        ...


def gathered(records: Records, viewer: Viewer, outbox: Outbox, case: Case, draft: DraftRef) -> Going:
    """All that a release of this draft looks at, as it is now.

    Raises:
        NotSigned: the cluster is not there, or nobody has decided its rating.
    """
    found = records.clusters(viewer, [draft.cluster])
    if not found:
        raise NotSigned(f"{draft.cluster}: there is no such cluster for you")
    events = records.events(viewer, draft.cluster)
    document = decided(draft.cluster, events)
    contact = case.participant(draft.organisation).contact
    representatives = tuple(one.finding_id for one in found[0].members if one.represents)
    held = records.findings(viewer, representatives or [found[0].stands_for_it])
    things = [_labelled(one, case) for one in held.values()]
    subject = Subject(
        draft.cluster,
        document,
        str(document["person"]),
        severity(document),
        representatives,
        outbox.text(draft),
        (contact,),
    )
    label = strictest([case.tlp, *(thing.label for thing in things)])
    recipients = (Recipient(contact, draft.organisation),)
    return Going(subject, SignOffs.of(events), recipients, label, things)


def decided(cluster: str, events: Sequence[Event]) -> Mapping[str, Any]:
    """The document of the newest decision about a cluster's rating.

    Raises:
        NotSigned: nobody has decided it.
    """
    bodies = [event.body for event in events if event.type is EventType.RATING_DECIDED]
    if not bodies:
        raise NotSigned(f"{cluster}: its rating is not decided; `seatrial findings rate` does")
    return bodies[-1]


def severity(document: Mapping[str, Any]) -> str:
    """The word for a decided rating: the higher band of its two vectors."""
    rating = document["rating"]
    return str(Rating(rating["cvss_4"], rating["cvss_3"], rating["cwe"], rating.get("ssvc", {})).band())


def signed_off(
    records: Records,
    viewer: Viewer,
    going: Going,
    actor: Actor,
    reason: str,
    at: datetime,
    random: Callable[[int], bytes],
) -> SignOff:
    """A person signs off what was gathered; kept in the cluster's chain.

    Raises:
        NotSigned: they cannot.
        Conflict: somebody changed the cluster at the same time.
    """
    given = sign(going.subject, actor.id, actor.version, reason, at)
    chain = records.events(viewer, given.cluster)
    event = Event.following(
        chain[-1], given.cluster, EventType.SIGNED_OFF, given.body(), actor, at, random(NONCE_BYTES)
    )
    records.append(viewer, [event])
    return given


def _labelled(held: Held, case: Case) -> Labelled:
    audience = frozenset[str]() if held.finding.tlp in NAMED else frozenset(case.participants)
    return Labelled(held.finding.short, held.finding.tlp, audience)
