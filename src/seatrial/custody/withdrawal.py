"""Withdrawal: the developer ends access, alone, without a reason, at any moment; a receipt within 60 seconds.

- First, in this process and waiting for nothing: all leases of the submission are revoked and no new one can be issued
  (one statement), then the developer's key halves are destroyed. From then on nothing sealed opens.
- Then, at the same time, each with its own deadline: calls in flight end, runs stop, grants and votes end, the deletion
  clock starts. A part that fails or is late stops no other; it is listed as `outstanding`.
- The receipt is never late: what is not confirmed by then stands in it. If the ledger cannot append, the receipt stands
  without its proof, which is *owed* and follows by `settle_owed`.
- A repeat does every step again, so that what was outstanding is made up, and returns the same receipt.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from seatrial.custody.receipt import KeptReceipt, ReceiptKind, signed_receipt
from seatrial.framework.withdrawal import deletion_due
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

RECEIPT_WITHIN_S = 60.0
"""The promise, in seconds after the act was received."""

PARTS_WITHIN_S = 45.0
"""How long other rooms are waited for; the rest is for the ledger and the signature."""

LEDGER_WITHIN_S = 8.0
"""How long the ledger is waited for: an append takes a millisecond, a locked database some seconds."""

CUT_WITHIN_S = 10.0
"""By when calls in flight have ended: the gateway looks for revocations every second and cuts within two."""


class Part(Protocol):
    """Something that another room does on a withdrawal: stop runs, end grants, start the deletion clock."""

    @property
    def name(self) -> str:
        """What it does, in a few words; stands in the receipt."""
        ...

    @property
    def within(self) -> float:
        """Seconds until it counts as outstanding; no more than `PARTS_WITHIN_S`."""
        ...

    def act(self, submission: str, at: datetime) -> Mapping[str, Any]:
        """Do it and return what the receipt shall say of it: ids, counts, instants. Raise when not done.

        What `outstanding` names in the answer (a list of words) is listed as outstanding, the rest as confirmed.
        """
        ...


class Appends(Protocol):
    """The ledger, as far as it is needed here."""

    def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append durably and return a receipt for each event."""
        ...


class StillOpen(Exception):
    """Calls in flight that have not ended in time."""


