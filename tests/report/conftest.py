"""Made run directories, written once for all tests that only read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatrial.report import write_report

from . import made

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def model_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reviewed model, report written."""
    path = made.with_model(tmp_path_factory.mktemp("model"))
    write_report(path)
    return path


@pytest.fixture(scope="session")
def bare_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A review without AI, report written."""
    path = made.without_model(tmp_path_factory.mktemp("bare"))
    write_report(path)
    return path


@pytest.fixture(scope="session")
def rounds_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adaptive review with a calibration, report written."""
    path = made.in_rounds(tmp_path_factory.mktemp("rounds"))
    write_report(path)
    return path


@pytest.fixture(scope="session")
def drawn_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adaptive review without a calibration, so in probability mode, report written."""
    path = made.in_rounds(tmp_path_factory.mktemp("drawn"), calibrated=False)
    write_report(path)
    return path


@pytest.fixture(scope="session")
def extras_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repeats, two arms and thresholds, report written."""
    path = made.with_extras(tmp_path_factory.mktemp("extras"))
    write_report(path)
    return path


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A run directory to change, without a report."""
    return made.without_model(tmp_path / "run")
