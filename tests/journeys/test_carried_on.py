"""A review that was stopped is carried on with by another unit: the same run, and nothing finished runs again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from seatrial.evaluation.jobs import UnitState, Where
from seatrial.evaluation.queued import carried_on, each_run, report_of, review_of, run_folder, run_id
from seatrial.framework.viewer import Viewer
from seatrial.house import House
from seatrial.shipped import shipped_pack
from support.jobs import until
from support.reviewing import SELF_TEST, done, so_many_done, working

if TYPE_CHECKING:
    from pathlib import Path

HOUSE = Viewer.house("a test of a worker")
LONGER = replace(SELF_TEST, instances=8)
"""Long enough that a stop, which is heard within five seconds, finds it running."""


@pytest.mark.slow
def test_a_stopped_review_is_carried_on_with_in_its_own_folder(tmp_path: Path) -> None:
    house = House.open(tmp_path, packs=shipped_pack)
    first = house.jobs.enqueue(HOUSE, review_of("", LONGER, by="eve"), datetime.now(UTC))
    run = run_folder(tmp_path, first)
    with pytest.raises(ValueError, match="nothing to carry on with"):
        carried_on(first, by="eve")
    with working(tmp_path):
        before = so_many_done(run, 1)
        house.jobs.cancel(HOUSE, Where(unit=first.id), "stopped (owner: evaluator): by eve", datetime.now(UTC))
        until(lambda: not house.jobs.unit(HOUSE, first.id).open, 60, "the first is over")
        before |= done(run)
        stopped = house.jobs.unit(HOUSE, first.id)
        assert stopped.state is UnitState.CANCELLED
        second = house.jobs.enqueue(HOUSE, carried_on(stopped, by="lin"), datetime.now(UTC))
        until(lambda: not house.jobs.unit(HOUSE, second.id).open, 120, "the second is over")
    found, after = house.jobs.unit(HOUSE, second.id), done(run)
    assert (found.state, found.reason) == (UnitState.COMPLETE, "")
    assert before.items() <= after.items(), "a finished sample is another one now"
    assert len(after) == 2 * 2 * 8
    assert (run_id(found), run_folder(tmp_path, found)) == (first.id, run)
    assert [unit.id for unit in each_run((found, stopped))] == [second.id]
    assert report_of(found, by="lin").what == {"review": first.id}
    assert (run / "report.html").is_file()
    with pytest.raises(ValueError, match="is complete"):
        carried_on(found, by="eve")
