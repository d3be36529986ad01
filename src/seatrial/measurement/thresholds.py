"""Whether a success rate or a horizon lies above a stated threshold (Q9), in words that claim no more than was shown.

- A claim is fixed before the runs: a quantity (Q1, Q2 or Q6) and a threshold. A claim that these data cannot test keeps
  its place among the stated ones, so leaving data out never helps the others.
- The claims of one review are judged together: the chance that even one claim holds wrongly is at most 1 - level (Holm
  1979). A statement says "at least X, at level ..." or that this was not shown; it approves and refuses nothing.
- A fixed test looked at after every run raises far more false alarms than it says. While running, the e-process may be
  looked at after every run (Ville's inequality), for runs in random order that are independent; never for tasks that
  were picked by what came before.

>>> holm([0.01, 0.04, 0.03]).round(3).tolist()
[0.03, 0.06, 0.06]
>>> watched = watch([1] * 9, threshold=0.5)
>>> watched.shown_after, round(float(np.exp(watched.log_e[3])), 3)
(7, 3.75)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaincc, betaln, logit
from scipy.stats import t as student

from seatrial.measurement.estimate import LEVEL, Estimate, NotIdentifiable
from seatrial.measurement.horizon import fieller, horizon
from seatrial.measurement.outcomes import LOSS_BOUND
from seatrial.measurement.success import bank_success, generalized_success

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seatrial.measurement.horizon import Jackknife
    from seatrial.measurement.outcomes import Floats, Outcomes

    Answer: TypeAlias = Estimate | NotIdentifiable

NEVER = 1.0  # p-value, for the joint judgement, of a claim that these data cannot test
_EXTREME = 1 - 1e-13  # beyond this level the quantiles of the normal lose their digits


@dataclass(frozen=True)
class Claim:
    """One pre-registered claim: the quantity lies above the threshold."""

    name: str
    quantity: Literal["Q1", "Q2", "Q6"]
    threshold: float  # a share of tasks, or for Q6 human minutes
    share: float = 0.5  # of Q6: the share solved at the horizon

    def __post_init__(self) -> None:
        if self.quantity not in {"Q1", "Q2", "Q6"}:
            raise ValueError(f"claim {self.name!r}, quantity {self.quantity!r}: Q1, Q2 or Q6")
        if self.quantity == "Q6" and not (0 < self.threshold < np.inf and 0 < self.share < 1):
            raise ValueError(f"claim {self.name!r}: human minutes above zero and a share between 0 and 1")
        if self.quantity != "Q6" and not 0 < self.threshold < 1:
            raise ValueError(f"claim {self.name!r}, threshold {self.threshold}: a share between 0 and 1")

    @property
    def words(self) -> str:
        """What is claimed, e.g. "at least 30 % of tasks like these solved"."""
        if self.quantity == "Q6":
            return f"{self.share:.0%} solved at {self.threshold:g} human minutes or more".replace("%", " %")
        scope = "of this battery's tasks" if self.quantity == "Q1" else "of tasks like these"
        return f"at least {100 * self.threshold:g} % {scope} solved"


@dataclass(frozen=True)
class Statement:
    """What the data say about one claim, judged together with the others of its review."""

    claim: Claim
    answer: Answer  # the quantity itself, with its two-sided interval
    p_value: float | None  # one-sided, of the claim alone; None: these data cannot test it
    adjusted: float  # Holm's, over all claims of the review
    shown: bool
    words: str


@dataclass(frozen=True, eq=False)
class Watch:
    """An e-process over runs in the order in which they ended; entry n is after n runs, the first is 0."""

    threshold: float
    level: float
    solved: int
    runs: int
    log_e: Floats  # natural logarithm of the e-value after 0, 1, ... runs
    shown_after: int | None  # runs after which "above the threshold" was first shown, and stays so
    words: str


def statements(
    claims: Sequence[Claim], outcomes: Outcomes, *, level: float = LEVEL, repeats_drawn_before: bool = True
) -> tuple[Statement, ...]:
    """Q9: every pre-registered claim about one participant, in their order.

    More than 5 % of planned runs lost: every loss counts as not solved.
    """
    names = [claim.name for claim in claims]
    if len(set(names)) < len(names):
        raise ValueError(f"claims {names}: every claim needs a name of its own")
    lost, planned = len(outcomes.losses()), len(outcomes.counted()) + len(outcomes.losses())
    table = outcomes.filled(0.0) if lost > LOSS_BOUND * planned else outcomes
    answers, tested = [], []
    for claim in claims:
        ask = _asker(claim, outcomes, repeats_drawn_before=repeats_drawn_before)
        answers.append(ask(level))
        tested.append(_p_value(claim, table, level, repeats_drawn_before=repeats_drawn_before))
    adjusted = holm([NEVER if isinstance(p, str) else p for p in tested])
    return tuple(
        _statement(claim, answer, p, float(joint), level, len(claims))
        for claim, answer, p, joint in zip(claims, answers, tested, adjusted, strict=True)
    )


def holm(p_values: Sequence[float] | Floats) -> Floats:
    """Holm's adjusted p-values, in the order given: at most alpha where the claim is shown at joint level 1 - alpha."""
    p = np.asarray(p_values, dtype=np.float64)
    if np.isnan(p).any() or ((p < 0) | (p > 1)).any():
        raise ValueError(f"p-values {p.tolist()}: numbers between 0 and 1")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(len(p), 0, -1)))
    adjusted: Floats = np.empty(len(p))
    adjusted[order] = stepped
    return adjusted


