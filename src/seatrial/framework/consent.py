"""Consents and grants. Nothing may be done that neither names: the default is no.

- A consent is given by a subject's developer: for one activity, for purposes, to recipients, for classes, for a time.
  No consent implies another.
- A grant opens one object to one organisation in one role for one purpose and a time; a later version of the object
  needs a new grant.
- Both are over at `expires`, and from the instant they are revoked or ended; neither comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from seatrial.framework.data_class import Action, DataClass, Tlp, classed
from seatrial.framework.identifier import check_digest, check_id
from seatrial.framework.instant import check_span, text, utc, within
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose, check_purposes, purpose

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.subject import Subject


class Activity(StrEnum):
    """What a developer can consent to."""

    INQUIRE = "inquire"
    SHARE_DOSSIER = "share_dossier"
    EVALUATE = "evaluate"
    EVALUATE_REDUCED_SAFEGUARDS = "evaluate_reduced_safeguards"
    HOLD_WEIGHTS = "hold_weights"
    ANALYSIS_AFTER_WINDOW = "analysis_after_window"
    SHARE_RESULTS = "share_results"
    PARTNER_ACCESS = "partner_access"
    SEND_TO_FOREIGN_GRADER = "send_to_foreign_grader"
    PUBLISH_REPORT = "publish_report"


class BadConsent(ValueError):
    """A consent or grant that says too little, or more than its subject does."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An organisation in a role."""

    organisation: str = field(metadata=classed(DataClass.P))
    role: Role = field(metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        check_id(self.organisation, "recipient.organisation")
        if self.role is Role.PUBLIC:
            raise BadConsent("recipient.role: nobody consents to everybody; a publication takes two keys")


@dataclass(frozen=True, slots=True)
class Consent:
    """The developer's yes to one activity on one subject, in [`not_before`, `expires`)."""

    id: str = field(metadata=classed(DataClass.P, id=True))
    subject: str = field(metadata=classed(DataClass.P))
    activity: Activity = field(metadata=classed(DataClass.P))
    purposes: frozenset[Purpose] = field(metadata=classed(DataClass.P))
    recipients: frozenset[Recipient] = field(metadata=classed(DataClass.P))
    classes: frozenset[DataClass] = field(metadata=classed(DataClass.P))
    not_before: datetime = field(metadata=classed(DataClass.P))
    expires: datetime = field(metadata=classed(DataClass.P))
    terms_digest: str = field(metadata=classed(DataClass.P))
    signer: str = field(metadata=classed(DataClass.P))
    given_at: datetime = field(metadata=classed(DataClass.P))
    revoked_at: datetime | None = field(default=None, metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        for name in ("id", "subject", "signer"):
            check_id(getattr(self, name), f"consent.{name}")
        object.__setattr__(self, "activity", Activity(self.activity))
        object.__setattr__(self, "purposes", check_purposes(self.purposes, f"consent {self.id}"))
        if not self.recipients or not self.classes:
            raise BadConsent(f"consent {self.id}: names no {'recipient' if self.classes else 'data class'}")
        check_digest(self.terms_digest, "consent.terms_digest")
        for name in ("not_before", "expires", "given_at", "revoked_at"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, utc(value, f"consent.{name}"))
        check_span(self.not_before, self.expires, f"consent {self.id}")

    def fitting(self, subject: Subject) -> Consent:
        """The consent itself, once it is seen to be about this subject and not to outlast it.

        Raises:
            BadConsent: another subject, a purpose the subject lacks, or an end after the subject's.
        """
        if self.subject != subject.id:
            raise BadConsent(f"consent {self.id}: is about {self.subject}, not about {subject.id}")
        if beyond := self.purposes - subject.purposes:
            raise BadConsent(f"consent {self.id}: {', '.join(sorted(beyond))} is no purpose of {subject.id}")
        if self.expires > subject.expires:
            raise BadConsent(
                f"consent {self.id}: ends {text(self.expires)}, after its subject ({text(subject.expires)})"
            )
        return self

    def active(self, now: datetime) -> bool:
        """Whether it holds at `now`: given, begun, not over, not revoked."""
        now = utc(now, "now")
        return within(max(self.not_before, self.given_at), self.expires, now) and not self.revoked(now)

    def revoked(self, now: datetime) -> bool:
        """Whether the developer has taken it back by `now`."""
        return self.revoked_at is not None and now >= self.revoked_at

    def revoke(self, at: datetime) -> Consent:
        """The same consent, taken back; the first time counts, and it cannot be undone."""
        at = utc(at, "at")
        return replace(self, revoked_at=at if self.revoked_at is None else min(at, self.revoked_at))

    def names(self, organisation: str, role: Role) -> bool:
        """Whether this organisation in this role is a recipient."""
        return Recipient(organisation, role) in self.recipients


@dataclass(frozen=True, slots=True)
class Grant:
    """One object opened to one organisation in one role, in [`not_before`, `expires`).

    `consent` is the id of what it rests on: a consent; for findings and notices the case; for held-out tasks the act of
    their owner.
    """

    id: str = field(metadata=classed(DataClass.P, id=True))
    consent: str = field(metadata=classed(DataClass.P))
    object: str = field(metadata=classed(DataClass.P))
    data_class: DataClass = field(metadata=classed(DataClass.P))
    actions: frozenset[Action] = field(metadata=classed(DataClass.P))
    organisation: str = field(metadata=classed(DataClass.P))
    role: Role = field(metadata=classed(DataClass.P))
    purpose: Purpose = field(metadata=classed(DataClass.P))
    not_before: datetime = field(metadata=classed(DataClass.P))
    expires: datetime = field(metadata=classed(DataClass.P))
    tlp: Tlp = field(default=Tlp.TLP_AMBER_STRICT, metadata=classed(DataClass.P))
    object_version: int = field(default=1, metadata=classed(DataClass.P))
    ended_at: datetime | None = field(default=None, metadata=classed(DataClass.P))

    def __post_init__(self) -> None:
        for name in ("id", "consent", "object", "organisation"):
            check_id(getattr(self, name), f"grant.{name}")
        object.__setattr__(self, "purpose", purpose(self.purpose, f"grant {self.id}"))
        if not self.actions:
            raise BadConsent(f"grant {self.id}: opens nothing; name at least one action")
        if self.role is Role.PUBLIC:
            raise BadConsent(f"grant {self.id}: no grant is to everybody; a publication takes two keys")
        for name in ("not_before", "expires", "ended_at"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, utc(value, f"grant.{name}"))
        check_span(self.not_before, self.expires, f"grant {self.id}")

    def active(self, now: datetime) -> bool:
        """Whether it holds at `now`."""
        now = utc(now, "now")
        return within(self.not_before, self.expires, now) and (self.ended_at is None or now < self.ended_at)

    def end(self, at: datetime) -> Grant:
        """The same grant, ended; the first time counts."""
        at = utc(at, "at")
        return replace(self, ended_at=at if self.ended_at is None else min(at, self.ended_at))

    def within(self, consent: Consent) -> Grant:
        """The grant itself, once it is seen to open no more than the consent it rests on.

        Raises:
            BadConsent: another consent, recipient, class or purpose, or a longer time.
        """
        wrong = [
            what
            for what, holds in (
                ("another consent", self.consent == consent.id),
                ("a recipient it does not name", consent.names(self.organisation, self.role)),
                ("a class it does not name", self.data_class in consent.classes),
                ("a purpose it does not name", self.purpose in consent.purposes),
                ("a time it does not cover", consent.not_before <= self.not_before and self.expires <= consent.expires),
            )
            if not holds
        ]
        if wrong:
            raise BadConsent(f"grant {self.id}: beyond consent {consent.id}: {', '.join(wrong)}")
        return self
