"""A gateway before a local provider: its stores in memory, its lease, and a real server on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.custody.access_log import LogRoot, MemoryAccessStore
from seatrial.custody.credential import Endpoint
from seatrial.custody.gateway import gateway_app
from seatrial.custody.lease import Lease, LeaseToken, Limits, Prices
from seatrial.custody.lease_store import MemoryLeaseStore
from seatrial.custody.secret import Secret
from seatrial.custody.serving import served
from seatrial.custody.waits import Waits
from support.providers import KEY, Provider

SUBMISSION = "sub_" + "5" * 32
OWNER = "lab-umbra-nine"
MODEL = "m-1"
LIMITS = Limits(
    max_requests=1000, max_input_tokens=10**7, max_output_tokens=10**7, max_concurrent=300, max_output_per_request=4096
)


@dataclass
class Served:
    """What stands before one provider."""

    provider: Provider
    url: str
    leases: MemoryLeaseStore
    log: MemoryAccessStore
    lease: Lease
    token: str
    fault: list[Exception] = field(default_factory=list)
    """Raised instead of opening the endpoint, while there is one."""

    @property
    def base_url(self) -> str:
        """As this dialect's clients want it."""
        return f"{self.url}/v1" if self.provider.dialect == "openai" else self.url

    def issue(self, number: int, **changes: Any) -> str:  # noqa: ANN401 - fields of a lease
        """Another lease; its token."""
        lease, token = made_lease(number, **changes)
        self.leases.issue(lease, datetime.now(UTC))
        return token

    @property
    def rows(self) -> tuple[Any, ...]:
        """The log."""
        return self.log.read(0, 10**6)


def made_lease(number: int = 1, **changes: Any) -> tuple[Lease, str]:  # noqa: ANN401 - the same
    """A lease that holds for an hour, and its token."""
    name = f"lea_{number:032x}"
    token = LeaseToken.new(name)
    now = datetime.now(UTC)
    lease = {
        "id": name,
        "token_digest": token.digest,
        "submission": SUBMISSION,
        "subject_digest": "sha256:" + "0" * 64,
        "purpose": "evaluate",
        "models": (MODEL,),
        "content_owners": (),
        "attempt": "",
        "not_before": now - timedelta(minutes=1),
        "expires": now + timedelta(hours=1),
        "issuer": "evaluator",
        "limits": LIMITS,
        "prices": Prices(1_000_000, 2_000_000),
        **changes,
    }
    return Lease(**lease), token.secret.reveal().decode()


@contextmanager
def gateway(
    provider: Provider,
    wrap: Callable[[MemoryLeaseStore], Any] = lambda store: store,
    *,
    waits: Waits = Waits(),  # noqa: B008 - frozen
    record_root: Callable[[LogRoot], None] = lambda _: None,
    **changes: Any,  # noqa: ANN401 - the same
) -> Iterator[Served]:
    """Serve a gateway before `provider` until the block ends."""
    leases, log = MemoryLeaseStore(), MemoryAccessStore()
    lease, token = made_lease(**changes)
    leases.issue(lease, datetime.now(UTC))
    made = Served(provider, "", leases, log, lease, token)
    endpoint = Endpoint(provider.base_url, provider.dialect, Secret(KEY.encode()), OWNER, on_site=True)

    def opened(submission: str, _: datetime) -> Endpoint:
        if made.fault:
            raise made.fault[0]
        if submission != SUBMISSION:
            raise LookupError(submission)
        return endpoint

    app = gateway_app(wrap(leases), opened, log, waits=waits, record_root=record_root)
    with served(app, waits) as made.url:
        yield made
