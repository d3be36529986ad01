"""The fit against an independent library, its own optimality conditions, and what must not change it."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from seatrial.measurement import logistic
from seatrial.measurement.logistic import RIDGE, Fit, equal_weights, family_weights, fit, refit

Case = tuple[np.ndarray, np.ndarray, np.ndarray]


def case(seed: int, runs: int = 80) -> Case:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 11, runs)
    y = (rng.random(runs) < expit(0.7 * (5 - x))).astype(np.float64)
    return x, y, rng.uniform(0.2, 3, runs)


def known(found: Fit | None) -> Fit:
    assert found is not None
    return found


def test_the_worked_example() -> None:
    found = doctest.testmod(logistic)
    assert (found.failed, found.attempted > 0) == (0, True)


@pytest.mark.parametrize("seed", range(6))
def test_without_a_ridge_it_is_the_maximum_of_likelihood(seed: int) -> None:
    models = importlib.import_module("statsmodels.api")
    x, y, weight = case(seed)
    found = known(fit(x, y, weight, ridge=0))
    oracle = models.GLM(y, models.add_constant(x), models.families.Binomial(), var_weights=weight).fit(tol=1e-12)
    assert (found.intercept, found.slope) == pytest.approx(tuple(oracle.params), rel=1e-7)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("ridge", [RIDGE, 0.1])
def test_the_gradient_vanishes(seed: int, ridge: float) -> None:
    x, y, weight = case(seed)
    found = known(fit(x, y, weight, ridge=ridge))
    weight = weight / weight.sum()
    error = weight * (expit(found.intercept + found.slope * x) - y)
    assert error.sum() == pytest.approx(0, abs=1e-12)
    assert error @ x + ridge * found.slope == pytest.approx(0, abs=1e-11)
    eta = found.intercept + found.slope * x
    assert found.loss == pytest.approx(float(weight @ (np.log1p(np.exp(eta)) - y * eta)))


def test_separated_outcomes_have_a_finite_fit() -> None:
    found = known(fit(np.arange(10.0), (np.arange(10) < 5).astype(np.float64), np.ones(10)))
    assert found.at(0.5) == pytest.approx(4.5)
    assert -40 < found.slope < -5


def test_pseudo_outcomes_may_lie_outside() -> None:
    x, y, weight = case(1)
    stretched = 0.5 + 1.4 * (y - 0.5)
    found = known(fit(x, stretched, weight))
    error = weight / weight.sum() * (expit(found.intercept + found.slope * x) - stretched)
    assert error.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("outcome", [0.0, 1.0, 0.5])
def test_equal_outcomes_have_no_fit(outcome: float) -> None:
    assert fit(np.arange(8.0), np.full(8, outcome), np.ones(8)) is None
    assert fit(np.arange(8.0), np.append(np.full(7, outcome), 1 - outcome), np.append(np.ones(7), 0)) is None
    assert fit(np.zeros(0), np.zeros(0), np.zeros(0)) is None
    assert fit(np.arange(2.0), np.array([1.4, 1.2]), np.ones(2)) is None


def test_one_length_for_all_has_no_slope() -> None:
    found = known(fit(np.full(8, 3.0), (np.arange(8) < 2).astype(np.float64), np.ones(8)))
    assert found.slope == 0
    assert expit(found.intercept) == pytest.approx(0.25)


outcomes = st.lists(st.tuples(st.floats(-2, 12), st.integers(0, 1), st.floats(0.01, 5)), min_size=1, max_size=30)


@settings(deadline=None, max_examples=150)
@given(outcomes)
def test_it_never_raises_and_is_finite(rows: list[tuple[float, int, float]]) -> None:
    x, y, weight = np.array(rows, dtype=np.float64).T
    found = fit(x, y, weight)
    if found is None:
        assert len(set(y)) == 1
    else:
        assert np.isfinite([found.intercept, found.slope, found.loss]).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.floats(-8, 8), st.floats(1e-3, 1e3))
def test_shift_of_lengths_and_scale_of_weights(seed: int, shift: float, scale: float) -> None:
    x, y, weight = case(seed)
    one, two = known(fit(x, y, weight)), known(fit(x + shift, y, weight * scale))
    assert two.slope == pytest.approx(one.slope, abs=1e-9)
    assert two.at(0.5) - shift == pytest.approx(one.at(0.5), abs=1e-7)
    assert two.loss == pytest.approx(one.loss, abs=1e-10)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000))
def test_order_does_not_matter_and_success_mirrors_failure(seed: int) -> None:
    x, y, weight = case(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    one = known(fit(x, y, weight))
    two, mirror = known(fit(x[order], y[order], weight[order])), known(fit(x, 1 - y, weight))
    assert (two.intercept, two.slope) == pytest.approx((one.intercept, one.slope), abs=1e-9)
    assert (mirror.intercept, mirror.slope) == pytest.approx((-one.intercept, -one.slope), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_refits_are_fits(seed: int) -> None:
    x, y, weight = case(seed, 120)
    full = known(fit(x, y, weight))
    weights = weight * (np.arange(len(x)) % 12 != np.arange(12)[:, None])
    exact = [known(fit(x, y, row)) for row in weights]
    found = refit(x, y, weights, full)
    assert found == pytest.approx(np.array([(one.intercept, one.slope) for one in exact]), rel=1e-8)
    flipped = np.stack([np.where(np.arange(len(x)) == number, 1 - y, y) for number in range(5)])
    found = refit(x, flipped, weight, full)
    exact = [known(fit(x, row, weight)) for row in flipped]
    assert found == pytest.approx(np.array([(one.intercept, one.slope) for one in exact]), rel=1e-8)
    assert refit(x, y, weight, full) == pytest.approx(np.array([[full.intercept, full.slope]]))


def test_a_refit_without_any_success_stays_finite() -> None:
    x, y, weight = case(3)
    found = refit(x, y, weight * (y == 0), known(fit(x, y, weight)))
    assert np.isfinite(found).all()


def test_weights() -> None:
    task = np.array(["a", "a", "b", "c", "c", "c"])
    family = np.array(["f", "f", "f", "g", "g", "g"])
    raw = np.array([1 / (2 * 2**0.5)] * 2 + [1 / 2**0.5] + [1 / 3] * 3)
    assert family_weights(task, family) == pytest.approx(raw / raw.sum())
    assert equal_weights(task) == pytest.approx(np.array([1 / 6, 1 / 6, 1 / 3, 1 / 9, 1 / 9, 1 / 9]))
