import json
from pathlib import Path

import pytest

from seatrial.evaluation.rundir import RunDirectory, RunError
from support.plans import made_plan


def test_a_registered_plan_comes_back_and_is_never_edited(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run")
    run.register(made_plan())
    assert RunDirectory.open(tmp_path / "run").plan() == made_plan()
    with pytest.raises(RunError, match="never edited"):
        run.register(made_plan(tier="screen"))


def test_a_changed_plan_is_refused_with_both_digests(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run")
    run.register(made_plan())
    changed = json.loads((run.path / "plan.json").read_text())
    changed["level_caps"]["1"]["tokens"] = 10_000_000
    (run.path / "plan.json").write_text(json.dumps(changed))
    with pytest.raises(RunError) as caught:
        RunDirectory.open(run.path)
    assert caught.value.code == 5
    assert made_plan().digest() in str(caught.value)


def test_unknown_keys_of_a_plan_are_refused(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run")
    run.register(made_plan())
    changed = json.loads((run.path / "plan.json").read_text())
    changed["secret_bonus"] = 1
    (run.path / "plan.json").write_text(json.dumps(changed))
    with pytest.raises(RunError, match="secret_bonus"):
        run.plan()


def test_a_folder_with_something_in_it_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="not an empty folder"):
        RunDirectory.create(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_folder_without_a_plan_is_no_review(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not the folder of a review"):
        RunDirectory.open(tmp_path)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run")
    with run.locked(), pytest.raises(RunError, match="is running"), run.locked():
        pass
    with run.locked():
        pass


def test_a_torn_line_of_a_journal_is_left_out(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run")
    run.append("started.jsonl", {"sample": "a"})
    with (run.path / "started.jsonl").open("a") as file:
        file.write('{"sample": "b"')
    assert run.lines("started.jsonl") == ({"sample": "a"},)


def test_caps_of_a_level_beyond_the_table_are_those_of_its_last_row() -> None:
    plan = made_plan()
    assert (plan.caps(1).tokens, plan.caps(2).tokens, plan.caps(3).tokens, plan.caps(9).tokens) == (10, 10, 30, 30)
    assert plan.planned_runs() == 2
    assert plan.everybody == ("alpha", "null")


def test_the_digest_depends_on_every_field() -> None:
    base = made_plan().digest()
    assert made_plan(tier="screen").digest() != base
    assert made_plan(limits=("x",)).digest() != base
    assert made_plan().digest() == base


def test_a_relative_path_is_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = RunDirectory.create(Path("runs/one"))
    made.register(made_plan())
    assert RunDirectory.open(Path("runs/one")).path == made.path == tmp_path / "runs" / "one"
