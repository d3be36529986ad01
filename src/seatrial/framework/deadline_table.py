"""Remediation times of CISA BOD 26-04, by its 16 combinations of decision points.

- The table is data: its bytes come with a policy pack, and each combination occurs once or it is refused. Without
  hours, a fix is due at the next upgrade, which has no date.
- Time starts at the earlier of the listing as known-exploited and the detection on the asset.
- What is not known is assumed, and named: exposure yes; of a listed one automatable yes and impact total; of one that
  is not listed automatable no and impact total.
- It binds federal civilian organisations; to others it is information. It stands beside a rating, never instead of it.

Beware of the row listed, not exposed, not automatable, total: one page states 3 days for all listed ones with total
impact, the data say 14.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from seatrial.framework.clock import after, earliest
from seatrial.framework.instant import utc

COLUMNS = ("kev", "exposed", "automatable", "impact", "hours", "forensics")
_YES = {"yes": True, "no": False}
_TOTAL = {"total": True, "partial": False}


class BadTable(ValueError):
    """A table that is not the directive's: says which row and why."""


@dataclass(frozen=True, slots=True)
class Points:
    """The decision points of one vulnerability on one asset; None is not known."""

    kev: bool
    exposed: bool | None = None
    automatable: bool | None = None
    total: bool | None = None

    def assumed(self) -> tuple[tuple[bool, bool, bool, bool], tuple[str, ...]]:
        """The points with every gap filled, and the names of those that were."""
        defaults = {"exposed": True, "automatable": self.kev, "total": True}
        known = {name: getattr(self, name) for name in defaults}
        filled = {name: defaults[name] if value is None else value for name, value in known.items()}
        gaps = tuple(name for name, value in known.items() if value is None)
        return (self.kev, filled["exposed"], filled["automatable"], filled["total"]), gaps


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the table, from 1; the hours (None: at the next upgrade); whether forensics are asked."""

    number: int
    hours: int | None
    forensics: bool


@dataclass(frozen=True, slots=True)
class Due:
    """When a fix is due on an asset; `at` None: at its next upgrade."""

    at: datetime | None
    forensics: bool
    binding: bool
    assumed: tuple[str, ...]
    row: int


@dataclass(frozen=True, slots=True)
class DeadlineTable:
    """The 16 rows by (listed, exposed, automatable, total)."""

    rows: Mapping[tuple[bool, bool, bool, bool], Row]

    def due(
        self, points: Points, detected: datetime, kev_listed: datetime | None = None, *, federal_civilian: bool = False
    ) -> Due:
        """When a fix is due.

        Raises:
            ValueError: A day of listing for what is not listed.
        """
        if kev_listed is not None and not points.kev:
            raise ValueError("kev_listed: given for a vulnerability whose points say that it is not listed")
        key, assumed = points.assumed()
        row = self.rows[key]
        start = earliest(utc(detected, "detected"), kev_listed and utc(kev_listed, "kev_listed"))
        at = None if start is None or row.hours is None else after(start, row.hours)
        return Due(at, row.forensics, federal_civilian, assumed, row.number)


def parse_table(raw: bytes) -> DeadlineTable:
    """Read the table from the bytes of a pack.

    Raises:
        BadTable: Other columns, a value that is unknown, or a combination that is missing or there twice.
    """
    try:
        lines = list(csv.reader(io.StringIO(raw.decode("utf-8"))))
    except UnicodeDecodeError as error:
        raise BadTable("the table is not UTF-8 text") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise BadTable(f"the first line is not {','.join(COLUMNS)}")
    rows: dict[tuple[bool, bool, bool, bool], Row] = {}
    for number, line in enumerate(lines[1:], start=1):
        key, row = _read(number, line)
        if key in rows:
            raise BadTable(f"row {number}: the same points as row {rows[key].number}")
        rows[key] = row
    if missing := set(product((False, True), repeat=4)) - rows.keys():
        raise BadTable(f"{len(missing)} of 16 combinations are missing")
    return DeadlineTable(rows)


def _read(number: int, line: list[str]) -> tuple[tuple[bool, bool, bool, bool], Row]:
    if len(line) != len(COLUMNS):
        raise BadTable(f"row {number}: {len(line)} values, not {len(COLUMNS)}")
    kev, exposed, automatable, impact, hours, forensics = line
    try:
        key = (_YES[kev], _YES[exposed], _YES[automatable], _TOTAL[impact])
        return key, Row(number, int(hours) if hours else None, _YES[forensics])
    except (KeyError, ValueError) as error:
        raise BadTable(f"row {number}: {','.join(line)} has a value that the table does not know") from error
