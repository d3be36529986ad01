"""Where an object stands, and the acts that move it.

- A `Standing` is the whole of what a lifecycle remembers of one submission, finding or text: state, papers, consents,
  window, pauses, dates, marks. It never changes; a step gives a new one.
- An `Act` is one event by one actor with all that it brings; the machine reads nothing else.
- Every act is answered once: a repeat with the same request digest gets the first answer again.
- Dates and marks have names, so that a store needs two small tables and no column for each policy.
"""

# ruff: noqa: TC001 - a store reads the types of the fields at run time
from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from seatrial.framework.clock import Pause
from seatrial.framework.consent import Activity, Consent
from seatrial.framework.data_class import DataClass, classed
from seatrial.framework.document import Document
from seatrial.framework.identifier import check_digest, check_id
from seatrial.framework.instant import utc
from seatrial.framework.pack import PackRef
from seatrial.framework.participant import DEVELOPER_ROLES, Role
from seatrial.framework.subject import Subject
from seatrial.framework.two_key import KeyRequest, Vote
from seatrial.framework.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTHING = ""  # the state of what does not exist yet
CLOCK = "clock"  # the actor of events that a clock makes due; nobody's role


class Kind(StrEnum):
    """What has a lifecycle."""

    SUBMISSION = "submission"
    FINDING = "finding"
    FRAMEWORK_TEXT = "framework_text"


class Effect(StrEnum):
    """Orders to other rooms that follow from a step; this room carries none of them out."""

    OPEN_WINDOW = "open_window"
    SUSPEND_LEASES = "suspend_leases"
    RESUME_LEASES = "resume_leases"
    END_LEASES = "end_leases"
    STOP_RUNS = "stop_runs"
    FREEZE_EVIDENCE = "freeze_evidence"
    END_GRANTS = "end_grants"
    VOID_VOTES = "void_votes"
    STRIP_FINDINGS = "strip_findings"
    START_DELETION = "start_deletion"
    DELETE_NOW = "delete_now"
    ISSUE_RECEIPT = "issue_receipt"
    SETTLE_PUBLICATION = "settle_publication"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person acting for an organisation in a role; `clock` is the role of what no person does."""

    person: str = field(metadata=classed(DataClass.L))
    organisation: str = field(metadata=classed(DataClass.L))
    role: str = field(metadata=classed(DataClass.L))

    def __post_init__(self) -> None:
        for name in ("person", "organisation", "role"):
            check_id(getattr(self, name), f"actor.{name}")


THE_CLOCK = Actor("clock", "house", CLOCK)


@dataclass(frozen=True, slots=True)
class Act:
    """One event: who, when, and what it brings. `date` and `marks` are what the event records."""

    event: str = field(metadata=classed(DataClass.L))
    actor: Actor = field(metadata=classed(DataClass.L))
    at: datetime = field(metadata=classed(DataClass.L))
    documents: tuple[Document, ...] = field(default=(), metadata=classed(DataClass.P))
    consent: Consent | None = field(default=None, metadata=classed(DataClass.P))
    votes: tuple[Vote, ...] = field(default=(), metadata=classed(DataClass.P))
    request_digest: str = field(default="", metadata=classed(DataClass.L))
    key_request: KeyRequest | None = field(default=None, metadata=classed(DataClass.P))
    reason: str = field(default="", metadata=classed(DataClass.P))
    date: datetime | None = field(default=None, metadata=classed(DataClass.M))
    marks: tuple[tuple[str, str], ...] = field(default=(), metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, "act.at"))
        if self.date is not None:
            object.__setattr__(self, "date", utc(self.date, "act.date"))
        if self.request_digest:
            check_digest(self.request_digest, "act.request_digest")

    def brings(self, kind: str) -> bool:
        """Whether a document of this kind comes with it."""
        return any(document.kind == kind for document in self.documents)

    def mark(self, name: str) -> str:
        """What it records under a name; empty when nothing."""
        return dict(self.marks).get(name, "")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an object's history: ids and words only, fit for the ledger."""

    seq: int = field(metadata=classed(DataClass.L))
    event: str = field(metadata=classed(DataClass.L))
    source: str = field(metadata=classed(DataClass.L))
    target: str = field(metadata=classed(DataClass.L))
    at: datetime = field(metadata=classed(DataClass.L))
    actor: Actor = field(metadata=classed(DataClass.L))
    clamped: bool = field(default=False, metadata=classed(DataClass.L))
    request_digest: str = field(default="", metadata=classed(DataClass.L))


