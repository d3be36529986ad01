"""A worker that is killed in the middle of a review is replaced; a withdrawal ends a review that a worker runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.evaluation.jobs import UnitState
from seatrial.evaluation.queued import review_of, shown
from seatrial.evaluation.request import Request
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer
from seatrial.house import House
from seatrial.shipped import shipped_pack
from support.desk import Desk, opened
from support.endpoint import Messages, Say, endpoint
from support.jobs import until
from support.reviewing import SELF_TEST, WAIT_S, done, so_many_done, starts, working

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

HOUSE = Viewer.house("a test of a worker")
EVALUATOR = Viewer.of("eve", "bureau", Role.EVALUATOR)
SAMPLES = 2 * 2 * 3
"""Participants, families and instances of the self-test."""
KEY = "sk-canary-51c0ae-endpoint"


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_review_is_replaced_and_nothing_finished_runs_again(tmp_path: Path) -> None:
    house = House.open(tmp_path, packs=shipped_pack)
    unit = house.jobs.enqueue(HOUSE, review_of("", SELF_TEST, by="eve"), datetime.now(UTC))
    run = tmp_path / "reviews" / unit.id / "run"
    with working(tmp_path) as first:
        before = so_many_done(run, 3)
        begun = {sample: starts(run).count(sample) for sample in before.values()}
        first.kill()
        first.wait()
    assert len(before) < SAMPLES, "it was over before it was killed"
    assert house.jobs.unit(HOUSE, unit.id).state == UnitState.RUNNING
    with working(tmp_path) as second:
        until(lambda: house.jobs.unit(HOUSE, unit.id).attempt == 2, 90, "taken again")
        before |= so_many_done(run, len(before) + 2)
        begun |= {sample: starts(run).count(sample) for sample in before.values() if sample not in begun}
        _handed_back(second, house, unit.id, run)
    with working(tmp_path) as third:
        took = until(lambda: not house.jobs.unit(HOUSE, unit.id).open, 90, "complete within 90 s of the restart")
        assert third.poll() is None
    after, found = done(run), house.jobs.unit(HOUSE, unit.id)
    assert (found.state, found.attempt, found.reason) == (UnitState.COMPLETE, 3, ""), (took, found)
    assert before.items() <= after.items(), "a finished sample is another one now"
    assert sorted(after.values()) == sorted(set(after.values())), "a sample was finished twice"
    assert len(after) == SAMPLES
    assert {sample: starts(run).count(sample) for sample in begun} == begun, "a finished sample began again"
    assert json.loads((run / "run.json").read_text())["state"] == "finished"
    assert (run / "report.html").is_file()
    assert (shown(found).done, shown(found).total) == (SAMPLES, SAMPLES)


def _handed_back(worker: subprocess.Popen[bytes], house: House, unit: str, run: Path) -> None:
    """Asked to end, a worker stops the review within seconds and leaves it to the next one."""
    worker.terminate()
    assert worker.wait(30) == 0
    assert house.jobs.unit(HOUSE, unit).state == UnitState.WAITING
    ended = json.loads((run / "run.json").read_text())
    assert (ended["state"], "handed back" in ended["stops"][-1]["reason"]) == ("stopped", True)


def endless(_messages: Messages, number: int) -> Say:
    """A mind that goes on for ever."""
    return Say(f"still at it {number}", (("bash", {"command": "sleep 0.2; echo still here"}),))


@pytest.mark.slow
def test_a_withdrawal_stops_a_review_that_a_worker_runs(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home", tmp_path / "papers")
    with endpoint(endless) as served:
        name = opened(Desk(desk.home, desk.papers, apart=False), served, KEY)
        house = House.open(desk.home, packs=shipped_pack)
        request = Request(
            model="alpha",
            alias="heron-7",
            participants=("null",),
            families=("crypto",),
            levels=(1,),
            limit_turns=100000,
        )
        unit = house.jobs.enqueue(EVALUATOR, review_of(name, request, by="eve"), datetime.now(UTC))
        waiting = house.jobs.enqueue(EVALUATOR, review_of(name, request, by="eve", plan="another"), datetime.now(UTC))
        with working(desk.home) as process:

            def called() -> bool:
                assert process.poll() is None, (desk.home / "worker.log").read_text()
                return bool(shown(house.jobs.unit(EVALUATOR, unit.id)).spend) and len(served.bodies) > 8

            until(called, WAIT_S, "the review calls the endpoint")
            assert [one.id for one in house.jobs.units(EVALUATOR, name)] == [waiting.id, unit.id]
            desk("withdraw", name)

            def stopped() -> bool:
                return not any(one.open for one in house.jobs.units(HOUSE, name))

            took = until(stopped, 60, "both are over")
            calls = len(served.bodies)
            _is_quiet(process, house, unit.id)
        assert took < 60
        assert len(served.bodies) == calls, "the endpoint was called after the withdrawal"
    states = {one.id: (one.state, one.attempt) for one in house.jobs.units(HOUSE, name)}
    assert states == {unit.id: (UnitState.CANCELLED, 1), waiting.id: (UnitState.CANCELLED, 0)}
    run = json.loads((desk.home / "reviews" / unit.id / "run" / "run.json").read_text())
    assert (run["state"], "withdrawn (owner: developer)" in run["stops"][-1]["reason"]) == ("stopped", True)
    said = (desk.home / "worker.log").read_text()
    assert KEY not in said
    assert "still at it" not in said
    assert all(json.loads(line)["room"] == "work" for line in said.splitlines() if line.startswith("{"))
    leases: Any = json.loads(desk("custody", "status", name))
    assert leases["ended"]


def _is_quiet(process: subprocess.Popen[bytes], house: House, unit: str) -> None:
    """Asked to end, the worker ends at once: nothing of the review is left in it."""
    process.terminate()
    assert process.wait(20) == 0
    assert not house.jobs.unit(HOUSE, unit).open
