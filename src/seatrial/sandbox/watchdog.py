"""Memory of boxes where no control group bounds it: looked at from outside, because nothing inside counts.

Used in `rlimit` mode only. What a box's processes occupy, shared pages divided by their users (PSS), may not
exceed its limit; a box that does is ended. Files are bounded by the size of the box's file system.

It is a watch and no cap: what is taken and given back within `PERIOD_S` goes unseen. A spec that may not accept that
says `needs_cgroup`, and is refused where there is none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

PERIOD_S = 0.25
PAGE_BYTES = 4096


class Watched(Protocol):
    """A box as the watchdog sees it."""

    pid: int

    @property
    def memory_bytes(self) -> int:
        """What its processes may occupy together."""
        ...

    def end_by_watchdog(self) -> None:
        """End it."""
        ...


class Watchdog:
    """A thread that looks at every box of an engine four times a second."""

    def __init__(self, boxes: Callable[[], Iterable[Watched]]) -> None:
        self._boxes = boxes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="seatrial-watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            for box in self._boxes():
                if box.pid and exceeds(box.pid, box.memory_bytes):
                    box.end_by_watchdog()


def exceeds(first: int, limit: int) -> bool:
    """Whether the processes of a box occupy more than `limit` bytes; the dear count only when the cheap one does."""
    pids = descendants(first)
    return sum(map(_resident, pids)) > limit and sum(map(_proportional, pids)) > limit


def descendants(first: int) -> list[int]:
    """Every process below `first`."""
    found, open_ends = [], [first]
    while open_ends:
        pid = open_ends.pop()
        below = []
        try:
            for task in Path("/proc", str(pid), "task").iterdir():
                below += [int(word) for word in (task / "children").read_text().split()]
        except (OSError, ValueError):  # it has just ended
            continue
        found += below
        open_ends += below
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path("/proc", str(pid), "statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """PSS in bytes; the resident size where the kernel does not tell."""
    try:
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return _resident(pid)
