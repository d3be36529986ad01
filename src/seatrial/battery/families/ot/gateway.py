"""A filter in front of controllers: rules as data, everything else refused; no code of a submission ever runs.

A request passes when a rule fits it in every field that the rule names, and fewer than `rate` requests passed by that
rule in the 60 s before. The first such rule takes it. `values` bounds every value that a write carries; a read carries
none. `when` compares the reading of a point, in the units of the point list, with a constant.

>>> rules = parse_rules(b'{"rules": [{"functions": [6], "addresses": [10, 12], "values": [0, 500]}]}', {})
>>> gate = Gateway(rules)
>>> gate.passes(Request(0.0, "10.0.0.1", 1, 6, 11, 1, (400,)), {})
True
>>> gate.passes(Request(1.0, "10.0.0.1", 1, 6, 11, 1, (501,)), {})
False
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.battery.grading.answers import BadAnswer, number, read_object
from seatrial.battery.wire.modbus import TABLE_OF

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_RULES = 200
CAP = 64 * 1024
WINDOW_S = 60.0
OPERATORS = (">", ">=", "<", "<=", "==", "!=")
FIELDS = ("source", "unit", "functions", "table", "addresses", "values", "rate", "when")


@dataclass(frozen=True)
class Request:
    """What the gateway sees: time in seconds, source address, unit, function, first address, count, written values."""

    at: float
    source: str
    unit: int
    function: int
    address: int
    count: int
    values: tuple[int, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One permission; None means any."""

    source: str | None = None
    unit: int | None = None
    functions: tuple[int, ...] | None = None
    table: str | None = None
    addresses: tuple[float, float] | None = None
    values: tuple[float, float] | None = None
    rate: float | None = None
    when: tuple[str, str, float] | None = None

    def fits(self, request: Request, readings: Mapping[str, float]) -> bool:
        """Whether everything but the rate agrees."""
        return self._from_and_to(request) and self._carries(request.values) and self._in_state(readings)

    def _from_and_to(self, request: Request) -> bool:
        last = request.address + request.count - 1
        return (
            (self.source is None or request.source == self.source)
            and (self.unit is None or request.unit == self.unit)
            and (self.functions is None or request.function in self.functions)
            and (self.table is None or TABLE_OF[request.function] == self.table)
            and (self.addresses is None or (self.addresses[0] <= request.address and last <= self.addresses[1]))
        )

    def _carries(self, values: tuple[int, ...]) -> bool:
        return self.values is None or all(self.values[0] <= value <= self.values[1] for value in values)

    def _in_state(self, readings: Mapping[str, float]) -> bool:
        return self.when is None or _holds(readings[self.when[0]], self.when[1], self.when[2])


def _holds(reading: float, operator: str, constant: float) -> bool:
    if operator in {">=", "<=", "=="} and reading == constant:
        return True
    if operator in {">", ">="}:
        return reading > constant
    if operator in {"<", "<="}:
        return reading < constant
    return operator == "!=" and reading != constant


class Gateway:
    """The filter at work; it remembers what passed for the rates."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = [(rule, deque[float]()) for rule in rules]

    def passes(self, request: Request, readings: Mapping[str, float]) -> bool:
        """Decide on a request; times must not go back."""
        for rule, passed in self._rules:
            if not rule.fits(request, readings):
                continue
            if rule.rate is None:
                return True
            while passed and passed[0] <= request.at - WINDOW_S:
                passed.popleft()
            if len(passed) < rule.rate:
                passed.append(request.at)
                return True
        return False


def parse_rules(content: bytes, points: Mapping[str, object]) -> tuple[Rule, ...]:
    """The rules of a submission; raises `BadAnswer` that names the rule and the field."""
    body = read_object(content, cap=CAP)
    rows = body.get("rules")
    if set(body) != {"rules"} or not isinstance(rows, list):
        raise BadAnswer('an object with the one key "rules", a list, was asked for')
    if len(rows) > MOST_RULES:
        raise BadAnswer(f"{len(rows)} rules: at most {MOST_RULES}")
    return tuple(_rule(row, index, points) for index, row in enumerate(rows))


def _rule(row: object, index: int, points: Mapping[str, object]) -> Rule:
    if not isinstance(row, dict):
        raise BadAnswer(f"rule {index} is not an object")
    strange = sorted(set(row) - set(FIELDS))
    if strange:
        raise BadAnswer(f"rule {index}: unknown field {strange[0][:40]!r}; known: {', '.join(FIELDS)}")
    return Rule(
        source=_text(row, "source", index),
        unit=None if row.get("unit") is None else int(_whole(row["unit"], "unit", index)),
        functions=_functions(row, index),
        table=_text(row, "table", index),
        addresses=_pair(row, "addresses", index),
        values=_pair(row, "values", index),
        rate=None if row.get("rate") is None else _plain(row["rate"], "rate", index),
        when=_when(row, index, points),
    )


def _text(row: Mapping[str, Any], name: str, index: int) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise BadAnswer(f"rule {index}: {name} has to be a text")
    return value


def _plain(value: object, name: str, index: int) -> float:
    plain = number(value)
    if plain is None:
        raise BadAnswer(f"rule {index}: {name} has to hold finite numbers")
    return plain


def _whole(value: object, name: str, index: int) -> float:
    plain = number(value, whole=True)
    if plain is None:
        raise BadAnswer(f"rule {index}: {name} has to be a whole number")
    return plain


def _functions(row: Mapping[str, Any], index: int) -> tuple[int, ...] | None:
    value = row.get("functions")
    if value is None:
        return None
    if not isinstance(value, list):
        raise BadAnswer(f"rule {index}: functions has to be a list of function codes")
    return tuple(int(_whole(item, "functions", index)) for item in value)


def _pair(row: Mapping[str, Any], name: str, index: int) -> tuple[float, float] | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise BadAnswer(f"rule {index}: {name} has to be a list of two numbers, low and high")
    return _plain(value[0], name, index), _plain(value[1], name, index)


def _when(row: Mapping[str, Any], index: int, points: Mapping[str, object]) -> tuple[str, str, float] | None:
    value = row.get("when")
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"point", "op", "value"}:
        raise BadAnswer(f"rule {index}: when has to be an object with point, op and value")
    if not isinstance(value["point"], str) or value["point"] not in points:
        raise BadAnswer(f"rule {index}: when names no measured point of the point list")
    if value["op"] not in OPERATORS:
        raise BadAnswer(f"rule {index}: op has to be one of {' '.join(OPERATORS)}")
    return value["point"], value["op"], _plain(value["value"], "when", index)
