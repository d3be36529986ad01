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


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A run directory to change, without a report."""
    return made.without_model(tmp_path / "run")
