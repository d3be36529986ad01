"""The table refuses what no estimate could be drawn from, and says where."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.measurement import Outcomes, OutcomesError
from seatrial.measurement.outcomes import codes

GOOD: dict[str, list[object]] = {
    "participant": ["m", "m", "m"],
    "task": ["t1", "t2", "t3"],
    "family": ["a", "a", "b"],
    "score": [1, 0, 1],
}


def build(**columns: list[object]) -> Outcomes:
    return Outcomes.of({**GOOD, **columns}, budget=1000, bank_version="toy 1")


def test_defaults() -> None:
    runs = build()
    assert runs.arm.tolist() == ["default"] * 3
    assert runs.item.tolist() == runs.task.tolist()
    assert runs.cap.tolist() == [1000] * 3
    assert runs.budget == "1,000 tokens a run"
    assert np.isnan(runs.minutes).all()


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("score", [1, 0, 1.5], "column score, row 2: 1.5; a score lies between 0 and 1"),
        ("score", [1, -0.1, 1], "column score, row 1: -0.1"),
        ("score", [1, "x", 1], "column score, row 1: 'x'; a number or empty"),
        ("score", [1, None, 1], "column score, row 1: nan; a run that ended needs a score"),
        ("tokens", [5, -1, 0], "column tokens, row 1: -1; zero or more"),
        ("tokens", [5, 1.5, 0], "column tokens, row 1: 1.5; a whole number"),
        ("epoch", [0, None, 0], "column epoch, row 1: None; a whole number, not empty"),
        ("minutes", [3, 0, 1], "column minutes, row 1: 0.0; minutes above zero"),
        ("minutes", [3, float("inf"), 1], "column minutes, row 1: inf"),
        ("wall", [3, -2, 1], "column wall, row 1: -2.0"),
        ("status", ["finished", "done", "finished"], "column status, row 1: done; one of finished, budget"),
        ("judge", ["human", "human", "dog"], "column judge, row 2: dog"),
        ("minutes_source", ["none", "guess", "none"], "column minutes_source, row 1: guess"),
        ("family", ["a", " ", "b"], "column family, row 1: empty; a name is needed"),
        ("task", ["t1", 7, "t3"], "column task, row 1: 7; a text"),
        ("cap", [1000, 500, 1000], "column cap, row 1: 500; mixed budgets"),
        ("arm", ["x"], "column arm has 1 rows, column score has 3"),
        ("colour", ["x", "y", "z"], "columns unknown: colour"),
    ],
)
def test_bad_values_are_named(column: str, values: list[object], message: str) -> None:
    with pytest.raises(OutcomesError) as raised:
        build(**{column: values})
    assert message in str(raised.value)


def test_missing_columns_are_named() -> None:
    with pytest.raises(OutcomesError, match="columns missing: family"):
        Outcomes.of({k: v for k, v in GOOD.items() if k != "family"}, budget=1, bank_version="toy")


@pytest.mark.parametrize("status", ["lost", "stopped"])
def test_a_lost_run_has_no_score(status: str) -> None:
    with pytest.raises(OutcomesError, match=r"row 0: 1\.0; a lost or stopped run has no score"):
        build(status=[status, "finished", "finished"])


@pytest.mark.parametrize("status", ["budget", "refused"])
def test_a_run_out_of_budget_is_not_solved(status: str) -> None:
    with pytest.raises(OutcomesError, match="means not solved"):
        build(status=[status, "finished", "finished"])


def test_a_task_belongs_to_one_family_and_has_one_length() -> None:
    twice = {"task": ["t1", "t1", "t3"], "epoch": [0, 1, 0]}
    with pytest.raises(OutcomesError, match=r"column family, row 1: task t1 has a and b"):
        build(**twice, family=["a", "b", "b"])
    with pytest.raises(OutcomesError, match=r"column minutes, row 1: task t1 has 3.0 and 4.0"):
        build(**twice, minutes=[3, 4, 1])
    with pytest.raises(OutcomesError, match=r"task t1 has 3.0 and nan"):
        build(**twice, minutes=[3, None, 1])


def test_a_schedule_has_one_cap_a_task() -> None:
    table = {**GOOD, "task": ["t1", "t1", "t3"], "epoch": [0, 1, 0], "cap": [500, 500, 900]}
    assert Outcomes.of(table, budget="by level", bank_version="toy").cap.tolist() == [500, 500, 900]
    with pytest.raises(OutcomesError, match="split the table"):
        Outcomes.of({**table, "cap": [500, 900, 900]}, budget="by level", bank_version="toy")


def test_a_run_stands_once_and_a_retry_is_marked() -> None:
    twice: dict[str, list[object]] = {"task": ["t1", "t1", "t3"]}
    with pytest.raises(OutcomesError, match=r"row 1: \(m, default, t1, epoch 0\) stands twice"):
        build(**twice)
    again = build(**twice, status=["lost", "finished", "finished"], score=[None, 0, 1])
    assert len(again.counted()) == 2
    assert len(again.losses()) == 0


def test_losses_are_counted_once_a_planned_run() -> None:
    runs = build(task=["t1", "t1", "t3"], status=["lost", "lost", "finished"], score=[None, None, 1])
    assert runs.losses().task.tolist() == ["t1"]
    assert sorted(runs.filled(0.0).score.tolist()) == [0.0, 1.0]
    assert runs.filled(1.0).score.tolist() == [1.0, 1.0]


def test_invalidated_runs_are_neither_counted_nor_lost() -> None:
    runs = build(status=["invalidated", "finished", "finished"])
    assert len(runs.counted()) == 2
    assert len(runs.losses()) == 0


def test_any_tidy_table_is_read() -> None:
    array = np.array(
        [("m", "t1", "a", 1.0)], dtype=[("participant", "U9"), ("task", "U9"), ("family", "U9"), ("score", "f8")]
    )
    assert Outcomes.of(array, budget=1, bank_version="toy").score.tolist() == [1.0]
    text = {"participant": ["m"], "task": ["t"], "family": ["f"], "score": ["1"], "minutes": [""]}
    assert Outcomes.of(text, budget=1, bank_version="toy").score.tolist() == [1.0]


def test_columns_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        build().score[0] = 0


def test_budget_and_bank_are_needed() -> None:
    with pytest.raises(OutcomesError, match="must be stated"):
        Outcomes.of(GOOD, budget="", bank_version="toy")
    with pytest.raises(OutcomesError, match="must be stated"):
        Outcomes.of(GOOD, budget=1, bank_version=" ")


def test_codes_tell_rows_apart() -> None:
    left, right = np.array(["a", "a", "b", "a"]), np.array([1, 2, 1, 1])
    assert codes(left, right).tolist() == [0, 1, 2, 0]
