"""The plan of a review: which stage is due when, who owns the wait, and what stood still by whose fault.

- Stages follow one another; the hours of each come from the pack. Shipped: preflight 24, runs 168, review 48, comment
  72, signature 24, which makes 336 hours, with an interim report 120 hours after access opened.
- A pause for a fault that a stage's clock names moves that stage and all after it. It does not move the window: an end
  of access is an end.
- Lost time is accounted by fault, also where it moved nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seatrial.framework.clock import Pause, Timer, account, after

if TYPE_CHECKING:
    from seatrial.framework.data_class import DataClass
    from seatrial.framework.pack import PolicyPack

STAGES = ("preflight", "runs", "review", "comment", "signature")
INTERIM = "interim"
PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a plan: its span as far as `now` tells, and the role that owns it."""

    name: str
    starts: datetime
    due: datetime
    owner: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages in order, when the interim report is due, and the time lost by fault."""

    stages: tuple[Stage, ...]
    interim: datetime
    lost: dict[str, timedelta]

    @property
    def due(self) -> datetime:
        """When the signed report is due."""
        return self.stages[-1].due

    def at(self, now: datetime) -> Stage:
        """The stage that should be on at `now`: the last, once all time is over."""
        return next((stage for stage in self.stages if now < stage.due), self.stages[-1])

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        Raises:
            LookupError: There is none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise LookupError(f"no stage {name!r}; a plan has {', '.join(STAGES)}")


def retention(closed_at: datetime, pack: PolicyPack) -> dict[DataClass, datetime]:
    """When each class that is not kept is gone, counted from the close."""
    return {kept: after(closed_at, hours) for kept, hours in pack.terms.retention_hours.items()}


def plan(opened_at: datetime, pauses: tuple[Pause, ...], pack: PolicyPack, now: datetime) -> Plan:
    """The plan of a submission whose access opened at `opened_at`.

    Raises:
        LookupError: The pack lacks a clock of a stage.
    """
    stages: list[Stage] = []
    starts = opened_at
    for name in STAGES:
        clock = pack.clock(name)
        due = Timer(clock, starts, pauses).due(now)
        stages.append(Stage(name, starts, due, clock.owner))
        starts = due
    interim = Timer(pack.clock(INTERIM), opened_at, pauses).due(now)
    return Plan(tuple(stages), interim, account(pauses, opened_at, now))
