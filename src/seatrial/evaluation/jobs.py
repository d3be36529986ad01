"""Jobs: what is to be made complete, as rows that an auditor can read, and a queue that only wakes.

- A unit says what, why, for whom and after what. To work on it is to make it complete, so it may be worked on again.
- One claim at a time: it counts its beats, and who claimed later is told by the number of the attempt.
- A claim is dead when its process is, or when its beats stand still for `STALE_S` by the watcher's own steady clock: no
  step of any wall clock ends or keeps a claim.
- A unit that raised waits longer each time, and is in error after `MOST_FAILURES`; it stays where everybody sees it.
- Wall clocks only say when a unit is due; a clock that was set back makes it due early, never late.

>>> [str(wait_after(failures)) for failures in (1, 2, 6)]
['0:00:30', '0:01:00', '0:15:00']
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seatrial.framework.viewer import Viewer

BEAT_S = 5.0
"""Between two beats of a claim: a cancellation reaches the work within this time."""
STALE_S = 45.0
"""Beats missed in a row, eight of them, before a claim is held to be dead: a busy machine is no reason."""
SWEEP_S = 15.0
WAKE_S = 2.0
"""How late a unit that has become due is woken."""
MOST_FAILURES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
MOST_LOST = 30
"""Workers that may end in the middle of one unit before it is held to be what ends them."""


class Lane(StrEnum):
    """Units of one lane wait for each other only: a chore of a second never waits for a review of hours."""

    REVIEWS = "reviews"
    CHORES = "chores"


class UnitState(StrEnum):
    """Where a unit is."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    ERROR = "error"


OPEN_STATES = frozenset({UnitState.WAITING, UnitState.RUNNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants made complete.

    Attributes:
        key: With the kind, unique among open units: asking again gives the same unit.
        submission: Whose it is; empty for the house's own.
        what: All that the kind needs to know, as JSON.
        why: In words, for whoever reads the plan.
        by: The person who asked; empty for the house itself.
        after: The unit that must be complete before.
        every_s: Due again so long after it was done; never complete then.
    """

    kind: str
    key: str
    why: str
    submission: str = ""
    what: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    after: str = ""
    lane: Lane = Lane.CHORES
    every_s: int | None = None


@dataclass(frozen=True, slots=True)
class PlanUnit:
    """One unit of the plan, as it stands.

    Attributes:
        attempt: How often it was claimed; the claim's own number.
        failures: How often in a row the work raised.
        lost: How often its worker ended in the middle of it.
        reason: Why it ended or waits, in words.
        progress: What the work told last: stage, done, total, and figures of its own.
        stopping: Why the running work was told to stop; empty: it was not.
    """

    id: str
    wanted: Wanted
    state: UnitState
    attempt: int
    failures: int
    lost: int
    reason: str
    progress: Mapping[str, Any]
    stopping: str
    asked_at: datetime
    due_at: datetime
    ended_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether it still is to be worked on."""
        return self.state in OPEN_STATES


class HandedBack(Exception):
    """The work stopped where it was, so that another worker carries on."""


class CalledOff(Exception):
    """The work stopped for good, as it was told to."""


class Hopeless(Exception):
    """Trying again would not help."""


class Hold(Protocol):
    """A claimed unit, as its work sees it."""

    @property
    def stopping(self) -> str:
        """Why the work is to stop now; empty: it is not."""
        ...

    @property
    def draining(self) -> bool:
        """Whether the work is to be handed back, not given up."""
        ...

    def tell(self, progress: Mapping[str, Any]) -> None:
        """Say how far it is; whoever looks sees it at the next beat."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work, and how often it is due when nobody asks for it."""

    name: str
    work: Callable[[PlanUnit, Hold], None]
    why: str = ""
    every_s: int | None = None
    lane: Lane = Lane.CHORES

    def wanted(self) -> Wanted:
        """Its unit, for a kind that is due by itself."""
        return Wanted(kind=self.name, key="house", why=self.why, every_s=self.every_s, lane=self.lane)


class Ending(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    RAISED = "raised"
    HOPELESS = "hopeless"
    CALLED_OFF = "called off"
    HANDED_BACK = "handed back"


@dataclass(frozen=True, slots=True)
class Where:
    """Which units are meant: one of them, or all of a submission."""

    unit: str = ""
    submission: str = ""

    def __post_init__(self) -> None:
        if bool(self.unit) == bool(self.submission):
            raise ValueError("name a unit or a submission, and one of them only")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that nothing else is taken for: the boot, the space of its number, the number, and when it began."""

    host: str
    boot: str
    space: str
    pid: int
    began: int


class JobQueue(Protocol):
    """Units and their claims; see the contract in `tests/contracts/test_job_queue.py`."""

    def enqueue(self, viewer: Viewer, wanted: Wanted, now: datetime) -> PlanUnit:
        """Write a unit down and wake a worker, in the open transaction if there is one; again gives the open unit.

        Raises:
            LookupError: there is no such submission for this viewer.
        """
        ...

    def cancel(self, viewer: Viewer, where: Where, reason: str, now: datetime) -> int:
        """End what waits, tell what runs; how many there were."""
        ...

    def units(self, viewer: Viewer, submission: str = "") -> Sequence[PlanUnit]:
        """The units that a viewer sees, newest first."""
        ...

    def claim(self, lane: Lane, process: Process, now: datetime) -> PlanUnit | None:
        """Take a unit that is due; None when there is none."""
        ...

    def beat(self, claims: Mapping[tuple[str, int], Mapping[str, Any]]) -> Mapping[tuple[str, int], str | None]:
        """Say that these claims live, and how far they are; each hears why to stop, or None when it is lost."""
        ...

    def settle(self, unit: PlanUnit, ending: Ending, reason: str, now: datetime) -> bool:
        """Write down how an attempt ended; False when the claim was another's meanwhile."""
        ...

    def wake(self, now: datetime) -> int:
        """Wake what is due and has no message; how many there were."""
        ...

    def beats(self) -> Mapping[tuple[str, int], tuple[int, Process]]:
        """Every claim: how often it has beaten, and whose it is."""
        ...

    def free(self, claim: tuple[str, int], beats: int, now: datetime) -> bool:
        """Take a dead claim away, unless it has beaten again."""
        ...


def wait_after(failures: int) -> timedelta:
    """How long a unit waits after it has raised so often in a row."""
    return min(FIRST_WAIT * (1 << (failures - 1)), LONGEST_WAIT)


def is_due(set_at: datetime, due_at: datetime, now: datetime) -> bool:
    """Whether a time has come that was set at `set_at`; a clock that shows less than it did then was set back.

    >>> at = datetime(2026, 1, 1, 12)
    >>> [is_due(at, at + timedelta(minutes=15), at + timedelta(minutes=later)) for later in (-60, 10, 15)]
    [True, False, True]
    """
    return now >= due_at or now < set_at


class Watch:
    """Which claims are dead, for one watcher: those whose beats stood still while it looked on."""

    def __init__(self, stale_s: float = STALE_S) -> None:
        self._stale_s = stale_s
        self._seen: dict[tuple[str, int], tuple[int, float]] = {}

    def still(self, beats: Mapping[tuple[str, int], int], steady_s: float) -> frozenset[tuple[str, int]]:
        """The claims that have not beaten for too long; `steady_s` is a clock that nobody sets."""
        known = self._seen
        self._seen = {
            claim: known[claim] if claim in known and known[claim][0] == count else (count, steady_s)
            for claim, count in beats.items()
        }
        return frozenset(claim for claim, (_, since) in self._seen.items() if steady_s - since >= self._stale_s)
