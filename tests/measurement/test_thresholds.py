"""Claims above a threshold, fixed or while running."""

from __future__ import annotations

import doctest
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import comb
from scipy.stats import norm
from scipy.stats import t as student

from seatrial.measurement import Claim, Estimate, NotIdentifiable, Outcomes, statements, watch
from seatrial.measurement import thresholds as module
from seatrial.measurement.horizon import horizon
from seatrial.measurement.thresholds import holm, log_e_value
from seatrial.measurement.worlds import BASE, review

FORBIDDEN = ("pass", "fail", "clear", "approve", "safe", "reject")


def runs(scores: list[float], families: int = 20, minutes: list[float] | None = None) -> Outcomes:
    n = len(scores)
    table: dict[str, list[str] | list[float]] = {
        "participant": ["m"] * n,
        "task": [f"t{i}" for i in range(n)],
        "family": [f"f{i % families}" for i in range(n)],
        "score": scores,
        "status": ["lost" if math.isnan(score) else "finished" for score in scores],
    }
    if minutes is not None:
        table |= {"minutes": minutes, "minutes_source": ["completion"] * n}
    return Outcomes.of(table, budget=1000, bank_version="toy")


def test_worked_examples() -> None:
    assert doctest.testmod(module).failed == 0


def by_closed_testing(p: list[float], alpha: float) -> list[bool]:
    """A claim is shown when every set of claims that holds it is shown by Bonferroni: what Holm shortens."""
    sets = [s for size in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), size)]
    return [all(min(p[j] for j in s) <= alpha / len(s) for s in sets if i in s) for i in range(len(p))]


GRID = st.lists(st.sampled_from([0.0, 0.004, 0.011, 0.0126, 0.02, 0.03, 0.049, 0.3, 1.0]), min_size=1, max_size=6)


@given(GRID)
@settings(max_examples=150, deadline=None)
def test_holm_is_the_closed_test(p: list[float]) -> None:
    assert (holm(p) <= 0.05).tolist() == by_closed_testing(p, 0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_holm_invariants(p: list[float], shuffle: object) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.asarray(p)).all()
    assert (adjusted <= np.minimum(1, np.asarray(p) * len(p)) + 1e-15).all()  # never less powerful than Bonferroni
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    turn = list(range(len(p)))
    shuffle.shuffle(turn)  # type: ignore[attr-defined]
    assert holm([p[i] for i in turn]).tolist() == [adjusted[i] for i in turn]


def test_holm_refuses_what_is_no_chance() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.1, 1.2])
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([math.nan])
    assert holm([]).tolist() == []


@given(st.integers(0, 14), st.sampled_from([0.1, 0.3, 0.5, 0.8]), st.sampled_from([0.2, 0.7, 1.0]))
@settings(max_examples=60, deadline=None)
def test_e_value_expects_no_more_than_one(n: int, threshold: float, fraction: float) -> None:
    p, k = threshold * fraction, np.arange(n + 1.0)
    e = np.exp(log_e_value(k, np.full(n + 1, float(n)), threshold))
    chance = comb(n, k) * p**k * (1 - p) ** (n - k)
    assert (e >= 0).all()
    assert float(chance @ e) <= 1 + 1e-9
    if fraction == 1.0:  # at the threshold itself exactly the mass that the mixture has above it: 1
        assert float(chance @ e) == pytest.approx(1)


@given(st.lists(st.integers(0, 1), max_size=12), st.sampled_from([0.2, 0.5]))
@settings(max_examples=60, deadline=None)
def test_e_process_is_a_supermartingale_at_the_threshold(scores: list[int], threshold: float) -> None:
    k, n = sum(scores), len(scores)
    now, solved, missed = (
        float(np.exp(log_e_value(np.array([a]), np.array([b]), threshold))[0])
        for a, b in ((k, n), (k + 1, n + 1), (k, n + 1))
    )
    assert threshold * solved + (1 - threshold) * missed == pytest.approx(now)
    assert watch(scores, threshold=threshold).log_e[0] == pytest.approx(0, abs=1e-12)


def test_e_value_in_extremes_is_a_number_or_nothing() -> None:
    log_e = log_e_value(np.array([0.0, 1e5, 5e4]), np.array([1e5, 1e5, 1e5]), 0.5)
    assert log_e[0] == -math.inf
    assert log_e[1] == pytest.approx(1e5 * math.log(2) - math.log(1e5 + 1) + math.log(2))
    assert not np.isnan(log_e).any()


def test_watching_stays_shown_and_says_when() -> None:
    found = watch([1] * 9 + [0] * 30, threshold=0.5)
    assert found.shown_after == 7
    assert found.log_e[7] >= math.log(20) > found.log_e[6]
    assert found.words == "more than 50 % solved, at level 95 % however often looked at, after 7 runs"
    assert watch([0, 1], threshold=0.5).words.startswith("not shown in 2 runs: ")
    assert watch([], threshold=0.5).shown_after is None
    with pytest.raises(ValueError, match=r"score of run 1: 0\.5"):
        watch([1, 0.5], threshold=0.5)
    with pytest.raises(ValueError, match="threshold 1"):
        watch([1], threshold=1)


@pytest.mark.parametrize("seed", [11])
def test_peeking_after_every_run(seed: int) -> None:
    scores = np.random.default_rng(seed).random((1000, 300)) < 0.5
    solved = np.cumsum(scores, axis=1).astype(float)
    log_e = log_e_value(solved, np.broadcast_to(np.arange(1.0, 301), solved.shape), 0.5)
    assert (log_e[:, 9:].max(axis=1) >= math.log(20)).mean() <= 0.05, f"seed {seed}"
    z = (solved - np.arange(1, 301) * 0.5) / np.sqrt(np.arange(1, 301) * 0.25)
    assert (z[:, 9:].max(axis=1) > norm.ppf(0.95)).mean() > 0.2, f"seed {seed}"