@dataclass(frozen=True, slots=True)
class CallsEnd:
    """The part that waits until no call of the submission is in flight: the gateway cuts, the lease store knows."""

    leases: LeaseStore
    patience: float = CUT_WITHIN_S
    within: float = CUT_WITHIN_S + 2.0
    name: str = "calls in flight ended"
    look_every: float = 0.1
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def act(self, submission: str, at: datetime) -> Mapping[str, Any]:  # noqa: ARG002 - a part's signature
        """Wait; raises `StillOpen`."""
        until = self.clock() + self.patience
        while count := self.leases.open_calls(submission):
            if self.clock() >= until:
                raise StillOpen(f"{count} calls are still in flight")
            self.wait(self.look_every)
        return {"open": 0}


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

    def withdraw(self, submission: str, actor: Actor, at: datetime, facts: Mapping[str, Any]) -> KeptReceipt:
        """End everything and return the receipt.

        Args:
            submission: What is withdrawn.
            actor: Who withdraws, under the stream's pseudonym; the caller has seen that it is the developer.
            at: When the act was received, aware UTC.
            facts: What the caller knows: code name, subject digests, due deletions, what stays and why, what had left.
        """
        begun = self.clock()
        revoked = self.leases.end_scope(submission, at)
        halves, failed = self._drop_halves(submission)
        confirmed, outstanding = run_parts(self.parts, submission, at, until=begun + PARTS_WITHIN_S, clock=self.clock)
        known = self.receipts.get(ReceiptKind.WITHDRAWAL, submission)
        if known is not None:
            return known
        statement = {
            "v": 1,
            "at": instant(at),
            "facts": dict(facts),
            "deletion_due": {str(held): instant(due) for held, due in deletion_due(at).items()},
            "leases": [
                {"lease": lease.id, "state": lease.state.value} for lease in self.leases.of_submission(submission)
            ],
            "leases_revoked_now": revoked,
            "developer_halves_destroyed": halves,
            "confirmed": confirmed,
            "outstanding": sorted([*outstanding, *failed]),
            "nonce": secrets.token_hex(32),
        }
        return self._issued(submission, actor, at, statement)

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

    def _drop_halves(self, submission: str) -> tuple[int, list[str]]:
        """Destroy the developer's halves; a fault with one stops none of the others."""
        try:
            keys = self.vault.keys.of_submission(submission)
        except Exception:  # noqa: BLE001 - protective: whatever is wrong with the table, the rest goes on
            return 0, ["developer's key halves: the table of keys could not be read"]
        done, failed = 0, []
        for key in keys:
            try:
                done += self.vault.developer.drop(key.key)
            except Exception:  # noqa: BLE001 - the same
                failed.append(f"developer's half of {key.key}: not destroyed")
        return done, failed

    def _issued(self, submission: str, actor: Actor, at: datetime, statement: dict[str, Any]) -> KeptReceipt:
        receipt = signed_receipt(ReceiptKind.WITHDRAWAL, submission, statement, [self.signer])
        proof = self._appended(receipt_event(receipt, actor, at))
        if proof is None:
            outstanding = sorted([*statement["outstanding"], "ledger entry: owed"])
            late = {**statement, "outstanding": outstanding}
            return self.receipts.put(signed_receipt(ReceiptKind.WITHDRAWAL, submission, late, [self.signer]))
        kept = self.receipts.put(receipt)
        if kept.envelope == receipt.envelope:
            self.receipts.prove(ReceiptKind.WITHDRAWAL, submission, proof)
        return self.receipts.get(ReceiptKind.WITHDRAWAL, submission) or kept

    def _appended(self, event: Event) -> bytes | None:
        """The proof, or `None` if the ledger does not answer in time, for whatever cause."""
        if self.ledger is None:
            return None
        answer = _in_time(partial(_proof, self.ledger, event), LEDGER_WITHIN_S)
        return answer.value if isinstance(answer, _Done) else None


def _proof(ledger: Appends, event: Event) -> bytes:
    [receipt] = ledger.append([event])
    return receipt.encode()


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


def run_parts(
    parts: Sequence[Part], submission: str, at: datetime, *, until: float, clock: Callable[[], float] = time.monotonic
) -> tuple[dict[str, Any], list[str]]:
    """Start all parts at once and wait for each to its deadline: what is confirmed, and what is outstanding."""
    begun = clock()
    running = [(part, _Running(partial(part.act, submission, at))) for part in parts]
    confirmed: dict[str, Any] = {}
    outstanding: list[str] = []
    for part, task in running:
        answer = task.answer(max(0.0, min(begun + part.within, until) - clock()))
        if isinstance(answer, _Done):
            said = dict(answer.value)
            outstanding += [f"{what}: not confirmed" for what in said.pop("outstanding", ())]
            confirmed[part.name] = said
        else:
            outstanding.append(f"{part.name}: {answer}")
    return confirmed, outstanding


@dataclass(frozen=True, slots=True)
class _Done:
    value: Any


class _Running:
    """A part on a thread of its own; a hung one is left behind and holds up nothing."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._answer: _Done | str = "not confirmed in time"
        self._thread = threading.Thread(target=self._run, args=(act,), daemon=True)
        self._thread.start()

    def answer(self, seconds: float) -> _Done | str:
        """What came of it within so many seconds; a failure is told by its kind alone, never by its text."""
        self._thread.join(seconds)
        return self._answer

    def _run(self, act: Callable[[], Any]) -> None:
        try:
            self._answer = _Done(act())
        except Exception as error:  # noqa: BLE001 - whatever fails in another room, the withdrawal goes on
            self._answer = f"failed ({type(error).__name__})"


def _in_time(act: Callable[[], Any], seconds: float) -> _Done | str:
    return _Running(act).answer(seconds)
