"""Where the room keeps its rows: the protocol that memory, SQLite and PostgreSQL implement alike.

- Every call names who is looking. An organisation sees what it handed in, and what it is the keeper of; a developer
  never sees another's. To anybody else a finding is not there.
- Calls take batches and are one transaction each. Inside `transaction` they join it, so that findings, their events and
  the leaf in the record are there together or not at all.
- A chain goes on in one way: events that do not follow the newest are `Conflict`; fold again and try again.
- A receipt is for what is durable: on return from the outermost transaction rows, leaf and checkpoint are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.framework.submission_store import UNSEEING

if TYPE_CHECKING:
    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.disposition import Disposition
    from seatrial.clearinghouse.event import Event
    from seatrial.clearinghouse.finding import Finding
    from seatrial.clearinghouse.funnel import Funnel
    from seatrial.clearinghouse.origin import Origin
    from seatrial.framework.viewer import Viewer

KEEPING = frozenset({Role.ANALYST, Role.VERIFIER, Role.COORDINATOR, Role.CLEARINGHOUSE_LEAD})
"""Roles that work on findings, at the organisation that keeps them."""
HANDING_IN = KEEPING | DEVELOPER_ROLES | {Role.EVALUATOR, Role.EVALUATOR_LEAD}
"""Roles that hand findings in, and see what became of those."""
LINE = 500
"""Characters of a text that rows are looked up by or lists show; the whole is in the canonical bytes."""
BATCH = 1000
"""Items of one transaction: a constant number of statements each, and memory that does not grow with an import."""


class Conflict(ValueError):
    """Somebody else continued this chain, or holds this id: read it again."""


class NoFinding(LookupError):
    """There is no such finding for this viewer."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: there is no such finding; `seatrial findings list` shows those that you see")


@dataclass(frozen=True, slots=True)
class Received:
    """A finding as it comes in: its first events, its commitment, and the 32 bytes that open it."""

    finding: Finding
    events: tuple[Event, ...]
    commitment: str
    nonce: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An item that could not be read.

    Attributes:
        receipt_id: Its id, 64 hex digits.
        origin_ref: Where it came from.
        file: The file's name as it was handed in.
        where: JSON path, line or member.
        what: What is wrong.
        to_do: What to do about it.
        sha256: Of its bytes, which lie under the origin's own key; empty when they were too many to be taken.
    """

    receipt_id: str
    origin_ref: str
    events: tuple[Event, ...]
    file: str
    where: str
    what: str
    to_do: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction takes in; `items` in the order of arrival."""

    items: tuple[Received | Quarantined, ...]
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: ids in order of arrival, whether each was held before it, and the batch in the record."""

    ids: tuple[str, ...]
    again: tuple[bool, ...]
    leaf: Leaf | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A batch of events in the record: its id, the Merkle root over their hashes, how many, where the log has it."""

    batch: str
    root: str
    size: int
    log: int
    index: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that the record has an event: its place in its batch, the path to the batch's root, and the leaf.

    With the record's own receipt of entry `leaf.index` it is checked offline (`leaf.in_batch`, `ledger.receipt`).
    """

    event: Event
    position: int
    path: tuple[str, ...]
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Signature:
    """What clustering looks a finding up by.

    Attributes:
        exact_key: SHA-256 over project, language, type, access and trace; empty without a trace.
        functions: The frame keys of its top three kept frames.
        trace: The keys of all kept frames, innermost first.
    """

    finding_id: str
    project: str
    exact_key: str
    crash_line: str
    functions: tuple[str, ...]
    trace: tuple[str, ...] = ()
    type: str = ""
    title: str = ""
    cluster_id: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A finding and where it is."""

    finding: Finding
    disposition: Disposition
    submitter: str
    keeper: str
    received_at: datetime
    seq: int
    last: str
    cluster_id: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a list: no more of a finding than a list shows."""

    finding_id: str
    project: str
    title: str
    kind: str
    disposition: Disposition
    submitter: str
    received_at: datetime
    cluster_id: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which findings a list shows; an empty field asks for all. `after` is the id that the page before ended with."""

    disposition: str = ""
    project: str = ""
    submitter: str = ""
    cluster_id: str = ""
    prefix: str = ""
    after: str = ""
    most: int = 100


