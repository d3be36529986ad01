"""The record of a preflight: what was looked at, when, and whether every mandatory door was shown closed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from seatrial.sandbox.probes.probe import PASSING, Control, Verdict

SCHEMA = "seatrial.preflight/1"
SHOWN_FAILURES = 8  # named in a sentence; the record has them all


@dataclass(frozen=True)
class ProbeResult:
    """One line of the record."""

    id: str
    group: str
    mandatory: bool
    expected: str
    control: Control
    observed: str
    verdict: Verdict
    duration_us: int
    box: str = ""  # host name in a range


@dataclass(frozen=True)
class PreflightRecord:
    """Facts of the engine, the machine and the boundary, and one result for each probe and box."""

    nonce: str
    started_ns: int
    ended_ns: int
    engine: str
    engine_version: str
    level: int
    level_basis: str
    kernel_release: str
    arch: str
    boot_id: str
    limits_mode: str
    users_mode: str
    spec_digest: str
    rootfs_digest: str
    boundary_digest: str
    probe_list_digest: str
    mandatory: tuple[str, ...]  # ids of the probes without which nothing is sealed
    results: tuple[ProbeResult, ...] = field(default=())
    schema: str = SCHEMA

    @property
    def sealed(self) -> bool:
        """In every box, every mandatory probe was made, could see, and found its door closed."""
        boxes = {result.box for result in self.results}
        made = {(result.box, result.id) for result in self.results}
        complete = all((box, probe) in made for box in boxes for probe in self.mandatory)
        return bool(boxes) and complete and not self.failures

    @property
    def failures(self) -> tuple[ProbeResult, ...]:
        """The mandatory results that forbid a run."""
        return tuple(result for result in self.results if result.mandatory and result.verdict not in PASSING)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of this record without the digest itself."""
        return hashlib.sha256(canonical(self._plain())).hexdigest()

    def why(self) -> str:
        """One sentence: sealed, or which doors are open or unseen."""
        if self.sealed:
            return f"sealed: {len(self.results)} probes"
        named = [
            f"{result.box + '/' if result.box else ''}{result.id} is {result.verdict} ({result.observed})"
            for result in self.failures[:SHOWN_FAILURES]
        ]
        more = len(self.failures) - len(named)
        return "not sealed: " + "; ".join(
            [*named, *([f"{more} more"] if more > 0 else [])] or ["not every probe was made"]
        )

    def to_json(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, no floats, ASCII."""
        return canonical({**self._plain(), "digest": self.digest})

    def _plain(self) -> dict[str, Any]:
        return {**asdict(self), "sealed": self.sealed}


def canonical(value: object) -> bytes:
    """The one JSON text of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def summary(results: Sequence[ProbeResult]) -> dict[str, int]:
    """How many results have each verdict."""
    found: dict[str, int] = {}
    for result in results:
        found[result.verdict] = found.get(result.verdict, 0) + 1
    return found
