"""One thread that waits for every box of an engine, so that no running command needs a thread of its own.

- Callbacks run on the loop's thread, must not block, and may call every method here.
- `submit` is the only way in from other threads. After `close` it works on the caller's own thread, so that nobody
  waits for an answer that no thread would give.
- A callback that fails is logged and costs nobody else anything.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

LOG = logging.getLogger(__name__)
READ, WRITE = select.EPOLLIN, select.EPOLLOUT
_ENDED = select.EPOLLHUP | select.EPOLLERR


class Timer:
    """A callback at a time; `cancel` from the loop's thread only."""

    __slots__ = ("_loop", "work")

    def __init__(self, loop: Loop, work: Callable[[], None]) -> None:
        self._loop = loop
        self.work: Callable[[], None] | None = work

    def cancel(self) -> None:
        """Never run it."""
        if self.work is not None:
            self.work = None
            self._loop.tidy()


class Loop:
    """The engine's waiting thread."""

    def __init__(self, name: str) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._cancelled = 0
        self._order = itertools.count()
        self._queue: deque[Callable[[], None]] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake, READ)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], None]) -> None:
        """Run `work` on the loop's thread, soon."""
        self._queue.append(work)
        if self._closing:
            self._thread.join()
            self._empty()
        else:
            os.eventfd_write(self._wake, 1)

    def later(self, seconds: float, work: Callable[[], None]) -> Timer:
        """Run `work` after a time; from the loop's thread."""
        timer = Timer(self, work)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def tidy(self) -> None:
        """Count a cancelled timer, and drop them all once they are the larger part."""
        self._cancelled += 1
        if self._cancelled > len(self._timers) // 2:
            self._timers = [entry for entry in self._timers if entry[2].work is not None]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def watch(self, descriptor: int, events: int, work: Callable[[], None]) -> None:
        """Run `work` whenever a descriptor is ready; from the loop's thread."""
        if descriptor in self._watched:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.register(descriptor, events)
        self._watched[descriptor] = work

    def unwatch(self, descriptor: int) -> None:
        """Forget a descriptor, before it is closed; from the loop's thread."""
        if self._watched.pop(descriptor, None) is not None:
            with contextlib.suppress(FileNotFoundError):  # the kernel forgets a file that nobody holds any more
                self._epoll.unregister(descriptor)

    @property
    def here(self) -> bool:
        """Whether the caller is on the loop's thread."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Stop the thread; from any other thread."""
        self._closing = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        self._epoll.close()
        os.close(self._wake)

    def _run(self) -> None:
        while not self._closing:
            for descriptor, _ in self._epoll.poll(self._pause()):
                if descriptor == self._wake:
                    os.eventfd_read(self._wake)
                elif descriptor in self._watched:
                    self._guard(self._watched[descriptor])
            self._empty()
            self._ring()

    def _empty(self) -> None:
        while self._queue:
            self._guard(self._queue.popleft())

    def _pause(self) -> float | None:
        while self._timers and self._timers[0][2].work is None:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _ring(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            work, timer.work = timer.work, None
            if work is not None:
                self._guard(work)

    @staticmethod
    def _guard(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            LOG.exception("a callback of the sandbox loop failed")
