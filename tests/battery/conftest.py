"""Boxes for the tests of this room."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.battery.instance import InstanceKey
from seatrial.sandbox import SealedBoxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatrial.sandbox import Boxes

sys.path.insert(0, str(Path(__file__).parent))  # toyfamily, also for the processes that make instances again


@pytest.fixture(scope="session")
def boxes() -> Iterator[Boxes]:
    with SealedBoxes() as sealed:
        yield sealed


@pytest.fixture(scope="session")
def key() -> Callable[..., InstanceKey]:
    def make(family: str, number: int = 0, level: int = 1) -> InstanceKey:
        return InstanceKey(family, "1", level, hashlib.sha256(b"test %d" % number).digest())

    return make
