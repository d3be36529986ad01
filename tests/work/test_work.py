"""Which process is which, what a worker says, and what comes of a review that ended early."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.evaluation import campaign, jobs, queued
from seatrial.evaluation.campaign import Progress
from seatrial.evaluation.jobs import CalledOff, HandedBack, Hopeless, Kind, Lane, UnitState, Wanted
from seatrial.evaluation.queued import report_of, request_of, review_of, shown, told
from seatrial.evaluation.request import Request
from seatrial.evaluation.rundir import RunDirectory, RunError
from seatrial.framework.vocabulary import Form, Surface, Wording, check
from seatrial.work import place, speech
from seatrial.work.loop import Pace, Worker
from seatrial.work.review import HANDED_BACK, Reviews, _Attempt, _Telling
from seatrial.work.speech import speaker
from support.jobs import HOUSE, now, until
from support.plans import made_plan
from support.stores import database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

SUBMISSION = "sub_" + "0" * 32


@dataclass
class Told:
    """A hold that remembers."""

    stopping: str = ""
    draining: bool = False
    progress: dict[str, Any] = field(default_factory=dict)

    def tell(self, progress: Mapping[str, Any]) -> None:
        self.progress = dict(progress)


@pytest.mark.parametrize("module", [jobs, queued, speech])
def test_the_worked_examples_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert (found.attempted > 0, found.failed) == (True, 0)


def test_a_process_is_known_until_it_is_over_and_is_never_another_with_its_number() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = place.this_process()
    known = replace(here, pid=child.pid, began=place._began(child.pid) or 0)
    assert not place.is_gone(known)
    assert place.is_gone(replace(known, began=known.began - 1)), "the number belongs to another process now"
    assert not place.is_gone(replace(known, boot="another", began=0)), "of another host nothing is known"
    assert not place.end(replace(known, began=known.began - 1))
    assert not place.end(here), "never itself"
    assert child.poll() is None
    assert place.end(known)
    child.wait()
    assert place.is_gone(known)


def test_a_log_line_has_no_field_for_text() -> None:
    out = StringIO()
    speaker(out)("unit.left", unit="uni_1", reason="what somebody wrote", error="OSError")
    line = json.loads(out.getvalue())
    assert sorted(line) == ["error", "event", "level", "room", "time", "unit"]


def test_a_review_is_asked_for_and_read_back(tmp_path: Path) -> None:
    request = Request(model="alpha", families=("crypto",), levels=(1, 2), calibration=tmp_path / "c.json")
    wanted = review_of(SUBMISSION, request, by="eve", plan="sha256:" + "1" * 64)
    assert request_of(json.loads(json.dumps(wanted.what))) == request
    assert wanted.key == review_of(SUBMISSION, request, by="lin", plan="sha256:" + "1" * 64).key
    assert wanted.key != review_of(SUBMISSION, replace(request, levels=(1,)), by="eve").key
    with pytest.raises(ValueError, match="colour"):
        request_of({"request": {"colour": "blue"}})


def test_a_unit_that_a_worker_does_not_know_is_in_error_and_the_worker_goes_on(tmp_path: Path) -> None:
    with database("sqlite", tmp_path) as opened:
        from seatrial.storage.jobs import JobTables  # noqa: PLC0415 - once Django is set up

        queue, stop, out = JobTables(opened), threading.Event(), StringIO()
        strange = queue.enqueue(HOUSE, Wanted(kind="strange", key="x", why="a test"), now())
        known = queue.enqueue(HOUSE, Wanted(kind="known", key="x", why="a test"), now())
        worker = Worker(
            queue, [Kind("known", lambda *_: None)], {Lane.CHORES: 1}, say=speaker(out), pace=Pace(poll=0.02)
        )
        thread = threading.Thread(target=worker.work, args=(stop,))
        thread.start()
        until(lambda: not queue.unit(HOUSE, known.id).open, 20, "the known one")
        stop.set()
        thread.join()
        found = queue.unit(HOUSE, strange.id)
        assert (found.state, "knows no kind 'strange'" in found.reason) == (UnitState.ERROR, True)
        assert shown(found).waits_for
        assert report_of(found, by="eve").after == ""


REASONS = (
    ("paused (owner: developer): the endpoint is out of reach", RunError),
    ("stopped (owner: evaluator): the lease's time is over", RunError),
    ("stopped (owner: evaluator): the lease's budget is spent", Hopeless),
    ("stopped: withdrawn (owner: developer)", CalledOff),
    ("withdrawn (owner: developer): the lease was revoked", CalledOff),
)


@pytest.mark.parametrize(("reason", "kind"), REASONS)
def test_what_a_run_ended_for_decides_whether_it_is_tried_again(
    tmp_path: Path, reason: str, kind: type[Exception]
) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"stops": [{"at": "now", "reason": reason}]}))
    attempt = _attempt(tmp_path, Told())
    with pytest.raises(kind, match=r"owner"):
        attempt._left(tmp_path, "stopped")


def test_being_told_to_stop_comes_before_what_the_run_says(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"stops": [{"at": "now", "reason": "paused"}]}))
    with pytest.raises(CalledOff, match="not wanted"):
        _attempt(tmp_path, Told(stopping="not wanted"))._left(tmp_path, "stopped")
    with pytest.raises(HandedBack):
        _attempt(tmp_path, Told(draining=True))._left(tmp_path, "stopped")


def test_while_challenges_are_made_a_stop_is_heard_at_the_next_one() -> None:
    hold = Told()
    telling = _Telling(hold)
    telling(Progress("verifying challenges", 1, 8))
    assert (hold.progress["done"], hold.progress["total"]) == (1, 8)
    hold.draining = True
    with pytest.raises(HandedBack, match=r"handed back"):
        telling(Progress("verifying challenges", 2, 8))
    telling(Progress("scrutinising"))  # the last seconds of a run are not interrupted


def test_a_stop_never_reaches_a_process_that_has_a_dead_runs_number(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run")
    run.register(made_plan())
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = place._began(stranger.pid) or 0
    for left in ({"pid": stranger.pid, "began": began - 1}, {"pid": stranger.pid}, {"pid": 2**22 + 1, "began": None}):
        run.write("worker.json", left)
        with pytest.raises(RunError, match="no review is running"):
            campaign.stop(run.path, "by request")
    assert stranger.poll() is None
    run.write("worker.json", {"pid": stranger.pid, "began": began})
    campaign.stop(run.path, "by request")
    assert stranger.wait(10) != 0


def test_words_of_jobs_pass_the_word_list() -> None:
    words = [
        *UnitState,
        *Lane,
        *(ending.value for ending in jobs.Ending),
        HANDED_BACK,
        told(Progress("running"))["line"],
    ]
    assert check(Wording(Surface.STORED, word, word, Form.LABEL) for word in words) == ()


def _attempt(run: Path, hold: Told) -> _Attempt:
    reviews = Reviews(run, lambda *_: None, lambda _: None, lambda path: path)  # type: ignore[arg-type, return-value]
    return _Attempt(reviews, None, hold, Request(), None)  # type: ignore[arg-type]
