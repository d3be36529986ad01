"""What a call may spend: reserved before it goes out, settled when its usage is known.

- A call reserves one request, its bytes as input tokens (no byte-level tokenizer makes more tokens than bytes), its
  stated maximum times its choices as output tokens, and the price of both.
- Settled from the provider's usage; if that is missing the reservation stands. A reservation that a crash left
  behind stays spent.
- A call that would fit once others settle waits (429 and `Retry-After`); one that never will is refused with 403
  `budget_exhausted`, because clients repeat a 429 for ever.
- So no cap is passed while the endpoint keeps to the maximum it was sent; where it does not, the lease stops and the
  excess is shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seatrial.custody.lease import FREE, LeaseState

if TYPE_CHECKING:
    from seatrial.custody.lease import Lease

RETRY_AFTER_S = 5
"""Seconds a client is asked to wait for calls in flight: about one short answer."""


class Reason(StrEnum):
    """Why a call is refused; the text is the error's code."""

    UNKNOWN = "lease_unknown"
    NOT_YET = "lease_not_yet"
    EXPIRED = "lease_expired"
    REVOKED = "lease_revoked"
    SUSPENDED = "lease_suspended"
    MODEL = "model_not_in_lease"
    OUTPUT_UNSTATED = "maximum_output_unstated"
    OUTPUT_TOO_LARGE = "maximum_output_too_large"
    CONCURRENCY = "too_many_at_once"
    IN_FLIGHT = "budget_in_flight"
    EXHAUSTED = "budget_exhausted"


