"""Who takes part: organisations, their people, and what each may act as.

- A role is always a membership: a person, for an organisation, for a time. There are no global roles and no shared
  accounts; `runner` and `custodian` are service identities.
- An assignment to a case lapses unless it is confirmed every `CONFIRM_DAYS` while access is open.
- A recusal outlasts employment: whoever came from a developer or vendor stays away from its cases.
- Which organisations exist is data of a policy pack or of a live registry; none is named here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from seatrial.framework.data_class import DataClass, classed
from seatrial.framework.identifier import check_id
from seatrial.framework.instant import check_span, utc, within

CONFIRM_DAYS = 7  # our decision: a week is how long a forgotten assignment may outlive its reason
RECUSAL_DAYS = 365  # our decision: after employment by the organisation in question


class Role(StrEnum):
    """What a person acts as; the rows of the matrix. `public` is everybody and nobody, and holds no membership."""

    DEVELOPER_OWNER = "developer_owner"
    DEVELOPER_COUNSEL = "developer_counsel"
    EVALUATOR = "evaluator"
    EVALUATOR_LEAD = "evaluator_lead"
    DESIGNATION_LIAISON = "designation_liaison"
    ANALYST = "analyst"
    VERIFIER = "verifier"
    COORDINATOR = "coordinator"
    CLEARINGHOUSE_LEAD = "clearinghouse_lead"
    AGENCY_READER = "agency_reader"
    METRICS_READER = "metrics_reader"
    TRUSTED_PARTNER = "trusted_partner"
    INFRASTRUCTURE_OPERATOR = "infrastructure_operator"
    MAINTAINER = "maintainer"
    AUDITOR = "auditor"
    TASK_OWNER = "task_owner"
    OPERATOR = "operator"
    RUNNER = "runner"
    CUSTODIAN = "custodian"
    PUBLIC = "public"


SERVICE_ROLES = frozenset({Role.RUNNER, Role.CUSTODIAN})
DEVELOPER_ROLES = frozenset({Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL})


class OrganisationKind(StrEnum):
    """What an organisation is; it narrows which roles its people can have."""

    DEVELOPER = "developer"
    EVALUATOR = "evaluator"
    AGENCY = "agency"
    CLEARINGHOUSE = "clearinghouse"
    PARTNER = "partner"
    INFRASTRUCTURE = "infrastructure"
    VENDOR = "vendor"
    AUDITOR = "auditor"


class Place(StrEnum):
    """An organisation's place in the policy that a pack states."""

    LEAD = "lead"
    CONSULTED = "consulted"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Organisation:
    """A body that takes part. `vendor` is true of a developer that also makes other people's software."""

    id: str = field(metadata=classed(DataClass.L, id=True))
    name: str = field(metadata=classed(DataClass.M))
    kind: OrganisationKind = field(metadata=classed(DataClass.L))
    federal_civilian: bool = field(default=False, metadata=classed(DataClass.L))
    place: Place = field(default=Place.NONE, metadata=classed(DataClass.L))
    source: str = field(default="", metadata=classed(DataClass.L))
    effective_from: str = field(default="", metadata=classed(DataClass.L))

    def __post_init__(self) -> None:
        check_id(self.id, "organisation.id")
        if not self.name.strip():
            raise ValueError(f"organisation {self.id!r}: has no name")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, by a pseudonymous id; the name is known to the portal's own registry only."""

    id: str = field(metadata=classed(DataClass.L, id=True))
    name: str = field(default="", metadata=classed(DataClass.V))

    def __post_init__(self) -> None:
        check_id(self.id, "person.id")


@dataclass(frozen=True, slots=True)
class Membership:
    """A person acts for an organisation in a role, in [`not_before`, `expires`)."""

    person: str = field(metadata=classed(DataClass.L, id=True))
    organisation: str = field(metadata=classed(DataClass.L, id=True))
    role: Role = field(metadata=classed(DataClass.L))
    not_before: datetime = field(metadata=classed(DataClass.L))
    expires: datetime | None = field(default=None, metadata=classed(DataClass.L))

    def __post_init__(self) -> None:
        object.__setattr__(self, "not_before", utc(self.not_before, "membership.not_before"))
        if self.role is Role.PUBLIC:
            raise ValueError("membership: the public row holds for everybody; nobody is a member of it")
        if self.expires is not None:
            object.__setattr__(self, "expires", utc(self.expires, "membership.expires"))
            check_span(self.not_before, self.expires, "membership")

    def active(self, now: datetime) -> bool:
        """Whether it holds at `now`."""
        return within(self.not_before, self.expires, utc(now, "now"))


@dataclass(frozen=True, slots=True)
class Assignment:
    """A member is put on one case. It lapses `CONFIRM_DAYS` after it was last confirmed while access is open."""

    membership: Membership = field(metadata=classed(DataClass.L))
    case: str = field(metadata=classed(DataClass.L, id=True))
    confirmed_at: datetime = field(metadata=classed(DataClass.L))
    ended_at: datetime | None = field(default=None, metadata=classed(DataClass.L))

    def __post_init__(self) -> None:
        check_id(self.case, "assignment.case")
        object.__setattr__(self, "confirmed_at", utc(self.confirmed_at, "assignment.confirmed_at"))
        if self.ended_at is not None:
            object.__setattr__(self, "ended_at", utc(self.ended_at, "assignment.ended_at"))

    def active(self, now: datetime, *, window_open: bool) -> bool:
        """Whether it holds at `now`; an unconfirmed one ends only where access is open."""
        if not self.membership.active(now) or (self.ended_at is not None and now >= self.ended_at):
            return False
        fresh = now < self.confirmed_at + timedelta(days=CONFIRM_DAYS)
        return self.confirmed_at <= now and (fresh or not window_open)

    def confirmed(self, at: datetime) -> Assignment:
        """The same assignment, confirmed anew."""
        return replace(self, confirmed_at=at)


@dataclass(frozen=True, slots=True)
class Recusal:
    """A person stays away from whatever an organisation owns or sells, until a day."""

    person: str = field(metadata=classed(DataClass.L, id=True))
    organisation: str = field(metadata=classed(DataClass.L, id=True))
    until: datetime = field(metadata=classed(DataClass.L))

    def __post_init__(self) -> None:
        object.__setattr__(self, "until", utc(self.until, "recusal.until"))

    @classmethod
    def after_employment(cls, person: str, organisation: str, left: datetime) -> Recusal:
        """The recusal of somebody who left an organisation."""
        return cls(person, organisation, utc(left, "left") + timedelta(days=RECUSAL_DAYS))

    def covers(self, person: str, organisations: frozenset[str], now: datetime) -> bool:
        """Whether this person must stay away from something of these organisations at `now`."""
        return person == self.person and self.organisation in organisations and now < self.until
