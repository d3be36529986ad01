"""How often one caller may call: a bucket for each, in this process.

Several web processes have buckets of their own, so the whole is at most as many times that.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

A_MINUTE = 600
"""Calls of one caller in a minute: ten a second, which no pipeline needs and no page of a script exceeds."""
MOST_CALLERS = 10_000
"""Buckets that are kept; when there are more, those that are full again are thrown away, then all of them."""


@dataclass
class Pace:
    """Buckets by caller: each holds a minute's calls and fills evenly."""

    a_minute: int = A_MINUTE
    _left: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, caller: str, now: datetime) -> int:
        """Take one call out; seconds to wait where there is none left, else 0."""
        with self._lock:
            left, at = self._left.get(caller, (float(self.a_minute), now))
            passed = max(0.0, (now - at).total_seconds())
            left = min(float(self.a_minute), left + passed * self.a_minute / 60)
            if left < 1:
                self._left[caller] = (left, now)
                return max(1, round((1 - left) * 60 / self.a_minute))
            self._left[caller] = (left - 1, now)
            if len(self._left) > MOST_CALLERS:
                self._thrown(now)
        return 0

    def _thrown(self, now: datetime) -> None:
        recent = {name: kept for name, kept in self._left.items() if (now - kept[1]).total_seconds() < 60}
        self._left = recent if len(recent) <= MOST_CALLERS else {}


PACE = Pace()
"""That of this process."""
