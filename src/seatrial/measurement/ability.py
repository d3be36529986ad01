"""Ability (Q5) of participants who ran the same bank, each on difficulties that the others alone have set.

- Nobody calibrates itself: difficulties are fitted on all participants but one, and that one is placed on them.
- The unit is the logit: 0 is even odds on a task of the bank's mean difficulty, and one logit more multiplies the odds
  of solving a task by e. The mean of the bank is the same for everybody, so abilities can be laid side by side.
- One ability does not say everything (some are better at the web, some at binaries), and the posterior's own SD knows
  nothing of that. Each of the others is placed twice, from a random half of the families and from the other half; by
  how much more than their SDs the two differ is the factor on the SD, with Student's t for their number.
- The others are a sample too: what the difficulties would be without each of them is a second part of the interval.
- Fewer than 4 others give no answer, fewer than 5 an exploratory one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from seatrial.measurement.calibration import MIN_CALIBRATORS
from seatrial.measurement.difficulties import fit_difficulties, usable_calibrators
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.outcomes import LOSS_BOUND, require_one_participant, require_solved_or_not
from seatrial.measurement.posterior import PRIOR_SD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.measurement.bank import Bank
    from seatrial.measurement.difficulties import Difficulties
    from seatrial.measurement.outcomes import Bools, Floats, Outcomes

METHOD_VERSION = "1"
MIN_OTHERS = 4  # five participants in all
HALVINGS = 8  # random halves of the families per participant: the factor then moves by a few per cent with the seed
ABOVE = 0.2  # chance of being above all the others from which on the qualifier says so
STEPS = 200  # of at most 1 each; the scale of an ability is some ten units long
PRECISE = 1e-10
EXTREME = 40.0  # log-odds beyond which a chance is 0 or 1 in double precision
POINTS = 200 / np.log(3)  # a logit on the scale on which 200 points are a factor 3 of the odds
ESTIMAND = "ability in logits above the mean difficulty of this battery's tasks, which the other participants set"


@dataclass(frozen=True, eq=False)
class Field:
    """Everybody on one bank: a row of task means for each participant, NaN where it has no outcome."""

    tables: tuple[Outcomes, ...]  # one participant each
    bank: Bank
    seed: int

    @classmethod
    def of(cls, tables: Sequence[Outcomes], bank: Bank, *, seed: int) -> Field:
        """Tables of one participant each, whose tasks are all in the bank."""
        for table in tables:
            require_one_participant(table)
            require_solved_or_not(table)
        return cls(tuple(tables), bank, seed)

    def ability(self, row: int, *, level: float = LEVEL) -> Estimate | NotIdentifiable:
        """Q5 for the participant of one row."""
        table = self.tables[row]
        counted, losses = table.counted(), table.losses()
        others = int(self.usable.sum() - self.usable[row])
        seen = np.flatnonzero(~np.isnan(self.scores[row]))
        counts = {"runs": len(counted), "tasks": len(seen), "usable others": others, "lost": len(losses)}
        reason = self._obstacle(row, others, len(losses) > LOSS_BOUND * (len(counted) + len(losses)))
        if reason:
            return NotIdentifiable(quantity="Q5", estimand=ESTIMAND, reason=reason, counts=counts)
        found = self.without(row)
        theta, sd = _placed(found.a[seen], found.b[seen], self.scores[row, seen])
        value, scale = self._above_mean(row, found), float(np.exp(np.log(found.a).mean()))
        factor = self._factor(row)
        spread = float(np.hypot(factor * scale * sd, self._calibration_error(row)))
        half = float(student.ppf((1 + level) / 2, others)) * spread
        qualifiers = {"bank-only"} | ({"exploratory"} if others < MIN_CALIBRATORS else set())
        if norm.sf((found.theta[found.usable].max() - theta) / sd) > ABOVE:
            qualifiers.add("above-calibrators")
        return Estimate(
            quantity="Q5",
            estimand=ESTIMAND,
            unit="logits",
            value=value,
            lower=value - half,
            upper=value + half,
            level=level,
            method=f"one ability, difficulties from {len(self.tables) - 1} others; posterior SD times {factor:.2f} "
            f"from halves of the families, and the jackknife error of the difficulties, t({others}) limits",
            method_version=METHOD_VERSION,
            n_runs=len(counted),
            n_tasks=len(seen),
            n_families=len(np.unique(counted.family)),
            budget=table.budget,
            bank_version=table.bank_version,
            qualifiers=frozenset(qualifiers),
            seed=self.seed,
        )

    def _above_mean(self, row: int, found: Difficulties) -> float:
        """A participant's ability in logits above the mean difficulty of the bank."""
        seen = ~np.isnan(self.scores[row])
        theta, _ = _placed(found.a[seen], found.b[seen], self.scores[row, seen])
        return float(np.exp(np.log(found.a).mean())) * (theta - float(found.b.mean()))

    def _calibration_error(self, row: int) -> float:
        """Jackknife standard error from the choice of participants: each other one is left out of the fit in turn.

        The fits are those that place that other one, so the participant itself is among them; leaving out both at once
        would take a fit for each pair.
        """
        values = np.array(
            [self._above_mean(row, self.without(other)) for other in range(len(self.tables)) if other != row]
        )
        return float(np.sqrt((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum()))

    def _obstacle(self, row: int, others: int, lost: bool) -> str:  # noqa: FBT001 - a private question
        if others < MIN_OTHERS:
            return (
                f"{others} other participants with outcomes on half of the tasks and not at an end, {MIN_OTHERS} needed"
            )
        known = self.scores[row][~np.isnan(self.scores[row])]
        if not len(known):
            return "no run has an outcome"
        if lost:
            return "more than 5 % of the planned runs have no outcome"
        if known.mean() in {0.0, 1.0}:
            return "all tasks were solved" if known.mean() else "no task was solved"
        return ""

    @cached_property
    def scores(self) -> Floats:
        """(participants, tasks) means of the counted runs, NaN where there is none."""
        scores = np.full((len(self.tables), len(self.bank)), np.nan)
        for row, table in enumerate(self.tables):
            runs = table.counted()
            place = self.bank.positions(runs.task.tolist()) if len(runs) else np.zeros(0, dtype=np.int64)
            number = np.bincount(place, minlength=len(self.bank))
            total = np.bincount(place, weights=runs.score, minlength=len(self.bank))
            scores[row, number > 0] = total[number > 0] / number[number > 0]
        return scores

    @cached_property
    def usable(self) -> Bools:
        """(participants,) outcomes on half of the tasks, 5 to 95 % of them solved."""
        return usable_calibrators(self.scores)

    @cached_property
    def _fits(self) -> dict[int, Difficulties]:
        return {}

    def without(self, row: int) -> Difficulties:
        """Difficulties without one participant."""
        if row not in self._fits:
            self._fits[row] = fit_difficulties(np.delete(self.scores, row, axis=0), self.bank)
        return self._fits[row]

    @cached_property
    def _misfits(self) -> Floats:
        """Mean squared difference of a participant's two halves in units of their SDs; NaN where unusable."""
        names, family = np.unique(self.bank.family, return_inverse=True)
        halves = np.random.default_rng(self.seed).permuted(
            np.tile(np.arange(len(names)) % 2 == 0, (HALVINGS, 1)), axis=1
        )[:, family]
        misfits = np.full(len(self.tables), np.nan)
        for row in np.flatnonzero(self.usable).tolist():
            known = ~np.isnan(self.scores[row])
            pairs = [(known & half, known & ~half) for half in halves]
            found = [self._apart(row, pair) for pair in pairs if pair[0].any() and pair[1].any()]
            misfits[row] = np.mean(found) if found else np.nan
        return misfits

    def _apart(self, row: int, masks: tuple[Bools, Bools]) -> float:
        found = self.without(row)
        (one, one_sd), (two, two_sd) = (_placed(found.a[mask], found.b[mask], self.scores[row, mask]) for mask in masks)
        return (one - two) ** 2 / (one_sd**2 + two_sd**2)

    def _factor(self, row: int) -> float:
        """Never below 1: a narrow spread by chance does not make a posterior more certain."""
        others = np.delete(self._misfits, row)
        known = others[~np.isnan(others)]
        return max(1.0, float(np.sqrt(known.mean()))) if len(known) else 1.0


def _placed(a: Floats, b: Floats, score: Floats) -> tuple[float, float]:
    """Ability on the scale of the difficulties, the posterior's mode and SD, from scores (0/1 or between) of tasks.

    A fully run bank knows an ability far more finely than the grid that an adaptive review works on, hence Newton steps
    on the log posterior, which is concave, from 0 with the prior of a review.
    """
    theta = 0.0
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(a * (theta - b), -EXTREME, EXTREME)))
        slope = float((a * (score - chance)).sum()) - theta / PRIOR_SD**2
        curvature = float((a**2 * chance * (1 - chance)).sum()) + 1 / PRIOR_SD**2
        step = float(np.clip(slope / curvature, -1, 1))
        theta += step
        if abs(step) < PRECISE:
            break
    return theta, 1 / float(np.sqrt(curvature))
