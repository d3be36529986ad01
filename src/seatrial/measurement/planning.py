"""What a review can say with a battery, before its first run: widths, power, and how much more would be needed.

- Families are bought first, then tasks, then repeats: that is the order in which a run narrows an interval most.
- Formulas are those of the intervals that the report prints; what has no formula is simulated in the world of
  `worlds.BASE` on the battery's own families and lengths.
- A wanted width that this battery cannot give is said to be out of reach, with what would reach it.

The error of a share: SE² = m(1-m)/N · [1 + (n̄ - 1)r - w(1 - 1/K)], n̄ = Σn_f²/Σn_f, for N tasks in families of n_f,
K runs each; r is the correlation within a family and w the share of a run's variance that repeats remove.

>>> size = np.full(60, 5)
>>> round(half_width(size, mean=0.5), 3), families_needed(0.05, 5)
(0.089, 187)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import nct, norm
from scipy.stats import t as student

from seatrial.measurement.adaptive import next_round
from seatrial.measurement.clusters import MIN_FAMILIES, effective_freedom
from seatrial.measurement.estimate import LEVEL
from seatrial.measurement.horizon import fieller, jackknife
from seatrial.measurement.integrity import two_arm_power
from seatrial.measurement.logistic import family_weights
from seatrial.measurement.success import wilson
from seatrial.measurement.worlds import BASE

if TYPE_CHECKING:
    from seatrial.measurement.adaptive import Decision, Design
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.calibration import Calibration
    from seatrial.measurement.outcomes import Floats, Integers

CORRELATION = 0.35  # of two tasks of one family; coarse suites of published banks show 0.32 to 0.61
NOISE = 0.35  # share of a run's variance that comes from the run itself, in the worlds simulated
PAIRING = 0.37  # what pairing on the same tasks leaves of the two variances
POWER = 0.8  # the field's convention for a difference that a study is built to see
PARTICIPANTS = 200  # simulated; the median width is then known within a few per cent
REVIEWS = 60  # simulated adaptive reviews; each costs as much as hundreds of intervals
MOST_FAMILIES = 5000  # where the search for enough families ends


DIFFERENCE = 0.1  # share of tasks; the difference and the suppression that a plan states its power for
SUPPRESSION = 0.2


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What one quantity of a review will be worth, and what it takes."""

    quantity: str  # Q1..Q12
    about: str  # in words
    measure: str  # half-width | factor | power
    expected: float | None  # in `unit`; None: nothing to expect, `remark` says why
    unit: str
    wanted: float | None  # None: nothing was asked of it
    reachable: bool  # as asked; True where nothing was asked
    runs: int  # of the subject, for this quantity
    families: int
    remark: str  # what would reach it, or what the figure rests on; may be empty


@dataclass(frozen=True)
class Rounds:
    """How many runs simulated adaptive reviews took: median and the middle 90 %, and how many reached the width."""

    runs: int
    low: int
    high: int
    half_width: float
    reached: float  # share of the reviews whose half-width came down to the wanted one


@dataclass(frozen=True)
class HorizonWidth:
    """Factor by which the limits of p50 lie apart from it, and how often there are none."""

    factor: float
    unbounded: float


