"""No number without its error."""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, fields
from typing import Any

import pytest

from seatrial.measurement import Estimate, EstimateError

WHOLE: dict[str, Any] = {
    "quantity": "Q1",
    "estimand": "share solved",
    "unit": "share of tasks",
    "value": 0.5,
    "lower": 0.4,
    "upper": 0.6,
    "level": 0.95,
    "method": "Wilson",
    "method_version": "1",
    "n_runs": 10,
    "n_tasks": 10,
    "n_families": 3,
    "budget": "1,000 tokens a run",
    "bank_version": "toy 1",
    "qualifiers": frozenset(),
}


@pytest.mark.parametrize("name", list(WHOLE))
def test_every_field_must_be_stated(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        Estimate(**{key: value for key, value in WHOLE.items() if key != name})


def test_only_scale_and_seed_have_a_default() -> None:
    assert {item.name for item in fields(Estimate) if item.default is not MISSING} == {"scale_version", "seed"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": "Q13"}, "Q1 to Q12"),
        ({"estimand": " "}, "estimand is empty"),
        ({"budget": ""}, "budget is empty"),
        ({"n_families": 0}, "n_families is 0"),
        ({"level": 95}, "level 95"),
        ({"qualifiers": frozenset({"splendid"})}, "splendid"),
        ({"lower": None, "upper": None}, "no number without its error"),
        ({"value": 0.7}, "must not cross"),
        ({"lower": 0.7, "value": None}, "must not cross"),
        ({"value": float("nan")}, "finite"),
    ],
)
def test_against_itself(change: dict[str, Any], message: str) -> None:
    with pytest.raises(EstimateError, match=message):
        Estimate(**{**WHOLE, **change})


def test_limits_without_a_value_and_one_sided_limits_are_estimates() -> None:
    assert Estimate(**{**WHOLE, "value": None}).lower == 0.4
    assert Estimate(**{**WHOLE, "lower": None}).upper == 0.6


def test_frozen() -> None:
    estimate = Estimate(**WHOLE)
    with pytest.raises(FrozenInstanceError):
        estimate.value = 1.0  # type: ignore[misc]
