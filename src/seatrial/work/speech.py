"""A worker's log: one JSON object a line on standard error, with the fields below and no other.

Text of requests, models or persons has no field, so that it cannot stand in a log.

>>> import io
>>> out = io.StringIO()
>>> speaker(out)("unit.taken", unit="uni_1", reason="what the model said", seconds=1.5)
>>> "uni_1" in out.getvalue(), "what the model said" in out.getvalue()
(True, False)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

FIELDS = frozenset(
    {
        "time",
        "level",
        "event",
        "room",
        "worker",
        "kind",
        "unit",
        "stream",
        "attempt",
        "ending",
        "error",
        "seconds",
        "count",
    }
)
"""`stream` is a submission's id, `error` the name of an error's type."""


class Say(Protocol):
    """Write an event down."""

    def __call__(self, event: str, **fields: object) -> None:
        """One line."""
        ...


def speaker(out: TextIO | None = None, **bound: object) -> Say:
    """A log with fields that every line has."""
    log = structlog.wrap_logger(
        structlog.WriteLogger(out or sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _allowed,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    ).bind(room="work", level="info", **bound)

    def say(event: str, **fields: object) -> None:
        log.info(event, **fields)

    return say


def _allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in event.items() if name in FIELDS}
