"""Banks completed from a posterior: what a horizon or a generalized rate of a partly run bank is computed on.

Multiple imputation (Rubin 1987): each completed table gives an answer with its own variance; the spread between tables
is the part of the error that comes from tasks that were not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement.logistic import fit, refit

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats, Integers
    from seatrial.measurement.posterior import Posterior

DRAWS = 40  # of the horizon's SD: 11 % Monte Carlo error, far below that of a multiplier from a dozen calibrators
FLATTEST = -1e-3  # log-odds an octave; a flatter draw has no horizon


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
