"""Abilities on difficulties that the others set: nobody calibrates itself, and the interval knows of misfit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from seatrial.measurement import Estimate, NotIdentifiable, Outcomes
from seatrial.measurement.ability import POINTS, Field, _placed
from seatrial.measurement.bank import Bank

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats

SEED = 3
FAMILIES, TASKS = 24, 144
THETA = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])


def world(theta: Floats = THETA, *, spread: float = 0.0, seed: int = SEED) -> tuple[Bank, Floats]:
    """Outcomes of participants on tasks whose difficulty grows with their length."""
    rng = np.random.default_rng(seed)
    family = np.arange(TASKS) % FAMILIES
    x = rng.uniform(0, 8, TASKS)
    person = rng.normal(0, spread, (len(theta), FAMILIES))[:, family] if spread else 0.0
    scores = rng.random((len(theta), TASKS)) < 1 / (1 + np.exp(-(theta[:, None] - x + person)))
    names = [f"t{number}" for number in range(TASKS)]
    bank = Bank.of(names, [f"f{number}" for number in family], minutes=2.0**x)
    return bank, scores.astype(np.float64)


def field(bank: Bank, scores: Floats) -> Field:
    tables = [
        Outcomes.of(
            {"participant": [f"m{row}"] * len(bank), "task": bank.task, "family": bank.family, "score": score},
            budget=1,
            bank_version="made",
        )
        for row, score in enumerate(scores)
    ]
    return Field.of(tables, bank, seed=SEED)


def estimate(found: Estimate | NotIdentifiable) -> Estimate:
    assert isinstance(found, Estimate), found
    return found


def value(found: Estimate | NotIdentifiable) -> float:
    number = estimate(found).value
    assert number is not None
    return number


def test_abilities_are_in_order_and_on_their_own_scale() -> None:
    bank, scores = world()
    everybody = field(bank, scores)
    found = np.array([value(everybody.ability(row)) for row in range(len(THETA))])
    assert (np.diff(found) > 0).all()
    wanted = THETA - bank.x.mean()  # logits above the mean difficulty
    assert np.abs(found - wanted).max() < 1.2, f"seed {SEED}: {found - wanted}"
    first = estimate(everybody.ability(0))
    assert first.lower is not None
    assert first.upper is not None
    assert (first.n_tasks, first.n_families, first.unit) == (TASKS, FAMILIES, "logits")
    assert pytest.approx(182.05, abs=0.01) == POINTS


def test_nobody_calibrates_itself() -> None:
    """A participant's own outcomes on tasks move its ability, and no difficulty that it is placed on."""
    bank, scores = world()
    other = scores.copy()
    other[3] = 1 - other[3]
    for attribute in ("a", "b"):
        before, after = (getattr(field(bank, each).without(3), attribute) for each in (scores, other))
        assert np.array_equal(before, after)


def test_misfit_widens_the_interval() -> None:
    widths = []
    for spread in (0.0, 2.5):
        found = estimate(field(*world(spread=spread)).ability(3))
        assert found.lower is not None
        assert found.upper is not None
        widths.append(found.upper - found.lower)
    assert widths[1] > 1.3 * widths[0], f"seed {SEED}: {widths}"


def test_the_strongest_is_said_to_be_above_the_others() -> None:
    everybody = field(*world(np.array([1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 6.5])))
    assert "above-calibrators" in estimate(everybody.ability(6)).qualifiers
    assert "above-calibrators" not in estimate(everybody.ability(2)).qualifiers


def test_too_few_others_and_the_ends() -> None:
    bank, scores = world()
    few = field(bank, scores[2:6]).ability(0)
    assert isinstance(few, NotIdentifiable)
    assert "3 other participants" in few.reason
    five = estimate(field(bank, scores[1:6]).ability(0))
    assert "exploratory" in five.qualifiers
    scores[0] = 0.0
    none = field(bank, scores).ability(0)
    assert isinstance(none, NotIdentifiable)
    assert none.reason == "no task was solved"


def test_tasks_that_were_not_run_are_left_out() -> None:
    bank, scores = world()
    everybody = field(bank, scores)
    half = Outcomes.of(
        {"participant": ["m3"] * 80, "task": bank.task[:80], "family": bank.family[:80], "score": scores[3, :80]},
        budget=1,
        bank_version="made",
    )
    tables = list(everybody.tables)
    tables[3] = half
    found = estimate(Field.of(tables, bank, seed=SEED).ability(3))
    assert (found.n_runs, found.n_tasks) == (80, 80)


@pytest.mark.parametrize("theta", [-3.0, 0.0, 4.0])
def test_a_placed_ability_is_where_the_log_posterior_is_highest(theta: float) -> None:
    rng = np.random.default_rng(SEED)
    a, b = np.full(60, 1.4), rng.normal(0, 2, 60)
    score = (rng.random(60) < 1 / (1 + np.exp(-a * (theta - b)))).astype(np.float64)
    found, sd = _placed(a, b, score)
    grid = np.linspace(found - 1, found + 1, 2001)
    eta = a[:, None] * (grid - b[:, None])
    log = (score[:, None] * eta - np.logaddexp(0, eta)).sum(axis=0) - (grid / 2.5) ** 2 / 2
    assert abs(grid[np.argmax(log)] - found) < 2e-3
    assert 0 < sd < 2.5
