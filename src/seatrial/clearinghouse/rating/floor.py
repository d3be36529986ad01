"""What a crash alone suggests about severity: a hint for the order of work, never a rating.

- Only the type of the crash and its access are looked at; the first row that matches counts.
- Nothing that rates reads it: it is shown beside a rating, as evidence is.

>>> str(floor("Heap-buffer-overflow", "WRITE")), str(floor("Heap-buffer-overflow", "READ")), str(floor("Timeout"))
('high', 'medium', 'none')
"""

from __future__ import annotations

import re
from enum import StrEnum


class Floor(StrEnum):
    """At least so severe, by the look of the crash; `NONE` where the crash alone suggests nothing."""

    HIGH = "high"
    MEDIUM = "medium"
    NONE = "none"


_ROWS: tuple[tuple[re.Pattern[str], Floor, Floor], ...] = tuple(
    (re.compile(pattern), read, other)
    for pattern, read, other in (
        # Memory that is no longer there, or is taken for something else: control is a step away, read or written.
        (r"use-after-|double-free|(invalid|bad|mismatched)-free|attempting-free|bad-cast", Floor.HIGH, Floor.HIGH),
        (r"uninitiali[sz]ed", Floor.MEDIUM, Floor.MEDIUM),
        # Arithmetic, recursion and ends that nothing is written by. Before the overflows, which they are named like.
        (
            r"null-dereference|null-reference|invalid-null|^stack-overflow|timeout|out-of-memory|leak",
            Floor.NONE,
            Floor.NONE,
        ),
        (r"(integer|cast|pointer)-overflow|divide-by-zero|undefined-shift|^assert|^check", Floor.NONE, Floor.NONE),
        # Past a bound: what was written there may be anything, what was read there may be a secret.
        (r"overflow|underflow|memcpy-param-overlap|negative-size-param", Floor.MEDIUM, Floor.HIGH),
        (r"out-of-bounds|invalid-read", Floor.MEDIUM, Floor.MEDIUM),
        (r"unknown-write|invalid-write", Floor.HIGH, Floor.HIGH),
        (r"^(unknown|segv)", Floor.MEDIUM, Floor.HIGH),
    )
)


def floor(type_word: str, access: str | None = None) -> Floor:
    """The hint for a crash of a type (`CrashReport.type_word`) and an access (`READ`, `WRITE`, `None` if not stated).

    An overflow whose access is not stated counts as a write; an unknown access at an unknown place suggests nothing.
    """
    word = re.sub(r"[\s_]+", "-", type_word.strip().casefold())
    if access is None and word in ("unknown", "segv"):
        return Floor.NONE
    for pattern, read, other in _ROWS:
        if pattern.search(word):
            return read if access == "READ" else other
    return Floor.NONE
