"""Two keys: what no single person can do, and when two people have done it.

- Two distinct persons; distinct organisations where the rule names both sides. One person with two roles is one person.
- A vote is bound to the digest of what it is about: another text, target or list needs new votes.
- A vote lasts `VOTE_HOURS` and dies with a withdrawal.
- Whoever asks does not vote where the rule says so (an evaluator's own exception, the reader of an exploit).
- The rules here are the least; a policy pack may demand more, never less.

>>> from datetime import UTC, datetime, timedelta
>>> now = datetime(2026, 11, 24, 9, tzinfo=UTC)
>>> asked = KeyRequest("key-1", KeyAction.PUBLISH_REPORT, "rep-1", "sha256:" + "a" * 64, "per-1", now)
>>> mine = Vote("key-1", asked.digest, "per-1", "lab", Role.DEVELOPER_OWNER, now)
>>> theirs = Vote("key-1", asked.digest, "per-2", "bureau", Role.EVALUATOR_LEAD, now)
>>> RULES[asked.action].turned(asked, (mine, theirs), now), RULES[asked.action].turned(asked, (mine,), now)
(True, False)
>>> RULES[asked.action].turned(asked, (mine, theirs), now + timedelta(hours=24))
False
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import permutations
from typing import TYPE_CHECKING

from seatrial.framework.data_class import DataClass, classed
from seatrial.framework.identifier import check_digest, check_id
from seatrial.framework.instant import utc, within
from seatrial.framework.participant import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VOTE_HOURS = 24  # our decision: long enough for two time zones, short enough that nobody forgets what they voted for


class KeyAction(StrEnum):
    """What takes two keys."""

    USE_WEIGHTS = "use_weights"
    RUN_WITHOUT_SAFEGUARDS = "run_without_safeguards"
    PUBLISH_REPORT = "publish_report"
    RESUME_AFTER_INCIDENT = "resume_after_incident"
    AGREE = "agree"
    ADOPT_PACK = "adopt_pack"
    INTERNET_EXCEPTION = "internet_exception"
    OPEN_EXPLOIT = "open_exploit"
    ADD_TRUSTED_PARTNER = "add_trusted_partner"
    AUDIT_SAMPLE = "audit_sample"
    AUDIT_FINDINGS = "audit_findings"


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """Somebody asks for two keys: for an action, on an object, bound to the digest of what is asked."""

    id: str = field(metadata=classed(DataClass.P, id=True))
    action: KeyAction = field(metadata=classed(DataClass.P))
    object: str = field(metadata=classed(DataClass.P))
    digest: str = field(metadata=classed(DataClass.P))
    requester: str = field(metadata=classed(DataClass.P))
    at: datetime = field(metadata=classed(DataClass.P))
    withdrawn_at: datetime | None = field(default=None, metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        for name in ("id", "object", "requester"):
            check_id(getattr(self, name), f"key_request.{name}")
        check_digest(self.digest, "key_request.digest")
        object.__setattr__(self, "action", KeyAction(self.action))
        for name in ("at", "withdrawn_at"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, utc(value, f"key_request.{name}"))


@dataclass(frozen=True, slots=True)
class Vote:
    """One key: a person, for an organisation, in a role, on one request and one digest."""

    request: str = field(metadata=classed(DataClass.P))
    request_digest: str = field(metadata=classed(DataClass.P))
    person: str = field(metadata=classed(DataClass.P))
    organisation: str = field(metadata=classed(DataClass.P))
    role: Role = field(metadata=classed(DataClass.P))
    at: datetime = field(metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        for name in ("request", "person", "organisation"):
            check_id(getattr(self, name), f"vote.{name}")
        check_digest(self.request_digest, "vote.request_digest")
        object.__setattr__(self, "role", Role(self.role))
        object.__setattr__(self, "at", utc(self.at, "vote.at"))


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Which two roles an action takes. `requester_votes` false: the one who asks holds neither key."""

    action: KeyAction
    first: frozenset[Role]
    second: frozenset[Role]
    distinct_organisations: bool = True
    requester_votes: bool = True
    vote_hours: int = VOTE_HOURS

    def live(self, request: KeyRequest, votes: Iterable[Vote], now: datetime) -> tuple[Vote, ...]:
        """The votes that count at `now`: this request, this digest, not from before it, not too old, not withdrawn."""
        now = utc(now, "now")
        if request.action is not self.action or (request.withdrawn_at is not None and request.withdrawn_at <= now):
            return ()
        return tuple(
            vote
            for vote in votes
            if vote.request == request.id
            and vote.request_digest == request.digest
            and vote.at >= request.at
            and within(vote.at, vote.at + timedelta(hours=self.vote_hours), now)
            and (self.requester_votes or vote.person != request.requester)
        )

    def turned(self, request: KeyRequest, votes: Iterable[Vote], now: datetime) -> bool:
        """Whether two people hold both keys at `now`."""
        return not self.missing(request, votes, now)

    def missing(self, request: KeyRequest, votes: Iterable[Vote], now: datetime) -> tuple[frozenset[Role], ...]:
        """The sides whose key is not there: none, one, or both."""
        live = self.live(request, votes, now)
        if any(self._pair(one, other) for one, other in permutations(live, 2)):
            return ()
        if any(vote.role in self.first for vote in live):
            return (self.second,)
        if any(vote.role in self.second for vote in live):
            return (self.first,)
        return (self.first, self.second)

    def _pair(self, one: Vote, other: Vote) -> bool:
        apart = one.person != other.person
        if self.distinct_organisations:
            apart = apart and one.organisation != other.organisation
        return apart and one.role in self.first and other.role in self.second

    def at_least(self, least: KeyRule) -> bool:
        """Whether this rule demands all that `least` does."""
        sides = (self.first <= least.first and self.second <= least.second) or (
            self.first <= least.second and self.second <= least.first
        )
        return (
            self.action is least.action
            and bool(self.first)
            and bool(self.second)
            and sides
            and (self.distinct_organisations or not least.distinct_organisations)
            and (least.requester_votes or not self.requester_votes)
            and 0 < self.vote_hours <= least.vote_hours
        )


