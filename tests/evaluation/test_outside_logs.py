"""Anybody's Inspect logs, made here with Inspect itself: errors, limits, epochs, scorers, retries, broken-off evals."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspect_ai import Task
from inspect_ai import eval as run_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, ProvenanceData, read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, includes, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from seatrial.evaluation.extensions._outside import read_logs
from seatrial.evaluation.extensions._outside_ends import ended
from seatrial.evaluation.reading import Choices, Reading
from seatrial.measurement import OutcomesError

LOST, CAPPED = "s3", "s4"
TOKENS = 15


def answer(*_: object, **__: object) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "1")
    output.usage = ModelUsage(input_tokens=10, output_tokens=5, total_tokens=TOKENS)
    return output


@solver
def uneven() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.sample_id == LOST:
            raise RuntimeError("endpoint outage")
        state = await generate(state)
        while state.sample_id == CAPPED:
            state = await generate(state)
        return state

    return solve


def scoring(value: Callable[[str], Any], **more: Any) -> Scorer:  # noqa: ANN401
    @scorer(metrics=[mean()], name="graded")
    def graded() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 - the signature is Inspect's
            return Score(value=value(str(state.sample_id)), **more)

        return score

    return graded()


def samples(count: int = 6) -> list[Sample]:
    return [
        Sample(
            id=f"s{i}", input="?", target="1" if i % 2 else "2", metadata={"category": f"c{i % 3}", "human": 2.0 + i}
        )
        for i in range(count)
    ]


def ran(folder: Path, scorers: list[Scorer], *, name: str = "demo", model: str = "model", **options: Any) -> EvalLog:  # noqa: ANN401
    task = Task(dataset=samples(), solver=uneven(), scorer=scorers, name=name, version=2)
    mock = get_model(f"mockllm/{model}", custom_outputs=answer)
    return run_eval(
        task, model=mock, log_dir=str(folder), display="none", fail_on_error=False, token_limit=100, **options
    )[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs, two scorers, one sample that errs and one that runs into its token limit."""
    folder = tmp_path_factory.mktemp("logs")
    ran(folder, [includes(), scoring(lambda name: "P" if name == "s0" else "I")], epochs=2)
    return folder


@pytest.fixture
def logs(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "logs")
    return tmp_path / "logs"


def log_of(folder: Path) -> EvalLog:
    return read_eval_log(str(next(folder.glob("*.eval"))))


def also(folder: Path, log: EvalLog, *, created: str, name: str = "later.eval") -> None:
    """Another log made from one that was read."""
    log.eval.created = created
    write_eval_log(log, str(folder / name))


def status(reading: Reading) -> Counter[str]:
    return Counter(reading.outcomes.status.tolist())


def test_each_sample_is_what_it_was(made: Path) -> None:
    reading = read_logs(made, Choices())
    runs = reading.outcomes
    assert (reading.kind, reading.rows, len(runs), reading.added) == ("Inspect logs", 12, 12, 0)
    assert set(runs.participant.tolist()) == {"mockllm/model"}
    assert sorted(set(runs.task.tolist())) == [f"demo/s{i}" for i in range(6)]
    assert sorted(set(runs.family.tolist())) == ["c0", "c1", "c2"]
    assert Counter(runs.epoch.tolist()) == {0: 6, 1: 6}
    assert status(reading) == {"finished": 8, "lost": 2, "budget": 2}
    lost = runs.only(task=f"demo/{LOST}")
    assert np.isnan(lost.score).all()
    capped = runs.only(task=f"demo/{CAPPED}")
    assert capped.score.tolist() == [0.0, 0.0]  # its answer was wrong when the limit came
    assert (capped.tokens >= 100).all()
    assert runs.only(task="demo/s1").tokens.tolist() == [TOKENS, TOKENS]
    assert runs.bank_version == "demo 2"
    table = reading.table("mockllm/model", "default")
    assert table.budget == "100 tokens a run"
    assert set(table.cap.tolist()) == {100}


def test_the_mean_is_not_the_displayed_one(made: Path) -> None:
    """Inspect counts no errored sample and reduces epochs; here each run stands by itself."""
    counted = read_logs(made, Choices()).outcomes.counted()
    assert counted.score.mean() == pytest.approx(4 / 10)  # s1 and s5 of s0, s1, s2, s4, s5, twice each


