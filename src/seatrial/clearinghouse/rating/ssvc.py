"""SSVC: decision tables as CERT/CC publishes them, and the look-up of an outcome.

- A table is its decision points, its outcome point and the full list of its rows; to evaluate is to look a row up.
- A table is checked as it is loaded: as many rows as the product of its points' values, none twice, every key known.
- Nothing is filled in: a point that is not given is named in the refusal, with the values that it has.

Source: CERT/CC, Stakeholder-Specific Vulnerability Categorization, decision tables in schema version 2.0.0.

>>> table("coordinator_triage").evaluate(
...     {"RP": "N", "SCON": "Y", "RC": "C", "SC": "M", "SE": "U", "U": "S", "PSI": "S"}
... ).name
'Coordinate'
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse import data
from seatrial.framework.instant import text as rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

TABLES: dict[str, str] = {
    "deployer": "deployer_patch_application_priority_1_0_0",
    "supplier": "supplier_patch_development_priority_1_0_0",
    "coordinator_triage": "coordinator_triage_1_0_0",
    "coordinator_publication": "coordinator_publish_decision_table_1_0_0",
    "utility": "utility_1_0_0",
    "human_impact": "human_impact_1_0_0",
    "public_safety_impact": "public_safety_impact_1_0_0",
    "cisa": "cisa_coordinate_dt_2_0_3",
    "bod_26_04": "cisa_bod_26_04_1_0_0",
}
"""What the tables are called here, and the file of each."""

SELECTION_LIST_SCHEMA = "2.0.0"
POINTS_URI = "https://certcc.github.io/SSVC/reference/decision_points/"


class TableFault(ValueError):
    """A decision table that is not complete, or names a key that it does not define."""


class NotASelection(ValueError):
    """A value that a decision point does not have, or a point that is missing."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a decision point."""

    key: str
    name: str
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A decision point or an outcome, in one version; `values` from the least to the most urgent."""

    namespace: str
    key: str
    version: str
    name: str
    values: tuple[Value, ...]

    @property
    def id(self) -> str:
        """`ssvc:E:1.1.0`."""
        return f"{self.namespace}:{self.key}:{self.version}"

    def value(self, key: str) -> Value:
        """The value of a key.

        Raises:
            NotASelection: No value of this point.
        """
        for value in self.values:
            if value.key == key:
                return value
        known = ", ".join(f"{value.key} ({value.name})" for value in self.values)
        raise NotASelection(f"{self.id}: {key!r} is no value of {self.name}; give one of {known}")


@dataclass(frozen=True, slots=True)
class Table:
    """A decision table: `rows` holds the outcome key for every tuple of value keys, in the order of `points`."""

    id: str
    name: str
    points: tuple[Point, ...]
    outcome: Point
    rows: Mapping[tuple[str, ...], str]

    def point(self, key: str) -> Point:
        """A decision point by its full id or its key.

        Raises:
            NotASelection: The table has no such point.
        """
        for point in self.points:
            if key in (point.id, point.key):
                return point
        raise NotASelection(f"{self.id} has no point {key!r}; it has {', '.join(point.id for point in self.points)}")

    def evaluate(self, given: Mapping[str, str]) -> Value:
        """The outcome for one value key a point; points are named by id or key, others are not looked at.

        Raises:
            NotASelection: A point is missing or has no such value.
        """
        return self.outcome.value(self.rows[self.selected(given)])

    def selected(self, given: Mapping[str, str]) -> tuple[str, ...]:
        """The value keys in the order of the points."""
        return tuple(point.value(_given(point, given)).key for point in self.points)


def _given(point: Point, given: Mapping[str, str]) -> str:
    for name in (point.id, point.key):
        if name in given:
            return given[name]
    known = ", ".join(f"{value.key} ({value.name})" for value in point.values)
    raise NotASelection(f"{point.id} is missing: {point.name} is one of {known}")


def check(point: str, value: str) -> Value:
    """A value of a decision point that any of the tables has, by the point's id or key.

    Raises:
        NotASelection: No table has the point, or none of them the value.
    """
    points = [each for name in TABLES for each in table(name).points if point in (each.id, each.key)]
    if not points:
        raise NotASelection(f"no table has a point {point!r}")
    return next((each for each in points if value in {v.key for v in each.values}), points[0]).value(value)


@lru_cache(maxsize=len(TABLES))
def table(name: str) -> Table:
    """One of the vendored tables, loaded and checked.

    Raises:
        NotASelection: No table of that name.
        TableFault: The vendored file is not a complete table.
    """
    if name not in TABLES:
        raise NotASelection(f"no table {name!r}; there are {', '.join(TABLES)}")
    return load(data.table(f"ssvc/{TABLES[name]}.json"))


def load(document: Mapping[str, Any]) -> Table:
    """Read a decision table of schema version 2.0.0 and check that it is one.

    Raises:
        TableFault: Names the table and what is wrong.
    """
    try:
        id_ = f"{document['namespace']}:{document['key']}:{document['version']}"
        every = {name: _point(name, point) for name, point in document["decision_points"].items()}
        outcome = every.pop(document["outcome"])
        points = tuple(every.values())
        rows = dict(_rows(id_, points, outcome, document["mapping"]))
        named = document["name"]
    except KeyError as error:
        raise TableFault(f"a decision table has no {error}") from error
    expected = prod(len(point.values) for point in points)
    if len(rows) != expected:
        absent = next(key for key in product(*([v.key for v in p.values] for p in points)) if key not in rows)
        raise TableFault(f"{id_}: {len(rows)} rows of {expected}; there is none for {absent}")
    return Table(id_, named, points, outcome, rows)


def _point(name: str, document: Mapping[str, Any]) -> Point:
    values = tuple(Value(v["key"], v["name"], v.get("definition", "")) for v in document["values"])
    point = Point(document["namespace"], document["key"], document["version"], document["name"], values)
    if point.id != name:
        raise TableFault(f"decision point {name} says that it is {point.id}")
    if len({value.key for value in values}) != len(values):
        raise TableFault(f"{name}: two of its values have one key")
    return point


def _rows(
    id_: str, points: tuple[Point, ...], outcome: Point, mapping: Iterable[Mapping[str, str]]
) -> Iterator[tuple[tuple[str, ...], str]]:
    seen = set()
    for number, row in enumerate(mapping):
        if set(row) != {point.id for point in points} | {outcome.id}:
            raise TableFault(f"{id_}, row {number}: its keys are not the points of the table")
        for point in (*points, outcome):
            if row[point.id] not in {value.key for value in point.values}:
                raise TableFault(f"{id_}, row {number}: {point.id} has no value {row[point.id]!r}")
        key = tuple(row[point.id] for point in points)
        if key in seen:
            raise TableFault(f"{id_}, row {number}: {key} stands twice")
        seen.add(key)
        yield key, row[outcome.id]


def selection_list(
    table_: Table, given: Mapping[str, str], *, at: datetime, targets: Sequence[str] = (), because: Sequence[str] = ()
) -> dict[str, Any]:
    """A SelectionList 2.0.0: what was selected and what follows from it.

    `given` may leave points out; the outcome is in the list only where all are there. `targets` are ids of what was
    evaluated, `because` addresses of reports that it rests on.

    Raises:
        NotASelection: A value that a point does not have, or not one selection.
    """
    chosen = [(point, point.value(given[name])) for point in table_.points for name in _named(point, given)]
    if not chosen:
        raise NotASelection(f"{table_.id}: nothing is selected; give a value of {table_.points[0].id}")
    if len(chosen) == len(table_.points):
        chosen.append((table_.outcome, table_.evaluate(given)))
    listed: dict[str, Any] = {
        "timestamp": rfc3339(at),
        "schemaVersion": SELECTION_LIST_SCHEMA,
        "selections": [
            {
                "namespace": point.namespace,
                "key": point.key,
                "version": point.version,
                "name": point.name,
                "values": [{"key": value.key, "name": value.name}],
            }
            for point, value in chosen
        ],
        "decision_point_resources": [{"uri": POINTS_URI, "summary": "Definitions of the decision points"}],
    }
    if targets:
        listed["target_ids"] = list(dict.fromkeys(targets))
    if because:
        listed["references"] = [{"uri": uri, "summary": "What the selections rest on"} for uri in because]
    return listed


def _named(point: Point, given: Mapping[str, str]) -> list[str]:
    return [name for name in (point.id, point.key) if name in given][:1]
