"""Sign-off: a named person takes responsibility for what would go out, and for exactly that.

- It is bound to a digest over the rating, the representatives, the outward texts and the recipients. Any change of any
  of them voids it; nobody has to notice, for every outward act computes the digest anew.
- For a high or critical rating the signer is not the person who decided the rating.
- No worker signs, no score does, and no reason is left out.

>>> subject = Subject("C-000007", rating={"severity": "low"}, decided_by="per-1", severity="low",
...     representatives=("ab" * 32,), texts={"mail": "overflow in parse"}, recipients=("security@example.org",))
>>> from datetime import UTC, datetime
>>> signed = sign(subject, "per-1", "analyst", "read it twice", datetime(2026, 12, 1, tzinfo=UTC))
>>> holds(signed, subject)
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import rfc8785

from seatrial.clearinghouse.event import WORKER, Event, EventType
from seatrial.framework.identifier import check_id
from seatrial.framework.instant import text, utc
from seatrial.framework.participant import SERVICE_ROLES, Role

SERIOUS = frozenset({"high", "critical"})
"""Ratings that take two people."""


class NotSigned(ValueError):
    """There is no sign-off that covers this, or somebody cannot give one: says why and what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is signed for: all of it that anybody outside would see or be asked to act on."""

    cluster: str
    rating: Mapping[str, Any]
    decided_by: str
    severity: str
    representatives: tuple[str, ...]
    texts: Mapping[str, str]
    recipients: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, 64 hex digits; the order of recipients and representatives says nothing."""
        content: dict[str, Any] = {
            "cluster": self.cluster,
            "rating": dict(self.rating),
            "decided_by": self.decided_by,
            "severity": self.severity,
            "representatives": sorted(self.representatives),
            "texts": {name: hashlib.sha256(said.encode()).hexdigest() for name, said in self.texts.items()},
            "recipients": sorted(self.recipients),
        }
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


@dataclass(frozen=True, slots=True)
class SignOff:
    """A person's word for one subject as it was."""

    cluster: str
    person: str
    role: str
    digest: str
    reason: str
    at: datetime

    def body(self) -> dict[str, str]:
        """As an event holds it."""
        return {item.name: text(self.at) if item.name == "at" else getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class SignOffs:
    """Those of one cluster, from its events; `voided` names the digests that somebody took back, and why."""

    given: tuple[SignOff, ...] = ()
    voided: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Sequence[Event]) -> SignOffs:
        """Fold a cluster's events."""
        given: list[SignOff] = []
        voided: dict[str, str] = {}
        for event in events:
            if event.type is EventType.SIGNED_OFF:
                known = {**event.body, "at": event.at}
                given.append(SignOff(**{item.name: known[item.name] for item in fields(SignOff)}))
                voided.pop(given[-1].digest, None)
            elif event.type is EventType.SIGN_OFF_VOIDED:
                voided[event.body["digest"]] = event.body["reason"]
        return cls(tuple(given), voided)

    def covering(self, subject: Subject) -> SignOff:
        """The newest that covers the subject as it is now.

        Raises:
            NotSigned: there is none, it was taken back, or something has changed since.
        """
        of_it = [one for one in self.given if one.cluster == subject.cluster]
        if not of_it:
            raise NotSigned(f"{subject.cluster}: nobody has signed it off; `seatrial findings signoff` does")
        fitting = [one for one in of_it if holds(one, subject)]
        if not fitting:
            last = of_it[-1]
            raise NotSigned(
                f"{subject.cluster}: what {last.person} signed off on {text(last.at)} has changed since; "
                "look at rating, representatives, text and recipients and sign it off again"
            )
        if (why := self.voided.get(fitting[-1].digest)) is not None:
            raise NotSigned(f"{subject.cluster}: the sign-off was taken back: {why}")
        return fitting[-1]


def sign(subject: Subject, person: str, role: str, reason: str, at: datetime) -> SignOff:
    """A person signs a subject off.

    Raises:
        NotSigned: no person, no reason, nothing to say, nobody to say it to, or the decider of a serious rating.
    """
    if person.startswith(WORKER) or role in SERVICE_ROLES:
        raise NotSigned(f"{subject.cluster}: a person signs off, not {person}")
    check_id(person, "sign_off.person")
    if role not in set(Role):
        raise NotSigned(f"{subject.cluster}: {role!r} is no role")
    if not reason.strip():
        raise NotSigned(f"{subject.cluster}: a sign-off gives a reason")
    if not subject.severity or not subject.decided_by:
        raise NotSigned(f"{subject.cluster}: its rating is not decided; a person decides it first")
    if not subject.texts or not subject.recipients:
        raise NotSigned(f"{subject.cluster}: there is no text or no recipient yet; make a draft first")
    if subject.severity in SERIOUS and person == subject.decided_by:
        raise NotSigned(
            f"{subject.cluster}: {person} decided its {subject.severity} rating; somebody else signs it off"
        )
    return SignOff(subject.cluster, person, str(role), subject.digest, reason.strip(), utc(at, "sign_off.at"))


def holds(signed: SignOff, subject: Subject) -> bool:
    """Whether a sign-off is for this very subject, by somebody who could give it."""
    serious = subject.severity in SERIOUS and signed.person == subject.decided_by
    return signed.cluster == subject.cluster and signed.digest == subject.digest and not serious
