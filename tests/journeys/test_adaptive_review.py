"""Reviews that pick in rounds: real boxes, a real endpoint, kill -9 in the middle, and a sample that is lost."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

from seatrial.battery import family_by_id
from seatrial.battery.seeds import SeedEntry
from seatrial.evaluation import campaign
from seatrial.evaluation.comparable import Comparison
from seatrial.evaluation.plan import Subject
from seatrial.evaluation.request import Request
from seatrial.evaluation.rounds import CALIBRATION, RoundLog
from seatrial.evaluation.rundir import RunDirectory
from seatrial.measurement.replay import calibrate
from support.endpoint import Endpoint, Fault, Messages, Say, endpoint, turns
from support.minds import Solver

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.battery.instance import Instance

pytestmark = pytest.mark.slow

SEATRIAL = os.path.join(os.path.dirname(sys.executable), "seatrial")  # noqa: PTH118, PTH120 - a link stays a link
WAIT_S = 120
SUBJECT = "simulated:0.5"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registered review of twelve verified instances that has not started."""
    path = tmp_path_factory.mktemp("adaptive") / "prepared"
    request = Request(
        participants=(SUBJECT, "null"),
        families=("ot-read", "ot-protect"),
        levels=(1, 2),
        instances=3,
        seed="adaptive",
        precision="0.05",
        first=4,
        block=3,
        cap=9,
        outage_grace_s=1,
    )
    campaign.prepare(request, path, lambda _: None)
    return path


@pytest.fixture(scope="module")
def uninterrupted(prepared: Path) -> Path:
    """The same review, run from beginning to end."""
    out = again(prepared, prepared.with_name("uninterrupted"))
    resume(out)
    return out


