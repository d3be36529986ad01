"""Banks completed from a posterior: what a horizon or a generalized rate of a partly run bank is computed on.

Multiple imputation (Rubin 1987): each completed table has an answer with a variance of its own; the spread between
tables is the part of the error that comes from tasks that were not run. That part is widened by the multiplier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from seatrial.measurement.clusters import cluster_mean
from seatrial.measurement.horizon import Jackknife, jackknife
from seatrial.measurement.logistic import fit, refit

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats, Integers, Texts
    from seatrial.measurement.posterior import Posterior

TABLES = 20  # whose own variances are averaged
DRAWS = 40  # of the spread between tables: 11 % Monte Carlo error, far below that of a multiplier from a dozen models
FLATTEST = -1e-3  # log-odds an octave; a flatter draw has no horizon


@dataclass(frozen=True, eq=False)
class Completion:
    """A posterior and the runs that made it."""

    posterior: Posterior
    places: Integers  # tasks with a score
    score: Floats  # theirs

    def rate(
        self, family: Texts, bank_half: float, level: float, rng: np.random.Generator
    ) -> tuple[float, float, float]:
        """Generalized success: value and limits on the logit scale; needs two families and a value inside (0, 1).

        The families' part has the t of `clusters`; the part of tasks not run is the bank rate's half-width.
        """
        value, _ = self.posterior.bank_mean(self.places, self.score)
        tables = self.posterior.tables(self.places, self.score, rng, TABLES)
        found = [cluster_mean(table, family) for table in tables]
        own = float(np.sqrt(np.mean([each.se**2 for each in found])))
        half = float(np.hypot(found[0].t(level) * own, bank_half)) / (value * (1 - value))
        return value, float(expit(logit(value) - half)), float(expit(logit(value) + half))

    def curve(
        self, x: Floats, weight: Floats, family: Texts, multiplier: float, rng: np.random.Generator
    ) -> Jackknife | None:
        """The horizon's curve over tasks with a known x, with both parts of its covariance; None: there is no fit.

        `multiplier` widens the part of tasks not run, in units of its posterior SD.
        """
        known = ~np.isnan(x)
        filled = self.posterior.expected()
        filled[self.places] = self.score
        full = fit(x[known], filled[known], weight[known])
        if full is None:
            return None
        tables = self.posterior.tables(self.places, self.score, rng, DRAWS)[:, known]
        curves = refit(x[known], tables, weight[known], full)
        between = np.cov(curves.T) * (1 + 1 / DRAWS) * multiplier**2
        found = [jackknife(x[known], table, weight[known], family[known]) for table in tables[:TABLES]]
        own = [one.covariance for one in found if one is not None]
        if not own:
            return None
        families = len(np.unique(family[known]))
        return Jackknife(full.intercept, full.slope, np.mean(own, axis=0) + between, families)


def horizon_draws(
    posterior: Posterior, x: Floats, places: Integers, row: Floats, rng: np.random.Generator
) -> tuple[float, float]:
    """Error and SD (octaves) of the bank's own p50, `row` being a whole bank of which `places` were shown.

    NaN where the whole bank or the filled one has no falling curve.
    """
    known = ~np.isnan(x)
    weight = np.ones(int(known.sum()))
    filled = posterior.expected()
    filled[places] = row[places]
    truth, guess = fit(x[known], row[known], weight), fit(x[known], filled[known], weight)
    if truth is None or guess is None or max(truth.slope, guess.slope) > FLATTEST:
        return np.nan, np.nan
    tables = posterior.tables(places, row[places], rng, DRAWS)
    curves = refit(x[known], tables[:, known], weight, guess)
    falling = curves[:, 1] < FLATTEST
    if falling.sum() < 2:
        return np.nan, np.nan
    at = -curves[falling, 0] / curves[falling, 1]
    return guess.at(0.5) - truth.at(0.5), float(at.std(ddof=1))
