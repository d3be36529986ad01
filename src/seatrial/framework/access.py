"""`decide`: may this person do this with that object, for this purpose, now? The default is no.

The steps are tried in this order, and the first that fails is the reason:

1. `unknown`: a role, class, action, owner or developer that is not known
2. `no_role`: no active membership in the role
3. `recused`: a recusal covers an owner, developer or vendor of the object
4. `rival`: another developer's object, before any grant is read
5. `no_rule`, `not_assigned`, `no_grant`: the matrix has no way, or a condition of every way is unmet
6. `purpose`: neither grant nor consent is for it, or nobody can consent to it
7. `ended`: the grant or a consent is outside its time, revoked, or its subject withdrawn
8. `window`: use of weights or endpoint keys while no window is open
9. `keys`: the way takes two keys and they are not turned

- What is published is open to everybody; the rest of the steps is for what is not.
- A reader must satisfy every subject that an object names: unknown means no.
- Removing a consent, a grant or a vote never turns no into yes.
- Outsiders get one answer for every no, the same as for an object that is not there; the reason is for the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from seatrial.framework.consent import Activity, Consent, Grant
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.instant import utc
from seatrial.framework.matrix import Condition, Matrix, Way
from seatrial.framework.participant import Assignment, Membership, OrganisationKind, Recusal, Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.two_key import RULES, KeyAction, KeyRequest, KeyRule, Vote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from seatrial.framework.standing import Actor

SUBJECT_CLASSES = frozenset(
    {DataClass.W, DataClass.K, DataClass.M, DataClass.T, DataClass.P, DataClass.S, DataClass.R}
)  # what is about somebody's model, and therefore rests on that developer's consent
CASE_CLASSES = frozenset({DataClass.F, DataClass.X, DataClass.N})  # a grant of these rests on the case itself
SEALED = frozenset({DataClass.W, DataClass.K})
READING = frozenset(Activity) - {Activity.HOLD_WEIGHTS, Activity.SEND_TO_FOREIGN_GRADER, Activity.PUBLISH_REPORT}


class Reason(StrEnum):
    """Why the answer is what it is; for the log, never for an outsider."""

    UNKNOWN = "unknown"
    NO_ROLE = "no_role"
    RECUSED = "recused"
    RIVAL = "rival"
    NO_RULE = "no_rule"
    NOT_ASSIGNED = "not_assigned"
    NO_GRANT = "no_grant"
    PURPOSE = "purpose"
    ENDED = "ended"
    WINDOW = "window"
    KEYS = "keys"
    PUBLISHED = "published"
    RULE = "rule"


_STEPS = {reason: step for step, reason in enumerate(Reason)}
_STEPS[Reason.NOT_ASSIGNED] = _STEPS[Reason.NO_GRANT] = _STEPS[Reason.NO_RULE]
_UNMET = {Condition.ASSIGNED: Reason.NOT_ASSIGNED, Condition.GRANTED: Reason.NO_GRANT}


class Opening(Protocol):
    """A window of access, or anything that tells whether it is open."""

    def contains(self, now: datetime) -> bool:
        """Whether access is open at `now`."""
        ...


class AlwaysOpen:
    """The window of weights that everybody has."""

    def contains(self, now: datetime) -> bool:  # noqa: ARG002 - at any time
        """Always."""
        return True


@dataclass(frozen=True, slots=True)
class Origin:
    """A subject that an object names, and whose it is."""

    subject: str
    developer: str
    without_safeguards: bool = False


@dataclass(frozen=True, slots=True)
class Thing:
    """One version of an object: its class, owner, case and origins. A view without origins names no model."""

    id: str
    data_class: DataClass
    owner: str
    case: str = ""
    version: int = 1
    origins: frozenset[Origin] = frozenset()
    maintainers: frozenset[str] = frozenset()
    published: bool = False
    ordered: bool = False  # a clock or a withdrawal orders its destruction


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when the question is asked; what is not here does not hold."""

    matrix: Matrix
    organisations: Mapping[str, OrganisationKind]
    memberships: tuple[Membership, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    recusals: tuple[Recusal, ...] = ()
    consents: tuple[Consent, ...] = ()
    grants: tuple[Grant, ...] = ()
    requests: tuple[KeyRequest, ...] = ()
    votes: tuple[Vote, ...] = ()
    windows: Mapping[str, Opening] = field(default_factory=dict)
    withdrawn: Mapping[str, datetime] = field(default_factory=dict)
    holdings: frozenset[tuple[str, Role]] = frozenset()
    key_rules: Mapping[KeyAction, KeyRule] = field(default_factory=lambda: RULES)


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, why, and on what a yes rests."""

    yes: bool
    reason: Reason
    consents: tuple[str, ...] = ()
    grant: str | None = None
    votes: tuple[Vote, ...] = ()

    @property
    def outward(self) -> str:
        """All that an outsider learns."""
        return "open" if self.yes else "not found"


def decide(actor: Actor, action: Action, thing: Thing, purpose: Purpose, now: datetime, facts: Facts) -> Decision:
    """Answer, with the first step that fails as the reason; see the module's list."""
    now = utc(now, "now")
    if _unknown(actor, action, thing, facts):
        return Decision(yes=False, reason=Reason.UNKNOWN)
    if thing.published and {Condition.PUBLISHED} in facts.matrix.ways(Role.PUBLIC, thing.data_class, action):
        return Decision(yes=True, reason=Reason.PUBLISHED)
    if reason := _person(actor, thing, now, facts):
        return Decision(yes=False, reason=reason)
    question = _Question(actor, action, thing, purpose, now, facts)
    ways = facts.matrix.ways(Role(actor.role), thing.data_class, action)
    answers = [answer for way in ways for answer in question.by(way)]
    return max(answers, key=lambda answer: _STEPS[answer.reason], default=Decision(yes=False, reason=Reason.NO_RULE))


def may_send(thing: Thing, receiver: str, now: datetime, facts: Facts) -> Decision:
    """May this go to a grader that `receiver` serves? Only to its own developer, or by every other one's consent."""
    if receiver not in facts.organisations or not thing.origins:
        return Decision(yes=False, reason=Reason.UNKNOWN)
    given: list[str] = []
    for origin in sorted(thing.origins, key=lambda origin: origin.subject):
        if origin.developer == receiver:
            continue
        consent = next((item for item in facts.consents if _sends(item, origin, thing, receiver, now, facts)), None)
        if consent is None:
            return Decision(yes=False, reason=Reason.NO_GRANT)
        given.append(consent.id)
    return Decision(yes=True, reason=Reason.RULE, consents=tuple(given))


def _sends(consent: Consent, origin: Origin, thing: Thing, receiver: str, now: datetime, facts: Facts) -> bool:
    withdrawn = facts.withdrawn.get(origin.subject)
    return (
        consent.subject == origin.subject
        and consent.activity is Activity.SEND_TO_FOREIGN_GRADER
        and thing.data_class in consent.classes
        and receiver in {recipient.organisation for recipient in consent.recipients}
        and consent.active(now)
        and (withdrawn is None or now < withdrawn)
    )


def _unknown(actor: Actor, action: Action, thing: Thing, facts: Facts) -> bool:
    developers = {origin.developer for origin in thing.origins}
    return (
        actor.role not in set(Role)
        or action not in set(Action)
        or thing.data_class not in set(DataClass)
        or any(name not in facts.organisations for name in {thing.owner, *developers})
        or any(facts.organisations[name] is not OrganisationKind.DEVELOPER for name in developers)
        or (thing.data_class in SUBJECT_CLASSES and not thing.origins)
        or (actor.role != Role.PUBLIC and actor.organisation not in facts.organisations)
    )


def _person(actor: Actor, thing: Thing, now: datetime, facts: Facts) -> Reason | None:
    active = [member for member in facts.memberships if member.person == actor.person and member.active(now)]
    if not any((member.organisation, member.role) == (actor.organisation, actor.role) for member in active):
        return Reason.NO_ROLE
    parties = {thing.owner, *thing.maintainers, *(origin.developer for origin in thing.origins)}
    if any(recusal.covers(actor.person, frozenset(parties), now) for recusal in facts.recusals):
        return Reason.RECUSED
    mine = set(_developers_of(active, facts))
    theirs = {name for name in _owners(thing) if facts.organisations[name] is OrganisationKind.DEVELOPER}
    return Reason.RIVAL if mine and theirs - mine else None


def _developers_of(active: Iterable[Membership], facts: Facts) -> Iterator[str]:
    """Every developer that somebody acts for, in whatever role: nobody looks at a rival under another hat."""
    for member in active:
        if facts.organisations.get(member.organisation) is OrganisationKind.DEVELOPER:
            yield member.organisation


def _owners(thing: Thing) -> frozenset[str]:
    return frozenset({thing.owner, *(origin.developer for origin in thing.origins)})


@dataclass(frozen=True, slots=True)
class _Question:
    """One question, put to each way of its cell."""

    actor: Actor
    action: Action
    thing: Thing
    purpose: Purpose
    now: datetime
    facts: Facts

    def by(self, way: Way) -> Iterator[Decision]:
        """The answers of one way: one for each grant that could carry it, or one."""
        if unmet := self._unmet(way):
            yield Decision(yes=False, reason=unmet)
        elif Condition.GRANTED in way:
            grants = [grant for grant in self.facts.grants if self._opens(grant)]
            yield from (self._answer(way, grant) for grant in grants)
            if not grants:
                yield Decision(yes=False, reason=Reason.NO_GRANT)
        else:
            yield self._answer(way, None)

    def _unmet(self, way: Way) -> Reason | None:
        """Step 5, but for grants."""
        met = {
            Condition.OWN: self.actor.organisation == self.thing.owner,
            Condition.ASSIGNED: self._assigned(),
            Condition.GRANTED: True,
            Condition.MAINTAINED: self.actor.organisation in self.thing.maintainers,
            Condition.TWO_KEYS: True,
            Condition.ORDERED: self.thing.ordered,
            Condition.PUBLISHED: self.thing.published,
        }
        failing = [condition for condition in Condition if condition in way and not met[condition]]
        return _UNMET.get(failing[0], Reason.NO_RULE) if failing else None

    def _assigned(self) -> bool:
        """On this case; for aggregates, which have none, that the pack gives the role to the organisation."""
        if self.thing.data_class is DataClass.A:
            return (self.actor.organisation, Role(self.actor.role)) in self.facts.holdings
        return self._on_case(self.actor.person, self.actor.organisation, self.actor.role)

    def _on_case(self, person: str, organisation: str, role: str) -> bool:
        window_open = self._window_open()
        return bool(self.thing.case) and any(
            assignment.case == self.thing.case
            and assignment.active(self.now, window_open=window_open)
            and (assignment.membership.person, assignment.membership.organisation, assignment.membership.role)
            == (person, organisation, role)
            for assignment in self.facts.assignments
        )

    def _window_open(self) -> bool:
        """Whether every subject that the object names is open now."""
        windows = [self.facts.windows.get(origin.subject) for origin in self.thing.origins]
        return bool(windows) and all(window is not None and window.contains(self.now) for window in windows)

    def _opens(self, grant: Grant) -> bool:
        """Whether a grant is about this object, class, action and actor, whatever its time and purpose."""
        return (
            (grant.object, grant.object_version) == (self.thing.id, self.thing.version)
            and grant.data_class is self.thing.data_class
            and self.action in grant.actions
            and (grant.organisation, grant.role) == (self.actor.organisation, self.actor.role)
            and (self.thing.data_class not in CASE_CLASSES or grant.consent == self.thing.case)
        )

    def _answer(self, way: Way, grant: Grant | None) -> Decision:
        """Steps 5 (consents) to 9."""
        chosen: list[Consent] = []
        for needed in self._needed(way):
            known = [consent for consent in self.facts.consents if self._speaks(consent, needed, grant)]
            reasons = {consent.id: self._consent_reason(consent) for consent in known}
            good = [consent for consent in known if reasons[consent.id] is None]
            if not good:
                said = [reason for reason in reasons.values() if reason]
                return Decision(yes=False, reason=max(said, key=_STEPS.__getitem__, default=Reason.NO_GRANT))
            chosen.append(good[0])
        if reason := self._grant_reason(grant, chosen):
            return Decision(yes=False, reason=reason)
        if self.action is Action.USE and self.thing.data_class in SEALED and not self._window_open():
            return Decision(yes=False, reason=Reason.WINDOW)
        votes = self._votes(way)
        if votes is None:
            return Decision(yes=False, reason=Reason.KEYS)
        consents = tuple(dict.fromkeys(consent.id for consent in chosen))
        return Decision(yes=True, reason=Reason.RULE, consents=consents, grant=grant.id if grant else None, votes=votes)

    def _needed(self, way: Way) -> Iterator[tuple[Origin, frozenset[Activity]]]:
        """Which consents it takes: of each origin, one to any of these activities.

        None for the owner's own, for what a clock destroys, and for an auditor's sample, where one of the two keys is
        the developer's.
        """
        audited = self.actor.role == Role.AUDITOR and Condition.TWO_KEYS in way
        if self.thing.data_class not in SUBJECT_CLASSES or {Condition.OWN, Condition.ORDERED} & way or audited:
            return
        for origin in sorted(self.thing.origins, key=lambda origin: origin.subject):
            for activities in _activities(self.thing.data_class, self.action, origin):
                yield origin, activities

    def _speaks(self, consent: Consent, needed: tuple[Origin, frozenset[Activity]], grant: Grant | None) -> bool:
        """Whether a consent is about this subject, activity, class and actor, whatever its time and purpose."""
        origin, activities = needed
        alone = len(self.thing.origins) == 1
        return (
            consent.subject == origin.subject
            and consent.activity in activities
            and self.thing.data_class in consent.classes
            and consent.names(self.actor.organisation, Role(self.actor.role))
            and (grant is None or not alone or consent.id == grant.consent)
        )

    def _consent_reason(self, consent: Consent) -> Reason | None:
        if self.purpose not in consent.purposes:
            return Reason.PURPOSE
        ended = not consent.active(self.now) or self._withdrawn(consent.subject)
        return Reason.ENDED if ended else None

    def _withdrawn(self, subject: str) -> bool:
        at = self.facts.withdrawn.get(subject)
        return at is not None and at <= self.now

    def _grant_reason(self, grant: Grant | None, chosen: list[Consent]) -> Reason | None:
        if self.purpose not in set(Purpose):
            return Reason.PURPOSE
        if grant is None:
            return None
        if grant.purpose != self.purpose:
            return Reason.PURPOSE
        if chosen and grant.consent not in {consent.id for consent in chosen}:
            return Reason.NO_GRANT
        return None if grant.active(self.now) else Reason.ENDED

    def _votes(self, way: Way) -> tuple[Vote, ...] | None:
        """The votes that turn every key it takes; None when one is not turned."""
        actions = [_key_action(self.actor, self.thing.data_class)] if Condition.TWO_KEYS in way else []
        if self.thing.data_class in SEALED and any(origin.without_safeguards for origin in self.thing.origins):
            actions.append(KeyAction.RUN_WITHOUT_SAFEGUARDS)
        if actions and any(self._withdrawn(origin.subject) for origin in self.thing.origins):
            return None
        found: list[Vote] = []
        developers = sorted({origin.developer for origin in self.thing.origins}) or [self.thing.owner]
        for action in actions:
            for developer in developers:
                votes = self._turned(action, developer)
                if not votes:
                    return None
                found += votes
        return tuple(dict.fromkeys(found))

    def _turned(self, action: KeyAction, developer: str) -> tuple[Vote, ...]:
        rule = self.facts.key_rules[action]
        votes = [vote for vote in self.facts.votes if self._counts(vote, rule, developer)]
        for request in self.facts.requests:
            asked = (request.object, request.action) == (self.thing.id, action)
            mine = rule.requester_votes or request.requester == self.actor.person
            if asked and mine and rule.turned(request, votes, self.now):
                return rule.live(request, votes, self.now)
        return ()

    def _counts(self, vote: Vote, rule: KeyRule, developer: str) -> bool:
        """Whether a vote is of a member, on this object's side: its own developer, or people put on its case."""
        member = any(
            (item.person, item.organisation, item.role) == (vote.person, vote.organisation, vote.role)
            and item.active(self.now)
            for item in self.facts.memberships
        )
        if not member or (vote.person == self.actor.person and not rule.requester_votes):
            return False
        if vote.role is Role.DEVELOPER_OWNER:
            return vote.organisation == developer
        return self._on_case(vote.person, vote.organisation, vote.role)


def _activities(data_class: DataClass, action: Action, origin: Origin) -> Iterator[frozenset[Activity]]:
    """The consents of one subject that an action takes; each set is one consent."""
    if action is Action.PUBLISH:
        yield frozenset({Activity.PUBLISH_REPORT})
        return
    if data_class is DataClass.W:
        yield frozenset({Activity.HOLD_WEIGHTS})
    elif data_class is DataClass.K:
        yield frozenset({Activity.EVALUATE, Activity.EVALUATE_REDUCED_SAFEGUARDS})
    else:
        yield READING
    if data_class in SEALED and origin.without_safeguards:
        yield frozenset({Activity.EVALUATE_REDUCED_SAFEGUARDS})


def _key_action(actor: Actor, data_class: DataClass) -> KeyAction:
    """Which two keys a cell with `2` means."""
    if actor.role == Role.AUDITOR:
        return KeyAction.AUDIT_FINDINGS if data_class is DataClass.F else KeyAction.AUDIT_SAMPLE
    if data_class is DataClass.W:
        return KeyAction.USE_WEIGHTS
    return KeyAction.PUBLISH_REPORT if data_class is DataClass.R else KeyAction.OPEN_EXPLOIT
