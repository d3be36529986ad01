"""Horizons (Q6): how long a task, in human minutes, is solved with a stated chance, over tasks like those of the bank.

- The curve is a weighted logistic in log2 minutes (arXiv 2503.14499). Its error comes from the families: each is left
  out in turn, and Fieller's limits with t(F-1) turn the spread of the curves into limits of the horizon.
- The horizon is marginal: of all tasks of that length, a share is solved. Fewer than 7 families give none; 7 to 14 give
  one for this bank only.
- What lies beyond the bank's longest or shortest task is not printed as a number. A horizon past the longest task is
  "at least"; a limit past it is None and reads "> longest task".
- Where more than a quarter of the weight has no human minutes, the same fit runs on generator levels and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.special import logit
from scipy.stats import t as student

from seatrial.measurement.clusters import MIN_FAMILIES, task_means
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.logistic import Fit, equal_weights, family_weights, fit, refit
from seatrial.measurement.outcomes import LOSS_BOUND, require_one_participant, require_solved_or_not

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seatrial.measurement.outcomes import Bools, Floats, Outcomes, Texts

METHOD_VERSION = "1"
MIN_BANK_FAMILIES = 7  # below, a quarter of the simulated intervals had no end and the rest missed too often
DESIGN_BOUND = 0.25  # weight on a generator's target minutes, or on none, that a minutes axis bears
UNTIMED_BOUND = 0.5  # weight on minutes nobody took the time of, beyond which timed tasks are fitted apart
TIMED = ("completion", "first_blood")
CELLS = 2_000_000  # families by runs refitted at once: some 100 MB
ESTIMAND = "{} of the tasks like these of which {:.0%} are solved in one run, at the stated budget (marginal)"

Axis: TypeAlias = Literal["minutes", "level"]
Weighting: TypeAlias = Literal["family", "equal"]
Answer: TypeAlias = "Estimate | NotIdentifiable"


@dataclass(frozen=True, eq=False)
class Jackknife:
    """A curve and the covariance of (intercept, slope) that leaving out each family in turn gives it."""

    intercept: float
    slope: float
    covariance: Floats  # (2, 2)
    families: int

    def at(self, log_odds: float) -> float:
        """The x at which the curve passes these log-odds."""
        return (log_odds - self.intercept) / self.slope


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a horizon is printed from: the range of the bank, and all that an `Estimate` must state."""

    axis: Axis
    shortest: float  # log2 minutes, or level
    longest: float
    n_runs: int
    n_tasks: int
    n_families: int
    budget: str
    bank_version: str
    method: str
    lost: int = 0
    qualifiers: frozenset[str] = frozenset()
    seed: int | None = None

    @property
    def unit(self) -> str:
        """Of value and limits."""
        return "human minutes" if self.axis == "minutes" else "generator level"

    def printed(self, x: float) -> float:
        """From the axis of the fit to the unit of the answer."""
        return float(np.exp2(x)) if self.axis == "minutes" else float(x)


@dataclass(frozen=True)
class Horizon:
    """The answer and what stands beside it, in human minutes or levels; the curve is in log2 minutes or levels."""

    answer: Answer
    axis: Axis
    share_longer: float | None  # share of the bank's tasks longer than the horizon; None without a value
    shortest: float
    longest: float
    timed: Answer | None  # the same on timed tasks alone, where most minutes were not timed
    without_length: int  # runs left out for want of minutes or level
    curve: Jackknife | None


def jackknife(x: Floats, y: Floats, weight: Floats, family: Texts) -> Jackknife | None:
    """Leave out each family in turn and refit: V = (F-1)/F · Σ (d_f - d̄)(d_f - d̄)ᵀ over the curves d_f.

    Arrays have one entry a run; what remains of the weights is normalised, not recomputed. None: there is no fit, or
    only one family.
    """
    full = fit(x, y, weight)
    _, code = np.unique(family, return_inverse=True)
    families = int(code.max()) + 1 if len(code) else 0
    if full is None or families < 2:
        return None
    curves = _without_each(x, y, weight, code, full)
    deviation = curves - curves.mean(axis=0)
    covariance = (families - 1) / families * deviation.T @ deviation
    return Jackknife(full.intercept, full.slope, covariance, families)