def log_e_value(solved: Floats, runs: Floats, threshold: float) -> Floats:
    """Natural logarithm of the e-value against "share solved ≤ threshold" after `solved` of `runs`.

    The alternative is a uniform mixture over the shares above the threshold alone, so the whole hypothesis is covered.
    """
    k, n = np.asarray(solved, dtype=np.float64), np.asarray(runs, dtype=np.float64)
    with np.errstate(divide="ignore"):  # where nothing was solved in very many runs: e-value 0, logarithm -inf
        above = np.log(betaincc(k + 1, n - k + 1, threshold))
    mixture = betaln(k + 1, n - k + 1) + above - np.log1p(-threshold)
    log_e: Floats = mixture - k * np.log(threshold) - (n - k) * np.log1p(-threshold)
    return log_e


def watch(scores: Sequence[float] | Floats, *, threshold: float, level: float = LEVEL) -> Watch:
    """Q9 while running: independent runs in random order, each 0 or 1; may be called after every one of them."""
    if not 0 < threshold < 1:
        raise ValueError(f"threshold {threshold}: a share between 0 and 1")
    score = np.asarray(scores, dtype=np.float64)
    bad = ~np.isin(score, (0.0, 1.0))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"score of run {row}: {score[row]}; 0 or 1, lost runs left out")
    solved = np.concatenate([[0.0], np.cumsum(score)])
    log_e = log_e_value(solved, np.arange(len(solved), dtype=np.float64), threshold)
    crossed = np.flatnonzero(log_e >= -np.log1p(-level))
    shown = int(crossed[0]) if len(crossed) else None
    claim = f"more than {100 * threshold:g} % solved, at level {100 * level:g} % however often looked at"
    words = f"{claim}, after {shown} runs" if shown is not None else f"not shown in {len(score)} runs: {claim}"
    return Watch(threshold, level, int(solved[-1]), len(score), log_e, shown, words)


def _statement(claim: Claim, answer: Answer, p: float | str, joint: float, level: float, claims: int) -> Statement:
    shown = not isinstance(p, str) and joint <= 1 - level
    together = f" together with {claims - 1} more" if claims > 1 else ""
    at = f"at level {100 * level:g} %{together}"
    words = f"{claim.words}, {at}" if shown else f"not shown {at}: {claim.words}"
    if isinstance(p, str):
        words = f"cannot be tested ({p}): {claim.words}"
    return Statement(claim, answer, None if isinstance(p, str) else p, joint, shown, words)


def _asker(claim: Claim, table: Outcomes, *, repeats_drawn_before: bool) -> Callable[[float], Answer]:
    """The claim's quantity as a function of its level."""
    if claim.quantity == "Q1":
        return lambda level: bank_success(table, level=level, repeats_drawn_before=repeats_drawn_before)
    if claim.quantity == "Q2":
        return lambda level: generalized_success(table, level=level)
    return lambda level: horizon(table, share=claim.share, level=level).answer


def _p_value(claim: Claim, table: Outcomes, level: float, *, repeats_drawn_before: bool) -> float | str:
    """One-sided p-value, or why there is none."""
    if claim.quantity == "Q6":
        return _horizon_p_value(claim, table, level)
    ask = _asker(claim, table, repeats_drawn_before=repeats_drawn_before)
    answer = ask(level)
    return answer.reason if isinstance(answer, NotIdentifiable) else _inverted(ask, claim.threshold)


def _inverted(ask: Callable[[float], Answer], threshold: float) -> float:
    """The p-value at which the interval's limit lies at the threshold: claim and printed interval cannot disagree."""

    def distance(level: float, side: Literal["lower", "upper"]) -> float:
        limit = getattr(ask(level), side)
        return float(limit) - threshold

    least = 1 - _EXTREME
    if distance(least, "lower") >= 0:
        if distance(_EXTREME, "lower") >= 0:
            return least / 2
        return float(1 - brentq(lambda level: distance(level, "lower"), least, _EXTREME, xtol=1e-14)) / 2
    if distance(_EXTREME, "upper") <= 0 or distance(least, "upper") >= 0:
        return NEVER  # so far below, or so few runs, that no level tells them apart
    return float(1 + brentq(lambda level: distance(level, "upper"), least, _EXTREME, xtol=1e-14)) / 2


def _horizon_p_value(claim: Claim, table: Outcomes, level: float) -> float | str:
    """t(F-1) test that the curve at the threshold lies above the share; the slope must be known to fall."""
    found = horizon(table, share=claim.share, level=level)
    if found.axis != "minutes":
        return "human minutes are not known for enough tasks"
    if claim.threshold > found.longest:
        return f"the longest task takes {found.longest:g} minutes"
    if isinstance(found.answer, NotIdentifiable) or found.curve is None:
        return found.answer.reason if isinstance(found.answer, NotIdentifiable) else "there is no curve"
    log_odds = float(logit(claim.share))
    if fieller(found.curve, log_odds, level=level) is None:
        return "the slope is not distinguishable from 0"
    return _curve_p_value(found.curve, float(np.log2(claim.threshold)), log_odds)


def _curve_p_value(curve: Jackknife, x: float, log_odds: float) -> float:
    (vaa, vab), (_, vbb) = curve.covariance
    spread = float(np.sqrt(vaa + 2 * x * vab + x * x * vbb))
    t = (curve.intercept + curve.slope * x - log_odds) / spread
    return float(student.sf(t, curve.families - 1))
