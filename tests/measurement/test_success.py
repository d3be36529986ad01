"""Q1 and Q2 against slow oracles written from the formulas, and their guards."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations, pairwise
from random import Random
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest
from scipy.stats import t as student

from seatrial.measurement import (
    Estimate,
    NotIdentifiable,
    Outcomes,
    OutcomesError,
    bank_success,
    generalized_success,
    success_in_attempts,
)
from seatrial.measurement.clusters import cluster_mean
from seatrial.measurement.success import at_least_one, wilson
from seatrial.measurement.worlds import BASE, AttemptsWorld, drawn_repeats, review

Z = NormalDist().inv_cdf(0.975)
Row = tuple[str, str, int, float | None, str]  # task, family, epoch, score, status


def table(rows: list[Row], **more: list[str]) -> Outcomes:
    task, family, epoch, score, status = zip(*rows, strict=True)
    columns = {
        "participant": ["m"] * len(rows),
        "task": list(task),
        "family": list(family),
        "epoch": list(epoch),
        "score": list(score),
        "status": list(status),
    }
    return Outcomes.of({**columns, **more}, budget=1000, bank_version="toy 1")


def runs(scores: dict[str, list[int]], families: dict[str, str] | None = None) -> Outcomes:
    """Tasks with their runs; by default each task is a family of its own."""
    return table(
        [
            (task, (families or {}).get(task, task), epoch, score, "finished")
            for task, column in scores.items()
            for epoch, score in enumerate(column)
        ]
    )


def estimate(answer: Estimate | NotIdentifiable) -> Estimate:
    assert isinstance(answer, Estimate), answer
    return answer


def limits(answer: Estimate | NotIdentifiable) -> tuple[float, float, float]:
    found = estimate(answer)
    assert found.value is not None
    assert found.lower is not None
    assert found.upper is not None
    return found.lower, found.value, found.upper


def test_one_run_a_task_is_wilson() -> None:
    found = bank_success(runs({f"t{i}": [int(i < 7)] for i in range(20)}))
    low, high = binomtest(7, 20).proportion_ci(method="wilson")
    assert limits(found) == pytest.approx((low, 0.35, high))
    assert "Wilson" in estimate(found).method


@pytest.mark.parametrize(("share", "n"), [(0.0, 1), (1.0, 1), (0.3, 10), (0.0, 400), (0.999, 1000)])
def test_wilson_solves_its_equation(share: float, n: int) -> None:
    for limit in wilson(share, n):
        assert (share - limit) ** 2 == pytest.approx(Z * Z * limit * (1 - limit) / n, abs=1e-12)


def test_repeats_everywhere() -> None:
    scores = {"a": [1, 0], "b": [1, 1, 1], "c": [0, 1, 0, 0]}
    means = [0.5, 1.0, 0.25]
    variance = (0.5 * 0.5 / 1 + 0 + 0.25 * 0.75 / 3 + 0.25 / 2) / 9  # one task of even odds and two runs more
    centre = sum(means) / 3
    share = (centre * 3 * 2 + 0.5) / (3 * 2 + 1)
    low, high = wilson(centre, share * (1 - share) / variance)
    assert limits(bank_success(runs(scores))) == pytest.approx((low, centre, high))


@pytest.mark.slow
@pytest.mark.parametrize(("tasks", "place", "seed"), [(8, 0.0, 1), (60, 4.0, 2), (300, -1.0, 3)])
def test_two_runs_a_task_hold_their_level(tasks: int, place: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(400):
        chance = 1 / (1 + np.exp(-(place + rng.normal(0, 1.5, tasks))))
        scores = {f"t{i}": (rng.random(2) < p).astype(int).tolist() for i, p in enumerate(chance)}
        low, _, high = limits(bank_success(runs(scores)))
        hits += low <= chance.mean() <= high
    assert hits >= 400 * 0.93 - 3 * math.sqrt(400 * 0.05 * 0.95), f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "seed"), [([125] + 29 * [5], 1), ([80, 80] + 28 * [5], 2), (15 * [6], 3)])
def test_one_large_family_beside_many_small_ones(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(len(sizes)), sizes)
    hits = 0
    for _ in range(400):
        place = rng.normal(0, 1.3, len(sizes))[family] + rng.normal(0, 2.5, len(family))
        found = cluster_mean((rng.random(len(family)) < 1 / (1 + np.exp(-place))).astype(float), family.astype(str))
        low, high = found.logit_limits(0.95)
        hits += low <= 0.5 <= high
    assert hits >= 400 * 0.93 - 3 * math.sqrt(400 * 0.05 * 0.95), f"seed {seed}"


def test_a_random_subset_with_repeats() -> None:
    scores = {f"r{i:02}": [1, 0, int(i % 2), 0] for i in range(16)} | {f"s{i:02}": [int(i % 3 == 0)] for i in range(40)}
    n, means, noise = 56, [], []
    for column in scores.values():
        k, m = len(column), sum(column) / len(column)
        means.append(m)
        if k > 1:
            noise.append(m * (1 - m) * k / (k - 1))
    variance = (sum(v / 4 for v in noise) + 40 * sum(noise) / 16) / n**2
    half = student.ppf(0.975, 15) * math.sqrt(variance)
    centre = sum(means) / n
    found = bank_success(runs(scores))
    assert limits(found) == pytest.approx((centre - half, centre, centre + half))
    assert "16 of 56 tasks" in estimate(found).method
    picked_by_eye = bank_success(runs(scores), repeats_drawn_before=False)
    assert limits(picked_by_eye) == pytest.approx((wilson(centre, n)[0], centre, wilson(centre, n)[1]))


def test_too_few_repeated_tasks_are_wilson() -> None:
    scores = {f"r{i}": [1, 0] for i in range(14)} | {f"s{i}": [1] for i in range(20)}
    assert "Wilson" in estimate(bank_success(runs(scores))).method


def test_repeats_that_all_agree_do_not_make_an_interval_of_no_width() -> None:
    low, value, high = limits(bank_success(runs({"a": [1, 1], "b": [0, 0], "c": [1, 1]})))
    assert low < value < high


@pytest.mark.parametrize("repeats", [1, 3])
def test_all_missed_or_all_solved_is_one_sided(repeats: int) -> None:
    none = estimate(bank_success(runs({f"t{i}": [0] * repeats for i in range(12)})))
    assert (none.lower, none.value) == (0.0, 0.0)
    assert none.qualifiers == {"at-most"}
    assert none.upper == pytest.approx(beta.ppf(0.975, 1, 12 * repeats))  # Clopper-Pearson
    every = estimate(bank_success(runs({f"t{i}": [1] * repeats for i in range(12)})))
    assert every.qualifiers == {"at-least"}
    assert (every.value, every.upper) == (1.0, 1.0)
    assert every.lower == pytest.approx(1 - beta.ppf(0.975, 1, 12 * repeats))


def without_each_family(scores: dict[str, list[int]], families: dict[str, str]) -> tuple[float, float, float]:
    """Logit limits from leaving out each family, with the t of as many equal families, from plain loops."""
    means = {task: sum(column) / len(column) for task, column in scores.items()}
    centre = sum(means.values()) / len(means)
    by_family: dict[str, list[str]] = defaultdict(list)
    for task in means:
        by_family[families[task]].append(task)
    f, shifts = len(by_family), []
    for tasks in by_family.values():
        others = [mean for task, mean in means.items() if task not in tasks]
        shifts.append(sum(others) / len(others) - centre)
    se = math.sqrt((f - 1) / f * sum(shift * shift for shift in shifts))
    equal = len(means) ** 2 / sum(len(tasks) ** 2 for tasks in by_family.values())
    half = student.ppf(0.975, equal - 1) * se / (centre * (1 - centre))
    place = math.log(centre / (1 - centre))
    return 1 / (1 + math.exp(half - place)), centre, 1 / (1 + math.exp(-half - place))


@st.composite
def reviews(draw: st.DrawFn) -> tuple[dict[str, list[int]], dict[str, str]]:
    families = draw(st.integers(15, 22))
    scores: dict[str, list[int]] = {}
    owner: dict[str, str] = {}
    for family in range(families):
        for task in range(draw(st.integers(1, 3))):
            name = f"f{family}/t{task}"
            scores[name] = draw(st.lists(st.integers(0, 1), min_size=1, max_size=3))
            owner[name] = f"f{family}"
    return scores, owner


@settings(deadline=None)
@given(reviews())
def test_generalized_success_leaves_out_each_family(case: tuple[dict[str, list[int]], dict[str, str]]) -> None:
    scores, owner = case
    found = generalized_success(runs(scores, owner))
    flat = [score for column in scores.values() for score in column]
    if isinstance(found, NotIdentifiable):
        assert "no variation" in found.reason
    elif 0 < sum(flat) < len(flat):
        assert limits(found) == pytest.approx(without_each_family(scores, owner))
    else:
        assert found.qualifiers <= {"at-most", "at-least"}


@settings(deadline=None)
@given(reviews(), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_success_mirrors_failure(
    case: tuple[dict[str, list[int]], dict[str, str]], random: Random
) -> None:
    scores, owner = case
    whole = runs(scores, owner)
    order = list(range(len(whole)))
    random.shuffle(order)
    mirrored = runs({task: [1 - score for score in column] for task, column in scores.items()}, owner)
    for function in (bank_success, generalized_success):
        found = function(whole)
        again, mirror = function(whole.where(np.array(order))), function(mirrored)
        if isinstance(found, Estimate):
            low, value, high = limits(found)
            assert limits(again) == pytest.approx((low, value, high))
            assert limits(mirror) == pytest.approx((1 - high, 1 - value, 1 - low))
            assert 0 <= low <= value <= high <= 1


@settings(deadline=None)
@given(reviews(), st.integers(1, 2))
def test_a_lost_run_never_enters_a_mean(case: tuple[dict[str, list[int]], dict[str, str]], lost: int) -> None:
    scores, owner = case
    whole = runs(scores, owner)
    rows: list[Row] = [
        (task, owner[task], epoch, score, "finished")
        for task, column in scores.items()
        for epoch, score in enumerate(column)
    ]
    with_losses = table([*rows, *((f"x{i}", "f0", 0, None, "lost") for i in range(lost))])
    found, again = bank_success(whole), bank_success(with_losses)
    if lost > 0.05 * (len(rows) + lost):
        bounded = estimate(again)
        assert bounded.value is None
        assert bounded.qualifiers == {"losses-bounded"}
        assert bounded.lower is not None
        assert bounded.upper is not None
        worst = bank_success(table([*rows, *((f"x{i}", "f0", 0, 0, "finished") for i in range(lost))]))
        best = bank_success(table([*rows, *((f"x{i}", "f0", 0, 1, "finished") for i in range(lost))]))
        assert bounded.lower == pytest.approx(limits(worst)[0])
        assert bounded.upper == pytest.approx(limits(best)[2])
        assert bounded.n_runs == len(rows)
    else:
        assert limits(again) == pytest.approx(limits(found))


def test_few_families_give_no_generalized_number() -> None:
    found = generalized_success(runs({f"t{i}": [i % 2] for i in range(14)}))
    assert isinstance(found, NotIdentifiable)
    assert found.reason == "not generalizable (14 families, 15 needed)"
    assert found.counts == {"runs": 14, "solved": 7, "tasks": 14, "families": 14, "lost": 0}


def test_generalized_extremes_count_families_not_runs() -> None:
    owner = {f"t{i}": f"f{i % 20}" for i in range(60)}
    found = estimate(generalized_success(runs({task: [0] for task in owner}, owner)))
    assert (found.lower, found.value) == (0.0, 0.0)
    assert found.upper == pytest.approx(1 - 0.025 ** (1 / 20))


def test_families_without_variation_give_no_number() -> None:
    owner = {f"t{i}": f"f{i % 20}" for i in range(40)}
    found = generalized_success(runs({f"t{i}": [int(i < 20)] for i in range(40)}, owner))
    assert isinstance(found, NotIdentifiable)
    assert found.reason == "no variation between the 20 families"


def test_nothing_to_count() -> None:
    for rows in ([("t", "f", 0, None, "lost")], [("t", "f", 0, 1.0, "invalidated")]):
        found = bank_success(table(rows))
        assert isinstance(found, NotIdentifiable)
        assert found.reason == "no run has an outcome"


def test_partial_credit_and_several_participants_are_refused() -> None:
    with pytest.raises(OutcomesError, match=r"row 0: 0\.5; success is 0 or 1; partial credit"):
        bank_success(table([("t", "f", 0, 0.5, "finished")]))
    two = table([("t", "f", 0, 1, "finished"), ("u", "f", 0, 1, "finished")], participant=["m", "n"])
    with pytest.raises(OutcomesError, match="m, n in one estimate"):
        bank_success(two)
    assert limits(bank_success(two.only(participant="n")))[1] == 1.0


def test_invalidated_runs_are_left_out() -> None:
    rows: list[Row] = [(f"t{i}", "f", 0, int(i < 5), "finished") for i in range(10)]
    with_ruling = table([*rows, ("x", "f", 0, 1, "invalidated")])
    assert limits(bank_success(with_ruling)) == limits(bank_success(table(rows)))


@pytest.mark.parametrize("n", range(1, 8))
def test_at_least_one_is_every_way_to_draw_k_of_n(n: int) -> None:
    for c in range(n + 1):
        attempts = [1] * c + [0] * (n - c)
        for k in range(1, n + 1):
            drawn = list(combinations(attempts, k))
            share = sum(any(some) for some in drawn) / len(drawn)
            assert at_least_one(np.array([n]), np.array([c]), k)[0] == pytest.approx(share, abs=1e-12)


def test_many_attempts_do_not_overflow() -> None:
    found = at_least_one(np.array([10_000]), np.array([1]), 100)[0]
    assert found == pytest.approx(0.01, rel=1e-6)


def attempts(seed: int, families: int = 20) -> Outcomes:
    return AttemptsWorld(tasks=40, attempts=6, k=5, families=families).review(np.random.default_rng(seed))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_more_attempts_solve_more_and_one_is_the_mean(seed: int) -> None:
    outcomes = attempts(seed)
    values = [limits(success_in_attempts(outcomes, k)) for k in range(1, 7)]
    assert all(one[1] <= two[1] + 1e-12 for one, two in pairwise(values))
    assert values[0] == pytest.approx(limits(generalized_success(outcomes)))
    _, code = np.unique(outcomes.task, return_inverse=True)
    solved = np.bincount(code, weights=outcomes.score) > 0
    assert values[-1][1] == pytest.approx(solved.mean())


def test_attempts_in_full() -> None:
    found = estimate(success_in_attempts(attempts(1), 5))
    assert found.quantity == "Q4"
    assert "at least one of 5 attempts" in found.estimand
    assert (found.n_runs, found.n_tasks, found.n_families) == (240, 40, 20)
    few = success_in_attempts(attempts(1, families=10), 5)
    assert isinstance(few, NotIdentifiable)
    assert few.reason == "not generalizable (10 families, 15 needed)"


def test_the_share_of_shares_is_not_used() -> None:
    outcomes = runs({f"t{i:02}": [int(i % 2), 0, 0, int(i % 3 == 0)] for i in range(40)})
    found = limits(success_in_attempts(outcomes, 3))[1]
    plug_in = np.mean([1 - (1 - sum(row) / 4) ** 3 for row in ([i % 2, i % 3 == 0] for i in range(40))])
    assert found > plug_in + 0.02


def test_too_few_attempts_name_the_task() -> None:
    scores = {f"t{i:02}": [1, 0, 1] for i in range(16)}
    with pytest.raises(OutcomesError, match="task t03 has 2 runs; at least one of 3 attempts needs 3"):
        success_in_attempts(runs({**scores, "t03": [1, 0]}), 3)
    with pytest.raises(ValueError, match="k is 0"):
        success_in_attempts(runs(scores), 0)
    rows: list[Row] = [
        (task, task, epoch, score, "finished") for task, column in scores.items() for epoch, score in enumerate(column)
    ]
    rows[0] = ("t00", "t00", 0, None, "lost")  # planned three, ended two
    rows += [("u", "u", epoch, 0, "finished") for epoch in range(3)]
    found = estimate(success_in_attempts(table(rows), 3))
    assert (found.value, found.qualifiers) == (None, {"losses-bounded"})


@pytest.mark.slow
def test_coverage_of_both_rates() -> None:
    """200 simulated reviews, tolerance three standard errors; the full size is `benchmarks/coverage.py`."""
    rng = np.random.default_rng(7)
    truth = BASE.generalized(5.5, rng, draws=200_000)
    bank = general = 0
    for _ in range(200):
        outcomes, chance = review(BASE, rng, families=30, mean_size=10, runs=4, theta=5.5)
        some = drawn_repeats(outcomes, rng)
        low, _, high = limits(bank_success(some))
        bank += low <= chance.mean() <= high
        low, _, high = limits(generalized_success(some))
        general += low <= truth <= high
    assert bank >= 200 * 0.93 - 3 * math.sqrt(200 * 0.05 * 0.95)
    assert abs(general - 190) <= 3 * math.sqrt(200 * 0.05 * 0.95)


@pytest.mark.slow
def test_coverage_of_attempts() -> None:
    """150 simulated participants, tolerance three standard errors; the full size is `benchmarks/coverage.py`."""
    rng = np.random.default_rng(11)
    world = AttemptsWorld(tasks=60, attempts=8, k=5, families=20)
    truth, hits = world.truth(rng), 0
    for _ in range(150):
        low, _, high = limits(success_in_attempts(world.review(rng), 5))
        hits += low <= truth <= high
    assert abs(hits - 142.5) <= 3 * math.sqrt(150 * 0.05 * 0.95)
