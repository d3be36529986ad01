"""Which tasks to run next: rounds of a review, each a pure function of the design, the bank and what is known so far.

- Round 1 is a systematic sample along family and expected difficulty, the same for everybody.
- Then the mode is chosen and the reason written down. `information`: rounds of the tasks that say most about the
  participant's ability, for participants within what calibrators have shown. `probability`: one more round, drawn
  with known chances, whose interval needs no model; for participants above all calibrators, and for banks without any.
- A round closes when each run is finished or lost; a lost run is not picked again and never blocks.
- Replaying a log of decisions with the same scores gives the same picks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement.estimate import LEVEL
from seatrial.measurement.posterior import Posterior
from seatrial.measurement.success import wilson
from seatrial.measurement.twostage import Stages, draw, second_stage

if TYPE_CHECKING:
    from seatrial.measurement.bank import Bank
    from seatrial.measurement.calibration import Calibration
    from seatrial.measurement.outcomes import Bools, Floats, Integers

MODES = ("auto", "information", "probability")
ROUNDS = 3  # of `first` runs in information mode before the half-width is asked for the first time
ABOVE = 0.3  # P(ability > every calibrator): switched 90 % of those above and 12 % of those inside in simulation
MISFIT = 2.0  # standard deviations of l_z after round 1: at most 4 % of honest participants in every world tried


@dataclass(frozen=True, kw_only=True)
class Design:
    """How a review picks; part of its plan."""

    half_width: float = 0.05  # wanted half-width of the bank's success rate, share of tasks
    first: int = 20  # runs of each of the first rounds
    block: int = 15  # runs of each later round
    cap: int = 120  # runs
    mode: str = "auto"  # or "information", "probability"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r}: one of {', '.join(MODES)}")
        if not 0 < self.half_width < 1:
            raise ValueError(f"half_width {self.half_width}: a share of tasks between 0 and 1, e.g. 0.05")
        if min(self.first, self.block) < 1 or self.cap < self.first:
            raise ValueError(
                f"first {self.first}, block {self.block}, cap {self.cap}: at least 1, the cap not below first"
            )
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}: zero or more")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One round: what to run and why; or, with `stop`, why nothing more."""

    round: int
    mode: str  # "start" in round 1, then "information" or "probability"; "complete" where every task was picked first
    reason: str
    tasks: tuple[str, ...]
    chances: tuple[float, ...]  # of being picked in this round, given all before
    theta_mean: float | None  # None without calibration
    theta_sd: float | None
    value: float | None  # the bank's success rate as known before this round; None before any run
    lower: float | None  # its limits; not symmetric, for what was seen is certain
    upper: float | None
    seed: int
    stop: bool

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width."""
        return None if self.lower is None or self.upper is None else (self.upper - self.lower) / 2


@dataclass(frozen=True, eq=False)
class State:
    """The bank as the decisions and scores so far leave it."""

    bank: Bank
    calibration: Calibration | None
    decisions: tuple[Decision, ...]
    picked: Integers  # places in order of picking
    score: Floats  # (tasks,), NaN where not run, lost or not picked
    prior: Posterior

    @classmethod
    def of(
        cls,
        bank: Bank,
        calibration: Calibration | None,
        decisions: Sequence[Decision],
        scores: Mapping[str, float],
    ) -> State:
        """Scores of tasks that no decision picked are ignored."""
        picked = bank.positions([task for decision in decisions for task in decision.tasks])
        if len(np.unique(picked)) < len(picked):
            raise ValueError("decisions: a task was picked twice; this is not a log of one review")
        score = np.full(len(bank), np.nan)
        for place in picked:
            score[place] = scores.get(str(bank.task[place]), np.nan)
        if ((score < 0) | (score > 1)).any():
            raise ValueError(f"score of task {bank.task[np.argmax((score < 0) | (score > 1))]}: between 0 and 1")
        trusted = calibration is not None and not calibration.unusable(bank)
        prior = calibration.posterior(bank) if calibration is not None and trusted else Posterior.of_axis(bank.x)
        return cls(bank, calibration if trusted else None, tuple(decisions), picked, score, prior)

    @property
    def mode(self) -> str:
        """The mode of the last decision that was not a stop."""
        modes = [decision.mode for decision in self.decisions if decision.mode != "start"]
        return modes[-1] if modes else "start"

    @property
    def seen(self) -> Integers:
        """Places with a score."""
        return np.flatnonzero(~np.isnan(self.score))

    @property
    def open(self) -> Bools:
        """Tasks that no round has picked."""
        free = np.ones(len(self.bank), dtype=bool)
        free[self.picked] = False
        return free

    def posterior(self) -> Posterior:
        """After every score."""
        return self.prior.updated(self.seen, self.score[self.seen])

    def guess(self) -> Floats:
        """(tasks,) P_j after round 1 alone: what the second stage's chances and errors rest on."""
        first = self.bank.positions(self.decisions[0].tasks)
        first = first[~np.isnan(self.score[first])]
        return self.prior.updated(first, self.score[first]).expected()

    def stages(self) -> Stages:
        """The bank as a two-stage sample."""
        chance = np.full(len(self.bank), np.nan)
        for decision in self.decisions:
            places = self.bank.positions(decision.tasks)
            chance[places] = 1.0 if decision.round == 1 else decision.chances
        return Stages(self.score, self.guess(), chance)

    def bank_interval(self, level: float) -> tuple[float, float, float]:
        """Information mode: posterior mean, and the posterior SD times multiplier and t on either side."""
        value, sd = self.posterior().bank_mean(self.seen, self.score[self.seen])
        calibration = self.calibration
        wide = calibration.quantile(level) * calibration.multiplier(len(self.seen)) if calibration is not None else 1.0
        return value, value - wide * sd, value + wide * sd

    def limits(self, level: float = LEVEL) -> tuple[float, float, float]:
        """The bank's success rate with its limits, by the mode in force; needs a score."""
        seen, tasks = self.score[self.seen], len(self.bank)
        if len(seen) == tasks:  # nothing is left to guess; what a fully run bank prints is the luck of its runs
            value = float(seen.mean())
            return value, *wilson(value, tasks, level=level)
        low, high = float(seen.sum()) / tasks, 1 - float((1 - seen).sum()) / tasks  # what is certain already
        if self.mode == "information":
            value, lower, upper = self.bank_interval(level)
            return value, max(lower, low), min(upper, high)
        if self.mode == "start":
            value = float(seen.mean())
            lower, upper = wilson(value, len(seen), level=level)
            return float(np.clip(value, low, high)), max(lower, low), min(upper, high)
        return self.stages().limits(level)


