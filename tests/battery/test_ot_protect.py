"""Protect: the gateway does what its rules say, every bad class has teeth, and the twin cannot be told apart."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.battery.evidence import Evidence
from seatrial.battery.families.ot import PROTECT
from seatrial.battery.families.ot.gateway import Gateway, Request, parse_rules
from seatrial.battery.families.ot.naive_rules import seen_values
from seatrial.battery.families.ot.protect import held_out, measured, reference_rules
from seatrial.battery.families.ot.reading import read_capture
from seatrial.battery.families.ot.solve_protect import solve
from seatrial.battery.families.ot.works import CLASSES
from seatrial.battery.grading.answers import BadAnswer
from seatrial.battery.instance import Armed, Instance, InstanceKey
from seatrial.battery.submission import Submission
from seatrial.battery.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seatrial.battery.families.ot.works import Works

LEVELS = (1, 2, 3, 4, 5, 7, 12)


@cache
def instance_of(level: int, number: int = 0) -> Instance:
    seed = hashlib.sha256(b"protect %d %d" % (level, number)).digest()
    return PROTECT.generate(InstanceKey(PROTECT.id, PROTECT.version, level, seed))


def grade(instance: Instance, content: bytes | None) -> Verdict:
    submission = Submission({} if content is None else {"rules.json": content})
    return PROTECT.grade(instance, Armed(instance.files), submission, Evidence(), None)  # type: ignore[arg-type]


def works_of(instance: Instance) -> Works:
    works: Works = instance.hidden.extra["works"]
    return works


def unpack(instance: Instance, folder: Path) -> Path:
    for path, content, _ in instance.files:
        (folder / path).write_bytes(content)
    return folder


@pytest.mark.parametrize("level", LEVELS)
def test_the_solver_protects_and_cannot_protect_the_twin(level: int, tmp_path: Path) -> None:
    for number in range(2 if level < 5 else 1):
        instance = instance_of(level, number)
        verdict = grade(instance, json.dumps(solve(unpack(instance, tmp_path))).encode())
        assert (verdict.outcome, verdict.reasons, verdict.partial) == (Outcome.SOLVED, (), 1.0)
        twin = instance.hidden.twin
        assert twin is not None
        assert PROTECT.functional(twin, None) == PROTECT.functional(instance, None) == ()  # type: ignore[arg-type]
        rules = json.dumps(solve(unpack(twin, tmp_path))).encode()
        assert grade(twin, rules).outcome is Outcome.UNSOLVED
        assert grade(twin, b'{"rules": []}').outcome is Outcome.UNSOLVED


@pytest.mark.slow
@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_the_solver_protects_many(level: int, tmp_path: Path) -> None:
    for number in range(100, 140):
        instance = instance_of(level, number)
        assert grade(instance, json.dumps(solve(unpack(instance, tmp_path))).encode()).reasons == ()


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_no_naive_or_hostile_gateway_is_accepted(level: int, tmp_path: Path) -> None:
    for number in range(2 if level < 3 else 1):
        instance = instance_of(level, number)
        assert len(instance.hidden.hostile) >= 12
        for case in instance.hidden.hostile:
            assert grade(instance, case.files["rules.json"]).outcome is Outcome.UNSOLVED, case.name
        seen = {"rules": seen_values(unpack(instance, tmp_path))}
        assert grade(instance, json.dumps(seen).encode()).outcome is Outcome.UNSOLVED
    assert grade(instance, None).outcome is Outcome.UNSOLVED


def test_the_twins_bad_writes_are_operators_writes() -> None:
    """Source, unit, function, place: all of an operator's; values within the range that operators use."""
    for number in range(4):
        twin = instance_of(1, number).hidden.twin
        assert twin is not None
        labelled = {int(line.split(",")[0]) for line in twin.files["labels.csv"].decode().splitlines()[1:]}
        writes = read_capture(twin.files["capture.pcap"]).writes
        places = [{(w.source, w.function, w.place) for w in writes if (w.frame in labelled) == bad} for bad in (0, 1)]
        assert len(labelled) == 20
        assert places[1] <= places[0]
        used = {place[2] for place in places[1]}
        usual = [w.values[0] for w in writes if w.frame not in labelled and w.place in used]
        wrong = [w.values[0] for w in writes if w.frame in labelled]
        assert min(usual) * 0.5 <= min(wrong)
        assert max(wrong) <= max(usual) * 1.2


def test_every_class_is_offered_and_blocked() -> None:
    offered = dict.fromkeys(CLASSES, 0)
    for number in range(3):
        instance = instance_of(12, number)
        works = works_of(instance)
        rules = parse_rules(reference_rules(works), measured(works))
        for shift in range(2):
            for name, (count, passed) in held_out(instance.key, works, rules, shift).by_class.items():
                offered[name] += count
                assert passed == 0
    assert min(offered.values()) >= 3


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda rule: {field: value for field, value in rule.items() if field != name}


def shifted(name: str, by: tuple[int, int]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda rule: {**rule, name: [rule[name][0] - by[0], rule[name][1] + by[1]]} if name in rule else rule


TEETH: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "stranger": without("source"),
    "colleague": without("source"),
    "range": without("values"),
    "edge": shifted("values", (0, 5)),
    "low": without("values"),
    "middle": without("values"),
    "address": lambda rule: without("addresses")(without("values")(rule)),
    "span": shifted("addresses", (0, 2)),
    "state": without("when"),
    "state-edge": without("when"),
    "calibration": without("when"),
    "function": without("functions"),
    "rate": without("rate"),
    "unit": without("unit"),
    "zero": without("unit"),
}


