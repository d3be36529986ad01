"""The log of rounds: it decides again what it reads, survives a kill at any byte, and never waits for what is lost."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.evaluation.bank import bank_of
from seatrial.evaluation.outcomes import Outcome, SampleFacts, classify
from seatrial.evaluation.plan import Rounds
from seatrial.evaluation.progress import so_far
from seatrial.evaluation.rounds import CALIBRATION, Final, RoundLog, picked_in
from seatrial.evaluation.rundir import RunDirectory, RunError
from seatrial.measurement.bank import Bank
from seatrial.measurement.replay import calibrate
from support.adaptive import LEVELS, adaptive_run
from support.plans import made_plan

HIT, MISS = Outcome("solved", "", "finished", 1.0), Outcome("unsolved", "wrong", "finished", 0.0)
BUDGET = classify(SampleFacts(limit="token"))
LOST = classify(SampleFacts(error="endpoint outage"))
CAPPED = classify(SampleFacts(limit="custom"))


def calibration(seed: int = 3) -> str:
    rng = np.random.default_rng(seed)
    items = [f"crypto-v1-L{level}/t{number}" for level in range(1, 1 + LEVELS) for number in range(3)]
    level = np.repeat(np.arange(1.0, 1 + LEVELS), 3)
    bank = Bank.of(items, [f"crypto/{item[-2:]}" for item in items], level=level)
    chance = 1 / (1 + np.exp(-(np.linspace(-2, 2, 8)[:, None] - level + 3)))
    scores = (rng.random(chance.shape) < chance).astype(float)
    return calibrate(scores, bank, comparison_key="{}", bank_version="crypto 1", rng=rng, sizes=(6, 12)).to_json()


CALIBRATED = calibration()


def outcome(task: str, share: float = 0.5) -> Outcome:
    """The same for the same task, so that a resumed review meets the same world."""
    return HIT if int(task[-12:], 16) * 0.618 % 1 < share else MISS


def close(log: RoundLog, *, losing: int = 0) -> None:
    """Give every open task of the last round its outcome, the first `losing` of them none."""
    for place, task in enumerate(log.decisions[-1].tasks):
        log.note(Final.of(task, LOST if place < losing else outcome(task)))


def to_the_end(log: RoundLog) -> RoundLog:
    while not log.over:
        log.advance()
        close(log)
    return log


@pytest.mark.parametrize("difficulties", ["", CALIBRATED], ids=["plain", "calibrated"])
def test_rounds_go_on_until_one_says_stop_and_are_the_same_when_read_again(tmp_path: Path, difficulties: str) -> None:
    run = adaptive_run(tmp_path / "run", calibration=difficulties, mode="information" if difficulties else "auto")
    log = to_the_end(RoundLog.open(run))
    assert log.decisions[-1].stop
    assert len(set(log.picked())) == len(log.picked()) <= 18
    assert {decision.mode for decision in log.decisions[1:]} == {"information" if difficulties else "probability"}
    again = RoundLog.open(run)
    assert (again.decisions, again.finals) == (log.decisions, log.finals)
    assert picked_in(run.path) == set(log.picked())
    with pytest.raises(RunError, match="was the last"):
        again.advance()


def test_a_round_waits_for_every_outcome_and_a_lost_one_is_an_outcome(tmp_path: Path) -> None:
    log = RoundLog.open(adaptive_run(tmp_path / "run"))
    log.advance()
    with pytest.raises(RunError, match="round 1 is not closed"):
        log.advance()
    close(log, losing=2)
    second = log.advance()
    assert not set(second.tasks) & set(log.decisions[0].tasks)
    assert set(log.pending()) == set(log.picked()) - set(log.decisions[0].tasks[:2])


def test_a_round_that_was_lost_as_a_whole_does_not_block(tmp_path: Path) -> None:
    log = RoundLog.open(adaptive_run(tmp_path / "run"))
    log.advance()
    close(log, losing=6)
    assert log.advance().tasks
    close(log)
    to_the_end(log)
    assert RoundLog.open(log.run).decisions == log.decisions


def test_budget_is_a_miss_and_a_stop_is_no_outcome(tmp_path: Path) -> None:
    log = RoundLog.open(adaptive_run(tmp_path / "run"))
    first = log.advance().tasks
    for task in first[:-1]:
        log.note(Final.of(task, BUDGET))
    assert {final.score for final in log.finals.values()} == {0.0}
    log.note(Final.of(first[-1], CAPPED))
    assert (log.closed, log.over) == (True, True)
    assert RoundLog.open(log.run).over


def test_what_was_lost_may_still_be_found_while_its_round_is_open_and_never_after(tmp_path: Path) -> None:
    log = RoundLog.open(adaptive_run(tmp_path / "run"))
    task = log.advance().tasks[0]
    log.note(Final.of(task, LOST))
    log.note(Final.of(task, HIT))
    close(log)
    log.note(Final.of(task, MISS))  # still the open round: the later run of it counts
    second = log.advance()
    log.note(Final.of(task, HIT))
    assert log.finals[task].score == 0.0
    again = RoundLog.open(log.run)
    assert again.finals[task].score == 0.0
    assert again.decisions[-1] == second


@pytest.mark.parametrize("field", ["tasks", "value", "mode"])
def test_a_changed_decision_is_refused(tmp_path: Path, field: str) -> None:
    log = to_the_end(RoundLog.open(adaptive_run(tmp_path / "run")))
    lines = (log.run.path / "rounds.jsonl").read_text().splitlines()
    changed = json.loads(lines[1])
    changed[field] = {"tasks": changed["tasks"][::-1], "value": 0.123, "mode": "information"}[field]
    (log.run.path / "rounds.jsonl").write_text("\n".join([lines[0], json.dumps(changed), *lines[2:]]) + "\n")
    with pytest.raises(RunError, match=f"round 2: .*{field}.* do not follow") as caught:
        RoundLog.open(log.run)
    assert caught.value.code == 5


def test_a_changed_outcome_is_refused_where_a_round_rests_on_it(tmp_path: Path) -> None:
    log = to_the_end(RoundLog.open(adaptive_run(tmp_path / "run")))
    finals = log.run.path / "finals.jsonl"
    text = finals.read_text()
    finals.write_text(text.replace('"score":1.0', '"score":0.0'))
    with pytest.raises(RunError, match="do not follow"):
        RoundLog.open(log.run)
    finals.write_text("\n".join(text.splitlines()[1:]) + "\n")
    with pytest.raises(RunError, match="no outcome of"):
        RoundLog.open(log.run)


def test_a_changed_calibration_is_refused(tmp_path: Path) -> None:
    run = adaptive_run(tmp_path / "run", calibration=CALIBRATED)
    run.write_text(CALIBRATION, CALIBRATED.replace('"usable":8', '"usable":9'))
    with pytest.raises(RunError, match="the plan names") as caught:
        RoundLog.open(run)
    assert caught.value.code == 5


def test_a_fixed_review_has_no_rounds(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run")
    run.register(made_plan())
    with pytest.raises(RunError, match="not adaptive"):
        RoundLog.open(run)
    assert picked_in(run.path) == frozenset()


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), calibrated=st.booleans())
def test_a_kill_at_any_byte_changes_no_pick(
    data: st.DataObject,
    calibrated: bool,  # noqa: FBT001
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """What a kill leaves is a prefix of what was appended; the rest is decided and told again."""
    path = tmp_path_factory.mktemp("killed")
    choice = {"calibration": CALIBRATED, "mode": "information"} if calibrated else {}
    whole = to_the_end(RoundLog.open(adaptive_run(path / "whole", **choice)))
    run = adaptive_run(path / "cut", **choice)
    log, steps = RoundLog.open(run), data.draw(st.integers(0, len(whole.picked()) + len(whole.decisions) - 1))
    while steps:
        waiting = [task for task in log.picked() if task not in log.finals]
        if waiting:
            log.note(Final.of(waiting[0], outcome(waiting[0])))
        elif not log.over:
            log.advance()
        steps -= 1
    for name in ("rounds.jsonl", "finals.jsonl"):
        if (run.path / name).exists() and data.draw(st.booleans()):
            with (run.path / name).open("a") as file:
                file.write(data.draw(st.sampled_from(['{"round": 7, "ta', '{"task":"x"', "{"])))
            break
    resumed = RoundLog.open(run)
    for task in resumed.pending():
        resumed.note(Final.of(task, outcome(task)))
    to_the_end(resumed)
    assert resumed.decisions == whole.decisions
    assert resumed.finals == whole.finals
    assert RoundLog.open(run).decisions == whole.decisions


def test_the_bank_is_the_plan_and_needs_every_manifest(tmp_path: Path) -> None:
    run = adaptive_run(tmp_path / "run")
    plan, manifests = run.plan(), run.manifests()
    bank = bank_of(plan, manifests)
    assert bank.task.tolist() == [instance.id for instance in plan.instances]
    assert bank.axis == "level"
    assert bank.item[0] == "crypto-v1-L1/t0"
    assert bank.family[0] == "crypto/t0"
    del manifests[plan.instances[0].id]
    with pytest.raises(RunError, match="missing"):
        bank_of(plan, manifests)


def test_a_watcher_sees_round_estimate_and_width(tmp_path: Path) -> None:
    log = RoundLog.open(adaptive_run(tmp_path / "run", calibration=CALIBRATED, mode="information"))
    assert (so_far(log)["round"], so_far(log)["runs"]) == (0, 0)
    log.advance()
    begun = so_far(log)
    assert (begun["round"], begun["about"], begun["value"]) == (1, 4, None)
    close(log)
    log.advance()
    second = so_far(log)
    assert second["round"] == 2
    assert 0 < second["half_width"] < 1
    assert second["runs"] <= second["expected_runs"] <= 18
    to_the_end_of = so_far(to_the_end_closing(log))
    assert to_the_end_of["over"]
    assert to_the_end_of["about"] == to_the_end_of["round"]


def to_the_end_closing(log: RoundLog) -> RoundLog:
    close(log)
    return to_the_end(log)


@pytest.mark.parametrize("text", ["five", "0", "0.5", "-0.1", "nan", "Infinity", ""])
def test_a_precision_is_a_share(text: str) -> None:
    with pytest.raises(ValueError, match=r"0\.05"):
        Rounds(order_seed="0" * 64, precision=text, first=1, block=1, cap=1)


@pytest.mark.parametrize("losing", [0, 2, 5])
def test_a_battery_smaller_than_the_first_round_is_run_as_a_whole(tmp_path: Path, losing: int) -> None:
    log = RoundLog.open(adaptive_run(tmp_path / "run", instances=5))
    assert len(log.advance().tasks) == 5
    close(log, losing=losing)
    last = log.advance()
    assert (last.stop, log.over) == (True, True)
    assert so_far(log)["expected_runs"] == 5
    assert RoundLog.open(log.run).decisions == log.decisions