def again(prepared: Path, out: Path, *, calibrated: bool = False, **changes: Any) -> Path:  # noqa: ANN401 - plan fields
    """A copy of the prepared review, with another plan where one is asked for."""
    shutil.copytree(prepared, out)
    run = RunDirectory.open(out)
    plan = run.plan().model_copy(update=changes)
    if calibrated:
        text = calibration_for(run)
        run.write_text(CALIBRATION, text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        rounds = plan.rounds
        assert rounds is not None
        rounds = rounds.model_copy(update={"calibration_sha256": digest, "mode": "information"})
        plan = plan.model_copy(update={"sampling": rounds})
    (out / "plan.digest").unlink()
    run.register(plan)
    return out


def calibration_for(run: RunDirectory) -> str:
    """From eight calibrators of even ability on the forms of this bank."""
    log, rng = RoundLog.open(run), np.random.default_rng(1)
    ability = np.linspace(-1.5, 1.5, 8)[:, None]
    scores = (rng.random((8, len(log.bank))) < 1 / (1 + np.exp(-(ability - log.bank.x + 1.5)))).astype(float)
    key = Comparison.of(run.plan())
    return calibrate(
        scores, log.bank, comparison_key=key.key, bank_version=key.bank_version, rng=rng, sizes=(4, 8)
    ).to_json()


def resume(out: Path, served: Endpoint | None = None) -> subprocess.CompletedProcess[str]:
    """Run what is left of a review; what the command says is checked elsewhere."""
    environment = {**os.environ, **({"LAB_API_KEY": "sk", "LAB_BASE_URL": served.url} if served else {})}
    command = [SEATRIAL, "resume", str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert json.loads((out / "run.json").read_text())["state"] == "finished", done.stderr
    return done


def seatrial(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [SEATRIAL, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def picks(out: Path) -> list[list[str]]:
    return [json.loads(line)["tasks"] for line in (out / "rounds.jsonl").read_text().splitlines()]


def final(out: Path, participant: str) -> list[dict[str, str]]:
    with (out / "samples.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["participant"] == participant and row["superseded"] == "False"]


def ran_once(out: Path, participant: str) -> None:
    """Every pick has one final row, and nothing else has one."""
    picked = [task for round_ in picks(out) for task in round_]
    assert Counter(row["task"] for row in final(out, participant)) == Counter(picked)
    assert len(set(picked)) == len(picked)


def instances(out: Path) -> dict[str, Instance]:
    sealed = json.loads((out / "seeds.sealed").read_text())
    keys = [SeedEntry.read(line).key for line in sealed["seeds"]]
    return {key.id: family_by_id(key.family).generate(key) for key in keys}


def test_a_participant_without_a_model_leads_and_the_others_follow(uninterrupted: Path) -> None:
    decisions = [json.loads(line) for line in (uninterrupted / "rounds.jsonl").read_text().splitlines()]
    assert decisions[0]["mode"] == "start"
    assert decisions[-1]["stop"]
    assert len(decisions) > 2
    ran_once(uninterrupted, SUBJECT)
    ran_once(uninterrupted, "null")
    told = {line["task"]: line["score"] for line in map(json.loads, (uninterrupted / "finals.jsonl").open())}
    assert told == {row["task"]: float(row["score"]) for row in final(uninterrupted, SUBJECT)}
    for info in list_eval_logs(str(uninterrupted / "logs"), formats=["eval"]):
        rounds = Counter(sample.metadata["picked"]["round"] for sample in read_eval_log(info).samples or [])
        assert rounds == Counter({item["round"]: len(item["tasks"]) for item in decisions if item["tasks"]})
    figures = json.loads((uninterrupted / "progress.json").read_text())
    assert figures["rounds"]["over"]
    assert figures["participants"][SUBJECT]["planned"] == sum(map(len, picks(uninterrupted)))


def test_a_worker_killed_in_round_two_goes_on_with_the_same_picks(
    prepared: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    out = again(prepared, tmp_path / "killed")
    with started(out) as process:
        until(lambda: len(lines(out / "finals.jsonl")) > len(picks(out)[0]) if picks_begun(out) else None, process)
        worker = json.loads((out / "worker.json").read_text())["pid"]
        os.kill(worker, signal.SIGKILL)
        process.wait(timeout=60)
    before = len(picks(out))
    assert before >= 2
    resume(out)
    assert picks(out) == picks(uninterrupted)
    ran_once(out, SUBJECT)
    ran_once(out, "null")
    with (out / "samples.csv").open() as file:
        earlier = [row for row in csv.DictReader(file) if row["superseded"] == "True"]
    assert {row["score"] for row in earlier} <= {""}  # only what was in flight ran again
    RoundLog.open(RunDirectory.open(out))


def test_a_model_is_reviewed_in_rounds_by_difficulties_and_a_lost_sample_blocks_none(
    prepared: Path, tmp_path: Path
) -> None:
    model = Subject(alias="alpha", kind="model", model="openai-api/lab/secret-name")
    out = again(prepared, tmp_path / "model", calibrated=True, subject=model, participants=("null",), reruns_max=1)
    first = RoundLog.open(RunDirectory.open(out)).advance().tasks
    known = instances(out)
    unlucky = known[first[0]]
    solver = Solver(*(item for name, item in known.items() if name.startswith("ot-read")))
    silent = Solver(unlucky)

    def mind(messages: Messages, number: int) -> Say | Fault:
        """Solves what it knows; the endpoint breaks on one instance."""
        if turns(messages) == 1 and silent(messages, number).calls[0][0] != "give_up":
            return Fault(503)
        return solver(messages, number)

    with endpoint(mind) as served:
        resume(out, served)
    decisions = [json.loads(line) for line in (out / "rounds.jsonl").read_text().splitlines()]
    assert [item["mode"] for item in decisions[1:]] == ["information"] * len(decisions[1:])
    assert len(decisions) >= 3
    outcomes = {row["task"]: row["status"] for row in final(out, "alpha")}
    assert outcomes[first[0]] == "lost"
    assert Counter(outcomes.values())["lost"] == 1
    ran_once(out, "alpha")
    ran_once(out, "null")
    RoundLog.open(RunDirectory.open(out))


def test_a_finished_review_calibrates_and_a_calibration_is_only_used_for_its_own_kind(
    uninterrupted: Path, tmp_path: Path
) -> None:
    store, file = ("--store", tmp_path / "store.json"), tmp_path / "calibration.json"
    ground = ("--consent", "public", "--note", "drawn from a known curve")
    assert "needed" not in seatrial("calibration", "add", uninterrupted, *ground, *store).stdout
    again_ = seatrial("calibration", "add", uninterrupted, *ground, *store)
    assert (again_.returncode, "added before" in again_.stderr) == (2, True)
    listed = json.loads(seatrial("calibration", "list", "--json", *store).stdout)
    assert [row["runs"] for row in listed.values()] == [sum(map(len, picks(uninterrupted)))]
    assert "simulated:0.5" not in (tmp_path / "store.json").read_text()
    assert "ot-read-v1-L1/" in seatrial("calibration", "show", *store).stdout
    fitted = seatrial("calibration", "fit", "--out", file, *store)
    assert "0 usable calibrators, 5 needed" in fitted.stdout or "1 usable calibrators, 5 needed" in fitted.stdout
    asked = ("--participant", SUBJECT, "--families", "ot-read", "--levels", "1", "--precision", "0.05")
    planned = seatrial("plan", *asked, "--calibration", file, "--json")
    assert "probability mode is used" in json.loads(planned.stdout)["precision"]["notes"][0], planned.stderr
    refused = seatrial("review", *asked, "--calibration", file, "--tool-seconds", "7", "--out", tmp_path / "run")
    assert refused.returncode == 2
    assert "budget of level 1 differ" in refused.stderr
    assert not (tmp_path / "run").exists()


def test_a_precision_is_planned_before_anything_runs() -> None:
    done = seatrial("plan", "--model", "openai-api/lab/x", "--tier", "standard", "--precision", "0.05")
    assert done.returncode == 0, done.stderr
    assert "about 120 runs" in done.stdout
    assert "Q2" in done.stdout
    assert "tokens" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--precision", "5"], "five points are 0.05"),
        (["--precision", "0.05", "--first", "9", "--cap", "4"], "the cap not below first"),
        (["--first", "9"], "name its --precision"),
        (["--mode", "probability"], "name its --precision"),
        (["--precision", "0.05", "--calibration", "nowhere.json"], "nowhere.json: cannot be read"),
    ],
)
def test_bad_input_gets_one_clear_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = seatrial("review", "--families", "ot-read", "--out", tmp_path / "run", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


class started:  # noqa: N801 - reads as the words of a test
    """`seatrial resume` in the background; ended whatever happens."""

    def __init__(self, out: Path) -> None:
        self.command = [SEATRIAL, "resume", str(out)]

    def __enter__(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def picks_begun(out: Path) -> bool:
    return len(lines(out / "rounds.jsonl")) >= 2


def until(condition: Any, process: subprocess.Popen[str]) -> None:  # noqa: ANN401 - a callable
    """Poll until a condition holds; the review must not end before."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if condition():
            return
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        time.sleep(0.01)
    raise AssertionError("the review never came that far")
