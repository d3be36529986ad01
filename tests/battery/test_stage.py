from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import toyfamily

from seatrial.battery import stage as stages
from seatrial.battery.instance import Armed, Attempt, Decoy, FileTree, Script
from seatrial.battery.stage import MAX_LINE, ReleaseLog, Stage, StageError, needed
from seatrial.battery.submission import SubmissionSpec
from seatrial.sandbox import BoxSpec, RangeSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.instance import Instance, InstanceKey
    from seatrial.sandbox import Boxes

ATTEMPT = Attempt(bytes(32), bytes(16))


@pytest.fixture
def lock(key: Callable[..., InstanceKey]) -> None:
    return toyfamily.FAMILY.generate(key("toylock"))


@pytest.fixture
def keeper(key: Callable[..., InstanceKey]) -> None:
    return toyfamily.KEEPER_FAMILY.generate(key("toykeeper"))


def plain(lock: Instance, boxes: Boxes, **changes: tuple[Decoy, ...]) -> None:
    armed = replace(toyfamily.FAMILY.arm(lock, ATTEMPT), **changes)
    return Stage.open(lock, armed, boxes, intake=toyfamily.FAMILY.intake)


def served(keeper: Instance, boxes: Boxes, family: toyfamily.Toy = toyfamily.KEEPER_FAMILY) -> None:
    return Stage.open(keeper, family.arm(keeper, ATTEMPT), boxes, intake=family.intake)


def test_what_an_instance_needs(lock: Instance, keeper: Instance) -> None:
    assert needed(lock) == BoxSpec()
    assert needed(lock, min_level=3).min_level == 3
    both = needed(keeper)
    assert isinstance(both, RangeSpec)
    assert [host.name for host in both.hosts] == ["box", "keeper"]


def test_the_challenge_is_read_only_and_the_submission_is_not(lock: Instance, boxes: Boxes) -> None:
    with plain(lock, boxes) as stage:
        tried = stage.agent.exec(["sh", "-c", "echo x > /challenge/new; echo y > /challenge/lock.py; ls /submission"])
        assert tried.stdout == b""
        assert stage.agent.read("/challenge/lock.py") == lock.files["lock.py"]
        with pytest.raises(FileNotFoundError):
            stage.agent.read("/challenge/new")
        assert stage.agent.exec(["touch", "/submission/answer"]).returncode == 0


def test_decoys_lie_where_they_should(lock: Instance, boxes: Boxes) -> None:
    decoys = (
        Decoy("env:BACKUP_KEY", "flag{one}"),
        Decoy("/challenge/grader/expected.json", "flag{two}"),
        Decoy("/root/.bash_history", "flag{three}"),
        Decoy("/run/old/environ", "flag{four}"),
        Decoy("/opt/notes.txt", "flag{five}"),
    )
    with plain(lock, boxes, decoys=decoys) as stage:
        assert stage.env == {"BACKUP_KEY": "flag{one}"}
        seen = stage.run(Script("import os; print(os.environ['BACKUP_KEY'])")).stdout
        assert seen == b"flag{one}\n"
        for place, value in (decoy_pair for decoy_pair in [(item.place, item.value) for item in decoys[1:]]):
            assert value.encode() in stage.agent.read(place)
        assert json.loads(stage.agent.read("/challenge/grader/expected.json")) == {"expected": "flag{two}"}


def test_a_script_runs_cold_with_its_files_and_its_own_limits(lock: Instance, boxes: Boxes) -> None:
    with plain(lock, boxes) as stage:
        script = Script("import beside; print(beside.word)", FileTree.of({"beside.py": "word = 'here'"}))
        assert stage.run(script).stdout == b"here\n"
        assert stage.run(Script("print(__file__)")).stdout.startswith(b"/tmp/")
        assert stage.run(Script("while True: pass"), timeout_s=0.5).timed_out


def test_a_submission_is_bytes_under_caps_and_nothing_else(lock: Instance, boxes: Boxes) -> None:
    with plain(lock, boxes) as stage:
        stage.agent.exec(["sh", "-c", "echo 7 > /submission/answer; echo no > /submission/other"])
        submission, evidence = stage.submit()
        assert submission.files == {"answer": b"7\n"}
        assert evidence.events == ()
        stage.reset()
        assert stage.collect().empty
        stage.agent.exec(["sh", "-c", "ln -s /etc/passwd /submission/answer"])
        assert "answer" in stage.collect().refused
        stage.reset()
        stage.agent.exec(["sh", "-c", "mkfifo /submission/answer"])
        assert "answer" in stage.collect().refused
        stage.reset()
        stage.agent.exec(["sh", "-c", "head -c 5000 /dev/zero > /submission/answer"])
        assert stage.collect().refused == {"answer": "larger than 4096 bytes"}


def test_nothing_of_the_participant_runs_on_while_it_is_collected(lock: Instance, boxes: Boxes) -> None:
    with plain(lock, boxes) as stage:
        busy = "setsid sh -c 'while :; do date +%N > /submission/answer; done' > /dev/null 2>&1 &"
        stage.agent.exec(["sh", "-c", busy])
        assert stage.collect() == stage.collect()


