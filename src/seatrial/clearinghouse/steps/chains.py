"""Continuing chains of events: the next event of each subject, and trying again when somebody else was first."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from seatrial.clearinghouse.event import GENESIS, NONCE_BYTES, Event
from seatrial.clearinghouse.store import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from seatrial.clearinghouse.event import Actor, EventType
    from seatrial.clearinghouse.store import Store
    from seatrial.framework.viewer import Viewer

TRIES = 5
"""How often a lost race is run again: each time somebody else came through, so five in a row is a fault."""

Result = TypeVar("Result")


@dataclass
class Chains:
    """Events to append, made in order; `heads` is what each chain ended with when it was read."""

    actor: Actor
    at: datetime
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    random: Callable[[int], bytes] = secrets.token_bytes
    made: list[Event] = field(default_factory=list)

    @classmethod
    def of(cls, store: Store, viewer: Viewer, subjects: list[str], actor: Actor, at: datetime) -> Chains:
        """Chains that go on where these subjects stand now."""
        return cls(actor, at, dict(store.heads(viewer, subjects)))

    def add(self, subject: str, kind: EventType, body: Mapping[str, Any]) -> Event:
        """The next event of a subject."""
        seq, prev = self.heads.get(subject, (0, GENESIS))
        event = Event(subject, seq + 1, self.at, self.actor, kind, body, self.random(NONCE_BYTES).hex(), prev)
        self.heads[subject] = (event.seq, event.hash)
        self.made.append(event)
        return event


def retried(act: Callable[[], Result]) -> Result:
    """Do it again, from reading on, when somebody else continued a chain first. Raises the last `Conflict`."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except Conflict:
            continue
    return act()
