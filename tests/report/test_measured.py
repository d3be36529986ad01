"""The record of a measurement and its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seatrial.evaluation.reading import Choices, Reading
from seatrial.evaluation.tables import read_table
from seatrial.measurement import Estimate, NotIdentifiable
from seatrial.report import ReportError
from seatrial.report.build import build
from seatrial.report.measured import Measured, check, generated_schema, published_schema, record, to_json
from seatrial.report.measured_review import is_review, read_review
from seatrial.report.measured_text import text
from seatrial.report.quantities import QUANTITIES, Answer, Answers, Asked, answers, claims_of, quantity_named

from .test_vocabulary import hits, schema_texts


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    rows = ["participant,arm,task,family,score,tokens,clusters_found"]
    for arm in ("default", "coached"):
        rows += [f"m,{arm},t{i},f{i % 16},{int(i % 3 == 0 or arm > 'd')},{i},c{i % 7}" for i in range(48)]
    rows += [f"n,default,t{i},f{i % 16},{int(i % 2)},{i}," for i in range(48)]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(rows))
    return read_table(path, Choices())


def measured(reading: Reading, **asked: Any) -> Measured:  # noqa: ANN401
    question = Asked(**asked)
    return record(reading, question, answers(reading, question), version="test")


def test_the_published_schema_is_the_classes() -> None:
    assert published_schema() == json.loads(json.dumps(generated_schema()))
    Draft202012Validator.check_schema(published_schema())


def test_no_word_of_it_judges_a_release() -> None:
    assert hits(schema_texts(published_schema())) == []


def test_a_record_validates_and_a_wrong_one_does_not(reading: Reading) -> None:
    value = json.loads(to_json(measured(reading)))
    check(value)
    assert value["schema"] == "seatrial.measured/1"
    value["answers"][0]["surprise"] = 1
    with pytest.raises(ReportError, match=r"measured-1\.schema\.json"):
        check(value)


def test_every_field_of_an_answer_is_in_the_record(reading: Reading) -> None:
    found = measured(reading)
    for kind, wanted in ((True, Estimate), (False, NotIdentifiable)):
        names = set(wanted.__dataclass_fields__)
        some = [item for item in found.answers if item.identifiable is kind]
        assert some
        assert all(names <= set(type(item).model_fields) for item in some)


def test_rows_add_up(reading: Reading) -> None:
    source = measured(reading).source
    left_out = sum(item.rows for item in source.rows_left_out)
    assert source.rows_read - left_out + source.rows_added == source.rows_used == 144


def test_arms_findings_and_integrity(reading: Reading) -> None:
    found = measured(reading)
    assert {item.quantity for item in found.answers} >= {"Q1", "Q2", "Q8", "Q12"}
    assert [item.arm for item in found.runs] == ["default", "coached", "default"]
    gap = next(item for item in found.answers if item.quantity == "Q8" and item.participant == "m")
    assert gap.details["chosen_arm"] == "coached"
    assert found.signs is not None
    assert {item.person_fit_reason for item in found.signs.participants} == {"needs 5 participants on the same tasks"}


def test_asked_by_name_it_always_answers(reading: Reading) -> None:
    asked = ("Q3", "Q5", "Q6")
    found = measured(reading, quantities=asked, participants=("n",))
    assert [item.quantity for item in found.answers] == ["Q3", "Q5", "Q6", "Q6"]
    assert all(item.identifiable is False for item in found.answers)
    assert found.not_offered == []


def test_the_seed_decides_the_draws(reading: Reading) -> None:
    first, again, other = (to_json(measured(reading, quantities=("Q12",), seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_page_shows_each_answer_once_with_its_reason(reading: Reading) -> None:
    page = text(measured(reading, at_least=("0.3",)))
    assert page.count("elicitation gap  ") == 2
    assert "m, arm coached: 48 runs of 48 tasks in 16 families" in page
    assert "not identifiable" in page
    assert "None" not in page
    assert "nan" not in page
    assert hits(line.strip() for line in page.splitlines()) == []


@pytest.mark.parametrize(
    ("value", "lower", "upper", "unit", "wanted"),
    [
        (304.03, 79.0, None, "human minutes", "304 min (79.0 to > 2,160)"),
        (None, 1000.4, None, "human minutes", "at least 1,000 min"),
        (None, None, 0.61, "human minutes", "at most 0.610 min"),
        (0.018, -0.01, 0.044, "difference of shares", "+1.8 points (\u22121.0 to +4.4)"),
        (-0.001, -0.5, 2.5, "logits", "0.0 logits (\u22120.5 to 2.5)"),
        (7.0, 7.0, None, "distinct findings", "7 (at least 7)"),
        (0.5, 0.4, 0.6, "share of tasks", "50\u202f% (40 to 60\u202f%)"),
    ],
)
def test_numbers_in_the_digits_of_their_unit(
    reading: Reading, value: float | None, lower: float | None, upper: float | None, unit: str, wanted: str
) -> None:
    estimate = Estimate(
        quantity="Q6", estimand="e", unit=unit, value=value, lower=lower, upper=upper, level=0.95, method="m",
        method_version="1", n_runs=1, n_tasks=1, n_families=1, budget="b", bank_version="v", qualifiers=frozenset(),
    )  # fmt: skip
    answer = Answer("n", "default", "Q6", "x", estimate, {"longest_task": 2160.0} if value == 304.03 else {})
    page = text(record(reading, Asked(), Answers((answer,), None, ()), version="test"))
    assert wanted in page


def test_words_for_quantities() -> None:
    assert [quantity_named(word) for word in ("success", " Q6 ", "q12", "pass@k")] == ["Q1", "Q6", "Q12", "Q4"]
    assert len(QUANTITIES) == 11
    for wrong in ("q10", "q99", "", "horizons"):
        with pytest.raises(ValueError, match="one of success"):
            quantity_named(wrong)


def test_thresholds_in_words() -> None:
    assert [(claim.quantity, claim.threshold) for claim in claims_of("0.4")] == [("Q1", 0.4), ("Q2", 0.4)]
    assert [(claim.quantity, claim.threshold) for claim in claims_of(" 90min ")] == [("Q6", 90.0)]


def test_a_review_is_read_as_its_report_reads_it(model_run: Path) -> None:
    assert is_review(model_run)
    reading = read_review(model_run)
    found = measured(reading, quantities=("Q1", "Q2"))
    reported = {
        (item.participant, item.quantity): (item.value, item.interval)
        for item in build(model_run).estimates
        if item.sample_set == "all" and item.scope.family is None and item.scope.level is None
    }
    ours = {
        (item.participant, item.quantity): (item.value, (item.lower, item.upper))
        for item in found.answers
        if item.identifiable
    }
    assert ours
    for key, (value, interval) in ours.items():
        assert reported[key][0] == pytest.approx(value)
        assert reported[key][1] == pytest.approx(interval)
