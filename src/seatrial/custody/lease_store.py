"""Where leases and their counters are: the protocol, and an implementation in memory.

- `reserve` is atomic: whatever the number of threads and processes, no limit is passed.
- `revoke_scope` and `end_scope` are one statement each and wait for nothing else.
- After `end_scope` a submission has no active lease and gets none: `issue` raises `ScopeEnded`.
- `suspend_scope` refuses every call of a submission until `resume_scope`; its leases stay what they are.
- `revocations` grows whenever a lease is revoked: a gateway polls it to cut open streams.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from seatrial.custody.budget import (
    SUSPENDED,
    Reason,
    Refusal,
    Reservation,
    Settled,
    Spend,
    refusal,
    settlement,
    spent_out,
)
from seatrial.custody.keys import new_id
from seatrial.custody.lease import LeaseEnd, LeaseRefused, LeaseState, NoSuchLease, ScopeEnded

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.custody.budget import Amount, Call, Usage
    from seatrial.custody.lease import Lease, LeaseToken


class LeaseStore(Protocol):
    """Leases with their counters."""

    def issue(self, lease: Lease, now: datetime) -> None:
        """Keep a new lease. Raises `LeaseRefused` (its id is taken) or `ScopeEnded`."""
        ...

    def get(self, lease: str) -> Lease:
        """By id; raises `NoSuchLease`."""
        ...

    def find(self, token: LeaseToken) -> Lease:
        """By token, compared in constant time; raises `NoSuchLease` alike for a wrong id and a wrong token."""
        ...

    def of_submission(self, submission: str) -> tuple[Lease, ...]:
        """All leases of a submission, oldest first."""
        ...

    def spend(self, lease: str) -> Spend:
        """Its counters."""
        ...

    def reserve(self, lease: str, call: Call, now: datetime) -> Reservation | Refusal:
        """Hold the call's amount, or say why not."""
        ...

    def settle(self, reservation: str, usage: Usage | None, now: datetime) -> Settled:
        """Replace what was held by what was used; again is the first answer. Raises `LookupError` when unknown."""
        ...

    def abandon(self, now: datetime) -> int:
        """At start: calls that a former process left open stay spent and are no longer in flight; how many."""
        ...

    def revoke(self, lease: str, now: datetime) -> bool:
        """Revoke one; whether it was active."""
        ...

    def revoke_scope(self, submission: str, now: datetime) -> int:
        """Revoke all active leases of a submission in one statement; how many."""
        ...

    def end_scope(self, submission: str, now: datetime) -> int:
        """The same, for good: no lease is issued for it any more. Idempotent."""
        ...

    def ended(self, submission: str) -> datetime | None:
        """When the scope ended, or `None`."""
        ...

    def ends(self, submission: str) -> tuple[LeaseEnd, ...]:
        """Where each lease of a submission is, and when it ended; oldest first."""
        ...

    def suspend_scope(self, submission: str, now: datetime) -> None:
        """Refuse every new call of a submission until `resume_scope`; calls in flight end by themselves. Idempotent."""
        ...

    def resume_scope(self, submission: str) -> None:
        """Take new calls again, on the leases that are still active. Idempotent."""
        ...

    def suspended(self, submission: str) -> datetime | None:
        """Since when the scope is suspended, or `None`."""
        ...

    def open_calls(self, submission: str) -> int:
        """Calls of a submission that are in flight."""
        ...

    def expire(self, now: datetime) -> int:
        """Mark leases whose time is over; only a record: they end by time itself."""
        ...

    def revocations(self) -> int:
        """A counter that grows with every revocation."""
        ...


