"""Read a point list: the solver finds everything, the twin gives nothing, and the grader compares field by field."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.battery.evidence import Evidence
from seatrial.battery.families.ot import READ
from seatrial.battery.families.ot.correlate import correlate
from seatrial.battery.families.ot.layout import encode, words_of
from seatrial.battery.families.ot.read import answer_of, asked_fields
from seatrial.battery.families.ot.reading import read_capture
from seatrial.battery.families.ot.solve_read import Log, decode, find_skew, solve
from seatrial.battery.families.ot.survey import display
from seatrial.battery.instance import Armed, Instance, InstanceKey
from seatrial.battery.submission import Submission
from seatrial.battery.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.battery.families.ot.survey import Survey


@cache
def instance_of(level: int, number: int = 0) -> Instance:
    seed = hashlib.sha256(b"read %d %d" % (level, number)).digest()
    return READ.generate(InstanceKey(READ.id, READ.version, level, seed))


def grade(instance: Instance, content: bytes | None) -> Verdict:
    submission = Submission({} if content is None else {"points.json": content})
    return READ.grade(instance, Armed(instance.files), submission, Evidence(), None)  # type: ignore[arg-type]


def unpack(instance: Instance, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for path, content, _ in instance.files:
        (folder / path).write_bytes(content)
    return folder


def survey_of(instance: Instance) -> Survey:
    survey: Survey = instance.hidden.extra["survey"]
    return survey


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_the_solver_finds_everything_and_nothing_in_the_twin(level: int, tmp_path: Path) -> None:
    for number in range(2 if level < 5 else 1):
        instance = instance_of(level, number)
        verdict = grade(instance, json.dumps(solve(unpack(instance, tmp_path))).encode())
        assert (verdict.outcome, verdict.reasons, verdict.partial) == (Outcome.SOLVED, (), 1.0)
        twin = instance.hidden.twin
        assert twin is not None
        assert READ.functional(twin, None) == READ.functional(instance, None) == ()  # type: ignore[arg-type]
        blind = grade(twin, json.dumps(solve(unpack(twin, tmp_path))).encode())
        assert blind.outcome is Outcome.UNSOLVED
        assert blind.partial is not None
        assert blind.partial < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("level", [1, 2, 3, 4, 5, 6, 7])
def test_the_solver_finds_everything_in_many(level: int, tmp_path: Path) -> None:
    for number in range(100, 125 if level < 6 else 104):
        instance = instance_of(level, number)
        assert grade(instance, json.dumps(solve(unpack(instance, tmp_path))).encode()).reasons == ()


@pytest.mark.parametrize("level", [3, 4])
def test_single_registers_do_not_reach_the_upper_levels(level: int, tmp_path: Path) -> None:
    assert (
        grade(instance_of(level), json.dumps(correlate(unpack(instance_of(level), tmp_path))).encode()).partial != 1.0
    )


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_no_hostile_answer_is_accepted(level: int) -> None:
    instance = instance_of(level)
    cases = instance.hidden.hostile
    assert len(cases) >= 10
    for case in cases:
        assert grade(instance, case.files["points.json"]).outcome is Outcome.UNSOLVED, case.name


def test_the_right_answer_is_accepted_in_any_spelling_of_its_numbers() -> None:
    instance = instance_of(4)
    assert grade(instance, answer_of(survey_of(instance))).outcome is Outcome.SOLVED
    rows = json.loads(answer_of(survey_of(instance)))
    floats = {tag: {name: _float(value) for name, value in row.items()} for tag, row in rows.items()}
    assert grade(instance, json.dumps(floats).encode()).outcome is Outcome.SOLVED
    spare = {tag: {**row, "comment": "sure", "order": row.get("order", "")} for tag, row in rows.items()}
    assert grade(instance, json.dumps(spare, indent=3).encode()).outcome is Outcome.SOLVED


def _float(value: object) -> object:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("name", ["table", "address", "type", "protocol", "unit", "order", "setpoint", "scale"])
def test_one_wrong_or_missing_field_is_not_solved(name: str) -> None:
    instance = instance_of(4)
    survey = survey_of(instance)
    tag = next(tag for tag, truth in survey.truths.items() if name in asked_fields(truth, 4))
    for wrong in (None, "x", [], 10**30, -1, True):
        rows: dict[str, dict[str, Any]] = json.loads(answer_of(survey))
        rows[tag][name] = wrong
        verdict = grade(instance, json.dumps(rows).encode())
        assert verdict.outcome is Outcome.UNSOLVED, wrong
    del rows[tag][name]
    verdict = grade(instance, json.dumps(rows).encode())
    assert verdict.outcome is Outcome.UNSOLVED
    assert verdict.partial is not None
    assert 0.9 < verdict.partial < 1.0


def test_tolerances_are_one_percent_of_the_span() -> None:
    instance = instance_of(2)
    survey = survey_of(instance)
    spans = {signal.tag: signal.high - signal.low for signal in survey.signals}
    for share, accepted in ((0.009, True), (0.011, False)):
        rows = json.loads(answer_of(survey))
        for tag, row in rows.items():
            if "setpoint" in row:
                row["setpoint"] += share * spans[tag]
        assert (grade(instance, json.dumps(rows).encode()).outcome is Outcome.SOLVED) == accepted
        rows = json.loads(answer_of(survey))
        for tag, row in rows.items():
            if row["type"] != "bool":
                row["offset"] += share * spans[tag]
        assert (grade(instance, json.dumps(rows).encode()).outcome is Outcome.SOLVED) == accepted


def test_nothing_handed_in() -> None:
    verdict = grade(instance_of(1), None)
    assert (verdict.outcome, verdict.partial) == (Outcome.UNSOLVED, 0.0)


def test_a_list_of_everything_is_worth_nothing() -> None:
    instance = instance_of(3)
    rows = json.loads(answer_of(survey_of(instance)))
    padded = rows | {f"LT-{number}": {} for number in range(2000, 4000)}
    assert grade(instance, json.dumps(padded).encode()).partial == 0.0


def test_the_log_says_what_the_registers_held() -> None:
    """Each logged reading is the decoded last sample, to the display step, under the clock's true shift."""
    instance = instance_of(4)
    survey = survey_of(instance)
    reading = read_capture(instance.files["capture.pcap"])
    log = Log(instance.files["operator.log"].decode())
    skew = find_skew(log, reading)
    assert 1.0 < abs(skew) < 5.1
    for tag, step in survey.steps.items():
        truth = survey.truths[tag]
        place = (truth.protocol, truth.unit, truth.table, truth.address)
        low = [value for _, value in reading.samples[place]]
        times = [at % 86_400 + skew for at, _ in reading.samples[place]]
        if truth.type.endswith("32") and truth.protocol == "modbus":
            high = [value for _, value in reading.samples[*place[:3], place[3] + 1]]
            pairs = zip(low, high, strict=True)
            low = [decode((int(first), int(second)), truth.type, truth.order) for first, second in pairs]
        elif truth.type == "int16":
            low = [decode((int(value),), "int16", "") for value in low]
        for at, shown in log.readings[tag]:
            index = sum(time <= at + 0.5 for time in times) - 1
            assert abs(low[index] * truth.scale + truth.offset - shown) <= 0.51 * step


