"""A review's own folder as a reading: the rows that its report is made from, so that both give the same numbers.

Planned runs that left no row count as stopped, retried attempts and instances on which a participant cannot act are
left out, exactly as in the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seatrial.evaluation.reading import LeftOut, Reading, digest_of_folder
from seatrial.measurement import Outcomes, OutcomesError
from seatrial.measurement.outcomes import COLUMNS
from seatrial.report.rundir import read
from seatrial.report.table import Tables

if TYPE_CHECKING:
    from pathlib import Path

SEVERAL = "by participant"  # of the budget of all runs together; each participant's own stands with its numbers


def is_review(folder: Path) -> bool:
    """Whether a folder holds a plan and the rows of its runs."""
    return (folder / "plan.json").is_file() and (folder / "samples.csv").is_file()


def read_review(folder: Path) -> Reading:
    """Read the rows of a review; raises `ReportError` when the folder is not what it says."""
    files = read(folder)
    tables = Tables.of(files)
    runs = {name: tables.outcomes(name) for name in tables.participants}
    runs = {name: table for name, table in runs.items() if len(table)}
    if not runs:
        raise OutcomesError(f"{folder}: no participant has a run; nothing was run")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(table, name) for table in runs.values()]) for name in COLUMNS
    }
    caps = columns.pop("cap")
    superseded = sum(row.superseded for row in files.rows)
    unavailable = sum(row.outcome == "unavailable" and not row.superseded for row in files.rows)
    left_out = {
        "an earlier attempt at a sample that was run again": superseded,
        "the participant has nothing to do on this instance, or a tool of it is missing": unavailable,
    }
    used = len(files.rows) - superseded - unavailable
    return Reading(
        name=folder.resolve().name,
        kind="review",
        sha256=digest_of_folder(folder, (folder / "plan.json", folder / "samples.csv")),
        rows=len(files.rows),
        outcomes=Outcomes(
            **columns,
            cap=np.zeros(len(caps), dtype=np.int64),
            budget=SEVERAL,
            bank_version=tables.bank,
            comparison_key=tables.files.plan_digest,
        ),
        caps=caps,
        left_out=tuple(LeftOut(rows, reason) for reason, rows in left_out.items() if rows),
        added=len(caps) - used,
        budgets={(name, str(table.arm[0])): table.budget for name, table in runs.items()},
        repeats_drawn_before=True,
    )
