"""What a job queue promises, over every database, with worker processes that are killed for real.

The full counts are in `benchmarks/jobs.py`; here are fewer.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from seatrial.evaluation.jobs import (
    BEAT_S,
    LONGEST_WAIT,
    MOST_FAILURES,
    Ending,
    Lane,
    Process,
    UnitState,
    Wanted,
    Watch,
    Where,
)
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer
from seatrial.work.loop import Pace
from seatrial.work.place import this_process
from support.framework import T0
from support.jobs import HOUSE, Journal, Workers, now, until, wanted
from support.stores import DATABASES, database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.storage.jobs import JobTables
    from seatrial.storage.session import Database

QUICK = Pace(beat=0.2, stale=2.0, sweep=0.2, wake=0.1, poll=0.05)
"""A worker's own pace with shorter times, so that a test takes seconds."""
SEED = 5


@dataclass
class Desk:
    """A queue, its database and its workers."""

    database: Database
    queue: JobTables
    journal: Journal
    workers: Workers

    def state(self, unit: str) -> UnitState:
        return self.queue.unit(HOUSE, unit).state


@pytest.fixture(params=DATABASES)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with database(request.param, tmp_path) as opened:
        from seatrial.storage.jobs import JobTables  # noqa: PLC0415 - once Django is set up

        with Workers(opened.address, tmp_path, QUICK) as workers:
            yield Desk(opened, JobTables(opened), Journal(tmp_path), workers)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_nothing_finished_is_done_again(desk: Desk) -> None:
    draw = random.Random(SEED)
    steps, kills = 20, 3
    unit = desk.queue.enqueue(HOUSE, wanted("review", steps=steps, seconds=0.1), now())
    for kill in range(kills):
        worker = desk.workers.start()
        wanted_ends = sum(desk.journal.ends().values()) + draw.randint(0, 4)

        def far_enough(ends: int = wanted_ends, begun: int = kill) -> bool:
            return sum(desk.journal.ends().values()) >= ends and desk.journal.count("begin") > begun

        until(far_enough, 30, "a step")
        desk.workers.kill(worker)
    desk.workers.start()
    until(lambda: desk.state(unit.id) == UnitState.COMPLETE, 30, f"complete after {kills} kills, seed {SEED}")
    assert desk.journal.ends() == Counter({("review", str(step)): 1 for step in range(steps)})
    assert desk.queue.unit(HOUSE, unit.id).lost == 0  # forgotten once it is complete
    assert desk.queue.unit(HOUSE, unit.id).attempt == kills + 1


@pytest.mark.slow
def test_no_unit_is_lost_and_no_key_runs_twice_at_once(desk: Desk) -> None:
    draw = random.Random(SEED)
    jobs, kills = 60, 2
    for number in range(jobs):
        for _ in range(2):  # asked for twice, done once while open
            desk.queue.enqueue(HOUSE, wanted(f"job{number}", seconds=0.004), now())
    assert len(desk.queue.units(HOUSE)) == jobs
    for _ in range(2):
        desk.workers.start()
    for kill in range(kills):
        until(lambda: sum(desk.journal.ends().values()) >= 12 * (kill + 1), 30, "some jobs")  # noqa: B023 - called at once
        desk.workers.kill(draw.choice(desk.workers.living))
        desk.workers.start()
    until(lambda: all(one.state == UnitState.COMPLETE for one in desk.queue.units(HOUSE)), 40, "all complete")
    assert {key for key, _ in desk.journal.ends()} == {f"job{number}" for number in range(jobs)}
    assert desk.journal.count("overlap") == 0


