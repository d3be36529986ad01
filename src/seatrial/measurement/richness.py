"""How many distinct findings there are and what more runs would bring (Q12), from which runs made which finding.

- Findings are reproduced and clustered before: two reports of one weakness are one finding. A wrong cluster is a wrong
  count here, and nothing in these formulas notices.
- The total is a lower bound (Chao 1987): findings that runs like these can hardly make leave no trace in any number of
  them. So it has a lower limit and no upper one.
- Interpolation, extrapolation and coverage are those of Chao et al. 2014 for incidence data. A forecast reaches at most
  as far as the runs that were made; beyond, the bound's own error takes over.
- Where findings and runs differ as in the simulated worlds, forecasts hold what then comes in 0.94 to 0.98 of cases at
  a level of 0.95. Limits of the sample coverage hold 0.89 to 0.96, so that figure stays exploratory.

>>> made = Incidence.of([("run 1", "a"), ("run 2", "a"), ("run 2", "b"), ("run 3", "c")], runs=3)
>>> made.distinct, made.once, made.twice
(3, 2, 1)
>>> [round(share, 2) for share in made.rarefied()]
[1.33, 2.33, 3.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln
from scipy.stats import norm

from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.measurement.outcomes import Floats, Integers

METHOD_VERSION = "1"
DRAWS = 400  # simulated repetitions behind a forecast's limits: their Monte Carlo error is below 1 % of the level
ROOT = 0.375  # added under the root, so that the spread of small counts hardly depends on their mean (Anscombe 1948)
MIN_RUNS = 5  # below, one run more or less changes every figure by a fifth and more
TOTAL = "distinct findings that runs like these can make, at least"
FORECAST = "new distinct findings in {more} more runs like these"
COVERAGE = "share of all detections in further runs that would be of findings made already"


@dataclass(frozen=True, eq=False)
class Incidence:
    """How many of the runs made each distinct finding."""

    counts: Integers  # one entry a finding, each from 1 to runs
    runs: int

    def __post_init__(self) -> None:
        if self.runs < 1:
            raise ValueError(f"runs is {self.runs}: at least one, those that found nothing included")
        bad = (self.counts < 1) | (self.counts > self.runs)
        if bad.any():
            place = int(np.argmax(bad))
            raise ValueError(f"finding {place} was made by {self.counts[place]} of {self.runs} runs: between 1 and all")

    @classmethod
    def of(cls, made: Sequence[tuple[str, str]], *, runs: int) -> Incidence:
        """From pairs (run, finding); a finding that one run made twice counts once. Runs without a pair count too."""
        pairs = set(made)
        seen = len({run for run, _ in pairs})
        if seen > runs:
            raise ValueError(f"findings of {seen} runs, but runs is {runs}: state all runs, those without findings too")
        _, counts = np.unique(np.array([finding for _, finding in pairs], dtype=np.str_), return_counts=True)
        return cls(counts.astype(np.int64), runs)

    @property
    def distinct(self) -> int:
        """Findings made so far."""
        return len(self.counts)

    @property
    def once(self) -> int:
        """Findings made by exactly one run."""
        return int(np.sum(self.counts == 1))

    @property
    def twice(self) -> int:
        """Findings made by exactly two runs."""
        return int(np.sum(self.counts == 2))

    def rarefied(self) -> tuple[float, ...]:
        """Distinct findings expected of 1, 2, ... of these runs drawn at random; the last is what was found."""
        r = np.arange(1, self.runs + 1, dtype=np.float64)[:, None]
        left = self.runs - self.counts[None, :].astype(np.float64)
        possible = left >= r
        log = _log_choose(np.where(possible, left, r), r) - _log_choose(np.full_like(r, self.runs), r)
        missed = np.where(possible, np.exp(log), 0.0)
        return tuple((self.distinct - missed.sum(axis=1)).tolist())


@dataclass(frozen=True)
class Richness:
    """What was found, and estimates of what was not."""

    runs: int
    distinct: int
    rarefied: tuple[float, ...]  # describes these runs alone, so it has no interval
    total: Estimate | NotIdentifiable
    coverage: Estimate | NotIdentifiable
    forecasts: tuple[Estimate | NotIdentifiable, ...]  # in the order asked for


def richness(
    found: Incidence,
    *,
    rng: np.random.Generator,
    budget: str,
    bank_version: str,
    more: Sequence[int] = (),
    targets: int = 1,
    level: float = LEVEL,
) -> Richness:
    """Q12: lower bound of the total, sample coverage, and new findings in each of the numbers of `more` runs.

    `targets` is the number of programs that every run searched. `rng` draws the repetitions behind the limits.
    """
    bad = [m for m in more if m < 1]
    if bad:
        raise ValueError(f"more is {bad[0]}: forecasts are for one run or more")
    scope = _Scope(found, budget, bank_version, targets, level)
    reason = _unusable(found)
    if reason:
        nothing = [scope.missing(words, reason) for words in (TOTAL, COVERAGE)]
        forecasts = tuple(scope.missing(FORECAST.format(more=m), reason) for m in more)
        return Richness(found.runs, found.distinct, found.rarefied(), nothing[0], nothing[1], forecasts)
    repeats = _Repeats.of(found, rng)
    return Richness(
        found.runs,
        found.distinct,
        found.rarefied(),
        _total(scope),
        _coverage(scope, repeats),
        tuple(_forecast(scope, repeats, m, rng) for m in more),
    )


@dataclass(frozen=True)
class _Scope:
    """What every estimate of one set of runs states alike."""

    found: Incidence
    budget: str
    bank_version: str
    targets: int
    level: float

    def estimate(
        self, words: str, unit: str, value: float, lower: float, upper: float | None, method: str, *marks: str
    ) -> Estimate:
        return Estimate(
            quantity="Q12",
            estimand=words,
            unit=unit,
            value=value,
            lower=lower,
            upper=upper,
            level=self.level,
            method=method,
            method_version=METHOD_VERSION,
            n_runs=self.found.runs,
            n_tasks=self.targets,
            n_families=self.targets,
            budget=self.budget,
            bank_version=self.bank_version,
            qualifiers=frozenset(marks),
        )

    def missing(self, words: str, reason: str) -> NotIdentifiable:
        counts = {"runs": self.found.runs, "findings": self.found.distinct}
        return NotIdentifiable(quantity="Q12", estimand=words, reason=reason, counts=counts)


@dataclass(frozen=True, eq=False)
class _Repeats:
    """The same number of runs drawn again from an estimated population (Chao et al. 2014, appendix G).

    Findings made keep their share of runs, lessened for chance; as many unseen ones as the bound says share the rest.
    """

    chance: Floats  # of each finding, seen or not, in one run
    counts: Integers  # draws by findings

    @classmethod
    def of(cls, found: Incidence, rng: np.random.Generator) -> _Repeats:
        runs, share = found.runs, found.counts / found.runs
        unseen = _unseen(found.once, found.twice, runs)
        deficit = found.counts.sum() / runs * (1 - float(_covered(found.once, found.twice, found.counts.sum(), runs)))
        missed = (1 - share) ** runs
        weight = min(deficit / max(float(share @ missed), np.finfo(np.float64).tiny), 1.0)
        hidden = int(np.ceil(unseen))
        chance = np.concatenate([share * (1 - weight * missed), np.full(hidden, min(deficit / max(hidden, 1), 1.0))])
        return cls(chance, rng.binomial(runs, chance, (DRAWS, len(chance))).astype(np.int64))

    @property
    def once(self) -> Integers:
        once: Integers = (self.counts == 1).sum(axis=1)
        return once

    @property
    def twice(self) -> Integers:
        twice: Integers = (self.counts == 2).sum(axis=1)
        return twice


def _unusable(found: Incidence) -> str:
    if found.runs < MIN_RUNS:
        return f"{found.runs} runs, {MIN_RUNS} needed"
    return "" if found.distinct else f"nothing was found in {found.runs} runs"


def _unseen(once: Integers | int, twice: Integers | int, runs: int) -> Floats:
    """Chao's lower bound of the findings not made, bias-corrected form; defined for every count."""
    q1, q2 = np.asarray(once, dtype=np.float64), np.asarray(twice, dtype=np.float64)
    bound: Floats = (runs - 1) / runs * q1 * (q1 - 1) / (2 * (q2 + 1))
    return bound


