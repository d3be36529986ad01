"""What a partly run bank says: Q1, Q2, Q5 and Q6 with intervals that count what was not run.

- The mode of the review decides the method: information (difficulties complete the bank, widened by how far that erred
  on left-out calibrators) or probability (known chances of being drawn; no model is trusted).
- Every answer carries the qualifier `partial`. A bank that was run to its end gets the ordinary methods instead, and so
  does a review that ended after its first round, for that is a sample of the bank like any other.
- Losses above 5 % of picked tasks: no value, but limits from all of them missed and all of them solved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from seatrial.measurement.ability import POINTS
from seatrial.measurement.adaptive import ABOVE, Decision, Design, State
from seatrial.measurement.clusters import MIN_FAMILIES, cluster_mean, one_sided_limit
from seatrial.measurement.completion import TABLES, Completion
from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.horizon import Jackknife, Scope, horizon, jackknife, printed
from seatrial.measurement.logistic import family_weights
from seatrial.measurement.outcomes import LOSS_BOUND, require_one_participant, require_solved_or_not
from seatrial.measurement.success import (
    BANK_ESTIMAND,
    GENERALIZED_ESTIMAND,
    bank_success,
    generalized_success,
    not_generalizable,
)
from seatrial.measurement.twostage import RARE

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.calibration import Calibration
    from seatrial.measurement.outcomes import Outcomes

METHOD_VERSION = "2"
SHARES = (0.5, 0.8)
ABILITY_ESTIMAND = "ability on the scale of this calibration; its calibrators' mean is 0"
Answer = Estimate | NotIdentifiable


@dataclass(frozen=True)
class Partial:
    """The answers of a partly run bank."""

    mode: str  # "start", "information", "probability" or "complete"
    bank: Answer  # Q1
    generalized: Answer  # Q2
    ability: Answer  # Q5
    p50: Answer  # Q6
    p80: Answer  # Q6

    def answers(self) -> tuple[Answer, ...]:
        """All of them, in order."""
        return self.bank, self.generalized, self.ability, self.p50, self.p80


def partial(
    bank: Bank,
    calibration: Calibration | None,
    decisions: Sequence[Decision],
    outcomes: Outcomes,
    *,
    design: Design,
    rng: np.random.Generator,
    level: float = LEVEL,
) -> Partial:
    """All answers for one participant's review.

    `rng` draws the completed tables of information mode. Runs of tasks that no decision picked are left out.
    """
    require_one_participant(outcomes)
    require_solved_or_not(outcomes)
    picked = [task for decision in decisions for task in decision.tasks]
    outcomes = outcomes.where(np.isin(outcomes.task, np.asarray(picked, dtype=np.str_)))
    counted, losses = outcomes.counted(), outcomes.losses()

    def answered(table: Outcomes) -> Partial:
        state = State.of(bank, calibration, decisions, task_scores(table))
        return _Answers(state, outcomes, len(losses), design.seed, level).all(rng)

    if not len(counted) or len(losses) <= LOSS_BOUND * (len(counted) + len(losses)):
        return answered(counted)
    return _bounds(answered(outcomes.filled(0.0)), answered(outcomes.filled(1.0)))


def task_scores(outcomes: Outcomes) -> dict[str, float]:
    """Mean score of each task's counted runs."""
    counted = outcomes.counted()
    task, code = np.unique(counted.task, return_inverse=True)
    mean = np.bincount(code, weights=counted.score) / np.bincount(code)
    return {str(name): float(value) for name, value in zip(task, mean, strict=True)}


