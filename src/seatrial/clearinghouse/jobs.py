"""Work that waits: what this room asks of the house's queue, and how it names what it asks for.

The queue is the house's plan of units (rows with claims, beats and a sweep); this room has none of its own. A step
names its job by `job_key`: asked for twice it is one, and may run at will, for every step is idempotent.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from seatrial.framework.viewer import Viewer


def job_key(step: str, subject: str, input_digest: str) -> str:
    """The key of one step on one subject with one input: SHA-256, 64 hex digits.

    >>> job_key("reproduce", "ab", "cd") == job_key("reproduce", "ab", "cd") != job_key("reproduce", "abc", "d")
    True
    """
    return hashlib.sha256(f"{step}\0{subject}\0{input_digest}".encode()).hexdigest()


class Jobs(Protocol):
    """The house's queue, as this room asks it."""

    def ask(self, viewer: Viewer, step: str, subjects: Mapping[str, str], now: datetime) -> Sequence[str]:
        """Have `step` done on each subject (id to the digest of its input); the keys, in order. Again is one."""
        ...

    def attention(self, viewer: Viewer, step: str = "") -> Sequence[Mapping[str, Any]]:
        """Jobs that raised too often: step, subject, reason, since."""
        ...
