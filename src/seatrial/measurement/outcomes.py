"""The tidy table of a review: one row a run, as frozen numpy columns.

- A table that exists is valid: every rule below was tested, and an error names column, row and rule.
- A lost or stopped run has no score. It enters no mean; it is counted, and beyond `LOSS_BOUND` of the planned runs
  it widens the interval to what could have been.
- A table has one budget. An integer is the same token cap for every run; a text names a schedule with one cap a task.

>>> table = {"participant": ["m", "m"], "task": ["t1", "t2"], "family": ["f/a", "f/b"], "score": [1, 0]}
>>> runs = Outcomes.of(table, budget=2_000_000, bank_version="toy 1")
>>> len(runs), runs.budget, runs.score.tolist()
(2, '2,000,000 tokens a run', [1.0, 0.0])
>>> Outcomes.of({**table, "score": [1, 7]}, budget=2_000_000, bank_version="toy 1")
Traceback (most recent call last):
seatrial.measurement.outcomes.OutcomesError: column score, row 1: 7.0; a score lies between 0 and 1
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Texts: TypeAlias = NDArray[np.str_]
Column: TypeAlias = Sequence[Any] | NDArray[Any]
Table: TypeAlias = Mapping[str, Column]

STATUSES = ("finished", "budget", "refused", "lost", "stopped", "invalidated")
WITHOUT_SCORE = ("lost", "stopped")  # infrastructure; withdrawn or a cap of the whole campaign
NOT_SOLVED = ("budget", "refused")  # failures at the stated budget, counted apart
MINUTES_SOURCES = ("completion", "first_blood", "expert_estimate", "censored", "model_estimate", "design", "none")
JUDGES = ("deterministic", "model", "human")
LOSS_BOUND = 0.05  # of planned runs: up to here leaving lost runs out moves no headline by more than its rounding

_TEXTS = ("participant", "arm", "task", "item", "family")
_INTEGERS = ("epoch", "tokens", "cap")
_FLOATS = ("score", "wall", "minutes", "level")
_ENUMS = {"minutes_source": MINUTES_SOURCES, "judge": JUDGES, "status": STATUSES}
COLUMNS = (*_TEXTS, *_INTEGERS, *_FLOATS, *_ENUMS)
_REQUIRED = ("participant", "task", "family", "score")
_DEFAULTS: dict[str, str | float | int] = {
    "arm": "default",
    "epoch": 0,
    "tokens": 0,
    "wall": np.nan,
    "minutes": np.nan,
    "level": np.nan,
    "minutes_source": "none",
    "judge": "deterministic",
    "status": "finished",
}


class OutcomesError(ValueError):
    """A table that cannot be read as outcomes: names the column, the row (the first is 0) and the rule."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcomes:
    """Runs; all columns have equal length. `of` builds one from any tidy table."""

    participant: Texts
    arm: Texts
    task: Texts
    item: Texts  # parallel instances of one difficulty
    family: Texts  # the smallest group expected to be solved or missed together
    epoch: Integers
    score: Floats  # in [0, 1] or NaN
    tokens: Integers  # total of the run; 0 where not recorded
    wall: Floats  # s, NaN where not recorded
    minutes: Floats  # human minutes > 0 or NaN
    minutes_source: Texts
    level: Floats  # generator level or NaN
    judge: Texts
    status: Texts
    cap: Integers  # tokens this run might have used; 0 where none was set
    budget: str
    bank_version: str
    comparison_key: str

    @classmethod
    def of(cls, table: Table, *, budget: int | str, bank_version: str, comparison_key: str = "") -> Self:
        """A table from named columns (dict of lists, record array, data frame).

        Required: participant, task, family, score. Others default to: arm "default", item = task, epoch and tokens 0,
        wall, minutes and level NaN, status "finished". Empty cells of a number column (None, "", NaN) mean unknown.
        """
        names = _names(table)
        scalar = budget if isinstance(budget, int) else None
        defaults = {**_DEFAULTS, "cap": scalar or 0}
        columns: dict[str, NDArray[Any]] = {}
        for name in COLUMNS:
            if name in names:
                columns[name] = _reader(name)(name, table[name])
            elif name == "item":
                columns[name] = columns["task"]
            else:
                columns[name] = np.full(len(table["score"]), defaults[name])
        if scalar is not None:
            _mind("cap", columns["cap"] != scalar, columns["cap"], f"mixed budgets (stated: {scalar}): split the table")
        words = f"{scalar:,} tokens a run" if scalar is not None else str(budget)
        named: dict[str, Any] = columns
        return cls(**named, budget=words, bank_version=bank_version, comparison_key=comparison_key)

    def __post_init__(self) -> None:
        for item in fields(self):
            column = getattr(self, item.name)
            if isinstance(column, np.ndarray):
                column = column.view()
                column.flags.writeable = False
                object.__setattr__(self, item.name, column)
        if not self.budget.strip() or not self.bank_version.strip():
            raise OutcomesError("budget and bank_version must be stated: no estimate is printed without them")
        self._check_values()
        self._check_tasks()
        self._check_duplicates()

    def __len__(self) -> int:
        return len(self.score)

    def where(self, mask: Bools) -> Outcomes:
        """The rows of a mask."""
        columns = {name: getattr(self, name)[mask] for name in COLUMNS}
        return Outcomes(
            **columns, budget=self.budget, bank_version=self.bank_version, comparison_key=self.comparison_key
        )

    def only(self, **equal: str | float) -> Outcomes:
        """The rows whose named columns equal the given values, e.g. `only(participant="m", level=2)`."""
        mask = np.ones(len(self), dtype=bool)
        for name, value in equal.items():
            mask &= getattr(self, name) == value
        return self.where(mask)

    def counted(self) -> Outcomes:
        """The runs that enter a mean: neither lost, stopped nor invalidated."""
        return self.where(~np.isin(self.status, (*WITHOUT_SCORE, "invalidated")))

    def losses(self) -> Outcomes:
        """One row for each planned run without an outcome; a lost run that was run again is none."""
        without = np.isin(self.status, WITHOUT_SCORE)
        keys = self._keys()
        settled = np.isin(keys, keys[~without])
        first = np.zeros(len(self), dtype=bool)
        first[np.unique(keys, return_index=True)[1]] = True
        open_keys = np.isin(keys, keys[without & ~settled])
        return self.where(open_keys & first)

    def filled(self, score: float) -> Outcomes:
        """The counted runs, and every loss as if it had ended with `score` at no cost."""
        counted, losses = self.counted(), self.losses()
        columns = {name: np.concatenate([getattr(counted, name), getattr(losses, name)]) for name in COLUMNS}
        start = len(counted)
        columns["score"][start:] = score
        columns["tokens"][start:] = 0
        columns["status"] = np.concatenate([counted.status, np.full(len(losses), "finished")])
        return Outcomes(
            **columns, budget=self.budget, bank_version=self.bank_version, comparison_key=self.comparison_key
        )

    def _keys(self) -> Integers:
        return codes(self.participant, self.arm, self.task, self.epoch)

    def _check_values(self) -> None:
        size = len(self.score)
        for name in COLUMNS:
            if len(getattr(self, name)) != size:
                raise OutcomesError(f"column {name} has {len(getattr(self, name))} rows, column score has {size}")
        for name in _TEXTS:
            column = getattr(self, name)
            _mind(name, np.strings.strip(column) == "", np.full(size, "empty"), "a name is needed")
        for name, known in _ENUMS.items():
            column = getattr(self, name)
            _mind(name, ~np.isin(column, known), column, f"one of {', '.join(known)}")
        for name in _INTEGERS:
            column = getattr(self, name)
            _mind(name, column < 0, column, "zero or more")
        _mind(
            "score",
            (self.score < 0) | (self.score > 1) | np.isinf(self.score),
            self.score,
            "a score lies between 0 and 1",
        )
        _mind("wall", (self.wall < 0) | np.isinf(self.wall), self.wall, "seconds, zero or more")
        _mind("minutes", (self.minutes <= 0) | np.isinf(self.minutes), self.minutes, "minutes above zero")
        missing = np.isnan(self.score)
        without = np.isin(self.status, WITHOUT_SCORE)
        _mind("score", without & ~missing, self.score, "a lost or stopped run has no score")
        needs = np.isin(self.status, ("finished", *NOT_SOLVED))
        _mind(
            "score", needs & missing, self.score, "a run that ended needs a score; else its status is lost or stopped"
        )
        not_solved = np.isin(self.status, NOT_SOLVED)
        _mind("score", not_solved & (self.score >= 1), self.score, "status budget or refused means not solved")

    def _check_tasks(self) -> None:
        task, first = np.unique(self.task, return_index=True)
        at = np.searchsorted(task, self.task)
        for name in ("family", "minutes", "cap"):
            column = getattr(self, name)
            same = column == column[first][at] if len(column) else np.ones(0, dtype=bool)
            if name == "minutes":
                same |= np.isnan(column) & np.isnan(column[first][at])
            if not same.all():
                row = int(np.argmin(same))
                values = f"{column[first][at][row]} and {column[row]}"
                rule = "mixed budgets: split the table" if name == "cap" else "one value a task"
                raise OutcomesError(f"column {name}, row {row}: task {self.task[row]} has {values}; {rule}")

    def _check_duplicates(self) -> None:
        rows = np.flatnonzero(self.status != "lost")
        keys = self._keys()[rows]
        _, first = np.unique(keys, return_index=True)
        again = np.ones(len(rows), dtype=bool)
        again[first] = False
        if again.any():
            row = int(rows[np.argmax(again)])
            key = f"({self.participant[row]}, {self.arm[row]}, {self.task[row]}, epoch {self.epoch[row]})"
            raise OutcomesError(f"row {row}: {key} stands twice; a run that was run again carries status lost")


