"""What happened to a subject: one chain of events each, whose fold is its state.

- A subject is a finding (its id), an item that could not be read (its receipt's id), a cluster (`C-000123`), a case.
- `seq` counts from 1 without a gap; `prev` is the hash of the event before. Two that continue the same event cannot
  both be kept: whoever comes second refolds.
- `hash` is the SHA-256 of the canonical bytes of all the rest. A `nonce` of 16 random bytes keeps a guessed event from
  being confirmed by it. The record holds hashes, never a body.
- A person's decision carries the person's authenticated id.

>>> from datetime import UTC, datetime
>>> first = Event.following(None, "ab" * 32, EventType.RECEIVED, {}, Actor("worker:intake", "1"),
...     datetime(2026, 11, 24, 10, tzinfo=UTC), bytes(16))
>>> first.seq, first.prev == GENESIS, Event.of(first.fields(), first.hash) == first
(1, True, True)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

import rfc8785

GENESIS = "0" * 64
"""What the first event of a chain follows."""
NONCE_BYTES = 16
WORKER = "worker:"
"""How the id of an actor begins that is no person."""


class EventType(StrEnum):
    """Everything that can happen to a finding, a cluster or a case."""

    RECEIVED = "received"
    QUARANTINED = "quarantined"
    PARKED = "parked"
    UNPARKED = "unparked"
    CLAIMED = "claimed"
    CLAIM_CHECKED = "claim_checked"
    KNOWN_MATCHED = "known_matched"
    REPLAYED = "replayed"
    REVIEWED = "reviewed"
    SCOPED_OUT = "scoped_out"
    TAKEN_BACK = "taken_back"
    REOPENED = "reopened"
    MINIMISED = "minimised"
    BISECTED = "bisected"
    SIGNATURE_MADE = "signature_made"
    JOINED = "joined"
    LEFT = "left"
    MUST_LINKED = "must_linked"
    CANNOT_LINKED = "cannot_linked"
    MERGED = "merged"
    SPLIT = "split"
    CANDIDATE_PROPOSED = "candidate_proposed"
    CANDIDATE_DECLINED = "candidate_declined"
    DECIDED = "decided"
    REVERTED = "reverted"
    CELL_MEASURED = "cell_measured"
    CAPPED = "capped"
    RATING_PROPOSED = "rating_proposed"
    RATING_DECIDED = "rating_decided"
    SIGNED_OFF = "signed_off"
    SIGN_OFF_VOIDED = "sign_off_voided"
    CASE_OPENED = "case_opened"
    RM = "rm"
    EM = "em"
    CS = "cs"
    MESSAGE = "message"
    STATUS_SET = "status_set"
    ESCALATED = "escalated"
    PACE_SET = "pace_set"
    CLOCK_SET = "clock_set"
    CLOCK_PAUSED = "clock_paused"
    CLOCK_EXTENDED = "clock_extended"
    DRAFT_MADE = "draft_made"
    DRAFT_RELEASED = "draft_released"
    CONTACT_TRIED = "contact_tried"
    FIX_CLAIMED = "fix_claimed"
    FIX_VERIFIED = "fix_verified"
    REGRESSION_SUSPECTED = "regression_suspected"
    COMMITTED = "committed"
    REVEALED = "revealed"
    PUBLISHED = "published"
    SHREDDED = "shredded"


class BrokenChain(ValueError):
    """Events that do not follow one another, or whose hash is another's."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a person's authenticated id, or `worker:NAME`; the version of the worker, or the person's role."""

    id: str
    version: str

    @property
    def is_person(self) -> bool:
        """Whether somebody decided it."""
        return not self.id.startswith(WORKER)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one subject."""

    subject: str
    seq: int
    at: datetime
    actor: Actor
    type: EventType
    body: Mapping[str, Any]
    nonce: str
    prev: str
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("event.at: has no zone; give an aware time, as 2026-11-23T10:00:00Z")
        object.__setattr__(self, "at", self.at.astimezone(UTC))
        object.__setattr__(self, "hash", hashlib.sha256(self.canonical()).hexdigest())

    def canonical(self) -> bytes:
        """The RFC 8785 bytes of `fields`; what is hashed."""
        return rfc8785.dumps(self.fields())

    @classmethod
    def following(
        cls,
        last: Event | None,
        subject: str,
        kind: EventType,
        body: Mapping[str, Any],
        actor: Actor,
        at: datetime,
        nonce: bytes,
    ) -> Event:
        """The event after `last` of this subject; None begins its chain."""
        if len(nonce) != NONCE_BYTES:
            raise ValueError(f"event.nonce: {NONCE_BYTES} random bytes, not {len(nonce)}")
        seq, prev = (last.seq + 1, last.hash) if last else (1, GENESIS)
        return cls(subject, seq, at, actor, kind, body, nonce.hex(), prev)

    def fields(self) -> dict[str, Any]:
        """The JSON form without the hash."""
        return {
            "subject": self.subject,
            "seq": self.seq,
            "at": self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "actor": {"id": self.actor.id, "version": self.actor.version},
            "type": str(self.type),
            "body": dict(self.body),
            "nonce": self.nonce,
            "prev": self.prev,
        }

    @classmethod
    def of(cls, given: Mapping[str, Any], expected: str) -> Event:
        """Read the JSON form.

        Raises:
            BrokenChain: Its hash is not the expected one.
        """
        event = cls(
            given["subject"],
            given["seq"],
            datetime.fromisoformat(given["at"]),
            Actor(**given["actor"]),
            EventType(given["type"]),
            given["body"],
            given["nonce"],
            given["prev"],
        )
        if event.hash != expected:
            raise BrokenChain(f"{event.subject}: event {event.seq} is not what its hash says")
        return event


def check_chain(events: Sequence[Event], last: Event | None = None) -> None:
    """Refuse events that do not follow one another, or `last`.

    Raises:
        BrokenChain: A gap, another subject, or another predecessor.
    """
    if not events:
        return
    chain = (last, *events) if last else events
    if last is None and (events[0].seq, events[0].prev) != (1, GENESIS):
        raise BrokenChain(f"{events[0].subject}: a chain begins with event 1")
    for one, other in pairwise(chain):
        if (other.subject, other.seq, other.prev) != (one.subject, one.seq + 1, one.hash):
            raise BrokenChain(f"{other.subject}: event {other.seq} does not follow event {one.seq} of {one.subject}")
