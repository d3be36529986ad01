"""Rounds: what is picked, why, when it ends, and that a log of decisions replays to itself."""

from __future__ import annotations

import doctest
import json
from dataclasses import asdict, replace
from functools import cache
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.measurement import Bank, Calibration, Decision, Design, calibrate, next_round
from seatrial.measurement import bank as bank_module
from seatrial.measurement import posterior as posterior_module
from seatrial.measurement import twostage as twostage_module
from seatrial.measurement.adaptive import State, systematic
from seatrial.measurement.posterior import Posterior
from seatrial.measurement.success import wilson
from seatrial.measurement.twostage import Stages, draw, draw_chances, predicted_half_width, second_stage
from seatrial.measurement.worlds import BASE, CalibratorReview, calibrator_world

SEED = 20261124


@cache
def scene(theta: float = 5.5) -> tuple[Calibration, Bank, CalibratorReview]:
    world = calibrator_world(BASE, np.random.default_rng(SEED), theta=theta, families=40)
    bank = Bank.of(
        [f"t{number}" for number in range(len(world.x))],
        [f"f{number}" for number in world.family],
        minutes=np.exp2(world.x),
    )
    rng = np.random.default_rng(SEED)
    made = calibrate(world.calibrators, bank, comparison_key="k", bank_version="v", rng=rng, sizes=(60, 120))
    return made, bank, world


