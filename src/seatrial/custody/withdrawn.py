"""What a receipt of withdrawal states: built by the framework's rules, written as canonical JSON, read back whole.

- Whatever the framework orders and nobody has confirmed is `outstanding`; `why` says of each what was seen.
- A receipt of the first form (`v` 1) lacks most of it, and stays readable as the JSON that it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seatrial.framework.data_class import DataClass
from seatrial.framework.instant import text
from seatrial.framework.withdrawal import Departed, Ended, Progress, WithdrawalReceipt, receipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEDGER_ENTRY = "ledger entry: owed"
"""The last line of what is outstanding, while the ledger holds no entry of the receipt."""

VERSION = 2


@dataclass(frozen=True, slots=True)
class Told:
    """What a part has found out so far; told again, the later says what the earlier left open.

    `outstanding` names orders that the part was to see done and knows are not.
    """

    code_name: str = ""
    digests: tuple[str, ...] = ()
    pack: str = ""
    runs: tuple[Ended, ...] = ()
    grants: tuple[str, ...] = ()
    departed: tuple[Departed, ...] = ()
    holds: frozenset[DataClass] = frozenset()
    outstanding: frozenset[str] = frozenset()


def receipt_of(
    at: datetime,
    told: Sequence[Told],
    leases: tuple[Ended, ...],
    confirmed: Mapping[str, datetime],
    now: datetime,
) -> WithdrawalReceipt:
    """The receipt as of `now`, by the framework's rules, from what all parts have told."""
    told = tuple(told)
    not_done = frozenset().union(*(one.outstanding for one in told))
    progress = Progress(
        {order: seen for order, seen in dict(confirmed).items() if order not in not_done},
        leases=leases,
        runs=tuple({ended.id: ended for one in told for ended in one.runs}.values()),
        grants_ended=tuple(dict.fromkeys(grant for one in told for grant in one.grants)),
        departed=tuple(dict.fromkeys(left for one in told for left in one.departed)),
        holds=frozenset().union(*(one.holds for one in told)),
    )
    name = next((one.code_name for one in reversed(told) if one.code_name), "")
    digests = tuple(dict.fromkeys(digest for one in told for digest in one.digests))
    return receipt(at, name, digests, progress, now)


def statement(done: WithdrawalReceipt, why: Mapping[str, str], *, pack: str) -> dict[str, Any]:
    """The receipt as JSON; instants are RFC 3339 in UTC."""
    return {
        "v": VERSION,
        "at": text(done.received_at),
        "issued_at": text(done.issued_at),
        "pack": pack,
        "code_name": done.code_name,
        "subject_digests": list(done.subject_digests),
        "leases": [_ended(one) for one in done.leases],
        "runs": [_ended(one) for one in done.runs],
        "grants_ended": list(done.grants_ended),
        "deletion_due": {held.value: text(due) for held, due in done.deletion_due},
        "stays": {held.value: why_kept for held, why_kept in done.stays},
        "departed": [
            {"what": left.what, "digest": left.digest, "recipient": left.recipient, "at": text(left.at)}
            for left in done.departed
        ],
        "outstanding": list(done.outstanding),
        "why": {order: said for order, said in dict(why).items() if order in done.outstanding},
    }


def stated(fields: Mapping[str, Any]) -> WithdrawalReceipt:
    """The receipt that a statement of this form holds. Raises `KeyError` or `ValueError` for another form."""
    if fields["v"] != VERSION:
        raise ValueError("a receipt of an earlier form")
    return WithdrawalReceipt(
        code_name=fields["code_name"],
        subject_digests=tuple(fields["subject_digests"]),
        received_at=_instant(fields["at"]),
        issued_at=_instant(fields["issued_at"]),
        leases=tuple(_read(one) for one in fields["leases"]),
        runs=tuple(_read(one) for one in fields["runs"]),
        grants_ended=tuple(fields["grants_ended"]),
        deletion_due=tuple((DataClass(held), _instant(due)) for held, due in fields["deletion_due"].items()),
        stays=tuple((DataClass(held), kept) for held, kept in fields["stays"].items()),
        departed=tuple(
            Departed(left["what"], left["digest"], left["recipient"], _instant(left["at"]))
            for left in fields["departed"]
        ),
        outstanding=tuple(
            f"{one}: {fields['why'][one]}" if one in fields["why"] else one for one in fields["outstanding"]
        ),
    )


def _ended(one: Ended) -> dict[str, str | None]:
    return {"id": one.id, "ended_at": None if one.at is None else text(one.at)}


def _read(one: Mapping[str, Any]) -> Ended:
    return Ended(one["id"], None if one["ended_at"] is None else _instant(one["ended_at"]))


def _instant(said: str) -> datetime:
    return datetime.fromisoformat(said)
