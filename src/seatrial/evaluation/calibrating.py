"""From stored calibrators to a calibration: their matrix, the fit, what is wrong with single forms, an older scale.

Nothing of a calibrator leaves: a calibration holds difficulties, their errors, how many calibrated and how far the
method erred on them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from seatrial.evaluation.comparable import Comparison
from seatrial.evaluation.rundir import RunError
from seatrial.measurement.bank import Bank
from seatrial.measurement.calibration import SIZES
from seatrial.measurement.difficulties import fit_difficulties
from seatrial.measurement.estimate import NotIdentifiable
from seatrial.measurement.integrity import broken_items
from seatrial.measurement.item_fit import MISFIT, outfit
from seatrial.measurement.linking import anchors, link
from seatrial.measurement.replay import calibrate

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from seatrial.evaluation.calibrators import CalibratorStore
    from seatrial.measurement.calibration import Calibration
    from seatrial.measurement.linking import Link

SMALL_BANK = (1 / 3, 2 / 3)  # shares of a bank to replay where the usual numbers of runs exceed it


@dataclass(frozen=True)
class Matrix:
    """Solve rates of calibrators by forms, NaN where one was not run, and what they may be compared by."""

    scores: NDArray[np.float64]
    bank: Bank
    comparison: Comparison

    @classmethod
    def of(cls, store: CalibratorStore, only: Collection[str] = ()) -> Matrix:
        """All calibrators of a store, or those named by the beginnings of their ids; they must be comparable."""
        ids = sorted({store.named(start) for start in only} if only else store.calibrators)
        if not ids:
            raise RunError("no calibrators: `seatrial calibration add RUN_DIR` takes one from a finished review")
        rows = [store.calibrators[own] for own in ids]
        try:
            comparison = reduce(Comparison.merged, (Comparison.read(row.comparison) for row in rows))
        except ValueError as error:
            raise RunError(
                f"{error}; name calibrators of one kind with --only ID (`seatrial calibration list`)"
            ) from error
        items = sorted({item for row in rows for item in row.scores})
        scores = np.full((len(rows), len(items)), np.nan)
        for place, row in enumerate(rows):
            for column, item in enumerate(items):
                if item in row.scores:
                    solved, runs = row.scores[item]
                    scores[place, column] = solved / runs
        forms = [store.forms[item] for item in items]
        bank = Bank.of(items, [form.family for form in forms], level=[float(form.level) for form in forms])
        return cls(scores, bank, comparison)

    @property
    def solve_rate(self) -> dict[str, float]:
        """Mean over the calibrators that ran it, by form."""
        mean = np.nanmean(self.scores, axis=0)
        return {str(item): float(rate) for item, rate in zip(self.bank.task, mean, strict=True)}

    def calibration(self, seed: int) -> Calibration:
        """Fit; equal matrices and seeds give equal calibrations."""
        sizes = [size for size in SIZES if size < len(self.bank)]
        sizes = sizes or sorted({max(1, round(share * len(self.bank))) for share in SMALL_BANK})
        fitted = calibrate(
            self.scores,
            self.bank,
            comparison_key=self.comparison.key,
            bank_version=self.comparison.bank_version,
            rng=np.random.default_rng(seed),
            sizes=sizes,
            scale_version="",
        )
        return replace(fitted, scale_version=f"scale {hashlib.sha256(fitted.to_json().encode()).hexdigest()[:12]}")


@dataclass(frozen=True)
class FormFit:
    """How one form did among the calibrators; `correlation` is None where too few ran it or all ended alike."""

    item: str
    calibrators: int
    solve_rate: float
    difficulty: float
    sd: float
    correlation: float | None
    outfit: float
    exposure: int

    @property
    def doubt(self) -> str:
        """Why a person should look at it; empty: nothing stands out."""
        if self.correlation is not None and self.correlation < 0:
            return "solved rather by weak calibrators"
        return "unlike the others" if self.outfit > MISFIT else ""


def form_fits(matrix: Matrix, store: CalibratorStore) -> tuple[FormFit, ...]:
    """Every form, the most doubtful first."""
    difficulties = fit_difficulties(matrix.scores, matrix.bank)
    against_rest = {item.task: item.correlation for item in broken_items(matrix.scores, matrix.bank).items}
    alike = fit_difficulties(matrix.scores, matrix.bank, discriminations=False)  # one of its own would hide a misfit
    squares = outfit(matrix.scores, matrix.bank, alike)
    rates, counts = matrix.solve_rate, (~np.isnan(matrix.scores)).sum(axis=0)
    found = [
        FormFit(
            item=str(item),
            calibrators=int(counts[place]),
            solve_rate=rates[str(item)],
            difficulty=float(difficulties.b[place]),
            sd=float(difficulties.sd[place]),
            correlation=against_rest.get(str(item)),
            outfit=float(squares[place]),
            exposure=store.exposure[str(item)],
        )
        for place, item in enumerate(matrix.bank.task)
    ]
    return tuple(sorted(found, key=lambda form: (not form.doubt, form.correlation is None, form.correlation or 0.0)))


def linked(
    new: Calibration, old: Calibration, solve_rate: dict[str, float]
) -> tuple[Calibration, Link] | NotIdentifiable:
    """The new calibration on the old one's scale, through forms that both hold."""
    ours, theirs = _logits(new), _logits(old)
    common = {item: rate for item, rate in solve_rate.items() if item in ours and item in theirs}
    chosen = anchors(common, ours)
    found = link({item: theirs[item] for item in chosen}, {item: ours[item] for item in chosen})
    if isinstance(found, NotIdentifiable):
        return found
    by = found.shift / float(np.mean(new.a))
    moved = replace(
        new,
        b=tuple(value - by for value in new.b),
        intercept=new.intercept - by,
        largest_theta=new.largest_theta - by,
        scale_version=old.scale_version,
        linking_se=float(np.hypot(found.se, old.linking_se)),
    )
    return moved, found


def _logits(calibration: Calibration) -> dict[str, float]:
    return {item: a * b for item, a, b in zip(calibration.item, calibration.a, calibration.b, strict=True)}
