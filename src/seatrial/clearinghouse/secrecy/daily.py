"""The commitments of a day in the record: one root, kept once, in the order in which findings came in.

- A day is one of UTC, and is kept when it is over: what arrives late would change its root.
- The record's leaf holds the root and how many it is over. Whoever is shown a finding later checks the reveal against
  that root, and the root against the record's receipt; neither needs this house.
- The chain `CR-DAY` remembers that a day was kept: it is kept once, whoever asks how often.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol

from seatrial.clearinghouse.event import NONCE_BYTES, Actor, Event, EventType
from seatrial.clearinghouse.secrecy.commitment import BadCommitment, DayRoot, Reveal
from seatrial.ledger.event import NONCE_BYTES as LEAF_NONCE_BYTES
from seatrial.ledger.event import STREAM_KEY_BYTES, instant, pseudonym
from seatrial.ledger.event import Actor as LeafActor
from seatrial.ledger.event import Event as LeafEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.store import Held, Leaf
    from seatrial.framework.viewer import Viewer
    from seatrial.ledger.log import Log

KIND = "findings.day"
WORKER = Actor("worker:commitments", "1")
STREAM_BYTES = 16


class Commitments(Protocol):
    """What of a store is read here; `clearinghouse.store.Store` is one."""

    def commitments(self, viewer: Viewer, start: datetime, end: datetime) -> tuple[str, ...]:
        """Those of what came in within [start, end), in order."""
        ...

    def nonces(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, tuple[str, bytes]]:
        """The commitment of each and the bytes that open it."""
        ...

    def findings(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, Held]:
        """These findings."""
        ...

    def events(self, viewer: Viewer, subject: str) -> tuple[Event, ...]:
        """A subject's chain."""
        ...

    def append(
        self, viewer: Viewer, events: Sequence[Event], clusters: Sequence[Cluster] = (), keeper: str = ""
    ) -> Leaf:
        """Continue chains."""
        ...


@dataclass(frozen=True, slots=True)
class KeptDay:
    """A day in the record: its root, over how many commitments, and where the record has it."""

    day: str
    root: str
    size: int
    index: int


def root_of_day(store: Commitments, viewer: Viewer, day: date) -> DayRoot:
    """The tree over a day's commitments."""
    start = datetime.combine(day, time(), UTC)
    return DayRoot.of(day.isoformat(), store.commitments(viewer, start, start + timedelta(days=1)))


def keep_day(
    store: Commitments,
    viewer: Viewer,
    log: Log,
    day: date,
    now: datetime,
    keeper: str,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> KeptDay:
    """Put a day's root into the record, unless it is there.

    Raises:
        BadCommitment: the day is not over.
        Conflict: somebody else keeps it at this moment.
    """
    chain = store.events(viewer, subject(day))
    if chain:
        return KeptDay(**chain[0].body)
    if now < datetime.combine(day, time(), UTC) + timedelta(days=1):
        raise BadCommitment(f"commitments of {day}: the day is not over; it is kept afterwards")
    tree = root_of_day(store, viewer, day)
    [receipt] = log.append([leaf(tree, now, random)])
    kept = KeptDay(tree.day, tree.root, len(tree.commitments), receipt.index)
    body = {"day": kept.day, "root": kept.root, "size": kept.size, "index": kept.index}
    nonce = random(NONCE_BYTES)
    event = Event.following(None, subject(day), EventType.COMMITTED, body, WORKER, now, nonce)
    store.append(viewer, [event], keeper=keeper)
    return kept


def leaf(tree: DayRoot, at: datetime, random: Callable[[int], bytes]) -> LeafEvent:
    """The record's leaf for a day."""
    return LeafEvent(
        kind=KIND,
        at=instant(at),
        stream=f"day_{random(STREAM_BYTES).hex()}",
        actor=LeafActor("clearinghouse", pseudonym(random(STREAM_KEY_BYTES), "clearinghouse")),
        nonce=random(LEAF_NONCE_BYTES).hex(),
        refs={"commitments": tree.ref},
        nums={"size": len(tree.commitments)},
    )


def reveal(store: Commitments, viewer: Viewer, finding_id: str) -> Reveal:
    """What opens the commitment to a finding: its bytes, the random bytes, and the path to its day's root.

    Raises:
        BadCommitment: there is no such finding for this viewer, or it is of a day without its commitment.
    """
    held, opened = store.findings(viewer, [finding_id]), store.nonces(viewer, [finding_id])
    if finding_id not in held or finding_id not in opened:
        raise BadCommitment(f"{finding_id}: there is no such finding for you")
    commitment, nonce = opened[finding_id]
    tree = root_of_day(store, viewer, held[finding_id].received_at.astimezone(UTC).date())
    if commitment not in tree.commitments:
        raise BadCommitment(f"{finding_id}: its day does not hold its commitment; ask for the house's own view")
    return tree.reveal(tree.commitments.index(commitment), nonce, held[finding_id].finding.canonical())


def subject(day: date) -> str:
    """The chain that remembers a day."""
    return f"CR-{day.isoformat()}"
