"""CPU time of a piece of work, children and boxes included.

Boxes are processes of other processes, so waiting for our own children is not enough: the time of every live
descendant is added to ours, each with that of the children it has already reaped.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """CPU seconds that this process and everything it started have used so far."""
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in own) + sum(map(_of, _descendants(os.getpid())))


def _descendants(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in os.scandir(f"/proc/{pid}/task"):
            with suppress(OSError):
                for child in Path(thread.path, "children").read_text().split():
                    yield int(child)
                    yield from _descendants(int(child))


def _of(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS
    return 0.0


class Meter:
    """CPU milliseconds by name. Meaningful only while nothing else runs in this process."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = {}
        self._mark = cpu_seconds()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Charge what happens inside to a name."""
        before = cpu_seconds()
        try:
            yield
        finally:
            spent = max(0, round(1000 * (cpu_seconds() - before)))  # a box that just closed may not be reaped yet
            self.spent[name] = self.spent.get(name, 0) + spent

    def total(self) -> int:
        """Milliseconds since the meter was made, with what was not charged to a name."""
        return round(1000 * (cpu_seconds() - self._mark))
