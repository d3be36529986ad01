"""What a withdrawal orders, by when, and what its receipt says. Pure: other rooms carry the orders out.

- Time counts from the act received. Nothing waits for the ledger, a job, a vote or a person.
- The receipt is due 60 seconds after and is never late: whatever was not confirmed by then is in it as outstanding.
- It says what stays and why, and what had already left the house and to whom, beside what is gone and what will be.

>>> from datetime import datetime, UTC
>>> first, *_ = orders(datetime(2026, 11, 24, 9, tzinfo=UTC))
>>> first.name, first.room, first.due.isoformat()
('revoke_leases', 'custody', '2026-11-24T09:00:05+00:00')
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from seatrial.framework.data_class import DataClass
from seatrial.framework.instant import utc

if TYPE_CHECKING:
    from collections.abc import Mapping

RECEIPT_SECONDS = 60  # promise: within a minute leases are dead, runs stopped, deletion started, a receipt issued
LEASE_SECONDS = 5  # one statement, and the gateway reads leases at every use
CALL_SECONDS = 10  # a call in flight is cut, not awaited
STOP_GRACE_SECONDS = 5  # a box is asked to stop for this long, then killed
RUN_SECONDS = 30  # the grace, and a sweep over every host that answers
MOUNT_RENEWAL_SECONDS = 30  # weights are mounted on leases this long, so a host that is cut off unmounts by itself
CHUNK_HOURS = 24  # the keys are gone at once; the sealed chunks follow within a day
RECORD_DAYS = 7  # our decision: transcripts, model facts, scores and drafts
EVIDENCE_DAYS = 90  # our decision: evidence that a third party was harmed, sealed under two keys


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to be done: by which room, in words, by when, and the classes of records that it removes."""

    name: str
    room: str
    words: str
    due: datetime
    removes: frozenset[DataClass] = frozenset()


_ORDERS: tuple[tuple[str, str, str, timedelta, str], ...] = (
    ("revoke_leases", "custody", "every lease of the scope revoked at once", timedelta(seconds=LEASE_SECONDS), ""),
    ("close_gateway", "custody", "the gateway refuses the scope", timedelta(seconds=LEASE_SECONDS), ""),
    ("destroy_key_half", "custody", "the developer's key half destroyed", timedelta(seconds=LEASE_SECONDS), "WK"),
    ("cut_calls", "custody", "model calls in flight cut", timedelta(seconds=CALL_SECONDS), ""),
    ("cancel_jobs", "evaluation", "queued jobs cancelled", timedelta(seconds=RUN_SECONDS), ""),
    ("kill_boxes", "sandbox", "boxes asked to stop, then killed", timedelta(seconds=RUN_SECONDS), ""),
    ("end_grants", "framework", "grants ended", timedelta(seconds=RECEIPT_SECONDS), ""),
    ("void_votes", "framework", "votes void", timedelta(seconds=RECEIPT_SECONDS), ""),
    ("drop_exports", "framework", "exports not yet sent dropped", timedelta(seconds=RECEIPT_SECONDS), ""),
    ("strip_findings", "framework", "findings already handed over stripped of the model",
     timedelta(seconds=RECEIPT_SECONDS), ""),
    ("start_deletion", "framework", "the deletion clock started", timedelta(seconds=RECEIPT_SECONDS), ""),
    ("issue_receipt", "framework", "the receipt issued", timedelta(seconds=RECEIPT_SECONDS), ""),
    ("remove_chunks", "custody", "sealed chunks removed", timedelta(hours=CHUNK_HOURS), "WK"),
    ("remove_records", "custody", "transcripts, model facts, scores and drafts removed", timedelta(days=RECORD_DAYS),
     "MTS"),
)  # fmt: skip

