"""Withdrawal: the developer ends access, alone, without a reason, at any moment; a receipt within 60 seconds.

- First, in this process and waiting for nothing: all leases of the submission are revoked and no new one can be issued
  (one statement), and the developer's key halves are destroyed, side by side: neither waits for the other. From then
  on nothing sealed opens.
- Then, at the same time, each with its own deadline: calls in flight end, runs stop, the deletion clock starts, grants
  and votes end. A part that fails or hangs stops no other; the orders that it stands for are `outstanding`, and what
  it told before stands.
- The receipt is never late: what is not confirmed by then stands in it. If the ledger cannot append, the receipt stands
  without its proof, which is *owed* and follows by `settle_owed`.
- A repeat does every step again, so that what was outstanding is made up, and returns the same receipt.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from seatrial.custody.apart import Apart
from seatrial.custody.receipt import KeptReceipt, ReceiptKind, signed_receipt
from seatrial.custody.withdrawn import LEDGER_ENTRY, Told, receipt_of, statement
from seatrial.framework.withdrawal import Ended
from seatrial.ledger.event import Event, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from securesystemslib.signer import Signer  # type: ignore[attr-defined]  # its names are public, unmarked

    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.receipt import ReceiptStore
    from seatrial.custody.vault import Vault
    from seatrial.ledger.event import Actor
    from seatrial.ledger.receipt import Receipt

FIRST_WITHIN_S = 5.0
"""For the leases and the halves: a statement and some files; a locked file of custody's own takes longer."""

PARTS_WITHIN_S = 45.0
"""How long other rooms are waited for; the rest of the minute is for the ledger and the signature."""

LEDGER_WITHIN_S = 8.0
"""How long the ledger is waited for: an append takes a millisecond, a locked database some seconds."""

KEPT_WITHIN_S = 3.0
"""How long custody's own file is waited for once the receipt is made."""

CUT_WITHIN_S = 10.0
"""By when calls in flight have ended: the gateway looks for revocations every second and cuts within two."""

LEASES_END = ("revoke_leases", "close_gateway")
HALVES_END = ("destroy_key_half",)


class Part(Protocol):
    """Something that another room does on a withdrawal: stop runs, end grants, start the deletion clock."""

    @property
    def confirms(self) -> tuple[str, ...]:
        """The orders of the framework that are carried out once `act` returns."""
        ...

    @property
    def within(self) -> float:
        """Seconds until they count as outstanding; no more than `PARTS_WITHIN_S`."""
        ...

    def act(self, submission: str, at: datetime, tell: Callable[[Told], None]) -> None:
        """Do it; tell what the receipt shall say as soon as it is known, again when more is. Raise when not done."""
        ...


