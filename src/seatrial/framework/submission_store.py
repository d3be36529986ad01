"""The store that submissions, findings and texts are kept in: its protocol, and one in memory.

- Every call begins with the viewer. What a viewer may not know of is not there: no row, no name, no count, and the same
  `NotHere` for another developer's object as for one that does not exist.
- `save` takes the steps that lead from the version that was read to the standing that is written, and nothing else:
  a standing without its steps, or on top of another writer's, is refused.
- A step names the entry of the log that records it. Only a withdrawal may be saved without one: it waits for nothing,
  and its entry is owed until `recorded` makes it up.
- `forget` leaves what the log may show as well: states, times, roles, digests. Everything else of the object is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from seatrial.framework.finding import told
from seatrial.framework.framework_text import READERS
from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.framework.standing import Act, Entry, Kind, Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.framework.viewer import Viewer

WITHDRAW = "withdraw"
PURGED = "purged"
UNSEEING = frozenset({Role.OPERATOR, Role.PUBLIC, Role.METRICS_READER})
"""Roles that see no submission, whatever a consent names: they have no cell for one in the matrix."""
INNER_STATES = frozenset({"", "inquiry", "draft"})
"""Nothing has left the developer's own slice; an inquiry goes to the organisations that its consent names."""


class NotHere(LookupError):
    """There is no such object for this viewer."""

    def __init__(self, object_id: str) -> None:
        super().__init__(f"{object_id}: there is no such object; `seatrial submission list` shows those that you see")


class Stale(ValueError):
    """Somebody else acted since this was read: read it again."""


class Unfounded(ValueError):
    """A standing that its steps do not lead to, or a step without its entry in the log."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the log has a step: the number of the log, and the index."""

    log: int
    index: int


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a history: what was asked, what was entered, the salt of its commitment, where the log has it."""

    act: Act
    entry: Entry
    salt: bytes
    place: Place | None


@dataclass(frozen=True, slots=True)
class Record:
    """One object: where it stands, and the steps that led there, oldest first."""

    standing: Standing
    history: tuple[Step, ...]

    @property
    def version(self) -> int:
        """The number of steps."""
        return len(self.history)


class SubmissionStore(Protocol):
    """Keeps objects with a lifecycle."""

    def load(self, viewer: Viewer, object_id: str) -> Record:
        """One object. Raises `NotHere`."""
        ...

    def save(self, viewer: Viewer, standing: Standing, expected_version: int, steps: Sequence[Step]) -> None:
        """Write the standing and the steps to it; version 0 is a new object. Raises `Stale`, `Unfounded`, `NotHere`."""
        ...

    def list(self, viewer: Viewer, kind: Kind | None = None) -> tuple[Standing, ...]:
        """What the viewer sees, in the order of opening."""
        ...

    def owed(self, viewer: Viewer) -> tuple[tuple[str, Step], ...]:
        """Steps without an entry, oldest first, each with its object's id."""
        ...

    def recorded(self, viewer: Viewer, object_id: str, seq: int, place: Place) -> None:
        """The entry of an owed step has been made. Raises `Unfounded` if it is not owed."""
        ...

    def forget(self, viewer: Viewer, object_id: str) -> None:
        """Take away all that was said of an object in its final state. Raises `Unfounded` in any other state."""
        ...


def forgotten(standing: Standing) -> Standing:
    """What is left of a standing: ids, state, times, and whose it is.

    Raises:
        Unfounded: its state is not the last one.
    """
    if standing.state != PURGED:
        raise Unfounded(f"{standing.object}: stands in {standing.state}; only what is {PURGED} is forgotten")
    return Standing(
        standing.object,
        standing.kind,
        standing.state,
        standing.since,
        developer=standing.developer,
        last=standing.last,
    )


def bare(entry: Entry) -> Act:
    """What is left of an act once its object is forgotten."""
    return Act(entry.event, entry.actor, entry.at, request_digest=entry.request_digest)


def visible(viewer: Viewer, standing: Standing, *, rival: bool) -> bool:
    """Whether the object is there for this viewer; `rival`: the viewer's organisation is a developer.

    What the viewer may read of it is `access.decide`'s to say. This asks only whether its existence is known to them:
    to its developer, and to the organisations that a consent of it names or that assess it, once it has left the
    developer's slice. A text of the framework is there for every role that has a step in it; a finding, once it was
    reported, for the maintainers of the very product, whatever else their organisation is.
    """
    if viewer.sees_all or viewer.submission == standing.object:
        return True
    if viewer.submission or viewer.role in UNSEEING:
        return False
    if standing.kind is Kind.FRAMEWORK_TEXT:
        return viewer.role in READERS
    maintained = viewer.role is Role.MAINTAINER and viewer.organisation == told(standing)
    return maintained or _of_party(viewer, standing, rival=rival)


