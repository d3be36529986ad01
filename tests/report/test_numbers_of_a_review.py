"""Quantities beyond shares: several attempts, horizons, arms, thresholds, and what runs without an end could change."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seatrial.evaluation.rows import read_rows, write_rows
from seatrial.measurement import Claim, Estimate, elicitation_gap, horizon, statements, success_in_attempts
from seatrial.report import ReportError, build
from seatrial.report.rundir import read
from seatrial.report.table import Tables

from . import made
from .built import built
from .test_build import change, rows_of

if TYPE_CHECKING:
    from pathlib import Path


def test_several_attempts_are_counted_on_the_repeated_instances(extras_run: Path) -> None:
    found = {item.participant: item for item in built(extras_run).estimates if item.quantity == "Q4"}
    tables = Tables.of(read(extras_run))
    outcomes = tables.outcomes("heron-7")
    again = [task for task, runs in Counter(outcomes.task.tolist()).items() if runs == 5]
    answer = success_in_attempts(outcomes.where(np.isin(outcomes.task, again)), 5)
    assert isinstance(answer, Estimate)
    assert found["heron-7"].value == pytest.approx(answer.value)
    assert (found["heron-7"].tasks, found["heron-7"].n) == (60, 300)
    assert found["heron-7"].id.endswith("/k5")


def test_a_horizon_stands_with_its_curve_and_its_runs(model_run: Path) -> None:
    assessment, tables = built(model_run), Tables.of(read(model_run))
    for item in assessment.horizons:
        outcomes = tables.outcomes(item.participant)
        for point in item.points:
            answer = horizon(outcomes, share=point.share)
            if point.estimate is None:
                assert point.reason == getattr(answer.answer, "reason", None)
            else:
                assert isinstance(answer.answer, Estimate)
                assert point.estimate.value == pytest.approx(answer.answer.value)
            assert answer.curve is not None
            assert item.curve == (pytest.approx(answer.curve.intercept), pytest.approx(answer.curve.slope))
        assert sum(place.runs for place in item.places) == len(outcomes.counted())
        assert sum(place.solved for place in item.places) == outcomes.counted().score.sum()
        assert item.axis == "level"  # design minutes are nobody's time


def test_timed_minutes_give_a_time_horizon(tmp_path: Path) -> None:
    path = made.with_model(tmp_path / "run")
    rows = [replace(row, minutes_source="completion") for row in read_rows(path / "samples.csv")]
    write_rows(path / "samples.csv", rows)
    subject = build(path).horizons[0]
    assert subject.axis == "minutes"
    assert subject.points[0].estimate is not None
    assert subject.points[0].estimate.unit == "human minutes"
    assert {place.at for place in subject.places} == {5.0, 20.0, 60.0, 160.0, 600.0}


def test_the_gain_of_an_arm_is_measured_where_it_was_not_chosen(extras_run: Path) -> None:
    (found,) = built(extras_run).elicitation
    tables = Tables.of(read(extras_run))
    rng = np.random.default_rng(int(tables.files.plan_digest[:12], 16))
    gap = elicitation_gap(tables.all_arms("heron-7"), rng=rng, default="baseline-1")
    assert (found.default, found.chosen, found.halved_by) == ("baseline-1", gap.chosen, gap.halved_by)
    counts = (found.both, found.chosen_only, found.default_only, found.neither)
    pair = gap.comparison
    assert counts == (pair.both, pair.first_only, pair.second_only, pair.neither)
    assert found.estimate is not None
    assert found.estimate.quantity == "Q8"


def test_all_other_numbers_are_about_the_plans_own_arm(extras_run: Path) -> None:
    rows = [row for row in rows_of(extras_run, "heron-7") if row.arm == "baseline-1"]
    whole = next(item for item in built(extras_run).estimates if item.id == "Q1/heron-7/all/all/all")
    assert (whole.n, whole.solved) == (len(rows), sum(row.score == 1 for row in rows))
    (test,) = built(extras_run).integrity.arms
    assert (test.default, test.strongest) == ("baseline-1", "best-of-prompts")
    assert "at power" in test.statement or "a person looks" in test.statement


def test_thresholds_of_the_plan_are_judged_together(extras_run: Path) -> None:
    claims = [Claim("T1", "Q2", 0.3), Claim("T2", "Q2", 0.9), Claim("T3", "Q6", 60.0)]
    wanted = statements(claims, Tables.of(read(extras_run)).outcomes("heron-7"))
    found = built(extras_run).thresholds
    assert [item.statement for item in found] == [item.words for item in wanted]
    assert [item.shown for item in found] == [True, False, False]
    assert found[2].p is None


def test_a_threshold_that_is_none_is_refused(tmp_path: Path) -> None:
    path = made.with_extras(tmp_path / "run")
    analysis = [{"id": "T1", "estimand": "x", "method": "y", "quantity": "Q2", "threshold": "7"}]
    change(path, "plan.json", analysis=analysis)
    with pytest.raises(ReportError, match=r"analysis 'T1': .*between 0 and 1"):
        build(path)


def test_runs_without_an_ordinary_end_are_counted_by_family(model_run: Path) -> None:
    found = built(model_run).integrity
    rows = [row for row in rows_of(model_run, "heron-7") if row.status in {"refused", "lost", "stopped"}]
    counted = Counter((row.generator, row.status) for row in rows)
    told = {
        (item.family, name): number
        for item in found.ends
        if item.participant == "heron-7"
        for name, number in (("refused", item.declined), ("lost", item.lost), ("stopped", item.stopped))
        if number
    }
    assert told == counted
    losses, declined = (item for item in found.bounds if item.participant == "heron-7")
    assert (losses.quantity, losses.value) == ("Q11", None)
    whole = next(item for item in built(model_run).estimates if item.id == "Q1/heron-7/all/all/all")
    ends = [(losses.interval[side] or 0.0, whole.interval[side] or 0.0) for side in (0, 1)]
    assert ends[0][0] <= ends[0][1]
    assert ends[1][0] >= ends[1][1]
    assert declined.id.endswith("/declined")


def test_nothing_is_called_honest_or_not(model_run: Path, rounds_run: Path) -> None:
    for path in (model_run, rounds_run):
        assert built(path).integrity.person_fit
        text = (path / "report.html").read_text()
        assert "neither evidence" in text
        assert "sandbagging" not in text
