"""The worlds are what they say: truths by another way, spreads, and the same world from the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from seatrial.measurement.worlds import (
    BASE,
    MILDER,
    TOKENS,
    AttemptsWorld,
    JudgeWorld,
    World,
    budget_review,
    calibrator_world,
    peeked,
    review,
)


@pytest.mark.parametrize("world", [BASE, MILDER])
@pytest.mark.parametrize("person", [0.0, 1.0])
def test_the_true_horizon_by_quadrature(world: World, person: float) -> None:
    spread = np.sqrt(world.slope**2 * (world.between**2 + world.within**2) + person**2)
    x = world.horizon(5.5, 0.8, np.random.default_rng(1), person=person)
    share, _ = quad(lambda z: float(norm.pdf(z) * expit(world.slope * (5.5 - x) + spread * z)), -9, 9)
    assert share == pytest.approx(0.8, abs=0.002)
    assert world.horizon(5.5, 0.5, np.random.default_rng(1), person=person) == pytest.approx(5.5, abs=1e-9)


def test_a_review_is_drawn_from_its_world() -> None:
    rng = np.random.default_rng(2)
    shares = [review(BASE, rng, families=60, mean_size=5, runs=1, theta=5.5)[0].score.mean() for _ in range(60)]
    assert np.mean(shares) == pytest.approx(BASE.generalized(5.5, rng), abs=0.03)
    outcomes, chance = review(BASE, rng, families=200, mean_size=5, runs=2, theta=5.5)
    x = np.log2(outcomes.minutes)
    assert (x.min(), x.max()) == (pytest.approx(-1), pytest.approx(11))
    assert len(chance) == len(np.unique(outcomes.task)) == len(outcomes) / 2
    easy, hard = outcomes.score[x < 3].mean(), outcomes.score[x > 8].mean()
    assert easy > hard + 0.3


def test_calibrators() -> None:
    rng = np.random.default_rng(3)
    found = calibrator_world(BASE, rng, theta=8.5)
    tasks = len(found.family)
    assert found.calibrators.shape == (12, tasks)
    assert found.x.shape == found.chance.shape == found.scores.shape == (tasks,)
    assert set(np.unique(found.calibrators)) == {0.0, 1.0}
    assert found.scores.mean() > np.median(found.calibrators.mean(axis=1))
    same = calibrator_world(BASE, np.random.default_rng(3), theta=8.5)
    assert (same.calibrators == found.calibrators).all()
    alike = [calibrator_world(BASE, rng, theta=5.5, person=person).chance for person in (0.0, 3.0)]
    assert all(((chance > 0) & (chance < 1)).all() for chance in alike)


def test_attempts() -> None:
    world = AttemptsWorld(tasks=60, attempts=10, k=5, families=20)
    rng = np.random.default_rng(4)
    spread = np.hypot(world.between, world.within)
    share, _ = quad(lambda z: float(norm.pdf(z) * (1 - (1 - expit(spread * z)) ** 5)), -9, 9)
    assert world.truth(rng) == pytest.approx(share, abs=0.002)
    outcomes = world.review(rng)
    assert (len(outcomes), len(np.unique(outcomes.task)), len(np.unique(outcomes.family))) == (600, 60, 20)


def test_budgets_only_help() -> None:
    outcomes = budget_review(BASE, np.random.default_rng(5), families=30, mean_size=5, theta=5.5)
    assert outcomes.tokens.max() == TOKENS
    assert (outcomes.tokens[outcomes.score == 0] == TOKENS).all()


def test_judges_and_looks() -> None:
    rng = np.random.default_rng(6)
    items, on_labelled, label = JudgeWorld(0.9, 0.8, 0.3, 20_000, 20_000).verdicts(rng)
    assert items.mean() == pytest.approx(0.3 * 0.9 + 0.7 * 0.2, abs=0.02)
    assert label.mean() == 0.5
    assert (on_labelled[label].mean(), on_labelled[~label].mean()) == pytest.approx((0.9, 0.2), abs=0.02)
    assert peeked(rng, share=0.5, runs=300, paths=400).mean() == pytest.approx(0.5, abs=0.02)
