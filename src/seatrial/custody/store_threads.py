"""Threads in which the gateway calls its stores, so that the streams of other calls go on meanwhile."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 4
"""Calls to the stores at once; each waits for the disk, not for a core."""

Answer = TypeVar("Answer")


class StoreThreads:
    """A few threads of the gateway's own: nothing else in the process can take them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "gateway-store")

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Do it in one of them."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False)