@pytest.mark.slow
def test_what_waits_never_starts_once_cancelled_and_what_runs_is_told(desk: Desk) -> None:
    running = desk.queue.enqueue(HOUSE, wanted("running", steps=1000, seconds=0.05), now())
    waiting = desk.queue.enqueue(HOUSE, wanted("waiting"), now())
    desk.workers.start()
    until(lambda: desk.journal.count("end", "running") > 0, 30, "the first step")
    assert desk.queue.cancel(HOUSE, Where(unit=waiting.id), "not wanted", now()) == 1
    assert desk.queue.cancel(HOUSE, Where(unit=running.id), "not wanted", now()) == 1
    took = until(lambda: desk.journal.count("told", "running") == 1, 10, "the running one hears it")
    assert took < 10
    assert BEAT_S < 10, "at a worker's own pace it is heard in the same time"
    until(lambda: desk.state(running.id) == UnitState.CANCELLED, 10, "cancelled")
    done = desk.queue.enqueue(HOUSE, wanted("after"), now())
    until(lambda: desk.state(done.id) == UnitState.COMPLETE, 10, "a later one")
    assert desk.state(waiting.id) == UnitState.CANCELLED
    assert desk.journal.count("begin", "waiting") == 0
    assert desk.queue.unit(HOUSE, waiting.id).reason == "not wanted"


@pytest.mark.slow
def test_a_worker_that_is_asked_to_end_hands_back_and_another_carries_on(desk: Desk) -> None:
    unit = desk.queue.enqueue(HOUSE, wanted("long", steps=30, seconds=0.1), now())
    first = desk.workers.start()
    until(lambda: desk.journal.count("end") > 2, 30, "some steps")
    first.send_signal(signal.SIGTERM)
    assert first.wait(10) == 0
    desk.workers.living.remove(first)
    assert (desk.state(unit.id), desk.journal.count("drained")) == (UnitState.WAITING, 1)
    assert desk.queue.quiet_for(now()) is None, "it said good-bye"
    desk.workers.start()
    until(lambda: desk.state(unit.id) == UnitState.COMPLETE, 30, "complete")
    assert max(desk.journal.ends().values()) == 1


@pytest.mark.slow
def test_a_worker_that_hangs_is_ended_before_its_unit_is_taken_over(desk: Desk) -> None:
    unit = desk.queue.enqueue(HOUSE, wanted("hangs", steps=20, seconds=0.05), now())
    hung = desk.workers.start()
    until(lambda: desk.journal.count("end") > 2, 30, "some steps")
    hung.send_signal(signal.SIGSTOP)
    desk.workers.start()
    until(lambda: desk.state(unit.id) == UnitState.COMPLETE, 30, "complete")
    assert hung.wait(10) == -signal.SIGKILL
    assert (desk.journal.count("overlap"), max(desk.journal.ends().values())) == (0, 1)


@pytest.mark.slow
def test_a_claim_of_another_host_is_left_alone_while_it_beats_and_taken_once_it_is_still(desk: Desk) -> None:
    elsewhere = Process("another-host", "another boot", "pid:[1]", 1, 1)
    unit = desk.queue.enqueue(HOUSE, wanted("far"), now())
    far = desk.queue.claim(Lane.CHORES, elsewhere, now())
    assert far is not None
    desk.workers.start()
    until(lambda: desk.queue.quiet_for(now()) is not None, 30, "a worker")
    began = time.monotonic()
    while time.monotonic() - began < 1.5 * QUICK.stale:
        assert desk.queue.beat({(far.id, far.attempt): {}})[far.id, far.attempt] == ""
        threading.Event().wait(QUICK.beat)
    assert desk.journal.count("begin") == 0
    took = until(lambda: desk.state(unit.id) == UnitState.COMPLETE, 30, "complete")
    assert took > QUICK.stale - 2 * QUICK.sweep - QUICK.beat
    assert desk.queue.beat({(far.id, far.attempt): {}}) == {(far.id, far.attempt): None}
    assert not desk.queue.settle(far, Ending.DONE, "", now())


