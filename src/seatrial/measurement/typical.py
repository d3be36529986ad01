"""The horizon of a typical task (Q6, annex): differences between tasks of one length removed by their difficulties.

The marginal horizon asks of all tasks of a length how many are solved; it is what `horizon` gives and what is compared
with other tables. This one asks for the length at which a task as hard as its length lets expect is solved every
other time. For a strong model on a varied bank it can be twice as long. The two never stand in one table.

- Difficulties come from a calibration, ability from Q5. Their line on length is least squares over the calibrated
  tasks; its error comes from leaving out each family, and the ability's own error is added.
- Only p50, where the common discrimination cancels: a p80 from it was half an octave too low in simulation.
- Always `exploratory`: that calibrators and participant order tasks alike is assumed, not shown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

from seatrial.measurement.ability import POINTS
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.horizon import Jackknife, Scope, printed

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.calibration import Calibration
    from seatrial.measurement.outcomes import Floats, Integers

ESTIMAND = "length of a typical task, of the difficulty its length lets expect, that is solved with chance 50%"


def typical_horizon(
    calibration: Calibration, bank: Bank, ability: Estimate, *, level: float = LEVEL
) -> Estimate | NotIdentifiable:
    """Typical p50 horizon from a Q5 estimate in points on the scale of this calibration."""
    if ability.quantity != "Q5" or ability.value is None or ability.lower is None or ability.upper is None:
        raise ValueError(f"{ability.quantity}, limits {ability.lower}, {ability.upper}: a Q5 estimate has both limits")
    difficulty = dict(zip(calibration.item, calibration.b, strict=True))
    b = np.array([difficulty.get(str(item), np.nan) for item in bank.item])
    known = ~np.isnan(b) & ~np.isnan(bank.x)
    _, code = np.unique(bank.family[known], return_inverse=True)
    families = int(code.max(initial=-1)) + 1
    scope = _scope(bank.x[known], families, bank.axis, ability)
    if families < 2:
        return NotIdentifiable(
            quantity="Q6",
            estimand=ESTIMAND,
            reason="fewer than two families have both lengths and difficulties",
            counts={"tasks": int(known.sum()), "families": families},
        )
    logits = float(np.exp(np.log(calibration.a).mean()))
    line, spread = _line(bank.x[known], b[known], code)
    half = (ability.upper - ability.lower) / 2 / POINTS / float(student.ppf((1 + ability.level) / 2, families - 1))
    covariance = logits**2 * spread + np.array([[half**2, 0], [0, 0]])
    curve = Jackknife(ability.value / POINTS - logits * line[0], -logits * line[1], covariance, families)
    return replace(printed(curve, 0.5, scope, level=level), estimand=ESTIMAND)


def _line(x: Floats, y: Floats, code: Integers) -> tuple[Floats, Floats]:
    """Least squares (intercept, slope) and its jackknife covariance over families."""
    each = np.stack([np.ones(len(x)), x, y, x * x, x * y])
    by_family = np.stack([np.bincount(code, weights=row) for row in each])
    total = by_family.sum(axis=1)
    full = _solved(total[:, None])[0]
    without = _solved(total[:, None] - by_family)
    deviation = without - without.mean(axis=0)
    families = by_family.shape[1]
    return full, (families - 1) / families * deviation.T @ deviation


def _solved(sums: Floats) -> Floats:
    """Lines from sums of 1, x, y, x², xy (5, lines); no spread of x gives a flat line."""
    n, sx, sy, sxx, sxy = sums
    n = np.maximum(n, 1)
    spread = sxx - sx * sx / n
    slope = np.where(spread > 1e-9, (sxy - sx * sy / n) / np.maximum(spread, 1e-9), 0.0)
    return np.column_stack([(sy - slope * sx) / n, slope])


def _scope(x: Floats, families: int, axis: str, ability: Estimate) -> Scope:
    marks = {"exploratory"} if axis == "minutes" else {"exploratory", "level-axis", "uncalibrated"}
    return Scope(
        axis="minutes" if axis == "minutes" else "level",
        shortest=float(x.min(initial=np.inf)),
        longest=float(x.max(initial=-np.inf)),
        n_runs=ability.n_runs,
        n_tasks=ability.n_tasks,
        n_families=families,
        budget=ability.budget,
        bank_version=ability.bank_version,
        method="ability on the line of difficulties over length, each family left out in turn",
        qualifiers=ability.qualifiers | marks,
        seed=ability.seed,
    )