class Appends(Protocol):
    """The ledger, as far as it is needed here."""

    def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append durably and return a receipt for each event."""
        ...


class StillOpen(Exception):
    """Calls in flight that have not ended in time."""


class NotAll(Exception):
    """Something that was to be destroyed is not."""


@dataclass(frozen=True, slots=True)
class CallsEnd:
    """The part that waits until no call of the submission is in flight: the gateway cuts, the lease store knows."""

    leases: LeaseStore
    patience: float = CUT_WITHIN_S
    within: float = CUT_WITHIN_S + 2.0
    confirms: tuple[str, ...] = ("cut_calls",)
    look_every: float = 0.1
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def act(self, submission: str, at: datetime, tell: Callable[[Told], None]) -> None:  # noqa: ARG002 - a part's own
        """Wait; raises `StillOpen`."""
        until = self.clock() + self.patience
        while count := self.leases.open_calls(submission):
            if self.clock() >= until:
                raise StillOpen(f"{count} calls are still in flight")
            self.wait(self.look_every)


@dataclass
class _Course:
    """What a withdrawal has come to so far; `confirmed` are orders with the instants when they were seen done."""

    at: datetime
    begun: float
    clock: Callable[[], float]
    confirmed: dict[str, datetime] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    def now(self) -> datetime:
        """The act's instant and the seconds since: a clock that is set meanwhile changes no receipt."""
        return self.at + timedelta(seconds=self.clock() - self.begun)

    def begin(self, act: Callable[[], object], orders: Sequence[str]) -> Apart[None]:
        """Begin what carries out these orders; the instant at which it ended is theirs."""

        def done() -> None:
            act()
            self.confirmed.update(dict.fromkeys(orders, self.now()))

        return Apart(done)

    def wait_for(self, task: Apart[None], orders: Sequence[str], until: float) -> None:
        """See them done, or write down why not: by the fault's kind alone, never by its text."""
        try:
            task.answer(until - self.clock())
        except TimeoutError:
            self.why.update(dict.fromkeys(orders, "not confirmed in time"))
        except Exception as error:  # noqa: BLE001 - whatever fails in another room, the withdrawal goes on
            self.why.update(dict.fromkeys(orders, f"failed ({type(error).__name__})"))


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """All that a withdrawal reaches. `signer` is the custody service's; `ledger` may be `None` when it is down."""

    vault: Vault
    leases: LeaseStore
    receipts: ReceiptStore
    signer: Signer
    ledger: Appends | None
    parts: Sequence[Part] = ()
    clock: Callable[[], float] = time.monotonic

    def withdraw(self, submission: str, actor_of: Callable[[str], Actor], at: datetime) -> KeptReceipt:
        """End everything and return the receipt.

        Args:
            submission: What is withdrawn; the caller has seen that its developer asks.
            actor_of: Who withdraws, under the stream's pseudonym; asked for only once everything has ended.
            at: When the act was received, aware UTC.
        """
        course = _Course(at, self.clock(), self.clock)
        halves = self._first(submission, course)
        self._rest(submission, course)
        known = self._known(submission)
        if known is not None:
            return known
        said = self._statement(submission, course, halves)
        return self._issued(submission, actor_of, course, said)

    def settle_owed(self, actor_of: Callable[[str], Actor], now: datetime) -> int:
        """Append the events of receipts whose proof is owed; how many are proven now. Raises the ledger's errors."""
        if self.ledger is None:
            return 0
        count = 0
        for receipt in self.receipts.owed():
            event = receipt_event(receipt, actor_of(receipt.submission), now)
            [proof] = self.ledger.append([event])
            self.receipts.prove(receipt.kind, receipt.submission, proof.encode())
            count += 1
        return count

    def _first(self, submission: str, course: _Course) -> list[str]:
        """Revoke the leases and destroy the halves, side by side; the keys whose halves are destroyed."""
        halves: list[str] = []
        until = course.begun + FIRST_WITHIN_S
        leases = course.begin(lambda: self.leases.end_scope(submission, course.at), LEASES_END)
        drops = course.begin(lambda: self._drop_halves(submission, halves), HALVES_END)
        course.wait_for(leases, LEASES_END, until)
        course.wait_for(drops, HALVES_END, until)
        return halves

    def _drop_halves(self, submission: str, gone: list[str]) -> None:
        """Destroy the developer's halves; a fault with one stops none of the others."""
        failed = 0
        for key in self.vault.keys.of_submission(submission):
            try:
                if self.vault.developer.drop(key.key):
                    gone.append(key.key)
            except Exception:  # noqa: BLE001 - the others are destroyed all the same, and this one is told of below
                failed += 1
        if failed:
            raise NotAll(f"{failed} halves are not destroyed")

    def _rest(self, submission: str, course: _Course) -> None:
        """Start all parts at once and wait for each to its deadline."""
        running = [
            (part, course.begin(partial(part.act, submission, course.at, course.told.append), part.confirms))
            for part in self.parts
        ]
        for part, task in running:
            course.wait_for(task, part.confirms, course.begun + min(part.within, PARTS_WITHIN_S))

    def _known(self, submission: str) -> KeptReceipt | None:
        try:
            return Apart(lambda: self.receipts.get(ReceiptKind.WITHDRAWAL, submission)).answer(KEPT_WITHIN_S)
        except Exception:  # noqa: BLE001 - a store that does not answer holds up no receipt
            return None

    def _statement(self, submission: str, course: _Course, halves: list[str]) -> dict[str, object]:
        leases, states = self._ends(submission, course)
        receipt = receipt_of(course.at, course.told, leases, course.confirmed, course.now())
        return {
            **statement(receipt, course.why, pack=next((one.pack for one in reversed(course.told) if one.pack), "")),
            "lease_states": states,
            "developer_halves_destroyed": halves,
            "nonce": secrets.token_hex(32),
        }

    def _ends(self, submission: str, course: _Course) -> tuple[tuple[Ended, ...], Mapping[str, str]]:
        """When each lease ended: those that this act revoked, when that was seen; the others at their own end."""
        try:
            ends = Apart(lambda: self.leases.ends(submission)).answer(KEPT_WITHIN_S)
        except Exception:  # noqa: BLE001 - leases that cannot be read: the order is outstanding, and says so
            return (), {}
        seen = course.confirmed.get("revoke_leases")
        told = tuple(Ended(end.lease, seen if end.at == course.at else end.at) for end in ends)
        return told, {end.lease: end.state.value for end in ends}

    def _issued(
        self, submission: str, actor_of: Callable[[str], Actor], course: _Course, said: dict[str, object]
    ) -> KeptReceipt:
        receipt = signed_receipt(ReceiptKind.WITHDRAWAL, submission, said, [self.signer])
        try:
            proof = Apart(lambda: self._appended(receipt, actor_of, course.at)).answer(LEDGER_WITHIN_S)
        except Exception:  # noqa: BLE001 - a ledger that does not answer holds up no receipt: its entry is owed
            late = {**said, "outstanding": [*said["outstanding"], LEDGER_ENTRY]}  # type: ignore[misc]  # a list of words
            receipt, proof = signed_receipt(ReceiptKind.WITHDRAWAL, submission, late, [self.signer]), None
        try:
            return Apart(lambda: self._kept(receipt, proof)).answer(KEPT_WITHIN_S)
        except Exception:  # noqa: BLE001 - it was signed and stands; a repeat keeps one
            return KeptReceipt(receipt.kind, submission, receipt.envelope, proof)

    def _appended(self, receipt: KeptReceipt, actor_of: Callable[[str], Actor], at: datetime) -> bytes:
        if self.ledger is None:
            raise LookupError("no ledger is open")
        [proof] = self.ledger.append([receipt_event(receipt, actor_of(receipt.submission), at)])
        return proof.encode()

    def _kept(self, receipt: KeptReceipt, proof: bytes | None) -> KeptReceipt:
        kept = self.receipts.put(receipt)
        if proof is not None and kept.envelope == receipt.envelope:
            self.receipts.prove(receipt.kind, receipt.submission, proof)
        return self.receipts.get(receipt.kind, receipt.submission) or kept


def receipt_event(receipt: KeptReceipt, actor: Actor, now: datetime) -> Event:
    """The event that refers to a receipt."""
    return Event(
        kind=receipt.kind.event,
        at=instant(now),
        stream=receipt.submission,
        actor=actor,
        nonce=secrets.token_hex(16),
        refs={"receipt": receipt.ref},
    )
