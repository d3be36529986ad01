"""Participants without a model: the yardstick beside every model.

`FREE` run in the gate of every instance and must get nothing. `PARTICIPANTS` are all that need nothing but the brief;
`roster` adds an instance's reference solver and its family's own naive ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from seatrial.battery.participants import analysers, free, fuzzers, scans
from seatrial.battery.participants.contract import (
    Absent,
    Analysis,
    AnalysisScore,
    Brief,
    Guesses,
    Hit,
    Participant,
    Result,
    Site,
    missing,
)
from seatrial.battery.participants.hostile import Hacker
from seatrial.battery.participants.insiders import Naive, Reference

if TYPE_CHECKING:
    from seatrial.battery.family import Family
    from seatrial.battery.instance import Instance

FREE: tuple[Participant, ...] = (*free.FREE, *scans.SCANS)
TOOLS: tuple[Participant, ...] = (*fuzzers.PARTICIPANTS, *analysers.PARTICIPANTS)  # absent in a box: they say so


# Everybody who needs nothing but the brief; the reference solver and a family's own come with the instance.
PARTICIPANTS: Mapping[str, Participant] = {item.name: item for item in (*FREE, Hacker(), *TOOLS)}


def roster(family: Family, instance: Instance) -> dict[str, Participant]:
    """Every participant of an instance by name, in the order of a report."""
    own = [Naive(name, act, instance) for name, act in family.participants.items()]
    reference = Reference(instance.hidden.solver)
    return {**PARTICIPANTS, reference.name: reference, **{participant.name: participant for participant in own}}


__all__ = [
    "FREE",
    "PARTICIPANTS",
    "TOOLS",
    "Absent",
    "Analysis",
    "AnalysisScore",
    "Brief",
    "Guesses",
    "Hacker",
    "Hit",
    "Naive",
    "Participant",
    "Reference",
    "Result",
    "Site",
    "missing",
    "roster",
]
