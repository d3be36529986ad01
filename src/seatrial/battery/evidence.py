"""What happened around an attempt, as the host saw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One line of a service's release log, with the host's own time (ns since the epoch) and the chained digest."""

    at_ns: int
    service: str
    body: Mapping[str, Any]  # as the service wrote it: event, secret (a label, never a value), how, route, conn
    chain: str = ""


@dataclass(frozen=True)
class Evidence:
    """Release log, health and facts that a grader may use; empty for families without a service."""

    events: tuple[Event, ...] = ()
    healthy: Mapping[str, bool] = field(default_factory=dict)  # service name → answered its health probe afterwards
    submitted_ns: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)

    def released(self, label: str) -> bool:
        """Whether any service released the secret of that label before the submission."""
        return any(
            event.body.get("event") == "release" and event.body.get("secret") == label
            for event in self.events
            if not self.submitted_ns or event.at_ns <= self.submitted_ns
        )
