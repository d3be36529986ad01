"""What was found out once and holds for ever, within a bound of bytes: builds of equal trees, answers of builds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
FACT_BYTES = 64 * 1024  # what an entry counts for whose size nobody states


class Shelf:
    """Entries by key, the one that was used longest ago dropped first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._total = 0
        self._mutex = threading.Lock()

    def get(self, key: str, work: Callable[[], T], weigh: Callable[[T], int] = lambda _: FACT_BYTES) -> T:
        """The entry of that key, made now or before; two threads may both make it. Raises what `work` raises."""
        with self._mutex:
            if key in self._held:
                self._held.move_to_end(key)
                known: T = self._held[key][0]
                return known
        made = work()
        self._put(key, made, weigh(made))
        return made

    def _put(self, key: str, value: object, size: int) -> None:
        with self._mutex:
            self._total += size - (self._held.pop(key)[1] if key in self._held else 0)
            self._held[key] = value, size
            while self._total > self._limit and len(self._held) > 1:
                self._total -= self._held.popitem(last=False)[1][1]
