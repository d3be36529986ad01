"""Differences on the same tasks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from seatrial.measurement import Estimate, NotIdentifiable, Outcomes, OutcomesError, paired_difference


def participant(name: str, scores: list[int | None], families: int = 16, **more: str) -> Outcomes:
    n = len(scores)
    return Outcomes.of(
        {
            "participant": [name] * n,
            "task": [f"t{i:02}" for i in range(n)],
            "family": [f"f{i % families}" for i in range(n)],
            "score": scores,
            "status": ["finished" if score is not None else "lost" for score in scores],
        },
        budget=1000,
        bank_version=more.get("bank_version", "toy"),
        comparison_key=more.get("comparison_key", ""),
    )


def test_counts_and_interval() -> None:
    a, b = [1] * 24 + [0] * 8, [1, 0] * 16
    found = paired_difference(participant("m", a), participant("tool", b))
    assert (found.both, found.first_only, found.second_only, found.neither, found.pairs) == (12, 12, 4, 4, 32)
    d = [x - y for x, y in zip(a, b, strict=True)]
    mean = sum(d) / 32
    by_family = [sum(d[i] - mean for i in range(32) if i % 16 == f) for f in range(16)]
    half = student.ppf(0.975, 15) * math.sqrt(16 / 15 * sum(e * e for e in by_family)) / 32
    assert isinstance(found.answer, Estimate)
    assert found.answer.value == pytest.approx(mean)
    assert found.answer.lower == pytest.approx(mean - half)
    assert found.answer.upper == pytest.approx(mean + half)


def test_swapping_sides_mirrors() -> None:
    rng = np.random.default_rng(4)
    a, b = (rng.integers(0, 2, 40).tolist() for _ in range(2))
    one = paired_difference(participant("m", a), participant("n", b)).answer
    two = paired_difference(participant("n", b), participant("m", a)).answer
    assert isinstance(one, Estimate)
    assert isinstance(two, Estimate)
    assert (one.lower, one.upper) == pytest.approx((-(two.upper or 0), -(two.lower or 0)))


def test_only_shared_tasks_count() -> None:
    few = participant("tool", [1, 1, 0])
    found = paired_difference(participant("m", [1] * 20), few)
    assert found.pairs == 3
    assert isinstance(found.answer, NotIdentifiable)
    assert found.answer.reason == "not generalizable (3 families, 15 needed)"
    assert found.answer.counts == {
        "pairs": 3, "both": 2, "first_only": 1, "second_only": 0, "neither": 0, "families": 3
    }  # fmt: skip


def test_lost_pairs() -> None:
    many = paired_difference(participant("m", [1] * 18 + [0, None, None]), participant("n", [0] * 21))
    assert isinstance(many.answer, NotIdentifiable)
    assert many.answer.reason == "2 of 21 pairs lack an outcome"
    one = paired_difference(participant("m", [1] * 19 + [0] * 20 + [None]), participant("n", [0, 1] * 20))
    assert isinstance(one.answer, Estimate)
    none = paired_difference(participant("m", [None]), participant("n", [1]))
    assert isinstance(none.answer, NotIdentifiable)
    assert none.answer.reason == "no task was run by both"


def test_only_like_is_compared() -> None:
    with pytest.raises(OutcomesError, match="bank_version: 'toy' and 'other'"):
        paired_difference(participant("m", [1]), participant("n", [1], bank_version="other"))
    with pytest.raises(OutcomesError, match="comparison_key"):
        paired_difference(participant("m", [1]), participant("n", [1], comparison_key="x"))
