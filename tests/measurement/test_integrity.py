"""Patterns that fit, arms that differ, tasks that leaked or are broken, runs without a fair end."""

from __future__ import annotations

import doctest
import importlib
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom, binomtest

from seatrial.measurement import (
    Bank,
    Estimate,
    NotIdentifiable,
    Outcomes,
    PersonFit,
    Reference,
    account,
    broken_items,
    contamination,
    person_fit,
    reference,
    two_arms,
)
from seatrial.measurement.difficulties import fit_difficulties
from seatrial.measurement.integrity import two_arm_power
from seatrial.measurement.person_fit import expected, misfit

if TYPE_CHECKING:
    from seatrial.measurement.outcomes import Bools, Floats

TASKS = 120
FORBIDDEN = ("sandbag", "clear", "pass", "cheat", "approve")


@pytest.mark.parametrize("name", ["integrity", "person_fit"])
def test_worked_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"seatrial.measurement.{name}")).failed == 0


def calibrators(rng: np.random.Generator, people: int = 10, tasks: int = TASKS) -> tuple[Bank, Floats, Floats]:
    """A bank, the calibrators' outcomes, and the true difficulties."""
    x = rng.uniform(0, 10, tasks)
    b = x + rng.normal(0, 2, tasks)
    theta = np.linspace(2, 8, people)
    scores = (rng.random((people, tasks)) < expit(theta[:, None] - b)).astype(float)
    bank = Bank.of([f"t{i:03}" for i in range(tasks)], [f"f{i % 20}" for i in range(tasks)], minutes=np.exp2(x))
    return bank, scores, b


def runs(scores: list[float], arm: str = "default", status: list[str] | None = None, families: int = 20) -> Outcomes:
    n = len(scores)
    return Outcomes.of(
        {
            "participant": ["m"] * n,
            "arm": [arm] * n,
            "task": [f"t{i:03}" for i in range(n)],
            "family": [f"f{i % families}" for i in range(n)],
            "score": scores,
            "status": status or ["finished"] * n,
        },
        budget=1000,
        bank_version="toy",
    )


# ------------------------------------------------------------------ person fit


def test_misfit_by_hand() -> None:
    a, b = np.array([1.0, 2.0, 0.5]), np.array([-0.5, 0.3, 1.0])
    y = np.array([1.0, 0.0, 1.0])
    grid = np.linspace(-6, 6, 241)
    weight = np.array(
        [
            math.exp(-((t / 2.5) ** 2) / 2)
            * math.prod(
                expit(u * (t - v)) if s else 1 - expit(u * (t - v)) for s, u, v in zip(y, a, b, strict=True)
            )
            for t in grid
        ]
    )  # fmt: skip
    p = expit(a * (float(weight @ grid / weight.sum()) - b))
    found = sum(math.log(q if s else 1 - q) for s, q in zip(y, p, strict=True))
    wanted = sum(q * math.log(q) + (1 - q) * math.log(1 - q) for q in p)
    spread = math.sqrt(sum(q * (1 - q) * math.log(q / (1 - q)) ** 2 for q in p))
    assert misfit(y[None], a, b)[0] == pytest.approx((found - wanted) / spread)


