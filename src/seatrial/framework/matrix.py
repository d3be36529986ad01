"""The matrix: which role may do what with which class, and under which conditions. An empty cell is no.

- The grid is complete: every role, class and action has a cell, most of them empty.
- A cell is ways joined by `+`; a way is actions, `@`, and conditions that must all hold; one way is enough.
- The row `public` holds for everybody. There is no column for classified content.
- `CEILINGS` are code: no file may go beyond them.

>>> read_cell("w@a+ru@a2")[Action.USE] == (frozenset({Condition.ASSIGNED, Condition.TWO_KEYS}),)
True
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING

from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.participant import DEVELOPER_ROLES, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CLASSIFIED = "C"  # the column that no matrix has


class Condition(StrEnum):
    """What must hold; the letters of the file are in `CONDITION_LETTERS`."""

    OWN = "own"
    ASSIGNED = "assigned"
    GRANTED = "granted"
    MAINTAINED = "maintained"
    TWO_KEYS = "two_keys"
    ORDERED = "ordered"
    PUBLISHED = "published"


Way = frozenset[Condition]
Cell = tuple[Way, ...]

ACTION_LETTERS: Mapping[str, Action] = {
    "r": Action.READ,
    "w": Action.WRITE,
    "u": Action.USE,
    "s": Action.SHARE,
    "p": Action.PUBLISH,
    "d": Action.DESTROY,
}
CONDITION_LETTERS: Mapping[str, Condition] = {
    "o": Condition.OWN,
    "a": Condition.ASSIGNED,
    "g": Condition.GRANTED,
    "m": Condition.MAINTAINED,
    "2": Condition.TWO_KEYS,
    "c": Condition.ORDERED,
    "*": Condition.PUBLISHED,
}
_WAY = re.compile(r"([rwuspd]+)@([oagm2c*]+)")


class MatrixError(ValueError):
    """A matrix that cannot be read: names the row, the column and what is wrong there."""

    def __init__(self, role: str, column: str, rule: str, said: str) -> None:
        super().__init__(f"matrix {role or 'header'}/{column or '-'}: {said}")
        self.role, self.column, self.rule, self.said = role, column, rule, said


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole grid."""

    cells: Mapping[tuple[Role, DataClass, Action], Cell]

    def ways(self, role: Role, data_class: DataClass, action: Action) -> Cell:
        """The ways of one cell; none is no."""
        return self.cells[role, data_class, action]


def read_cell(written: str) -> dict[Action, Cell]:
    """The ways of each action in a written cell.

    Raises:
        ValueError: not in the grammar, a letter twice, or an action with no condition.
    """
    ways: dict[Action, Cell] = {}
    for part in written.split("+") if written else ():
        found = _WAY.fullmatch(part)
        if not found:
            raise ValueError(f"{part!r} is not actions@conditions; actions are r w u s p d, conditions o a g m 2 c *")
        for letters in found.groups():
            if len(set(letters)) != len(letters):
                raise ValueError(f"{part!r} says a letter twice")
        way = frozenset(CONDITION_LETTERS[letter] for letter in found[2])
        for letter in found[1]:
            ways[ACTION_LETTERS[letter]] = (*ways.get(ACTION_LETTERS[letter], ()), way)
    return ways


def read_matrix(written: str) -> Matrix:
    """Read the file: a header of classes, and one row a role or several joined by `|`.

    Raises:
        MatrixError: a column, role or cell that is unknown, twice or missing.
    """
    rows = list(csv.reader(written.splitlines()))
    columns = _columns(rows[0] if rows else [])
    cells: dict[tuple[Role, DataClass, Action], Cell] = {}
    for row in rows[1:]:
        if len(row) != len(columns) + 1:
            raise MatrixError(
                row[0] if row else "", "", "shape", f"{len(row)} cells, the header has {len(columns) + 1}"
            )
        for role in (_role(name) for name in row[0].split("|")):
            if (role, DataClass.W, Action.READ) in cells:
                raise MatrixError(role, "", "twice", "has two rows")
            for data_class, written_cell in zip(columns, row[1:], strict=True):
                ways = _cell(role, data_class, written_cell.strip())
                cells |= {(role, data_class, action): ways.get(action, ()) for action in Action}
    if missing := [role for role in Role if (role, DataClass.W, Action.READ) not in cells]:
        raise MatrixError(missing[0], "", "complete", "has no row")
    return Matrix(cells)


