"""Simulated banks with a known truth: what the intervals of this room are tested on, and what planning simulates.

The base world has the variance components of a published cyber bank: human minutes differ between families, and so
does difficulty at equal minutes. Nothing here is read by an estimator.

| world | question it puts |
|---|---|
| `review` | success rates (Q1, Q2) and horizons (Q6): the truths are `World.generalized` and `World.horizon` |
| `equals` | two participants of one ability (Q7): how often are they told apart? |
| `budget_review` | success against budget (Q3) |
| `AttemptsWorld` | at least one success in k attempts (Q4) |
| `calibrator_world` | a bank that other participants have run, and one that is about to run a part of it |
| `JudgeWorld` | a fallible judge and human labels |
| `peeked` | a participant exactly at a threshold, looked at after every run |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from seatrial.measurement.outcomes import Bools, Floats, Integers, Outcomes
from seatrial.measurement.success import MIN_REPEATED

TOKENS = 2_000_000
REPEAT_SHARE = 0.2  # tasks that a review repeats by default
TRUTH_DRAWS = 400_000  # Monte Carlo error of a true share below 0.1 points
OCTAVES_OF_BUDGET = (-6.0, -4.5, -3.0, -2.0, -1.0, -0.4, 0.0)  # ability lost at 1/64 ... 1 of the cap
PERSON_BY_FAMILY = 1.0  # logits: how much a participant's strength differs between families


@dataclass(frozen=True)
class World:
    """How hard tasks are: spread of families and tasks (octaves of human minutes) and slope of success."""

    between: float = 1.34
    within: float = 2.5
    slope: float = 0.97

    def tasks(self, rng: np.random.Generator, family: Integers) -> tuple[Floats, Floats]:
        """Length (log2 human minutes) and difficulty (the same unit) of each task, given its family's number."""
        families = int(family.max()) + 1
        centre = rng.uniform(0, 10, families)[family]
        x = np.clip(centre + rng.normal(0, 1.2, len(family)), -1, 11)
        return x, x + rng.normal(0, self.between, families)[family] + rng.normal(0, self.within, len(family))

    def difficulty(self, rng: np.random.Generator, family: Integers) -> Floats:
        """Difficulty of each task (octaves), given its family's number."""
        return self.tasks(rng, family)[1]

    def generalized(
        self, theta: float, rng: np.random.Generator, *, person: float = 0.0, draws: int = TRUTH_DRAWS
    ) -> float:
        """True share solved among fresh tasks of fresh families, by Monte Carlo; `person` as in `calibrator_world`."""
        logits = self.slope * (theta - self.difficulty(rng, np.arange(draws)))
        return float(expit(logits + person * rng.normal(0, 1, draws)).mean())

    def horizon(
        self, theta: float, share: float, rng: np.random.Generator, *, person: float = 0.0, draws: int = TRUTH_DRAWS
    ) -> float:
        """True marginal horizon in octaves: the length at which a share of fresh tasks is solved, by Monte Carlo.

        At a half it is `theta` itself, for every spread here is symmetric.
        """
        spread = self.slope * rng.normal(0, np.hypot(self.between, self.within), draws)
        spread = spread + person * rng.normal(0, 1, draws)
        spread = np.concatenate([spread, -spread])

        def excess(x: float) -> float:
            return float(expit(self.slope * (theta - x) + spread).mean()) - share

        return float(brentq(excess, theta - 40, theta + 40))


BASE = World()
MILDER = World(between=1.3, within=1.3, slope=0.9)


@dataclass(frozen=True, eq=False)
class CalibratorReview:
    """A bank run by calibrators and, in full, by one participant; the estimator is shown a part of `scores`.

    J tasks, L calibrators. The truth of the bank is the mean of `scores`: what one full pass gives.
    """

    family: Integers  # (J,) number of the family
    x: Floats  # (J,) log2 human minutes
    calibrators: Floats  # (L, J) 0 or 1
    chance: Floats  # (J,) the participant's chance of solving each task
    scores: Floats  # (J,) 0 or 1, the participant's full pass
    theta: float  # the participant's ability, octaves


