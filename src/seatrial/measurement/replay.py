"""Make a calibration: fit difficulties, then review each calibrator as if it were new and see how far off one is.

- Every usable calibrator is left out in turn, difficulties are fitted without it, and the rounds of information mode
  are replayed on its full row. Its errors in units of the posterior's own SD give one multiplier a number of runs.
- Four replays each: one makes the multiplier too noisy.
- The multiplier is one number over all calibrators and stored without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement.adaptive import most_informative, systematic
from seatrial.measurement.calibration import MIN_CALIBRATORS, SIZES, Calibration
from seatrial.measurement.completion import horizon_draws
from seatrial.measurement.difficulties import Difficulties, fit_difficulties
from seatrial.measurement.posterior import Posterior

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.outcomes import Floats, Integers

REPLAYS = 4
ROUNDS = 3
HORIZON_FLOOR = 0.05  # octaves; below, forty draws are too few to tell a spread from none


@dataclass(frozen=True)
class _Miss:
    """One replay: error and own SD of the success rate and of the horizon (NaN where there is none)."""

    error: float
    sd: float
    octaves: float
    octaves_sd: float


def calibrate(
    scores: Floats,
    bank: Bank,
    *,
    comparison_key: str,
    bank_version: str,
    rng: np.random.Generator,
    sizes: Sequence[int] = SIZES,
    scale_version: str = "1",
) -> Calibration:
    """A calibration from a matrix of calibrators by tasks (or by `bank.items`), NaN where a task was not run."""
    full = fit_difficulties(scores, bank)
    rows = np.asarray(scores, dtype=np.float64)
    rows = rows if rows.shape[1] == len(bank) else rows[:, bank.item_code]
    usable = np.flatnonzero(full.usable)
    fitting = [size for size in sorted(set(sizes)) if size < len(bank)]
    misses: dict[int, list[_Miss]] = {size: [] for size in fitting}
    if len(usable) >= MIN_CALIBRATORS:
        for left in usable:
            others = fit_difficulties(np.delete(np.asarray(scores), left, axis=0), bank, start=full)
            for size in fitting:
                misses[size] += [_replay(rows[left], bank, others, size, rng) for _ in range(REPLAYS)]
    at = np.unique(bank.item_code, return_index=True)[1]
    return Calibration(
        item=tuple(str(name) for name in bank.items),
        a=tuple(full.a[at].tolist()),
        b=tuple(full.b[at].tolist()),
        sd=tuple(full.sd[at].tolist()),
        intercept=full.intercept,
        slope=full.slope,
        spread=full.spread,
        axis=bank.axis,
        usable=len(usable),
        largest_theta=float(full.theta[usable].max()) if len(usable) else float(full.theta.max()),
        multipliers={size: _factor([(m.error, m.sd) for m in found]) for size, found in misses.items() if found},
        horizon_multipliers={
            size: _factor([(m.octaves, m.octaves_sd) for m in found]) for size, found in misses.items() if found
        },
        replay_errors={size: _rms([m.error for m in found]) for size, found in misses.items() if found},
        comparison_key=comparison_key,
        bank_version=bank_version,
        scale_version=scale_version,
    )


def informative_rounds(
    row: Floats, bank: Bank, prior: Posterior, size: int, rng: np.random.Generator
) -> tuple[Posterior, Integers]:
    """Three equal rounds of information mode on a known row; tasks that it never ran count as lost."""
    known = ~np.isnan(row)
    free = known.copy()
    seen = np.zeros(0, dtype=np.int64)
    posterior = prior
    size = min(size, int(known.sum()))
    for turn in range(ROUNDS):
        count = size * (turn + 1) // ROUNDS - size * turn // ROUNDS
        if turn == 0:
            inside = np.flatnonzero(known)
            places = inside[systematic(bank.where(inside), prior.expected()[inside], count, rng)]
        else:
            places = most_informative(posterior, free, count, rng)
        free[places] = False
        seen = np.concatenate([seen, places])
        posterior = prior.updated(seen, row[seen])
    return posterior, seen


def _replay(row: Floats, bank: Bank, others: Difficulties, size: int, rng: np.random.Generator) -> _Miss:
    known = np.flatnonzero(~np.isnan(row))
    part, own = bank.where(known), row[known]
    prior = Posterior.of_difficulties(others.a[known], others.b[known])
    posterior, seen = informative_rounds(own, part, prior, size, rng)
    value, sd = posterior.bank_mean(seen, own[seen])
    octaves, octaves_sd = horizon_draws(posterior, part.x, seen, own, rng)
    return _Miss(value - float(own.mean()), sd, octaves, max(octaves_sd, HORIZON_FLOOR))


def _factor(errors: Sequence[tuple[float, float]]) -> float:
    ratio = np.array([error / sd for error, sd in errors if sd > 0 and np.isfinite(error)])
    return max(1.0, _rms(ratio)) if len(ratio) else 1.0


def _rms(values: Sequence[float] | Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