def _without_each(x: Floats, y: Floats, weight: Floats, code: NDArray[np.intp], full: Fit) -> Floats:
    """The curve without each family (families, 2); `code` numbers the families from 0."""
    families = np.arange(int(code.max()) + 1)
    rows = max(1, CELLS // len(x))
    parts = [families[start : start + rows] for start in range(0, len(families), rows)]
    return np.concatenate([refit(x, y, weight * (code != part[:, None]), full) for part in parts])


def fieller(found: Jackknife, log_odds: float, *, level: float = LEVEL) -> tuple[float, float] | None:
    """Limits of the x at which the curve passes `log_odds` (Fieller 1954), on the axis of the fit.

    None: the slope is not distinguishable from 0, so the limits have no end.
    """
    a, b = found.intercept - log_odds, found.slope
    square = float(student.ppf((1 + level) / 2, found.families - 1)) ** 2
    (vaa, vab), (_, vbb) = found.covariance
    leading, middle, last = b * b - square * vbb, 2 * (a * b - square * vab), a * a - square * vaa
    if not leading > 0:
        return None
    root = np.sqrt(max(middle**2 - 4 * leading * last, 0.0))
    return float((-middle - root) / (2 * leading)), float((-middle + root) / (2 * leading))


def horizon(
    outcomes: Outcomes, *, share: float = 0.5, weighting: Weighting = "family", level: float = LEVEL
) -> Horizon:
    """Q6 for one participant: the length at which `share` of tasks is solved, 0.5 for p50 and 0.8 for p80.

    `weighting` "family" weighs a task 1/√(tasks of its family), so that large families do not rule; "equal" weighs all
    tasks alike. More than 5 % of planned runs lost: limits only, from all of them missed and all of them solved.
    """
    if not 0 < share < 1:
        raise ValueError(f"share {share}: between 0 and 1, as 0.5 for p50")
    if weighting not in {"family", "equal"}:
        raise ValueError(f"weighting {weighting!r}: family or equal")
    require_one_participant(outcomes)
    require_solved_or_not(outcomes)
    counted = outcomes.counted()
    axis = _axis(counted, weighting)
    view = _View(axis, share, weighting, level)
    known = view.known(counted)
    gap = _gap(counted, axis, weighting)
    answer, curve = view.answer(outcomes, gap)
    task = np.unique(known.task, return_index=True)[1]
    lengths = view.unit_lengths(known)[task]
    value = answer.value if isinstance(answer, Estimate) else None
    return Horizon(
        answer=answer,
        axis=axis,
        share_longer=float((lengths > value).mean()) if value is not None else None,
        shortest=float(lengths.min()) if len(lengths) else np.nan,
        longest=float(lengths.max()) if len(lengths) else np.nan,
        timed=_timed(outcomes, known, view),
        without_length=len(counted) - len(known),
        curve=curve,
    )


def printed(
    found: Jackknife | None, share: float, scope: Scope, *, level: float = LEVEL, other: Jackknife | None = None
) -> Answer:
    """A curve as the horizon that may be printed: the rules of families, slope, and the ends of the bank.

    With `other` the two curves are those with every loss missed and every loss solved: limits of both, no value.
    """
    reason = _obstacle(found, scope)
    curves = [curve for curve in (found, other) if curve is not None]
    log_odds = float(logit(share))
    limits = [fieller(curve, log_odds, level=level) for curve in curves if curve.slope < 0]
    bounded = [pair for pair in limits if pair is not None]
    if not reason and len(bounded) < len(curves):
        rises = any(curve.slope >= 0 for curve in curves)
        reason = "success does not fall with length" if rises else "the slope is not distinguishable from 0"
        reason = f"not identifiable from this bank: {reason}"
    if found is None or reason:
        return _missing(reason, share, scope)
    lower, upper = min(pair[0] for pair in bounded), max(pair[1] for pair in bounded)
    return _placed(lower, found.at(log_odds) if other is None else None, upper, share, scope, level)


def _placed(lower: float, value: float | None, upper: float, share: float, scope: Scope, level: float) -> Answer:
    """Limits and value on the axis, cut to what the bank can show."""
    marks = set(scope.qualifiers)
    if (lower if value is None else value) > scope.longest:
        marks.add("at-least")
        lower, value, upper = min(lower, scope.longest), None, np.inf
    elif (upper if value is None else value) < scope.shortest:
        marks.add("at-most")
        lower, value, upper = -np.inf, None, max(upper, scope.shortest)
    low = scope.printed(lower) if lower >= scope.shortest else None
    high = scope.printed(upper) if upper <= scope.longest else None
    if low is None and high is None:
        return _missing("not identifiable from this bank: the interval is wider than its tasks", share, scope)
    if scope.n_families < MIN_FAMILIES:
        marks.add("bank-only")
    return Estimate(
        quantity="Q6",
        estimand=_estimand(scope.axis, share),
        unit=scope.unit,
        value=None if value is None else scope.printed(value),
        lower=low,
        upper=high,
        level=level,
        method=f"{scope.method}, Fieller limits with t({scope.n_families - 1})",
        method_version=METHOD_VERSION,
        n_runs=scope.n_runs,
        n_tasks=scope.n_tasks,
        n_families=scope.n_families,
        budget=scope.budget,
        bank_version=scope.bank_version,
        qualifiers=frozenset(marks),
        seed=scope.seed,
    )


def _obstacle(found: Jackknife | None, scope: Scope) -> str:
    families = scope.n_families
    if not scope.n_runs:
        return f"no run with an outcome has {'human minutes' if scope.axis == 'minutes' else 'a level'}"
    if families < MIN_BANK_FAMILIES:
        word = "family" if families == 1 else "families"
        return f"no horizon from {families} {word}, {MIN_BANK_FAMILIES} needed"
    return "" if found is not None else "all runs agree, so there is no curve"


def _missing(reason: str, share: float, scope: Scope) -> NotIdentifiable:
    counts = {"runs": scope.n_runs, "tasks": scope.n_tasks, "families": scope.n_families, "lost": scope.lost}
    return NotIdentifiable(quantity="Q6", estimand=_estimand(scope.axis, share), reason=reason, counts=counts)


def _estimand(axis: Axis, share: float) -> str:
    return ESTIMAND.format("length in human minutes" if axis == "minutes" else "generator level", share)


@dataclass(frozen=True)
class _View:
    """One way to read a table: which axis, share and weights."""

    axis: Axis
    share: float
    weighting: Weighting
    level: float

    def unit_lengths(self, runs: Outcomes) -> Floats:
        return runs.minutes if self.axis == "minutes" else runs.level

    def known(self, runs: Outcomes) -> Outcomes:
        return runs.where(np.isfinite(self.unit_lengths(runs)))

    def x(self, runs: Outcomes) -> Floats:
        lengths = self.unit_lengths(runs)
        return np.log2(lengths) if self.axis == "minutes" else lengths

    def curve(self, runs: Outcomes) -> Jackknife | None:
        """Of task means, which is that of the runs: a task's runs share length and weight."""
        y, _, family = task_means(runs.score, runs.task, runs.family)
        task, first = np.unique(runs.task, return_index=True)
        weight = family_weights(task, family) if self.weighting == "family" else equal_weights(task)
        return jackknife(self.x(runs)[first], y, weight, family)

    def answer(self, outcomes: Outcomes, gap: str = "") -> tuple[Answer, Jackknife | None]:
        runs, losses = self.known(outcomes.counted()), self.known(outcomes.losses())
        scope = self.scope(runs, outcomes, len(losses))
        if gap:
            return _missing(gap, self.share, scope), None
        curve = self.curve(runs)
        if len(losses) <= LOSS_BOUND * (len(runs) + len(losses)):
            return printed(curve, self.share, scope, level=self.level), curve
        worst, best = (self.curve(self.known(outcomes.filled(score))) for score in (0.0, 1.0))
        scope = replace(
            scope,
            method=f"{scope.method}, losses all missed and all solved",
            qualifiers=scope.qualifiers | {"losses-bounded"},
        )
        if worst is None or best is None:
            return printed(None, self.share, scope, level=self.level), curve
        return printed(worst, self.share, scope, level=self.level, other=best), curve

    def scope(self, runs: Outcomes, outcomes: Outcomes, lost: int) -> Scope:
        x = self.x(runs)
        words = "log2 minutes" if self.axis == "minutes" else "generator level"
        return Scope(
            axis=self.axis,
            shortest=float(x.min(initial=np.inf)),
            longest=float(x.max(initial=-np.inf)),
            n_runs=len(runs),
            n_tasks=len(np.unique(runs.task)),
            n_families=len(np.unique(runs.family)),
            budget=outcomes.budget,
            bank_version=outcomes.bank_version,
            method=f"logistic in {words}, {self.weighting} weights, each family left out in turn",
            lost=lost,
            qualifiers=frozenset() if self.axis == "minutes" else frozenset({"level-axis", "uncalibrated"}),
        )


def weights(runs: Outcomes, weighting: Weighting) -> Floats:
    """One weight a run, sum 1."""
    return family_weights(runs.task, runs.family) if weighting == "family" else equal_weights(runs.task)


def _axis(counted: Outcomes, weighting: Weighting) -> Axis:
    return "level" if _uncalibrated(counted, weighting) > DESIGN_BOUND else "minutes"


def _uncalibrated(counted: Outcomes, weighting: Weighting) -> float:
    """The share of weight without human minutes."""
    without: Bools = np.isnan(counted.minutes) | (counted.minutes_source == "design")
    return float(weights(counted, weighting)[without].sum())


def _gap(counted: Outcomes, axis: Axis, weighting: Weighting) -> str:
    """Why neither axis will do, or an empty text."""
    unknown = float(weights(counted, weighting)[np.isnan(counted.level)].sum())
    if axis == "minutes" or unknown <= DESIGN_BOUND:
        return ""
    shares = f"{_uncalibrated(counted, weighting):.0%} of the weight has no human minutes and {unknown:.0%} no level"
    return f"{shares}; at most {DESIGN_BOUND:.0%} may be without"


def _timed(outcomes: Outcomes, known: Outcomes, view: _View) -> Answer | None:
    if view.axis != "minutes" or not len(known):
        return None
    timed = np.isin(known.minutes_source, TIMED)
    if weights(known, view.weighting)[~timed].sum() <= UNTIMED_BOUND:
        return None
    return view.answer(outcomes.where(np.isin(outcomes.minutes_source, TIMED)))[0]
