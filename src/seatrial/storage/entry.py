"""What the log says of a step: digests, ids and numbers, and a commitment to the whole of it.

- The event's kind is the object's kind and the event's name: `submission.submit`, `finding.rate`, `text.adopt`.
- `act` commits to the act and its entry in the history, word for word; each paper is committed to by its digest under
  the same salt. Whoever is given a step can check it against the log; whoever is not learns nothing, and once the salt
  is gone nobody ever will.
- `pack` is the digest of the policy pack, which is public.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import rfc8785

from seatrial.ledger.event import NONCE_BYTES, SALT_BYTES, Actor, Event, commitment_ref, instant, pseudonym
from seatrial.storage.codec import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.framework.standing import Standing
    from seatrial.framework.submission_store import Step

NAME_LENGTH = 32
"""Of a reference in an event."""
LOG_ROLES = {"developer_owner": "developer", "developer_counsel": "counsel", "evaluator_lead": "lead"}
"""Roles as an entry names them, where it differs from the role without its underscores."""


WORDS = {"framework_text": "text"}
"""Kinds of objects as an event's kind begins, where it differs: that part has no underscore."""


def event_kind(kind: str, event: str) -> str:
    """The kind of the event that records a step."""
    return f"{WORDS.get(kind, kind)}.{event}"


def step_bytes(step: Step) -> bytes:
    """The canonical bytes that an entry's `act` commits to."""
    return rfc8785.dumps({"act": encode(step.act), "entry": encode(step.entry)})


def step_refs(standing: Standing | None, step: Step) -> dict[str, str]:
    """The references of a step's event; without the standing, those that the step alone decides."""
    refs = {"act": commitment_ref(step.salt, step_bytes(step))}
    for document in step.act.documents:
        name = f"doc_{document.kind}".replace("-", "_").replace(".", "_")[:NAME_LENGTH]
        refs[name] = commitment_ref(step.salt, document.digest.encode())
    if standing is not None and standing.pack is not None:
        refs["pack"] = standing.pack.sha256
    return refs


def step_event(standing: Standing, step: Step, stream_key: bytes, random: Callable[[int], bytes]) -> Event:
    """The event that records a step of this object."""
    actor = step.entry.actor
    role = LOG_ROLES.get(actor.role, actor.role.replace("_", ""))
    return Event(
        kind=event_kind(standing.kind, step.entry.event),
        at=instant(step.entry.at),
        stream=standing.object,
        actor=Actor(role, pseudonym(stream_key, actor.organisation)),
        nonce=random(NONCE_BYTES).hex(),
        refs=step_refs(standing, step),
        nums={"seq": step.entry.seq, "clamped": int(step.entry.clamped)},
    )


def new_salt(random: Callable[[int], bytes]) -> bytes:
    """The salt of one step."""
    return random(SALT_BYTES)
