"""What a sample looked like to a reader: plain records that the report renders and that know nothing of Inspect.

Every text in an entry is untrusted: it was written by a model, by a program under test, or by a tool that read
either. Whoever shows it escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EntryKind = Literal["prompt", "assistant", "tool-call", "tool-result", "system", "score", "error"]


@dataclass(frozen=True)
class Entry:
    """One step, in the order it happened."""

    kind: EntryKind
    title: str
    text: str


@dataclass(frozen=True)
class Transcript:
    """One attempt at one sample."""

    sample: str  # instance id
    epoch: int
    participant: str
    family: str  # as in a row's `generator`
    level: int
    outcome: str
    entries: tuple[Entry, ...]