def test_scorers_are_chosen_by_name(made: Path) -> None:
    notes = " ".join(read_logs(made, Choices()).notes)
    assert "scorer includes, the first of includes, graded (--scorer chooses)" in notes
    with pytest.raises(OutcomesError, match=r"sample s0: 0\.5 is partial credit \(2 of 12 runs have it\)"):
        read_logs(made, Choices(scorer="graded"))
    assert read_logs(made, Choices(scorer="graded", partial_as_miss=True)).outcomes.counted().score.sum() == 0
    with pytest.raises(OutcomesError, match="no scorer 'nope'; it has: includes, graded"):
        read_logs(made, Choices(scorer="nope"))


def test_families_and_minutes_by_key(made: Path) -> None:
    runs = read_logs(made, Choices(family="human", minutes="human")).outcomes
    assert runs.only(task="demo/s1").minutes.tolist() == [3.0, 3.0]
    assert len(set(runs.family.tolist())) == 6
    with pytest.raises(OutcomesError, match=r"its metadata has no 'nope'; it has: category, human"):
        read_logs(made, Choices(family="nope"))
    with pytest.raises(OutcomesError, match="--minutes nope: no sample's metadata has it"):
        read_logs(made, Choices(minutes="nope"))


def test_json_logs_and_single_files(made: Path, tmp_path: Path) -> None:
    log = log_of(made)
    write_eval_log(log, str(tmp_path / "a.json"))
    (tmp_path / "eval-set.json").write_text('{"eval_set_id": "x", "tasks": []}')
    reading = read_logs(tmp_path, Choices())
    assert status(reading) == {"finished": 8, "lost": 2, "budget": 2}
    assert read_logs(tmp_path / "a.json", Choices()).rows == 12
    shutil.copy(next(made.glob("*.eval")), tmp_path)  # the same log in both formats is one
    both = read_logs(tmp_path, Choices())
    assert [(left.rows, left.reason) for left in both.left_out] == [(12, "a copy of a sample in another log")]


def test_a_retry_replaces_what_it_ran_again(logs: Path) -> None:
    log = log_of(logs)
    assert log.samples is not None
    for sample in log.samples:
        if sample.id == LOST:
            sample.error, sample.uuid = None, f"again {sample.epoch}"
            sample.scores = {"includes": Score(value="C")}
    also(logs, log, created="2999-01-01T00:00:00+00:00")
    reading = read_logs(logs, Choices(scorer="includes"))
    assert status(reading) == {"finished": 10, "budget": 2}
    assert {left.reason: left.rows for left in reading.left_out} == {
        "a copy of a sample in another log": 10,
        "an earlier attempt at a sample that was run again": 2,
    }
    assert reading.rows == len(reading.outcomes) + 12


def test_a_task_run_anew_is_a_repeat(logs: Path) -> None:
    ran(logs, [includes()])
    reading = read_logs(logs, Choices(scorer="includes"))
    assert sorted(reading.outcomes.counted().only(task="demo/s1").epoch.tolist()) == [0, 1, 2]
    assert any("taken as repeats" in note for note in reading.notes)


def test_what_a_broken_off_eval_did_not_reach_is_not_forgotten(logs: Path) -> None:
    log = log_of(logs)
    assert log.samples is not None
    log.samples = [sample for sample in log.samples if sample.epoch == 1]
    log.status = "cancelled"
    next(logs.glob("*.eval")).unlink()
    also(logs, log, created="2026-01-01T00:00:00+00:00")
    reading = read_logs(logs, Choices())
    assert (reading.rows, reading.added) == (6, 6)
    assert status(reading)["stopped"] == 6
    assert reading.outcomes.only(status="stopped").family.tolist() == ["c0", "c1", "c2", "c0", "c1", "c2"]


def test_a_sample_that_a_person_took_out(logs: Path) -> None:
    log = log_of(logs)
    assert log.samples is not None
    log.samples[0].invalidation = ProvenanceData(author="somebody", reason="leaked")
    log.invalidated = True
    next(logs.glob("*.eval")).unlink()
    also(logs, log, created="2026-01-01T00:00:00+00:00")
    assert status(read_logs(logs, Choices()))["invalidated"] == 1


def test_models_solvers_and_variants_are_told_apart(tmp_path: Path) -> None:
    for model in ("one", "two"):
        ran(tmp_path, [includes()], model=model)
    reading = read_logs(tmp_path, Choices(arm="solver"))
    assert sorted(reading.participants) == [("mockllm/one", "uneven"), ("mockllm/two", "uneven")]
    log = log_of(tmp_path)
    log.eval.task_args, log.eval.task_id = {"level": 2}, "another"
    for sample in log.samples or ():
        sample.uuid = f"another {sample.id}"
    also(tmp_path, log, created="2026-01-01T00:00:00+00:00")
    tasks = {task.split("/")[0] for task in read_logs(tmp_path, Choices()).outcomes.task.tolist()}
    assert tasks == {"demo(level=None)", "demo(level=2)"}


