"""The room as a whole: pure, light, and without a bare number in its catalogue."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import pytest

import seatrial.measurement as room

MODULES = sorted(module.name for module in pkgutil.iter_modules(room.__path__))
FUNCTIONS = sorted(name for name in room.__all__ if inspect.isfunction(getattr(room, name)))


@pytest.mark.parametrize("name", MODULES)
def test_worked_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"seatrial.measurement.{name}")).failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_public_function_answers_with_a_bare_number(name: str) -> None:
    answer = inspect.signature(getattr(room, name)).return_annotation
    assert answer
    assert not set(re.findall(r"\w+", answer)) & {"float", "int", "Floats", "Integers", "complex", "Any", "object"}


def test_importing_it_loads_no_other_library() -> None:
    others = {"pydantic", "matplotlib", "inspect_ai", "jinja2", "pandas", "pyarrow", "statsmodels", "girth"}
    code = f"import sys, seatrial.measurement; print(sorted({others!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