def test_p_values_by_hand() -> None:
    y = np.array(([1.0] * 13 + [0.0] * 7) * 5)
    one, two = statements([Claim("bank", "Q1", 0.5), Claim("like", "Q2", 0.5)], runs(y.tolist(), families=16))
    sums = np.bincount(np.arange(100) % 16, weights=y - 0.65)
    size = np.bincount(np.arange(100) % 16)
    se = math.sqrt(15 / 16 * float(((sums / (100 - size)) ** 2).sum()))
    free = 100**2 / float(size @ size) - 1
    assert one.p_value == pytest.approx(norm.sf(0.15 / math.sqrt(0.25 / 100)), rel=1e-6)
    assert two.p_value == pytest.approx(student.sf((math.log(0.65 / 0.35)) / (se / (0.65 * 0.35)), free), rel=1e-6)
    both = sorted([one.p_value or 1, two.p_value or 1])
    assert sorted([one.adjusted, two.adjusted]) == pytest.approx([2 * both[0], max(2 * both[0], both[1])])
    assert (one.shown, two.shown) == (one.adjusted <= 0.05, two.adjusted <= 0.05)


def test_families_that_agree_exactly_say_nothing() -> None:
    (found,) = statements([Claim("like", "Q2", 0.5)], runs([1.0] * 60 + [0.0] * 40))  # 3 of 5 in each of 20 families
    assert found.words.startswith("cannot be tested (no variation between the 20 families)")


@given(st.integers(0, 40), st.floats(0.02, 0.98))
@settings(max_examples=60, deadline=None)
def test_statement_and_interval_agree(solved: int, threshold: float) -> None:
    """Shown at 97.5 % exactly where the 95 % interval lies above the threshold; p falls as more is solved."""
    less, more = ([1.0] * k + [0.0] * (40 - k) for k in (solved, min(40, solved + 1)))
    for quantity in ("Q1", "Q2"):
        claim = Claim("c", quantity, threshold)  # type: ignore[arg-type]
        (one,), (two,) = (statements([claim], runs(scores)) for scores in (less, more))
        if isinstance(one.answer, Estimate) and one.answer.lower is not None:
            assert one.p_value is not None
            assert (one.p_value <= 0.025) == (one.answer.lower >= threshold)
            if quantity == "Q1" and two.p_value is not None:
                assert two.p_value <= one.p_value + 1e-9


@pytest.mark.parametrize("seed", [3])
def test_horizon_claim(seed: int) -> None:
    table, _ = review(BASE, np.random.default_rng(seed), families=40, mean_size=8, runs=1, theta=5.5)
    found = horizon(table)
    assert isinstance(found.answer, Estimate)
    claims = [Claim("low", "Q6", (found.answer.lower or 0) * 0.9), Claim("at", "Q6", found.answer.value or 0)]
    low, at = statements(claims, table)
    assert low.p_value is not None
    assert low.p_value < 0.025, f"seed {seed}"
    assert at.p_value == pytest.approx(0.5)
    (edge,) = statements([Claim("edge", "Q6", found.answer.lower or 0)], table)
    assert edge.p_value == pytest.approx(0.025, abs=1e-6)  # Fieller's limit and the test are one
    (beyond,) = statements([Claim("beyond", "Q6", 5000.0)], table)
    assert beyond.p_value is None
    assert beyond.words.startswith("cannot be tested (the longest task takes ")


def test_what_cannot_be_tested_keeps_its_place() -> None:
    table = runs([1.0] * 40 + [0.0] * 20, families=10)
    alone = statements([Claim("bank", "Q1", 0.5)], table)[0]
    first, second = statements([Claim("bank", "Q1", 0.5), Claim("like", "Q2", 0.5)], table)
    assert second.p_value is None
    assert isinstance(second.answer, NotIdentifiable)
    assert not second.shown
    assert first.adjusted == pytest.approx(2 * alone.adjusted)
    assert statements([Claim("hours", "Q6", 30.0)], table)[0].words.startswith("cannot be tested (human minutes")
    assert statements([], table) == ()


def test_losses_count_against_a_claim() -> None:
    whole = statements([Claim("bank", "Q1", 0.5)], runs([1.0] * 40 + [0.0] * 20))[0]
    lossy = statements([Claim("bank", "Q1", 0.5)], runs([1.0] * 40 + [math.nan] * 20))[0]
    assert lossy.p_value == pytest.approx(whole.p_value)
    assert isinstance(lossy.answer, Estimate)
    assert "losses-bounded" in lossy.answer.qualifiers


def test_words_are_neutral() -> None:
    table = runs([1.0] * 55 + [0.0] * 5, families=20)
    claims = [Claim("a", "Q1", 0.5), Claim("b", "Q2", 0.999), Claim("c", "Q6", 30.0)]
    found = statements(claims, table)
    assert found[0].words == "at least 50 % of this battery's tasks solved, at level 95 % together with 2 more"
    assert found[1].words.startswith("not shown at level 95 % together with 2 more: at least 99.9 %")
    for statement in found:
        assert not any(word in statement.words for word in FORBIDDEN)


def test_bad_claims() -> None:
    with pytest.raises(ValueError, match="Q1, Q2 or Q6"):
        Claim("a", "Q3", 0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a share between 0 and 1"):
        Claim("a", "Q1", 30)
    with pytest.raises(ValueError, match="human minutes above zero"):
        Claim("a", "Q6", 0)
    with pytest.raises(ValueError, match="a name of its own"):
        statements([Claim("a", "Q1", 0.5)] * 2, runs([1.0, 0.0]))
