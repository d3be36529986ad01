"""Published horizons from their published runs; needs the tables, which are not part of the repository."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = os.environ.get("SEATRIAL_LYPTUS")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gates_published.py"


def script() -> ModuleType:
    pytest.importorskip("pyarrow")
    spec = importlib.util.spec_from_file_location("gates_published", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.skipif(FOLDER is None, reason="not run: SEATRIAL_LYPTUS names no folder with the published tables")
def test_published_tables_are_reproduced() -> None:
    found = list(script().figures(Path(str(FOLDER)), np.random.default_rng(20261124)))
    assert len(found) == 7
    assert [figure for figure in found if figure[3] != "reached"] == []