def calibrator_world(
    world: World,
    rng: np.random.Generator,
    *,
    theta: float,
    families: int = 60,
    mean_size: int = 5,
    calibrators: int = 12,
    abilities: tuple[float, float] = (0.5, 8.0),
    person: float = PERSON_BY_FAMILY,
) -> CalibratorReview:
    """One bank, one run a task; abilities of calibrators are uniform between two `abilities` (octaves).

    Every participant has its own strength in each family, N(0, person²) logits, which no single ability explains.
    With the defaults a participant at 5.5 is inside the calibrators' range and one at 8.5 above it. True generalized
    success and horizons: `world.generalized(theta, rng, person=person)` and `world.horizon(…, person=person)`.
    """
    family = family_sizes(rng, families, mean_size)
    x, difficulty = world.tasks(rng, family)
    ability = np.append(rng.uniform(*abilities, calibrators), theta)
    own = rng.normal(0, person, (calibrators + 1, families))[:, family]
    chance = expit(world.slope * (ability[:, None] - difficulty) + own)
    scores = (rng.random(chance.shape) < chance).astype(np.float64)
    return CalibratorReview(family, x, scores[:-1], chance[-1], scores[-1], theta)


def family_sizes(rng: np.random.Generator, families: int, mean_size: int) -> Integers:
    """The family number of each task; sizes are uniform integers from 1 to 2·mean - 1."""
    return np.repeat(np.arange(families), rng.integers(1, 2 * mean_size, families))


def table(family: Integers, scores: Floats, tokens: Integers | None = None, x: Floats | None = None) -> Outcomes:
    """Outcomes of one participant; `scores` is tasks by epochs, NaN where an epoch was not run; `x` is log2 minutes."""
    task, epoch = np.nonzero(~np.isnan(scores))
    columns = {
        "participant": np.full(len(task), "m"),
        "task": np.char.add("t", task.astype(str)),
        "family": np.char.add("f", family[task].astype(str)),
        "epoch": epoch,
        "score": scores[task, epoch],
        "tokens": np.zeros(len(task)) if tokens is None else tokens[task, epoch],
    }
    if x is not None:
        columns |= {"minutes": np.exp2(x[task]), "minutes_source": np.full(len(task), "completion")}
    return Outcomes.of(columns, budget=TOKENS, bank_version="simulated")


def review(
    world: World, rng: np.random.Generator, *, families: int, mean_size: int, runs: int, theta: float
) -> tuple[Outcomes, Floats]:
    """One review: every task run `runs` times. Returns the outcomes and the true chance of each task."""
    family = family_sizes(rng, families, mean_size)
    x, difficulty = world.tasks(rng, family)
    chance = expit(world.slope * (theta - difficulty))
    return table(family, (rng.random((len(family), runs)) < chance[:, None]).astype(np.float64), x=x), chance


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


@dataclass(frozen=True)
class AttemptsWorld:
    """Repeated attempts: log-odds of success are N(0, between²) by family plus N(0, within²) by task."""

    tasks: int
    attempts: int
    k: int
    families: int
    between: float = 1.2
    within: float = 2.0

    def truth(self, rng: np.random.Generator, draws: int = TRUTH_DRAWS) -> float:
        """True share of fresh tasks solved in at least one of k attempts, by Monte Carlo."""
        chance = expit(rng.normal(0, np.hypot(self.between, self.within), draws))
        return float((1 - (1 - chance) ** self.k).mean())

    def review(self, rng: np.random.Generator) -> Outcomes:
        """One participant; tasks are dealt evenly over the families."""
        family = np.arange(self.tasks) % self.families
        logits = rng.normal(0, self.between, self.families)[family] + rng.normal(0, self.within, self.tasks)
        scores = rng.random((self.tasks, self.attempts)) < expit(logits)[:, None]
        return table(family, scores.astype(np.float64))


@dataclass(frozen=True)
class JudgeWorld:
    """A judge with a sensitivity and a specificity, `items` verdicts of it, and `labels` further human labels.

    Half of the labels are true positives by design: label counts are fixed, never drawn by the judge's verdict.
    """

    sensitivity: float
    specificity: float
    share: float  # truly positive
    items: int
    labels: int

    def verdicts(self, rng: np.random.Generator) -> tuple[Bools, Bools, Bools]:
        """Verdicts on the items, verdicts on the labelled, and the labels."""
        true = rng.random(self.items) < self.share
        label = np.arange(self.labels) < self.labels // 2
        return self._judged(true, rng), self._judged(label, rng), label

    def _judged(self, true: Bools, rng: np.random.Generator) -> Bools:
        positive: Bools = rng.random(len(true)) < np.where(true, self.sensitivity, 1 - self.specificity)
        return positive


def peeked(rng: np.random.Generator, *, share: float, runs: int, paths: int) -> Bools:
    """Independent runs of a participant with one chance of success (paths by runs), to be looked at as they come."""
    solved: Bools = rng.random((paths, runs)) < share
    return solved
