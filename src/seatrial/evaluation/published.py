"""A published folder of task horizons: single runs in one parquet file, the tasks' human minutes in another.

Recognised by its two files and their columns (Lyptus Research, cyber task horizons, 2026); any folder of that shape is
read alike. Runs and tasks are joined on the task's id. Two columns of minutes can be chosen:

| minutes | column |
|---|---|
| `human` (default) | best_available_minutes: a timed person where there was one, else an estimate |
| `model` | model_estimate_minutes: a model's estimate, of every task that was run |

A horizon is fitted on the tasks with minutes alone, as the publisher did; success counts all tasks that were run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.grades import empty
from seatrial.evaluation.reading import Choices, Reading, digest_of_folder
from seatrial.evaluation.sheets import Sheet, read_sheet
from seatrial.evaluation.tables import count, reading_of
from seatrial.measurement import OutcomesError

if TYPE_CHECKING:
    from pathlib import Path

RUNS, TASKS = "model_runs.parquet", "task_difficulties.parquet"
RUN_COLUMNS = {
    "participant": "alias",
    "task": "task_id",
    "family": "task_family",
    "score": "score_binarized",
    "tokens": "total_tokens",
}
MINUTES = {"human": "best_available_minutes", "model": "model_estimate_minutes"}
SUMMARIES = {"human": "model_summaries_human_2M.parquet", "model": "model_summaries_runs_2M.parquet"}
SOURCE = "best_available_source"
BUDGET = 2_000_000  # tokens a run, the cap of the published runs; some overshoot it slightly


def is_published(folder: Path) -> bool:
    """Whether a folder holds the two files."""
    return (folder / RUNS).is_file() and (folder / TASKS).is_file()


def read_published(folder: Path, choices: Choices) -> Reading:
    """Join runs and tasks; raises `OutcomesError` naming file and column."""
    variant = choices.minutes or "human"
    if variant not in MINUTES:
        raise OutcomesError(f"--minutes {variant}: one of {', '.join(MINUTES)}")
    runs, tasks = read_sheet(folder / RUNS), read_sheet(folder / TASKS)
    _mind(runs, RUN_COLUMNS.values())
    _mind(tasks, ("task_id", MINUTES[variant], *([SOURCE] if variant == "human" else [])))
    known = _minutes(tasks, variant)
    joined = [known.get(task, (None, "none")) for task in runs.columns["task_id"]]
    columns = {
        **runs.columns,
        "minutes": [minutes for minutes, _ in joined],
        "minutes_source": [source for _, source in joined],
    }
    reading = reading_of(
        Sheet(runs.name, columns, None),
        replace(
            choices,
            columns={**RUN_COLUMNS, **choices.columns},
            minutes="",
            budget=choices.budget if isinstance(choices.budget, int) else BUDGET,
            bank=choices.bank or f"{folder.resolve().name}, {variant} minutes",
        ),
        sha256=digest_of_folder(folder, (folder / RUNS, folder / TASKS)),
        kind="published folder",
    )
    without = sum(minutes is None for minutes, _ in joined)
    notes = [f"minutes: {MINUTES[variant]} of {TASKS}"]
    if without:
        notes.append(f"{count(without, 'run')} of tasks without these minutes count for success and not for horizons")
    return replace(
        reading,
        name=folder.resolve().name,
        notes=(*notes, *reading.notes),
        minutes_only=True,
        published=_published(folder, variant),
    )


def _published(folder: Path, variant: str) -> dict[tuple[str, str], float]:
    """The publisher's own horizons, where the folder has them, to be laid beside ours."""
    path = folder / SUMMARIES[variant]
    if not path.is_file():
        return {}
    table = read_sheet(path)
    _mind(table, ("agent", "p50", "p80"))
    return {
        (str(agent), share): float(table.columns[share][row])
        for row, agent in enumerate(table.columns["agent"])
        for share in ("p50", "p80")
        if not empty(table.columns[share][row])
    }


def _minutes(tasks: Sheet, variant: str) -> dict[str, tuple[float | None, str]]:
    """Minutes and their source by task; a task without minutes above 0 has none."""
    values: list[Any] = tasks.columns[MINUTES[variant]]
    sources = tasks.columns[SOURCE] if variant == "human" else ["model_estimate"] * len(tasks)
    known: dict[str, tuple[float | None, str]] = {}
    for row, task in enumerate(tasks.columns["task_id"]):
        if task in known:
            raise OutcomesError(f"{TASKS}: column task_id, row {row}: {task} stands twice")
        minutes = None if empty(values[row]) or not values[row] > 0 else float(values[row])
        known[task] = (minutes, "none" if minutes is None or empty(sources[row]) else str(sources[row]))
    return known


def _mind(sheet: Sheet, needed: Any) -> None:  # noqa: ANN401 - any collection of names
    missing = [name for name in needed if name not in sheet.columns]
    if missing:
        raise OutcomesError(f"{sheet.name}: column {missing[0]} missing; it has: {', '.join(sheet.columns)}")