def _columns(header: list[str]) -> list[DataClass]:
    names = header[1:]
    if CLASSIFIED in names:
        raise MatrixError("", CLASSIFIED, "no-classified-class", "there is no class for classified content")
    if unknown := [name for name in names if name not in DataClass.__members__]:
        raise MatrixError("", unknown[0], "unknown-class", "is no data class")
    if sorted(names) != sorted(DataClass):
        wrong = next(name for name in DataClass if names.count(name) != 1)
        raise MatrixError("", wrong, "complete", f"stands {names.count(wrong)} times in the header, once is needed")
    return [DataClass(name) for name in names]


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise MatrixError(name, "", "unknown-role", "is no role") from None


def _cell(role: Role, data_class: DataClass, written: str) -> dict[Action, Cell]:
    try:
        return read_cell(written)
    except ValueError as error:
        raise MatrixError(role, data_class, "cell-grammar", str(error)) from error


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A rule that no matrix may go beyond: `keeps` is true of every way that stays below it."""

    id: str
    said: str
    keeps: Callable[[Role, DataClass, Action, Way], bool]


_TWO_KEYED = frozenset(
    {
        (DataClass.W, Action.USE),
        (DataClass.X, Action.READ),
        (DataClass.X, Action.USE),
        (DataClass.X, Action.SHARE),
        (DataClass.R, Action.PUBLISH),
    }
)
_NEVER_HELD_OUT = DEVELOPER_ROLES | {
    Role.DESIGNATION_LIAISON,
    Role.ANALYST,
    Role.VERIFIER,
    Role.COORDINATOR,
    Role.CLEARINGHOUSE_LEAD,
    Role.AGENCY_READER,
    Role.METRICS_READER,
    Role.TRUSTED_PARTNER,
    Role.INFRASTRUCTURE_OPERATOR,
    Role.MAINTAINER,
}
_OPERATOR_SEES = frozenset({DataClass.I, DataClass.L})

CEILINGS: tuple[Ceiling, ...] = (
    Ceiling(
        "sealed-is-never-read",
        "nobody reads weights or endpoint keys",
        lambda _role, data_class, action, _way: (
            not (data_class in {DataClass.W, DataClass.K} and action is Action.READ)
        ),
    ),
    Ceiling(
        "two-keys",
        "use of weights, any opening of an exploit and publishing a report take two keys",
        lambda _role, data_class, action, way: (data_class, action) not in _TWO_KEYED or Condition.TWO_KEYS in way,
    ),
    Ceiling(
        "held-out-stays-held-out",
        "developers, agencies and partners have nothing of held-out tasks",
        lambda role, data_class, _action, _way: not (data_class is DataClass.H and role in _NEVER_HELD_OUT),
    ),
    Ceiling(
        "findings-are-not-developers",
        "developer roles have nothing of findings; a vendor sees its own case as maintainer",
        lambda role, data_class, _action, _way: not (data_class is DataClass.F and role in DEVELOPER_ROLES),
    ),
    Ceiling(
        "operator-sees-incidents-and-log",
        "an operator has incidents and the log only",
        lambda role, data_class, _action, _way: role is not Role.OPERATOR or data_class in _OPERATOR_SEES,
    ),
    Ceiling(
        "public-sees-what-is-published",
        "the public row is for what is published only",
        lambda role, _class, _action, way: role is not Role.PUBLIC or way == {Condition.PUBLISHED},
    ),
    Ceiling(
        "metrics-are-aggregates",
        "a metrics reader has aggregates only",
        lambda role, data_class, _action, _way: role is not Role.METRICS_READER or data_class is DataClass.A,
    ),
)


def beyond(matrix: Matrix) -> Iterator[MatrixError]:
    """Every cell that goes beyond a ceiling."""
    for role, data_class, action in product(Role, DataClass, Action):
        for way in matrix.ways(role, data_class, action):
            for ceiling in CEILINGS:
                if not ceiling.keeps(role, data_class, action, way):
                    yield MatrixError(role, data_class, ceiling.id, f"{action}: {ceiling.said}")
