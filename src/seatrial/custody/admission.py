"""Everything about a call that can be refused before its body is read: its lease, its purpose, its endpoint.

- A lease stands in exactly one of three headers, and those that frame a request stand once.
- A wrong token and an unknown lease are refused alike.
- The endpoint is opened for each call with both halves of its key: either side alone ends access at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from seatrial.custody.budget import SUSPENDED, Call, refusal
from seatrial.custody.credential import Endpoint
from seatrial.custody.crosslab import may_call
from seatrial.custody.developer_half import HalfAwaited
from seatrial.custody.dialects import NotCarried
from seatrial.custody.keys import CustodyError, KeyGone
from seatrial.custody.lease import LeaseToken, NoSuchLease

if TYPE_CHECKING:
    from seatrial.custody.budget import Refusal, Spend
    from seatrial.custody.lease import Lease
    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.upstream import Headers

HEAD_BYTES = 16 * 1024
"""Largest head, together: a lease and some options are a few hundred bytes."""
HALF_RETRY_S = 30
"""Seconds a client waits for the developer's half: a person or a service of theirs sends it."""

_CARRIERS = (b"authorization", b"x-api-key", b"x-goog-api-key")
_ONCE = (*_CARRIERS, b"host", b"content-length", b"content-type", b"content-encoding", b"transfer-encoding")
_HOST = re.compile(rb"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
"""A name or an address, in ASCII: what else stands there is read differently by different servers."""

Opener = Callable[[str, datetime], Endpoint]
"""Opens a submission's endpoint with both halves; raises `KeyGone`, `HalfAwaited` or `LookupError`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A lease and where it stands."""

    lease: Lease
    spend: Spend
    seen: int
    """The store's revocations before it was looked at."""


class Admission:
    """Finds leases and opens endpoints; called in the stores' threads."""

    def __init__(self, leases: LeaseStore, endpoints: Opener) -> None:
        self._leases, self._endpoints = leases, endpoints

    def find(self, token: LeaseToken) -> Found:
        """The lease of a token. Raises `NotCarried`."""
        seen = self._leases.revocations()
        try:
            lease = self._leases.find(token)
        except NoSuchLease:
            raise NotCarried(401, "lease_unknown", "no such lease") from None
        return Found(lease, self._leases.spend(lease.id), seen)

    def open(self, found: Found, now: datetime) -> Endpoint:
        """The endpoint that a lease may call now. Raises `NotCarried`."""
        lease = found.lease
        paused = SUSPENDED if self._leases.suspended(lease.submission) else None
        refused = refusal(lease, found.spend, Call(lease.models[0], 0, 1), now) or paused
        if refused:
            raise not_carried(refused)
        endpoint = _opened(self._endpoints, lease.submission, now)
        decision = may_call(lease.purpose, lease.content_owners, endpoint.owner)
        if not decision.allowed:
            raise NotCarried(422, "owners_refused", decision.why)
        return endpoint


def check_head(version: str, headers: Headers) -> LeaseToken:
    """The lease's token in a request's head. Raises `NotCarried` for a head that is no plain one."""
    if version not in {"1.0", "1.1"}:
        raise NotCarried(400, "http_version", "HTTP/1.1 is spoken here")
    if sum(len(name) + len(value) for name, value in headers) > HEAD_BYTES:
        raise NotCarried(431, "headers_too_large", f"headers have at most {HEAD_BYTES} bytes")
    if not _HOST.fullmatch(dict(headers).get(b"host", b"localhost")):
        raise NotCarried(400, "host_unreadable", "the host header is no name or address")
    names = [name for name, _ in headers]
    if any(names.count(name) > 1 for name in _ONCE):
        raise NotCarried(400, "header_twice", "a header stands twice that may stand once")
    return _token([(name, value) for name, value in headers if name in _CARRIERS])


def not_carried(refused: Refusal) -> NotCarried:
    """A lease's refusal as an answer."""
    return NotCarried(refused.status, refused.reason.value, refused.detail, refused.retry_after)


def _token(given: Headers) -> LeaseToken:
    if len(given) > 1:
        raise NotCarried(400, "lease_twice", "give the lease in one header only")
    name, value = given[0] if given else (b"", b"")
    if name == b"authorization":
        scheme, _, value = value.partition(b" ")
        value = value if scheme.lower() == b"bearer" else b""
    try:
        return LeaseToken.parse(value.decode("ascii"))
    except (UnicodeDecodeError, NoSuchLease):
        raise NotCarried(401, "lease_unknown", "give a lease as the API key") from None


def _opened(endpoints: Opener, submission: str, now: datetime) -> Endpoint:
    try:
        return endpoints(submission, now)
    except HalfAwaited:
        waiting = "access waits for the developer's half of the key"
        raise NotCarried(503, "developer_half_awaited", waiting, HALF_RETRY_S) from None
    except (KeyGone, LookupError):
        raise NotCarried(403, "endpoint_gone", "no endpoint is deposited for this submission any more") from None
    except CustodyError:
        raise NotCarried(503, "endpoint_closed", "the endpoint's credential cannot be opened", HALF_RETRY_S) from None
