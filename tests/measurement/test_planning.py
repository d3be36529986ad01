"""A plan's widths are those that reviews of such banks get, and its needs the smallest that reach a width."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.measurement.adaptive import Design
from seatrial.measurement.bank import Bank
from seatrial.measurement.clusters import MIN_FAMILIES, cluster_mean
from seatrial.measurement.planning import (
    detectable_difference,
    expectations,
    families_needed,
    half_width,
    horizon_width,
    power_of_difference,
    rounds_needed,
    standard_error,
)
from seatrial.measurement.worlds import BASE, family_sizes

SEED = 20261124


def bank_of(families: int, tasks: int) -> tuple[Bank, np.ndarray]:
    rng = np.random.default_rng(SEED)
    family = np.repeat(np.arange(families), tasks)
    octaves = np.clip(rng.uniform(0, 10, families)[family] + rng.normal(0, 1.2, len(family)), -1, 11)
    names = [f"t{number}" for number in range(len(family))]
    return Bank.of(names, [f"f{code}" for code in family], minutes=np.exp2(octaves)), octaves


@pytest.mark.parametrize(("families", "mean_size", "runs"), [(15, 20, 1), (30, 10, 1), (60, 5, 1), (60, 5, 4)])
def test_the_expected_error_is_that_of_simulated_reviews(families: int, mean_size: int, runs: int) -> None:
    rng = np.random.default_rng(SEED)
    found, expected = [], []
    for _ in range(300):
        code = family_sizes(rng, families, mean_size)
        chance = 1 / (1 + np.exp(-BASE.slope * (5.5 - BASE.difficulty(rng, code))))
        y = rng.binomial(runs, chance) / runs
        found.append(cluster_mean(y, code.astype(str)).se)
        expected.append(standard_error(np.bincount(code)[np.bincount(code) > 0], runs=runs, mean=float(y.mean())))
    assert np.mean(expected) == pytest.approx(np.mean(found), rel=0.1), f"seed {SEED}"


@given(st.floats(0.03, 0.2), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_one_family_fewer_would_not_do(wanted: float, tasks_each: int) -> None:
    families = families_needed(wanted, tasks_each)
    assert families is not None
    assert half_width(np.full(families, tasks_each)) <= wanted
    assert families == MIN_FAMILIES or half_width(np.full(families - 1, tasks_each)) > wanted


def test_a_width_beyond_all_families_is_out_of_reach() -> None:
    assert families_needed(0.001, 1) is None


def test_power_grows_with_the_difference_and_is_80_percent_where_the_plan_says() -> None:
    size = np.full(40, 7)
    assert power_of_difference(0.0, size) == pytest.approx(0.05)
    assert power_of_difference(detectable_difference(size), size) == pytest.approx(0.8, abs=0.01)
    powers = [power_of_difference(difference, size) for difference in np.linspace(0, 0.4, 9)]
    assert powers == sorted(powers)


def test_a_horizon_is_narrower_on_a_larger_bank() -> None:
    small = horizon_width(*bank_of(15, 5), np.random.default_rng(SEED))
    large = horizon_width(*bank_of(60, 5), np.random.default_rng(SEED))
    assert small is not None
    assert large is not None
    assert 1.3 < large.factor < small.factor
    assert large.unbounded <= small.unbounded


def test_rehearsed_rounds_take_more_runs_for_a_narrower_interval_and_never_more_than_the_cap() -> None:
    bank, octaves = bank_of(30, 8)
    rehearsed = [
        rounds_needed(
            Design(half_width=width, cap=120, seed=SEED), bank, None, octaves, np.random.default_rng(SEED), reviews=20
        )
        for width in (0.15, 0.06)
    ]
    assert rehearsed[0].runs < rehearsed[1].runs
    assert all(rounds.low <= rounds.runs <= rounds.high <= 120 for rounds in rehearsed)
    assert rehearsed[0].reached > 0.8
    assert rehearsed[1].half_width < rehearsed[0].half_width


def test_a_plan_says_what_each_quantity_is_worth_and_what_is_out_of_reach() -> None:
    bank, octaves = bank_of(30, 8)
    for design in (None, Design(half_width=0.02, cap=60, seed=SEED)):
        found = {
            item.quantity: item
            for item in expectations(bank, octaves, np.random.default_rng(SEED), design=design, wanted=0.02)
        }
        assert set(found) == {"Q1", "Q2", "Q6", "Q7", "Q11"}
        assert not found["Q1"].reachable
        assert not found["Q2"].reachable
        assert "families of 8 tasks; this battery has 30" in found["Q2"].remark
        assert found["Q1"].runs == (60 if design else 240)
        assert 0 < (found["Q7"].expected or 0) < 1
        assert found["Q11"].reachable


def test_repeats_narrow_the_bank_interval_of_a_fixed_battery() -> None:
    bank, octaves = bank_of(30, 8)
    rng = np.random.default_rng(SEED)
    once, repeated = (expectations(bank, octaves, rng, design=None, runs=runs)[0] for runs in (240, 384))
    assert (repeated.expected or 1) < 0.7 * (once.expected or 0)


def test_few_families_promise_nothing_beyond_the_bank() -> None:
    bank, octaves = bank_of(MIN_FAMILIES - 1, 8)
    found = expectations(bank, octaves, np.random.default_rng(SEED), design=None, wanted=0.05)
    general = {item.quantity: item for item in found if item.quantity in {"Q2", "Q6", "Q7"}}
    assert all(item.expected is None and "15 needed" in item.remark for item in general.values())
    assert not general["Q2"].reachable
