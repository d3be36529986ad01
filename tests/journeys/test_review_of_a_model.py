"""A model provider end to end: a real HTTP endpoint with the OpenAI wire format, and what goes wrong there."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.endpoint import Endpoint, Fault, Messages, Mind, Say, endpoint, turns
from support.minds import Solver, instance_of

SEATRIAL = Path(sys.executable).with_name("seatrial")
KEY = "sk-canary-5f1c7a"
SEED = "journey"
FAMILY = "memfind"


def review(served: Endpoint, out: Path, *options: str, levels: str = "1") -> subprocess.CompletedProcess[str]:
    """Run `seatrial review` against a local endpoint."""
    environment = {**os.environ, "LAB_API_KEY": KEY, "LAB_BASE_URL": served.url}
    command = [
        *(str(SEATRIAL), "review", "--model", "openai-api/lab/secret-name", "--alias", "alpha", "--seed", SEED),
        *("--families", FAMILY, "--levels", levels, "--participant", "null", "--out", str(out), *options),
    ]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def rows(out: Path, participant: str = "alpha") -> list[dict[str, str]]:
    with (out / "samples.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["participant"] == participant]


def final(out: Path) -> list[dict[str, str]]:
    return [row for row in rows(out) if row["superseded"] == "False"]


def test_a_model_solves_through_tools_and_the_books_agree(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with endpoint(Solver(instance_of(SEED, FAMILY, 1))) as served:
        done = review(served, out, "--usd-per-million", "1", "4", levels="1,2")
    assert done.returncode == 0, done.stderr
    assert str(out / "report.html") in done.stdout
    by_level = {row["level"]: row for row in final(out)}
    assert by_level["1"]["outcome"] == "solved"
    assert (by_level["2"]["outcome"], by_level["2"]["reason"]) == ("unsolved", "gave up")
    spent = sum(int(row["tokens"]) for row in rows(out))
    assert spent == json.loads((out / "run.json").read_text())["spend"]["tokens"] > 0
    assert int(by_level["1"]["tokens_at_solve"]) <= int(by_level["1"]["tokens"])
    assert served.keys == {f"Bearer {KEY}"}
    tools = {tool["function"]["name"] for body in served.bodies for tool in body["tools"]}
    assert tools == {"bash", "python", "submit", "give_up"}
    assessment = json.loads((out / "assessment.json").read_text())
    assert assessment["subject"]["alias"] == "alpha"
    assert_no_secret(out, KEY)


def assert_no_secret(out: Path, secret: str) -> None:
    """No file of a run holds the key, also not inside Inspect's compressed logs."""
    for path in out.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
    dump = subprocess.run(
        [sys.executable, "-c", _DUMP, str(out / "logs")], capture_output=True, text=True, check=True, timeout=120
    )
    assert "journey-dump" in dump.stdout
    assert secret not in dump.stdout


_DUMP = """
import sys
from inspect_ai.log import list_eval_logs, read_eval_log
for info in list_eval_logs(sys.argv[1], formats=["eval"]):
    print("journey-dump", read_eval_log(info).model_dump_json())
"""


class Faulty:
    """A mind behind an endpoint that first answers with the planned faults."""

    def __init__(self, mind: Mind, *faults: Fault | Say) -> None:
        self.mind, self.faults = mind, list(faults)

    def __call__(self, messages: Messages, number: int) -> Say | Fault:
        if number < len(self.faults):
            return self.faults[number]
        return self.mind(messages, number)


def test_passing_faults_cost_nothing_but_time(tmp_path: Path) -> None:
    out = tmp_path / "run"
    faults = (
        Fault(429, retry_after="0"),
        Fault(500),
        Fault(503),
        Say("Looking.", (("bash", '{"command": "ls'),)),
        Say("Again.", (("bash", {"cmd": "ls"}),)),
        Say("And again.", (("no_such_tool", {}),)),
    )
    solver, mistakes = Solver(instance_of(SEED, FAMILY, 1)), 3

    def patient(messages: Messages, number: int) -> Say:
        """The solver, to whom the planned mistakes never happened."""
        own = [item for item in messages if item["role"] == "assistant"]
        return solver([item for item in messages if item not in own[:mistakes]], number)

    mind = Faulty(patient, *faults)
    with endpoint(mind) as served:
        done = review(served, out)
    assert done.returncode == 0, done.stderr
    assert served.statuses[429] == served.statuses[500] == served.statuses[503] == 1
    (row,) = final(out)
    assert row["outcome"] == "solved"


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault(503), Fault(429, retry_after="0"), Fault(200, hang=True)], ids=str)
def test_an_outage_is_never_a_failure_and_the_review_can_go_on(tmp_path: Path, fault: Fault) -> None:
    out = tmp_path / "run"
    with endpoint(lambda *_: fault) as served:
        done = review(served, out, "--outage-grace", "2")
        assert done.returncode == 4, done.stderr
        state = json.loads((out / "run.json").read_text())
        assert state["state"] == "paused"
        assert "owner: developer" in state["stops"][-1]["reason"]
        assert {row["outcome"] for row in rows(out)} <= {"invalid", "censored"}
        assert all(row["score"] == "" for row in rows(out))
    with endpoint(Solver(instance_of(SEED, FAMILY, 1))) as served:
        environment = {**os.environ, "LAB_API_KEY": KEY, "LAB_BASE_URL": served.url}
        command = [str(SEATRIAL), "resume", str(out)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert [row["outcome"] for row in final(out)] == ["solved"]


def test_an_outage_of_one_sample_is_invalid_after_its_reruns(tmp_path: Path) -> None:
    out = tmp_path / "run"
    solver = Solver(instance_of(SEED, FAMILY, 1))

    def unlucky(messages: Messages, number: int) -> Say | Fault:
        """Solves the first level; goes silent on what it does not know."""
        said = solver(messages, number)
        return Fault(503) if said.calls[0][0] == "give_up" else said

    with endpoint(unlucky) as served:
        done = review(served, out, "--outage-grace", "1", levels="1,2")
    outcomes = {row["level"]: row["outcome"] for row in final(out)}
    assert outcomes["1"] == "solved", done.stderr
    assert outcomes["2"] in {"invalid", "censored"}


def test_refusals_are_counted_apart(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with endpoint(lambda *_: Say("I'm sorry, but I can't help with this exploit.")) as served:
        done = review(served, out)
    assert done.returncode == 0, done.stderr
    (row,) = final(out)
    assert (row["outcome"], row["reason"], row["status"]) == ("unsolved", "refused", "refused")
    assert "refusal" in row["flags"].split()


def test_the_budget_of_an_attempt_ends_it_as_unsolved(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with endpoint(lambda messages, _: Say(f"turn {turns(messages)}", (("bash", {"command": "true"}),))) as served:
        done = review(served, out, "--limit-turns", "4")
    assert done.returncode == 0, done.stderr
    (row,) = final(out)
    assert (row["outcome"], row["reason"], row["turns"]) == ("unsolved", "budget: turn", "4")


def test_the_budget_of_the_review_censors_what_is_left(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with endpoint(lambda *_: Say("working", (("bash", {"command": "true"}),))) as served:
        done = review(served, out, "--total-tokens", "3000", "--limit-turns", "50", levels="1,2")
    assert done.returncode == 0, done.stderr
    assert {row["outcome"] for row in final(out)} == {"censored"}
    spent: Any = json.loads((out / "run.json").read_text())["spend"]["tokens"]
    largest = max(int(row["tokens"]) for row in final(out))
    assert 3000 <= spent <= 3000 + 2 * largest
