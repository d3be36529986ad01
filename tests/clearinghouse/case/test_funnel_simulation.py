"""A small run of the simulation of the funnel; the whole one is `benchmarks/findings_funnel.py`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

FILE = Path(__file__).parents[3] / "benchmarks" / "findings_funnel.py"
SEED = 7


@pytest.fixture(scope="module")
def funnel() -> ModuleType:
    spec = importlib.util.spec_from_file_location("findings_funnel", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["findings_funnel"] = module
    spec.loader.exec_module(module)
    return module


def run(funnel: Any, folder: Path) -> Any:  # noqa: ANN401 - a module of its own
    return funnel.Simulation(SEED, 400, 40, 12, folder / "outbox").run(150)


def test_nothing_is_lost_paced_wrongly_late_or_unsigned(funnel: ModuleType, tmp_path: Path) -> None:
    report = run(funnel, tmp_path)
    assert report.holds
    assert report.candidates == sum(report.dispositions.values()) == 400
    assert report.released > 100
    assert report.unsigned_tried >= 2 * report.released
    assert report.instants > 500


@pytest.mark.parametrize(("method", "figure"), [("_disclosure", "wrong_instants"), ("_files", "above_k")])
def test_the_simulation_can_see(
    funnel: Any,  # noqa: ANN401 - a module of its own
    method: str,
    figure: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second too many in its own book, or a file that came of a refusal, is a figure that is not zero."""
    true = getattr(funnel.Simulation, method)
    counted = iter(range(10**9))
    wrong = (lambda *given: true(*given) + 1) if method == "_disclosure" else (lambda _: next(counted))
    monkeypatch.setattr(funnel.Simulation, method, wrong)
    report = run(funnel, tmp_path)
    assert not report.holds
    assert getattr(report, figure) > 0