STAYS: Mapping[DataClass, str] = MappingProxyType(
    {
        DataClass.P: "papers that both sides signed, and receipts: they prove what was agreed and what was ended",
        DataClass.L: "the log: digests and ids only, append-only, so that nobody can change what happened",
        DataClass.I: f"evidence that a third party was harmed: sealed under two keys for {EVIDENCE_DAYS} days",
        DataClass.R: "signed reports already delivered: they cannot be recalled, and are marked with this date",
        DataClass.F: "findings in other people's software already handed over: stripped of all about the model",
    }
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A lease or run of the scope, and when it ended; None: not known to have ended."""

    id: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Departed:
    """Something that had left the house before the withdrawal: what, to whom, when."""

    what: str
    digest: str
    recipient: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What the rooms have confirmed by the time of the receipt."""

    confirmed: Mapping[str, datetime]
    leases: tuple[Ended, ...] = ()
    runs: tuple[Ended, ...] = ()
    grants_ended: tuple[str, ...] = ()
    departed: tuple[Departed, ...] = ()
    holds: frozenset[DataClass] = frozenset()


@dataclass(frozen=True, slots=True)
class WithdrawalReceipt:
    """What the developer gets, to be signed and proved by the ledger. Built at most 60 seconds after the act."""

    code_name: str
    subject_digests: tuple[str, ...]
    received_at: datetime
    issued_at: datetime
    leases: tuple[Ended, ...]
    runs: tuple[Ended, ...]
    grants_ended: tuple[str, ...]
    deletion_due: tuple[tuple[DataClass, datetime], ...]
    stays: tuple[tuple[DataClass, str], ...]
    departed: tuple[Departed, ...]
    outstanding: tuple[str, ...]

    @property
    def late(self) -> bool:
        """Whether it was issued after its time, which is a fault of the house."""
        return self.issued_at > receipt_due(self.received_at)


def orders(received_at: datetime) -> tuple[Order, ...]:
    """Everything that an act of withdrawal orders, in the order in which it is due."""
    start = utc(received_at, "received_at")
    return tuple(
        Order(name, room, words, start + within, frozenset(DataClass(letter) for letter in letters))
        for name, room, words, within, letters in _ORDERS
    )


def receipt_due(received_at: datetime) -> datetime:
    """The instant by which the receipt is issued, whatever is still open."""
    return utc(received_at, "received_at") + timedelta(seconds=RECEIPT_SECONDS)


def deletion_due(received_at: datetime) -> dict[DataClass, datetime]:
    """The instant by which nothing of a class is left: the last order that removes it."""
    due: dict[DataClass, datetime] = {}
    for order in orders(received_at):
        due.update(dict.fromkeys(sorted(order.removes), order.due))
    return due


def outstanding(received_at: datetime, progress: Progress, now: datetime) -> tuple[str, ...]:
    """What was due by `now` and is not confirmed, in the order of the orders; then leases and runs still alive."""
    open_orders = [
        order.name
        for order in orders(received_at)
        if order.due <= now and order.name != "issue_receipt" and not _confirmed(order, progress, now)
    ]
    alive = [ended.id for ended in (*progress.leases, *progress.runs) if ended.at is None or ended.at > now]
    return (*open_orders, *alive)


def _confirmed(order: Order, progress: Progress, now: datetime) -> bool:
    at = progress.confirmed.get(order.name)
    return at is not None and at <= now


def receipt(
    received_at: datetime, code_name: str, subject_digests: tuple[str, ...], progress: Progress, now: datetime
) -> WithdrawalReceipt:
    """The receipt as of `now`: whatever was due within 60 seconds of the act and is not confirmed is outstanding."""
    start = utc(received_at, "received_at")
    asked = receipt_due(start)
    return WithdrawalReceipt(
        code_name=code_name,
        subject_digests=subject_digests,
        received_at=start,
        issued_at=now,
        leases=progress.leases,
        runs=progress.runs,
        grants_ended=progress.grants_ended,
        deletion_due=tuple(sorted(deletion_due(start).items())),
        stays=tuple((kept, why) for kept, why in STAYS.items() if kept in _always(progress)),
        departed=progress.departed,
        outstanding=outstanding(start, progress, max(now, asked)),
    )


def _always(progress: Progress) -> frozenset[DataClass]:
    """Papers and log exist of every submission; the others only where there are any."""
    return progress.holds | {DataClass.P, DataClass.L}