class MemoryLeaseStore:
    """Leases of one process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._leases: dict[str, Lease] = {}
        self._spend: dict[str, Spend] = {}
        self._open: dict[str, tuple[str, Amount]] = {}
        self._settled: dict[str, Settled] = {}
        self._ended: dict[str, datetime] = {}
        self._ends: dict[str, datetime] = {}
        self._suspended: dict[str, datetime] = {}
        self._revocations = 0

    def issue(self, lease: Lease, now: datetime) -> None:  # noqa: ARG002 - other stores write down when
        """Keep a new lease."""
        with self._lock:
            if lease.submission in self._ended:
                raise ScopeEnded(f"{lease.submission}: access has ended; no lease is issued")
            if lease.id in self._leases:
                raise LeaseRefused(f"{lease.id}: this id is taken")
            self._leases[lease.id] = lease
            self._spend[lease.id] = Spend()

    def get(self, lease: str) -> Lease:
        """By id."""
        try:
            return self._leases[lease]
        except KeyError:
            raise NoSuchLease("no such lease") from None

    def find(self, token: LeaseToken) -> Lease:
        """By token."""
        lease = self.get(token.lease)
        if not lease.matches(token):
            raise NoSuchLease("no such lease")
        return lease

    def of_submission(self, submission: str) -> tuple[Lease, ...]:
        """All of a submission."""
        return tuple(lease for lease in self._leases.values() if lease.submission == submission)

    def spend(self, lease: str) -> Spend:
        """Its counters."""
        self.get(lease)
        return self._spend[lease]

    def reserve(self, lease: str, call: Call, now: datetime) -> Reservation | Refusal:
        """Hold the call's amount, or say why not."""
        with self._lock:
            if lease not in self._leases:
                return Refusal(Reason.UNKNOWN, "no such lease")
            held, spend = self._leases[lease], self._spend[lease]
            refused = refusal(held, spend, call, now) or (SUSPENDED if self.suspended(held.submission) else None)
            if refused:
                return refused
            amount, first = call.amount(held), spend.first_used or now
            self._spend[lease] = replace(
                spend, held=spend.held + amount, open_calls=spend.open_calls + 1, first_used=first
            )
            reservation = Reservation(new_id("res"), lease, amount, held.ends(first))
            self._open[reservation.id] = (lease, amount)
            return reservation

    def settle(self, reservation: str, usage: Usage | None, now: datetime) -> Settled:
        """Replace what was held by what was used."""
        with self._lock:
            if reservation in self._settled:
                return self._settled[reservation]
            lease_id, held = self._open.pop(reservation)
            lease = self._leases[lease_id]
            after, used, excess = settlement(lease, self._spend[lease_id], held, usage)
            self._spend[lease_id] = after
            if lease.state is LeaseState.ACTIVE and (excess or spent_out(lease, after)):
                lease = self._over(lease, LeaseState.EXHAUSTED, now)
            done = self._settled[reservation] = Settled(reservation, used, excess, lease.state)
            return done

    def abandon(self, now: datetime) -> int:
        """Calls left open stay spent."""
        with self._lock:
            left = tuple(self._open)
            for reservation in left:
                self.settle(reservation, None, now)
            return len(left)

    def revoke(self, lease: str, now: datetime) -> bool:
        """Revoke one."""
        with self._lock:
            held = self.get(lease)
            if held.state is not LeaseState.ACTIVE:
                return False
            self._over(held, LeaseState.REVOKED, now)
            self._revocations += 1
            return True

    def revoke_scope(self, submission: str, now: datetime) -> int:
        """Revoke all of a submission."""
        with self._lock:
            return sum(self.revoke(lease.id, now) for lease in self.of_submission(submission))

    def end_scope(self, submission: str, now: datetime) -> int:
        """Revoke all, and issue none any more."""
        with self._lock:
            self._ended.setdefault(submission, now)
            return self.revoke_scope(submission, now)

    def ended(self, submission: str) -> datetime | None:
        """When the scope ended."""
        return self._ended.get(submission)

    def ends(self, submission: str) -> tuple[LeaseEnd, ...]:
        """When each lease ended."""
        found = self.of_submission(submission)
        return tuple(LeaseEnd(lease.id, lease.state, self._ends.get(lease.id)) for lease in found)

    def suspend_scope(self, submission: str, now: datetime) -> None:
        """Refuse every new call."""
        with self._lock:
            self._suspended.setdefault(submission, now)

    def resume_scope(self, submission: str) -> None:
        """Take new calls again."""
        with self._lock:
            self._suspended.pop(submission, None)

    def suspended(self, submission: str) -> datetime | None:
        """Since when the scope is suspended."""
        return self._suspended.get(submission)

    def open_calls(self, submission: str) -> int:
        """Calls in flight."""
        return sum(self._leases[lease].submission == submission for lease, _ in tuple(self._open.values()))

    def expire(self, now: datetime) -> int:
        """Mark those whose time is over."""
        with self._lock:
            over = [
                lease
                for lease in self._leases.values()
                if lease.state is LeaseState.ACTIVE and now >= lease.ends(self._spend[lease.id].first_used)
            ]
            for lease in over:
                self._over(lease, LeaseState.EXPIRED, now)
            return len(over)

    def revocations(self) -> int:
        """Grows with every revocation."""
        return self._revocations

    def _over(self, lease: Lease, state: LeaseState, now: datetime) -> Lease:
        self._ends[lease.id] = now
        over = self._leases[lease.id] = replace(lease, state=state)
        return over
