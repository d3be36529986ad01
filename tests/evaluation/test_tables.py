"""Other people's tables: what is read, what is said about it, and how a bad one is refused."""

from __future__ import annotations

import doctest
import hashlib
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from seatrial.evaluation import grades
from seatrial.evaluation.grades import grade
from seatrial.evaluation.published import is_published, read_published
from seatrial.evaluation.reading import Choices
from seatrial.evaluation.tables import read_table
from seatrial.measurement import OutcomesError, horizon

LYPTUS = Path(os.environ.get("SEATRIAL_LYPTUS", Path(__file__).parents[3] / "shared" / "data" / "lyptus"))


def write(folder: Path, text: str, name: str = "runs.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_worked_example() -> None:
    assert doctest.testmod(grades).failed == 0


def test_task_and_score_are_enough_and_the_rest_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "task,score\na,1\nb,C\nc,false\nd,\n")
    reading = read_table(path, Choices())
    assert reading.outcomes.score[:3].tolist() == [1.0, 1.0, 0.0]
    assert reading.outcomes.status.tolist() == ["finished", "finished", "finished", "lost"]
    assert reading.participants == (("runs", "default"),)
    assert reading.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    told = " ".join(reading.notes)
    assert "no column participant" in told
    assert "no column family" in told
    assert "1 run without a score: lost" in told


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_names_of_others_are_mapped_only_when_told(tmp_path: Path, delimiter: str) -> None:
    text = "model,task_id,solved,remark\nm1,a,1,x\nm2,a,0,y\n".replace(",", delimiter)
    path = write(tmp_path, "\ufeff" + text)
    with pytest.raises(OutcomesError, match="column task missing: name it with --column task=task_id"):
        read_table(path, Choices())
    mapping = {"task": "task_id", "score": "solved", "participant": "model"}
    reading = read_table(path, Choices(columns=mapping))
    assert reading.participants == (("m1", "default"), ("m2", "default"))
    assert reading.ignored_columns == ("remark",)
    assert dict(reading.columns) == mapping


def test_several_models_never_pass_for_repeats_of_one(tmp_path: Path) -> None:
    path = write(tmp_path, "model,task,score\nm,a,1\nn,a,0\n")
    with pytest.raises(
        OutcomesError, match="no column participant, but model with 2 values: --column participant=model"
    ):
        read_table(path, Choices())
    assert len(read_table(path, Choices(ignored=("model",))).participants) == 1
    assert len(read_table(path, Choices(columns={"participant": "model"})).participants) == 2


def test_repeats_without_a_number_are_numbered_by_their_rows(tmp_path: Path) -> None:
    reading = read_table(write(tmp_path, "task,score\na,1\nb,0\na,0\n"), Choices())
    assert reading.outcomes.epoch.tolist() == [0, 0, 1]
    assert any("no column epoch" in note for note in reading.notes)


def test_constants_budget_and_bank(tmp_path: Path) -> None:
    path = write(tmp_path, "task,score,tokens\na,1,10\nb,0,\n")
    choices = Choices(constants={"participant": "m", "family": "f"}, budget=100, bank="toy 2")
    table = read_table(path, choices).table("m", "default")
    assert (table.budget, table.bank_version) == ("100 tokens a run", "toy 2")
    assert table.cap.tolist() == [100, 100]
    assert table.tokens.tolist() == [10, 0]


def test_participants_may_have_had_different_caps(tmp_path: Path) -> None:
    path = write(tmp_path, "participant,task,score,cap\nm,a,1,100\nm,b,1,100\nn,a,0,900\n")
    reading = read_table(path, Choices())
    assert reading.table("m", "default").budget == "100 tokens a run"
    assert reading.table("n", "default").cap.tolist() == [900]


def test_partial_credit_is_refused_or_a_miss(tmp_path: Path) -> None:
    path = write(tmp_path, "task,score\na,1\nb,P\nc,0.25\n")
    with pytest.raises(
        OutcomesError, match=r"line 3: 0\.5 is partial credit \(2 of 3 runs have it\).*--partial-as-miss"
    ):
        read_table(path, Choices())
    reading = read_table(path, Choices(partial_as_miss=True))
    assert reading.outcomes.score.tolist() == [1.0, 0.0, 0.0]
    assert "2 runs with partial credit counted as not solved, as asked" in reading.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("task,score\n", "no rows below the header"),
        ("task,task,score\na,a,1\n", "column 'task' stands twice"),
        ("task,score\na,1\nb\n", "line 3: 1 cells, the header has 2"),
        ("task,score\na,1\nb,7\n", "column score, line 3: '7'; a score is a number from 0 to 1"),
        ("task,score\na,mostly\n", "column score, line 2: 'mostly'"),
        ("task,score\n,1\n", "column task, line 2: empty; a name is needed"),
        ("task,score,family\na,1,x\na,0,y\n", "column family, line 3: task a has x and y"),
        ("task,score,epoch\na,1,0\na,0,0\n", "line 3: (runs, default, a, epoch 0) stands twice"),
        ("task,score,minutes\na,1,-3\n", "column minutes, line 2: -3.0; minutes above zero"),
        ("task,score,tokens\na,1,many\n", "column tokens, line 2: 'many'; a number or empty"),
        ("task,score,cap\na,1,1.5\n", "column cap, line 2: 1.5; a whole number of tokens"),
        ("task,score,status\na,1,ok\n", "column status, line 2: 'ok'; one of finished"),
        ("task,score,minutes_source\na,1,guess\n", "column minutes_source, line 2: 'guess'; one of completion"),
        ('task,score\n"two\nlines",1\nb,x\n', "column score, line 4: 'x'"),
        ('task,score\n"open,1\n', "runs.csv, line"),
        (f"task,score\n{'n' * 501},1\n", "a name of 501 characters"),
    ],
)
def test_a_bad_table_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OutcomesError) as raised:
        read_table(write(tmp_path, text), Choices())
    assert message in str(raised.value)
    assert str(raised.value).startswith("runs.csv")


