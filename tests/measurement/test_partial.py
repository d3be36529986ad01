"""Answers of partly run banks: what they carry, when there is none, and that they hold in worlds with a known truth."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from seatrial.measurement import (
    Bank,
    Calibration,
    Decision,
    Design,
    Estimate,
    NotIdentifiable,
    Outcomes,
    Partial,
    bank_success,
    calibrate,
    generalized_success,
    next_round,
    partial,
)
from seatrial.measurement.completion import Completion
from seatrial.measurement.posterior import Posterior
from seatrial.measurement.worlds import BASE, CalibratorReview, calibrator_world

SEED = 20261124


def bank_of(world: CalibratorReview, *, axis: str = "minutes", families: int | None = None) -> Bank:
    family = world.family if families is None else world.family % families
    return Bank.of(
        [f"t{number}" for number in range(len(world.x))],
        [f"f{number}" for number in family],
        minutes=np.exp2(world.x) if axis == "minutes" else None,
        level=np.digitize(world.x, [3.5, 6.5]).astype(float) if axis == "level" else None,
    )


@cache
def scene(theta: float = 5.5, axis: str = "minutes") -> tuple[Calibration, Bank, CalibratorReview]:
    world = calibrator_world(BASE, np.random.default_rng(SEED), theta=theta, families=40)
    bank = bank_of(world, axis=axis)
    rng = np.random.default_rng(SEED)
    return calibrate(world.calibrators, bank, comparison_key="k", bank_version="v", rng=rng, sizes=(60,)), bank, world


def answers(
    bank: Bank,
    row: np.ndarray,
    calibration: Calibration | None,
    design: Design,
    lost: frozenset[str] = frozenset(),
    rounds: int = 99,
) -> Partial:
    scores = dict(zip(bank.task.tolist(), row.tolist(), strict=True))
    decisions: list[Decision] = []
    known: dict[str, float] = {}
    while (not decisions or not decisions[-1].stop) and len(decisions) < rounds:
        decisions.append(next_round(design, bank, calibration, decisions, known))
        known |= {task: scores[task] for task in decisions[-1].tasks if task not in lost}
    picked = [task for decision in decisions for task in decision.tasks]
    outcomes = table(bank, picked, {task: scores[task] for task in picked if task not in lost})
    return partial(bank, calibration, decisions, outcomes, design=design, rng=np.random.default_rng(SEED))


def table(bank: Bank, picked: list[str], scores: dict[str, float]) -> Outcomes:
    places = bank.positions(picked)
    columns = {
        "participant": ["m"] * len(picked),
        "task": picked,
        "family": bank.family[places],
        "score": [scores.get(task, np.nan) for task in picked],
        "status": ["finished" if task in scores else "lost" for task in picked],
        "minutes": np.exp2(bank.x[places]) if bank.axis == "minutes" else [np.nan] * len(picked),
        "level": bank.x[places] if bank.axis == "level" else [np.nan] * len(picked),
        "minutes_source": ["completion" if bank.axis == "minutes" else "none"] * len(picked),
    }
    return Outcomes.of(columns, budget=1000, bank_version="toy 1")


def estimate(answer: Estimate | NotIdentifiable) -> Estimate:
    assert isinstance(answer, Estimate), answer
    return answer


@pytest.mark.parametrize("mode", ["information", "probability"])
def test_every_answer_of_a_partly_run_bank_says_so(mode: str) -> None:
    calibration, bank, world = scene()
    found = answers(bank, world.scores, calibration, Design(mode=mode, cap=60, half_width=0.01, seed=SEED))
    assert found.mode == mode
    assert [one.quantity for one in found.answers()] == ["Q1", "Q2", "Q5", "Q6", "Q6"]
    for answer in found.answers()[:3]:
        one = estimate(answer)
        assert "partial" in one.qualifiers
        assert one.n_tasks == one.n_runs == 60
        assert one.seed == SEED
    bank_rate, generalized = estimate(found.bank), estimate(found.generalized)
    assert bank_rate.lower is not None
    assert bank_rate.upper is not None
    assert generalized.lower is not None
    assert generalized.upper is not None
    assert bank_rate.lower <= world.scores.mean() <= bank_rate.upper, f"seed {SEED}"
    assert generalized.upper - generalized.lower > bank_rate.upper - bank_rate.lower
    assert ("exploratory" in estimate(found.ability).qualifiers) == (mode == "probability")
    assert estimate(found.ability).scale_version == "1"


def test_ability_in_points_grows_with_the_scores_and_carries_the_linking_error() -> None:
    calibration, bank, world = scene()
    design = Design(mode="information", cap=60, half_width=0.01, seed=SEED)
    middle = estimate(answers(bank, world.scores, calibration, design).ability)
    weak = estimate(answers(bank, world.calibrators[0] * 0, calibration, design).ability)
    linked = estimate(answers(bank, world.scores, replace(calibration, linking_se=1.0), design).ability)
    assert weak.value is not None
    assert middle.value is not None
    assert weak.value < middle.value
    assert middle.upper is not None
    assert linked.upper is not None
    own, wide = middle.upper - middle.value, linked.upper - middle.value
    assert wide == pytest.approx(np.hypot(own, 1.959964 * 200 / np.log(3)))
    assert "linking" in linked.method


def test_a_participant_above_all_calibrators_is_marked_when_information_was_forced() -> None:
    calibration, bank, world = scene()
    row = np.ones(len(bank))
    row[world.x > 10] = 0
    found = answers(bank, row, calibration, Design(mode="information", cap=60, half_width=0.01, seed=SEED))
    for answer in (found.bank, found.generalized, found.ability):
        assert {"above-calibrators", "exploratory"} <= estimate(answer).qualifiers


def test_without_calibration_there_is_no_ability_but_the_rest() -> None:
    _, bank, world = scene()
    found = answers(bank, world.scores, None, Design(seed=SEED))
    assert isinstance(found.ability, NotIdentifiable)
    assert isinstance(found.bank, Estimate)
    assert isinstance(found.generalized, Estimate)


def test_levels_instead_of_minutes_are_said() -> None:
    calibration, bank, world = scene(axis="level")
    for made in (calibration, None):
        found = answers(bank, world.scores, made, Design(seed=SEED, half_width=0.01))
        if isinstance(found.p50, Estimate):
            assert {"level-axis", "uncalibrated", "partial"} <= found.p50.qualifiers
            assert found.p50.unit == "generator level"


def test_a_bank_of_unknown_lengths_has_no_horizon() -> None:
    _, _, world = scene()
    found = answers(bank_of(world, axis="none"), world.scores, None, Design(seed=SEED))
    assert isinstance(found.p50, NotIdentifiable)
    assert "human minutes or a level" in found.p50.reason


def test_few_families_do_not_generalize() -> None:
    calibration, _, world = scene()
    bank = bank_of(world, families=14)
    for mode in ("information", "probability"):
        found = answers(bank, world.scores, calibration, Design(mode=mode, seed=SEED))
        assert isinstance(found.generalized, NotIdentifiable)
        assert "14 families, 15 needed" in found.generalized.reason
        assert isinstance(found.bank, Estimate)
    one = answers(bank_of(world, families=1), world.scores, None, Design(seed=SEED))
    assert isinstance(one.p50, NotIdentifiable)
    assert isinstance(one.bank, Estimate)


def test_a_bank_run_to_its_end_gets_the_ordinary_answers() -> None:
    calibration, bank, world = scene()
    design = Design(first=len(bank), cap=len(bank), seed=SEED)
    for made in (calibration, None):
        found = answers(bank, world.scores, made, design)
        full = table(bank, bank.task.tolist(), dict(zip(bank.task.tolist(), world.scores.tolist(), strict=True)))
        assert found.mode == "complete"
        assert found.bank == bank_success(full)
        assert found.generalized == generalized_success(full)


def test_a_review_that_ended_after_its_first_round_is_a_sample_of_the_bank() -> None:
    _, bank, world = scene()
    found = answers(bank, world.scores, None, Design(seed=SEED), rounds=1)
    assert found.mode == "start"
    one = estimate(found.bank)
    assert one.n_runs == 20
    assert "partial" in one.qualifiers
    assert one.lower is not None
    assert one.upper is not None
    assert one.lower <= world.scores.mean() <= one.upper, f"seed {SEED}"


@pytest.mark.parametrize("solved", [0.0, 1.0])
def test_a_participant_that_solves_nothing_or_all_gets_a_one_sided_answer(solved: float) -> None:
    calibration, bank, _ = scene()
    row = np.full(len(bank), solved)
    for made, mode in ((None, "auto"), (calibration, "probability"), (calibration, "information")):
        found = answers(bank, row, made, Design(mode=mode, seed=SEED, cap=60))
        one, wide = estimate(found.bank), estimate(found.generalized)
        assert one.lower is not None
        assert one.upper is not None
        assert one.lower <= solved <= one.upper
        assert wide.upper is not None
        assert wide.lower is not None
        assert wide.upper - wide.lower > 0.02
        assert isinstance(found.p50, NotIdentifiable) or found.p50.value is None or mode == "information"


@pytest.mark.parametrize("mode", ["information", "probability"])
def test_many_losses_leave_limits_and_no_value(mode: str) -> None:
    calibration, bank, world = scene()
    rng = np.random.default_rng(SEED)
    design = Design(mode=mode, cap=60, half_width=0.01, seed=SEED)
    few = answers(bank, world.scores, calibration, design, frozenset(rng.choice(bank.task, 4).tolist()))
    assert estimate(few.bank).value is not None
    lost = frozenset(rng.choice(bank.task, len(bank) // 3, replace=False).tolist())
    found = answers(bank, world.scores, calibration, design, lost)
    for answer in (found.bank, found.generalized):
        one = estimate(answer)
        assert one.value is None
        assert "losses-bounded" in one.qualifiers
        assert one.lower is not None
        assert one.upper is not None
        assert one.lower < one.upper
    nothing = answers(bank, world.scores, calibration, design, frozenset(bank.task.tolist()))
    assert all(isinstance(one, NotIdentifiable) for one in nothing.answers())


def test_runs_that_nobody_counts_are_left_out() -> None:
    _, bank, world = scene()
    design = Design(seed=SEED, first=40, cap=40)
    first = next_round(design, bank, None, (), {})
    scores = dict(zip(bank.task.tolist(), world.scores.tolist(), strict=True))
    runs = table(bank, list(first.tasks), scores)
    status = runs.status.copy().astype("<U12")
    status[:3] = "invalidated"
    outcomes = replace(runs, status=status)
    found = partial(bank, None, (first,), outcomes, design=design, rng=np.random.default_rng(SEED))
    assert estimate(found.bank).n_runs == 37
    extra = table(bank, bank.task.tolist(), scores)
    whole = partial(bank, None, (first,), extra, design=design, rng=np.random.default_rng(SEED))
    assert estimate(whole.bank).n_runs == 40


def test_completed_banks_give_the_ordinary_interval_when_nothing_is_missing() -> None:
    _, bank, world = scene()
    everything = np.arange(len(bank))
    posterior = Posterior.of_axis(bank.x).updated(everything, world.scores)
    full = table(bank, bank.task.tolist(), dict(zip(bank.task.tolist(), world.scores.tolist(), strict=True)))
    ordinary = estimate(generalized_success(full))
    completion = Completion(posterior, everything, world.scores)
    found = completion.rate(bank.family, 0.0, 0.95, np.random.default_rng(SEED))
    assert found == pytest.approx((ordinary.value, ordinary.lower, ordinary.upper))


@pytest.mark.slow
@pytest.mark.parametrize(("theta", "calibrators"), [(5.5, 12), (5.5, 0), (8.5, 0)])
def test_bank_and_generalized_intervals_cover(theta: float, calibrators: int) -> None:
    truth = BASE.generalized(theta, np.random.default_rng(SEED), person=1.0)
    hits = []
    for number in range(25 if calibrators else 120):
        rng = np.random.default_rng([SEED, number])
        world = calibrator_world(BASE, rng, theta=theta, families=30)
        bank = bank_of(world)
        made = (
            calibrate(world.calibrators, bank, comparison_key="k", bank_version="v", rng=rng, sizes=(60,))
            if calibrators
            else None
        )
        found = answers(bank, world.scores, made, Design(seed=number, cap=60, half_width=0.01))
        for answer, true in ((found.bank, float(world.scores.mean())), (found.generalized, truth)):
            one = estimate(answer)
            assert one.lower is not None
            assert one.upper is not None
            hits.append(one.lower <= true <= one.upper)
    share = float(np.mean(hits))
    assert share > 0.9, f"theta {theta}, {calibrators} calibrators, seed {SEED}: {share}"
