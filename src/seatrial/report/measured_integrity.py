"""Signs beside the numbers of somebody's results (Q11): how runs ended, patterns that do not fit, doubtful tasks.

- Endings are counted by family; only families in which a run ended otherwise than by itself are listed.
- Person fit holds a participant's outcomes against the difficulties that all others set, and against how well the
  others fit each other. Nothing found is said with its power, never as innocence. It takes seconds a participant, so it
  is computed where Q11 was asked for by name.
- A task that weak participants solve rather than strong ones is a matter for a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field as Described

from seatrial.measurement import NotIdentifiable
from seatrial.measurement.integrity import account, broken_items
from seatrial.measurement.person_fit import person_fit, reference
from seatrial.report.records import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.measurement import Estimate, Outcomes
    from seatrial.measurement.ability import Field

ASK = "ask for it by name (--quantity integrity): it takes some seconds a participant"
UNEVENTFUL = {"finished"}


class FamilyEnds(Part):
    """How the runs of one family ended."""

    family: str
    runs: int
    ended: dict[str, int] = Described(description="runs by status")


class SuppressionPower(Part):
    """How often a suppression would have been seen."""

    suppression: float = Described(description="share of the solves turned into misses at random")
    power: float


class Fit(Part):
    """The misfit of one participant's outcomes among that of the others."""

    statistic: float = Described(description="l_z; lower fits worse")
    cut: float = Described(description="below it lies one honest participant in a hundred")
    flagged: bool
    rank: int = Described(description="how many of the others fit worse")
    others: int
    tasks: int
    false_alarms: float = Described(description="share of the others, each judged by the rest")
    power: list[SuppressionPower]
    words: str


class ParticipantSigns(Part):
    """Of one participant in one arm."""

    participant: str
    arm: str
    families: list[FamilyEnds]
    person_fit: Fit | None
    person_fit_reason: str = Described(description="why there is none; empty when there is one")


class DoubtfulTask(Part):
    """A task that weak participants solve rather than strong ones."""

    task: str
    correlation: float = Described(description="of its outcomes with the success on all other tasks")
    participants: int


class Signs(Part):
    """All signs of these results."""

    participants: list[ParticipantSigns]
    doubtful_tasks: list[DoubtfulTask]
    tasks_checked: int
    tasks_unchecked: int = Described(description="solved by all, by none, or run by too few")


def bounds(runs: Outcomes, *, level: float) -> Iterator[tuple[str, Estimate | NotIdentifiable, dict[str, int]]]:
    """What lost and stopped, and what refused runs could change, where there are any."""
    lost, refused = len(runs.losses()), int(np.sum(runs.status == "refused"))
    if not (lost or refused):
        return
    found = account(runs, level=level)
    if lost:
        yield "losses at their worst and best", found.losses, {"lost": lost}
    if refused:
        yield "refusals at their best", found.refusals, {"refused": refused}


def ends(runs: Outcomes) -> list[FamilyEnds]:
    """Families in which something ended otherwise."""
    if (runs.status == "finished").all():
        return []
    listed = account(runs).families
    return [
        FamilyEnds(family=item.family, runs=item.runs, ended=dict(item.by_status))
        for item in listed
        if set(item.by_status) - UNEVENTFUL
    ]


def fit(field: Field, row: int, *, rng: np.random.Generator) -> Fit | str:
    """The person fit of one row of a field, or why there is none."""
    scores = field.scores[row]
    against = reference(np.delete(field.scores, row, axis=0), field.bank, tasks=int((~np.isnan(scores)).sum()), rng=rng)
    if isinstance(against, NotIdentifiable):
        return against.reason
    found = person_fit(scores, field.without(row), against)
    if isinstance(found, NotIdentifiable):
        return found.reason
    return Fit(
        statistic=found.statistic,
        cut=found.cut,
        flagged=found.flagged,
        rank=found.rank,
        others=found.calibrators,
        tasks=found.tasks,
        false_alarms=found.false_alarms,
        power=[SuppressionPower(suppression=item.suppression, power=item.power) for item in found.power],
        words=found.words,
    )


def signs(participants: list[ParticipantSigns], field: Field | None) -> Signs:
    """All of them; doubtful tasks need participants to compare."""
    checked = broken_items(field.scores, field.bank) if field is not None else None
    items = checked.items if checked is not None else ()
    return Signs(
        participants=participants,
        doubtful_tasks=[
            DoubtfulTask(task=item.task, correlation=item.correlation, participants=item.calibrators)
            for item in items
            if item.correlation < 0
        ],
        tasks_checked=len(items),
        tasks_unchecked=len(checked.unchecked) if checked is not None else 0,
    )
