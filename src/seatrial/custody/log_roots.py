"""Roots over the gateway's log, made every hour and recorded in the ledger.

- Which roots the ledger holds is a stored fact, written after it took them. Whatever is missing, because the ledger
  could not be reached or the process was killed, is recorded at the next start or in the next round, oldest first.
- A process that is killed between the ledger's append and that mark records its root once more: two equal events say
  no more than one. None is ever left out.
- Several gateways over one file may each do this; the file's own rules keep the roots in one row.

>>> from datetime import UTC, datetime
>>> from seatrial.custody.access_log import LogRoot, MemoryAccessStore
>>> log, ledger = MemoryAccessStore(), []
>>> log.put_root(LogRoot(0, 2, "00" * 32, datetime(2026, 1, 2, tzinfo=UTC)))
>>> roots = LogRoots(log, ledger.append, lambda: datetime(2026, 1, 2, 1, tzinfo=UTC))
>>> roots.round(), roots.round(), len(ledger)
(1, 0, 1)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from seatrial.custody.access_log import ROOT_EVERY, close

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from seatrial.custody.access_log import AccessStore, LogRoot
    from seatrial.custody.store_threads import StoreThreads

_logger = logging.getLogger("seatrial.custody.gateway")


class LogRoots:
    """Makes and records them; `record` appends one to the ledger and returns once it is there."""

    def __init__(self, log: AccessStore, record: Callable[[LogRoot], None], clock: Callable[[], datetime]) -> None:
        self._log, self._record, self._clock = log, record, clock
        self._one = threading.Lock()

    def round(self) -> int:
        """Make the root over what is new, and record every root that is missing in the ledger; how many."""
        with self._one:
            with contextlib.suppress(ValueError):  # another gateway over the same file made it a moment ago
                close(self._log, self._clock())
            missing = self._log.unrecorded()
            for made in missing:
                self._record(made)
                self._log.mark_recorded(made)
            return len(missing)

    async def attempt(self, threads: StoreThreads) -> None:
        """A round whose fault is told and made good by a later one."""
        try:
            await threads.run(self.round)
        except Exception:  # the ledger's or the store's, whatever it is
            _logger.exception("roots of the access log are not in the ledger; the next round records them")

    async def hourly(self, threads: StoreThreads) -> None:
        """A round at start and one every hour."""
        while True:
            await self.attempt(threads)
            await asyncio.sleep(ROOT_EVERY.total_seconds())