def codes(*columns: NDArray[Any]) -> Integers:
    """One integer for each distinct combination of values in a row."""
    joined = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, code = np.unique(column, return_inverse=True)
        joined = np.unique(joined * max(len(values), 1) + code, return_inverse=True)[1].astype(np.int64)
    return joined


def require_solved_or_not(outcomes: Outcomes) -> None:
    """Refuse fractional scores: success is 0 or 1, partial credit is a separate table."""
    fraction = (outcomes.score > 0) & (outcomes.score < 1)
    _mind("score", fraction, outcomes.score, "success is 0 or 1; partial credit is measured in a table of its own")


def require_one_participant(outcomes: Outcomes) -> None:
    """Refuse a table of several participants or arms: an estimate is about one."""
    for name in ("participant", "arm"):
        found = np.unique(getattr(outcomes, name))
        if len(found) > 1:
            raise OutcomesError(
                f"column {name}: {', '.join(found[:3])} in one estimate; choose one with `only({name}=…)`"
            )


def _mind(column: str, bad: Bools, values: NDArray[Any], rule: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise OutcomesError(f"column {column}, row {row}: {values[row]}; {rule}")


def _names(table: Table) -> list[str]:
    names = [str(name) for name in (table.dtype.names or () if isinstance(table, np.ndarray) else table)]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise OutcomesError(f"columns missing: {', '.join(missing)}")
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise OutcomesError(f"columns unknown: {', '.join(unknown)}; known are {', '.join(COLUMNS)}")
    size = len(table["score"])
    for name in names:
        if len(table[name]) != size:
            raise OutcomesError(f"column {name} has {len(table[name])} rows, column score has {size}: equal lengths")
    return names


def _reader(name: str) -> Callable[[str, Column], NDArray[Any]]:
    return _floats if name in _FLOATS else _integers if name in _INTEGERS else _texts


def _texts(name: str, column: Column) -> Texts:
    for row, value in enumerate(column):
        if not isinstance(value, str):
            raise OutcomesError(f"column {name}, row {row}: {value!r}; a text")
    return np.asarray(column, dtype=np.str_)


def _floats(name: str, column: Column) -> Floats:
    values = np.full(len(column), np.nan)
    for row, value in enumerate(column):
        if value is None or value == "":
            continue
        try:
            values[row] = value
        except (TypeError, ValueError) as error:
            raise OutcomesError(f"column {name}, row {row}: {value!r}; a number or empty") from error
    return values


def _integers(name: str, column: Column) -> Integers:
    values = _floats(name, column)
    _mind(name, np.isnan(values), np.asarray(column, dtype=object), "a whole number, not empty")
    _mind(name, values != np.floor(values), values, "a whole number")
    return cast("Integers", values.astype(np.int64))