def next_round(
    design: Design,
    bank: Bank,
    calibration: Calibration | None,
    decisions: Sequence[Decision],
    scores: Mapping[str, float],
) -> Decision:
    """The next decision; `scores` holds finished runs (lost ones are absent or NaN)."""
    if decisions and decisions[-1].stop:
        raise ValueError(f"the review stopped in round {decisions[-1].round}: {decisions[-1].reason}")
    state = State.of(bank, calibration, decisions, scores)
    rng = np.random.default_rng([design.seed, len(decisions) + 1])
    if not decisions:
        return _first(design, state, rng)
    mode, reason = _mode(design, state, calibration) if state.mode == "start" else (state.mode, "")
    if not state.open.any():
        mode = "complete" if state.mode == "start" else mode
        return _decision(design, state, mode, "every task of the bank was run", stop=True)
    if mode == "information":
        return _informative(design, state, reason, rng)
    return _second_stage(design, state, reason, rng)


def systematic(bank: Bank, expected: Floats, size: int, rng: np.random.Generator) -> Integers:
    """Every (N/size)-th task from a random start, tasks ordered by family, then expected chance, ties at random."""
    order = np.lexsort((rng.random(len(bank)), -expected, bank.family))
    size = min(size, len(bank))
    at = np.floor((np.arange(size) + rng.random()) * len(bank) / size).astype(np.int64)
    return order[at]


