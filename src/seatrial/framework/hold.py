"""Evidence of an incident: how long nothing that bears on it is removed by routine.

- An incident is known by its record, in whatever state it was made; the hold lasts `EVIDENCE_DAYS` from the last one.
- It needs no switch: it is in the standing, and every removal asks for it.
- Removal by routine waits for it, of runs and sealed records as well as of papers. A withdrawal does not wait: weights,
  keys, model facts, transcripts and scores go in their time, whatever happened. What a hold keeps of a withdrawn
  submission is its papers, the incident's record among them: they are forgotten with the purge, and that waits.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from seatrial.framework.withdrawal import EVIDENCE_DAYS

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.standing import Standing

ROUTINE = frozenset({"closed", "declined", "expired"})
"""Over without a withdrawal: what is removed then, is removed because its time has come."""


def hold_ends(standing: Standing) -> datetime | None:
    """When the evidence of its last incident need not be kept any more; None: there was none."""
    known = standing.date("last_incident")
    return None if known is None else known + timedelta(days=EVIDENCE_DAYS)


def held(standing: Standing, now: datetime) -> bool:
    """Whether its papers are kept for an incident at `now`."""
    ends = hold_ends(standing)
    return ends is not None and now < ends


def held_whole(standing: Standing, now: datetime) -> bool:
    """Whether runs and sealed records are kept for it too."""
    return standing.state in ROUTINE and held(standing, now)
