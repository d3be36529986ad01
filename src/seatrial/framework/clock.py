"""Clocks of a policy: how long something may take, who owes it, what stops the count.

- Instants are aware; they are turned into UTC *before* hours are added, for Python adds wall-clock time inside a named
  zone. An hour is 3,600 seconds: no business days, no shift over weekends.
- Intervals are half-open: at the due instant the time is over.
- A ceiling never pauses and never grows. Only a stage pauses, and only for the faults that its clock names; every pause
  is accounted apart, whether it moves the stage or not. An expectation is shown and has no effect.

>>> from datetime import UTC, datetime
>>> stage = Clock("runs", "boundary_closed", 168, ClockKind.STAGE, "evaluator")
>>> Timer(stage, datetime(2028, 2, 25, 9, tzinfo=UTC)).due(datetime(2028, 2, 25, 9, tzinfo=UTC)).isoformat()
'2028-03-03T09:00:00+00:00'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from seatrial.framework.instant import utc


class ClockError(ValueError):
    """A clock that contradicts itself, or a use of one that its own rules refuse."""


class ClockKind(StrEnum):
    """What a clock can do."""

    CEILING = "ceiling"
    DEADLINE = "deadline"
    STAGE = "stage"
    EXPECTATION = "expectation"


@dataclass(frozen=True, slots=True)
class Clock:
    """One row of a policy's clocks.

    Args:
        id: The name of the clock, as a pack writes it.
        starts: The event that starts it.
        hours: How long it runs, in elapsed hours.
        kind: What it can do.
        owner: The role that owes what is due at its end.
        extra_hours: What one extension adds.
        extra_times: How many extensions there may be.
        extender: The role that may extend.
        pauses_on: The faults that stop the count of a stage.
    """

    id: str
    starts: str
    hours: int
    kind: ClockKind
    owner: str
    extra_hours: int = 0
    extra_times: int = 0
    extender: str = ""
    pauses_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a clock that its kind does not allow."""
        if self.hours <= 0 or self.extra_hours < 0 or self.extra_times < 0:
            raise ClockError(f"clock {self.id}: hours must be above 0, extensions not below")
        if bool(self.extra_hours) != bool(self.extra_times) or bool(self.extra_times) != bool(self.extender):
            raise ClockError(f"clock {self.id}: an extension names its hours, how often and who extends")
        if self.kind is ClockKind.CEILING and self.extra_times:
            raise ClockError(f"clock {self.id}: a ceiling never grows")
        if self.pauses_on and self.kind is not ClockKind.STAGE:
            raise ClockError(f"clock {self.id}: only a stage pauses, this is a {self.kind}")


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which work stood still: until when (None: it still does) and by whose fault."""

    since: datetime
    until: datetime | None
    fault: str

    def length(self, start: datetime, now: datetime) -> timedelta:
        """How much of it lies in [start, now]."""
        until = now if self.until is None else min(self.until, now)
        return max(until - max(self.since, start), timedelta(0))


@dataclass(frozen=True, slots=True)
class Timer:
    """A clock that has started, with the pauses and extensions so far; pauses do not overlap."""

    clock: Clock
    started_at: datetime
    pauses: tuple[Pause, ...] = ()
    extensions: int = 0

    def __post_init__(self) -> None:
        """Refuse more extensions than the clock gives."""
        if not 0 <= self.extensions <= self.clock.extra_times:
            raise ClockError(f"clock {self.clock.id} may be extended {self.clock.extra_times} times, no more")

    def due(self, now: datetime) -> datetime:
        """The instant at which its time is over, as far as `now` tells: a pause that still lasts moves it along."""
        hours = self.clock.hours + self.extensions * self.clock.extra_hours
        due = after(self.started_at, hours)
        for pause in sorted(self.pauses, key=lambda pause: pause.since):
            if pause.fault in self.clock.pauses_on and pause.since < due:
                due += pause.length(self.started_at, now)
        return due

    def over(self, now: datetime) -> bool:
        """Whether the time is over: at the due instant it is."""
        return now >= self.due(now)

    def left(self, now: datetime) -> timedelta:
        """What remains; never below nothing."""
        return max(self.due(now) - now, timedelta(0))

    def extended(self, by: str, now: datetime) -> Timer:
        """One extension more.

        Raises:
            ClockError: When `by` is not the clock's extender, its time is over, or no extension is left.
        """
        if by != self.clock.extender:
            raise ClockError(f"clock {self.clock.id} is extended by {self.clock.extender or 'nobody'}, not by {by}")
        if self.over(now):
            raise ClockError(f"clock {self.clock.id} is over since {self.due(now).isoformat()}")
        return replace(self, extensions=self.extensions + 1)


def after(start: datetime, hours: float) -> datetime:
    """The UTC instant `hours` elapsed hours after `start`, which may be in any zone."""
    return utc(start, "start") + timedelta(hours=hours)


def account(pauses: tuple[Pause, ...], start: datetime, now: datetime) -> dict[str, timedelta]:
    """How long work stood still since `start`, by fault, in the order in which the faults first occurred."""
    lost: dict[str, timedelta] = {}
    for pause in sorted(pauses, key=lambda pause: pause.since):
        lost[pause.fault] = lost.get(pause.fault, timedelta(0)) + pause.length(start, now)
    return lost


def earliest(*instants: datetime | None) -> datetime | None:
    """The earliest of those that are set; None when none is."""
    return min((instant for instant in instants if instant is not None), default=None)