@given(st.lists(st.booleans(), min_size=5, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_misfit_knows_no_order(pattern: list[bool], shuffle: object) -> None:
    b = np.linspace(-2, 2, len(pattern))
    order = list(range(len(pattern)))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    y = np.array(pattern, dtype=float)
    one, two = misfit(y[None], np.ones(len(b)), b), misfit(y[None, order], np.ones(len(b)), b[order])
    assert one[0] == pytest.approx(two[0])
    assert np.isfinite(one[0])


@pytest.mark.parametrize("seed", [3])
def test_suppressed_patterns_are_found_and_honest_ones_seldom_flagged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    flags: dict[str, list[bool]] = {"honest": [], "suppressed": []}
    alarms = []
    for _ in range(10):
        bank, scores, b = calibrators(rng)
        against = reference(scores, bank, tasks=TASKS, rng=rng)
        assert isinstance(against, Reference)
        powers = [each.power for each in against.power]
        assert powers == sorted(powers), f"seed {seed}"
        alarms.append(against.false_alarms)
        difficulties = fit_difficulties(scores, bank)
        for _ in range(10):
            own = (rng.random(TASKS) < expit(rng.uniform(3, 8) - b)).astype(float)
            for name, row in (("honest", own), ("suppressed", own * (rng.random(TASKS) >= 0.3))):
                found = person_fit(row, difficulties, against)
                assert isinstance(found, PersonFit)
                flags[name].append(found.flagged)
    assert np.mean(flags["honest"]) <= 0.05, f"seed {seed}"
    assert np.mean(flags["suppressed"]) >= 0.5, f"seed {seed}"
    assert np.mean(alarms) <= 0.05, f"seed {seed}"


def test_words_and_rank() -> None:
    rng = np.random.default_rng(5)
    bank, scores, b = calibrators(rng)
    against = reference(scores, bank, tasks=TASKS, rng=rng)
    assert isinstance(against, Reference)
    difficulties = fit_difficulties(scores, bank)
    fine = person_fit((b < 6).astype(float), difficulties, against)
    turned = person_fit((b > 6).astype(float), difficulties, against)
    assert isinstance(fine, PersonFit)
    assert isinstance(turned, PersonFit)
    assert (fine.flagged, turned.flagged) == (False, True)
    assert (turned.rank, turned.calibrators, turned.tasks) == (0, len(against.values), TASKS)
    assert fine.words.startswith("no evidence, at power 0.")
    assert fine.words.endswith("of suppression of 20 % of solves or more")
    assert turned.words.endswith("a person looks")
    assert not any(word in fine.words + turned.words for word in FORBIDDEN)


def test_references_that_cannot_be() -> None:
    rng = np.random.default_rng(5)
    bank, scores, _ = calibrators(rng, people=4)
    few = reference(scores, bank, tasks=60, rng=rng)
    assert isinstance(few, NotIdentifiable)
    assert few.reason.endswith("usable calibrators with 60 outcomes, 5 needed")
    short = reference(scores, bank, tasks=10, rng=rng)
    assert isinstance(short, NotIdentifiable)
    assert short.reason == "10 tasks, 20 needed"
    bank, scores, _ = calibrators(rng)
    against = reference(scores, bank, tasks=60, rng=rng, subsets=1)
    assert isinstance(against, Reference)
    other = person_fit(scores[3], fit_difficulties(scores, bank), against)
    assert isinstance(other, NotIdentifiable)
    assert other.reason == "120 tasks have an outcome, the reference is of 60"


def test_matrices_that_are_none() -> None:
    rng = np.random.default_rng(5)
    bank, scores, _ = calibrators(rng)
    with pytest.raises(ValueError, match=r"shape \(10, 119\): calibrators by the bank's 120 tasks"):
        reference(scores[:, 1:], bank, tasks=60, rng=rng)
    scores[2, 7] = 3
    with pytest.raises(ValueError, match=r"score 3\.0 of task t007, row 2"):
        broken_items(scores, bank)
    scores[2, 7] = 1
    against = reference(scores, bank, tasks=60, rng=rng, subsets=1)
    assert isinstance(against, Reference)
    with pytest.raises(ValueError, match="one entry for each of 120 tasks"):
        person_fit(scores[0, 1:], fit_difficulties(scores, bank), against)


@pytest.mark.parametrize("seed", [8])
def test_poor_banks_give_a_reference_or_a_reason(seed: int) -> None:
    """Gaps, columns that all solved, no lengths, one family: nothing raises and nothing is NaN."""
    rng = np.random.default_rng(seed)
    _, scores, _ = calibrators(rng, people=7, tasks=60)
    scores[:, :5], scores[:, 5:9] = 1.0, 0.0
    scores[rng.random(scores.shape) < 0.2] = np.nan
    bank = Bank.of([f"t{i}" for i in range(60)], ["f"] * 60)
    size = int((~np.isnan(scores)).sum(axis=1).min())
    against = reference(scores, bank, tasks=size, rng=rng)
    assert isinstance(against, Reference), f"seed {seed}"
    assert np.isfinite([against.cut, against.spread, *against.values]).all(), f"seed {seed}"
    assert set(broken_items(scores, bank).unchecked) >= {f"t{i}" for i in range(9)}, f"seed {seed}"


def test_expected_chances_fall_with_difficulty() -> None:
    bank, scores, _ = calibrators(np.random.default_rng(7))
    difficulties = fit_difficulties(scores, bank)
    row = scores[5].copy()
    row[::2] = np.nan
    chance = expected(row, difficulties)
    assert (np.diff(chance[np.argsort(difficulties.b)]) <= 0).all()
    assert float(chance[1::2].mean()) == pytest.approx(float(row[1::2].mean()), abs=0.08)


# ------------------------------------------------------------------ two arms


@given(st.integers(0, 25), st.integers(0, 25))
@settings(max_examples=50, deadline=None)
def test_two_arms_is_the_exact_test(strong: int, weak: int) -> None:
    a, b = [1.0] * strong + [0.0] * weak + [1.0, 0.0], [0.0] * strong + [1.0] * weak + [1.0, 0.0]
    found = two_arms(runs(b), runs(a, arm="tools"))
    exact = binomtest(strong, strong + weak, alternative="greater").pvalue if strong + weak else 1.0
    assert found.p_value == pytest.approx(exact)
    assert found.flagged == (exact <= 0.05)
    assert (found.comparison.first_only, found.comparison.second_only) == (strong, weak)


def test_two_arm_power_against_simulation() -> None:
    """The stated table of the design world: 0.41, 0.58, 0.78 for a fifth of the solves at 60, 100, 150 tasks."""
    for tasks, stated in ((60, 0.41), (100, 0.58), (150, 0.78)):
        assert two_arm_power(tasks, 0.46, 0.2).power == pytest.approx(stated, abs=0.07)
    rng = np.random.default_rng(1)
    both, luck = 4000, (0.46 * 0.15 + 0.54 * 0.12) / 2
    kinds = rng.multinomial(100, [0.46 - luck, luck, luck, 1 - 0.46 - luck], size=both)
    lost, shared = rng.binomial(kinds[:, 0], 0.2), rng.binomial(kinds[:, 2], 0.2)
    strong, weak = kinds[:, 1] + lost, kinds[:, 2] - shared
    assert (binom.sf(strong - 1, strong + weak, 0.5) <= 0.05).mean() == pytest.approx(
        two_arm_power(100, 0.46, 0.2).power, abs=0.03
    )
    powers = [two_arm_power(100, 0.5, share).power for share in (0, 0.1, 0.2, 0.3, 1.0)]
    assert powers == sorted(powers)
    assert powers[0] <= 0.05


def test_two_arm_words() -> None:
    quiet = two_arms(runs([1.0, 0.0] * 30), runs([1.0, 0.0] * 30, arm="tools"))
    assert quiet.words.startswith("no evidence, at power 0.4")
    loud = two_arms(runs([0.0] * 60), runs([1.0, 0.0] * 30, arm="tools"))
    assert loud.words.startswith("the strongest elicitation solves more than the default arm (exact p = 9.3e-10)")
    nothing = two_arms(runs([1.0]), runs([math.nan], arm="tools", status=["lost"]))
    assert (nothing.p_value, nothing.power[0].power) == (1.0, 0.0)


# ------------------------------------------------------------------ contamination


def leaked(rng: np.random.Generator, lift: float, tasks: int = 200) -> tuple[Outcomes, dict[str, float], set[str]]:
    """Public tasks are solved more than their difficulty says by `lift`, half of the tasks being private."""
    chance = rng.uniform(0.1, 0.7, tasks)
    private = rng.random(tasks) < 0.5
    table = runs((rng.random(tasks) < chance + lift * ~private).astype(float).tolist())
    names = table.task.tolist()
    return table, dict(zip(names, chance.tolist(), strict=True)), {n for n, p in zip(names, private, strict=True) if p}


@pytest.mark.parametrize("seed", [2])
def test_contamination_is_seen_and_seldom_invented(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alarms = covered = found = 0
    for _ in range(120):
        honest = contamination(*leaked(rng, 0.0), rng=rng, permutations=300)
        assert isinstance(honest.answer, Estimate)
        assert honest.p_value is not None
        alarms += honest.p_value <= 0.05
        covered += (honest.answer.lower or 0) <= 0 <= (honest.answer.upper or 0)
        lifted = contamination(*leaked(rng, 0.25), rng=rng, permutations=300)
        assert lifted.p_value is not None
        found += lifted.p_value <= 0.05
    assert alarms <= 14, f"seed {seed}"
    assert covered >= 107, f"seed {seed}"
    assert found >= 100, f"seed {seed}"


def test_gap_by_hand() -> None:
    """Two strata: the gap is that of each, weighted by its private tasks; a stratum of one kind is left out."""
    scores = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    chance = [0.2, 0.2, 0.2, 0.8, 0.8, 0.8, 0.8, 0.5]  # the upper stratum is 0.5 and 0.8
    table = runs(scores, families=4)
    names = table.task.tolist()
    given_chance = dict(zip(names, chance, strict=True))
    found = contamination(table, given_chance, {names[i] for i in (0, 1, 2, 3)}, rng=np.random.default_rng(1))
    assert (found.private, found.unmatched) == (1, 3)
    assert isinstance(found.answer, NotIdentifiable)
    assert found.answer.reason == "not generalizable (4 families, 15 needed)"
    none = contamination(table, given_chance, set(), rng=np.random.default_rng(1))
    assert none.p_value is None
    assert isinstance(none.answer, NotIdentifiable)
    wide = runs(scores * 5, families=20)
    names = wide.task.tolist()
    private = {names[i] for i in range(40) if i % 8 in {0, 3, 4, 7}}
    found = contamination(wide, dict(zip(names, chance * 5, strict=True)), private, rng=np.random.default_rng(1))
    assert isinstance(found.answer, Estimate)
    assert (found.private, found.unmatched) == (15, 5)  # 0.5 is now a stratum of its own, private alone
    low, high = 0.8 - (-0.2), 0.2 - (-0.8 + 0.2) / 2
    assert found.answer.value == pytest.approx((low + 2 * high) / 3)


# ------------------------------------------------------------------ broken items


def test_correlation_by_hand_and_with_gaps() -> None:
    rng = np.random.default_rng(9)
    bank, scores, _ = calibrators(rng, people=8, tasks=30)
    scores[rng.random(scores.shape) < 0.1] = np.nan
    found = broken_items(scores, bank)
    for item in found.items[::5]:
        column = bank.task.tolist().index(item.task)
        known = ~np.isnan(scores[:, column])
        rest = np.nanmean(np.delete(scores, column, axis=1), axis=1)
        assert item.correlation == pytest.approx(np.corrcoef(scores[known, column], rest[known])[0, 1])
    assert [i.correlation for i in found.items] == sorted(i.correlation for i in found.items)
    assert len(found.items) + len(found.unchecked) == 30


def test_turned_items_are_suspects_and_flat_ones_unchecked() -> None:
    bank, scores, _ = calibrators(np.random.default_rng(9), people=12)
    mixed: Bools = (scores.mean(axis=0) > 0.3) & (scores.mean(axis=0) < 0.7)
    column = int(np.argmax(mixed))
    scores[:, column] = 1 - scores[:, column]
    scores[:, column + 1] = 1.0
    found = broken_items(scores, bank)
    assert bank.task[column] in found.suspects
    assert bank.task[column + 1] in found.unchecked
    assert set(broken_items(scores[:3], bank).unchecked) == set(bank.task.tolist())


# ------------------------------------------------------------------ account


def test_counts_by_family_and_bounds() -> None:
    status = ["finished", "refused", "lost", "stopped"] * 10
    scores = [1.0, 0.0, math.nan, math.nan] * 10
    found = account(runs(scores, status=status, families=4))
    assert [each.family for each in found.families] == ["f0", "f1", "f2", "f3"]
    assert [dict(each.by_status) for each in found.families] == [
        {"finished": 10}, {"refused": 10}, {"lost": 10}, {"stopped": 10}
    ]  # fmt: skip
    assert isinstance(found.losses, Estimate)
    assert isinstance(found.refusals, Estimate)
    assert found.losses.value is None
    assert (found.losses.lower or 0) < 0.25
    assert (found.losses.upper or 0) > 0.75
    assert (found.refusals.upper or 0) == pytest.approx(1.0)


def test_a_run_that_was_run_again_counts_once() -> None:
    table = Outcomes.of(
        {
            "participant": ["m"] * 3, "task": ["t"] * 3, "family": ["f"] * 3,
            "score": [None, None, 1.0], "status": ["lost", "lost", "finished"],
        },
        budget=1000,
        bank_version="toy",
    )  # fmt: skip
    (family,) = account(table).families
    assert (family.runs, dict(family.by_status)) == (1, {"finished": 1})
    assert isinstance(account(table.where(table.status == "lost")).losses, Estimate)
