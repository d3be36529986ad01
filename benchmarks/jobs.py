"""The job queue's contract at its full counts, with worker processes that are killed for real.

20 kills at drawn moments of one unit with steps: complete within 90 s of each restart's end, no step done twice.
1,000 jobs with 5 kills of two workers: 1,000 done, no key by two at once. How long a cancellation takes, at the
worker's own pace. What a job costs.

    PYTHONPATH=tests python benchmarks/jobs.py [sqlite|postgresql|both|review] [SEED]

`review` kills the worker of a real review twenty times instead, on SQLite: samples that were finished stay the same
samples, and none of them begins again.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.evaluation.jobs import UnitState, Where
from seatrial.evaluation.queued import review_of
from seatrial.house import House
from seatrial.shipped import shipped_pack
from seatrial.work.loop import Pace
from support.jobs import HOUSE, Journal, Workers, now, until, wanted
from support.reviewing import SELF_TEST, done, starts, working
from support.stores import database

if TYPE_CHECKING:
    from seatrial.storage.jobs import JobTables
    from seatrial.storage.session import Database

KILLS, JOBS, JOB_KILLS = 20, 1000, 5


def killed_twenty_times(queue: JobTables, opened: Database, folder: Path, draw: random.Random) -> None:
    """One unit of 120 steps of 0.2 s; its worker is killed at a drawn moment, and the next one follows at once."""
    journal, pace, steps = Journal(folder), Pace(), 120
    unit = queue.enqueue(HOUSE, wanted("long", steps=steps, seconds=0.2), now())
    taken = []
    with Workers(opened.address, folder, pace) as workers:
        for _ in range(KILLS):
            begun, started = journal.count("begin"), time.monotonic()
            worker = workers.start()
            until(lambda begun=begun: journal.count("begin") > begun, 90, "taken again")  # type: ignore[misc]
            taken.append(time.monotonic() - started)
            time.sleep(draw.uniform(0.0, 1.5))
            workers.kill(worker)
        left = steps - len(journal.ends())
        started = time.monotonic()
        workers.start()
        until(lambda: queue.unit(HOUSE, unit.id).state == UnitState.COMPLETE, 180, "complete")
        took = time.monotonic() - started
    twice = sum(count > 1 for count in journal.ends().values())
    print(
        f"  {KILLS} kills: taken again after {statistics.median(taken):.1f} s (most {max(taken):.1f}), complete"
        f" {took:.1f} s after the last restart ({left} steps of 0.2 s were left), {twice} steps done twice"
    )


def a_thousand_jobs(queue: JobTables, opened: Database, folder: Path, draw: random.Random) -> None:
    """A thousand jobs of 2 ms, two workers, five kills."""
    journal = Journal(folder)
    began = time.monotonic()
    for number in range(JOBS):
        queue.enqueue(HOUSE, wanted(f"job{number}", seconds=0.002), now())
    asked = time.monotonic() - began
    began = time.monotonic()
    with Workers(opened.address, folder, Pace()) as workers:
        for _ in range(2):
            workers.start()
        for kill in range(JOB_KILLS):
            until(lambda kill=kill: sum(journal.ends().values()) >= 150 * (kill + 1), 120, "jobs")  # type: ignore[misc]
            workers.kill(draw.choice(workers.living))
            workers.start()
        until(lambda: not any(unit.open for unit in queue.units(HOUSE)), 180, "all over")
    took = time.monotonic() - began
    states = Counter(str(unit.state) for unit in queue.units(HOUSE) if unit.wanted.key.startswith("job"))
    again = sum(count > 1 for count in journal.ends().values())
    both = journal.count("overlap")
    print(
        f"  {JOBS} jobs, {JOB_KILLS} kills: {dict(states)}, {both} keys by two at once, {again} done again after a"
        f" kill; asked for in {asked:.1f} s, done in {took:.1f} s"
    )


def cancelled(queue: JobTables, opened: Database, folder: Path) -> None:
    """How long it takes until running work hears it."""
    journal, took = Journal(folder), []
    with Workers(opened.address, folder, Pace()) as workers:
        workers.start()
        for number in range(5):
            unit = queue.enqueue(HOUSE, wanted(f"told{number}", steps=10_000, seconds=0.05), now())
            until(lambda number=number: journal.count("end", f"told{number}") > 2, 60, "running")  # type: ignore[misc]
            queue.cancel(HOUSE, Where(unit=unit.id), "a benchmark", now())
            took.append(until(lambda number=number: journal.count("told", f"told{number}") > 0, 30, "heard"))  # type: ignore[misc]
    print(f"  cancelled while running: heard after {statistics.median(took):.1f} s, most {max(took):.1f} s")


def review_killed(home: Path, draw: random.Random) -> None:
    """A self-test of twelve samples whose worker is killed at drawn moments, also while it is prepared."""
    house = House.open(home, packs=shipped_pack)
    unit = house.jobs.enqueue(HOUSE, review_of("", SELF_TEST, by="eve"), now())
    run, kills = home / "reviews" / unit.id / "run", 0
    before, begun_then = dict[str, str](), dict[str, int]()
    for _ in range(KILLS):
        with working(home):
            time.sleep(draw.uniform(0.5, 12.0))
        kills += house.jobs.unit(HOUSE, unit.id).open
        with contextlib.suppress(ValueError):  # the log was being written when its writer was killed
            for uuid, sample in done(run).items():
                if uuid not in before:
                    before[uuid], begun_then[sample] = sample, starts(run).count(sample)
    began = time.monotonic()
    with working(home):
        until(lambda: not house.jobs.unit(HOUSE, unit.id).open, 300, "complete")
    took, after, begun = time.monotonic() - began, done(run), starts(run)
    lost = len(before.keys() - after.keys())
    again = sum(begun.count(sample) > count for sample, count in begun_then.items())
    print(
        f"  review: {kills} kills before it was over, {house.jobs.unit(HOUSE, unit.id).state} {took:.1f} s after the"
        f" last restart; {len(before)} samples seen finished before it, {lost} of them lost, {again} begun again;"
        f" {len(after)} finished in all, {len(begun)} attempts begun"
    )


def main() -> None:
    """Run it all on the databases that are named."""
    asked, seed = [*sys.argv[1:], "both", "1"][:2] if len(sys.argv) < 3 else sys.argv[1:3]
    if asked == "review":
        with tempfile.TemporaryDirectory() as name:
            review_killed(Path(name), random.Random(int(seed)))
        return
    for kind in ("sqlite", "postgresql") if asked == "both" else (asked,):
        print(f"{kind}, seed {seed}")
        for part in (killed_twenty_times, a_thousand_jobs, cancelled):
            with tempfile.TemporaryDirectory() as name, database(kind, Path(name)) as opened:
                from seatrial.storage.jobs import JobTables  # noqa: PLC0415 - once Django is set up

                queue, folder = JobTables(opened), Path(name)
                if part is cancelled:
                    cancelled(queue, opened, folder)
                else:
                    part(queue, opened, folder, random.Random(int(seed)))  # type: ignore[call-arg]


if __name__ == "__main__":
    main()
