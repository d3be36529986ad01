"""A case: the fold of its events, and nothing besides.

- State is what the events say. `Case.after` is the only way on, for whoever reads a case and for whoever acts on it: an
  act that the machines do not have raises there and is never written.
- A case has one root cause or more (clusters), one policy in the version that it was opened with, and participants.
- Products have threads of their own. Who reads which is the participants' components (`need_to_know`).
- After what is public, exploited or attacked, no embargo is proposed or accepted; `exit_due` says why one that runs is
  to be left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.case.case_state import BEGINNING, MEANING, VENDOR_EVENTS, due_next, standing
from seatrial.clearinghouse.case.clocks import Adjustments, Deadlines, Facts, deadlines
from seatrial.clearinghouse.case.embargo import RUNNING, Embargo
from seatrial.clearinghouse.case.policy import Policy, PolicyRef, pinned
from seatrial.clearinghouse.event import GENESIS
from seatrial.framework.data_class import Tlp

if TYPE_CHECKING:
    from seatrial.clearinghouse.case.participant import Participant
    from seatrial.clearinghouse.event import Event

NOTHING: Mapping[str, Any] = MappingProxyType({})


class CaseError(ValueError):
    """An act that this case does not have now: says what, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote: `thread` is the product it is about, empty for all."""

    seq: int
    at: datetime
    organisation: str
    person: str
    thread: str
    text: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A way that was tried to reach somebody, and what came of it: `reached`, `no_answer`, `bounced`, `absent`."""

    at: datetime
    organisation: str
    way: str
    address: str
    outcome: str


@dataclass(frozen=True, slots=True)
class DraftRef:
    """A draft of the outbox: its digest, whom it is for, and the file that was written when a person let it go."""

    id: str
    form: str
    organisation: str
    cluster: str
    digest: str
    released_by: str = ""
    released_at: datetime | None = None
    file_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of the case state: which, to which vendor (empty: the case), when, and whether another brought it."""

    event: str
    organisation: str
    at: datetime
    implied: bool


@dataclass(frozen=True, slots=True)
class Escalation:
    """The matter was put before an outside coordinator."""

    at: datetime
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case as its events have made it. Mappings are by organisation or by id."""

    case_id: str
    title: str = ""
    opened_at: datetime | None = None
    opened_by: str = ""
    tlp: Tlp = Tlp.TLP_AMBER_STRICT
    clusters: tuple[str, ...] = ()
    policy: PolicyRef | None = None
    more_policies: tuple[PolicyRef, ...] = ()
    participants: Mapping[str, Participant] = field(default_factory=lambda: NOTHING)
    pxa: str = BEGINNING[len(VENDOR_EVENTS) :]
    happened: tuple[Happened, ...] = ()
    embargo: Embargo = field(default_factory=Embargo)
    exit_due: str = ""
    facts: Facts = field(default_factory=Facts)
    adjustments: Adjustments = field(default_factory=Adjustments)
    messages: tuple[Message, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    drafts: Mapping[str, DraftRef] = field(default_factory=lambda: NOTHING)
    escalations: tuple[Escalation, ...] = ()
    numbers: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    verified_fixes: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    commitments: tuple[str, ...] = ()
    seq: int = 0
    last: str = GENESIS

    @classmethod
    def of(cls, events: Iterable[Event]) -> Case:
        """Fold a case's events.

        Raises:
            CaseError: there is none, or one that the case did not have.
        """
        case: Case | None = None
        for event in events:
            case = (case or cls(event.subject)).after(event)
        if case is None:
            raise CaseError("case: it has no events, so there is no such case")
        return case

    def after(self, event: Event) -> Case:
        """The case with one event more.

        Raises:
            CaseError: another case's, out of order, or a step that is not there; so do the machines' own errors.
        """
        from seatrial.clearinghouse.case.folding import FOLDS  # noqa: PLC0415 - they are written in terms of this

        if (event.subject, event.seq, event.prev) != (self.case_id, self.seq + 1, self.last):
            raise CaseError(f"case {self.case_id}: event {event.seq} of {event.subject} does not follow {self.seq}")
        fold = FOLDS.get(event.type)
        if fold is None:
            raise CaseError(f"case {self.case_id}: {event.type} is no event of a case")
        return replace(fold(self, event), seq=event.seq, last=event.hash)

    def participant(self, organisation: str) -> Participant:
        """One of those who take part.

        Raises:
            CaseError: it does not.
        """
        if organisation not in self.participants:
            known = ", ".join(self.participants) or "nobody"
            raise CaseError(f"case {self.case_id}: {organisation or 'nobody'} takes no part; there are {known}")
        return self.participants[organisation]

    @property
    def vendors(self) -> tuple[Participant, ...]:
        """Those who make one of the products."""
        return tuple(one for one in self.participants.values() if one.is_vendor)

    @property
    def silent(self) -> tuple[str, ...]:
        """The vendors that were reached and have said nothing since: derived, and no consent."""
        return tuple(one.organisation for one in self.vendors if one.silent)

    @property
    def threads(self) -> tuple[str, ...]:
        """The products that are spoken of or that somebody makes."""
        made = {thread for one in self.participants.values() for thread in one.components}
        return tuple(sorted(made | {message.thread for message in self.messages if message.thread}))

    def state_of(self, vendor: str) -> str:
        """The whole case state as one vendor is in it, as `VfdPxa`."""
        return self.participant(vendor).vfd + self.pxa

    @property
    def forced(self) -> tuple[str, str] | None:
        """The event that must come next, and to whom; None where none must."""
        if due_next("VFD" + self.pxa) == "P":
            return ("P", "")
        unaware = (one.organisation for one in self.vendors if due_next(one.vfd + self.pxa) == "V")
        return next((("V", organisation) for organisation in unaware), None)

    @property
    def out(self) -> str:
        """What has happened that ends every embargo, in words; empty when nothing has."""
        return "; ".join(MEANING[letter] for letter in self.pxa if letter.isupper())

    def desiderata(self, vendor: str) -> tuple[int, int]:
        """For one vendor: how many of the 12 desiderata are met, and how many are decided so far."""
        return standing("".join(one.event for one in self.happened if one.organisation in {"", vendor}))

    def policies(self) -> tuple[Policy, ...]:
        """The policies of the case in the versions that it keeps, its own first."""
        if self.policy is None:
            raise CaseError(f"case {self.case_id}: it has no policy")
        return tuple(pinned(ref) for ref in (self.policy, *self.more_policies))

    def deadlines(self, now: datetime) -> Deadlines:
        """What is due when, as far as is known at `now`."""
        accepted = {policy for one in self.vendors for policy in one.accepts}
        return deadlines(self.policies(), self.facts, self.adjustments, now=now, accepted=accepted)

    def keeps_silent(self, now: datetime) -> bool:
        """Whether an embargo holds at `now`."""
        return self.embargo.state in RUNNING and self.embargo.silent(now)
