"""Which items of a calibrated bank behave unlike the model of the others: outfit mean squares.

The outfit of an item is the mean squared standardised residual of the calibrators on it, at their posterior means
(Wright and Masters, Rating Scale Analysis, 1982). It is about 1 where one ability explains the outcomes; unexpected
solves by weak calibrators, or misses by strong ones, raise it.

>>> from seatrial.measurement.bank import Bank
>>> from seatrial.measurement.difficulties import fit_difficulties
>>> scores = (np.arange(8)[:, None] > np.arange(6)).astype(float)
>>> scores[:, 5] = [1, 1, 0, 0, 0, 0, 0, 0]
>>> bank = Bank.of([f"t{n}" for n in range(6)], ["f"] * 6)
>>> int(np.argmax(outfit(scores, bank, fit_difficulties(scores, bank))))
5
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.difficulties import Difficulties
    from seatrial.measurement.outcomes import Floats

MISFIT = 2.0  # beyond, an item degrades the scale (Linacre, Rasch Measurement Transactions 16:2, 2002)
_RAREST = 1e-3  # chance; a single surprise then counts at most a thousandfold


def outfit(scores: Floats, bank: Bank, difficulties: Difficulties) -> Floats:
    """(tasks,) mean squares of calibrators by the bank's tasks; NaN where a task was run by none.

    Fit the difficulties with one discrimination for all: an item's own one would absorb what is looked for. Shares of
    several runs of one item vary less than single runs: their mean squares lie below 1, never above for it.
    """
    if scores.shape[1] != len(bank):
        raise ValueError(f"scores have {scores.shape[1]} columns, the bank has {len(bank)} tasks")
    chance = expit(difficulties.a * (difficulties.theta[:, None] - difficulties.b))
    chance = np.clip(chance, _RAREST, 1 - _RAREST)
    squares = (scores - chance) ** 2 / (chance * (1 - chance))
    known = ~np.isnan(scores)
    count = known.sum(axis=0)
    total = np.where(known, squares, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), dtype=np.float64)
