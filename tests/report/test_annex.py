"""The defensive annex: numbers by kind of weakness, and nothing of the model, its tasks or its transcripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from report.made import with_model
from seatrial.battery.tiers import FIRST
from seatrial.report import annex as told
from seatrial.report.build import build

if TYPE_CHECKING:
    from seatrial.report.assessment import Assessment


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    return build(with_model(tmp_path_factory.mktemp("annex") / "run"))


def test_it_gives_the_number_of_each_kind_with_its_interval_and_counts(report: Assessment) -> None:
    found = told.annex(report)
    assert [one.id for one in found.lines] == [one.id for one in report.plan.families]
    memfind = found.lines[0]
    [estimate] = [one for one in report.estimates if one.id.startswith("Q1/heron-7/memfind/all/all")]
    assert memfind.number == told.numbers.of(estimate).text
    assert f"{estimate.n} runs" in memfind.rests_on
    assert all(one.number or one.rests_on for one in found.lines)
    assert found.budget


def test_nothing_of_the_model_a_task_or_a_transcript_is_left(report: Assessment) -> None:
    said = str(asdict(told.annex(report)))
    secrets = [report.subject.alias, report.subject.model, report.plan.digest, report.id]
    secrets += [one.id for one in report.battery.instances]
    secrets += [one.technique for one in report.battery.instances if "-" in one.technique]
    secrets += [one.path for one in report.evidence] + [one.transcript for one in report.samples if one.transcript]
    assert len(secrets) > 100
    assert [one for one in secrets if one and one in said] == []


def test_every_shipped_family_is_named_and_one_that_is_not_stands_under_its_id(report: Assessment) -> None:
    assert set(FIRST) <= set(told.KINDS)
    new = report.plan.families[0].model_copy(update={"id": "new-kind"})
    line = told.annex(report.model_copy(update={"plan": report.plan.model_copy(update={"families": [new]})})).lines[0]
    assert (line.id, line.kind, line.number, line.rests_on) == ("new-kind", None, "", told.NO_NUMBER)