def small(size: int = 50, families: int = 10) -> Bank:
    return Bank.of(
        [f"t{n}" for n in range(size)], [f"f{n % families}" for n in range(size)], level=[1.0, 2.0] * (size // 2)
    )


def review(
    design: Design,
    bank: Bank,
    calibration: Calibration | None,
    scores: dict[str, float],
    lost: frozenset[str] = frozenset(),
) -> tuple[Decision, ...]:
    decisions: list[Decision] = []
    known: dict[str, float] = {}
    while not decisions or not decisions[-1].stop:
        decisions.append(next_round(design, bank, calibration, decisions, known))
        known |= {task: scores[task] for task in decisions[-1].tasks if task not in lost}
        assert len(decisions) < 20
    return tuple(decisions)


def scores_of(bank: Bank, row: np.ndarray) -> dict[str, float]:
    return dict(zip(bank.task.tolist(), row.tolist(), strict=True))


@pytest.mark.parametrize("module", [bank_module, posterior_module, twostage_module])
def test_worked_examples(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def test_round_one_spreads_over_families_and_difficulty() -> None:
    _, bank, world = scene()
    expected = Posterior.of_axis(bank.x).expected()
    places = systematic(bank, expected, 40, np.random.default_rng(SEED))
    assert len(set(places.tolist())) == 40
    counts = np.array([(bank.family[places] == name).sum() for name in np.unique(bank.family)])
    sizes = np.array([(bank.family == name).sum() for name in np.unique(bank.family)])
    assert (np.abs(counts - 40 * sizes / len(bank)) < 1.01).all()
    means = [bank.x[systematic(bank, expected, 40, np.random.default_rng(n))].mean() for n in range(200)]
    plain = [np.random.default_rng(n).choice(bank.x, 40, replace=False).mean() for n in range(200)]
    assert np.std(means) < 0.7 * np.std(plain)
    assert abs(np.mean(means) - world.x.mean()) < 0.15


def test_the_systematic_sample_reaches_every_task_alike() -> None:
    bank = small(30)
    hits = np.zeros(30)
    for seed in range(3000):
        hits[systematic(bank, np.full(30, 0.5), 10, np.random.default_rng(seed))] += 1
    assert np.abs(hits / 3000 - 1 / 3).max() < 0.05


def test_information_mode_picks_what_says_most_and_stops_at_the_half_width() -> None:
    calibration, bank, world = scene()
    design = Design(mode="information", half_width=0.06, seed=SEED)
    decisions = review(design, bank, calibration, scores_of(bank, world.scores))
    assert [len(one.tasks) for one in decisions[:3]] == [20, 20, 20]
    assert all(len(one.tasks) == 15 for one in decisions[3:-1])
    last = decisions[-1]
    assert last.stop
    assert last.value is not None
    assert last.half_width is not None
    assert (last.half_width <= 0.06 and "reached" in last.reason) or "cap" in last.reason
    state = State.of(bank, calibration, decisions[:1], scores_of(bank, world.scores))
    information = state.posterior().information()
    picked = bank.positions(decisions[1].tasks)
    rest = np.setdiff1d(np.flatnonzero(state.open), picked)
    assert information[picked].min() >= information[rest].max()


def test_the_cap_is_never_passed() -> None:
    calibration, bank, world = scene()
    for mode in ("information", "probability"):
        design = Design(mode=mode, half_width=0.001, cap=70, seed=SEED)
        decisions = review(design, bank, calibration, scores_of(bank, world.scores))
        assert sum(len(one.tasks) for one in decisions) == 70


def test_the_mode_and_its_reason_are_written_down() -> None:
    calibration, bank, world = scene()
    weak, strong = np.zeros(len(bank)), np.ones(len(bank))
    strong[world.x > 10] = 0
    weak[world.x < 4] = 1
    cases = (
        (weak, calibration, "auto", "information", "not over"),
        (strong, calibration, "auto", "probability", "above every calibrator"),
        (weak, calibration, "probability", "probability", "stated in the plan"),
        (strong, calibration, "information", "information", "stated in the plan"),
        (weak, replace(calibration, usable=4), "information", "probability", "4 usable calibrators, 5 needed"),
        (weak, None, "auto", "probability", "no calibration"),
    )
    for row, made, wanted, mode, words in cases:
        decisions = review(Design(mode=wanted, seed=1), bank, made, scores_of(bank, row))
        assert decisions[0].mode == "start"
        assert decisions[1].mode == mode, (wanted, words)
        assert words in decisions[1].reason
        assert (decisions[1].theta_mean is None) == (made is None or made.usable < 5)


def test_a_participant_whose_first_round_contradicts_the_calibration_is_not_picked_by_it() -> None:
    calibration, bank, world = scene()
    expected = calibration.posterior(bank).expected()
    backwards = (expected < 0.5).astype(float)
    decisions = review(Design(seed=SEED), bank, calibration, scores_of(bank, backwards))
    assert decisions[1].mode == "probability"
    assert "does not fit the calibration" in decisions[1].reason
    honest = [
        review(Design(seed=seed), bank, calibration, scores_of(bank, world.scores))[1].reason for seed in range(40)
    ]
    assert sum("does not fit" in reason for reason in honest) <= 4


def test_probability_mode_is_one_round_of_a_size_fixed_beforehand() -> None:
    _, bank, world = scene()
    decisions = review(Design(seed=SEED), bank, None, scores_of(bank, world.scores))
    assert [one.mode for one in decisions] == ["start", "probability", "probability"]
    assert len(decisions[1].tasks) in {40, 55, 70, 85, 100}
    assert all(0 < chance <= 1 for chance in decisions[1].chances)
    wide = review(Design(seed=SEED, half_width=0.3), bank, None, scores_of(bank, world.scores))
    assert len(wide[1].tasks) == 40


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6), mode=st.sampled_from(["auto", "information", "probability"]), calibrated=st.booleans()
)
def test_a_log_replays_to_the_same_picks(seed: int, mode: str, calibrated: bool) -> None:  # noqa: FBT001 - hypothesis
    calibration, bank, world = scene()
    made = calibration if calibrated else None
    rng = np.random.default_rng(seed)
    lost = frozenset(rng.choice(bank.task, 20, replace=False).tolist())
    design = Design(mode=mode, seed=seed, half_width=0.08)
    scores = scores_of(bank, world.scores)
    log = review(design, bank, made, scores, lost)
    stored = [json.loads(json.dumps(asdict(one))) for one in log]
    read = [Decision(**{**one, "tasks": tuple(one["tasks"]), "chances": tuple(one["chances"])}) for one in stored]
    assert tuple(read) == log
    picked = [task for one in log for task in one.tasks]
    assert len(picked) == len(set(picked)) <= design.cap
    for number, decision in enumerate(read):
        before = {task for one in read[:number] for task in one.tasks} - lost
        again = next_round(design, bank, made, read[:number], {task: scores[task] for task in before})
        assert again == decision
        everything = next_round(design, bank, made, read[:number], {**{t: scores[t] for t in before}, "unknown": 1.0})
        assert everything == decision


