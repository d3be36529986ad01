"""Assessments of the run directories that tests only read, each made once."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from seatrial.report import build

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.report import Assessment


@cache
def built(path: Path) -> Assessment:
    """The assessment of a directory that nobody changes."""
    return build(path)
