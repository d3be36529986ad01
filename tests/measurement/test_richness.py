"""Distinct findings: what was made, what was not, what would come."""

from __future__ import annotations

import doctest
import importlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.measurement import Estimate, Incidence, NotIdentifiable, Richness, richness


def measured(counts: list[int], runs: int, seed: int = 1, **more: object) -> Richness:
    found = Incidence(np.array(counts, dtype=np.int64), runs)
    return richness(found, rng=np.random.default_rng(seed), budget="10 h a run", bank_version="toy", **more)  # type: ignore[arg-type]


def test_worked_examples() -> None:
    assert doctest.testmod(importlib.import_module("seatrial.measurement.richness")).failed == 0


MATRICES = st.integers(1, 7).flatmap(
    lambda runs: st.lists(st.sets(st.integers(0, runs - 1), min_size=1), max_size=8).map(lambda made: (runs, made))
)


@given(MATRICES)
@settings(max_examples=80, deadline=None)
def test_rarefaction_is_the_mean_over_all_subsets(case: tuple[int, list[set[int]]]) -> None:
    runs, made = case
    pairs = [(str(run), str(finding)) for finding, by in enumerate(made) for run in by]
    curve = Incidence.of(pairs, runs=runs).rarefied()
    for r in range(1, runs + 1):
        subsets = list(itertools.combinations(range(runs), r))
        mean = np.mean([sum(bool(by & set(subset)) for by in made) for subset in subsets])
        assert curve[r - 1] == pytest.approx(float(mean), abs=1e-9)
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(curve))


def test_bound_coverage_and_forecast_by_hand() -> None:
    found = measured([1, 1, 1, 1, 2, 2, 5, 7], 10, more=(4,))
    assert isinstance(found.total, Estimate)
    unseen = 0.9 * 4 * 3 / (2 * 3)
    assert found.total.value == pytest.approx(8 + unseen)
    assert found.total.upper is None
    assert 8 <= (found.total.lower or 0) < 8 + unseen
    assert (found.total.lower or 0).is_integer()
    assert found.total.qualifiers == {"at-least"}
    assert isinstance(found.coverage, Estimate)
    assert found.coverage.qualifiers == {"exploratory"}
    assert found.coverage.value == pytest.approx(1 - 4 / 20 * (9 * 4) / (9 * 4 + 2 * 2))
    (forecast,) = found.forecasts
    assert isinstance(forecast, Estimate)
    assert forecast.value == pytest.approx(unseen * (1 - (1 - 4 / (10 * unseen + 4)) ** 4))
    assert (forecast.lower or 0) <= (forecast.value or 0) <= (forecast.upper or 0)
    assert forecast.n_runs == 10


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_limits_hold_their_order_whatever_was_found(counts: list[int], more: int) -> None:
    found = measured(counts, 12, more=(more,))
    assert isinstance(found.total, Estimate)
    assert len(counts) <= (found.total.lower or 0) + 1e-9
    assert isinstance(found.coverage, Estimate)
    assert 0 <= (found.coverage.lower or 0) <= (found.coverage.upper or 0) <= 1
    assert isinstance(found.forecasts[0], Estimate)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_and_repeats_mean_nothing(pairs: list[tuple[int, int]], shuffle: object) -> None:
    named = [(f"r{run}", f"c{finding}") for run, finding in pairs]
    again = [*named, *named[:3]]
    shuffle.shuffle(again)  # type: ignore[attr-defined]
    one, two = Incidence.of(named, runs=6), Incidence.of(again, runs=6)
    assert one.counts.tolist() == two.counts.tolist()


def test_what_cannot_be_said() -> None:
    few = measured([1, 1], 4, more=(2,))
    assert isinstance(few.total, NotIdentifiable)
    assert few.total.reason == "4 runs, 5 needed"
    assert few.rarefied == pytest.approx((0.5, 1.0, 1.5, 2.0))
    nothing = measured([], 20)
    assert isinstance(nothing.coverage, NotIdentifiable)
    assert nothing.coverage.reason == "nothing was found in 20 runs"
    far = measured([1, 2, 3], 6, more=(6, 7)).forecasts
    assert isinstance(far[0], Estimate)
    assert isinstance(far[1], NotIdentifiable)
    assert far[1].reason.startswith("forecasts reach as far as the 6 runs made")


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="finding 1 was made by 9 of 8 runs"):
        Incidence(np.array([1, 9]), 8)
    with pytest.raises(ValueError, match="findings of 2 runs, but runs is 1"):
        Incidence.of([("a", "x"), ("b", "x")], runs=1)
    with pytest.raises(ValueError, match="one run or more"):
        measured([1], 8, more=(0,))


@pytest.mark.parametrize("seed", [1, 2])
def test_bound_and_forecast_where_detection_differs(seed: int) -> None:
    """Findings differ in how easily they are made, so the bound falls short of the truth; the forecast must not."""
    rng = np.random.default_rng(seed)
    hits, totals = 0, []
    for _ in range(100):
        chance = rng.beta(0.5, 4, 80)
        counts = rng.binomial(12, chance)
        came = int(((counts == 0) & (rng.binomial(12, chance) > 0)).sum())
        found = richness(
            Incidence(counts[counts > 0], 12), rng=rng, budget="10 h", bank_version="toy", more=(12,)
        )  # fmt: skip
        assert isinstance(found.total, Estimate)
        assert isinstance(found.forecasts[0], Estimate)
        totals.append((found.total.value or 0, found.distinct))
        hits += (found.forecasts[0].lower or 0) <= came <= (found.forecasts[0].upper or 0)
    mean_total, mean_made = np.mean(totals, axis=0)
    assert mean_made < mean_total < 80, f"seed {seed}"
    assert hits >= 86, f"seed {seed}"
