"""What was read from somebody's results: the outcomes, and an account of every row and column that is not in them.

- Rows of the outcomes = rows read - rows left out, each with a reason, + planned runs of which no row was left.
- Nothing is assumed in silence: what the source did not say stands in `notes`.
- The digest is over the bytes that were read: of a file its SHA-256, of a folder that of its list of files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement.outcomes import codes

if TYPE_CHECKING:
    from seatrial.measurement import Outcomes
    from seatrial.measurement.outcomes import Bools, Integers

BLOCK = 1 << 20  # bytes read at once when a file is digested
NOT_STATED = "not stated"


@dataclass(frozen=True)
class Choices:
    """How the reader of somebody's results is to understand them."""

    columns: Mapping[str, str] = field(default_factory=dict)  # ours -> theirs
    constants: Mapping[str, str] = field(default_factory=dict)  # a column of ours with one value
    ignored: tuple[str, ...] = ()  # columns of theirs that are left aside although their name is one of ours
    budget: int | str = NOT_STATED  # a token cap of every run, or words
    bank: str = ""
    partial_as_miss: bool = False
    family: str = ""  # logs: the key of a sample's metadata
    minutes: str = ""  # logs: the same; a published folder: its variant
    scorer: str = ""  # logs: the scorer whose value counts
    arm: str = ""  # logs: "solver", or a key of the metadata or the arguments of a task


@dataclass(frozen=True)
class LeftOut:
    """Rows that are not in the outcomes, and why."""

    rows: int
    reason: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """Outcomes with the account of how they came about."""

    name: str  # of the file or folder
    kind: str  # table | published folder | Inspect logs | review
    sha256: str
    rows: int
    outcomes: Outcomes  # of all participants; its caps are 0, see `caps`
    caps: Integers  # token cap of each row of the outcomes, 0 where none is known
    left_out: tuple[LeftOut, ...] = ()
    added: int = 0  # planned runs that left no row: they stand in the outcomes as lost or stopped
    columns: Mapping[str, str] = field(default_factory=dict)  # theirs, by the name of ours that they are read as
    ignored_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    clusters: tuple[tuple[str, ...], ...] | None = None  # clusters of findings of each row
    minutes_only: bool = False  # a horizon is fitted on the tasks with minutes alone, as the publisher did
    published: Mapping[tuple[str, str], float] = field(default_factory=dict)  # by participant and p50 or p80
    repeats_drawn_before: bool = False  # whether tasks with several runs were drawn at random before the runs
    budgets: Mapping[tuple[str, str], str] = field(default_factory=dict)  # by participant and arm, where they differ

    @cached_property
    def participants(self) -> tuple[tuple[str, str], ...]:
        """Participant and arm, in the order of their first rows."""
        return tuple((str(self.outcomes.participant[row]), str(self.outcomes.arm[row])) for row in self._first)

    @cached_property
    def code(self) -> Integers:
        """An integer for each row that tells participants and arms apart."""
        return codes(self.outcomes.participant, self.outcomes.arm)

    def rows_of(self, participant: str, arm: str) -> Bools:
        """The mask of one participant's rows in one arm."""
        mask: Bools = self.code == self.code[self._first[self.participants.index((participant, arm))]]
        return mask

    @cached_property
    def _first(self) -> Integers:
        return np.sort(np.unique(self.code, return_index=True)[1])

    def table(self, participant: str, arm: str) -> Outcomes:
        """The outcomes of one participant in one arm, with caps where every run has one."""
        mask = self.rows_of(participant, arm)
        runs, caps = self.outcomes.where(mask), self.caps[mask]
        runs = replace(runs, budget=self.budgets.get((participant, arm), runs.budget))
        if not len(runs) or (caps == 0).any():
            return runs
        words = f"{caps[0]:,} tokens a run" if (caps == caps[0]).all() else "a token cap for each task"
        return replace(runs, cap=caps, budget=words if runs.budget == NOT_STATED else runs.budget)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    running = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            running.update(block)
    return running.hexdigest()


def digest_of_folder(folder: Path, files: Iterable[Path]) -> str:
    """SHA-256 over lines `digest  path`, paths relative to the folder and sorted: what `sha256sum` prints."""
    lines = sorted((path.relative_to(folder).as_posix(), digest_of(path)) for path in files)
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in lines).encode()).hexdigest()


def without_caps(size: int) -> Integers:
    """Caps of a source that names none."""
    return np.zeros(size, dtype=np.int64)