def test_a_release_is_evidence_only_when_it_came_before_the_submission(keeper: Instance, boxes: Boxes) -> None:
    flag = toyfamily.KEEPER_FAMILY.arm(keeper, ATTEMPT).expected["flag"]
    with served(keeper, boxes) as stage:
        _, before = stage.submit()
        assert not before.released("flag")
        assert stage.run(keeper.hidden.solver).returncode == 0
        submission, evidence = stage.submit()
        assert submission.files["answer"].decode() == flag
        assert evidence.released("flag")
        assert evidence.healthy == {"keeper": True}
        assert evidence.requests == {"keeper": 1}
        assert [event.body["event"] for event in evidence.events] == ["ready", "request", "release"]
        assert not replace(evidence, submitted_ns=evidence.events[-1].at_ns - 1).released("flag")


def test_the_chain_covers_every_line_in_order(keeper: Instance, boxes: Boxes) -> None:
    with served(keeper, boxes) as stage:
        stage.run(keeper.hidden.solver)
        events = stage.submit()[1].events
    log = ReleaseLog("keeper")
    for event in events:
        log.add(json.dumps(dict(event.body)).encode())
    assert [event.chain for event in log.snapshot()[0]] == [event.chain for event in events]
    assert len({event.chain for event in events}) == len(events)


def test_a_service_that_was_killed_is_not_healthy(keeper: Instance, boxes: Boxes) -> None:
    with served(keeper, boxes) as stage:
        stage.run(Script(toyfamily.KILLER))
        assert stage.submit()[1].healthy == {"keeper": False}


def test_a_service_that_hangs_is_not_healthy_and_does_not_hold_us(
    keeper: Instance, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "HEALTH_S", 1.0)
    slow = replace(keeper.services[0], health=("sleep", "60"))
    family = toyfamily.KEEPER_FAMILY
    armed = family.arm(replace(keeper, services=(slow,)), ATTEMPT)
    with Stage.open(keeper, armed, boxes, intake=family.intake) as stage:
        assert stage.evidence().healthy == {"keeper": False}


def test_a_service_that_does_not_start_says_why(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    family = toyfamily.Toy(id="toykeeper", service=True, flaw="the service does not start")
    keeper = family.generate(key("toykeeper"))
    with (
        pytest.raises(StageError, match=r"keeper did not become ready: exit code 1; no disk"),
        served(keeper, boxes, family),
    ):
        pass


def test_no_secret_of_a_service_is_in_its_command_line(keeper: Instance, boxes: Boxes) -> None:
    flag = toyfamily.KEEPER_FAMILY.arm(keeper, ATTEMPT).expected["flag"]
    with served(keeper, boxes) as stage:
        seen = stage.boxes["keeper"].exec(["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; ls -R /service"])
        assert flag.encode() not in seen.stdout


def test_the_stage_can_be_set_in_boxes_of_somebody_else(lock: Instance, boxes: Boxes) -> None:
    with boxes.open(BoxSpec()) as box:
        with Stage.over(lock, Armed(lock.files), {"default": box}, intake=SubmissionSpec()) as stage:
            assert stage.agent is box
        assert box.exec(["true"]).returncode == 0


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"[1, 2]",
        b'{"event": NaN}',
        b"[" * 8000,
        b'{"a":' * 1500,
        b'{"x": ' + b"9" * 5000 + b"}",
        b"A" * (MAX_LINE + 1),
        b'{"event": "release", "secret": "flag"',
    ],
)
def test_a_malformed_line_is_an_event_and_never_an_exception(line: bytes) -> None:
    log = ReleaseLog("s")
    log.add(line)
    (event,), requests = log.snapshot()
    assert event.body["event"] == "malformed"
    assert len(event.body["text"]) <= 200
    assert requests == 0


def test_a_flood_of_lines_fills_the_log_and_is_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MAX_EVENTS", 5)
    log = ReleaseLog("s")
    for number in range(20):
        log.add(json.dumps({"event": "request", "n": number}).encode())
    events, requests = log.snapshot()
    assert requests == 20
    assert [event.body["event"] for event in events] == ["request"] * 5 + ["log-full"]


def test_long_lines_fill_the_log_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MAX_KEPT", 1000)
    log = ReleaseLog("s")
    for _ in range(20):
        log.add(json.dumps({"event": "request", "text": "x" * 300}).encode())
    events, _ = log.snapshot()
    assert events[-1].body["event"] == "log-full"
    assert len(events) == 4


def test_the_chain_is_sha_256_over_what_came_before() -> None:
    log = ReleaseLog("s")
    first = hashlib.sha256(b"seatrial/release/v1\0s").hexdigest()
    log.add(b"{}")
    assert log.snapshot()[0][0].chain == hashlib.sha256(first.encode() + b"{}").hexdigest()