def expectations(
    bank: Bank,
    octaves: Floats,
    rng: np.random.Generator,
    *,
    design: Design | None,
    calibration: Calibration | None = None,
    runs: int | None = None,
    wanted: float | None = None,
    mean: float = 0.5,
) -> tuple[Expectation, ...]:
    """What a review of this bank can say about a participant that solves a share `mean` of it.

    `design` is None for a fixed battery; `runs` are the planned ones of a fixed battery with its repeats; `octaves` are
    log2 human minutes of the tasks, timed or designed. The worst case for a width is a mean of one half.
    """
    families, size = np.unique(bank.family, return_counts=True)
    spent = len(bank) if runs is None else runs
    bank_width = _of_the_bank(bank, octaves, rng, design, calibration, spent, wanted, mean)
    spent = bank_width.runs if design else spent
    enough = len(families) >= MIN_FAMILIES
    few = "" if enough else f"{len(families)} families, {MIN_FAMILIES} needed"
    repeats = max(1, round(spent / len(bank)))

    def expect(quantity: str, about: str, measure: str, value: float | None, unit: str, remark: str) -> Expectation:
        return Expectation(
            quantity=quantity,
            about=about,
            measure=measure,
            expected=value,
            unit=unit,
            wanted=wanted if quantity == "Q2" else None,
            reachable=quantity != "Q2" or wanted is None or (value is not None and value <= wanted),
            runs=spent,
            families=len(families),
            remark=few or remark,
        )

    width = half_width(size, runs=repeats, mean=mean) if enough else None
    horizon = horizon_width(bank, octaves, rng, mean=mean) if enough and not np.isnan(octaves).any() else None
    power = power_of_difference(DIFFERENCE, size, runs=repeats, mean=mean) if enough else None
    suppression = two_arm_power(min(spent, len(bank)), mean, SUPPRESSION).power
    return (
        bank_width,
        expect("Q2", "success on tasks like these, all of the battery run", "half-width", width, "share of tasks",
               _more_families(wanted, size, width, mean)),
        expect("Q6", "the length at which half is solved", "factor", horizon.factor if horizon else None,
               "octaves of minutes or levels", "" if horizon is None else
               f"no interval at all in {horizon.unbounded:.0%} of simulated reviews"),
        expect("Q7", f"a difference of {DIFFERENCE:.0%} to another participant is seen", "power", power, "",
               "" if power is None else
               f"80 % for {detectable_difference(size, runs=repeats, mean=mean):.0%}; both run all of the battery"),
        expect("Q11", f"a suppression of {SUPPRESSION:.0%} of the solves is seen between two arms", "power",
               suppression, "", "both arms run the same tasks"),
    )  # fmt: skip


def standard_error(size: Integers, *, runs: int = 1, mean: float = 0.5) -> float:
    """Expected standard error of a generalized share, for families of `size` tasks with `runs` runs each."""
    tasks = int(size.sum())
    inflation = 1 + (float((size**2).sum()) / tasks - 1) * CORRELATION - NOISE * (1 - 1 / runs)
    return float(np.sqrt(mean * (1 - mean) / tasks * inflation))


def half_width(size: Integers, *, runs: int = 1, mean: float = 0.5, level: float = LEVEL) -> float:
    """Expected half-width of Q2; needs two families."""
    return float(student.ppf((1 + level) / 2, effective_freedom(size))) * standard_error(size, runs=runs, mean=mean)


def families_needed(wanted: float, tasks_each: int, *, runs: int = 1, mean: float = 0.5) -> int | None:
    """The smallest number of families of `tasks_each` tasks with at most this half-width; None beyond 5,000."""
    low, high = MIN_FAMILIES, MOST_FAMILIES

    def width(families: int) -> float:
        return half_width(np.full(families, tasks_each), runs=runs, mean=mean)

    if width(high) > wanted:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if width(middle) <= wanted else (middle + 1, high)
    return low


def detectable_difference(size: Integers, *, runs: int = 1, mean: float = 0.5, power: float = POWER) -> float:
    """The difference of two paired participants that is seen with this power, two-sided at 5 %."""
    free = effective_freedom(size)
    quantiles = student.ppf((1 + LEVEL) / 2, free) + student.ppf(power, free)
    return float(quantiles * _paired_error(size, runs, mean))


def power_of_difference(difference: float, size: Integers, *, runs: int = 1, mean: float = 0.5) -> float:
    """The chance that this difference is told from none, two-sided at 5 %; noncentral t."""
    free = effective_freedom(size)
    away = difference / _paired_error(size, runs, mean)
    critical = student.ppf((1 + LEVEL) / 2, free)
    return float(nct.sf(critical, free, away) + nct.cdf(-critical, free, away))


def horizon_width(
    bank: Bank, octaves: Floats, rng: np.random.Generator, *, mean: float = 0.5, participants: int = PARTICIPANTS
) -> HorizonWidth | None:
    """Simulated width of p50 on this bank; `octaves` are log2 human minutes of its tasks. None: no width to give."""
    weight = family_weights(bank.task, bank.family)
    halves = []
    for _ in range(participants):
        chance = _chances(bank, octaves, mean, rng)
        found = jackknife(octaves, (rng.random(len(chance)) < chance).astype(np.float64), weight, bank.family)
        limits = fieller(found, 0.0) if found else None
        if limits is not None:
            halves.append((limits[1] - limits[0]) / 2)
    if not halves:
        return None
    return HorizonWidth(float(2 ** np.median(halves)), 1 - len(halves) / participants)