def test_lost_runs_never_block() -> None:
    calibration, bank, world = scene()
    for made in (calibration, None):
        everything = frozenset(bank.task.tolist())
        decisions = review(Design(seed=SEED), bank, made, scores_of(bank, world.scores), lost=everything)
        assert decisions[-1].stop
        assert decisions[-1].value is None


@pytest.mark.parametrize("size", [1, 2, 12, 20, 24])
def test_banks_no_larger_than_a_round_or_two_are_run_to_the_end(size: int) -> None:
    bank = Bank.of([f"t{n}" for n in range(size)], ["f"] * size)
    decisions = review(Design(seed=SEED), bank, None, dict.fromkeys(bank.task.tolist(), 1.0))
    assert sorted(task for one in decisions for task in one.tasks) == sorted(bank.task.tolist())
    assert decisions[-1].stop
    assert decisions[-1].value == pytest.approx(1.0)
    lower, upper = wilson(1.0, size)  # the luck of one run each is left, as of any fully run bank
    assert (decisions[-1].lower, decisions[-1].upper) == pytest.approx((lower, upper))


def test_a_review_that_stopped_has_no_next_round() -> None:
    bank = small()
    decisions = review(Design(seed=SEED), bank, None, dict.fromkeys(bank.task.tolist(), 1.0))
    with pytest.raises(ValueError, match="the review stopped in round"):
        next_round(Design(seed=SEED), bank, None, decisions, {})


def test_a_log_of_another_review_is_refused() -> None:
    bank = small()
    first = next_round(Design(seed=SEED), bank, None, (), {})
    with pytest.raises(ValueError, match="picked twice"):
        next_round(Design(seed=SEED), bank, None, (first, first), {})
    with pytest.raises(ValueError, match="is not in the bank"):
        next_round(Design(seed=SEED), small(20, 2), None, (first,), {})
    with pytest.raises(ValueError, match="between 0 and 1"):
        next_round(Design(seed=SEED), bank, None, (first,), {first.tasks[0]: 3.0})


@pytest.mark.parametrize(
    "fields", [{"mode": "quick"}, {"half_width": 0.0}, {"first": 0}, {"cap": 5}, {"seed": -1}, {"block": 0}]
)
def test_designs_that_cannot_be_run_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        Design(**fields)  # type: ignore[arg-type]


