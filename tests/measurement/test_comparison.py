"""Differences on the same tasks."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student

from seatrial.measurement import (
    Estimate,
    NotIdentifiable,
    Outcomes,
    OutcomesError,
    comparison,
    elicitation_gap,
    paired_difference,
)
from seatrial.measurement.comparison import BANK_ESTIMAND, ESTIMAND, discordance


def participant(name: str, scores: list[int | None], families: int = 16, **more: str) -> Outcomes:
    n = len(scores)
    return Outcomes.of(
        {
            "participant": [name] * n,
            "task": [f"t{i:02}" for i in range(n)],
            "family": [f"f{i % families}" for i in range(n)],
            "score": scores,
            "status": ["finished" if score is not None else "lost" for score in scores],
        },
        budget=1000,
        bank_version=more.get("bank_version", "toy"),
        comparison_key=more.get("comparison_key", ""),
    )


def test_counts_and_interval() -> None:
    a, b = [1] * 24 + [0] * 8, [1, 0] * 16
    found = paired_difference(participant("m", a), participant("tool", b))
    assert (found.both, found.first_only, found.second_only, found.neither, found.pairs) == (12, 12, 4, 4, 32)
    d = [x - y for x, y in zip(a, b, strict=True)]
    mean = sum(d) / 32
    by_family = [sum(d[i] - mean for i in range(32) if i % 16 == f) for f in range(16)]
    half = student.ppf(0.975, 15) * math.sqrt(16 / 15 * sum(e * e for e in by_family)) / 32
    assert isinstance(found.answer, Estimate)
    assert found.answer.value == pytest.approx(mean)
    assert found.answer.lower == pytest.approx(mean - half)
    assert found.answer.upper == pytest.approx(mean + half)


def test_swapping_sides_mirrors() -> None:
    rng = np.random.default_rng(4)
    a, b = (rng.integers(0, 2, 40).tolist() for _ in range(2))
    one = paired_difference(participant("m", a), participant("n", b)).answer
    two = paired_difference(participant("n", b), participant("m", a)).answer
    assert isinstance(one, Estimate)
    assert isinstance(two, Estimate)
    assert (one.lower, one.upper) == pytest.approx((-(two.upper or 0), -(two.lower or 0)))


def test_only_shared_tasks_count() -> None:
    few = participant("tool", [1, 1, 0])
    found = paired_difference(participant("m", [1] * 20), few)
    assert (found.both, found.first_only, found.second_only, found.neither, found.pairs) == (2, 1, 0, 0, 3)
    assert isinstance(found.answer, Estimate)
    assert (found.answer.n_tasks, found.answer.n_families, found.answer.n_runs) == (3, 3, 6)
    assert found.answer.qualifiers == {"bank-only"}


def test_lost_pairs() -> None:
    many = paired_difference(participant("m", [1] * 18 + [0, None, None]), participant("n", [0] * 21))
    assert isinstance(many.answer, NotIdentifiable)
    assert many.answer.reason == "2 of 21 pairs lack an outcome"
    one = paired_difference(participant("m", [1] * 19 + [0] * 20 + [None]), participant("n", [0, 1] * 20))
    assert isinstance(one.answer, Estimate)
    none = paired_difference(participant("m", [None]), participant("n", [1]))
    assert isinstance(none.answer, NotIdentifiable)
    assert none.answer.reason == "no task was run by both"


def test_only_like_is_compared() -> None:
    with pytest.raises(OutcomesError, match="bank_version: 'toy' and 'other'"):
        paired_difference(participant("m", [1]), participant("n", [1], bank_version="other"))
    with pytest.raises(OutcomesError, match="comparison_key"):
        paired_difference(participant("m", [1]), participant("n", [1], comparison_key="x"))


def test_worked_examples() -> None:
    assert doctest.testmod(comparison).failed == 0


SCORES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40)


@given(SCORES, st.sampled_from([3, 16]))
@settings(max_examples=100, deadline=None)
def test_swapping_mirrors_everything(scores: list[tuple[int, int]], families: int) -> None:
    a, b = ([pair[side] for pair in scores] for side in (0, 1))
    one, two = (
        paired_difference(participant("m", first, families), participant("n", second, families))
        for first, second in ((a, b), (b, a))
    )
    assert (one.both, one.first_only, one.neither) == (two.both, two.second_only, two.neither)
    assert type(one.answer) is type(two.answer)
    if isinstance(one.answer, Estimate) and isinstance(two.answer, Estimate):
        mirrored = (-(two.answer.value or 0), -(two.answer.upper or 0), -(two.answer.lower or 0))
        assert (one.answer.value, one.answer.lower, one.answer.upper) == pytest.approx(mirrored, abs=1e-12)


@given(SCORES, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_of_rows_means_nothing(scores: list[tuple[int, int]], shuffle: object) -> None:
    a, b = (participant(name, [pair[side] for pair in scores], 4) for name, side in (("m", 0), ("n", 1)))
    order = list(range(len(scores)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    assert paired_difference(a, b) == paired_difference(a.where(np.array(order)), b)


@given(st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_few_families_agree_with_the_exact_test(first: int, second: int) -> None:
    a, b = [1] * first + [0] * second + [1, 0], [0] * first + [1] * second + [1, 0]
    answer = paired_difference(participant("m", a, 3), participant("n", b, 3)).answer
    exact = binomtest(first, first + second).pvalue if first + second else 1.0
    assert discordance(first, second) == pytest.approx(exact)
    assert isinstance(answer, Estimate)
    assert answer.estimand == BANK_ESTIMAND
    assert answer.lower is not None
    assert answer.upper is not None
    if exact > 0.05:
        assert answer.lower <= 0 <= answer.upper
    assert -1 <= answer.lower <= (answer.value or 0) <= answer.upper <= 1


@pytest.mark.parametrize("seed", [5])
def test_few_families_cover_large_differences(seed: int) -> None:
    """Limits that hold the number of discordant pairs fixed alone would cover these far too seldom."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(200):
        a, b = (rng.random(40) < 0.85).astype(int).tolist(), (rng.random(40) < 0.25).astype(int).tolist()
        answer = paired_difference(participant("m", a, 5), participant("n", b, 5)).answer
        assert isinstance(answer, Estimate)
        hits += (answer.lower or 0) <= 0.6 <= (answer.upper or 0)
    assert hits >= 184, f"seed {seed}"


