"""What people decided about samples that the rules flagged.

- A ruling names one sample of one run, one person, one decision and a reason. It is never changed; a later one counts.
- A ruling changes no outcome and no number by itself: it says how a person read what a rule found.
- Whoever asks for a second person is not that person.

>>> from datetime import UTC, datetime
>>> at = datetime(2026, 1, 1, tzinfo=UTC)
>>> asked = Ruling("unit", "null", "crypto-v1-L1-ab", 0, Decision.SECOND_PERSON, "unsure", "eve", "bureau", at)
>>> why_not([asked], "eve"), why_not([asked], "lin"), settled([asked])
('a second person was asked for: somebody other than eve decides', '', None)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

KEY_LENGTH = 16
"""Hexadecimal digits: 64 bits tell apart what one run can hold, and fit an address."""


class Decision(StrEnum):
    """How a person read a flagged sample."""

    CONFIRMED = "confirmed"
    NO_CONCERN = "no_concern"
    SECOND_PERSON = "second_person"


MEANING = {
    Decision.CONFIRMED: "What the rule found is there and bears on the result.",
    Decision.NO_CONCERN: "What the rule found does not bear on the result.",
    Decision.SECOND_PERSON: "Another person reads it and decides.",
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """One person's decision on one sample of a run."""

    unit: str
    participant: str
    sample: str
    epoch: int
    decision: Decision
    reason: str
    person: str
    organisation: str
    at: datetime

    @property
    def key(self) -> str:
        """Its sample's, within the run."""
        return sample_key(self.participant, self.sample, self.epoch)


def sample_key(participant: str, sample: str, epoch: int) -> str:
    """A sample of a run in an address: names may hold characters that an address may not."""
    return hashlib.sha256(f"{participant}\0{sample}\0{epoch}".encode()).hexdigest()[:KEY_LENGTH]


def settled(rulings: Sequence[Ruling]) -> Ruling | None:
    """The ruling on a sample that counts, oldest first; None while nobody decided or a second person is waited for."""
    last = rulings[-1] if rulings else None
    return None if last is None or last.decision is Decision.SECOND_PERSON else last


def why_not(rulings: Sequence[Ruling], person: str) -> str:
    """Why this person does not decide now; empty where they may."""
    last = rulings[-1] if rulings else None
    if last is not None and last.decision is Decision.SECOND_PERSON and last.person == person:
        return f"a second person was asked for: somebody other than {person} decides"
    return ""
