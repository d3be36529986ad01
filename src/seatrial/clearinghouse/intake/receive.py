"""Intake: items become findings, and findings are held: blobs first, then one transaction, then the receipts.

- A batch of at most 1,000 items is one transaction: findings, events, commitments and the leaf in the record are there
  together, or the batch comes again. Receipts are handed out after it, never before.
- One origin for a submitter and a run. The same content from the same origin is the same finding, and is held already.
- Above its quota a source's findings are taken in and parked: visible, never dropped.
- Whatever cannot be read is quarantined with where, what and what to do, and its bytes are kept under a key that goes
  with the origin.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from seatrial.clearinghouse.blobs import BLOB_BYTES, address_of, of_origin
from seatrial.clearinghouse.disposition import DISPOSITION, Disposition
from seatrial.clearinghouse.event import NONCE_BYTES, Actor, Event, EventType
from seatrial.clearinghouse.finding import Artefact, Finding
from seatrial.clearinghouse.intake.item import Defaults, Draft, Fault, File, Source, Unreadable
from seatrial.clearinghouse.intake.limits import QUOTA
from seatrial.clearinghouse.intake.reading import Given
from seatrial.clearinghouse.intake.redaction import Names
from seatrial.clearinghouse.origin import REF_BYTES, Origin
from seatrial.clearinghouse.secrecy import commitment
from seatrial.clearinghouse.store import BATCH, Batch, Conflict, Quarantined, Received

if TYPE_CHECKING:
    from seatrial.clearinghouse.blobs import Blobs
    from seatrial.clearinghouse.intake.item import Item
    from seatrial.clearinghouse.store import Leaf, Store
    from seatrial.framework.viewer import Viewer

WORKER = Actor("worker:intake", "1")
TRIES = 5
"""Of a batch that another import came before: each loses at most once to each other one."""
BATCH_BYTES = 128 * 2**20
"""Of artefacts that are held at once: two of the largest."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose findings these are: who hands them in, who keeps them, of which submission and run."""

    submitter: str
    keeper: str
    run: str = ""
    submission: str = ""
    model: tuple[str, ...] = ()
    keeps_facts: bool = True
    """Whether the origin may hold facts about the model: not once its submission was withdrawn. Names leave all texts
    either way."""


@dataclass(frozen=True, slots=True)
class ItemReceipt:
    """What became of one item: its finding's id or its receipt's, where it is, and whether it was held already.

    `file`, `where`, `what` and `to_do` are those of an item that could not be read.
    """

    id: str
    disposition: Disposition
    again: bool = False
    file: str = ""
    where: str = ""
    what: str = ""
    to_do: str = ""


@dataclass(frozen=True, slots=True)
class BatchReceipt:
    """Of one durable batch: a receipt an item in order of arrival, and where the record has it."""

    items: tuple[ItemReceipt, ...]
    leaf: Leaf | None


