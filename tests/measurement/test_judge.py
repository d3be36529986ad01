"""Correcting a judge that errs."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from seatrial.measurement import Estimate, Labels, NotIdentifiable, Outcomes, OutcomesError, judge, judged_success


def verdicts(scores: list[float], families: int = 20, status: str = "finished") -> Outcomes:
    n = len(scores)
    return Outcomes.of(
        {
            "participant": ["m"] * n,
            "task": [f"t{i}" for i in range(n)],
            "family": [f"f{i % families}" for i in range(n)],
            "score": scores,
            "judge": ["model"] * n,
            "status": [status if math.isnan(score) else "finished" for score in scores],
        },
        budget=1000,
        bank_version="toy",
    )


def test_worked_examples() -> None:
    assert doctest.testmod(judge).failed == 0


def test_formula_by_hand() -> None:
    labels = Labels(positives=48, confirmed=44, negatives=58, rejected=56)
    answer = judged_success(verdicts([1.0] * 40 + [0.0] * 60), labels)
    a, b = 45 / 50, 57 / 60
    p = (0.4 + b - 1) / (a + b - 1)
    variance = (0.4 * 0.6 / 100 + p * p * a * (1 - a) / 50 + (1 - p) ** 2 * b * (1 - b) / 60) / (a + b - 1) ** 2
    assert isinstance(answer, Estimate)
    assert answer.value == pytest.approx(p)
    assert answer.upper == pytest.approx(p + 1.959964 * math.sqrt(variance))
    assert answer.lower == pytest.approx(p - 1.959964 * math.sqrt(variance))
    assert not answer.qualifiers


def test_families_in_place_of_runs() -> None:
    """With a perfect judge of endless labels what is left is the spread between families."""
    scores = [1.0] * 30 + [0.0] * 30
    answer = judged_success(verdicts(scores, families=15), Labels(10**9, 10**9, 10**9, 10**9), generalized=True)
    means = [sum(scores[i] - 0.5 for i in range(f, 60, 15)) for f in range(15)]
    half = student.ppf(0.975, 14) * math.sqrt(15 / 14 * sum(e * e for e in means)) / 60
    assert isinstance(answer, Estimate)
    assert answer.upper == pytest.approx(0.5 + half, abs=1e-6)
    few = judged_success(verdicts(scores, families=14), Labels(200, 195, 200, 195), generalized=True)
    assert isinstance(few, NotIdentifiable)
    assert few.reason == "not generalizable (14 families, 15 needed)"


def test_unusable_judges_and_few_labels() -> None:
    coin = judged_success(verdicts([1.0, 0.0] * 30), Labels(100, 70, 100, 70))
    assert isinstance(coin, NotIdentifiable)
    assert coin.reason.startswith("judge not usable (sensitivity 0.70, specificity 0.70 from 200 labels")
    unlabelled = judged_success(verdicts([1.0, 0.0] * 30), Labels(0, 0, 200, 200))
    assert isinstance(unlabelled, NotIdentifiable)
    few = judged_success(verdicts([1.0, 0.0] * 30), Labels(40, 39, 40, 39))
    assert isinstance(few, Estimate)
    assert few.qualifiers == {"exploratory"}
    assert isinstance(judged_success(verdicts([math.nan], status="lost"), Labels(50, 49, 50, 49)), NotIdentifiable)


def test_losses_widen() -> None:
    scores = [1.0] * 30 + [0.0] * 20
    labels = Labels(100, 97, 100, 97)
    whole = judged_success(verdicts(scores), labels)
    lossy = judged_success(verdicts([*scores, *[math.nan] * 10], status="lost"), labels)
    assert isinstance(whole, Estimate)
    assert isinstance(lossy, Estimate)
    assert lossy.value is None
    assert lossy.qualifiers == {"losses-bounded"}
    assert lossy.lower is not None
    assert lossy.lower < (whole.lower or 0) - 0.05
    assert (lossy.upper or 0) > (whole.upper or 1) + 0.02


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="confirmed is 5 of 4 positives"):
        Labels(4, 5, 1, 1)
    with pytest.raises(ValueError, match="column judge, row 1: 2; a label is 0 or 1"):
        Labels.of([0, 1], [1, 2])
    with pytest.raises(ValueError, match="one column each, equal"):
        Labels.of([0, 1], [1])
    with pytest.raises(OutcomesError, match="success is 0 or 1"):
        judged_success(verdicts([0.5, 1.0]), Labels(9, 9, 9, 9))


@given(st.integers(0, 60), st.integers(1, 200), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_relabelling_both_outcomes_mirrors(solved: int, positives: int, negatives: int) -> None:
    """Calling success failure, for judge and people alike, turns the answer round and changes nothing else."""
    labels = Labels(positives, positives - positives // 10, negatives, negatives - negatives // 20)
    turned = Labels(labels.negatives, labels.rejected, labels.positives, labels.confirmed)
    scores = [1.0] * solved + [0.0] * (60 - solved)
    one, two = (judged_success(verdicts(s), at) for s, at in ((scores, labels), ([1 - x for x in scores], turned)))
    assert type(one) is type(two)
    if isinstance(one, Estimate) and isinstance(two, Estimate):
        assert (one.value, one.lower) == pytest.approx((1 - (two.value or 0), 1 - (two.upper or 0)))


@pytest.mark.parametrize("seed", [1, 2])
def test_covers_where_the_raw_rate_does_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hits = raw = 0
    for _ in range(200):
        truth = rng.random(300) < 0.3
        verdict = np.where(rng.random(300) < 0.95, truth, ~truth)
        labels = Labels(50, int(rng.binomial(50, 0.95)), 50, int(rng.binomial(50, 0.95)))
        answer = judged_success(verdicts(verdict.astype(float).tolist()), labels)
        assert isinstance(answer, Estimate)
        hits += (answer.lower or 0) <= 0.3 <= (answer.upper or 1)
        raw += abs(verdict.mean() - 0.3) <= 1.96 * math.sqrt(verdict.mean() * (1 - verdict.mean()) / 300)
    assert hits >= 184, f"seed {seed}"
    assert raw < hits, f"seed {seed}"
