"""A worker process for the job queue's contract, and what it writes down: `python tests/support/jobs.py ORDER`.

Work of kind `steps` does numbered steps and journals each, as a review does samples: what is in the journal is not done
again. A step of a key takes a lock for as long as it runs; another worker at the same key is journaled as `overlap`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from seatrial.evaluation.jobs import CalledOff, HandedBack, Kind, Lane, Wanted
from seatrial.framework.viewer import Viewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.evaluation.jobs import Hold, PlanUnit
    from seatrial.storage import Address
    from seatrial.work.loop import Pace

HOUSE = Viewer.house("a test of the queue")
TESTS = Path(__file__).parent.parent


def wanted(key: str, *, steps: int = 1, seconds: float = 0.0, submission: str = "", lane: Lane = Lane.CHORES) -> Wanted:
    what = {"steps": steps, "seconds": seconds}
    return Wanted(kind="steps", key=key, what=what, why="a test", submission=submission, lane=lane)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Journal:
    """Lines of what was done: `end KEY STEP`, `told KEY -`, `overlap KEY -`, `begin KEY PID`."""

    folder: Path

    def write(self, *words: object) -> None:
        file = os.open(self.folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, (" ".join(map(str, words)) + "\n").encode())
        os.close(file)

    def lines(self) -> list[tuple[str, str, str]]:
        with contextlib.suppress(FileNotFoundError):
            return [tuple(line.split()) for line in (self.folder / "journal").read_text().splitlines()]  # type: ignore[misc]
        return []

    def count(self, word: str, key: str = "") -> int:
        return sum(line[0] == word and key in {"", line[1]} for line in self.lines())

    def ends(self) -> Counter[tuple[str, str]]:
        return Counter((key, step) for word, key, step in self.lines() if word == "end")


@dataclass
class Workers:
    """Worker processes over one database; all are killed at the end."""

    address: Address
    folder: Path
    pace: Pace
    shift: timedelta = timedelta()
    living: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, shift: timedelta = timedelta()) -> subprocess.Popen[bytes]:
        order = pickle.dumps((self.address, self.folder, self.pace, shift)).hex()
        with (self.folder / "said").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, __file__, order], stderr=said, env={**os.environ, "PYTHONPATH": _path()}
            )
        self.living.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        self.living.remove(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in list(self.living):
            self.kill(process)


def until(true: Callable[[], bool], within_s: float, what: str) -> float:
    """Wait until something is so; how long it took."""
    began = time.monotonic()
    while not true():
        took = time.monotonic() - began
        assert took < within_s, f"{what}: not within {within_s} s"
        threading.Event().wait(0.02)
    return time.monotonic() - began


def _path() -> str:
    return os.pathsep.join([str(TESTS), *(item for item in [os.environ.get("PYTHONPATH", "")] if item)])


def steps(journal: Journal) -> Kind:
    def work(unit: PlanUnit, hold: Hold) -> None:
        key, what = unit.wanted.key, unit.wanted.what
        with (journal.folder / f"lock-{key}").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                journal.write("overlap", key, "-")
                return
            journal.write("begin", key, os.getpid())
            done = journal.ends() if what["steps"] > 1 else Counter[tuple[str, str]]()
            for step in range(what["steps"]):
                if (key, str(step)) in done:
                    continue
                threading.Event().wait(what["seconds"])
                if hold.stopping:
                    journal.write("told", key, "-")
                    raise CalledOff(hold.stopping)
                if hold.draining:
                    journal.write("drained", key, "-")
                    raise HandedBack("asked to end")
                journal.write("end", key, step)
                hold.tell({"stage": "steps", "done": step + 1, "total": what["steps"]})

    return Kind("steps", work)


def raising() -> Kind:
    def work(_unit: PlanUnit, _hold: Hold) -> None:
        raise OSError("the disk is away")

    return Kind("raising", work)


def main(order: str) -> None:
    from seatrial.storage.session import Database  # noqa: PLC0415 - this process's own
    from seatrial.work.loop import Worker  # noqa: PLC0415 - the same
    from seatrial.work.speech import speaker  # noqa: PLC0415 - the same

    address, folder, pace, shift = pickle.loads(bytes.fromhex(order))  # noqa: S301 - the test's own
    database = Database(address)
    from seatrial.storage.jobs import JobTables  # noqa: PLC0415 - once Django is set up

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    kinds, lanes = (steps(Journal(folder)), raising()), {Lane.CHORES: 1, Lane.REVIEWS: 1}
    queue = JobTables(database)
    Worker(queue, kinds, lanes, say=speaker(), pace=pace, clock=lambda: datetime.now(UTC) + shift).work(stop)


if __name__ == "__main__":
    main(sys.argv[1])
