"""A worker: takes units from their lanes, keeps their claims alive while they are worked on, and sweeps for the dead.

- A lane's threads work; the main thread beats, wakes and sweeps, and never works: a long review misses no beat.
- Whatever the work raises is written down with the unit and ends nothing else.
- A database that does not answer is waited for. Claims that nobody kept alive meanwhile are another worker's.
- Asked to stop, it takes nothing more, tells the work that can be handed back, and waits for the rest.
- A worker of this host that is alive but was not heard of for `STALE_S` is killed before its unit is taken over: what
  it holds (locks, children) goes with it.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.jobs import (
    BEAT_S,
    STALE_S,
    SWEEP_S,
    WAKE_S,
    CalledOff,
    Ending,
    HandedBack,
    Hopeless,
    Watch,
)
from seatrial.framework.viewer import Viewer
from seatrial.work import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seatrial.evaluation.jobs import Kind, Lane, PlanUnit
    from seatrial.storage.jobs import JobTables
    from seatrial.work.speech import Say

POLL_S = 0.5
"""Between two looks at an empty lane."""
TURN_S = 0.25
"""Of the main thread: how exactly it keeps its times."""
REASON_LENGTH = 400
"""Of an error's text beside its unit: enough to act on."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker does what, in seconds."""

    beat: float = BEAT_S
    stale: float = STALE_S
    sweep: float = SWEEP_S
    wake: float = WAKE_S
    poll: float = POLL_S


@dataclass
class Held:
    """A unit that this worker has, as its work sees it."""

    unit: PlanUnit
    stopping: str = ""
    draining: bool = False
    lost: bool = False
    progress: Mapping[str, Any] = field(default_factory=dict)

    def tell(self, progress: Mapping[str, Any]) -> None:
        """Say how far it is."""
        self.progress = dict(progress)

    @property
    def claim(self) -> tuple[str, int]:
        """The claim's own number."""
        return self.unit.id, self.unit.attempt


def wall() -> datetime:
    """The time of day, for what is due and what is shown."""
    return datetime.now(UTC)


class Worker:
    """One worker process."""

    def __init__(
        self,
        queue: JobTables,
        kinds: Iterable[Kind],
        lanes: Mapping[Lane, int],
        *,
        say: Say,
        pace: Pace | None = None,
        clock: Callable[[], datetime] = wall,
    ) -> None:
        self.id = f"wrk_{secrets.token_hex(16)}"
        self._queue, self._kinds, self._lanes = queue, {kind.name: kind for kind in kinds}, dict(lanes)
        self._say, self._pace, self._clock = say, pace or Pace(), clock
        self._held: dict[tuple[str, int], Held] = {}
        self._watch = Watch(self._pace.stale)

    def work(self, stop: threading.Event) -> None:
        """Work until asked to stop, and until what was taken is done or handed back."""
        self._say("worker.began", worker=self.id)
        threads = [
            threading.Thread(target=self._lane, args=(lane, stop), name=f"{lane}-{number}", daemon=True)
            for lane, many in self._lanes.items()
            for number in range(many)
        ]
        turns = [
            (self._begin, float("inf")),
            (self._sweep, self._pace.sweep),
            (self._beat, self._pace.beat),
            (self._wake, self._pace.wake),
        ]
        due = dict.fromkeys(range(len(turns)), 0.0)
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if stop.is_set():
                self._drain()
            for number, (turn, every) in enumerate(turns):
                if time.monotonic() >= due[number] and self._safely(turn):
                    due[number] = time.monotonic() + every
            stop.wait(TURN_S) if not stop.is_set() else time.sleep(TURN_S)
        self._safely(lambda: self._queue.gone(self.id))
        self._queue.close()
        self._say("worker.ended", worker=self.id)

    def _lane(self, lane: Lane, stop: threading.Event) -> None:
        while not stop.is_set():
            took = False

            def turn() -> None:
                nonlocal took
                unit = self._queue.claim(lane, place.this_process(), self._clock())
                if unit is not None:
                    took = True
                    self._do(unit)

            if not self._safely(turn) or not took:
                stop.wait(self._pace.poll)
        self._queue.close()

    def _do(self, unit: PlanUnit) -> None:
        held = Held(unit, progress=unit.progress)
        self._held[held.claim] = held
        named = {"kind": unit.wanted.kind, "unit": unit.id, "stream": unit.wanted.submission, "attempt": unit.attempt}
        self._say("unit.taken", worker=self.id, **named)
        began = time.monotonic()
        try:
            ending, reason, error = self._ended(unit, held)
            self._written(held, ending, reason)
        finally:
            self._held.pop(held.claim, None)
        took = round(time.monotonic() - began, 3)
        self._say("unit.left", worker=self.id, ending=str(ending), error=error, seconds=took, **named)

    def _ended(self, unit: PlanUnit, held: Held) -> tuple[Ending, str, str]:
        kind = self._kinds.get(unit.wanted.kind)
        try:
            if kind is None:
                raise Hopeless(f"this worker knows no kind {unit.wanted.kind!r}")  # noqa: TRY301 - one way out for all
            kind.work(unit, held)
        except HandedBack as why:
            return Ending.HANDED_BACK, str(why), ""
        except CalledOff as why:
            return Ending.CALLED_OFF, str(why), ""
        except Hopeless as why:
            return Ending.HOPELESS, str(why), "Hopeless"
        except Exception as error:  # noqa: BLE001 - whatever one unit raises must not end the others
            said = f"{type(error).__name__}: {error}"[:REASON_LENGTH]
            return Ending.RAISED, said, type(error).__name__
        return Ending.DONE, "", ""

    def _written(self, held: Held, ending: Ending, reason: str) -> None:
        """Into the plan, however long the database takes to answer: what was done is not to be done again."""

        def write() -> None:
            self._queue.beat({held.claim: held.progress})
            self._queue.settle(held.unit, ending, reason, self._clock())

        while not held.lost and not self._safely(write):
            time.sleep(self._pace.poll)

    def _begin(self) -> None:
        viewer = Viewer.house("kinds of work that are due by themselves")
        for kind in self._kinds.values():
            if kind.every_s is not None:
                self._queue.enqueue(viewer, kind.wanted(), self._clock())

    def _beat(self) -> None:
        held = dict(self._held)
        self._queue.seen(self.id, place.this_process(), self._clock())
        for claim, heard in self._queue.beat({claim: one.progress for claim, one in held.items()}).items():
            if heard is None:
                held[claim].lost, held[claim].stopping = True, "another worker has it"
            else:
                held[claim].stopping = heard

    def _wake(self) -> None:
        self._queue.wake(self._clock())

    def _sweep(self) -> None:
        beats = {claim: known for claim, known in self._queue.beats().items() if claim not in self._held}
        still = self._watch.still({claim: count for claim, (count, _) in beats.items()}, time.monotonic())
        for claim, (count, process) in beats.items():
            if claim not in still and not place.is_gone(process):
                continue
            place.end(process)
            if self._queue.free(claim, count, self._clock()):
                self._say("unit.freed", worker=self.id, unit=claim[0], attempt=claim[1])

    def _drain(self) -> None:
        for held in list(self._held.values()):
            held.draining = True

    def _safely(self, turn: Callable[[], None]) -> bool:
        """Whether it went well; a database that is away is no reason to end."""
        try:
            turn()
        except Exception as error:  # noqa: BLE001 - said, and tried again
            self._say("worker.trouble", worker=self.id, error=type(error).__name__)
            self._queue.close()
            return False
        return True