@pytest.mark.slow
def test_clocks_that_are_hours_apart_do_no_harm(desk: Desk) -> None:
    """Two workers, an hour behind and an hour ahead: no claim is taken from its worker or kept from the other."""
    long = desk.queue.enqueue(HOUSE, wanted("long", steps=30, seconds=0.1), now())
    desk.workers.start(timedelta(hours=-1))
    until(lambda: desk.journal.count("end") > 2, 30, "some steps")
    desk.workers.start(timedelta(hours=1))
    until(lambda: desk.state(long.id) == UnitState.COMPLETE, 30, "complete")
    assert (desk.journal.count("begin"), desk.journal.count("overlap")) == (1, 0)
    for number in range(6):
        desk.queue.enqueue(HOUSE, wanted(f"job{number}"), now() + timedelta(hours=number % 3 - 1))
    until(lambda: all(one.state == UnitState.COMPLETE for one in desk.queue.units(HOUSE)), 30, "all complete")


def test_a_unit_that_raises_waits_longer_each_time_and_then_is_in_error(desk: Desk) -> None:
    at = T0
    unit = desk.queue.enqueue(HOUSE, wanted("x"), at)
    waits = []
    for failure in range(1, MOST_FAILURES + 1):
        taken = desk.queue.claim(Lane.CHORES, this_process(), at)
        assert taken is not None, f"failure {failure}"
        assert desk.queue.settle(taken, Ending.RAISED, "OSError: the disk is away", at)
        due = desk.queue.unit(HOUSE, unit.id).due_at
        waits.append(due - at)
        assert desk.queue.wake(due - timedelta(seconds=1)) == 0
        assert desk.queue.wake(due) == (failure < MOST_FAILURES)
        at = due
    assert waits == [min(timedelta(seconds=30) * 2**k, LONGEST_WAIT) for k in range(MOST_FAILURES)]
    found = desk.queue.unit(HOUSE, unit.id)
    assert (found.state, found.reason, found.failures) == (UnitState.ERROR, "OSError: the disk is away", MOST_FAILURES)
    assert desk.queue.claim(Lane.CHORES, this_process(), at + timedelta(days=1)) is None
    again = desk.queue.enqueue(HOUSE, wanted("x"), at)
    assert (again.id != unit.id, len(desk.queue.units(HOUSE))) == (True, 2), "it stays, and can be asked for again"


def test_what_is_asked_for_in_a_transaction_that_is_taken_back_leaves_nothing(desk: Desk) -> None:
    def fall() -> None:
        with desk.database.session(HOUSE, writing=True):
            desk.queue.enqueue(HOUSE, wanted("never"), now())
            assert len(desk.queue.units(HOUSE)) == 1
            raise OSError("taken back")

    with pytest.raises(OSError, match="taken back"):
        fall()
    assert desk.queue.units(HOUSE) == ()
    assert desk.queue.claim(Lane.CHORES, this_process(), now()) is None
    assert desk.queue.wake(now()) == 0


def test_a_clock_that_was_set_back_makes_a_unit_due_early_and_never_late(desk: Desk) -> None:
    unit = desk.queue.enqueue(HOUSE, wanted("x"), T0)
    taken = desk.queue.claim(Lane.CHORES, this_process(), T0)
    assert taken is not None
    desk.queue.settle(taken, Ending.RAISED, "no", T0)
    assert desk.queue.wake(T0 + timedelta(seconds=10)) == 0
    assert desk.queue.wake(T0 - timedelta(hours=1)) == 1
    assert desk.queue.claim(Lane.CHORES, this_process(), T0 - timedelta(hours=1)) is not None
    assert desk.state(unit.id) == UnitState.RUNNING


