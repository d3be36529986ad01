"""A second stage drawn with known probabilities: estimates that hold whatever model chose the probabilities.

Given the first runs, every other task j gets a guess P_j and a probability pi_j ~ sqrt(P_j (1 - P_j) + 0.04) of being
run. The total of the bank is what was seen, plus all guesses, plus the drawn tasks' errors scaled up by 1/pi_j
(difference estimator; Särndal, Swensson & Wretman 1992). A bad guess costs width, never coverage. When a few
surprises make most of the variance, it is itself uncertain, and t gets the degrees of freedom that its fourth moment
says: 2 m / (kurtosis - 1), at most m - 1 (after Satterthwaite 1946).

>>> import numpy as np
>>> chances = draw_chances(np.array([0.5, 0.5, 0.99, 0.01]), 2)
>>> chances.round(2).tolist(), round(float(chances.sum()), 9)
([0.71, 0.71, 0.29, 0.29], 2.0)
>>> len(draw(chances, np.random.default_rng(1)))
2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from seatrial.measurement.success import wilson

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats, Integers

FLOOR = 0.04  # of P(1-P): tasks that look certain are drawn too; with 0.01 rare surprises cost coverage (0.90)
SAFETY = 1.2  # the guesses are off after one round; the width that they promise is taken this much wider
LEAST, STEP = 40, 15  # runs of a second stage: below 40 the spread of its errors is known too poorly
LEAST_FREEDOM = 2.0  # below, t has no variance
RARE = 5  # solved or missed runs; with fewer the spread of the sample understates what was not met


@dataclass(frozen=True, eq=False)
class Stages:
    """A bank after both stages; columns over all tasks."""

    score: Floats  # NaN where not run
    guess: Floats  # P_j after the first stage
    chance: Floats  # 1 in the first stage, pi_j where drawn, NaN where never picked

    def pseudo_outcomes(self) -> Floats:
        """(tasks,) whose mean estimates the bank's: the score where it was sure to be seen, else guess + error/pi."""
        run = ~np.isnan(self.score)
        scaled = np.where(run, (self.score - self.guess) / self._heard(), 0.0)
        return np.where(run & (self.chance == 1), self.score, self.guess + scaled)

    def limits(self, level: float) -> tuple[float, float, float]:
        """Estimate, lower and upper limit of the bank's success rate."""
        tasks = len(self.score)
        run = ~np.isnan(self.score)
        pseudo = self.pseudo_outcomes()
        low, high = np.nansum(self.score) / tasks, 1 - np.nansum(1 - self.score) / tasks
        value = float(np.clip(pseudo.mean(), low, high))
        half = self._half_width(level)
        lower, upper = value - half, value + half
        if min(np.nansum(self.score), np.nansum(1 - self.score)) < RARE and not run.all():
            wide = wilson(value, int(run.sum()), level=level)
            lower, upper = min(lower, wide[0]), max(upper, wide[1])
        return value, max(lower, float(low)), min(upper, float(high))

    def _half_width(self, level: float) -> float:
        drawn = ~np.isnan(self.score) & (self.chance < 1)
        count = int(drawn.sum())
        open_tasks = np.isnan(self.score).any()
        if count < 2:
            return 1.0 if open_tasks else 0.0
        heard = self._heard()[drawn]
        error = (self.score[drawn] - self.guess[drawn]) / heard
        share = (1 - heard) * (error - error.mean()) ** 2
        variance = count / (count - 1) * float(share.sum()) / len(self.score) ** 2
        if variance == 0:
            return 0.0
        excess = count * float(share @ share) / float(share.sum()) ** 2 - 1  # 2 for normal errors
        freedom = min(max(2 * count / max(excess, 1e-9), LEAST_FREEDOM), count - 1)
        return float(student.ppf((1 + level) / 2, freedom)) * float(np.sqrt(variance))

    def _heard(self) -> Floats:
        """Chance of being drawn and not lost: losses do not depend on the outcome, so all chances shrink alike."""
        unsure = self.chance < 1
        known = ~np.isnan(self.score)
        reachable = float(np.isnan(self.chance).sum() + unsure.sum())
        lost_before = float(((self.chance == 1) & ~known).sum())  # picked for certain and lost: nobody stands for them
        share = float((unsure & known).sum()) / max(float(unsure.sum()), 1.0)
        thinner = reachable / max(reachable + lost_before, 1.0)
        return np.where(unsure, self.chance * share * thinner, 1.0)


def draw_chances(guess: Floats, size: int) -> Floats:
    """(tasks,) chances ~ sqrt(P(1-P) + 0.04), none above 1, summing to `size` (or to all tasks if fewer)."""
    need = np.sqrt(guess * (1 - guess) + FLOOR)
    certain = np.zeros(len(guess), dtype=bool)
    if size >= len(guess):
        return np.ones(len(guess))
    while True:
        left = size - int(certain.sum())
        chances = np.where(certain, 1.0, need * left / need[~certain].sum())
        over = (chances > 1) & ~certain
        if not over.any():
            return chances
        certain |= over


def draw(chances: Floats, rng: np.random.Generator) -> Integers:
    """Positions drawn systematically in random order, so that exactly the sum of the chances is drawn."""
    order = rng.permutation(len(chances))
    passed = np.floor(np.cumsum(chances[order]) + rng.random() * (1 - 1e-9) + 1e-9)
    return np.sort(order[np.diff(passed, prepend=0.0) >= 1])


def predicted_half_width(guess: Floats, chances: Floats, tasks: int) -> float:
    """95 % half-width that a second stage with these chances promises for a bank of `tasks`."""
    variance = float(((1 - chances) * guess * (1 - guess) / chances).sum())
    return SAFETY * float(norm.ppf(0.975)) * float(np.sqrt(variance)) / tasks


def second_stage(guess: Floats, *, tasks: int, half_width: float, most: int) -> Floats:
    """Chances for the smallest second stage that promises the half-width; the largest allowed if none does.

    `guess` covers the tasks that can still be drawn, `most` is what the cap on runs leaves.
    """
    largest = min(most, len(guess))
    sizes = [*range(LEAST, largest, STEP), largest]
    for size in sizes:
        chances = draw_chances(guess, size)
        if predicted_half_width(guess, chances, tasks) <= half_width:
            break
    return chances