class Store(Protocol):
    """See the module, and the contract in `tests/contracts/test_finding_store.py`."""

    def transaction(self, viewer: Viewer) -> AbstractContextManager[None]:
        """Calls by the same viewer inside are one transaction; an error takes all of them back."""
        ...

    def origin_of(self, viewer: Viewer, submitter: str, run: str) -> Origin | None:
        """The origin of this submitter and run that is not shredded."""
        ...

    def put_findings(self, viewer: Viewer, batch: Batch) -> Taken:
        """Take a batch in. What is held already is counted as come again, and changes nothing. Raises `Conflict`."""
        ...

    def append(
        self, viewer: Viewer, events: Sequence[Event], clusters: Sequence[Cluster] = (), keeper: str = ""
    ) -> Leaf:
        """Continue chains; `clusters` are the records that their events led to. Raises `Conflict`, `NoFinding`.

        `keeper`: the organisation that keeps what these events begin, where that is neither a finding nor a cluster.
        """
        ...

    def findings(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, Held]:
        """Those that the viewer sees, by id."""
        ...

    def lines(self, viewer: Viewer, asked: Asked) -> tuple[Line, ...]:
        """A page of a list, ordered by id."""
        ...

    def quarantined(self, viewer: Viewer, after: str = "", most: int = 100) -> tuple[Quarantined, ...]:
        """Items that could not be read, ordered by receipt; their events are not loaded."""
        ...

    def events(self, viewer: Viewer, subject: str) -> tuple[Event, ...]:
        """A subject's chain; empty where the viewer sees none."""
        ...

    def heads(self, viewer: Viewer, subjects: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        """The newest seq and hash of each chain: what the next events follow."""
        ...

    def unreproduced(self, viewer: Viewer, submitter: str) -> int:
        """How many findings of a submitter wait to be reproduced; what is parked does not count."""
        ...

    def sign(self, viewer: Viewer, signatures: Sequence[Signature]) -> None:
        """Keep what clustering looks findings up by; again replaces."""
        ...

    def by_exact_key(self, viewer: Viewer, project: str, keys: Sequence[str]) -> tuple[Signature, ...]:
        """The signatures of a project with one of these exact keys."""
        ...

    def by_top_function(self, viewer: Viewer, project: str, functions: Sequence[str]) -> tuple[Signature, ...]:
        """The signatures of a project that have one of these among their top three."""
        ...

    def unclustered(self, viewer: Viewer, project: str = "", most: int = BATCH) -> tuple[Signature, ...]:
        """Signatures of findings that belong in a cluster and are in none; ordered by finding."""
        ...

    def new_cluster_ids(self, viewer: Viewer, count: int) -> tuple[str, ...]:
        """The next ids of the sequence; ask outside a transaction, and they are never given again."""
        ...

    def clusters(self, viewer: Viewer, cluster_ids: Sequence[str] = (), project: str = "") -> tuple[Cluster, ...]:
        """These, or those of a project, or all; ordered by id."""
        ...

    def nonces(self, viewer: Viewer, finding_ids: Sequence[str]) -> Mapping[str, tuple[str, bytes]]:
        """The commitment of each and the bytes that open it: for whoever reveals it."""
        ...

    def commitments(self, viewer: Viewer, start: datetime, end: datetime) -> tuple[str, ...]:
        """The commitments of what came in within [start, end), in order of arrival: the leaves of a day's root."""
        ...

    def proof(self, viewer: Viewer, subject: str, seq: int) -> Proof:
        """What shows that the record has this event. Raises `NoFinding`, also without the whole batch."""
        ...

    def funnel(self, viewer: Viewer) -> Funnel:
        """The counts as the fold keeps them, of what the viewer sees."""
        ...

    def count(self, viewer: Viewer) -> Funnel:
        """The same, counted anew over all rows and their events."""
        ...

    def shred_origin(self, viewer: Viewer, refs: Sequence[str], now: datetime) -> tuple[str, ...]:
        """Empty these origins of every fact about a model; the references that were there. Findings stay."""
        ...

    def shredded(self, viewer: Viewer) -> tuple[str, ...]:
        """The references of origins that were shredded: their papers are to go, if they are still there."""
        ...

    def origins_of(self, viewer: Viewer, submission: str) -> tuple[str, ...]:
        """The references of a submission's origins."""
        ...


def sees(viewer: Viewer, submitter: str, keeper: str, submission: str = "", *, rival: bool) -> bool:
    """Whether what came from this origin is there for the viewer; `rival`: their organisation is a developer."""
    if viewer.sees_all:
        return True
    if viewer.submission:
        return viewer.submission == submission
    if viewer.role in UNSEEING:
        return False
    if viewer.organisation == submitter:
        return viewer.role in HANDING_IN
    return viewer.organisation == keeper and viewer.role in KEEPING and not rival
