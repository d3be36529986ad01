"""The states and steps of every lifecycle, as the tables check them."""

from __future__ import annotations

from seatrial.framework.lifecycles import LIFECYCLES

STATES: tuple[str, ...] = tuple(sorted({state for lifecycle in LIFECYCLES.values() for state in lifecycle.states}))
"""Every state that a row can be in."""

EDGES: frozenset[tuple[str, str, str, str]] = frozenset(
    (str(kind), row.source, row.event, row.target)
    for kind, lifecycle in LIFECYCLES.items()
    for row in lifecycle.transitions
)
"""Every step: kind, source, event, target."""
