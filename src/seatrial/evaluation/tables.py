"""A tidy table of somebody's runs, one row a run, as outcomes.

- Needed: columns task and score. Columns are matched by name only; another name is said with a mapping, never guessed.
- What the table does not say is filled in and said: one participant, one family, no repeats, no budget.
- Columns that are not ours are listed and left aside. An error names the file, the column, the row and the rule.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from seatrial.evaluation.grades import empty, grade
from seatrial.evaluation.reading import Choices, Reading, digest_of, without_caps
from seatrial.evaluation.sheets import Sheet, read_sheet
from seatrial.measurement import Outcomes, OutcomesError
from seatrial.measurement.outcomes import COLUMNS, MINUTES_SOURCES, STATUSES

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats, Integers

CLUSTERS = "clusters_found"  # clusters of findings of a run, separated by semicolons or blanks
KNOWN = (*COLUMNS, CLUSTERS)
NEEDED = ("task", "score")
TEXTS = ("participant", "arm", "task", "item", "family", "minutes_source", "judge", "status")
NUMBERS = ("epoch", "tokens", "cap", "wall", "minutes", "level")
SHOWN = 12  # names of their columns in a message: a table with a column a task has thousands
NAME = 500  # characters of a name: columns of names have a fixed width, and one very long name would widen all
ALIKE = {
    "task": ("task_id", "sample_id", "id", "problem", "challenge", "question", "item_id", "instance"),
    "score": ("score_binarized", "success", "solved", "correct", "passed", "result", "outcome"),
    "participant": ("model", "alias", "agent", "model_name"),
    "family": ("task_family", "category", "cluster", "suite", "benchmark", "topic"),
}  # other names people use; they are offered in an error or a note, and never taken by themselves


def read_table(path: Path, choices: Choices) -> Reading:
    """Read a csv or parquet file; raises `OutcomesError`."""
    return reading_of(read_sheet(path), choices, sha256=digest_of(path))


def reading_of(sheet: Sheet, choices: Choices, *, sha256: str, kind: str = "table") -> Reading:
    """A sheet as outcomes with their account."""
    build = _Build(sheet, choices)
    build.match()
    outcomes, caps = build.outcomes(sha256)
    return Reading(
        name=sheet.name,
        kind=kind,
        sha256=sha256,
        rows=len(sheet),
        outcomes=outcomes,
        caps=caps,
        columns=dict(build.source),
        ignored_columns=tuple(build.ignored),
        notes=tuple(build.notes),
        clusters=build.clusters(),
    )


def budget_words(budget: int | str) -> str:
    """A budget in words."""
    return f"{budget:,} tokens a run" if isinstance(budget, int) else budget


@dataclass
class _Build:
    sheet: Sheet
    choices: Choices
    source: dict[str, str] = field(default_factory=dict)  # ours -> theirs
    ignored: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def file(self) -> str:
        return self.sheet.name

    def match(self) -> None:
        """Which of their columns is which of ours."""
        named = self._named()
        for theirs in self.sheet.columns:
            if theirs in named.values():
                continue
            if theirs in KNOWN and theirs not in named and theirs not in self.choices.ignored:
                named[theirs] = theirs
            else:
                self.ignored.append(theirs)
        for ours in self.choices.constants:
            if ours not in COLUMNS or ours in {"task", "score"}:
                self._refuse(f"constant {ours}: one of {', '.join(name for name in COLUMNS if name not in NEEDED)}")
            if ours in named:
                self._refuse(f"column {ours} is in the table and cannot be a constant too")
        self.source = named
        for ours in NEEDED:
            if ours not in named:
                self._refuse(f"column {ours} missing{self._hint(ours)}; {self._has()}")
        if not len(self.sheet):
            self._refuse("no rows below the header")

    def outcomes(self, sha256: str) -> tuple[Outcomes, Integers]:
        """The table, and the cap of each row."""
        score = self._scores()
        columns: dict[str, Any] = {"score": score}
        for name in TEXTS:
            if name in self.source:
                columns[name] = self._texts(name)
        for name in NUMBERS:
            if name in self.source:
                columns[name] = self._numbers(name)
        columns |= {name: [value] * len(self.sheet) for name, value in self.choices.constants.items()}
        self._fill(columns)
        self._statuses(columns)
        caps = self._caps(columns)
        bank = self.choices.bank or f"{self.file}, SHA-256 {sha256[:12]}"
        try:
            made = Outcomes.of(columns, budget=budget_words(self.choices.budget), bank_version=bank)
        except OutcomesError as error:
            raise OutcomesError(f"{self.file}: {self._placed(str(error))}") from None
        return made, caps if caps is not None else without_caps(len(made))

    def clusters(self) -> tuple[tuple[str, ...], ...] | None:
        """Clusters of findings by row, where the table has them."""
        theirs = self.source.get(CLUSTERS)
        if theirs is None:
            return None
        cells = ("" if empty(cell) else str(cell) for cell in self.sheet.columns[theirs])
        return tuple(tuple(dict.fromkeys(re.split(r"[;\s]+", cell.strip()))) if cell.strip() else () for cell in cells)

    def _named(self) -> dict[str, str]:
        named = {}
        also = {"family": self.choices.family, "minutes": self.choices.minutes}
        for ours, theirs in {**{name: text for name, text in also.items() if text}, **self.choices.columns}.items():
            if ours not in KNOWN:
                self._refuse(f"--column {ours}={theirs}: {ours!r} is no column of ours; known are {', '.join(KNOWN)}")
            if theirs not in self.sheet.columns:
                self._refuse(f"no column {theirs!r}; {self._has()}")
            named[ours] = theirs
        for theirs in self.choices.ignored:
            if theirs not in self.sheet.columns:
                self._refuse(f"--ignore {theirs}: no such column; {self._has()}")
        return named

    def _hint(self, ours: str) -> str:
        taken = [name for name, theirs in self.source.items() if theirs == ours]
        if taken:
            return f", for {ours} is read as {taken[0]}"
        if ours in self.choices.ignored:
            return f", for --ignore {ours} leaves it aside"
        found = [name for name in self.sheet.columns if name.casefold() in {ours, *ALIKE.get(ours, ())}]
        return f": name it with --column {ours}={found[0] if found else 'NAME'}; a row is one run of one task"

    def _has(self) -> str:
        names = list(self.sheet.columns)
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        return f"the table has: {', '.join(names[:SHOWN])}{more}"

    def _scores(self) -> Floats:
        cells = self.sheet.columns[self.source["score"]]
        known: dict[object, float | None] = {}
        score = np.full(len(cells), np.nan)
        for row, cell in enumerate(cells):
            key = (type(cell), cell if isinstance(cell, Hashable) else repr(cell))
            if key not in known:
                try:
                    known[key] = grade(cell)
                except ValueError as error:
                    self._refuse(f"column {self.source['score']}, {self.sheet.place(row)}: {error}")
            value = known[key]
            score[row] = np.nan if value is None else value
        return self._whole(score)

    def _whole(self, score: Floats) -> Floats:
        """Success is 0 or 1: partial credit is refused, or a miss where that was asked for."""
        partial = (score > 0) & (score < 1)
        if not partial.any():
            return score
        if not self.choices.partial_as_miss:
            row = int(np.argmax(partial))
            raise OutcomesError(
                f"{self.file}: column {self.source['score']}, {self.sheet.place(row)}: "
                f"{refusal_of_partial(int(partial.sum()), len(score), score[row])}"
            )
        self.notes.append(f"{count(partial.sum(), 'run')} with partial credit counted as not solved, as asked")
        return np.where(partial, 0.0, score)

    def _texts(self, name: str) -> list[str]:
        cells = self.sheet.columns[self.source[name]]
        texts = ["" if cell is None else cell if isinstance(cell, str) else str(cell) for cell in cells]
        for row, text in enumerate(texts):
            if len(text) > NAME:
                self._refuse(f"column {self.source[name]}, {self.sheet.place(row)}: a name of {len(text)} characters")
        return texts

    def _numbers(self, name: str) -> list[Any]:
        cells = self.sheet.columns[self.source[name]]
        if name in {"tokens", "cap"}:  # not recorded is 0, as in the tables that are published
            return [0 if empty(cell) else cell for cell in cells]
        return [None if empty(cell) else cell for cell in cells]

    def _fill(self, columns: dict[str, Any]) -> None:
        rows = len(self.sheet)
        if "participant" not in columns:
            self._mind_models()
            name = Path(self.file).stem
            columns["participant"] = [name] * rows
            self.notes.append(f"no column participant: all runs are those of {name!r}")
        if "family" not in columns:
            columns["family"] = ["all"] * rows
            self.notes.append(
                f"no column family{self._offer('family')}: all tasks are one family, so nothing is said of tasks "
                "beyond these"
            )
        if "minutes" in columns and "minutes_source" not in columns:
            self.notes.append("no column minutes_source: whether a person was timed is not known")
        if "minutes_source" in columns:
            self._sources(columns)
        if "epoch" not in columns:
            columns["epoch"] = self._epochs(columns)

    def _mind_models(self) -> None:
        """Runs of several models must not pass for repeats of one because their column has another name."""
        for theirs in self.ignored:
            cells = self.sheet.columns[theirs]
            values = len(set(map(str, cells)))
            if theirs.casefold() in ALIKE["participant"] and theirs not in self.choices.ignored and values > 1:
                self._refuse(
                    f"no column participant, but {theirs} with {values} values: --column participant={theirs} "
                    f"takes it, --ignore {theirs} says that all runs are those of one"
                )

    def _offer(self, ours: str) -> str:
        found = [name for name in self.ignored if name.casefold() in ALIKE[ours]]
        return f" (--column {ours}={found[0]} would take {found[0]})" if found else ""

    def _sources(self, columns: dict[str, Any]) -> None:
        columns["minutes_source"] = ["none" if empty(text) else text for text in columns["minutes_source"]]
        strange = [text for text in columns["minutes_source"] if text not in MINUTES_SOURCES]
        if strange:
            row = columns["minutes_source"].index(strange[0])
            self._refuse(
                f"column {self.source['minutes_source']}, {self.sheet.place(row)}: {strange[0]!r}; one of "
                f"{', '.join(MINUTES_SOURCES)}; or leave it aside with --ignore {self.source['minutes_source']}"
            )

    def _epochs(self, columns: dict[str, Any]) -> list[int]:
        """Repeats in the order of their rows."""
        arm = columns.get("arm", [""] * len(self.sheet))
        seen: Counter[tuple[str, str, str]] = Counter()
        epochs = []
        for key in zip(columns["participant"], arm, columns["task"], strict=True):
            epochs.append(seen[key])
            seen[key] += 1
        again = sum(number > 1 for number in seen.values())
        if again:
            self.notes.append(
                f"no column epoch: runs of one task are its repeats, in the order of their rows "
                f"({count(again, 'task of a participant', 'tasks of participants')})"
            )
        return epochs

    def _statuses(self, columns: dict[str, Any]) -> None:
        score, status = columns["score"], columns.get("status")
        without = np.isnan(score)
        if status is None:
            if without.any():
                self.notes.append(f"{count(without.sum(), 'run')} without a score: lost")
            columns["status"] = np.where(without, "lost", "finished").tolist()
            return
        blank = np.array([empty(text) for text in status])
        filled = [
            ("lost" if missing else "finished") if empty(text) else text
            for text, missing in zip(status, without, strict=True)
        ]
        if blank.any():
            self.notes.append(f"{count(blank.sum(), 'run')} without a status: lost without a score, else finished")
        for row, text in enumerate(filled):
            if text not in STATUSES:
                name = self.source.get("status", "status")
                self._refuse(
                    f"column {name}, {self.sheet.place(row)}: {text!r}; one of {', '.join(STATUSES)}; "
                    f"or leave it aside with --ignore {name}"
                )
        columns["status"] = filled

    def _caps(self, columns: dict[str, Any]) -> Integers | None:
        """Caps leave the table: participants may have had different ones."""
        cells = columns.pop("cap", None)
        if cells is None:
            budget = self.choices.budget
            return np.full(len(self.sheet), budget, dtype=np.int64) if isinstance(budget, int) else None
        if isinstance(self.choices.budget, int):
            self._refuse("--budget is a number and the table has a column cap: leave one of them out (--ignore cap)")
        place = self.source.get("cap", "cap")
        try:
            caps = np.array([float(cell) for cell in cells])
        except (TypeError, ValueError):
            self._refuse(f"column {place}: token caps are whole numbers")
        bad = ~np.isfinite(caps) | (caps < 0) | (caps != np.floor(caps))
        if bad.any():
            row = int(np.argmax(bad))
            self._refuse(f"column {place}, {self.sheet.place(row)}: {cells[row]}; a whole number of tokens")
        return caps.astype(np.int64)

    def _placed(self, message: str) -> str:
        """An error of the table with its author's names: their column, the line of the file."""

        def line(found: re.Match[str]) -> str:
            return self.sheet.place(int(found[1]))

        def column(found: re.Match[str]) -> str:
            ours, theirs = found[1], self.source.get(found[1], found[1])
            return f"column {ours}" if ours == theirs else f"column {theirs} (as {ours})"

        return re.sub(r"\bcolumn (\w+)", column, re.sub(r"\brow (\d+)", line, message))

    def _refuse(self, what: str) -> NoReturn:
        raise OutcomesError(f"{self.file}: {what}")


def refusal_of_partial(partial: int, runs: int, first: float) -> str:
    """The one wording for partial credit."""
    return (
        f"{first:g} is partial credit ({partial} of {count(runs, 'run')} have it); success is 0 or 1: "
        "--partial-as-miss counts partial credit as not solved"
    )


def count(number: int | np.integer[Any], one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{int(number):,} {one if number == 1 else many or one + 's'}"
