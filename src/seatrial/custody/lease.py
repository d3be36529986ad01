"""A lease: the right of one evaluation to call one submission's endpoint, for a time, a purpose and a budget.

- The evaluator holds the token, never the endpoint's key. The store holds the token's SHA-256, never the token.
- A lease ends at the earliest of its own expiry, its hours, the end of its scope (withdrawal), and revocation.
- A limit in money needs the dossier's prices; without them it is refused at issue.
- An ended lease never becomes active again: a new one is issued. A suspended scope holds its leases back meanwhile.

>>> token = LeaseToken.new("lea_" + "0" * 32, bytes(32))
>>> token.lease, LeaseToken.parse(token.secret.reveal().decode()).digest == token.digest
('lea_00000000000000000000000000000000', True)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from seatrial.custody.keys import CustodyError, check_id, new_id
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN_PREFIX = "sea_lease_"  # noqa: S105 - a public prefix, so that secret scanners know a token when they see one
MAX_OUTPUT_PER_REQUEST = 32_768
"""Default: enough for a long answer with its reasoning, small enough that one call cannot empty a budget."""

_TOKEN = re.compile(r"sea_lease_(lea_[0-9a-f]{32})_([A-Za-z0-9_-]{43})", re.ASCII)


class LeaseRefused(CustodyError):
    """A lease that cannot be issued, and why."""


class NoSuchLease(CustodyError):
    """No lease under this id or token."""


class ScopeEnded(CustodyError):
    """The submission was withdrawn or its access ended: it takes no lease, credential or record any more."""


class LeaseState(StrEnum):
    """Where a lease is; only `active` calls."""

    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a lease may spend in all. Money and hours may stay open (`None`); the rest is always stated.

    `max_hours` are elapsed hours from the first call on: access time, whether or not a call is in flight.
    """

    max_requests: int
    max_input_tokens: int
    max_output_tokens: int
    max_concurrent: int
    max_microdollars: int | None = None
    max_hours: int | None = None
    max_output_per_request: int = MAX_OUTPUT_PER_REQUEST

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 0 < value < 2**53:
                raise LeaseRefused(f"{field.name}: {value} is not a whole number from 1 to 2^53 - 1")


@dataclass(frozen=True, slots=True)
class Prices:
    """The dossier's prices: microdollars a million tokens."""

    input_per_million: int
    output_per_million: int

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Microdollars, rounded up: a budget is never short by rounding.

        >>> Prices(3_000_000, 15_000_000).cost(1, 1)
        18
        """
        exact = input_tokens * self.input_per_million + output_tokens * self.output_per_million
        return -(-exact // 1_000_000)


FREE = Prices(0, 0)


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease as issued, with its state. Instants are aware UTC; `token_digest` is hex SHA-256 of the token."""

    id: str
    token_digest: str
    submission: str
    subject_digest: str
    purpose: str
    models: tuple[str, ...]
    content_owners: tuple[str, ...] | None
    """Organisations whose models' text may stand in requests; `None` is unknown and so refused where it matters."""
    attempt: str
    not_before: datetime
    expires: datetime
    issuer: str
    limits: Limits
    prices: Prices | None = None
    countersigner: str = ""
    state: LeaseState = LeaseState.ACTIVE

    def __post_init__(self) -> None:
        check_id(self.id, "lea")
        check_id(self.submission, "sub")
        if self.not_before.tzinfo is None or self.expires.tzinfo is None:
            raise LeaseRefused(f"{self.id}: instants are UTC, with their zone")
        if self.expires <= self.not_before:
            raise LeaseRefused(f"{self.id}: it would expire at or before its begin; set a later expiry")
        if not self.models or not all(self.models):
            raise LeaseRefused(f"{self.id}: name at least one model that it may call")
        if self.limits.max_microdollars is not None and self.prices is None:
            raise LeaseRefused(f"{self.id}: a limit in money needs the dossier's prices; give them or drop the limit")

    def ends(self, first_used: datetime | None) -> datetime:
        """When it ends by time: its expiry, or its hours after the first call."""
        if first_used is None or self.limits.max_hours is None:
            return self.expires
        return min(self.expires, first_used + timedelta(hours=self.limits.max_hours))

    def matches(self, token: LeaseToken) -> bool:
        """Whether this is the lease's own token, in constant time."""
        return hmac.compare_digest(self.token_digest, token.digest)


@dataclass(frozen=True, slots=True)
class LeaseEnd:
    """Where a lease is, and since when it calls no more; `None`: it still may."""

    lease: str
    state: LeaseState
    at: datetime | None


@dataclass(frozen=True, slots=True)
class LeaseToken:
    """What the evaluator holds: `sea_lease_` id `_` 43 characters of base64url (256 bits)."""

    lease: str
    secret: Secret

    @classmethod
    def new(cls, lease: str, random_bytes: bytes | None = None) -> LeaseToken:
        """A token for `lease` from 32 random bytes."""
        raw = secrets.token_bytes(32) if random_bytes is None else random_bytes
        text = base64.urlsafe_b64encode(raw).rstrip(b"=")
        return cls(lease, Secret(TOKEN_PREFIX.encode() + lease.encode() + b"_" + text))

    @classmethod
    def parse(cls, text: str) -> LeaseToken:
        """Read a token; a fault's text does not repeat it."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise NoSuchLease("this is no lease: sea_lease_, the lease's id and 43 characters are needed")
        return cls(match[1], Secret(text.encode()))

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the whole token: what the store keeps."""
        return hashlib.sha256(self.secret.reveal()).hexdigest()


def new_lease_id() -> str:
    """A new lease id."""
    return new_id("lea")


def refuse_ended(ended: Callable[[str], datetime | None], submission: str) -> None:
    """Raise `ScopeEnded` if the submission's access has ended."""
    if ended(submission) is not None:
        raise ScopeEnded(f"{submission}: access has ended; it takes nothing new")
