"""The tasks of a bank, in order: what a partly run review picks from and what its Q1 is about.

- The bank is fixed before the first round: the estimand is the success rate on exactly these tasks.
- `x` is what is known of difficulty beforehand: log2 human minutes, or the generator's level, or nothing (NaN).
- Tasks of one item are parallel instances: they share one difficulty.

>>> bank = Bank.of(["t1", "t2", "t3"], ["a", "a", "b"], minutes=[2.0, 8.0, None])
>>> bank.axis, bank.x.tolist(), len(bank)
('minutes', [1.0, 3.0, nan], 3)
>>> bank.without_overexposed({"t1": 9, "t2": 1}, reviews=10).task.tolist()
['t2', 't3']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Bools, Floats, Integers, Texts

AXES = ("minutes", "level", "none")
EXPOSURE_CAP = 0.4  # share of past reviews: beyond, a fixed task is likelier to have been seen in training
KNOWN_SHARE = 0.75  # of tasks with minutes; below, the generator's level is the axis where more tasks have one


@dataclass(frozen=True, eq=False)
class Bank:
    """Equal-length columns, one row a task; `axis` says what `x` is."""

    task: Texts
    item: Texts  # the unit that has a difficulty
    family: Texts
    x: Floats  # log2 minutes, level or NaN
    axis: str = "none"

    @classmethod
    def of(
        cls,
        task: Sequence[str],
        family: Sequence[str],
        *,
        item: Sequence[str] | None = None,
        minutes: Sequence[float | None] | Floats | None = None,
        level: Sequence[float | None] | Floats | None = None,
    ) -> Self:
        """A bank from columns: minutes are the axis if 75 % of tasks have them or no more tasks have a level."""
        names = np.asarray(task, dtype=np.str_)
        long, step = _numbers("minutes", minutes, len(names)), _numbers("level", level, len(names))
        if (long <= 0).any():
            raise ValueError(f"minutes of task {names[np.argmax(long <= 0)]}: above zero, or empty if unknown")
        timed, levelled = (~np.isnan(long)).sum(), (~np.isnan(step)).sum()
        axis = "minutes" if timed and (timed >= KNOWN_SHARE * len(names) or timed >= levelled) else "level"
        axis = axis if timed or levelled else "none"
        return cls(
            task=names,
            item=names if item is None else np.asarray(item, dtype=np.str_),
            family=np.asarray(family, dtype=np.str_),
            x=np.log2(long) if axis == "minutes" else step,
            axis=axis,
        )

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise ValueError(f"axis {self.axis!r}: one of {', '.join(AXES)}")
        for column in fields(self):
            values = getattr(self, column.name)
            if not isinstance(values, np.ndarray):
                continue
            if len(values) != len(self.task):
                raise ValueError(f"column {column.name} has {len(values)} rows, column task has {len(self.task)}")
            values = values.view()
            values.flags.writeable = False
            object.__setattr__(self, column.name, values)
        if not len(self):
            raise ValueError("a bank needs at least one task")
        if np.isinf(self.x).any():
            raise ValueError(f"x of task {self.task[np.argmax(np.isinf(self.x))]}: a number, or NaN if unknown")
        names, count = np.unique(self.task, return_counts=True)
        if (count > 1).any():
            raise ValueError(f"task {names[np.argmax(count)]} stands twice in the bank; name each instance")

    def __len__(self) -> int:
        return len(self.task)

    @property
    def items(self) -> Texts:
        """The distinct items in order of their first task."""
        _, first = np.unique(self.item, return_index=True)
        return self.item[np.sort(first)]

    @property
    def item_code(self) -> Integers:
        """For each task the position of its item in `items`."""
        names, first, code = np.unique(self.item, return_index=True, return_inverse=True)
        place = np.empty(len(names), dtype=np.int64)
        place[np.argsort(first)] = np.arange(len(names))
        return place[code]

    def where(self, mask: Bools | Integers) -> Bank:
        """The tasks of a mask or of positions."""
        return Bank(self.task[mask], self.item[mask], self.family[mask], self.x[mask], self.axis)

    def positions(self, tasks: Sequence[str]) -> Integers:
        """Where each named task stands; a task that is not in the bank is an error."""
        order = np.argsort(self.task)
        wanted = np.asarray(tasks, dtype=np.str_)
        found = np.minimum(np.searchsorted(self.task, wanted, sorter=order), len(self) - 1)
        places = order[found]
        if len(wanted) and (self.task[places] != wanted).any():
            raise ValueError(f"task {wanted[np.argmax(self.task[places] != wanted)]} is not in the bank")
        return places.astype(np.int64)

    def without_overexposed(
        self, used: Mapping[str, int], *, reviews: int, cap: float = EXPOSURE_CAP, least: int = 5
    ) -> Bank:
        """The bank without tasks that more than `cap` of past reviews ran: the estimand of the next one.

        Fewer than `least` past reviews say nothing about over-use (a task used in one of one review would leave).
        Fresh instances of a generator have no entry in `used` and stay.
        """
        if reviews < least:
            return self
        share = np.array([used.get(str(name), 0) / reviews for name in self.task])
        if (share > cap).all():
            raise ValueError(
                f"every task was used in more than {cap:.0%} of {reviews} reviews: the bank needs new tasks"
            )
        return self.where(share <= cap)


def _numbers(name: str, values: Sequence[float | None] | Floats | None, size: int) -> Floats:
    if values is None:
        return np.full(size, np.nan)
    if len(values) != size:
        raise ValueError(f"column {name} has {len(values)} rows, column task has {size}")
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