def arms(rng: np.random.Generator, chances: dict[str, float], tasks: int = 120, families: int = 40) -> Outcomes:
    names = [name for name in chances for _ in range(tasks)]
    return Outcomes.of(
        {
            "participant": ["m"] * len(names),
            "arm": names,
            "task": [f"t{i:03}" for i in range(tasks)] * len(chances),
            "family": [f"f{i % families}" for i in range(tasks)] * len(chances),
            "score": np.concatenate([rng.random(tasks) < chance for chance in chances.values()]).astype(float),
        },
        budget=1000,
        bank_version="toy",
    )


def test_best_arm_is_measured_where_it_was_not_chosen() -> None:
    table = arms(np.random.default_rng(1), {"default": 0.3, "tools": 0.8, "words": 0.4})
    found = elicitation_gap(table, rng=np.random.default_rng(2))
    assert (found.chosen, found.arms, found.halved_by, found.choosing) == ("tools", ("tools", "words"), "family", 20)
    answer = found.comparison.answer
    assert isinstance(answer, Estimate)
    assert (answer.quantity, answer.n_families, answer.n_tasks) == ("Q8", 20, 60)
    assert answer.estimand.startswith("gain of arm tools over arm default, chosen on other tasks: ")
    assert answer.estimand.endswith(ESTIMAND)
    assert 0.3 < (answer.value or 0) < 0.7
    assert found == elicitation_gap(table, rng=np.random.default_rng(2))
    assert elicitation_gap(table, rng=np.random.default_rng(3)) != found


def test_few_families_are_halved_by_task() -> None:
    table = arms(np.random.default_rng(1), {"default": 0.3, "tools": 0.8}, tasks=61, families=29)
    found = elicitation_gap(table, rng=np.random.default_rng(2))
    answer = found.comparison.answer
    assert isinstance(answer, Estimate)
    assert (found.halved_by, found.choosing, answer.n_tasks) == ("task", 30, 31)
    assert answer.qualifiers == {"bank-only"}


def test_gaps_that_cannot_be_measured() -> None:
    rng = np.random.default_rng(1)
    alone = elicitation_gap(arms(rng, {"default": 0.3}), rng=rng)
    assert alone.chosen is None
    assert isinstance(alone.comparison.answer, NotIdentifiable)
    assert alone.comparison.answer.reason == "no other arm was run on the tasks of the default arm"
    with pytest.raises(OutcomesError, match="no run of 'default'"):
        elicitation_gap(arms(rng, {"tools": 0.3}), rng=rng)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7])
def test_equal_arms_show_no_gain(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hits, values = 0, []
    for _ in range(300):
        answer = elicitation_gap(arms(rng, dict.fromkeys(("default", "b", "c", "d"), 0.5)), rng=rng).comparison.answer
        assert isinstance(answer, Estimate)
        hits += (answer.lower or 0) <= 0 <= (answer.upper or 0)
        values.append(answer.value)
    assert 0.91 <= hits / 300 <= 0.985, f"seed {seed}"
    assert abs(float(np.mean(values))) < 0.02, f"seed {seed}"
