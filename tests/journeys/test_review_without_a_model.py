"""A whole review without any model, as `make review` runs it, and what survives kill -9 and a stop."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

SEATRIAL = Path(sys.executable).with_name("seatrial")
WAIT_S = 120


def seatrial(*arguments: object, check: bool = True, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(SEATRIAL), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=cwd)
    assert not check or done.returncode == 0, done.stderr
    return done


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "samples.csv").open() as file:
        return list(csv.DictReader(file))


@contextmanager
def started(out: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A review in the background; killed if a test leaves it running."""
    command = [str(SEATRIAL), "review", "--out", str(out), "--seed", "killed", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Any, process: subprocess.Popen[str]) -> Any:  # noqa: ANN401 - whatever it returns
    """Poll until a condition holds; the review must not end before."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        time.sleep(0.02)
    raise AssertionError("the review never came that far")


def read(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def done_so_far(out: Path) -> int:
    figures = read(out / "progress.json") or {"participants": {}}
    return sum(row["done"] for row in figures["participants"].values())


def test_everything_that_a_run_directory_promises_is_there(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--families", "memfind", "--levels", "1,2", "--participant", "reference", "--participant", "null"]
    done = seatrial("review", "--out", "run", *options, "--at-least", "0.01", cwd=tmp_path)
    assert f"report: {out / 'report.html'}" in done.stdout
    outcomes = {(row["participant"], row["outcome"]) for row in rows(out)}
    assert outcomes == {("reference", "solved"), ("null", "unsolved")}
    plan = read(out / "plan.json")
    assert len(list((out / "manifests").glob("*.json"))) == len(plan["instances"]) == 2
    assert all(record["sealed"] for record in read(out / "preflight.json"))
    logs = list_eval_logs(str(out / "logs"), formats=["eval"])
    assert {read_eval_log(info, header_only=True).status for info in logs} == {"success"}
    created = min(read_eval_log(info, header_only=True).eval.created for info in logs)
    assert plan["created"] <= created
    assessment = read(out / "assessment.json")
    assert assessment["subject"]["kind"] == "participant"
    assert [(claim["quantity"], claim["at"]) for claim in assessment["thresholds"]] == [("Q1", 0.01), ("Q2", 0.01)]
    assert not (out / "seeds.sealed").exists()
    for row in rows(out):
        assert (out / row["log"]).is_file()
        assert (out / row["transcript"]).is_file()
    assert seatrial("report", out).stdout.strip() == str(out / "report.html")
    again = seatrial("resume", out, check=False)
    assert (again.returncode, "finished" in again.stderr) == (2, True)


def test_a_plan_changed_after_registration_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with started(out, "--families", "memfind", "--levels", "1", "--participant", "reference") as process:
        until(lambda: read(out / "worker.json"), process)
        os.kill(process.pid, signal.SIGKILL)
    plan = read(out / "plan.json")
    plan["participant_budget_s"] = 1
    (out / "plan.json").write_text(json.dumps(plan))
    refused = seatrial("resume", out, check=False)
    assert refused.returncode == 5
    assert "registered" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_kill_minus_nine_loses_nothing_and_doubles_nothing(tmp_path: Path, victim: str) -> None:
    out = tmp_path / "run"
    moment = random.Random(f"{victim}-{os.environ.get('SEATRIAL_TEST_SEED', '1')}").randint(1, 5)
    sys.stdout.write(f"killing the {victim} after {moment} samples\n")
    options = ["--families", "memfind", "--levels", "1,2", "--instances", "2", "--participant", "reference"]
    with started(out, *options, "--participant", "null") as process:
        until(lambda: done_so_far(out) >= moment, process)
        worker = read(out / "worker.json")["pid"]
        os.kill(worker if victim == "worker" else process.pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(worker)] if psutil.pid_exists(worker) else [], timeout=10)
        assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE
    probed = len(read(out / "preflight.json"))
    seatrial("resume", out)
    assert len(read(out / "preflight.json")) >= probed > 0
    final = [row for row in rows(out) if row["superseded"] == "False"]
    assert len(final) == len({(row["participant"], row["task"], row["epoch"]) for row in final}) == 8
    assert {(row["participant"], row["outcome"]) for row in final} == {("reference", "solved"), ("null", "unsolved")}


@pytest.mark.slow
def test_a_stop_ends_every_process_within_seconds_and_censors(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--families", "memfind", "--levels", "4,5", "--instances", "2", "--participant", "reference"]
    with started(out, *options) as process:
        until((out / "started.jsonl").exists, process)
        worker = psutil.Process(read(out / "worker.json")["pid"])
        family = [worker, *worker.children(recursive=True)]
        began = time.monotonic()
        seatrial("stop", out, "--reason", "a test")
        process.wait(timeout=30)
        assert time.monotonic() - began < 20
        gone, alive = psutil.wait_procs(family, timeout=5)
        assert not alive
    assert process.returncode == 4
    state = read(out / "run.json")
    assert (state["state"], state["stops"][-1]["reason"]) == ("stopped", "stopped: a test")
    assert {row["outcome"] for row in rows(out)} <= {"censored", "solved"}
    assert all(row["score"] == "" for row in rows(out) if row["outcome"] == "censored")
    seatrial("resume", out)
    assert {row["outcome"] for row in rows(out) if row["superseded"] == "False"} == {"solved"}
    assert len(gone) >= 1


def test_the_battery_runs_from_plain_inspect(tmp_path: Path) -> None:
    inspect = SEATRIAL.with_name("inspect")
    command = [
        *(str(inspect), "eval", "seatrial/battery", "--model", "none", "--display", "none", "--log-dir", str(tmp_path)),
        *("-T", "families=memfind", "-T", "levels=1", "-T", "participant=reference"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (info,) = list_eval_logs(str(tmp_path), formats=["eval"])
    log = read_eval_log(info)
    assert log.status == "success", log.error
    assert [score.value for sample in log.samples or [] for score in (sample.scores or {}).values()] == ["C"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["review", "--families", "memfnd"], "memfind"),
        (["review", "--tier", "huge"], "screen"),
        (["review", "--participant", "refrence"], "reference"),
        (["review", "--levels", "0"], "levels start at 1"),
        (["review", "--levels", "one"], "numbers separated by commas"),
        (["review", "--total-usd", "5"], "--usd-per-million"),
        (["review", "--at-least", "50%"], "between 0 and 1"),
        (["review", "--at-least", "0.5", "--precision", "0.05"], "leave --precision out"),
        (["plan", "--tier", "huge"], "screen"),
    ],
)
def test_bad_input_gets_one_clear_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    extra = ["--out", tmp_path / "run"] if arguments[0] == "review" else []
    done = seatrial(*arguments, *extra, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_out_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = seatrial("review", "--families", "memfind", "--levels", "1", "--out", tmp_path, check=False)
    assert done.returncode == 2
    assert "not an empty folder" in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["mine"]
