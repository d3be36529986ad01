"""A file of rows as named columns: csv (comma, semicolon or tab) or parquet, with the place of every row kept.

- Only what cannot be read is refused here; what the values mean is `tables`' question.
- A csv row is named by its line in the file, a parquet row by its number from 0.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.measurement import OutcomesError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CELL = 1 << 20  # characters: no name or number is longer, a transcript in a cell may be
DELIMITERS = ",;\t"
SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")  # of files that a reader of a folder is pointed to
PARQUET = b"PAR1"


@dataclass(frozen=True)
class Sheet:
    """Columns of equal length."""

    name: str
    columns: Mapping[str, list[Any]]
    lines: tuple[int, ...] | None  # of a csv: the line on which each row ends

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def place(self, row: int) -> str:
        """Where a row stands, as its author would look for it."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"


def read_sheet(path: Path) -> Sheet:
    """Read a file by its content, not its ending; raises `OutcomesError` naming the file and the line."""
    try:
        with path.open("rb") as file:
            parquet = file.read(4) == PARQUET
        return _parquet(path) if parquet else _csv(path)
    except OSError as error:
        raise OutcomesError(f"{path}: cannot be read: {error.strerror}") from error


def _parquet(path: Path) -> Sheet:
    try:
        import pyarrow as pa  # noqa: PLC0415 - large, and for this kind of file alone
        from pyarrow import parquet  # noqa: PLC0415 - the same
    except ImportError:
        raise OutcomesError(f"{path}: parquet is read with pyarrow, which is not installed; a csv needs none") from None
    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise OutcomesError(f"{path}: not a readable parquet file: {_one_line(error)}") from None
    _mind_names(path.name, list(table.column_names))
    return Sheet(path.name, {name: table.column(name).to_pylist() for name in table.column_names}, None)


def _csv(path: Path) -> Sheet:
    csv.field_size_limit(CELL)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            return _rows(path, csv.reader(file, delimiter=_delimiter(head), strict=True))
    except UnicodeDecodeError as error:
        raise OutcomesError(f"{path.name}: not UTF-8 text at byte {error.start}; a csv is saved as UTF-8") from None


def _rows(path: Path, reader: Any) -> Sheet:  # noqa: ANN401 - csv's reader has no public type
    rows, lines, names = [], [], []
    try:
        names = [name.strip() for name in next(reader, [])]
        _mind_names(path.name, names)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                raise OutcomesError(
                    f"{path.name}, line {reader.line_num}: {len(cells)} cells, the header has {len(names)}"
                )
            rows.append(cells)
            lines.append(reader.line_num)
    except csv.Error as error:
        what = "a quote is opened and not closed" if "unexpected end" in str(error) else error
        raise OutcomesError(f"{path.name}, line {reader.line_num}: {what}") from None
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return Sheet(path.name, {name: list(cells) for name, cells in zip(names, columns, strict=True)}, tuple(lines))


def _delimiter(head: str) -> str:
    """The one of the three that the header holds most often."""
    return max(DELIMITERS, key=head.count)


def _mind_names(file: str, names: list[str]) -> None:
    if not any(names):
        raise OutcomesError(f"{file}: is empty; a table needs a header with the columns task and score")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OutcomesError(f"{file}: column {twice[0]!r} stands twice in the header")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