@dataclass(frozen=True, slots=True)
class Answer:
    """What an act was answered, kept for a repeat of it."""

    request_digest: str = field(metadata=classed(DataClass.L))
    effects: tuple[Effect, ...] = field(metadata=classed(DataClass.L))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one object stands."""

    object: str = field(metadata=classed(DataClass.L, id=True))
    kind: Kind = field(metadata=classed(DataClass.L))
    state: str = field(default=NOTHING, metadata=classed(DataClass.L))
    since: datetime | None = field(default=None, metadata=classed(DataClass.L))
    subject: Subject | None = field(default=None, metadata=classed(DataClass.M))
    developer: str = field(default="", metadata=classed(DataClass.L))
    evaluator: str = field(default="", metadata=classed(DataClass.L))
    pack: PackRef | None = field(default=None, metadata=classed(DataClass.L))
    documents: tuple[Document, ...] = field(default=(), metadata=classed(DataClass.P))
    consents: tuple[Consent, ...] = field(default=(), metadata=classed(DataClass.P))
    window: Window | None = field(default=None, metadata=classed(DataClass.M))
    pauses: tuple[Pause, ...] = field(default=(), metadata=classed(DataClass.P))
    dates: tuple[tuple[str, datetime], ...] = field(default=(), metadata=classed(DataClass.M))
    marks: tuple[tuple[str, str], ...] = field(default=(), metadata=classed(DataClass.P))
    last: Entry | None = field(default=None, metadata=classed(DataClass.L))
    answers: tuple[Answer, ...] = field(default=(), metadata=classed(DataClass.L))

    def __post_init__(self) -> None:
        check_id(self.object, "standing.object")

    def holds(self, kind: str) -> bool:
        """Whether a document of this kind has been brought before."""
        return any(document.kind == kind for document in self.documents)

    def date(self, name: str) -> datetime | None:
        """The date recorded under a name."""
        return dict(self.dates).get(name)

    def mark(self, name: str) -> str:
        """The mark recorded under a name; empty when none."""
        return dict(self.marks).get(name, "")

    def with_date(self, name: str, date: datetime | None) -> Standing:
        """With one date set, or taken away by None."""
        dates = {**dict(self.dates), name: date}
        return replace(self, dates=tuple(sorted((key, value) for key, value in dates.items() if value is not None)))

    def with_mark(self, name: str, mark: str) -> Standing:
        """With one mark set, or taken away by an empty one."""
        marks = {**dict(self.marks), name: mark}
        return replace(self, marks=tuple(sorted((key, value) for key, value in marks.items() if value)))

    @property
    def sides(self) -> Mapping[str, str]:
        """Whose people hold the two keys of a submission, by the role that they hold them in."""
        return {Role.DEVELOPER_OWNER: self.developer, Role.EVALUATOR_LEAD: self.evaluator}

    def of_sides(self, votes: Iterable[Vote]) -> tuple[Vote, ...]:
        """The votes of people of the two sides of this very submission."""
        return tuple(vote for vote in votes if vote.organisation == self.sides.get(vote.role))

    def consenting(self, now: datetime, *activities: Activity) -> tuple[Consent, ...]:
        """The consents to any of these activities that hold at `now`, are about its subject and name its evaluator.

        An inquiry is addressed to others than the evaluator, so its consent is not held to that.
        """
        return tuple(
            consent
            for consent in self.consents
            if consent.activity in activities
            and consent.active(now)
            and self.subject is not None
            and consent.subject == self.subject.id
            and (consent.activity is Activity.INQUIRE or self.evaluator in _organisations(consent))
        )

    def with_consent(self, consent: Consent) -> Standing:
        """With a consent added, or in the place of its earlier form."""
        others = tuple(known for known in self.consents if known.id != consent.id)
        return replace(self, consents=(*others, consent))


def _organisations(consent: Consent) -> frozenset[str]:
    return frozenset(recipient.organisation for recipient in consent.recipients)


def of_developer(actor: Actor) -> bool:
    """Whether somebody acts for a developer."""
    return actor.role in DEVELOPER_ROLES