def rounds_needed(
    design: Design,
    bank: Bank,
    calibration: Calibration | None,
    octaves: Floats,
    rng: np.random.Generator,
    *,
    mean: float = 0.5,
    reviews: int = REVIEWS,
) -> Rounds:
    """Run the adaptive review on simulated participants that solve a share `mean` of this bank."""
    ends = [_rehearsed(design, bank, calibration, _chances(bank, octaves, mean, rng), rng) for _ in range(reviews)]
    runs = np.array([count for count, _ in ends])
    widths = np.array([width for _, width in ends])
    low, middle, high = np.quantile(runs, [0.05, 0.5, 0.95])
    reached = float((widths <= design.half_width).mean())
    return Rounds(round(middle), round(low), round(high), float(np.nanmedian(widths)), reached)


def _of_the_bank(
    bank: Bank,
    octaves: Floats,
    rng: np.random.Generator,
    design: Design | None,
    calibration: Calibration | None,
    runs: int,
    wanted: float | None,
    mean: float,
) -> Expectation:
    """Q1: rehearsed where the review is adaptive, Wilson's bound where every task runs."""
    rounds = None if design is None else rounds_needed(design, bank, calibration, octaves, rng, mean=mean)
    if design is None or rounds is None:
        expected, remark = _all_run(len(bank), runs, mean)
    elif rounds.runs >= len(bank):  # then the report states what a fully run bank carries
        runs = rounds.runs
        expected, remark = _all_run(len(bank), runs, mean)
    else:
        runs, expected = rounds.runs, rounds.half_width
        source = "calibrated difficulties" if calibration else "no calibration: drawn with known chances"
        remark = f"{rounds.low} to {rounds.high} runs in 90 % of rehearsals; {source}"
        if expected > design.half_width:
            remark += f"; the wanted width was reached in {rounds.reached:.0%} of them, a larger --cap reaches further"
    return Expectation(
        quantity="Q1",
        about="success on exactly these tasks",
        measure="half-width",
        expected=expected,
        unit="share of tasks",
        wanted=wanted,
        reachable=wanted is None or expected <= wanted,
        runs=runs,
        families=len(np.unique(bank.family)),
        remark=remark,
    )


def _all_run(tasks: int, runs: int, mean: float) -> tuple[float, str]:
    if runs > tasks:  # some tasks are repeated, so that the noise of a run is estimated instead of bounded
        return float(norm.ppf((1 + LEVEL) / 2) * np.sqrt(NOISE * mean * (1 - mean) / tasks)), "every task is run"
    low, high = wilson(mean, tasks)
    return (high - low) / 2, "every task is run once; repeats of a drawn fifth would nearly halve it"


def _more_families(wanted: float | None, size: Integers, width: float | None, mean: float) -> str:
    if wanted is None or width is None or width <= wanted:
        return ""
    each = max(1, round(float(size.mean())))
    needed = families_needed(wanted, each, mean=mean)
    if needed is None:
        return f"{wanted:.1%} is out of reach with families of {each} tasks"
    return f"{wanted:.1%} needs about {needed} families of {each} tasks; this battery has {len(size)}"


def _rehearsed(
    design: Design, bank: Bank, calibration: Calibration | None, chance: Floats, rng: np.random.Generator
) -> tuple[int, float]:
    """Runs and final half-width of one simulated review."""
    solved = dict(zip(bank.task.tolist(), (rng.random(len(chance)) < chance).astype(float).tolist(), strict=True))
    decisions: tuple[Decision, ...] = ()
    while not decisions or not decisions[-1].stop:
        scores = {task: solved[task] for decision in decisions for task in decision.tasks}
        decisions = (*decisions, next_round(design, bank, calibration, decisions, scores))
    width = decisions[-1].half_width
    return sum(len(decision.tasks) for decision in decisions), np.nan if width is None else width


def _chances(bank: Bank, octaves: Floats, mean: float, rng: np.random.Generator) -> Floats:
    """Chances of a participant of the base world whose mean over this bank is `mean`."""
    _, family = np.unique(bank.family, return_inverse=True)
    item_names, item = np.unique(bank.item, return_inverse=True)
    difficulty = octaves + rng.normal(0, BASE.between, family.max() + 1)[family]
    difficulty = difficulty + rng.normal(0, BASE.within, len(item_names))[item]

    def excess(theta: float) -> float:
        return float(expit(BASE.slope * (theta - difficulty)).mean()) - mean

    theta = brentq(excess, difficulty.min() - 20, difficulty.max() + 20)
    return np.asarray(expit(BASE.slope * (theta - difficulty)), dtype=np.float64)


def _paired_error(size: Integers, runs: int, mean: float) -> float:
    return float(np.sqrt(2 * PAIRING)) * standard_error(size, runs=runs, mean=mean)
