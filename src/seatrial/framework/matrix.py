"""The matrix: which role may do what with which class, and under which conditions. An empty cell is no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seatrial.framework.data_class import Action, DataClass
    from seatrial.framework.participant import Role


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every cell of the grid; a way is a set of conditions that must all hold, and one way is enough."""

    cells: Mapping[tuple[Role, DataClass, Action], tuple[frozenset[str], ...]]
