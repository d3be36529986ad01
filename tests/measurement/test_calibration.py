"""Difficulties against worlds with a known truth and an independent library; calibrations that name nobody."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import expit

from seatrial.measurement import Bank, Calibration, calibrate
from seatrial.measurement.calibration import fit_difficulties
from seatrial.measurement.replay import informative_rounds
from seatrial.measurement.worlds import BASE, CalibratorReview, calibrator_world

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Floats

SEED = 20261124


def world_of(seed: int = SEED, calibrators: int = 12, families: int = 40) -> tuple[CalibratorReview, Bank]:
    world = calibrator_world(
        BASE, np.random.default_rng(seed), theta=5.5, calibrators=calibrators, families=families, person=0.0
    )
    return world, bank_of(world)


def bank_of(world: CalibratorReview, *, minutes: bool = True, level: bool = False) -> Bank:
    return Bank.of(
        [f"t{number}" for number in range(len(world.x))],
        [f"f{number}" for number in world.family],
        minutes=np.exp2(world.x) if minutes else None,
        level=np.digitize(world.x, [3.5, 6.5]).astype(float) if level else None,
    )


def matrix(people: int, items: int, seed: int = SEED) -> tuple[Floats, Floats, Floats]:
    """Scores, difficulties and discriminations of a world without minutes."""
    rng = np.random.default_rng(seed)
    b, a = rng.normal(0, 1.5, items), np.exp(rng.normal(0.3, 0.5, items))
    theta = rng.normal(0, 1, people)
    chance = expit(a * (theta[:, None] - b))
    return (rng.random(chance.shape) < chance).astype(np.float64), b, a


def plain(items: int) -> Bank:
    return Bank.of([f"t{number}" for number in range(items)], [f"f{number % 20}" for number in range(items)])


def correlation(first: Floats, second: Floats) -> float:
    return float(np.corrcoef(first, second)[0, 1])


def test_difficulties_follow_the_truth_and_minutes_help() -> None:
    world, bank = world_of()
    truth = -np.log(world.chance / (1 - world.chance))
    with_minutes = correlation(fit_difficulties(world.calibrators, bank).b, truth)
    without = correlation(fit_difficulties(world.calibrators, bank_of(world, minutes=False)).b, truth)
    by_level = correlation(fit_difficulties(world.calibrators, bank_of(world, minutes=False, level=True)).b, truth)
    assert with_minutes > 0.9, f"seed {SEED}: {with_minutes}"
    assert with_minutes > by_level > without > 0.8, f"seed {SEED}: {with_minutes}, {by_level}, {without}"


def test_the_scale_does_not_run_away_with_few_calibrators() -> None:
    for calibrators in (6, 12, 25):
        world, bank = world_of(calibrators=calibrators)
        a = fit_difficulties(world.calibrators, bank).a[0]
        assert 0.9 < a < 3, f"seed {SEED}, {calibrators} calibrators: {a}; true is 2.1 for abilities over 7.5 octaves"


def test_stated_errors_of_difficulties_are_honest() -> None:
    world, bank = world_of(calibrators=25)
    found = fit_difficulties(world.calibrators, bank)
    truth = (world.theta - -np.log(1 / world.chance - 1) / BASE.slope) * BASE.slope
    logits, sd = found.b * found.a, found.sd * found.a
    error = logits - truth - np.mean(logits - truth)
    share = float((np.abs(error) < 1.96 * sd).mean())
    assert 0.88 < share < 0.99, f"seed {SEED}: {share} of the difficulties within two stated errors"


def test_difficulties_agree_with_girth() -> None:
    girth = importlib.import_module("girth")
    scores, _, _ = matrix(120, 150)
    kept = (scores.mean(axis=0) > 0) & (scores.mean(axis=0) < 1)
    oracle = girth.onepl_mml(scores.T[kept].astype(int))["Difficulty"]
    ours = fit_difficulties(scores, plain(150), discriminations=False).b[kept]
    assert correlation(oracle, ours) > 0.95, f"seed {SEED}"


def test_own_discriminations_only_from_forty_calibrators() -> None:
    scores, b, a = matrix(60, 200)
    found = fit_difficulties(scores, plain(200))
    assert correlation(np.log(found.a), np.log(a)) > 0.5, f"seed {SEED}"
    assert correlation(found.b, b) > 0.9, f"seed {SEED}"
    assert np.ptp(fit_difficulties(scores[:30], plain(200)).a) == 0


def test_missing_scores_and_fractions_are_read() -> None:
    world, bank = world_of()
    rng = np.random.default_rng(SEED)
    holes = np.where(rng.random(world.calibrators.shape) < 0.5, np.nan, world.calibrators)
    halves = np.clip(world.calibrators, 0.25, 0.75)
    whole = fit_difficulties(world.calibrators, bank)
    assert correlation(fit_difficulties(holes, bank).b, whole.b) > 0.9, f"seed {SEED}"
    assert correlation(fit_difficulties(halves, bank).b, whole.b) > 0.85, f"seed {SEED}"
    assert (fit_difficulties(holes, bank).sd > whole.sd).mean() > 0.9


def test_tasks_of_an_item_share_a_difficulty_and_scores_may_be_given_per_item() -> None:
    world, _ = world_of()
    items = len(world.x)
    names = np.repeat([f"i{number}" for number in range(items)], 2)
    twice = Bank.of(
        [f"t{number}" for number in range(2 * items)],
        [f"f{number}" for number in np.repeat(world.family, 2)],
        item=names.tolist(),
        minutes=np.exp2(np.repeat(world.x, 2)),
    )
    by_item = fit_difficulties(world.calibrators, twice)
    half_run = np.full((len(world.calibrators), 2 * items), np.nan)
    half_run[:, ::2] = world.calibrators
    assert len(by_item.b) == 2 * items
    assert (by_item.b[::2] == by_item.b[1::2]).all()
    assert np.allclose(by_item.b, fit_difficulties(half_run, twice).b)


@pytest.mark.parametrize(
    "column", ["all solved", "none solved", "never run", "rows all one", "rows all zero", "one row"]
)
def test_columns_and_rows_without_variation_stay_finite(column: str) -> None:
    world, bank = world_of()
    scores = world.calibrators.copy()
    if column in {"all solved", "none solved", "never run"}:
        scores[:, :30] = {"all solved": 1.0, "none solved": 0.0, "never run": np.nan}[column]
    elif column == "one row":
        scores = scores[:1]
    else:
        scores[:6] = 1.0 if column == "rows all one" else 0.0
    found = fit_difficulties(scores, bank)
    numbers = np.concatenate([found.a, found.b, found.sd, found.theta, [found.intercept, found.slope, found.spread]])
    assert np.isfinite(numbers).all()
    if column == "all solved":
        assert found.b[:30].mean() < found.b[30:].mean()
    if column.startswith("rows"):
        assert found.usable.sum() == len(scores) - 6


def test_a_matrix_of_another_shape_or_with_other_scores_is_refused() -> None:
    with pytest.raises(ValueError, match=r"calibrators by the bank's 5 tasks or its 5 items"):
        fit_difficulties(np.ones((3, 4)), plain(5))
    with pytest.raises(ValueError, match=r"score 2\.0 in row 1, column 3"):
        fit_difficulties(np.array([[0, 1, 0, 1, 0], [0, 1, 0, 2.0, 0]]), plain(5))


def calibration(seed: int = SEED) -> tuple[Calibration, Bank, CalibratorReview]:
    world = calibrator_world(BASE, np.random.default_rng(seed), theta=5.5, families=30)
    bank = bank_of(world)
    made = calibrate(
        world.calibrators,
        bank,
        comparison_key="k",
        bank_version="v",
        rng=np.random.default_rng(seed),
        sizes=(30, 60, 100_000),
    )
    return made, bank, world


def test_a_calibration_is_reproducible_and_comes_back_from_its_text() -> None:
    made, bank, world = calibration()
    text = made.to_json()
    assert Calibration.from_json(text) == made
    assert Calibration.from_json(text).to_json() == text == calibration()[0].to_json()
    assert made.usable <= len(world.calibrators)
    assert sorted(made.multipliers) == [30, 60]
    assert all(factor >= 1 for factor in (*made.multipliers.values(), *made.horizon_multipliers.values()))
    assert set(json.loads(text)) == set(Calibration.__dataclass_fields__)
    assert all(len(value) <= len(bank) for value in json.loads(text).values() if isinstance(value, list))


def test_a_calibration_text_with_a_field_too_many_is_refused() -> None:
    made, _, _ = calibration()
    fields = json.loads(made.to_json()) | {"rows": [[0, 1]]}
    with pytest.raises(ValueError, match=r"unknown \['rows'\]"):
        Calibration.from_json(json.dumps(fields))
    fields = json.loads(made.to_json())
    fields["b"] = fields["b"][:-1]
    with pytest.raises(ValueError, match="one entry an item"):
        Calibration.from_json(json.dumps(fields))


def test_items_that_were_not_calibrated_get_what_minutes_say() -> None:
    made, bank, _ = calibration()
    strange = Bank.of(["n1", "n2", "n3", bank.task[0]], ["n"] * 4, minutes=[1.0, 1000.0, None, 4.0])
    chance = made.posterior(strange).expected()
    assert chance[0] > chance[2] > chance[1]
    assert made.posterior(strange).a[0] < made.posterior(bank).a[0]
    assert "25% of the tasks are calibrated" in made.unusable(strange)
    assert made.unusable(bank) == ""
    assert "4 usable calibrators" in replace(made, usable=4).unusable(bank)


def test_multipliers_lie_between_the_stored_sizes() -> None:
    made = replace(calibration()[0], multipliers={30: 1.0, 60: 2.0})
    assert [made.multiplier(runs) for runs in (10, 45, 60, 500)] == [1.0, 1.5, 2.0, 2.0]


def test_a_participant_of_another_kind_widens_the_multiplier() -> None:
    world, bank = world_of(families=30)
    rng = np.random.default_rng(SEED)
    honest = calibrate(world.calibrators, bank, comparison_key="k", bank_version="v", rng=rng, sizes=(30,))
    strange = world.calibrators.copy()
    for row in strange[:6]:
        row[:] = row[rng.permutation(len(row))]  # solves what others miss, and the other way about
    odd = calibrate(strange, bank, comparison_key="k", bank_version="v", rng=rng, sizes=(30,))
    assert odd.replay_errors[30] > honest.replay_errors[30]


def test_replayed_rounds_never_show_what_was_not_run() -> None:
    made, bank, world = calibration()
    row = world.scores.copy()
    row[::2] = np.nan
    _, seen = informative_rounds(row, bank, made.posterior(bank), 31, np.random.default_rng(SEED))
    assert len(seen) == len(set(seen.tolist())) == 31
    assert not np.isnan(row[seen]).any()
