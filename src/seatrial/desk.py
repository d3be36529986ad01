"""A person's desk: what they may do with an object now, and the act they make of what they bring.

- Whoever sits at it acts as one person, for one organisation, in one role, at one time; an object they may not know of
  is not there.
- What can be done is read from the lifecycle's own rows: no list of steps is kept anywhere else.
- A desk brings acts to the house; it takes none itself. A withdrawal reaches custody as well and is not made here.
- Papers are kept by their digest before the act that names them; whoever turned a key for an act has signed them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from seatrial.framework.data_class import DataClass
from seatrial.framework.document import Document
from seatrial.framework.framework_text import TEXT_KEYS
from seatrial.framework.lifecycle import Asked, Case
from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Kind
from seatrial.framework.submission import OVER
from seatrial.framework.submission_store import WITHDRAW
from seatrial.framework.two_key import KeyAction, KeyRequest, Vote
from seatrial.house import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from seatrial.framework.consent import Consent
    from seatrial.framework.lifecycle import Transition
    from seatrial.framework.standing import Actor, Standing
    from seatrial.framework.submission_store import Record
    from seatrial.framework.two_key import KeyRule
    from seatrial.framework.viewer import Viewer
    from seatrial.house import Beside, House, Outcome


@dataclass(frozen=True, slots=True)
class Brought:
    """What somebody brings to an act: papers as (kind, bytes), a consent, a reason, a date, marks as (name, value)."""

    papers: tuple[tuple[str, bytes], ...] = ()
    consent: Consent | None = None
    reason: str = ""
    date: datetime | None = None
    marks: tuple[tuple[str, str], ...] = ()


NOTHING = Brought()


@dataclass(frozen=True, slots=True)
class Offer:
    """A step that this person's role can take now.

    Attributes:
        event: The step.
        target: The state after it.
        asks: What the act brings, for a form.
        missing: What it rests on beside that and is not there; while there is any, the step is not possible.
    """

    event: str
    target: str
    asks: tuple[Asked, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """Where an action of two keys stands: what is asked, who has turned, and which roles are still to turn."""

    request: KeyRequest
    votes: tuple[Vote, ...]
    missing: tuple[frozenset[Role], ...]
    until: datetime | None = None
    """While none is missing: when the first of the keys that count falls back."""


@dataclass(frozen=True)
class Desk:
    """One person over one house, at one time."""

    house: House
    actor: Actor
    now: datetime
    viewer: Viewer = field(init=False)

    def __post_init__(self) -> None:
        """Raises `NotHere` where this person holds no such membership."""
        object.__setattr__(self, "viewer", self.house.viewer(self.actor, "", self.now))

    def record(self, object_id: str) -> Record:
        """The object with its history. Raises `NotHere`."""
        return self.house.submissions.load(self.viewer, object_id)

    def offers(self, standing: Standing) -> tuple[Offer, ...]:
        """The steps that this role can take from where the object stands."""
        lifecycle = LIFECYCLES[standing.kind]
        rows = (row for row in lifecycle.after(standing.state) if self.actor.role in row.actors)
        if not lifecycle.belongs(standing, self.actor):
            return ()
        return tuple(self._offer(standing, row) for row in rows if row.event != WITHDRAW)

    def keys(self, object_id: str, standing: Standing) -> tuple[Keys, ...]:
        """The open requests for two keys on an object, with who is still to turn theirs."""
        asked = self.house.permissions.asked(self.viewer, object_id)
        return tuple(self._keys(standing, *pair) for pair in asked if pair[0].withdrawn_at is None)

    def open_keys(self, object_id: str, standing: Standing) -> tuple[Keys, ...]:
        """Of these requests, the newest for each action that is still possible from where the object stands."""
        lifecycle = LIFECYCLES[standing.kind]
        possible = frozenset(_actions(lifecycle.after(standing.state)))
        gone = frozenset(_actions(lifecycle.transitions)) - possible
        found = self.keys(object_id, standing) if possible or standing.state not in OVER else ()
        used = {document.digest for document in standing.documents}
        newest = {
            (one.request.action, one.request.object): one
            for one in found
            if one.request.action not in gone and one.request.digest not in used
        }
        kept = newest.values()
        return tuple(one for one in kept if standing.state not in OVER or one.request.action in possible)

    def turn(self, object_id: str, action: KeyAction, digest: str, about: str = "") -> KeyRequest:
        """Turn this person's key for an action on one digest; asks for both keys where nobody has yet.

        `about` is what the action is on, where that is not the object itself (an upload of a submission).

        Raises:
            NotHere: There is no such object for this person.
            ValueError: This person's role holds no key for the action.
        """
        rule = self._rule(self.record(object_id).standing, action)
        if self.viewer.role not in rule.first | rule.second:
            holders = " and ".join(sorted(rule.first | rule.second))
            raise ValueError(f"{self.viewer.role}: holds no key for {action}; {holders} do")
        request = self._asked(object_id, action, digest, about or object_id)
        person, organisation, role = self.viewer.person, self.viewer.organisation, self.viewer.role
        self.house.permissions.vote(
            self.viewer, object_id, Vote(request.id, digest, person, organisation, role, self.now)
        )
        return request

    def act(
        self,
        object_id: str,
        event: str,
        brought: Brought = NOTHING,
        request_digest: str = "",
        expected: int | None = None,
        beside: Beside = ALONE,
    ) -> Outcome:
        """Take a step, with its papers kept and the keys that were turned for it; on this version, where one is named.

        Raises:
            NotHere: There is no such object for this person.
            NotPossible: The step is not possible now; nothing changed.
            Stale: Somebody acted at the same time, or since that version; nothing changed.
            ValueError: A withdrawal, which has a way of its own.
        """
        if event == WITHDRAW and object_id.startswith("sub_"):
            raise ValueError(f"a withdrawal reaches custody as well; run: seatrial withdraw {object_id}")
        standing = self.record(object_id).standing
        request, votes = self._turned(standing, event)
        signers = tuple(dict.fromkeys([self.actor.person, *(vote.person for vote in votes)]))
        act = Act(
            event,
            self.actor,
            self.now,
            documents=tuple(self._paper(standing, kind, content, signers) for kind, content in brought.papers),
            consent=brought.consent,
            votes=votes,
            key_request=request,
            request_digest=request.digest if request else request_digest,
            reason=brought.reason,
            date=brought.date,
            marks=brought.marks,
        )
        return self.house.act(object_id, act, self.now, expected, beside)

    def _offer(self, standing: Standing, row: Transition) -> Offer:
        pack = self.house.packs(standing.pack)
        case = Case(standing, Act(row.event, self.actor, self.now), pack, self.now)
        unmet = [requirement for requirement in row.requires if not requirement.met(case)]
        asks = [requirement.asks for requirement in unmet if requirement.asks is not None]
        papers = (rule.kind for rule in pack.documents_for(row.event))
        asks += [Asked("document", (kind,)) for kind in papers if not standing.holds(kind)]
        missing = tuple(requirement.name for requirement in unmet if requirement.asks is None)
        return Offer(row.event, row.target, tuple(dict.fromkeys(asks)), missing)

    def _rule(self, standing: Standing, action: KeyAction) -> KeyRule:
        """The rule of the pack, which may ask for more than the framework and never for less."""
        return TEXT_KEYS if standing.kind is Kind.FRAMEWORK_TEXT else self.house.packs(standing.pack).key_rule(action)

    def _keys(self, standing: Standing, request: KeyRequest, votes: tuple[Vote, ...]) -> Keys:
        rule = self._rule(standing, request.action)
        known = standing.of_sides(votes) if standing.kind is Kind.SUBMISSION and _of_both(rule) else votes
        missing = rule.missing(request, known, self.now)
        oldest = min((vote.at for vote in rule.live(request, known, self.now)), default=None)
        ends = None if missing or oldest is None else oldest + timedelta(hours=rule.vote_hours)
        return Keys(request, votes, missing, ends)

    def _turned(self, standing: Standing, event: str) -> tuple[KeyRequest | None, tuple[Vote, ...]]:
        """The newest request for the action that this step takes two keys for, one with both keys turned first."""
        row = LIFECYCLES[standing.kind].row(standing.state, event)
        actions = {asked.names[0] for asked in _asks(row) if asked.kind == "keys"}
        found = (
            [one for one in self.keys(standing.object, standing) if one.request.action in actions] if actions else []
        )
        if not found:
            return None, ()
        chosen = max(found, key=lambda one: (not one.missing, one.request.at))
        return chosen.request, chosen.votes

    def _asked(self, object_id: str, action: KeyAction, digest: str, about: str) -> KeyRequest:
        for request, _ in self.house.permissions.asked(self.viewer, object_id):
            if (request.action, request.object, request.digest, request.withdrawn_at) == (action, about, digest, None):
                return request
        request = KeyRequest(self.house.new_id("key"), action, about, digest, self.viewer.person, self.now)
        self.house.permissions.ask(self.viewer, object_id, request)
        return request

    def _paper(self, standing: Standing, kind: str, content: bytes, signers: tuple[str, ...]) -> Document:
        data_class = DataClass.F if standing.kind is Kind.FINDING else DataClass.P
        digest = self.house.papers.put(self.viewer, standing.object, data_class, content)
        version = 1 + sum(document.kind == kind for document in standing.documents)
        return Document(kind, version, digest, self.viewer.organisation, signers, self.now, data_class)


def _of_both(rule: KeyRule) -> bool:
    """Whether both keys are those of a submission's two sides."""
    return rule.first | rule.second <= {Role.DEVELOPER_OWNER, Role.EVALUATOR_LEAD}


def _actions(rows: Iterable[Transition]) -> Iterator[str]:
    """The actions of two keys that steps ask for."""
    yield from (asked.names[0] for row in rows for asked in _asks(row) if asked.kind == "keys")


def _asks(row: Transition | None) -> Iterator[Asked]:
    if row is not None:
        yield from (requirement.asks for requirement in row.requires if requirement.asks is not None)