STATUS = {
    Reason.UNKNOWN: 401,
    Reason.NOT_YET: 401,
    Reason.EXPIRED: 401,
    Reason.REVOKED: 401,
    Reason.SUSPENDED: 403,
    Reason.MODEL: 403,
    Reason.OUTPUT_UNSTATED: 400,
    Reason.OUTPUT_TOO_LARGE: 400,
    Reason.CONCURRENCY: 429,
    Reason.IN_FLIGHT: 429,
    Reason.EXHAUSTED: 403,
}
"""The HTTP answer for each reason."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Something spent or held: requests, tokens in and out, microdollars."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    microdollars: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.microdollars + other.microdollars,
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.requests - other.requests,
            self.input_tokens - other.input_tokens,
            self.output_tokens - other.output_tokens,
            self.microdollars - other.microdollars,
        )


@dataclass(frozen=True, slots=True)
class Call:
    """What a request would use at most: bytes of its body, its stated maximum of output tokens, its choices."""

    model: str
    request_bytes: int
    max_output_tokens: int | None
    choices: int = 1

    def __post_init__(self) -> None:
        if self.request_bytes < 0 or self.choices < 1:
            raise ValueError("a call has no fewer than 0 bytes and at least 1 choice")

    def amount(self, lease: Lease) -> Amount:
        """What it reserves under `lease`."""
        output = (self.max_output_tokens or 0) * self.choices
        return Amount(1, self.request_bytes, output, (lease.prices or FREE).cost(self.request_bytes, output))


@dataclass(frozen=True, slots=True)
class Usage:
    """What the provider says a call used."""

    input_tokens: int
    output_tokens: int

    def __post_init__(self) -> None:
        if self.input_tokens < 0 or self.output_tokens < 0:
            raise ValueError("usage is not negative")


@dataclass(frozen=True, slots=True)
class Spend:
    """A lease's counters: settled, held by open calls, how many are open, and since when it is used."""

    settled: Amount = Amount()
    held: Amount = Amount()
    open_calls: int = 0
    first_used: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call that may go out; `until` is when it must be over at the latest (the lease's end)."""

    id: str
    lease: str
    amount: Amount
    until: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that may not: why, and for a 429 in how many seconds it may try again."""

    reason: Reason
    detail: str
    retry_after: int | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.reason]


SUSPENDED = Refusal(Reason.SUSPENDED, "the submission is paused; its leases hold again once it goes on")
"""To every call of a paused submission. No 429: clients repeat one for ever, and nobody knows how long it lasts."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a call came to; `excess` is true when the endpoint used more than it was allowed."""

    reservation: str
    amount: Amount
    excess: bool
    state: LeaseState


def refusal(lease: Lease, spend: Spend, call: Call, now: datetime) -> Refusal | None:
    """Why `call` may not go out now, or `None`: it may. The one statement of the rules; stores decide by the same."""
    return _by_state(lease, spend, now) or _by_call(lease, call) or _by_budget(lease, spend, call)


def _by_state(lease: Lease, spend: Spend, now: datetime) -> Refusal | None:
    if lease.state is LeaseState.REVOKED:
        return Refusal(Reason.REVOKED, "the lease was revoked")
    if now < lease.not_before:
        return Refusal(Reason.NOT_YET, "the lease has not begun")
    if lease.state is LeaseState.EXPIRED or now >= lease.ends(spend.first_used):
        return Refusal(Reason.EXPIRED, "the lease's time is over")
    if lease.state is LeaseState.EXHAUSTED:
        return Refusal(Reason.EXHAUSTED, "the lease's budget is spent")
    return None


def _by_call(lease: Lease, call: Call) -> Refusal | None:
    if call.model not in lease.models:
        return Refusal(Reason.MODEL, "the lease does not name this model")
    if call.max_output_tokens is None or call.max_output_tokens < 1:
        return Refusal(Reason.OUTPUT_UNSTATED, "state a maximum of output tokens of at least 1")
    if call.max_output_tokens > lease.limits.max_output_per_request:
        return Refusal(
            Reason.OUTPUT_TOO_LARGE, f"at most {lease.limits.max_output_per_request} output tokens in one request"
        )
    return None


def _by_budget(lease: Lease, spend: Spend, call: Call) -> Refusal | None:
    asked = call.amount(lease)
    never = over(lease, spend.settled + asked)
    if never:
        return Refusal(Reason.EXHAUSTED, f"the lease's {never} would be passed")
    if spend.open_calls >= lease.limits.max_concurrent:
        return Refusal(Reason.CONCURRENCY, f"at most {lease.limits.max_concurrent} calls at once", RETRY_AFTER_S)
    later = over(lease, spend.settled + spend.held + asked)
    if later:
        return Refusal(Reason.IN_FLIGHT, f"the lease's {later} are held by calls in flight", RETRY_AFTER_S)
    return None


def over(lease: Lease, amount: Amount) -> str:
    """The first limit that `amount` passes, by its name in words; empty when none."""
    limits = lease.limits
    caps = (
        ("requests", amount.requests, limits.max_requests),
        ("input tokens", amount.input_tokens, limits.max_input_tokens),
        ("output tokens", amount.output_tokens, limits.max_output_tokens),
        ("microdollars", amount.microdollars, limits.max_microdollars),
    )
    return next((name for name, value, cap in caps if cap is not None and value > cap), "")


def settlement(lease: Lease, spend: Spend, held: Amount, usage: Usage | None) -> tuple[Spend, Amount, bool]:
    """Counters after a call, what it came to, and whether it used more than it held."""
    used = held
    if usage is not None:
        cost = (lease.prices or FREE).cost(usage.input_tokens, usage.output_tokens)
        used = Amount(1, usage.input_tokens, usage.output_tokens, cost)
    excess = used.input_tokens > held.input_tokens or used.output_tokens > held.output_tokens
    after = replace(
        spend, settled=spend.settled + used, held=spend.held - held, open_calls=max(0, spend.open_calls - 1)
    )
    return after, used, excess


def spent_out(lease: Lease, spend: Spend) -> bool:
    """Whether not even the smallest call (one request, one byte, one token) fits any more."""
    price = (lease.prices or FREE).cost(1, 1)
    return bool(over(lease, spend.settled + Amount(1, 1, 1, price)))


def statement(lease: Lease, spend: Spend) -> dict[str, Any]:
    """What a lease's holder may know of it: its scope, its end, its limits and what is spent of them.

    Its issuer, its prices and whose words it may carry are not the holder's affair.
    """
    return {
        "lease": lease.id,
        "submission": lease.submission,
        "purpose": lease.purpose,
        "models": list(lease.models),
        "not_before": lease.not_before.isoformat(),
        "ends": lease.ends(spend.first_used).isoformat(),
        "limits": asdict(lease.limits),
        "spent": asdict(spend.settled),
        "held": asdict(spend.held),
        "open_calls": spend.open_calls,
    }
