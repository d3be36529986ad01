"""A review as work: a run directory is made complete, by however many workers one after the other.

- Prepared aside and moved into place whole: a directory that is there has its plan, or there is none.
- Each attempt has a lease of its own, and ends the former ones first: whoever was cut off cannot spend.
- What is written into the record is written before the mark that it was, so a killed attempt can repeat an entry and
  cannot leave one out.
- Told to stop, it ends the run within seconds; what was in flight is censored, and what was finished is kept.
- A lock that a live process holds is not waited for: the unit waits, and is tried again.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from seatrial.evaluation import campaign
from seatrial.evaluation.jobs import CalledOff, HandedBack, Hopeless
from seatrial.evaluation.queued import request_of, run_id, told
from seatrial.evaluation.rundir import RunDirectory, RunError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from seatrial.evaluation.campaign import Progress
    from seatrial.evaluation.jobs import Hold, PlanUnit
    from seatrial.evaluation.plan import ReviewPlan
    from seatrial.evaluation.request import Request
    from seatrial.evaluation.submission import Access

HANDED_BACK = "handed back (owner: operator): the worker is asked to end"
AGAIN = ("paused", "stopped (owner: evaluator): the lease's time", "stopped (owner: evaluator): the gateway")
"""How the reasons begin after which another attempt, later or with a lease of its own, can go on."""
SPENT = "stopped (owner: evaluator): the lease's budget"
COUNTS = ("done", "total", "spend")
"""What a stage without counts of its own leaves as the last one had it."""
MARKS = ".noted"
"""A folder of the run directory: which entries of the record are written."""


class Record(Protocol):
    """A review's part in the record of the submission that it is of."""

    def check(self) -> object:
        """Raise `RunError` where no run begins."""
        ...

    def enter(self, run: Path) -> None:
        """Remember where the run is."""
        ...

    def planned(self, plan: ReviewPlan) -> None:
        """The plan's digest."""
        ...

    def shown_closed(self) -> AbstractContextManager[None]:
        """Record a boundary that the block finds open."""
        ...

    def closed(self, run: Path, access: Access) -> None:
        """Show the boundary closed and the endpoint sane."""
        ...

    def began(self, run: Path, access: Access, attempt: int) -> None:
        """A run begins."""
        ...

    def ended(self, run: Path, state: str) -> None:
        """A run has ended."""
        ...

    def drafted(self, assessment: Path) -> None:
        """The report that was written."""
        ...


class Reach(Protocol):
    """The way to a submitted model."""

    def __call__(self, submission: str, model: str, unit: str, attempt: int) -> AbstractContextManager[Access]:
        """A lease of this attempt and a gateway, both ended with the block; former leases of the unit end first."""
        ...


@dataclass(frozen=True, slots=True)
class Reviews:
    """Reviews in one folder, a folder a unit."""

    folder: Path
    reach: Reach
    record_of: Callable[[str], Record]
    report: Callable[[Path], Path]

    def run_of(self, unit: str) -> Path:
        """Where the run directory of a unit is, or will be."""
        return self.folder / unit / "run"

    def review(self, unit: PlanUnit, hold: Hold) -> None:
        """Make the run directory and its report complete."""
        run, submission = self.run_of(run_id(unit)), unit.wanted.submission
        record = self.record_of(submission) if submission else None
        if not _is_finished(run):
            _Attempt(self, unit, hold, request_of(unit.wanted.what), record).carry_on()
        if record is not None:
            _once(run, "ended", lambda: record.ended(run, "finished"))
        page = self.report(run)
        if record is not None:
            _once(run, "drafted", lambda: record.drafted(page.with_name("assessment.json")))

    def render(self, unit: PlanUnit, hold: Hold) -> None:  # noqa: ARG002 - every kind of work is given its hold
        """Render the report of a review again."""
        run = self.run_of(unit.wanted.what["review"])
        if not _is_finished(run):
            raise Hopeless(f"{unit.wanted.what['review']}: that review is not finished; there is no report of it")
        self.report(run)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt at a run that is not finished."""

    reviews: Reviews
    unit: PlanUnit
    hold: Hold
    request: Request
    record: Record | None

    def carry_on(self) -> None:
        run = self.reviews.run_of(run_id(self.unit))
        _stop_if_told(self.hold)
        if self.record is None:
            self._prepared(run, self.request, None)
            state = self._run(run, None)
        else:
            self.record.check()
            model = self.request.model
            with self.reviews.reach(self.unit.wanted.submission, model, self.unit.id, self.unit.attempt) as access:
                self.record.enter(run)
                self._prepared(run, access.asked(self.request), access)
                plan = RunDirectory.open(run).plan()
                record = self.record
                _once(run, "planned", lambda: record.planned(plan))
                self.record.closed(run, access)
                state = self._run(run, access)
        if state != "finished":
            self._left(run, state)

    def _prepared(self, run: Path, request: Request, access: Access | None) -> None:
        if run.exists():
            return
        for left in run.parent.glob("part-*"):
            shutil.rmtree(left, ignore_errors=True)
        part = run.parent / f"part-{self.unit.attempt}"
        if self.record is not None:
            self.record.enter(part)
        try:
            with self.record.shown_closed() if self.record else contextlib.nullcontext():
                campaign.prepare(request, part, _Telling(self.hold), access=access)
            part.rename(run)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _run(self, run: Path, access: Access | None) -> str:
        telling, record = _Telling(self.hold, run), self.record

        def begin(attempt: int) -> None:
            if record is not None and access is not None:
                record.began(run, access, attempt)

        base_url = str(self.unit.wanted.what.get("base_url", ""))
        return campaign.execute(run, telling, base_url=base_url, access=access, begin=begin)

    def _left(self, run: Path, state: str) -> None:
        """Say why a run that is not finished has ended."""
        if self.record is not None:
            self.record.ended(run, state)
        _stop_if_told(self.hold)
        reason = _reason(run)
        if reason.startswith(AGAIN):
            raise RunError(reason)
        if reason.startswith(SPENT):
            raise Hopeless(reason)
        raise CalledOff(reason)


@dataclass(slots=True)
class _Telling:
    """Passes progress on, and ends what it watches once it is told to stop."""

    hold: Hold
    run: Path | None = None
    stopped: bool = False
    last: dict[str, Any] = field(default_factory=dict)

    def __call__(self, now: Progress) -> None:
        counts = {name: self.last[name] for name in COUNTS if name in self.last and not now.total}
        self.last = told(now) | counts
        self.hold.tell(self.last)
        if self.stopped or not (self.hold.stopping or self.hold.draining) or now.stage == "scrutinising":
            return
        if now.stage != "running" or self.run is None:
            _stop_if_told(self.hold)
            return
        self.stopped = True
        with contextlib.suppress(RunError):  # it has just ended by itself
            campaign.stop(self.run, self.hold.stopping or HANDED_BACK)


def _stop_if_told(hold: Hold) -> None:
    if hold.stopping:
        raise CalledOff(hold.stopping)
    if hold.draining:
        raise HandedBack(HANDED_BACK)


def _is_finished(run: Path) -> bool:
    return (run / "seeds.json").exists()


def _reason(run: Path) -> str:
    stops = (RunDirectory(run).read("run.json") or {}).get("stops", [])
    return str(stops[-1]["reason"]) if stops else "stopped for no reason that was written down"


def _once(run: Path, name: str, note: Callable[[], None]) -> None:
    mark = run / MARKS / name
    if not mark.exists():
        note()
        mark.parent.mkdir(mode=0o700, exist_ok=True)
        mark.touch()