@dataclass(frozen=True)
class Intake:
    """Takes findings in. Time and randomness are given."""

    store: Store
    blobs: Blobs
    now: Callable[[], datetime]
    random: Callable[[int], bytes] = secrets.token_bytes
    quota: int = QUOTA
    batch: int = BATCH
    actor: Actor = field(default=WORKER)

    def take(
        self, viewer: Viewer, sender: Sender, given: Iterable[Given], defaults: Defaults
    ) -> Iterator[BatchReceipt]:
        """Take items in, batch after batch; each receipt is for what is durable."""
        for items in _batches(given, self.batch):
            yield self._taken(viewer, sender, items, defaults)

    def _taken(self, viewer: Viewer, sender: Sender, items: list[Given], defaults: Defaults) -> BatchReceipt:
        for attempt in range(TRIES):
            try:
                return self._once(viewer, sender, items, defaults)
            except Conflict:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError  # the loop returns or raises

    def _once(self, viewer: Viewer, sender: Sender, items: list[Given], defaults: Defaults) -> BatchReceipt:
        now = self.now()
        run = sender.run or next((one.facts.run for _, one in items if isinstance(one, Draft) and one.facts.run), "")
        known = self.store.origin_of(viewer, sender.submitter, run)
        fresh = known or self._new_origin(sender, run if sender.keeps_facts else "", now)
        told = _with_facts(fresh, sender, items)
        names = Names(told.model)
        origin = told if sender.keeps_facts else fresh
        prepared = [self._prepared(origin, names, source, item, defaults) for source, item in items]
        self.blobs.put(blob for one in prepared for blob in one.blobs)
        with self.store.transaction(viewer):
            room = self.quota - self.store.unreproduced(viewer, sender.submitter)
            entered = self._entered(viewer, prepared, room, now)
            taken = self.store.put_findings(viewer, Batch(tuple(entered), (origin,)))
        where = {one.id: one.disposition for one in map(_receipt, entered)}
        if any(taken.again):
            held = [name for name, again in zip(taken.ids, taken.again, strict=True) if again]
            where |= {name: one.disposition for name, one in self.store.findings(viewer, held).items()}
        return BatchReceipt(
            tuple(
                replace(_receipt(item), disposition=where[name], again=again)
                for item, name, again in zip(entered, taken.ids, taken.again, strict=True)
            ),
            taken.leaf,
        )

    def _new_origin(self, sender: Sender, run: str, now: datetime) -> Origin:
        return Origin(
            self.random(REF_BYTES).hex(),
            sender.submitter,
            sender.keeper,
            now,
            submission=sender.submission if sender.keeps_facts else "",
            run=run,
        )

    def _prepared(self, origin: Origin, names: Names, source: Source, item: Item, defaults: Defaults) -> _Prepared:
        if isinstance(item, Draft):
            try:
                return _as_finding(origin, names.out_of_draft(item.under(defaults)))
            except Unreadable as error:
                item = error.fault
            except ValidationError as error:
                first = error.errors()[0]
                item = Fault(item.where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", "Correct that field")
        return _as_fault(origin, names, source, item)

    def _entered(
        self, viewer: Viewer, prepared: list[_Prepared], room: int, now: datetime
    ) -> list[Received | Quarantined]:
        held = self.store.heads(viewer, [one.id for one in prepared])
        entered: list[Received | Quarantined] = []
        for one in prepared:
            if one.finding is None:
                body = {"where": one.fault.where, "what": one.fault.what, "to_do": one.fault.to_do}
                event = self._event(None, one.id, EventType.QUARANTINED, body, now)
                entered.append(Quarantined(one.id, one.origin_ref, (event,), one.file, **body, sha256=one.sha256))
                continue
            parked = room <= 0 and one.id not in held
            room -= one.id not in held
            entered.append(self._received(one.finding, one.attention, now, parked=parked))
        return entered

    def _received(self, finding: Finding, attention: str, now: datetime, *, parked: bool) -> Received:
        nonce = self.random(commitment.NONCE_BYTES)
        made = commitment.commit(nonce, finding.canonical())
        body = {"commitment": made}
        if attention:
            body |= {DISPOSITION: str(Disposition.NEEDS_ATTENTION), "why": attention}
        first = self._event(None, finding.finding_id, EventType.RECEIVED, body, now)
        if not parked:
            return Received(finding, (first,), made, nonce)
        why = {"why": f"its source has {self.quota:,} findings that wait to be reproduced"}
        return Received(
            finding, (first, self._event(first, finding.finding_id, EventType.PARKED, why, now)), made, nonce
        )

    def _event(self, last: Event | None, subject: str, kind: EventType, body: dict[str, str], now: datetime) -> Event:
        return Event.following(last, subject, kind, body, self.actor, now, self.random(NONCE_BYTES))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An item with its id and the blobs that it needs."""

    id: str
    origin_ref: str
    blobs: tuple[tuple[str, bytes], ...]
    finding: Finding | None = None
    attention: str = ""
    fault: Fault = field(default_factory=lambda: Fault("", "", ""))
    file: str = ""
    sha256: str = ""


def _as_finding(origin: Origin, draft: Draft) -> _Prepared:
    if not (draft.target.purl or draft.target.product_name or draft.target.repo or draft.unread):
        raise Unreadable(draft.where, "names no software", "Say which: --purl, --product or --repo")
    finding = Finding(
        origin_ref=origin.ref,
        reporter_kind=draft.reporter_kind,
        ai_origin=draft.ai_origin,
        target=draft.target,
        claim=draft.claim,
        finder_severity=draft.severity,
        artefacts=tuple(_artefact(one, draft) for one in draft.files),
        recipe=draft.recipe,
        references=draft.references,
        tlp=draft.tlp,
        marks=draft.marks,
        evidence=draft.evidence,
        unread=draft.unread,
    )
    blobs = tuple((str(one.compartment), one.data) for one in draft.files)
    return _Prepared(finding.finding_id, origin.ref, blobs, finding, draft.attention)


def _artefact(file: File, draft: Draft) -> Artefact:
    if len(file.data) > BLOB_BYTES:
        raise Unreadable(file.name, f"is larger than {BLOB_BYTES // 2**20} MiB", "Hand in a smaller one")
    return Artefact(
        role=file.role,
        sha256=address_of(file.data),
        size=len(file.data),
        media_type=file.media_type,
        compartment=file.compartment,
        tlp=draft.tlp,
        name=file.name,
    )


def _as_fault(origin: Origin, names: Names, source: Source, fault: Fault) -> _Prepared:
    """The receipt's id is made of the bytes and the place: the same unreadable file twice is one item."""
    clean = Fault(names.out_of(fault.where), names.out_of(fault.what), names.out_of(fault.to_do))
    keep = 0 < len(source.data) <= BLOB_BYTES
    digest = address_of(source.data)
    said = f"{origin.ref}\0{digest}\0{source.name}\0{clean.where}"
    receipt = hashlib.sha256(said.encode()).hexdigest()
    blobs = ((of_origin(origin.ref), source.data),) if keep else ()
    name = names.out_of(source.name)
    return _Prepared(receipt, origin.ref, blobs, fault=clean, file=name, sha256=digest if keep else "")


def _receipt(item: Received | Quarantined) -> ItemReceipt:
    if isinstance(item, Quarantined):
        place = (item.file, item.where, item.what, item.to_do)
        return ItemReceipt(item.receipt_id, Disposition.QUARANTINED, False, *place)
    parked = item.events[-1].type is EventType.PARKED
    named = item.events[0].body.get(DISPOSITION, Disposition.CANDIDATE)
    return ItemReceipt(item.finding.finding_id, Disposition.PARKED if parked else Disposition(named))


def _with_facts(origin: Origin, sender: Sender, items: list[Given]) -> Origin:
    facts = [item.facts for _, item in items if isinstance(item, Draft)]
    model = (*origin.model, *sender.model, *(name for one in facts for name in one.model))
    samples = (*origin.samples, *(name for one in facts for name in one.samples))
    return replace(origin, model=tuple(dict.fromkeys(model)), samples=tuple(dict.fromkeys(samples)))


def _batches(given: Iterable[Given], most: int) -> Iterator[list[Given]]:
    """At most `most` items, and no more bytes at once than a few large artefacts."""
    waiting, held = list[Given](), 0
    for source, item in given:
        waiting.append((source, item))
        held += sum(len(one.data) for one in item.files) if isinstance(item, Draft) else len(source.data)
        if len(waiting) >= most or held > BATCH_BYTES:
            yield waiting
            waiting, held = [], 0
    if waiting:
        yield waiting