def _covered(once: Integers | int, twice: Integers | int, detections: Integers | int, runs: int) -> Floats:
    q1, q2 = np.asarray(once, dtype=np.float64), np.asarray(twice, dtype=np.float64)
    rest = (runs - 1) * q1 / np.maximum((runs - 1) * q1 + 2 * q2, np.finfo(np.float64).tiny)
    share: Floats = 1 - q1 / np.maximum(np.asarray(detections, dtype=np.float64), 1) * rest
    return share


def _new(once: Integers | int, twice: Integers | int, runs: int, more: int) -> Floats:
    """Findings expected to be new in `more` runs: f0 [1 - (1 - Q1 / (R f0 + Q1))^m]."""
    q1, unseen = np.asarray(once, dtype=np.float64), _unseen(once, twice, runs)
    share = q1 / np.maximum(runs * unseen + q1, np.finfo(np.float64).tiny)
    fresh: Floats = unseen * (1 - (1 - share) ** more)
    return fresh


def _total(scope: _Scope) -> Estimate:
    """Chao's bound with the lower limit of his log-normal interval for the findings not made, in whole findings.

    Where all were made already, a limit of a fraction more would be wrong each time a finding was made only once.
    """
    found = scope.found
    q1, q2, k = found.once, found.twice, (found.runs - 1) / found.runs
    unseen = float(_unseen(q1, q2, found.runs))
    variance = (
        k * q1 * (q1 - 1) / (2 * (q2 + 1))
        + k**2 * q1 * (2 * q1 - 1) ** 2 / (4 * (q2 + 1) ** 2)
        + k**2 * q1**2 * q2 * (q1 - 1) ** 2 / (4 * (q2 + 1) ** 4)
    )
    lower = float(found.distinct)
    if unseen > 0:
        z = float(norm.ppf((1 + scope.level) / 2))
        lower += float(np.floor(unseen / np.exp(z * np.sqrt(np.log1p(variance / unseen**2)))))
    method = "Chao's lower bound for incidence, bias-corrected, log-normal lower limit"
    return scope.estimate(TOTAL, "distinct findings", found.distinct + unseen, lower, None, method, "at-least")