def _of_party(viewer: Viewer, standing: Standing, *, rival: bool) -> bool:
    if viewer.organisation == standing.developer:
        return viewer.role in DEVELOPER_ROLES
    if rival or viewer.role in DEVELOPER_ROLES:
        return False
    return viewer.organisation in known_to(standing)


def known_to(standing: Standing) -> frozenset[str]:
    """The organisations other than its developer's that an object's existence is known to."""
    named = frozenset(one.organisation for consent in standing.consents for one in consent.recipients)
    own = frozenset({standing.evaluator}) if standing.evaluator and standing.state not in INNER_STATES else frozenset()
    return named | own


def check_steps(standing: Standing, expected_version: int, steps: Sequence[Step]) -> None:
    """Refuse steps that do not lead from the expected version to this standing.

    Raises:
        Unfounded: no step, a gap, a broken chain, another end, or a step without its entry.
    """
    numbers = [step.entry.seq for step in steps]
    if not steps or numbers != list(range(expected_version + 1, expected_version + 1 + len(steps))):
        raise Unfounded(f"{standing.object}: steps {numbers} do not follow version {expected_version}")
    if any(one.entry.target != other.entry.source for one, other in pairwise(steps)):
        raise Unfounded(f"{standing.object}: a step does not begin where the one before it ended")
    if standing.last != steps[-1].entry or standing.state != steps[-1].entry.target:
        raise Unfounded(f"{standing.object}: its last step leads to {steps[-1].entry.target}, not to {standing.state}")
    if any(step.place is None and step.entry.event != WITHDRAW for step in steps):
        raise Unfounded(f"{standing.object}: a step has no entry in the log; only a withdrawal may owe one")


class MemorySubmissions:
    """A `SubmissionStore` in memory, for tests and for trying a lifecycle out."""

    def __init__(self, developers: frozenset[str] = frozenset()) -> None:
        """`developers`: the organisations that are developers, and so see no other developer's objects."""
        self._developers = developers
        self._records: dict[str, Record] = {}

    def load(self, viewer: Viewer, object_id: str) -> Record:
        """One object."""
        found = self._records.get(object_id)
        if found is None or not self._sees(viewer, found.standing):
            raise NotHere(object_id)
        return found

    def save(self, viewer: Viewer, standing: Standing, expected_version: int, steps: Sequence[Step]) -> None:
        """Write the standing and the steps to it."""
        check_steps(standing, expected_version, steps)
        known = self._records.get(standing.object)
        if not self._sees(viewer, known.standing if known else standing):
            raise NotHere(standing.object)
        if (known.version if known else 0) != expected_version:
            raise Stale(f"{standing.object}: somebody acted since version {expected_version}; read it again")
        if known and known.standing.state != steps[0].entry.source:
            raise Unfounded(f"{standing.object}: stands in {known.standing.state}, not in {steps[0].entry.source}")
        self._records[standing.object] = Record(standing, (*(known.history if known else ()), *steps))

    def list(self, viewer: Viewer, kind: Kind | None = None) -> tuple[Standing, ...]:
        """What the viewer sees."""
        seen = (record.standing for record in self._records.values() if self._sees(viewer, record.standing))
        return tuple(standing for standing in seen if kind in (None, standing.kind))

    def owed(self, viewer: Viewer) -> tuple[tuple[str, Step], ...]:
        """Steps without an entry."""
        return tuple(
            (name, step)
            for name, record in self._records.items()
            if self._sees(viewer, record.standing)
            for step in record.history
            if step.place is None
        )

    def recorded(self, viewer: Viewer, object_id: str, seq: int, place: Place) -> None:
        """The entry of an owed step has been made."""
        record = self.load(viewer, object_id)
        step = next((step for step in record.history if step.entry.seq == seq and step.place is None), None)
        if step is None:
            raise Unfounded(f"{object_id}: step {seq} is not owed an entry")
        history = tuple(replace(one, place=place) if one is step else one for one in record.history)
        self._records[object_id] = Record(record.standing, history)

    def forget(self, viewer: Viewer, object_id: str) -> None:
        """Take away all that was said of an object in its final state."""
        record = self.load(viewer, object_id)
        steps = tuple(replace(step, act=bare(step.entry), salt=b"") for step in record.history)
        self._records[object_id] = Record(forgotten(record.standing), steps)

    def _sees(self, viewer: Viewer, standing: Standing) -> bool:
        return visible(viewer, standing, rival=viewer.organisation in self._developers)
