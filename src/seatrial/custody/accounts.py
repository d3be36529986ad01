"""How a call is written down: what it came to and its row in the log, in one transaction where both lie in one file.

- Killed before that, a call has neither: its reservation stays spent, and no row says anything of it.
- Once something could not be written, nothing more is: calls that leave no trace must not go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.custody.access_log import AccessStore
    from seatrial.custody.budget import Settled
    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.passage import Passage
    from seatrial.custody.store_threads import StoreThreads

Together = Callable[[], AbstractContextManager[object]]
"""Opens one transaction over leases and log."""

_logger = logging.getLogger("seatrial.custody.gateway")


@dataclass
class Accounts:
    """Settles calls and writes their rows."""

    leases: LeaseStore
    log: AccessStore
    threads: StoreThreads
    clock: Callable[[], datetime]
    together: Together = contextlib.nullcontext
    broken: bool = False

    async def close(self, passage: Passage) -> None:
        """Write a call down; a fault is told in the process's own log and in `broken`."""
        now = asyncio.get_running_loop().time()
        try:
            await asyncio.shield(self.threads.run(partial(self._settle, passage, now)))
        except Exception:  # whatever it is
            self.broken = True
            _logger.exception("call %s could not be written down; the gateway carries nothing more", passage.id)

    def _settle(self, passage: Passage, now: float) -> None:
        settled: Settled | None = None
        with self.together():
            if passage.reservation is not None:
                settled = self.leases.settle(passage.reservation.id, passage.spent, self.clock())
            self.log.add(passage.row(now, settled))