def most_informative(posterior: Posterior, free: Bools, size: int, rng: np.random.Generator) -> Integers:
    """The open tasks of largest mean information, ties at random."""
    information = np.where(free, posterior.information(), -1.0)
    order = np.lexsort((rng.random(len(free)), -information))
    return order[: min(size, int(free.sum()))]


def _first(design: Design, state: State, rng: np.random.Generator) -> Decision:
    bank = state.bank
    places = systematic(bank, state.prior.expected(), design.first, rng)
    reason = f"systematic sample of {len(places)} tasks along family and expected difficulty"
    chances = np.full(len(places), len(places) / len(bank))
    return _decision(design, state, "start", reason, places=places, chances=chances)


def _mode(design: Design, state: State, offered: Calibration | None) -> tuple[str, str]:
    """The mode after round 1 and the reason in words."""
    if offered is None:
        return "probability", "no calibration: chances from the first round alone"
    if state.calibration is None:
        return "probability", offered.unusable(state.bank)
    if design.mode != "auto":
        return design.mode, "stated in the plan"
    surprise = state.posterior().surprise(state.seen, state.score[state.seen])
    if surprise > MISFIT:
        return "probability", f"the first round does not fit the calibration ({surprise:.1f} standard deviations)"
    above = state.posterior().above(state.calibration.largest_theta)
    words = f"ability above every calibrator with probability {above:.2f}"
    return ("probability", f"{words}, over {ABOVE}") if above > ABOVE else ("information", f"{words}, not over {ABOVE}")


def _informative(design: Design, state: State, reason: str, rng: np.random.Generator) -> Decision:
    used, rounds = len(state.picked), len(state.decisions)
    _, lower, upper = _known(state)
    half = np.inf if lower is None or upper is None else (upper - lower) / 2
    if rounds >= ROUNDS and half <= design.half_width:
        return _decision(design, state, "information", f"half-width {half:.3f} reached", stop=True)
    if used >= design.cap:
        return _decision(design, state, "information", f"cap of {design.cap} runs reached", stop=True)
    size = min(design.first if rounds < ROUNDS else design.block, design.cap - used)
    places = most_informative(state.posterior(), state.open, size, rng)
    words = f"the {len(places)} tasks that say most about ability"
    return _decision(
        design,
        state,
        "information",
        f"{reason}; {words}" if reason else words,
        places=places,
        chances=np.ones(len(places)),
    )


def _second_stage(design: Design, state: State, reason: str, rng: np.random.Generator) -> Decision:
    if len(state.decisions) > 1:
        return _decision(design, state, "probability", "both stages are done", stop=True)
    free, used = np.flatnonzero(state.open), len(state.picked)
    if used >= design.cap:
        return _decision(design, state, "probability", f"cap of {design.cap} runs reached", stop=True)
    guess = state.guess()[free]
    chances = second_stage(guess, tasks=len(state.bank), half_width=design.half_width, most=design.cap - used)
    drawn = draw(chances, rng)
    words = f"{len(drawn)} tasks drawn with known chances, fixed now"
    return _decision(design, state, "probability", f"{reason}; {words}", places=free[drawn], chances=chances[drawn])


def _known(state: State) -> tuple[float, float, float] | tuple[None, None, None]:
    """The bank's success rate with its limits before this round."""
    return state.limits() if len(state.seen) else (None, None, None)


def _decision(
    design: Design,
    state: State,
    mode: str,
    reason: str,
    *,
    places: Integers | None = None,
    chances: Floats | None = None,
    stop: bool = False,
) -> Decision:
    posterior = state.posterior()
    value, lower, upper = _known(state)
    known = state.calibration is not None
    return Decision(
        round=len(state.decisions) + 1,
        mode=mode,
        reason=reason,
        tasks=() if places is None else tuple(str(name) for name in state.bank.task[places]),
        chances=() if chances is None else tuple(float(chance) for chance in chances),
        theta_mean=posterior.theta_mean if known else None,
        theta_sd=posterior.theta_sd if known else None,
        value=value,
        lower=lower,
        upper=upper,
        seed=design.seed,
        stop=stop,
    )
