"""The buckets of contacts, kept as chains: what is open at a contact cannot exceed k, whoever acts at once.

- A bucket's chain is `CT-` and a digest of the contact's address. Its fold is its pace and its open roots.
- Taking a place is an event of that chain: of two who take the last place at once, one has to read again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.case.pacing import Override, Pace, check
from seatrial.clearinghouse.event import NONCE_BYTES, Actor, Event, EventType
from seatrial.framework.instant import instant

if TYPE_CHECKING:
    from seatrial.clearinghouse.chains import Chains
    from seatrial.framework.viewer import Viewer

SUBJECT_DIGITS = 32


def subject(contact: str) -> str:
    """The chain of a contact; its address in any spelling is one contact."""
    return f"CT-{hashlib.sha256(contact.strip().casefold().encode()).hexdigest()[:SUBJECT_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one contact takes, and which roots are open there: cluster to since when. `over` went over k by a person."""

    pace: Pace
    open_roots: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    over: tuple[str, ...] = ()

    def after(self, event: Event) -> Bucket:
        """The bucket with one event more."""
        body = event.body
        if event.type is EventType.PACE_SET:
            return replace(self, pace=_paced(self.pace, body))
        cluster = str(body["cluster"])
        if event.type is EventType.DRAFT_RELEASED:
            over = (*self.over, cluster) if body.get("override") else self.over
            return replace(self, open_roots=MappingProxyType({**self.open_roots, cluster: event.at}), over=over)
        rest = {name: since for name, since in self.open_roots.items() if name != cluster}
        return replace(self, open_roots=MappingProxyType(rest))


def pace_body(
    *,
    places: int | None = None,
    batch_day: int | None = None,
    zone: str = "",
    quiet: Sequence[tuple[str, str]] = (),
    stopped: bool | None = None,
) -> dict[str, Any]:
    """What a contact wants, as an event holds it; what is left out stays. `batch_day` -1 is any day."""
    given = {"places": places, "batch_day": batch_day, "zone": zone or None, "stopped": stopped}
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return body | ({"quiet": [list(stretch) for stretch in quiet]} if quiet else {})


def fold(contact: str, events: Sequence[Event]) -> Bucket:
    """A contact's bucket, from its events."""
    bucket = Bucket(Pace(contact))
    for event in events:
        bucket = bucket.after(event)
    return bucket


class PaceBook:
    """The buckets that a viewer's organisation keeps."""

    def __init__(
        self, store: Chains, viewer: Viewer, keeper: str, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._store, self._viewer, self._keeper, self._random = store, viewer, keeper, random

    def bucket(self, contact: str) -> Bucket:
        """A contact's bucket; one that was never heard of has the default pace and nothing open."""
        return fold(contact, self._store.events(self._viewer, subject(contact)))

    def set_pace(self, contact: str, body: Mapping[str, Any], actor: Actor, at: datetime) -> Bucket:
        """A contact says what it takes. Raises `Conflict`."""
        return self._append(contact, EventType.PACE_SET, body, actor, at, lambda _: None)

    def take(self, contact: str, cluster: str, actor: Actor, at: datetime, override: Override | None = None) -> Bucket:
        """One root more is open at a contact; again is no second one.

        Raises:
            OverPace: there is no place.
            Conflict: somebody else took one at the same time.
        """
        bucket = self.bucket(contact)
        if cluster in bucket.open_roots:
            return bucket
        beyond = len(bucket.open_roots) >= bucket.pace.places or bool(bucket.pace.closed_because(at))
        body = {"cluster": cluster} | ({"override": override.reason} if override and beyond else {})

        def fits(now: Bucket) -> None:
            check(now.pace, len(now.open_roots), cluster, at, override)

        return self._append(contact, EventType.DRAFT_RELEASED, body, actor, at, fits)

    def close(self, contact: str, cluster: str, actor: Actor, at: datetime) -> Bucket:
        """A root is closed, and gives its place back; one that is not open stays so. Raises `Conflict`."""
        bucket = self.bucket(contact)
        if cluster not in bucket.open_roots:
            return bucket
        return self._append(contact, EventType.LEFT, {"cluster": cluster}, actor, at, lambda _: None)

    def _append(
        self,
        contact: str,
        kind: EventType,
        body: Mapping[str, Any],
        actor: Actor,
        at: datetime,
        fits: Callable[[Bucket], None],
    ) -> Bucket:
        chain = self._store.events(self._viewer, subject(contact))
        bucket = fold(contact, chain)
        fits(bucket)
        last = chain[-1] if chain else None
        event = Event.following(last, subject(contact), kind, body, actor, at, self._random(NONCE_BYTES))
        became = bucket.after(event)
        self._store.append(self._viewer, [event], keeper=self._keeper)
        return became


def _paced(pace: Pace, body: Mapping[str, Any]) -> Pace:
    day = body.get("batch_day", pace.batch_day)
    quiet = [(instant(start, "quiet"), instant(end, "quiet")) for start, end in body.get("quiet", ())]
    return replace(
        pace,
        places=body.get("places", pace.places),
        batch_day=None if day == -1 else day,
        zone=body.get("zone", pace.zone),
        quiet=tuple(quiet) if quiet else pace.quiet,
        stopped=body.get("stopped", pace.stopped),
    )