def test_a_column_of_ours_that_means_something_else_can_be_left_aside(tmp_path: Path) -> None:
    path = write(tmp_path, "task,score,status\na,1,ok\n")
    reading = read_table(path, Choices(ignored=("status",)))
    assert reading.ignored_columns == ("status",)
    assert reading.outcomes.status.tolist() == ["finished"]


def test_parquet_with_its_own_types(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    table = {"task": [1, 2, 3], "score": [True, False, None], "family": ["a", "b", "a"], "minutes": [1.5, None, 3.0]}
    parquet.write_table(pa.table(table), path)
    outcomes = read_table(path, Choices()).outcomes
    assert outcomes.task.tolist() == ["1", "2", "3"]
    assert outcomes.status.tolist() == ["finished", "finished", "lost"]
    assert np.isnan(outcomes.minutes).tolist() == [False, True, False]


def test_nested_and_decimal_scores(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    parquet.write_table(pa.table({"task": ["a"], "score": [[1, 0]]}), path)
    with pytest.raises(OutcomesError, match=r"column score, row 0: '\[1, 0\]'; a score is"):
        read_table(path, Choices())
    parquet.write_table(pa.table({"task": ["a"], "score": [Decimal("1.0")]}), path)
    assert read_table(path, Choices()).outcomes.score.tolist() == [1.0]


@pytest.mark.parametrize("content", [b"PAR1 and nothing more", b"\xff\xfe\x00\x01"])
def test_what_is_no_table_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "runs"
    path.write_bytes(content)
    with pytest.raises(OutcomesError) as raised:
        read_table(path, Choices())
    assert "\n" not in str(raised.value)


def test_clusters_of_findings(tmp_path: Path) -> None:
    path = write(tmp_path, "task,score,clusters_found\na,1,c1;c2\nb,0,\nc,1,c2 c2\n")
    assert read_table(path, Choices()).clusters == (("c1", "c2"), (), ("c2",))


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.none(), st.text(max_size=8), st.floats(), st.integers(), st.booleans(), st.lists(st.integers())))
def test_a_score_is_a_number_in_the_unit_interval_or_refused(value: object) -> None:
    try:
        found = grade(value)
    except ValueError:
        return
    assert found is None or 0 <= found <= 1


def published(folder: Path, *, minutes: float | None = 8.0) -> Path:
    runs = {
        "task_id": ["a", "b"],
        "task_family": ["f", "g"],
        "alias": ["M", "M"],
        "score_binarized": [1, 0],
        "total_tokens": [5, 3_000_000],
        "agent": ["lab/m", "lab/m"],
    }
    tasks = {
        "task_id": ["a", "b", "never run"],
        "best_available_minutes": [minutes, None, 1.0],
        "best_available_source": ["completion", None, "censored"],
        "model_estimate_minutes": [7.0, 9.0, 1.0],
    }
    parquet.write_table(pa.table(runs), folder / "model_runs.parquet")
    parquet.write_table(pa.table(tasks), folder / "task_difficulties.parquet")
    return folder


def test_a_published_folder_is_joined_on_its_tasks(tmp_path: Path) -> None:
    folder = published(tmp_path)
    assert is_published(folder)
    human = read_published(folder, Choices()).outcomes
    assert human.minutes[0] == 8.0
    assert np.isnan(human.minutes[1])
    assert human.minutes_source.tolist() == ["completion", "none"]
    model = read_published(folder, Choices(minutes="model")).outcomes
    assert model.minutes.tolist() == [7.0, 9.0]
    with pytest.raises(OutcomesError, match="--minutes guess: one of human, model"):
        read_published(folder, Choices(minutes="guess"))


def test_a_published_folder_without_a_column_is_refused(tmp_path: Path) -> None:
    folder = published(tmp_path)
    parquet.write_table(pa.table({"task_id": ["a"]}), folder / "task_difficulties.parquet")
    with pytest.raises(OutcomesError, match="column best_available_minutes missing"):
        read_published(folder, Choices())


@pytest.mark.skipif(not is_published(LYPTUS), reason="the published folder is not here (SEATRIAL_LYPTUS): not run")
@pytest.mark.parametrize("variant", ["human", "model"])
def test_published_horizons_are_reproduced(variant: str) -> None:
    reading = read_published(LYPTUS, Choices(minutes=variant))
    assert len(reading.participants) == 16
    for participant, arm in reading.participants:
        runs = reading.table(participant, arm)
        curve = horizon(runs.where(np.isfinite(runs.minutes))).curve
        assert curve is not None
        for name, log_odds in (("p50", 0.0), ("p80", np.log(4))):
            wanted = reading.published[participant, name]
            assert abs(2 ** curve.at(log_odds) / wanted - 1) < 5e-3, (participant, name)