@pytest.mark.parametrize(
    ("value", "more", "wanted"),
    [
        (True, {}, ("finished", 1.0)),
        (0.0, {}, ("finished", 0.0)),
        ("N", {}, ("finished", 0.0)),
        ("N", {"reason": "refusal"}, ("refused", 0.0)),
        (float("nan"), {"reason": "refusal"}, ("refused", 0.0)),
        (float("nan"), {"reason": "grader_failed"}, ("lost", None)),
    ],
)
def test_values_and_reasons(tmp_path: Path, value: object, more: dict[str, Any], wanted: tuple[str, Any]) -> None:
    ran(tmp_path, [scoring(lambda _: value, **more)])
    runs = read_logs(tmp_path, Choices()).outcomes.only(task="demo/s0")
    found = runs.score[0]
    assert (runs.status[0], None if np.isnan(found) else found) == wanted


def test_scores_of_several_values_need_a_name(tmp_path: Path) -> None:
    ran(tmp_path, [scoring(lambda _: {"found": 1, "fixed": 0})])
    with pytest.raises(OutcomesError, match=r"several values \(found, fixed\); name one, e.g. --scorer graded.found"):
        read_logs(tmp_path, Choices())
    assert read_logs(tmp_path, Choices(scorer="graded.found")).outcomes.counted().score[0] == 1
    assert read_logs(tmp_path, Choices(scorer="graded.fixed")).outcomes.counted().score[0] == 0


@pytest.mark.parametrize("value", [7, "excellent", [1, 0]])
def test_values_that_are_no_success_are_refused(tmp_path: Path, value: object) -> None:
    ran(tmp_path, [scoring(lambda _: value)])
    with pytest.raises(OutcomesError, match=r"sample s0, scorer graded: .*a score is a number from 0 to 1"):
        read_logs(tmp_path, Choices())


class TestEnds:
    """A sample's end, without running one."""

    @pytest.fixture
    def summary(self, made: Path) -> Any:  # noqa: ANN401
        found = next(item for item in log_of(made).samples or () if item.id == "s1")
        return found.summary()

    @pytest.mark.parametrize(
        ("changes", "value", "wanted"),
        [
            ({"error": "CancelledError()"}, "C", "stopped"),
            ({"error": "RuntimeError('x')"}, "C", "lost"),
            ({"limit": "operator"}, "I", "stopped"),
            ({"limit": "time"}, "I", "budget"),
            ({"limit": "message"}, "C", "finished"),
            ({}, "I", "finished"),
        ],
    )
    def test_first_that_applies(self, summary: Any, changes: dict[str, str], value: str, wanted: str) -> None:  # noqa: ANN401
        sample = summary.model_copy(update=changes)
        found, score = ended(sample, Score(value=value), where="here")
        assert found == wanted
        assert np.isnan(score) == (wanted in {"stopped", "lost"})

    def test_without_a_score(self, summary: Any) -> None:  # noqa: ANN401
        assert ended(summary, None, where="here")[0] == "lost"
        assert ended(summary.model_copy(update={"limit": "token"}), None, where="here") == ("budget", 0.0)


def test_a_folder_without_a_log_and_a_broken_log(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError, match="no Inspect log in it"):
        read_logs(tmp_path, Choices())
    (tmp_path / "runs.csv").touch()
    with pytest.raises(OutcomesError, match=r"a table is named by its file, e\.g\. .*runs\.csv"):
        read_logs(tmp_path, Choices())
    (tmp_path / "x.eval").write_bytes(b"junk")
    with pytest.raises(OutcomesError, match=r"x\.eval: not a readable Inspect log"):
        read_logs(tmp_path, Choices())


@pytest.mark.parametrize("options", [{"limit": 3}, {"sample_id": ["s1", "s2", "s5"]}])
def test_samples_that_were_not_chosen_were_not_planned(tmp_path: Path, options: dict[str, Any]) -> None:
    ran(tmp_path, [includes()], **options)
    reading = read_logs(tmp_path, Choices())
    assert (reading.rows, len(reading.outcomes), reading.added) == (3, 3, 0)
