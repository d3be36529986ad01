"""Success against budget (Q3): what one run at the full cap says about every smaller cap.

A run counts at cap c when it is solved and used at most c tokens; at the full cap it counts as it ended, for runs
overshoot slightly. That is sound only where the cap was not announced to the participant, and only where failures
alone were never run again at a larger cap. Caps are shares of each task's own cap: 1, 1/2, ... 1/64.

The band is simultaneous: the whole true curve lies inside it with the stated level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement.clusters import MIN_FAMILIES, cluster_mean, max_t_band, task_means
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.outcomes import LOSS_BOUND, require_one_participant, require_solved_or_not
from seatrial.measurement.success import not_generalizable

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Bools, Floats, Outcomes

METHOD_VERSION = "1"
HALVINGS = 6  # down to 1/64 of the cap: below, a run has hardly read its task
RISE_FLAG = 0.03  # share solved only in the last doubling beyond which the full cap is called limiting
MIN_EVENTS = 5  # solves and misses a point needs before its spread means anything
ESTIMAND = "share solved among new tasks of new families like these, within {} of the stated budget"


@dataclass(frozen=True)
class BudgetPoint:
    """The curve at one share of the cap: counts always, an estimate where there is one."""

    share: float
    solved: int
    runs: int
    answer: Estimate | NotIdentifiable


@dataclass(frozen=True)
class BudgetCurve:
    """Points from the smallest share of the cap to the whole."""

    points: tuple[BudgetPoint, ...]
    limited: bool  # still rising in the last doubling: more budget would probably solve more


def budget_curve(
    outcomes: Outcomes, *, rng: np.random.Generator, level: float = LEVEL
) -> BudgetCurve | NotIdentifiable:
    """Q3 for one participant; `rng` draws the families of the band."""
    require_one_participant(outcomes)
    require_solved_or_not(outcomes)
    counted, losses = outcomes.counted(), outcomes.losses()
    reason = _unusable(counted)
    if reason:
        return NotIdentifiable(
            quantity="Q3", estimand=ESTIMAND.format("each share"), reason=reason, counts={"runs": len(counted)}
        )
    shares: Floats = np.exp2(-np.arange(HALVINGS, -1, -1, dtype=np.float64))
    bounded = len(losses) > LOSS_BOUND * (len(counted) + len(losses))
    tables = [outcomes.filled(0.0), outcomes.filled(1.0)] if bounded else [counted]
    obstacles = [_obstacles(table, shares) for table in tables]
    obstacle = ["; ".join(dict.fromkeys(filter(None, column))) for column in zip(*obstacles, strict=True)]
    usable = np.array([not text for text in obstacle])
    lower, value, upper = _band(tables, shares, usable, level, rng)
    solved = solved_within(counted, shares)
    y, _, _ = task_means(solved.astype(np.float64), counted.task, counted.family)
    limited = bool(y[:, -1].mean() - y[:, -2].mean() > RISE_FLAG)
    counts = {
        "runs": len(counted),
        "tasks": len(y),
        "families": len(np.unique(counted.family)),
    }

    def answer(column: int) -> Estimate | NotIdentifiable:
        fraction = _fraction(float(shares[column]))
        estimand = ESTIMAND.format(fraction)
        if obstacle[column]:
            hits = {**counts, "solved": int(solved[:, column].sum())}
            return NotIdentifiable(quantity="Q3", estimand=estimand, reason=obstacle[column], counts=hits)
        qualifiers = {"losses-bounded"} if bounded else set()
        if limited and column == HALVINGS:
            qualifiers.add("budget-limited")
        return Estimate(
            quantity="Q3",
            estimand=estimand,
            unit="share of tasks",
            value=None if bounded else float(value[column]),
            lower=float(lower[column]),
            upper=float(upper[column]),
            level=level,
            method=f"studentised maximum-t band over {int(usable.sum())} budgets, families resampled",
            method_version=METHOD_VERSION,
            n_runs=counts["runs"],
            n_tasks=counts["tasks"],
            n_families=counts["families"],
            budget=counted.budget if column == HALVINGS else f"{fraction} of {counted.budget}",
            bank_version=counted.bank_version,
            qualifiers=frozenset(qualifiers),
        )

    points = tuple(
        BudgetPoint(float(share), int(solved[:, column].sum()), len(counted), answer(column))
        for column, share in enumerate(shares)
    )
    return BudgetCurve(points, limited=limited)


def solved_within(runs: Outcomes, shares: Floats) -> Bools:
    """Whether each run is solved within each share of its cap (runs by shares); share 1 is the run's own score."""
    solved = (runs.score > 0)[:, None]
    return solved & ((runs.tokens[:, None] <= runs.cap[:, None] * shares) | (shares >= 1))


def _unusable(runs: Outcomes) -> str:
    if not len(runs):
        return "no run has an outcome"
    if (runs.cap == 0).any():
        return "no token cap was set"
    if ((runs.score > 0) & (runs.tokens == 0)).any():
        return "tokens of solved runs were not recorded"
    return ""


def _obstacles(runs: Outcomes, shares: Floats) -> list[str]:
    """For each share why it has no estimate, or an empty text."""
    solved = solved_within(runs, shares)
    y, _, family = task_means(solved.astype(np.float64), runs.task, runs.family)
    families = len(np.unique(family))
    if families < MIN_FAMILIES:
        return [not_generalizable(families)] * len(shares)
    texts = []
    for column in range(len(shares)):
        hits = int(solved[:, column].sum())
        if min(hits, len(runs) - hits) < MIN_EVENTS:
            kind = "solved" if hits < MIN_EVENTS else "missed"
            texts.append(f"fewer than {MIN_EVENTS} runs {kind}")
        elif cluster_mean(y[:, column], family).se == 0:
            texts.append(f"no variation between the {families} families")
        else:
            texts.append("")
    return texts


def _band(
    tables: list[Outcomes], shares: Floats, usable: Bools, level: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Lower limits from the first table, upper limits from the last, NaN where a share is not usable."""
    lower, value, upper = np.full((3, len(shares)), np.nan)
    if usable.any():
        bands = []
        for table in tables:
            y, _, family = task_means(solved_within(table, shares).astype(np.float64), table.task, table.family)
            bands.append(max_t_band(y[:, usable], family, level=level, rng=rng))
        lower[usable], value[usable], upper[usable] = bands[0].lower, bands[0].mean, bands[-1].upper
    return lower, value, upper


def _fraction(share: float) -> str:
    return "all" if share == 1 else f"1/{round(1 / share)}"
