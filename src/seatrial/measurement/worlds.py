"""Simulated banks with a known truth: what the intervals of this room are tested on, and what planning will simulate.

The base world has the variance components of a published cyber bank: human minutes differ between families, and so
does difficulty at equal minutes. Nothing here is read by an estimator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from seatrial.measurement.outcomes import Bools, Floats, Integers, Outcomes
from seatrial.measurement.success import MIN_REPEATED

TOKENS = 2_000_000
REPEAT_SHARE = 0.2  # tasks that a review repeats by default
TRUTH_DRAWS = 400_000  # Monte Carlo error of a true share below 0.1 points
OCTAVES_OF_BUDGET = (-6.0, -4.5, -3.0, -2.0, -1.0, -0.4, 0.0)  # ability lost at 1/64 ... 1 of the cap


@dataclass(frozen=True)
class World:
    """How hard tasks are: spread of families and tasks (octaves of human minutes) and slope of success."""

    between: float = 1.34
    within: float = 2.5
    slope: float = 0.97

    def difficulty(self, rng: np.random.Generator, family: Integers) -> Floats:
        """Difficulty of each task (octaves), given its family's number."""
        families = int(family.max()) + 1
        centre = rng.uniform(0, 10, families)[family]
        minutes = np.clip(centre + rng.normal(0, 1.2, len(family)), -1, 11)
        return minutes + rng.normal(0, self.between, families)[family] + rng.normal(0, self.within, len(family))

    def generalized(self, theta: float, rng: np.random.Generator, draws: int = TRUTH_DRAWS) -> float:
        """True share solved among fresh tasks of fresh families, by Monte Carlo."""
        return float(expit(self.slope * (theta - self.difficulty(rng, np.arange(draws)))).mean())


BASE = World()
MILDER = World(between=1.3, within=1.3, slope=0.9)


def family_sizes(rng: np.random.Generator, families: int, mean_size: int) -> Integers:
    """The family number of each task; sizes are uniform integers from 1 to 2·mean - 1."""
    return np.repeat(np.arange(families), rng.integers(1, 2 * mean_size, families))


def table(family: Integers, scores: Floats, tokens: Integers | None = None) -> Outcomes:
    """Outcomes of one participant; `scores` is tasks by epochs, NaN where an epoch was not run."""
    task, epoch = np.nonzero(~np.isnan(scores))
    return Outcomes.of(
        {
            "participant": np.full(len(task), "m"),
            "task": np.char.add("t", task.astype(str)),
            "family": np.char.add("f", family[task].astype(str)),
            "epoch": epoch,
            "score": scores[task, epoch],
            "tokens": np.zeros(len(task)) if tokens is None else tokens[task, epoch],
        },
        budget=TOKENS,
        bank_version="simulated",
    )


def review(
    world: World, rng: np.random.Generator, *, families: int, mean_size: int, runs: int, theta: float
) -> tuple[Outcomes, Floats]:
    """One review: every task run `runs` times. Returns the outcomes and the true chance of each task."""
    family = family_sizes(rng, families, mean_size)
    chance = expit(world.slope * (theta - world.difficulty(rng, family)))
    return table(family, (rng.random((len(family), runs)) < chance[:, None]).astype(np.float64)), chance


def equals(
    world: World, rng: np.random.Generator, *, families: int, mean_size: int, theta: float
) -> tuple[Outcomes, Outcomes]:
    """Two participants of one ability on the same tasks, each task run once by each."""
    family = family_sizes(rng, families, mean_size)
    chance = expit(world.slope * (theta - world.difficulty(rng, family)))[:, None]
    scores = [(rng.random(chance.shape) < chance).astype(np.float64) for _ in range(2)]
    return table(family, scores[0]), table(family, scores[1])


def drawn_repeats(outcomes: Outcomes, rng: np.random.Generator, share: float = REPEAT_SHARE) -> Outcomes:
    """The same review with repeats on a random share of its tasks only."""
    tasks = np.unique(outcomes.task)
    repeated = rng.choice(tasks, size=max(MIN_REPEATED, round(share * len(tasks))), replace=False)
    return outcomes.where((outcomes.epoch == 0) | np.isin(outcomes.task, repeated))


def budget_review(world: World, rng: np.random.Generator, *, families: int, mean_size: int, theta: float) -> Outcomes:
    """One review whose ability grows with the cap; a run needs the first cap at which it would have solved."""
    family = family_sizes(rng, families, mean_size)
    difficulty = world.difficulty(rng, family)
    luck = rng.random(len(family))[:, None]
    ability = theta + np.asarray(OCTAVES_OF_BUDGET)
    solved: Bools = np.less(luck, expit(world.slope * (ability - difficulty[:, None])))
    ended = solved[:, -1:]  # ability never falls with the cap, so the last cap says whether it solved at all
    first = np.argmax(solved, axis=1)[:, None]
    tokens = np.where(ended, TOKENS * np.exp2(first - len(ability) + 1.0), TOKENS).astype(np.int64)
    return table(family, ended.astype(np.float64), tokens)
