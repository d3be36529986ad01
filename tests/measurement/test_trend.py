"""Doubling times, and the bootstrap of published tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import linregress
from scipy.stats import t as student

from seatrial.measurement import Estimate, NotIdentifiable, doubling_time
from seatrial.measurement.horizon import Scope, horizon
from seatrial.measurement.trend import multiplicities, published_bootstrap
from seatrial.measurement.worlds import BASE, review

SCOPE = Scope(
    axis="minutes",
    shortest=0.0,
    longest=10.0,
    n_runs=900,
    n_tasks=300,
    n_families=20,
    budget="1,000 tokens a run",
    bank_version="toy",
    method="horizon",
)


def test_an_exact_line() -> None:
    day = np.array([0.0, 100.0, 250.0, 400.0])
    found = doubling_time(day, 2 ** (day / 200 + 1), SCOPE)
    assert isinstance(found, Estimate)
    assert (found.value, found.lower, found.upper) == pytest.approx((200.0,) * 3)
    assert (found.unit, found.qualifiers) == ("days", {"exploratory"})


def test_scatter_against_a_library() -> None:
    rng = np.random.default_rng(1)
    day = np.sort(rng.uniform(0, 1500, 9))
    octaves = day / 250 + rng.normal(0, 0.7, 9)
    oracle = linregress(day, octaves)
    half = student.ppf(0.975, 7) * oracle.stderr
    found = doubling_time(day, 2**octaves, SCOPE)
    assert isinstance(found, Estimate)
    assert (found.value, found.lower, found.upper) == pytest.approx(
        (1 / oracle.slope, 1 / (oracle.slope + half), 1 / (oracle.slope - half))
    )


def test_no_growth_few_models_and_an_open_end() -> None:
    day = np.array([0.0, 1.0, 2.0, 3.0])
    for minutes, words in (([4, 3, 2, 1], "do not grow"), ([1, 1, 1, 1], "do not grow")):
        found = doubling_time(day, np.array(minutes, dtype=np.float64), SCOPE)
        assert isinstance(found, NotIdentifiable)
        assert words in found.reason
    few = doubling_time(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), SCOPE)
    assert isinstance(few, NotIdentifiable)
    assert few.reason == "horizons from 2 release days, 3 needed"
    scattered = doubling_time(day, np.array([1.0, 9.0, 2.0, 8.0]), SCOPE)
    assert isinstance(scattered, Estimate)
    assert scattered.upper is None


def test_draws_keep_families_whole() -> None:
    family = np.repeat(np.array(["a", "b", "c"]), (2, 5, 3))
    times = multiplicities(family, np.random.default_rng(2), 4000)
    sums = np.stack([times[:, family == name].sum(axis=1) for name in "abc"], axis=1)
    drawn = sums / np.array([2, 5, 3])
    assert (drawn == np.round(drawn)).all()
    assert (drawn.sum(axis=1) == 3).all()
    assert times.mean(axis=0) == pytest.approx(np.ones(10), abs=0.1)


def test_bootstrap_surrounds_the_horizon_and_skips_draws_without_variation() -> None:
    outcomes, _ = review(BASE, np.random.default_rng(3), families=20, mean_size=8, runs=1, theta=5.5)
    answer = horizon(outcomes).answer
    assert isinstance(answer, Estimate)
    assert answer.value is not None
    solved = replace(outcomes, score=np.ones(len(outcomes)))
    one, two, none = published_bootstrap([outcomes, outcomes, solved], np.random.default_rng(4), draws=200)
    assert (one == two).all()  # one draw for all tables
    low, high = np.nanquantile(one, (0.025, 0.975))
    assert low < np.log2(answer.value) < high
    assert np.isnan(none).all()
