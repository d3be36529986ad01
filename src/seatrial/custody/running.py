"""The calls in flight, and the switch that cuts them.

- A call is cut when its lease is revoked or over, when its whole time is over, when its client left, and when the
  revocations cannot be read `FAULTS` times in a row: not knowing counts as revoked.
- One cheap counter is read `Waits.poll` apart while calls are in flight; leases are read only when it has grown.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from seatrial.custody.dialects import NotCarried
from seatrial.custody.lease import LeaseState

if TYPE_CHECKING:
    from seatrial.custody.lease import Lease
    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.store_threads import StoreThreads

FAULTS = 3
"""Looks in a row that may fail: a store that is busy for a moment cuts nothing."""

_logger = logging.getLogger("seatrial.custody.gateway")


@dataclass(eq=False)
class Running:
    """A call in flight, for whatever ends it before its time."""

    lease: Lease
    limit: asyncio.Timeout
    seen: int
    """Of the store's revocations when the lease was last looked at."""
    why: str = ""
    over: bool = False

    def end(self, why: str) -> None:
        """Cut it now; what is over or being cut stays as it is."""
        if not self.why and not self.over:
            self.why = why
            self.limit.reschedule(asyncio.get_running_loop().time())


@dataclass
class Switch:
    """Cuts the calls of revoked leases."""

    leases: LeaseStore
    threads: StoreThreads
    poll_s: float
    running: set[Running] = field(default_factory=set)

    async def watch(self) -> None:
        """Look again and again."""
        faults = 0
        while True:
            await asyncio.sleep(self.poll_s)
            try:
                await self._look()
                faults = 0
            except Exception:  # the store's fault, whatever it is, counts below
                faults += 1
                _logger.exception("the revocations cannot be read")
            if faults >= FAULTS:
                for running in tuple(self.running):
                    running.end("lease_unreadable")

    async def _look(self) -> None:
        """Cut the calls of every lease that was revoked since the last look."""
        if not self.running:
            return
        now = await self.threads.run(self.leases.revocations)
        stale = [running for running in tuple(self.running) if running.seen != now]
        for lease in {running.lease.id for running in stale}:
            state = (await self.threads.run(partial(self.leases.get, lease))).state
            for running in stale:
                running.seen = now if running.lease.id == lease else running.seen
                if running.lease.id == lease and state is LeaseState.REVOKED:
                    running.end("lease_revoked")


def ended(why: str, *, whole: bool, seconds: float) -> NotCarried:
    """Why a call was cut, for its client; `whole`: it had all the time that any call has."""
    if why == "client_gone":
        return NotCarried(499, why, "the client left")
    if why == "lease_revoked":
        return NotCarried(401, why, "the lease was revoked; the call was cut")
    if why:
        return NotCarried(503, why, "whether the lease still holds cannot be read; the call was cut")
    if whole:
        return NotCarried(504, "call_too_long", f"a call takes at most {seconds:.0f} s")
    return NotCarried(401, "lease_expired", "the lease's time is over; the call was cut")
