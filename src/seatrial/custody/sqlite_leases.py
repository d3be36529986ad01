"""Leases in custody's SQLite file. Implements `LeaseStore`.

The decision whether a call fits is `budget.refusal`, read and written inside one transaction that holds the write lock
from its begin: no thread or process can spend between the look and the act.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from seatrial.custody.budget import (
    SUSPENDED,
    Amount,
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
from seatrial.custody.lease import Lease, LeaseEnd, LeaseRefused, LeaseState, Limits, NoSuchLease, Prices
from seatrial.custody.process import alive, this_process

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from seatrial.custody.budget import Call, Usage
    from seatrial.custody.lease import LeaseToken
    from seatrial.custody.sqlite import CustodyFile

READ_LEASES = 256
"""Rows kept as they were last read: a call needs its lease three times. Another state or body is another row."""

_COUNTERS = """UPDATE lease SET requests=?, input_tokens=?, output_tokens=?, microdollars=?, held_requests=?,
 held_input=?, held_output=?, held_microdollars=?, open_calls=?, first_used=? WHERE id=?"""


class SqliteLeaseStore:
    """Leases of every process that opens the file; `holder` names the process that makes calls."""

    def __init__(self, file: CustodyFile, holder: Callable[[], str] = this_process) -> None:
        self._file, self._holder = file, holder

    def issue(self, lease: Lease, now: datetime) -> None:
        """Keep a new lease."""
        row = (lease.id, lease.token_digest, lease.submission, _body(lease), lease.state.value, now.isoformat())
        with self._file.writing() as tx:
            if tx.execute("SELECT 1 FROM lease WHERE id=?", (lease.id,)).fetchone():
                raise LeaseRefused(f"{lease.id}: this id is taken")
            tx.execute(
                "INSERT INTO lease (id, token_digest, submission, body, state, issued_at) VALUES (?,?,?,?,?,?)", row
            )

    def get(self, lease: str) -> Lease:
        """By id."""
        return _lease(self._row(lease))

    def find(self, token: LeaseToken) -> Lease:
        """By token."""
        lease = self.get(token.lease)
        if not lease.matches(token):
            raise NoSuchLease("no such lease")
        return lease

    def of_submission(self, submission: str) -> tuple[Lease, ...]:
        """All of a submission."""
        rows = self._file.connection().execute("SELECT * FROM lease WHERE submission=? ORDER BY rowid", (submission,))
        return tuple(_lease(row) for row in rows.fetchall())

    def spend(self, lease: str) -> Spend:
        """Its counters."""
        return _spend(self._row(lease))

    def reserve(self, lease: str, call: Call, now: datetime) -> Reservation | Refusal:
        """Hold the call's amount, or say why not."""
        with self._file.writing() as tx:
            row = tx.execute("SELECT * FROM lease WHERE id=?", (lease,)).fetchone()
            if row is None:
                return Refusal(Reason.UNKNOWN, "no such lease")
            held, spend = _lease(row), _spend(row)
            refused = refusal(held, spend, call, now) or (SUSPENDED if self.suspended(held.submission) else None)
            if refused:
                return refused
            amount, first = call.amount(held), spend.first_used or now
            after = replace(spend, held=spend.held + amount, open_calls=spend.open_calls + 1, first_used=first)
            _write(tx, lease, after)
            reservation = Reservation(new_id("res"), lease, amount, held.ends(first))
            tx.execute(
                "INSERT INTO reservation (id, lease, state, requests, input_tokens, output_tokens, microdollars, at,"
                " holder) VALUES (?,?,'open',?,?,?,?,?,?)",
                (reservation.id, lease, *_numbers(amount), now.isoformat(), self._holder()),
            )
            return reservation

    def settle(self, reservation: str, usage: Usage | None, now: datetime) -> Settled:
        """Replace what was held by what was used."""
        with self._file.writing() as tx:
            return _settle(tx, reservation, usage, now)

    def abandon(self, now: datetime) -> int:
        """Calls left open by a process that is gone stay spent; those of a living one are its own affair."""
        with self._file.writing() as tx:
            rows = tx.execute("SELECT id, holder FROM reservation WHERE state='open'").fetchall()
            left = [row["id"] for row in rows if not alive(row["holder"])]
            for reservation in left:
                _settle(tx, reservation, None, now)
            return len(left)

    def revoke(self, lease: str, now: datetime) -> bool:
        """Revoke one."""
        with self._file.writing() as tx:
            if tx.execute("SELECT 1 FROM lease WHERE id=?", (lease,)).fetchone() is None:
                raise NoSuchLease("no such lease")
            done = tx.execute(
                "UPDATE lease SET state='revoked', ended_at=? WHERE id=? AND state='active'", (now.isoformat(), lease)
            )
            return done.rowcount == 1

    def revoke_scope(self, submission: str, now: datetime) -> int:
        """Revoke all of a submission: one statement."""
        done = self._file.connection().execute(
            "UPDATE lease SET state='revoked', ended_at=? WHERE submission=? AND state='active'",
            (now.isoformat(), submission),
        )
        return done.rowcount

    def end_scope(self, submission: str, now: datetime) -> int:
        """Revoke all, for good: one INSERT, whose trigger revokes."""
        with self._file.writing() as tx:
            count: int = tx.execute(
                "SELECT COUNT(*) FROM lease WHERE submission=? AND state='active'", (submission,)
            ).fetchone()[0]
            tx.execute("INSERT OR IGNORE INTO ended_scope VALUES (?,?)", (submission, now.isoformat()))
            return count

    def ended(self, submission: str) -> datetime | None:
        """When the scope ended."""
        row = self._file.connection().execute("SELECT at FROM ended_scope WHERE submission=?", (submission,)).fetchone()
        return datetime.fromisoformat(row["at"]) if row else None

    def ends(self, submission: str) -> tuple[LeaseEnd, ...]:
        """When each lease ended."""
        asked = "SELECT id, state, ended_at FROM lease WHERE submission=? ORDER BY rowid"
        rows = self._file.connection().execute(asked, (submission,)).fetchall()
        return tuple(LeaseEnd(row["id"], LeaseState(row["state"]), _instant(row["ended_at"])) for row in rows)

    def suspend_scope(self, submission: str, now: datetime) -> None:
        """Refuse every new call."""
        row = (submission, now.isoformat())
        self._file.connection().execute("INSERT OR IGNORE INTO suspended_scope VALUES (?,?)", row)

    def resume_scope(self, submission: str) -> None:
        """Take new calls again."""
        self._file.connection().execute("DELETE FROM suspended_scope WHERE submission=?", (submission,))

    def suspended(self, submission: str) -> datetime | None:
        """Since when the scope is suspended."""
        asked = "SELECT at FROM suspended_scope WHERE submission=?"
        row = self._file.connection().execute(asked, (submission,)).fetchone()
        return datetime.fromisoformat(row["at"]) if row else None

    def open_calls(self, submission: str) -> int:
        """Calls in flight."""
        row = self._file.connection().execute(
            "SELECT COALESCE(SUM(open_calls), 0) FROM lease WHERE submission=?", (submission,)
        )
        return int(row.fetchone()[0])

    def expire(self, now: datetime) -> int:
        """Mark those whose time is over."""
        with self._file.writing() as tx:
            rows = tx.execute("SELECT * FROM lease WHERE state='active'").fetchall()
            over = [(now.isoformat(), row["id"]) for row in rows if now >= _lease(row).ends(_spend(row).first_used)]
            tx.executemany("UPDATE lease SET state='expired', ended_at=? WHERE id=?", over)
            return len(over)

    def revocations(self) -> int:
        """Grows with every revocation."""
        row = self._file.connection().execute("SELECT COUNT(*) FROM lease WHERE state='revoked'").fetchone()
        return int(row[0])

    def _row(self, lease: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._file.connection().execute("SELECT * FROM lease WHERE id=?", (lease,)).fetchone()
        if row is None:
            raise NoSuchLease("no such lease")
        return row


def _settle(tx: sqlite3.Connection, reservation: str, usage: Usage | None, now: datetime) -> Settled:
    held_row = tx.execute("SELECT * FROM reservation WHERE id=?", (reservation,)).fetchone()
    if held_row is None:
        raise LookupError("no such reservation")
    row = tx.execute("SELECT * FROM lease WHERE id=?", (held_row["lease"],)).fetchone()
    lease, held = _lease(row), _amount(held_row, "")
    if held_row["state"] == "settled":
        return Settled(reservation, held, bool(held_row["excess"]), lease.state)
    after, used, excess = settlement(lease, _spend(row), held, usage)
    _write(tx, lease.id, after)
    state = lease.state
    if state is LeaseState.ACTIVE and (excess or spent_out(lease, after)):
        state = LeaseState.EXHAUSTED
        tx.execute("UPDATE lease SET state=?, ended_at=? WHERE id=?", (state.value, now.isoformat(), lease.id))
    tx.execute(
        "UPDATE reservation SET state='settled', requests=?, input_tokens=?, output_tokens=?, microdollars=?, excess=?"
        " WHERE id=?",
        (*_numbers(used), int(excess), reservation),
    )
    return Settled(reservation, used, excess, state)


def _write(tx: sqlite3.Connection, lease: str, spend: Spend) -> None:
    first = spend.first_used.isoformat() if spend.first_used else None
    tx.execute(_COUNTERS, (*_numbers(spend.settled), *_numbers(spend.held), spend.open_calls, first, lease))


def _numbers(amount: Amount) -> tuple[int, int, int, int]:
    return amount.requests, amount.input_tokens, amount.output_tokens, amount.microdollars


def _amount(row: sqlite3.Row, kind: str) -> Amount:
    if kind:
        return Amount(row["held_requests"], row["held_input"], row["held_output"], row["held_microdollars"])
    return Amount(row["requests"], row["input_tokens"], row["output_tokens"], row["microdollars"])


def _spend(row: sqlite3.Row) -> Spend:
    first = datetime.fromisoformat(row["first_used"]) if row["first_used"] else None
    return Spend(_amount(row, ""), _amount(row, "held"), row["open_calls"], first)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _body(lease: Lease) -> str:
    fields = asdict(lease)
    for column in ("id", "token_digest", "submission", "state"):
        del fields[column]
    fields["not_before"], fields["expires"] = lease.not_before.isoformat(), lease.expires.isoformat()
    return json.dumps(fields, sort_keys=True)


def _lease(row: sqlite3.Row) -> Lease:
    return _made(row["id"], row["token_digest"], row["submission"], row["state"], row["body"])


@lru_cache(READ_LEASES)
def _made(name: str, digest: str, submission: str, state: str, body: str) -> Lease:
    fields = json.loads(body)
    owners, prices = fields.pop("content_owners"), fields.pop("prices")
    return Lease(
        id=name,
        token_digest=digest,
        submission=submission,
        state=LeaseState(state),
        models=tuple(fields.pop("models")),
        content_owners=None if owners is None else tuple(owners),
        not_before=datetime.fromisoformat(fields.pop("not_before")),
        expires=datetime.fromisoformat(fields.pop("expires")),
        limits=Limits(**fields.pop("limits")),
        prices=Prices(**prices) if prices else None,
        **fields,
    )
