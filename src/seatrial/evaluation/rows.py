"""One row per attempt at one instance: all that measurement and report ever see of a run.

The file `samples.csv` of a run directory is this table; its column order is the field order below.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class OutcomeRow:
    """One attempt. Empty text and None mean: not known or not applicable."""

    participant: str  # as the report prints it, e.g. "reference" or the alias of a model
    kind: str  # model | reference | tool | floor | simulated
    arm: str  # elicitation arm
    task: str  # instance id
    item: str  # see `item_of`
    family: str  # the statistical cluster: generator/technique
    generator: str  # e.g. memfind; for ot with its sub-task
    technique: str
    level: int
    epoch: int
    attempt: int
    superseded: bool  # an earlier attempt that was run again
    outcome: str  # solved | unsolved | unexplained | harmful | censored | invalid | unavailable
    reason: str
    status: str  # finished | budget | refused | lost | stopped | invalidated
    score: float | None  # 1 or 0, None when it may not enter a mean
    partial: float | None
    turns: int
    tokens_in: int
    tokens_out: int
    tokens: int
    usd: float | None
    working_s: float
    wall_s: float
    tokens_at_solve: int | None
    cap_tokens: int
    minutes: float | None
    minutes_source: str  # design | none | ...
    judge: str  # deterministic
    side: str
    manifest_sha256: str
    seed_commitment: str
    submission_sha256: str
    preflight_digest: str
    isolation: int
    flags: str  # scrutiny rule ids, separated by blanks
    log: str  # path of the .eval file, relative to the run directory
    transcript: str  # path of the readable transcript, relative to the run directory


COLUMNS = tuple(item.name for item in fields(OutcomeRow))


def item_of(family: str, version: str, level: int, technique: str) -> str:
    """The form of an instance: its parallel instances share one difficulty, so one calibration serves them all.

    >>> item_of("memfind", "1", 2, "use-after-free")
    'memfind-v1-L2/use-after-free'
    """
    return f"{family}-v{version}-L{level}/{technique}"


def write_rows(path: Path, rows: Iterable[OutcomeRow]) -> None:
    """Write the table as CSV, whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: "" if value is None else value for key, value in asdict(row).items()})
    part.replace(path)


def read_rows(path: Path) -> tuple[OutcomeRow, ...]:
    """Read the table back; `ValueError` names the line and column that cannot be read."""
    hints = get_type_hints(OutcomeRow)
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: columns missing: {', '.join(sorted(missing))}")
        for number, record in enumerate(reader, start=2):
            values: dict[str, Any] = {}
            for name in COLUMNS:
                try:
                    values[name] = _parse(record[name], hints[name])
                except (TypeError, ValueError) as error:
                    raise ValueError(f"{path}, line {number}, column {name}: {record[name]!r}") from error
            rows.append(OutcomeRow(**values))
    return tuple(rows)


def _parse(text: str, hint: object) -> object:
    if hint is str:
        return text
    if hint is bool:
        return {"True": True, "False": False}[text]
    if hint is int:
        return int(text)
    if hint is float:
        return float(text)
    if text == "":
        return None
    return int(text) if hint == (int | None) else float(text)