def test_the_second_claim_of_a_unit_is_refused_and_a_lost_claim_writes_nothing(desk: Desk) -> None:
    desk.queue.enqueue(HOUSE, wanted("x"), T0)
    first = desk.queue.claim(Lane.CHORES, this_process(), T0)
    assert first is not None
    assert desk.queue.claim(Lane.CHORES, this_process(), T0) is None
    claim = (first.id, first.attempt)
    assert desk.queue.beat({claim: {"done": 1}}) == {claim: ""}
    assert not desk.queue.free(claim, 0, T0), "it has beaten since"
    assert desk.queue.free(claim, 1, T0)
    second = desk.queue.claim(Lane.CHORES, this_process(), T0)
    assert second is not None
    assert (second.id, second.attempt, second.lost) == (first.id, 2, 1)
    assert desk.queue.beat({claim: {}}) == {claim: None}
    assert not desk.queue.settle(first, Ending.DONE, "", T0)
    assert desk.queue.settle(second, Ending.DONE, "", T0)


def test_two_threads_never_get_one_unit(desk: Desk) -> None:
    for number in range(20):
        desk.queue.enqueue(HOUSE, wanted(f"job{number}"), now())
    taken: list[str] = []

    def take() -> None:
        while (unit := desk.queue.claim(Lane.CHORES, this_process(), now())) is not None:
            taken.append(unit.id)
        desk.queue.close()

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(taken) == Counter({one.id: 1 for one in desk.queue.units(HOUSE)})


def test_a_unit_waits_for_the_one_before_it(desk: Desk) -> None:
    first = desk.queue.enqueue(HOUSE, wanted("first"), T0)
    then = desk.queue.enqueue(HOUSE, replace(wanted("then"), after=first.id), T0)
    never = desk.queue.enqueue(HOUSE, replace(wanted("never"), after=then.id), T0)
    taken = desk.queue.claim(Lane.CHORES, this_process(), T0)
    assert taken is not None
    assert desk.queue.claim(Lane.CHORES, this_process(), T0) is None
    desk.queue.settle(taken, Ending.DONE, "", T0)
    following = desk.queue.claim(Lane.CHORES, this_process(), T0)
    assert following is not None
    assert (taken.id, following.id) == (first.id, then.id)
    desk.queue.settle(following, Ending.HOPELESS, "no such thing", T0)
    desk.queue.wake(T0)
    assert [desk.state(one.id) for one in (first, then, never)] == ["complete", "error", "cancelled"]


def test_what_is_due_by_itself_comes_again_whatever_it_raised(desk: Desk) -> None:
    hourly = Wanted(kind="round", key="house", why="every hour", every_s=3600)
    unit = desk.queue.enqueue(HOUSE, hourly, T0)
    at = T0
    for _ in range(MOST_FAILURES + 2):
        taken = desk.queue.claim(Lane.CHORES, this_process(), at)
        assert taken is not None
        desk.queue.settle(taken, Ending.RAISED, "no", at)
        at += LONGEST_WAIT
        assert desk.queue.wake(at) == 1
    taken = desk.queue.claim(Lane.CHORES, this_process(), at)
    assert taken is not None
    desk.queue.settle(taken, Ending.DONE, "", at)
    assert desk.queue.wake(at + timedelta(minutes=59)) == 0
    assert desk.queue.wake(at + timedelta(minutes=60)) == 1
    assert desk.queue.enqueue(HOUSE, hourly, at).id == unit.id


def test_whoever_does_not_see_a_submission_asks_for_nothing_of_it(desk: Desk) -> None:
    absent = "sub_" + "0" * 32
    for viewer, one in ((HOUSE, wanted("x", submission=absent)), (Viewer.for_submission(absent), wanted("x"))):
        with pytest.raises(NotHere):
            desk.queue.enqueue(viewer, one, now())
    assert desk.queue.units(Viewer.for_submission(absent)) == ()


def test_a_claim_is_still_only_after_the_watcher_saw_it_so_for_long() -> None:
    watch, claim = Watch(45.0), ("uni_1", 1)
    assert watch.still({claim: 7}, 1000.0) == frozenset()
    assert watch.still({claim: 8}, 1044.0) == frozenset()
    assert watch.still({claim: 8}, 1088.9) == frozenset()
    assert watch.still({claim: 8}, 1089.0) == {claim}
    assert watch.still({("uni_1", 2): 8}, 1090.0) == frozenset()