@pytest.mark.parametrize("name", CLASSES)
def test_leaving_out_a_condition_lets_its_class_through(name: str) -> None:
    for number in range(3):
        instance = instance_of(12, number)
        works = works_of(instance)
        rows = json.loads(reference_rules(works))["rules"]
        loose = {"rules": rows[:2] + [TEETH[name](rule) for rule in rows[2:]]}
        rules = parse_rules(json.dumps(loose).encode(), measured(works))
        for shift in range(2):
            if held_out(instance.key, works, rules, shift).by_class.get(name, [0, 0])[1]:
                return
    pytest.fail(f"no write of class {name} came through")


def test_the_plant_suffers_what_passes_and_what_is_blocked() -> None:
    """Without trims the plant leaves its limits in some shift: blocking is not safe as such."""
    unsafe = 0
    for number in range(8):
        instance = instance_of(2, number)
        works = works_of(instance)
        unsafe += not held_out(instance.key, works, (), 0).safe
    assert unsafe > 0


def ask(at: float = 0.0, **changed: Any) -> Request:  # noqa: ANN401
    fields: dict[str, Any] = {
        "source": "10.0.0.1",
        "unit": 1,
        "function": 16,
        "address": 10,
        "count": 2,
        "values": (5, 9),
    }
    return Request(at, **{**fields, **changed})


def decide(rule: dict[str, Any], request: Request, reading: float = 0.0) -> bool:
    rules = parse_rules(json.dumps({"rules": [rule]}).encode(), {"LT-1": None})
    return Gateway(rules).passes(request, {"LT-1": reading})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, True),
        ({"source": "10.0.0.1", "unit": 1, "functions": [6, 16], "table": "holding"}, True),
        ({"source": "10.0.0.2"}, False),
        ({"unit": 2}, False),
        ({"functions": [6]}, False),
        ({"functions": []}, False),
        ({"table": "coil"}, False),
        ({"addresses": [10, 11]}, True),
        ({"addresses": [10, 10]}, False),
        ({"addresses": [11, 12]}, False),
        ({"values": [5, 9]}, True),
        ({"values": [6, 9]}, False),
        ({"values": [9, 5]}, False),
        ({"rate": 0}, False),
        ({"when": {"point": "LT-1", "op": ">=", "value": 0}}, True),
        ({"when": {"point": "LT-1", "op": "!=", "value": 0}}, False),
        ({"source": None, "when": None}, True),
    ],
)
def test_each_field_of_a_rule(rule: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert decide(rule, ask()) == expected


@pytest.mark.parametrize(("op", "truth"), [(">", (0, 0, 1)), (">=", (0, 1, 1)), ("<", (1, 0, 0)), ("<=", (1, 1, 0))])
def test_comparisons(op: str, truth: tuple[int, int, int]) -> None:
    rule = {"when": {"point": "LT-1", "op": op, "value": 2.5}}
    assert tuple(int(decide(rule, ask(), reading)) for reading in (2.4, 2.5, 2.6)) == truth


def test_reads_carry_no_values() -> None:
    assert decide({"values": [0, 0]}, ask(function=3, values=()))


def test_default_is_to_refuse() -> None:
    assert not Gateway(()).passes(ask(), {})


def test_rates_slide_and_the_next_rule_takes_over() -> None:
    rules = parse_rules(b'{"rules": [{"rate": 2}, {"rate": 1}]}', {})
    gate = Gateway(rules)
    assert [gate.passes(ask(float(at)), {}) for at in (0, 1, 2, 3, 59, 60, 61, 62)] == [1, 1, 1, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"rules": {}}',
        b'{"rules": [], "more": 1}',
        b'{"rules": [1]}',
        b'{"rules": [{"sources": "10.0.0.1"}]}',
        b'{"rules": [{"source": 5}]}',
        b'{"rules": [{"unit": "1"}]}',
        b'{"rules": [{"unit": 1.5}]}',
        b'{"rules": [{"functions": 6}]}',
        b'{"rules": [{"functions": [true]}]}',
        b'{"rules": [{"addresses": [1]}]}',
        b'{"rules": [{"values": ["a", "b"]}]}',
        b'{"rules": [{"values": [0, NaN]}]}',
        b'{"rules": [{"rate": "5"}]}',
        b'{"rules": [{"when": "always"}]}',
        b'{"rules": [{"when": {"point": "LT-1", "op": ">="}}]}',
        b'{"rules": [{"when": {"point": "LT-2", "op": ">=", "value": 1}}]}',
        b'{"rules": [{"when": {"point": "LT-1", "op": "=>", "value": 1}}]}',
        b'{"rules": [{"when": {"point": [], "op": ">=", "value": 1}}]}',
        b'{"rules": [{"when": {"point": "LT-1", "op": [], "value": 1}}]}',
    ],
)
def test_what_is_no_set_of_rules(content: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_rules(content, {"LT-1": None})


def test_wide_numbers_in_rules_are_harmless() -> None:
    assert decide({"values": [-1e300, 1e300], "addresses": [-5, 10**39], "rate": 1e9}, ask())
