"""Jobs of a submission: who may ask for and see them, and what a withdrawal and a purge do with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.evaluation.jobs import Ending, Lane, UnitState, Wanted, Where
from seatrial.framework.consent import Activity
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer
from seatrial.work.place import this_process
from support.framework import BUREAU, HOUR, LAB, RIVAL, T0, actor, consent, fresh, full_act
from support.house import open_house
from support.stores import DATABASES, address, setting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.house import House

OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
EVALUATOR = Viewer.of("per-evaluator", BUREAU, Role.EVALUATOR)
RIVALS = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)
HOUSE = Viewer.house("a test of jobs")


@pytest.fixture(params=DATABASES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with address(request.param, tmp_path) as at:
        opened = open_house(tmp_path, environment=setting(at))
        yield opened
        opened.database.close()


def submitted(house: House) -> str:
    name = house.new_id()
    house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), T0, about=name), T0)
    share = full_act("submit", actor("developer_owner"), T0 + HOUR, about=name, consent=consent(Activity.SHARE_DOSSIER))
    house.act(name, replace(share, request_digest=""), share.at)
    return name


def a_review(name: str, key: str = "one") -> Wanted:
    return Wanted(
        kind="run_review",
        key=f"{name}/{key}",
        submission=name,
        what={"alias": "heron-7"},
        why="a plan",
        lane=Lane.REVIEWS,
    )


def test_a_party_asks_and_sees_and_a_rival_finds_nothing(house: House) -> None:
    name = submitted(house)
    unit = house.jobs.enqueue(EVALUATOR, a_review(name), T0)
    for viewer in (OWNER, EVALUATOR, Viewer.for_submission(name), HOUSE):
        assert [one.id for one in house.jobs.units(viewer, name)] == [unit.id]
    assert house.jobs.units(RIVALS) == house.jobs.units(RIVALS, name) == ()
    assert house.jobs.cancel(RIVALS, Where(unit=unit.id), "not theirs", T0) == 0
    for ask in (
        lambda: house.jobs.unit(RIVALS, unit.id),
        lambda: house.jobs.enqueue(RIVALS, a_review(name, "two"), T0),
        lambda: house.jobs.enqueue(OWNER, Wanted(kind="round", key="house", why="not a party's"), T0),
    ):
        with pytest.raises(NotHere):
            ask()
    assert house.jobs.claim(Lane.CHORES, this_process(), T0) is None
    taken = house.jobs.claim(Lane.REVIEWS, this_process(), T0)
    assert taken is not None
    assert (taken.id, taken.state) == (unit.id, UnitState.RUNNING)


def test_a_withdrawal_cancels_what_waits_and_tells_what_runs(house: House) -> None:
    name = submitted(house)
    for key in ("one", "two"):
        house.jobs.enqueue(EVALUATOR, a_review(name, key), T0)
    running = house.jobs.claim(Lane.REVIEWS, this_process(), T0)
    assert running is not None
    claim = (running.id, running.attempt)
    assert house.jobs.beat({claim: {}}) == {claim: ""}
    at = T0 + 9 * HOUR
    house.act(name, Act("withdraw", actor("developer_owner"), at), at)
    assert house.jobs.beat({claim: {}}) == {claim: "runs were stopped: withdraw"}
    states = {one.wanted.key: one.state for one in house.jobs.units(HOUSE, name)}
    assert sorted(states.values()) == [UnitState.CANCELLED, UnitState.RUNNING]
    assert house.jobs.claim(Lane.REVIEWS, this_process(), at) is None
    assert house.jobs.settle(running, Ending.CALLED_OFF, "runs were stopped: withdraw", at)
    late = house.jobs.enqueue(HOUSE, a_review(name, "late"), at)
    assert house.jobs.claim(Lane.REVIEWS, this_process(), at) is None, "of what is over nothing begins"
    house.jobs.wake(at)
    assert house.jobs.unit(HOUSE, late.id).state == UnitState.CANCELLED


def test_what_a_purge_leaves_says_nothing_of_the_submission(house: House) -> None:
    name = submitted(house)
    unit = house.jobs.enqueue(EVALUATOR, a_review(name), T0)
    house.jobs.cancel(EVALUATOR, Where(submission=name), "not wanted", T0)
    house.jobs.forget(Viewer.for_submission(name), name)
    left = house.jobs.unit(HOUSE, unit.id)
    assert (dict(left.wanted.what), left.wanted.why, dict(left.progress), left.reason) == ({}, "", {}, "")
    assert left.state == UnitState.CANCELLED