@dataclass(frozen=True, eq=False)
class _Answers:
    """One state of a review, every question."""

    state: State
    outcomes: Outcomes
    lost: int
    seed: int
    level: float

    def all(self, rng: np.random.Generator) -> Partial:
        mode = self.state.mode
        if not len(self.state.seen):
            return self._none("no run has an outcome")
        complete = not np.isnan(self.state.score).any()
        if complete or mode == "start":
            return self._ordinary("complete" if complete else "start")
        p50, p80 = self._horizons(rng)
        return Partial(mode, self._bank(), self._generalized(rng), self._ability(), p50, p80)

    @property
    def counts(self) -> Mapping[str, int]:
        counted = self.outcomes.counted()
        tasks, families = len(np.unique(counted.task)), len(np.unique(counted.family))
        return {"runs": len(counted), "tasks": tasks, "families": families, "lost": self.lost}

    @property
    def marks(self) -> frozenset[str]:
        """What holds for every model-based answer of this review."""
        marks = {"partial"}
        if self.state.mode == "information" and self._above():
            marks |= {"above-calibrators", "exploratory"}
        return frozenset(marks)

    def _above(self) -> bool:
        calibration = self.state.calibration
        return calibration is not None and self.state.posterior().above(calibration.largest_theta) > ABOVE

    def _completion(self) -> Completion:
        return Completion(self.state.posterior(), self.state.seen, self.state.score[self.state.seen])

    def _multiplier(self, *, of_horizon: bool = False) -> float:
        calibration = self.state.calibration
        return 1.0 if calibration is None else calibration.multiplier(len(self.state.seen), horizon=of_horizon)

    def _wider(self, families: int) -> float:
        """Multipliers have the t of the calibrators, Fieller's limits that of the families: their ratio, at least 1."""
        calibration = self.state.calibration
        if calibration is None or families < 2:
            return 1.0
        of_families = float(student.ppf((1 + self.level) / 2, families - 1))
        return max(1.0, calibration.quantile(self.level) / of_families)

    def _bank(self) -> Answer:
        value, lower, upper = self.state.limits(self.level)
        if self.state.mode == "information":
            method = f"bank completed from difficulties, posterior SD times {self._multiplier():.2f} and t"
            return self._estimate("Q1", BANK_ESTIMAND, "share of tasks", (value, lower, upper), method, self.marks)
        method = "two-stage sample with known chances, difference estimator"
        return self._estimate("Q1", BANK_ESTIMAND, "share of tasks", (value, lower, upper), method, self.marks)

    def _generalized(self, rng: np.random.Generator) -> Answer:
        family = self.state.bank.family
        families = len(np.unique(family))
        if families < MIN_FAMILIES:
            return self._missing("Q2", GENERALIZED_ESTIMAND, not_generalizable(families))
        if self.state.mode == "information":
            _, lower, upper = self.state.bank_interval(self.level)
            limits = self._completion().rate(family, (upper - lower) / 2, self.level, rng)
            method = f"{TABLES} completed banks, cluster-robust over families, logit scale, t limits"
            return self._estimate("Q2", GENERALIZED_ESTIMAND, "share of tasks", limits, method, self.marks)
        found = cluster_mean(self.state.stages().pseudo_outcomes(), family)
        seen = self.state.score[self.state.seen]
        if min(seen.sum(), (1 - seen).sum()) == 0 or not 0 < found.mean < 1:
            return self._agreed(float(seen.mean() > 0.5))
        method = f"two-stage sample, cluster-robust over families, logit scale, {found.words}"
        limits = (found.mean, *found.logit_limits(self.level))
        return self._estimate("Q2", GENERALIZED_ESTIMAND, "share of tasks", limits, method, self.marks)

    def _agreed(self, share: float) -> Answer:
        """All runs alike: a limit from the families that were seen."""
        families = self.counts["families"]
        limit = one_sided_limit(families, self.level)
        limits = (0.0, 0.0, limit) if share == 0 else (1.0, 1 - limit, 1.0)
        mark = "at-most" if share == 0 else "at-least"
        method = f"one-sided limit from {families} families whose runs all agreed"
        return self._estimate("Q2", GENERALIZED_ESTIMAND, "share of tasks", limits, method, self.marks | {mark})

    def _ability(self) -> Answer:
        calibration = self.state.calibration
        if calibration is None:
            return self._missing("Q5", ABILITY_ESTIMAND, "no calibration that this review could use")
        posterior = self.state.posterior()
        logits = float(np.exp(np.log(calibration.a).mean()))
        value = POINTS * logits * posterior.theta_mean
        own = calibration.quantile(self.level) * self._multiplier() * logits * posterior.theta_sd
        link = calibration.linking_se
        half = POINTS * float(np.hypot(own, norm.ppf((1 + self.level) / 2) * link))
        method = f"posterior mean, SD times {self._multiplier():.2f} and t"
        method += f", linking error {link:.2f} logits in quadrature" if link else ""
        marks = self.marks | ({"exploratory"} if self.state.mode == "probability" else set())
        marks |= {"above-calibrators"} if self._above() else set()
        answer = self._estimate("Q5", ABILITY_ESTIMAND, "points", (value, value - half, value + half), method, marks)
        return replace(answer, scale_version=calibration.scale_version)

    def _horizons(self, rng: np.random.Generator) -> tuple[Answer, Answer]:
        bank = self.state.bank
        if bank.axis == "none":
            reason = "no task of this bank has human minutes or a level"
            missing = [self._missing("Q6", f"length of which {share:.0%} are solved", reason) for share in SHARES]
            return missing[0], missing[1]
        curve, method = self._curve(rng)
        known = ~np.isnan(bank.x)
        words = "log2 minutes" if bank.axis == "minutes" else "generator level"
        scope = Scope(
            axis="minutes" if bank.axis == "minutes" else "level",
            shortest=float(bank.x[known].min()),
            longest=float(bank.x[known].max()),
            n_runs=self.counts["runs"],
            n_tasks=self.counts["tasks"],
            n_families=len(np.unique(bank.family[known])),
            budget=self.outcomes.budget,
            bank_version=self.outcomes.bank_version,
            method=f"logistic in {words}, family weights, {method}, each family left out in turn",
            lost=self.lost,
            qualifiers=self.marks | (frozenset() if bank.axis == "minutes" else {"level-axis", "uncalibrated"}),
            seed=self.seed,
        )
        return printed(curve, SHARES[0], scope, level=self.level), printed(curve, SHARES[1], scope, level=self.level)

    def _curve(self, rng: np.random.Generator) -> tuple[Jackknife | None, str]:
        bank = self.state.bank
        weight = family_weights(bank.task, bank.family)
        if self.state.mode == "information":
            multiplier = self._multiplier(of_horizon=True) * self._wider(len(np.unique(bank.family)))
            return self._completion().curve(bank.x, weight, bank.family, multiplier, rng), f"{TABLES} completed banks"
        seen = self.state.score[self.state.seen]
        known = ~np.isnan(bank.x)
        pseudo = self.state.stages().pseudo_outcomes()
        if min(seen.sum(), (1 - seen).sum()) < RARE:
            return None, ""
        return jackknife(bank.x[known], pseudo[known], weight[known], bank.family[known]), "two-stage sample"

    def _ordinary(self, mode: str) -> Partial:
        """The ordinary methods on the runs themselves."""
        counted = self.outcomes.counted()
        marks = {"partial"} if mode == "start" else set()
        answers: list[Answer] = [
            bank_success(counted, level=self.level),
            generalized_success(counted, level=self.level),
            self._ability(),
            *(horizon(counted, share=share, level=self.level).answer for share in SHARES),
        ]
        named = [
            replace(answer, qualifiers=answer.qualifiers | marks) if isinstance(answer, Estimate) else answer
            for answer in answers
        ]
        return Partial(mode, *named)

    def _none(self, reason: str) -> Partial:
        horizons = [self._missing("Q6", f"length of which {share:.0%} are solved", reason) for share in SHARES]
        return Partial(
            self.state.mode,
            self._missing("Q1", BANK_ESTIMAND, reason),
            self._missing("Q2", GENERALIZED_ESTIMAND, reason),
            self._missing("Q5", ABILITY_ESTIMAND, reason),
            *horizons,
        )

    def _missing(self, quantity: str, estimand: str, reason: str) -> NotIdentifiable:
        return NotIdentifiable(quantity=quantity, estimand=estimand, reason=reason, counts=self.counts)

    def _estimate(
        self,
        quantity: str,
        estimand: str,
        unit: str,
        limits: tuple[float, float, float],
        method: str,
        qualifiers: frozenset[str],
    ) -> Estimate:
        value, lower, upper = limits
        return Estimate(
            quantity=quantity,
            estimand=estimand,
            unit=unit,
            value=float(value),
            lower=float(lower),
            upper=float(upper),
            level=self.level,
            method=method,
            method_version=METHOD_VERSION,
            n_runs=self.counts["runs"],
            n_tasks=self.counts["tasks"],
            n_families=self.counts["families"],
            budget=self.outcomes.budget,
            bank_version=self.outcomes.bank_version,
            qualifiers=frozenset(qualifiers),
            seed=self.seed,
        )


def _bounds(worst: Partial, best: Partial) -> Partial:
    """Lower limits with every loss missed, upper limits with every loss solved."""
    return Partial(worst.mode, *map(_bounded, worst.answers(), best.answers()))


def _bounded(worst: Answer, best: Answer) -> Answer:
    if isinstance(worst, NotIdentifiable):
        return worst
    if isinstance(best, NotIdentifiable):
        return best
    if worst.lower is None and best.upper is None:
        reason = "losses leave every value of this bank possible"
        return NotIdentifiable(
            quantity=worst.quantity, estimand=worst.estimand, reason=reason, counts={"runs": worst.n_runs}
        )
    return replace(
        worst,
        value=None,
        upper=best.upper,
        method=f"{worst.method}; losses at their worst and best",
        qualifiers=(worst.qualifiers & best.qualifiers) | {"losses-bounded"},
    )