def _coverage(scope: _Scope, repeats: _Repeats) -> Estimate:
    """Limits: errors of the estimate over repetitions whose own coverage is known."""
    found, chance = scope.found, repeats.chance
    value = float(_covered(found.once, found.twice, found.counts.sum(), found.runs))
    guesses = _covered(repeats.once, repeats.twice, repeats.counts.sum(axis=1), found.runs)
    truths = ((repeats.counts > 0) @ chance) / chance.sum()
    low, high = np.quantile(truths - guesses, [(1 - scope.level) / 2, (1 + scope.level) / 2])
    lower, upper = min(max(0.0, value + low), value), max(min(1.0, value + high), value)
    method = f"sample coverage for incidence, errors in {DRAWS} simulated repetitions"
    return scope.estimate(COVERAGE, "share of detections", value, float(lower), float(upper), method, "exploratory")


def _forecast(scope: _Scope, repeats: _Repeats, more: int, rng: np.random.Generator) -> Estimate | NotIdentifiable:
    """A prediction interval for the count itself, not for its mean: what was forecast against what then came."""
    found, words = scope.found, FORECAST.format(more=more)
    if more > found.runs:
        return scope.missing(words, f"forecasts reach as far as the {found.runs} runs made, not {more} further")
    value = float(_new(found.once, found.twice, found.runs, more))
    guesses = _new(repeats.once, repeats.twice, found.runs, more)
    came = ((repeats.counts == 0) & (rng.random(repeats.counts.shape) >= (1 - repeats.chance) ** more)).sum(axis=1)
    error = np.sqrt(came + ROOT) - np.sqrt(guesses + ROOT)
    low, high = np.quantile(error, [(1 - scope.level) / 2, (1 + scope.level) / 2])
    root = np.sqrt(value + ROOT)
    lower = np.floor(max(max(root + low, 0.0) ** 2 - ROOT, 0.0))
    upper = np.ceil((root + high) ** 2 - ROOT)
    method = f"extrapolation from Chao's bound, prediction limits from {DRAWS} simulated repetitions on a root scale"
    return scope.estimate(words, "distinct findings", value, float(min(lower, value)), float(max(upper, value)), method)


def _log_choose(n: Floats, k: Floats) -> Floats:
    log: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return log
