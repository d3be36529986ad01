"""The curve's points against a plain count, its band against a loop, and its guards."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seatrial.measurement import BudgetCurve, Estimate, NotIdentifiable, Outcomes, budget_curve
from seatrial.measurement.clusters import max_t_band
from seatrial.measurement.worlds import BASE, OCTAVES_OF_BUDGET, budget_review

CAP = 6400


def table(score: list[float], tokens: list[int], family: list[str], **more: list[object]) -> Outcomes:
    names = {"participant": ["m"] * len(score), "task": [f"t{i}" for i in range(len(score))]}
    return Outcomes.of(
        {**names, "family": family, "score": score, "tokens": tokens, **more}, budget=CAP, bank_version="toy"
    )


def made(families: int = 16, size: int = 4) -> Outcomes:
    rng = np.random.default_rng(3)
    n = families * size
    tokens = (CAP * 2.0 ** -rng.uniform(0, 7, n)).astype(int).tolist()
    score = (rng.random(n) < 0.7).astype(float).tolist()
    return table(score, tokens, [f"f{i % families}" for i in range(n)])


def curve(outcomes: Outcomes, seed: int = 1) -> BudgetCurve:
    found = budget_curve(outcomes, rng=np.random.default_rng(seed))
    assert isinstance(found, BudgetCurve)
    return found


def test_points_are_what_one_counts() -> None:
    outcomes = made()
    for point in curve(outcomes).points:
        within = [
            score == 1 and (tokens <= CAP * point.share or point.share == 1)
            for score, tokens in zip(outcomes.score, outcomes.tokens, strict=True)
        ]
        assert point.solved == sum(within)
        if isinstance(point.answer, Estimate):
            assert point.answer.value == pytest.approx(sum(within) / len(within))
    assert [point.share for point in curve(outcomes).points] == [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]


def test_at_the_full_cap_a_run_counts_as_it_ended() -> None:
    outcomes = table([1.0] * 8 + [0.0] * 8, [CAP + 50] * 16, [f"f{i}" for i in range(16)])
    *others, last = curve(outcomes).points
    assert last.solved == 8
    assert all(point.solved == 0 for point in others)


def test_the_curve_never_falls_and_its_band_holds_it() -> None:
    points = curve(made()).points
    assert [point.solved for point in points] == sorted(point.solved for point in points)
    answers = [point.answer for point in points if isinstance(point.answer, Estimate)]
    assert answers
    for answer in answers:
        assert answer.value is not None
        assert answer.lower is not None
        assert answer.upper is not None
        assert 0 < answer.lower < answer.value < answer.upper < 1


def test_equal_seeds_give_equal_bands() -> None:
    assert curve(made(), 5) == curve(made(), 5)
    assert curve(made(), 5) != curve(made(), 6)


def test_points_with_few_events_are_counts_only() -> None:
    outcomes = table([1.0] * 10 + [0.0] * 22, [3000] * 32, [f"f{i % 16}" for i in range(32)])
    first = curve(outcomes).points[0]
    assert isinstance(first.answer, NotIdentifiable)
    assert first.answer.reason == "fewer than 5 runs solved"
    assert first.answer.counts["solved"] == 0
    almost_all = table([1.0] * 30 + [0.0] * 2, [10] * 32, [f"f{i % 16}" for i in range(32)])
    reasons = {point.answer.reason for point in curve(almost_all).points if isinstance(point.answer, NotIdentifiable)}
    assert reasons == {"fewer than 5 runs missed"}


def test_few_families_give_counts_only() -> None:
    for point in curve(made(families=14)).points:
        assert isinstance(point.answer, NotIdentifiable)
        assert point.answer.reason == "not generalizable (14 families, 15 needed)"


def test_still_rising_is_said() -> None:
    late = table([1.0] * 20 + [0.0] * 20, [CAP] * 40, [f"f{i % 20}" for i in range(39)] + ["f0"])
    assert curve(late).limited
    last = curve(late).points[-1].answer
    assert isinstance(last, Estimate)
    assert last.qualifiers == {"budget-limited"}
    early = table([1.0] * 20 + [0.0] * 20, [100] * 40, [f"f{i % 20}" for i in range(40)])
    assert not curve(early).limited


def test_what_has_no_curve() -> None:
    family = [f"f{i}" for i in range(16)]
    rng = np.random.default_rng(1)
    unrecorded = budget_curve(table([1.0] * 16, [0] * 16, family), rng=rng)
    assert isinstance(unrecorded, NotIdentifiable)
    assert unrecorded.reason == "tokens of solved runs were not recorded"
    capless = Outcomes.of(
        {"participant": ["m"], "task": ["t"], "family": ["f"], "score": [1], "tokens": [5]},
        budget="none",
        bank_version="x",
    )
    assert isinstance(budget_curve(capless, rng=rng), NotIdentifiable)


def test_many_losses_widen_the_band_and_take_the_value() -> None:
    whole = made()
    status = ["lost" if i < 8 else "finished" for i in range(len(whole))]
    score = [None if i < 8 else float(whole.score[i]) for i in range(len(whole))]
    lossy = Outcomes.of(
        {
            "participant": whole.participant,
            "task": whole.task,
            "family": whole.family,
            "tokens": whole.tokens,
            "score": score,
            "status": status,
        },
        budget=CAP,
        bank_version="toy",
    )
    answer = curve(lossy).points[-1].answer
    assert isinstance(answer, Estimate)
    assert answer.value is None
    assert answer.qualifiers >= {"losses-bounded"}


def test_the_band_is_the_loop() -> None:
    """The vectorised bootstrap against the definition, family by family."""
    rng = np.random.default_rng(11)
    family = np.array([f"f{i:02}" for i in rng.integers(0, 16, 60)])
    values = (rng.random((60, 3)) < [0.3, 0.5, 0.6]).astype(float)
    band = max_t_band(values, family, level=0.95, rng=np.random.default_rng(2), draws=300)
    names = sorted(set(family))
    picks = np.random.default_rng(2).integers(len(names), size=(300, len(names)))
    groups = [values[family == name] for name in names]

    def place(drawn: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        n = sum(len(group) for group in drawn)
        mean = sum(group.sum(axis=0) for group in drawn) / n
        f = len(drawn)
        se = np.sqrt(f / (f - 1) * sum((group - mean).sum(axis=0) ** 2 for group in drawn)) / n
        mean = np.clip(mean, 0.5 / n, 1 - 0.5 / n)
        return np.log(mean / (1 - mean)), se / (mean * (1 - mean))

    centre, spread = place(groups)
    worst = []
    for pick in picks:
        at, se = place([groups[index] for index in pick])
        worst.append(np.max(np.abs(at - centre) / np.maximum(se, spread / 4)))
    critical = np.quantile(worst, 0.95)
    assert band.critical == pytest.approx(critical)
    assert band.lower == pytest.approx(1 / (1 + np.exp(critical * spread - centre)))
    assert band.upper == pytest.approx(1 / (1 + np.exp(-critical * spread - centre)))


@pytest.mark.slow
def test_coverage_of_the_band() -> None:
    rng = np.random.default_rng(9)
    truth = [BASE.generalized(5.5 + octaves, rng, draws=200_000) for octaves in OCTAVES_OF_BUDGET]
    inside = 0
    for _ in range(120):
        points = curve(budget_review(BASE, rng, families=30, mean_size=10, theta=5.5), int(rng.integers(2**32))).points
        inside += all(
            point.answer.lower <= value <= point.answer.upper  # type: ignore[operator]
            for point, value in zip(points, truth, strict=True)
            if isinstance(point.answer, Estimate)
        )
    assert inside >= 120 * 0.93 - 3 * math.sqrt(120 * 0.05 * 0.95)