_BOTH_SIDES = (frozenset({Role.DEVELOPER_OWNER}), frozenset({Role.EVALUATOR_LEAD}))
_CASE_ROLES = frozenset({Role.ANALYST, Role.VERIFIER, Role.COORDINATOR, Role.CLEARINGHOUSE_LEAD})
_AUDITOR = frozenset({Role.AUDITOR})

RULES: Mapping[KeyAction, KeyRule] = {
    rule.action: rule
    for rule in (
        KeyRule(KeyAction.USE_WEIGHTS, *_BOTH_SIDES),
        KeyRule(KeyAction.RUN_WITHOUT_SAFEGUARDS, *_BOTH_SIDES),
        KeyRule(KeyAction.PUBLISH_REPORT, *_BOTH_SIDES),
        KeyRule(KeyAction.RESUME_AFTER_INCIDENT, *_BOTH_SIDES),
        KeyRule(KeyAction.AGREE, *_BOTH_SIDES),
        KeyRule(KeyAction.ADOPT_PACK, *_BOTH_SIDES),
        KeyRule(KeyAction.INTERNET_EXCEPTION, *_BOTH_SIDES, requester_votes=False),
        KeyRule(KeyAction.OPEN_EXPLOIT, _CASE_ROLES, _CASE_ROLES, distinct_organisations=False, requester_votes=False),
        KeyRule(KeyAction.ADD_TRUSTED_PARTNER, frozenset({Role.DEVELOPER_OWNER}), frozenset({Role.CLEARINGHOUSE_LEAD})),
        KeyRule(KeyAction.AUDIT_SAMPLE, _AUDITOR, frozenset({Role.DEVELOPER_OWNER})),
        KeyRule(KeyAction.AUDIT_FINDINGS, _AUDITOR, frozenset({Role.COORDINATOR})),
    )
}
