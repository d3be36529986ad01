"""Some hundred hostile requests of the benchmark's generator; `benchmarks/gateway_hostile.py` sends 10,000."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SEED = 7


@pytest.fixture(scope="module")
def hostile() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "gateway_hostile.py"
    spec = importlib.util.spec_from_file_location("gateway_hostile", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_no_hostile_request_reaches_the_endpoint_or_learns_a_secret(hostile: ModuleType) -> None:
    tally, reached, leaked = hostile.attack(SEED, 300)
    assert (reached, leaked) == (0, 0), tally
    assert sum(tally.values()) == 300
    refused = sum(number for name, number in tally.items() if name.rpartition(" ")[2].startswith("4"))
    assert refused > 280  # answered, not merely hung up on
