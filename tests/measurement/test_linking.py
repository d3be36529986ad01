"""Scales are joined through anchors that hold still; those that moved are found, and too many of them end the scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.measurement.estimate import NotIdentifiable
from seatrial.measurement.linking import ANCHORS, MIN_ANCHORS, SOLVE_RATES, Link, anchors, link

SEED = 20261124


def scale(count: int, rng: np.random.Generator) -> dict[str, float]:
    return {f"item {number:02}": float(value) for number, value in enumerate(rng.normal(0, 2, count))}


def moved(old: dict[str, float], shift: float, noise: float, rng: np.random.Generator) -> dict[str, float]:
    return {item: value + shift + float(rng.normal(0, noise)) for item, value in old.items()}


def test_shift_and_its_error_are_those_of_the_anchors_that_agree() -> None:
    rng = np.random.default_rng(SEED)
    old = scale(40, rng)
    new = moved(old, 0.7, 0.3, rng)
    for item in list(old)[:4]:
        new[item] += 6
    found = link(old, new)
    assert isinstance(found, Link)
    assert set(list(old)[:4]) <= set(found.dropped)
    chosen = [new[item] - old[item] for item in found.kept]
    assert found.shift == pytest.approx(np.mean(chosen))
    assert (
        np.std(chosen, ddof=1) / np.sqrt(len(chosen)) < found.se < np.std(chosen, ddof=1) / np.sqrt(len(chosen)) * 1.5
    )


def test_two_standard_errors_hold_the_shift() -> None:
    rng = np.random.default_rng(SEED)
    hits = 0
    for _ in range(2000):
        old = scale(40, rng)
        found = link(old, moved(old, 0.4, 0.5, rng))
        assert isinstance(found, Link)
        hits += abs(found.shift - 0.4) < 2.02 * found.se
    assert 0.92 < hits / 2000 < 0.98, f"{hits} of 2000, seed {SEED}"


def test_too_few_anchors_or_too_much_drift_is_another_scale() -> None:
    rng = np.random.default_rng(SEED)
    old = scale(MIN_ANCHORS - 1, rng)
    few = link(old, moved(old, 0, 0.1, rng))
    assert isinstance(few, NotIdentifiable)
    assert f"{MIN_ANCHORS} needed" in few.reason
    old = scale(60, rng)
    new = moved(old, 0, 0.1, rng)
    for item in list(old)[:20]:
        new[item] += 5
    drifted = link(old, new)
    assert isinstance(drifted, NotIdentifiable)
    assert "20 of 60 anchors drifted" in drifted.reason


def test_nothing_in_common_is_no_error() -> None:
    answer = link({"a": 1.0}, {"b": 1.0})
    assert isinstance(answer, NotIdentifiable)
    assert answer.counts["anchors"] == 0


@given(st.floats(-3, 3), st.integers(0, 2**32 - 1))
def test_linking_there_and_back_is_nothing(shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    old = scale(60, rng)
    new = moved(old, shift, 0.2, rng)
    there, back = link(old, new), link(new, old)
    assert isinstance(there, Link)
    assert isinstance(back, Link)
    assert there.shift == pytest.approx(-back.shift)
    assert there.se == pytest.approx(back.se)


def test_anchors_are_neither_easy_nor_hard_and_spread_over_difficulty() -> None:
    rng = np.random.default_rng(SEED)
    difficulty = scale(300, rng)
    rate = {item: float(1 / (1 + np.exp(value))) for item, value in difficulty.items()}
    chosen = anchors(rate, difficulty)
    assert len(set(chosen)) == ANCHORS
    assert all(SOLVE_RATES[0] <= rate[item] <= SOLVE_RATES[1] for item in chosen)
    values = sorted(difficulty[item] for item in chosen)
    fit = [difficulty[item] for item in rate if SOLVE_RATES[0] <= rate[item] <= SOLVE_RATES[1]]
    assert (values[0], values[-1]) == (min(fit), max(fit))
    assert anchors(rate, difficulty) == chosen


def test_with_few_items_all_that_are_fit_are_anchors() -> None:
    assert anchors({"a": 0.5, "b": 0.95, "c": 0.2}, {"a": 1.0, "b": 0.0, "c": 2.0}) == ("a", "c")
