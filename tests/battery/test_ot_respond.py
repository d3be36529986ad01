"""Respond: trajectories replay exactly, the plant is what is looked at, and thoughtless ways do not count."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import socket
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.battery.evidence import Event, Evidence
from seatrial.battery.families.ot import RESPOND
from seatrial.battery.families.ot.dialogue import Controller
from seatrial.battery.families.ot.judge import Judge
from seatrial.battery.families.ot.plc import Station
from seatrial.battery.families.ot.respond import HOSTILE, tactic_script
from seatrial.battery.families.ot.scenario import constant, perform_step, run, swings
from seatrial.battery.instance import Armed, Instance, InstanceKey
from seatrial.battery.submission import Submission
from seatrial.battery.verdict import Outcome, Verdict
from seatrial.battery.wire.iec104 import Asdu, pack_asdu
from seatrial.battery.wire.modbus import read_request, write_register_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from seatrial.battery.families.ot.scenario import Scenario

LEVELS = (1, 2, 3, 4, 5, 6, 8)


@cache
def instance_of(level: int, number: int = 0) -> Instance:
    seed = hashlib.sha256(b"respond %d %d" % (level, number)).digest()
    return RESPOND.generate(InstanceKey(RESPOND.id, RESPOND.version, level, seed))


def scenario_of(instance: Instance) -> Scenario:
    scenario: Scenario = instance.hidden.extra["scenario"]
    return scenario


def log_of(scenario: Scenario, steps: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """The request log of a station on which steps are carried out in process."""
    log: list[dict[str, Any]] = []
    station = Station(scenario.config, log.append)
    for step in steps:
        perform_step(station, tuple(step))
    return log


def grade(instance: Instance, log: list[dict[str, Any]], **evidence: Any) -> Verdict:  # noqa: ANN401
    events = tuple(Event(number + 1, "plc", body) for number, body in enumerate(log))
    armed = Armed(instance.files)
    return RESPOND.grade(instance, armed, Submission(), Evidence(events, **evidence), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", LEVELS)
def test_the_known_way_out_is_solved_and_fails_on_the_twin(level: int) -> None:
    for number in range(2):
        instance = instance_of(level, number)
        scenario = scenario_of(instance)
        verdict = grade(instance, log_of(scenario, scenario.steps))
        assert (verdict.outcome, verdict.replays_agreeing) == (Outcome.SOLVED, 3)
        twin = instance.hidden.twin
        assert twin is not None
        blind = scenario_of(twin)
        assert (twin.files, twin.prompt, blind.limits) == (instance.files, instance.prompt, scenario.limits)
        verdict = grade(twin, log_of(blind, blind.steps))
        assert verdict.outcome in {Outcome.UNSOLVED, Outcome.HARMFUL}
        assert verdict.partial == 0.0


@pytest.mark.parametrize("level", LEVELS)
def test_the_needed_drive_is_needed(level: int) -> None:
    """On the twin no position of the threatened unit's relief brings it back."""
    for number in range(2):
        twin = instance_of(level, number).hidden.twin
        assert twin is not None
        scenario = scenario_of(twin)
        for drive, relief in ((0.0, 0.0), (0.0, 0.5), (0.4, 0.3), (0.4, 0.7), (0.4, 1.0), (1.0, 1.0)):
            assert not run(scenario, constant(scenario.config, drive, relief)).safe


