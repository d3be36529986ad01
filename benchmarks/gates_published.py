"""G1: published horizons of item-level tables, reproduced from the runs through `horizon` itself.

The folder named by SEATRIAL_LYPTUS holds the runs, the minutes and the published fits; its README says whose they are.
The bootstrap is drawn here only because the published limits were drawn so; nothing of it enters a report.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
from pyarrow import parquet

from seatrial.measurement import Estimate, Outcomes, horizon
from seatrial.measurement.horizon import Scope
from seatrial.measurement.trend import doubling_time, published_bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seatrial.measurement.horizon import Jackknife

Figure = tuple[str, str, str, str]  # name, figure, target, reached | missed | not run

BUDGET = 2_000_000
TABLES = (
    ("human minutes", "best_available_minutes", "model_summaries_human_2M.parquet"),
    ("model-estimated minutes", "model_estimate_minutes", "model_summaries_runs_2M.parquet"),
)
TOLERANCE = 5e-3  # the publisher's solver stops early
DOUBLING_TOLERANCE = 0.05  # days: the published figure has one decimal
ENDS = 1.27  # a factor: Monte Carlo noise of both bootstraps
WELL_BOUNDED = 3.0  # published upper end over p50, beyond which the end is noise


@dataclass(frozen=True)
class Published:
    """One published table: the runs of each model, and the rows of its summary."""

    name: str
    runs: tuple[Outcomes, ...]
    rows: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, folder: Path, name: str, column: str, summary: str) -> Published:
        """The runs of the tasks that have minutes, one table a model, in the order of the summary."""
        minutes = {row["task_id"]: row for row in parquet.read_table(folder / "task_difficulties.parquet").to_pylist()}
        runs = parquet.read_table(folder / "model_runs.parquet").to_pylist()
        kept = [row for row in runs if (minutes.get(row["task_id"], {}).get(column) or 0) > 0]
        whole = outcomes(kept, minutes, column)
        rows = parquet.read_table(folder / summary).to_pylist()
        return cls(name, tuple(whole.only(participant=row["agent"]) for row in rows), tuple(rows))


def outcomes(runs: list[dict[str, Any]], minutes: dict[str, dict[str, Any]], column: str) -> Outcomes:
    """All models' runs as one table."""
    human = column == "best_available_minutes"
    source = [str(minutes[row["task_id"]]["best_available_source"]) if human else "model_estimate" for row in runs]
    return Outcomes.of(
        {
            "participant": [row["alias"] for row in runs],
            "task": [row["task_id"] for row in runs],
            "family": [row["task_family"] for row in runs],
            "score": [row["score_binarized"] for row in runs],
            "tokens": [row["total_tokens"] for row in runs],
            "minutes": [minutes[row["task_id"]][column] for row in runs],
            "minutes_source": source,
        },
        budget=BUDGET,
        bank_version="published",
    )


def figures(folder: Path, rng: np.random.Generator) -> Iterator[Figure]:
    """The figures of G1."""
    for name, column, summary in TABLES:
        table = Published.read(folder, name, column, summary)
        curves = [horizon(runs).curve for runs in table.runs]
        yield _runs(table)
        yield _points(table, curves)
        if name == "human minutes":
            trend = json.loads((folder / "lyptus_trendline_params_human_2M.json").read_text())
            yield _doubling(table, curves, trend)
        yield _ends(table, rng)


def _figure(name: str, figure: str, target: str, *, reached: bool) -> Figure:
    return name, figure, target, "reached" if reached else "missed"


def _runs(table: Published) -> Figure:
    equal = sum(len(runs) == row["n_runs"] for runs, row in zip(table.runs, table.rows, strict=True))
    n = len(table.rows)
    return _figure(f"G1 run counts, {table.name}", f"{equal} of {n} equal", "all", reached=equal == n)


def _points(table: Published, curves: list[Jackknife | None]) -> Figure:
    worst = 0.0
    for curve, row in zip(curves, table.rows, strict=True):
        for name, log_odds in (("p50", 0.0), ("p80", log(4))):
            ours = 2.0 ** curve.at(log_odds) if curve else np.inf
            worst = max(worst, abs(ours / row[name] - 1))
    figure = f"largest difference {worst:.4f}, {len(curves)} fits"
    return _figure(f"G1 p50 and p80, {table.name}", figure, f"<= {TOLERANCE}", reached=worst <= TOLERANCE)


def _doubling(table: Published, curves: list[Jackknife | None], trend: dict[str, Any]) -> Figure:
    chosen = [(curve, row) for curve, row in zip(curves, table.rows, strict=True) if curve and row["is_sota"]]
    day = np.array([row["release_date"].timestamp() / 86400 for _, row in chosen])
    minutes = np.array([2.0 ** curve.at(0.0) for curve, _ in chosen])
    scope = Scope(
        axis="minutes",
        shortest=0,
        longest=0,
        n_runs=sum(len(runs) for runs in table.runs),
        n_tasks=max(len(runs) for runs in table.runs),
        n_families=max(len(np.unique(runs.family)) for runs in table.runs),
        budget=f"{BUDGET:,} tokens a run",
        bank_version="published",
        method="published",
    )
    found = doubling_time(day, minutes, scope)
    days = found.value if isinstance(found, Estimate) and found.value else np.nan
    target = f"{trend['doubling_time_days']} +- {DOUBLING_TOLERANCE} d"
    reached = abs(days - trend["doubling_time_days"]) <= DOUBLING_TOLERANCE
    return _figure("G1 doubling time", f"{days:.3f} d over {len(chosen)} models", target, reached=reached)


def _ends(table: Published, rng: np.random.Generator) -> Figure:
    low, high = np.exp2(np.nanquantile(published_bootstrap(table.runs, rng), (0.025, 0.975), axis=1))
    good = of = 0
    for number, row in enumerate(table.rows):
        if row["p50q0.975"] < WELL_BOUNDED * row["p50"]:
            of += 1
            pairs = ((low[number], row["p50q0.025"]), (high[number], row["p50q0.975"]))
            good += all(1 / ENDS <= ours / theirs <= ENDS for ours, theirs in pairs)
    figure = f"{good} of {of} within a factor {ENDS}"
    return _figure(f"G1 bootstrap ends, {table.name}", figure, f">= {of - 1}", reached=good >= of - 1)
