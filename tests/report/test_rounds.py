"""A report of an adaptive review: whose number is about what, and which numbers are not given."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seatrial.evaluation.rounds import RoundLog
from seatrial.evaluation.rundir import RunDirectory
from seatrial.measurement import Estimate, NotIdentifiable, partial
from seatrial.report import ReportError, build
from seatrial.report.rounds import PICKED_ESTIMAND
from seatrial.report.rundir import read
from seatrial.report.table import Tables

from .built import built
from .pages import Page

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.report.assessment import Assessment
    from seatrial.report.records import EstimateRecord


def estimates(assessment: Assessment, quantity: str, participant: str) -> list[EstimateRecord]:
    return [
        item for item in assessment.estimates if (item.quantity, item.participant) == (quantity, participant)
        and item.scope.family is None and item.scope.level is None
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["rounds_run", "drawn_run"])
def test_the_subjects_numbers_are_those_of_a_partly_run_battery(name: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(name)
    assessment, tables, log = built(path), Tables.of(read(path)), RoundLog.open(RunDirectory(path))
    rng = np.random.default_rng(int(tables.files.plan_digest[:12], 16))
    answers = partial(log.bank, log.calibration, log.decisions, tables.outcomes("heron-7"), design=log.design, rng=rng)
    for quantity, answer in (("Q1", answers.bank), ("Q2", answers.generalized)):
        (found,) = estimates(assessment, quantity, "heron-7")
        assert isinstance(answer, Estimate)
        assert (found.value, found.interval) == (
            pytest.approx(answer.value), (pytest.approx(answer.lower), pytest.approx(answer.upper))
        )  # fmt: skip
        assert "partial" in found.qualifiers
        assert found.n == len(log.picked())
    (horizon,) = assessment.horizons
    for point, answer in zip(horizon.points, (answers.p50, answers.p80), strict=True):
        if isinstance(answer, NotIdentifiable):
            assert point.reason == answer.reason
        else:
            assert point.estimate is not None
            assert point.estimate.value == pytest.approx(answer.value)
            assert {"partial", "level-axis", "uncalibrated"} <= set(point.estimate.qualifiers)


def test_the_mode_and_every_round_are_recorded(rounds_run: Path, drawn_run: Path) -> None:
    for path, mode in ((rounds_run, "information"), (drawn_run, "probability")):
        rounds = built(path).rounds
        assert rounds is not None
        log = RoundLog.open(RunDirectory(path))
        assert (rounds.mode, rounds.wanted, rounds.battery) == (mode, 0.05, 200)
        assert [item.picked for item in rounds.rounds] == [len(item.tasks) for item in log.decisions]
        assert [item.runs for item in rounds.rounds] == [
            sum(len(item.tasks) for item in log.decisions[:place]) for place in range(len(log.decisions))
        ]
        assert [item.last for item in rounds.rounds] == [False] * (len(rounds.rounds) - 1) + [True]
        assert (rounds.calibration is None) == (mode == "probability")
        assert rounds.picked == len(log.picked()) < rounds.battery


def test_everybody_elses_share_is_about_the_instances_that_were_run(rounds_run: Path) -> None:
    assessment = built(rounds_run)
    for name in ("fuzzer", "static", "null"):
        (found,) = estimates(assessment, "Q1", name)
        assert found.estimand == PICKED_ESTIMAND
        assert "partial" not in found.qualifiers
        assert not estimates(assessment, "Q2", name)
    assert {item.estimand for item in assessment.estimates if item.scope.level is not None} == {PICKED_ESTIMAND}


def test_picked_instances_give_no_differences_curves_or_tests(rounds_run: Path) -> None:
    assessment = built(rounds_run)
    assert assessment.comparisons
    for pair in assessment.comparisons:
        assert pair.estimate is None
        assert pair.reason
    assert all(point.estimate is None and point.reason for curve in assessment.curves for point in curve.points)
    told = {item.quantity for item in assessment.not_identifiable}
    assert {"Q2", "Q3", "Q7"} <= told


def test_what_was_not_picked_is_neither_planned_nor_lost(rounds_run: Path) -> None:
    assessment = built(rounds_run)
    assert assessment.rounds is not None
    subject = assessment.participants[0]
    assert subject.planned == subject.counted == assessment.rounds.picked
    assert subject.not_run == 0
    assert len(assessment.battery.instances) == assessment.rounds.battery


def test_abilities_stand_on_the_scale_of_the_calibration(rounds_run: Path, drawn_run: Path) -> None:
    places = {item.participant: item for item in built(rounds_run).abilities}
    assert next(iter(places)) == "heron-7"
    subject, tool = places["heron-7"], places["fuzzer"]
    assert subject.points and subject.logits and tool.points  # noqa: PT018 - for the type checker
    assert subject.points.value == pytest.approx(182.0478 * (subject.logits.value or 0), rel=1e-4)
    assert (tool.points.value or 0) < (subject.points.value or 0)
    assert places["null"].points is None
    assert "no limit" in places["null"].reason
    (only,) = built(drawn_run).abilities
    assert only.points is None
    assert "no calibration" in only.reason


@pytest.mark.parametrize("change", ["value", "task"])
def test_a_log_that_does_not_follow_from_the_plan_is_refused(rounds_run: Path, tmp_path: Path, change: str) -> None:
    path = tmp_path / "run"
    shutil.copytree(rounds_run, path)
    lines = [json.loads(line) for line in (path / "rounds.jsonl").read_text().splitlines()]
    if change == "value":
        lines[2]["value"] += 0.01
    else:
        unseen = {item.stem for item in (path / "manifests").glob("*.json")} - {t for x in lines for t in x["tasks"]}
        lines[1]["tasks"][0] = min(unseen)
    (path / "rounds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ReportError, match=r"rounds\.jsonl|finals\.jsonl"):
        build(path)


def test_another_calibration_is_refused(rounds_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    shutil.copytree(rounds_run, path)
    text = (path / "calibration.json").read_text()
    (path / "calibration.json").write_text(text.replace('"usable":8', '"usable":9'))
    with pytest.raises(ReportError, match=r"calibration\.json: digest"):
        build(path)


def test_the_page_says_how_the_challenges_were_picked(rounds_run: Path, drawn_run: Path) -> None:
    for path, words in ((rounds_run, "difficulties from other models"), (drawn_run, "no model of difficulty")):
        text = " ".join(Page.of((path / "report.html").read_text()).blocks)
        assert words in text
        assert "picked from a battery of 200" in text
    assert {item.path for item in built(rounds_run).evidence} >= {"rounds.jsonl", "finals.jsonl", "calibration.json"}