def test_overexposed_tasks_leave_before_round_one() -> None:
    bank = small()
    used = {"t1": 5, "t2": 4, "t3": 10}
    kept = bank.without_overexposed(used, reviews=10)
    assert set(bank.task.tolist()) - set(kept.task.tolist()) == {"t1", "t3"}
    assert bank.without_overexposed(used, reviews=4) is bank
    with pytest.raises(ValueError, match="needs new tasks"):
        bank.without_overexposed(dict.fromkeys(bank.task.tolist(), 9), reviews=10)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"task": ["a", "a"], "family": ["f", "f"]}, "task a stands twice"),
        ({"task": ["a", "b"], "family": ["f"]}, "column family has 1 rows"),
        ({"task": ["a", "b"], "family": ["f", "f"], "minutes": [1.0, -2.0]}, "minutes of task b"),
        ({"task": ["a"], "family": ["f"], "level": [np.inf]}, "x of task a"),
        ({"task": [], "family": []}, "at least one task"),
    ],
)
def test_banks_that_are_none_are_refused(columns: dict[str, list[object]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Bank.of(**columns)  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(
    guess=st.lists(st.floats(0.001, 0.999), min_size=5, max_size=80),
    share=st.floats(0.1, 1.0),
    seed=st.integers(0, 10**6),
)
def test_chances_sum_to_the_size_and_exactly_that_many_are_drawn(guess: list[float], share: float, seed: int) -> None:
    p = np.array(guess)
    size = max(1, int(share * len(p)))
    chances = draw_chances(p, size)
    assert chances.sum() == pytest.approx(size)
    assert ((chances > 0) & (chances <= 1)).all()
    places = draw(chances, np.random.default_rng(seed))
    assert len(places) == len(set(places.tolist())) == size
    assert set(np.flatnonzero(chances == 1)) <= set(places.tolist())


def test_each_task_is_drawn_with_its_own_chance() -> None:
    chances = draw_chances(np.array([0.5, 0.9, 0.99, 0.02, 0.3, 0.6]), 3)
    hits = np.zeros(6)
    for seed in range(4000):
        hits[draw(chances, np.random.default_rng(seed))] += 1
    assert np.abs(hits / 4000 - chances).max() < 0.03


def test_the_second_stage_is_the_smallest_that_promises_the_half_width() -> None:
    guess = np.full(300, 0.5)
    sizes = [round(float(second_stage(guess, tasks=320, half_width=h, most=100).sum())) for h in (0.3, 0.12, 0.01)]
    assert sizes[0] == 40 < sizes[1] < sizes[2] == 100
    chances = draw_chances(guess, 55)
    assert predicted_half_width(guess, chances, 320) == pytest.approx(
        1.2 * 1.959964 * np.sqrt(300 * (1 - 55 / 300) * 0.25 * 300 / 55) / 320
    )


def test_the_difference_estimator_is_unbiased_under_wrong_guesses_and_losses() -> None:
    rng = np.random.default_rng(SEED)
    truth = (rng.random(100) < 0.3).astype(float)
    guess = np.clip(1 - truth + rng.normal(0, 0.1, 100), 0.05, 0.95)  # as wrong as can be
    free = np.arange(20, 100)
    for share_lost in (0.0, 0.3):
        values = []
        for seed in range(1500):
            draws = np.random.default_rng(seed)
            chances = draw_chances(guess[free], 40)
            places = draw(chances, draws)
            chance = np.full(100, np.nan)
            chance[:20], chance[free[places]] = 1, chances[places]
            score = np.where(np.isnan(chance), np.nan, truth)
            score[free[places[draws.random(len(places)) < share_lost]]] = np.nan
            values.append(Stages(score, guess, chance).pseudo_outcomes().mean())
        assert np.mean(values) == pytest.approx(truth.mean(), abs=0.01), f"lost {share_lost}"


@pytest.mark.slow
@pytest.mark.parametrize("theta", [-1.0, 5.5, 10.0])
def test_the_two_stage_interval_covers_without_any_calibration(theta: float) -> None:
    hits = []
    for number in range(300):
        world = calibrator_world(BASE, np.random.default_rng([SEED, number]), theta=theta, calibrators=1)
        bank = Bank.of(
            [f"t{n}" for n in range(len(world.x))], [f"f{n}" for n in world.family], minutes=np.exp2(world.x)
        )
        decisions = review(Design(seed=number, cap=60), bank, None, scores_of(bank, world.scores))
        last = decisions[-1]
        assert last.value is not None
        assert last.half_width is not None
        state = State.of(bank, None, decisions, scores_of(bank, world.scores))
        _, lower, upper = state.limits()
        hits.append(lower - 1e-9 <= world.scores.mean() <= upper + 1e-9)
    assert np.mean(hits) > 0.92, f"theta {theta}, seed {SEED}: {np.mean(hits)}"