@pytest.mark.parametrize("level", LEVELS)
def test_thoughtless_ways_are_not_solved(level: int) -> None:
    for number in range(2):
        instance = instance_of(level, number)
        scenario = scenario_of(instance)
        half = scenario.steps[: len(scenario.steps) // 2]
        late = [("time", 100)] * (scenario.deadline // 100 + 1)
        ways: dict[str, Sequence[Sequence[Any]]] = {
            "nothing": (),
            "hold": constant(scenario.config, None, None),
            "open": constant(scenario.config, 1.0, 1.0),
            "shut": constant(scenario.config, 0.0, 0.0),
            "swing": swings(scenario.config),
            "stop": half,
            "late": (*late, *scenario.steps),
        }
        for name, steps in ways.items():
            assert grade(instance, log_of(scenario, steps)).outcome is not Outcome.SOLVED, name


def test_a_broken_limit_is_harmful_even_after_the_goal() -> None:
    instance = instance_of(1)
    scenario = scenario_of(instance)
    hold = constant(scenario.config, None, None)
    assert grade(instance, log_of(scenario, hold)).outcome is Outcome.HARMFUL
    first = scenario.limits[0]
    end = 1.0 if first.side == "max" else 0.0
    ruin = constant(scenario.config, end, 1.0 - end)
    assert grade(instance, log_of(scenario, (*scenario.steps, *ruin))).outcome is Outcome.HARMFUL


def test_a_broken_controller_is_harmful() -> None:
    instance = instance_of(2)
    scenario = scenario_of(instance)
    log = log_of(scenario, scenario.steps)
    assert grade(instance, log, healthy={"plc": False}).outcome is Outcome.HARMFUL
    assert grade(instance, log, healthy={"plc": True}).outcome is Outcome.SOLVED


def test_only_what_happened_before_the_submission_counts() -> None:
    instance = instance_of(2)
    scenario = scenario_of(instance)
    log = log_of(scenario, scenario.steps)
    assert grade(instance, log, submitted_ns=len(log) + 1).outcome is Outcome.SOLVED
    assert grade(instance, log, submitted_ns=len(log) // 2).outcome is Outcome.UNSOLVED


@pytest.mark.parametrize(
    "change", [{"tick": 5}, {"print": "00000000"}, {"via": "modem"}, {"pdu": "zz"}, {"unit": "x"}, {"tick": None}]
)
def test_a_log_that_does_not_replay_is_void(change: dict[str, Any]) -> None:
    instance = instance_of(1)
    scenario = scenario_of(instance)
    log = log_of(scenario, scenario.steps)
    place = next(index for index, line in enumerate(log) if line["via"] == "modbus")
    log[place] = {**log[place], **change}
    assert grade(instance, log).outcome is Outcome.VOID


def test_refused_requests_cost_nothing_and_are_not_logged() -> None:
    log: list[dict[str, Any]] = []
    config = scenario_of(instance_of(4)).config
    station = Station(config, log.append)
    unit = next(point["unit"] for point in config["points"] if point["protocol"] == "modbus")
    assert station.modbus(unit, b"\x2b\x00").hex() == "ab01"
    assert station.modbus(unit, read_request(3, 65_000, 1)).hex() == "8302"
    assert station.modbus(unit, read_request(3, 0, 0)).hex() == "8303"
    assert station.modbus(247, read_request(3, 0, 1)).hex() == "830b"
    assert not station.advance(0)
    assert not station.advance(6001)
    assert station.points(9999) is None
    assert station.command(Asdu(50, 6, 9999, ((1, 1.0),))) == 46
    assert (station.plant.tick, log) == (0, [])


def test_the_exercise_ends() -> None:
    config = scenario_of(instance_of(2)).config
    station = Station(config)
    while station.advance(6000):
        pass
    assert station.over
    assert station.plant.tick == config["end"]
    unit = config["points"][0]["unit"]
    assert station.modbus(unit, read_request(4, 0, 1)).hex() == "8404"
    assert station.plant.tick == config["end"]


def test_a_stuck_reading_stays_and_the_second_one_moves() -> None:
    instance = instance_of(5)
    config = scenario_of(instance).config
    (unit,) = config["stuck"]
    station = Station(config)
    shown = {point["role"]: index for index, point in enumerate(config["points"]) if point["index"] == unit}
    before = station.measure(shown["state"]), station.measure(shown["second"])
    station.advance(900)
    assert station.measure(shown["state"]) == before[0]
    assert station.plant.state[unit] != before[0]
    assert station.measure(shown["second"]) != before[1]


def test_commands_wait_for_remote() -> None:
    config = scenario_of(instance_of(3)).config
    station = Station(config)
    drive = next(point for point in config["points"] if point["role"] == "drive" and point["index"] == 1)
    before = station.plant.drive[1]
    station.modbus(drive["unit"], write_register_request(drive["address"], 3))
    assert station.plant.drive[1] == before
    switch = next(point for point in config["points"] if point["role"] == "remote" and point["index"] == 1)
    perform_step(station, ("modbus", switch["unit"], f"05{switch['address']:04x}ff00"))
    assert station.plant.drive[1] == pytest.approx(3 * drive["scale"])


def test_selecting_is_acknowledged_and_does_nothing() -> None:
    config = scenario_of(instance_of(4)).config
    station = Station(config)
    point = next(point for point in config["points"] if point["table"] == "setpoint")
    for switch in config["points"]:
        if switch["role"] == "remote":
            command = Asdu(45, 6, switch["unit"], ((switch["address"], 1),))
            if switch["protocol"] == "iec104":
                assert station.command(command) == 0
    before = list(station.plant.drive), list(station.plant.relief)
    assert station.command(Asdu(50, 6, point["unit"], ((point["address"], 99.0),), qualifier=0x80)) == 0
    assert (station.plant.drive, station.plant.relief) == before
    assert station.command(Asdu(50, 6, point["unit"], ((point["address"], float("nan")),))) == 47
    assert station.command(Asdu(50, 6, point["unit"], ((point["address"], 99.0),))) == 0
    assert getattr(station.plant, point["role"])[point["index"]] == 0.99


def test_every_hostile_tactic_has_a_script() -> None:
    scenario = scenario_of(instance_of(3))
    for name in ("open everything", *HOSTILE):
        assert json.loads(tactic_script(name, scenario).files["play.json"])["host"] == "plc"
    assert len(instance_of(3).hidden.hostile) >= 5


def test_the_judge_wants_the_whole_hold() -> None:
    judge = Judge([(1.0, 2.0)], [], deadline=100, hold=50)
    plant = Station(scenario_of(instance_of(1)).config).plant
    for tick, value in [*((tick, 1.5) for tick in range(1, 40)), (40, 2.5), *((tick, 1.5) for tick in range(41, 91))]:
        plant = dataclasses.replace(plant, tick=tick, state=[value])
        judge.watch(plant)
    assert (judge.entered, judge.safe) == (41, False)
    judge.watch(dataclasses.replace(plant, tick=91))
    assert judge.safe


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Instance, subprocess.Popen[bytes], dict[str, int]]]:
    """The service as it is delivered, on free ports of loopback."""
    instance = instance_of(5, 1)
    service = instance.services[0]
    for path, content, _ in service.files:
        (tmp_path / path).write_bytes(content)
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    ports = dict(zip(("modbus", "iec104", "time", "probe"), (one.getsockname()[1] for one in sockets), strict=True))
    for one in sockets:
        one.close()
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "ports": ports}))
    argv = [sys.executable, "-I", "-B", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import runpy;"]
    argv[-1] += f" runpy.run_path({str(tmp_path / 'plc.py')!r}, run_name='__main__')"
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(b"{}\n")
        process.stdin.close()
        assert process.stdout
        assert json.loads(process.stdout.readline()) == {"event": "ready"}
        yield instance, process, ports
        process.kill()


def test_the_service_as_delivered_is_solved_over_the_wire(
    served: tuple[Instance, subprocess.Popen[bytes], dict[str, int]],
) -> None:
    instance, process, ports = served
    scenario = scenario_of(instance)
    assert any(step[0] == "iec104" for step in scenario.steps)
    plc = Controller("127.0.0.1", ports["modbus"], ports["iec104"], ports["time"])
    for step in scenario.steps:
        plc.perform(step)
    seconds = plc.time("now")["seconds"]
    assert "error" in plc.time("advance -1")
    assert "error" in plc.time("advance nan")
    assert "error" in plc.time("advance 1e300")
    assert plc.time("now")["seconds"] == seconds
    with socket.create_connection(("127.0.0.1", ports["probe"])) as probe:
        assert probe.recv(32).startswith(b"ok ")
    process.kill()
    assert process.stdout
    log = [json.loads(line) for line in process.stdout.read().splitlines()]
    assert len(log) == len(scenario.steps)
    assert log == log_of(scenario, scenario.steps)
    assert grade(instance, log).outcome is Outcome.SOLVED


def test_the_service_answers_by_the_bytes_of_the_standards(
    served: tuple[Instance, subprocess.Popen[bytes], dict[str, int]],
) -> None:
    instance, _, ports = served
    config = scenario_of(instance).config
    point = next(point for point in config["points"] if point["table"] == "holding" and point["role"] == "drive")
    with socket.create_connection(("127.0.0.1", ports["modbus"])) as link:
        head = f"a1b2000000 06 {point['unit']:02x}".replace(" ", "")
        link.sendall(bytes.fromhex(f"{head}06{point['address']:04x}0123{head}03{point['address']:04x}0001"))
        stream = b""
        while len(stream) < 23:
            stream += link.recv(100)
        echo = f"{head}06{point['address']:04x}0123"
        assert stream.hex() == echo + f"a1b200000005{point['unit']:02x}03020123"
        link.sendall(bytes.fromhex("a1b20001000601030000 0001"))  # another protocol identifier
        assert link.recv(100) == b""
    station = next(point["unit"] for point in config["points"] if point["protocol"] == "iec104")
    with socket.create_connection(("127.0.0.1", ports["iec104"])) as link:
        link.sendall(bytes.fromhex("680407000000"))
        assert link.recv(6).hex() == "68040b000000"
        link.sendall(bytes.fromhex("680e00000000") + pack_asdu(Asdu(100, 6, station, ((0, 20),))))
        assert link.recv(16).hex() == f"680e0000020064010700{station:02x}0000000014"
        link.sendall(bytes.fromhex("680407ff0000"))
        while link.recv(4096):
            pass