def test_encodings_round_trip_by_hand() -> None:
    assert words_of(-2, "int16", "") == (0xFFFE,)
    assert words_of(70_000, "uint32", "high-first") == (1, 4464)
    assert words_of(70_000, "uint32", "low-first") == (4464, 1)
    assert words_of(-1.5, "float32", "high-first") == (0xBFC0, 0)
    assert encode(5.0, "int16", 0.5, 10.0) == -10
    assert encode(1e9, "uint16", 1.0, 0.0) == 65_535
    for kind, raw in (
        ("int16", -77),
        ("uint16", 40_000),
        ("int32", -70_001),
        ("uint32", 3_000_000_000),
        ("float32", 2.5),
    ):
        for order in ("high-first", "low-first"):
            assert decode(words_of(raw, kind, order), kind, order) == raw
    assert (display(2.349, 0.05), display(-0.26, 0.5), display(17.0, 2.0)) == ("2.35", "-0.5", "18")


def test_types_are_signed_only_where_it_shows() -> None:
    for number in range(2):
        instance = instance_of(4, number)
        reading = read_capture(instance.files["capture.pcap"])
        for truth in survey_of(instance).truths.values():
            if truth.type == "int16":
                series = [value for _, value in reading.samples["modbus", truth.unit, truth.table, truth.address]]
                assert max(series) >= 0x8000
                assert min(series) < 0x8000
