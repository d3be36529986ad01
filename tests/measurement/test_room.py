"""The room as a whole: pure, light, and without a bare number in its catalogue."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from typing import get_type_hints

import pytest

import seatrial.measurement as room

MODULES = ("budget", "clusters", "comparison", "estimate", "outcomes", "success", "worlds")


@pytest.mark.parametrize("name", MODULES)
def test_worked_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"seatrial.measurement.{name}")).failed == 0


def test_no_quantity_is_a_bare_number() -> None:
    from seatrial.measurement import budget, comparison, success  # noqa: PLC0415

    for function in (
        success.bank_success,
        success.generalized_success,
        budget.budget_curve,
        comparison.paired_difference,
    ):
        namespace = {**vars(room), "np": __import__("numpy")}
        returned = str(get_type_hints(function, globalns=namespace)["return"])
        assert "float" not in returned
        assert any(name in returned for name in ("Estimate", "BudgetCurve", "PairedComparison"))


def test_importing_it_loads_no_other_library() -> None:
    code = (
        "import sys, seatrial.measurement; "
        "print(sorted({'pydantic', 'matplotlib', 'inspect_ai', 'jinja2', 'pandas'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
