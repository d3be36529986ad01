"""Q6: hand-solved limits, slow oracles, the rules of what is printed, and what must not change a horizon."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import t as student

from seatrial.measurement import Estimate, NotIdentifiable, Outcomes, OutcomesError
from seatrial.measurement.horizon import Horizon, Jackknife, Scope, Weighting, fieller, horizon, jackknife, printed
from seatrial.measurement.logistic import family_weights, fit
from seatrial.measurement.worlds import BASE, MILDER, review

SCOPE = Scope(
    axis="minutes",
    shortest=0.0,
    longest=10.0,
    n_runs=200,
    n_tasks=200,
    n_families=20,
    budget="1,000 tokens a run",
    bank_version="toy",
    method="by hand",
)


def bank(seed: int, families: int = 20, mean_size: int = 5, runs: int = 1) -> Outcomes:
    rng = np.random.default_rng(seed)
    return review(MILDER, rng, families=families, mean_size=mean_size, runs=runs, theta=5.5)[0]


def changed(outcomes: Outcomes, **columns: np.ndarray) -> Outcomes:
    named: dict[str, Any] = columns
    return replace(outcomes, **named)


def estimate(found: Horizon | Estimate | NotIdentifiable) -> Estimate:
    answer = found.answer if isinstance(found, Horizon) else found
    assert isinstance(answer, Estimate), answer
    return answer


def reason(found: Horizon | Estimate | NotIdentifiable) -> str:
    answer = found.answer if isinstance(found, Horizon) else found
    assert isinstance(answer, NotIdentifiable), answer
    return answer.reason


def curve(a: float, b: float, vaa: float, vab: float, vbb: float, families: int = 20) -> Jackknife:
    return Jackknife(a, b, np.array([[vaa, vab], [vab, vbb]]), families)


def test_limits_solved_by_hand() -> None:
    # t² V = 1 for a, 0.25 for b, nothing between: A = 1 - 0.25, B = -2·2·1, C = 4 - 1
    square = student.ppf(0.975, 19) ** 2
    found = fieller(curve(2.0, -1.0, 1 / square, 0.0, 0.25 / square), 0.0)
    root = math.sqrt(16 - 4 * 0.75 * 3)
    assert found == pytest.approx(((4 - root) / 1.5, (4 + root) / 1.5))
    assert fieller(curve(2.0, -1.0, 1 / square, 0.0, 1.0001 / square), 0.0) is None  # A < 0
    assert fieller(curve(2.0, -1.0, 1 / square, 0.0, 1 / square), 0.0) is None  # A = 0 but for rounding
    assert fieller(curve(2.0, -1.0, 0.0, 0.0, 0.0), math.log(4)) == pytest.approx((2 - math.log(4),) * 2)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.3])
def test_limits_are_where_the_curve_is_just_distinguishable(share: float) -> None:
    outcomes = bank(3)
    x, weight = np.log2(outcomes.minutes), family_weights(outcomes.task, outcomes.family)
    found = jackknife(x, outcomes.score, weight, outcomes.family)
    assert found is not None
    limits = fieller(found, float(logit(share)), level=0.9)
    assert limits is not None
    for limit in limits:
        direction = np.array([1.0, limit])
        se = math.sqrt(direction @ found.covariance @ direction)
        distance = found.intercept + found.slope * limit - logit(share)
        assert abs(distance) / se == pytest.approx(student.ppf(0.95, 19))


@pytest.mark.parametrize("seed", range(3))
def test_jackknife_leaves_out_each_family(seed: int) -> None:
    outcomes = bank(seed)
    x, weight = np.log2(outcomes.minutes), family_weights(outcomes.task, outcomes.family)
    curves = []
    for name in np.unique(outcomes.family):
        kept = outcomes.family != name
        one = fit(x[kept], outcomes.score[kept], weight[kept])
        assert one is not None
        curves.append((one.intercept, one.slope))
    centred = np.array(curves) - np.mean(curves, axis=0)
    found = jackknife(x, outcomes.score, weight, outcomes.family)
    assert found is not None
    assert found.covariance == pytest.approx(19 / 20 * centred.T @ centred, rel=1e-6)


def test_a_horizon_in_full() -> None:
    outcomes = bank(5)
    found = horizon(outcomes)
    answer = estimate(found)
    x, weight = np.log2(outcomes.minutes), family_weights(outcomes.task, outcomes.family)
    full = fit(x, outcomes.score, weight)
    assert full is not None
    assert answer.value == pytest.approx(2 ** full.at(0.5))
    assert (answer.quantity, answer.unit, answer.qualifiers) == ("Q6", "human minutes", frozenset())
    assert "50%" in answer.estimand
    assert found.share_longer == pytest.approx(np.mean(outcomes.minutes > answer.value))
    assert (found.shortest, found.longest) == (outcomes.minutes.min(), outcomes.minutes.max())
    assert found.timed is None
    p80 = estimate(horizon(outcomes, share=0.8))
    assert p80.value == pytest.approx(2 ** full.at(0.8))
    assert p80.value < answer.value


def test_repeats_are_the_mean_of_a_task() -> None:
    outcomes = bank(6, runs=3)
    x, weight = np.log2(outcomes.minutes), family_weights(outcomes.task, outcomes.family)
    found, by_run = horizon(outcomes).curve, jackknife(x, outcomes.score, weight, outcomes.family)
    assert found is not None
    assert by_run is not None
    assert (found.intercept, found.slope) == pytest.approx((by_run.intercept, by_run.slope), rel=1e-9)
    assert found.covariance == pytest.approx(by_run.covariance, rel=1e-6)


@pytest.mark.parametrize("families", [1, 2, 6, 7, 14, 15])
def test_families(families: int) -> None:
    found = horizon(bank(2, families=families, mean_size=20))
    if families < 7:
        assert reason(found).startswith(f"no horizon from {families} famil")
    else:
        assert ("bank-only" in estimate(found).qualifiers) == (families < 15)


def test_ends_of_the_bank() -> None:
    tight = (0.01, 0.0, 0.0001)
    past = estimate(printed(curve(11.0, -1.0, *tight), 0.5, SCOPE))
    assert (past.value, past.upper, past.qualifiers) == (None, None, {"at-least"})
    assert past.lower == 2.0**10  # never beyond the longest task
    wide = (1.0, 0.0, 0.0001)
    past = estimate(printed(curve(11.0, -1.0, *wide), 0.5, SCOPE))
    assert past.lower is not None
    assert past.lower < 2.0**10
    touching = estimate(printed(curve(9.0, -1.0, *wide), 0.5, SCOPE))
    assert (touching.value, touching.upper, touching.qualifiers) == (2.0**9, None, frozenset())
    below = estimate(printed(curve(-1.0, -1.0, *tight), 0.5, SCOPE))
    assert (below.value, below.lower, below.upper, below.qualifiers) == (None, None, 1.0, {"at-most"})
    low = estimate(printed(curve(1.0, -1.0, *wide), 0.5, SCOPE))
    assert (low.value, low.lower) == (2.0, None)
    assert "wider than its tasks" in reason(printed(curve(5.0, -1.0, 9.0, 0.0, 0.0001), 0.5, SCOPE))


def test_slopes_without_a_horizon() -> None:
    assert "not distinguishable" in reason(printed(curve(5.0, -1.0, 0.1, 0.0, 1.0), 0.5, SCOPE))
    assert "does not fall with length" in reason(printed(curve(-5.0, 1.0, 0.01, 0.0, 0.0001), 0.5, SCOPE))
    assert reason(printed(None, 0.5, SCOPE)) == "all runs agree, so there is no curve"


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_all_missed_or_all_solved_is_no_horizon(score: float) -> None:
    outcomes = bank(4)
    found = horizon(changed(outcomes, score=np.full(len(outcomes), score)))
    assert reason(found) == "all runs agree, so there is no curve"
    assert found.share_longer is None


def test_without_minutes_the_axis_is_the_level() -> None:
    outcomes = bank(8, families=40)
    level = np.round(np.log2(outcomes.minutes))
    quarter = np.arange(len(outcomes)) < 0.2 * len(outcomes)
    some = changed(outcomes, level=level, minutes=np.where(quarter, np.nan, outcomes.minutes))
    found = horizon(some, weighting="equal")
    assert (found.axis, found.without_length) == ("minutes", int(quarter.sum()))
    assert estimate(found).n_runs == len(outcomes) - int(quarter.sum())
    for columns in ({"minutes": np.full(len(outcomes), np.nan)}, {"minutes_source": np.full(len(outcomes), "design")}):
        found = horizon(changed(outcomes, level=level, **columns))
        answer = estimate(found)
        assert (found.axis, answer.unit) == ("level", "generator level")
        assert answer.qualifiers == {"level-axis", "uncalibrated"}
        one = fit(level, outcomes.score, family_weights(outcomes.task, outcomes.family))
        assert one is not None
        assert answer.value == pytest.approx(one.at(0.5))
    bare = horizon(changed(outcomes, minutes=np.full(len(outcomes), np.nan)))
    assert reason(bare).startswith("100% of the weight has no human minutes and 100% no level")
    halves = np.arange(len(outcomes)) % 2 == 0
    neither = changed(
        outcomes, minutes=np.where(halves, np.nan, outcomes.minutes), level=np.where(halves, level, np.nan)
    )
    assert "no level" in reason(horizon(neither))


def test_minutes_that_were_not_timed() -> None:
    outcomes = bank(9, families=30)
    source = np.where(np.arange(len(outcomes)) % 3 == 0, "completion", "expert_estimate")
    found = horizon(changed(outcomes, minutes_source=source))
    assert found.timed is not None
    alone = horizon(outcomes.where(source == "completion"))
    assert (estimate(found.timed).value, found.timed) == (estimate(alone).value, alone.answer)
    mostly = np.where(source == "completion", "expert_estimate", "completion")
    assert horizon(changed(outcomes, minutes_source=mostly)).timed is None
    never = horizon(changed(outcomes, minutes_source=np.full(len(outcomes), "expert_estimate")))
    assert isinstance(never.timed, NotIdentifiable)


def with_losses(outcomes: Outcomes, lost: int) -> Outcomes:
    rows = np.arange(len(outcomes)) < lost
    return changed(
        outcomes, score=np.where(rows, np.nan, outcomes.score), status=np.where(rows, "lost", outcomes.status)
    )


def test_losses() -> None:
    outcomes = bank(11, families=40)
    few = int(0.05 * len(outcomes))
    left_out = horizon(outcomes.where(np.arange(len(outcomes)) >= few))
    assert estimate(horizon(with_losses(outcomes, few))).value == estimate(left_out).value
    many = with_losses(outcomes, few + 1)
    bounded = estimate(horizon(many))
    assert (bounded.value, bounded.qualifiers) == (None, {"losses-bounded"})
    sides = [estimate(horizon(many.filled(score))) for score in (0.0, 1.0)]
    assert bounded.lower == min(side.lower or 0 for side in sides)
    assert bounded.upper == max(side.upper or 0 for side in sides)


def test_refusals() -> None:
    outcomes = bank(1)
    with pytest.raises(ValueError, match="share 1"):
        horizon(outcomes, share=1)
    with pytest.raises(ValueError, match="family or equal"):
        horizon(outcomes, weighting="tasks")  # type: ignore[arg-type]
    with pytest.raises(OutcomesError, match="partial credit"):
        horizon(changed(outcomes, score=outcomes.score / 2))
    nothing = horizon(outcomes.where(np.zeros(len(outcomes), dtype=bool)))
    assert reason(nothing) == "no run with an outcome has human minutes"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(-5, 5), st.sampled_from(["family", "equal"]), st.floats(0.1, 0.9))
def test_scaling_minutes_scales_the_horizon(seed: int, octaves: float, weighting: Weighting, share: float) -> None:
    outcomes = bank(seed)
    scaled = changed(outcomes, minutes=outcomes.minutes * 2**octaves)
    one, two = (horizon(table, share=share, weighting=weighting).answer for table in (outcomes, scaled))
    if isinstance(one, NotIdentifiable):
        assert isinstance(two, NotIdentifiable)
        return
    for name in ("lower", "value", "upper"):
        before, after = getattr(one, name), getattr(estimate(two), name)
        assert (before is None) == (after is None)
        assert before is None or after == pytest.approx(before * 2**octaves, rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_order_and_names_do_not_matter(seed: int) -> None:
    outcomes = bank(seed)
    order = np.random.default_rng(seed).permutation(len(outcomes))
    renamed = changed(
        outcomes, task=np.strings.add("z", outcomes.task[::-1]), family=np.strings.add("z", outcomes.family)
    )
    one = horizon(outcomes).answer
    for other in (horizon(outcomes.where(order)).answer, horizon(renamed).answer):
        assert type(one) is type(other)
        if isinstance(one, Estimate):
            assert [other.lower, other.value, other.upper] == [
                number if number is None else pytest.approx(number, rel=1e-7)
                for number in (one.lower, one.value, one.upper)
            ]


@settings(deadline=None, max_examples=80)
@given(st.data(), st.integers(7, 12), st.sampled_from([0.5, 0.8]))
def test_random_outcomes_never_raise(data: st.DataObject, families: int, share: float) -> None:
    size = data.draw(st.integers(families, 40))
    rows = st.lists(st.integers(0, 1), min_size=size, max_size=size)
    scores = data.draw(rows)
    lengths = data.draw(st.lists(st.floats(0.1, 3000), min_size=size, max_size=size))
    outcomes = Outcomes.of(
        {
            "participant": ["m"] * size,
            "task": [f"t{number}" for number in range(size)],
            "family": [f"f{number % families}" for number in range(size)],
            "score": scores,
            "minutes": lengths,
        },
        budget=1000,
        bank_version="toy",
    )
    found = horizon(outcomes, share=share)
    if isinstance(found.answer, Estimate) and found.answer.value is not None:
        assert (found.answer.lower or 0) <= found.answer.value <= (found.answer.upper or np.inf)
        assert found.shortest * (1 - 1e-12) <= found.answer.value <= found.longest * (1 + 1e-12)
        assert found.share_longer is not None


@pytest.mark.slow
def test_coverage_of_both_horizons() -> None:
    """150 simulated reviews, tolerance three standard errors; the full size is `benchmarks/coverage.py`."""
    rng = np.random.default_rng(7)
    truths = {0.0: 5.5, math.log(4): BASE.horizon(5.5, 0.8, rng, draws=100_000)}
    hits = dict.fromkeys(truths, 0)
    for _ in range(150):
        outcomes, _ = review(BASE, rng, families=30, mean_size=6, runs=1, theta=5.5)
        found = horizon(outcomes).curve
        assert found is not None
        for log_odds, truth in truths.items():
            low, high = fieller(found, log_odds) or (-np.inf, np.inf)
            hits[log_odds] += low <= truth <= high
    assert all(abs(count - 142.5) <= 3 * math.sqrt(150 * 0.05 * 0.95) for count in hits.values()), hits
