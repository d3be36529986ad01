"""The manifest of an instance: what it is, and what the gate found.

* Its digest is the SHA-256 of its canonical JSON without `timing`, so that equal findings give equal digests.
* The seed appears as a commitment only, the weakness by class only: the publishable copy tells a participant nothing.
* The sealed copy adds seed and witness and stays with the evaluator.

States are `held`, `broken` and `not_applicable` (always with a reason); the whole is `qualified` or `rejected`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from seatrial.battery.canonical import digest as canonical_digest

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.battery.instance import Instance

SCHEMA = "seatrial.manifest/1"
GUARANTEES = {
    "G1": "solvable: the reference solver succeeds, cold, in the participant's own view",
    "G2": "not free: no free participant and no decoy gets anything",
    "G3": "skill-specific: on the twin without the weakness the reference solver gets nothing, and the twin works",
    "G4": "witness: the grader compares with the named site or field",
    "G5": "deterministic: rebuilds in other surroundings are equal to the byte",
    "G6": "monotone: a higher level is harder in at least one knob and easier in none",
    "G7": "fresh secrets: attempts differ in every secret, and no secret lies in the open",
    "G8": "leak scan: nothing delivered tells of seed, generator, twin or solver",
    "G9": "robust grader: no hostile submission is accepted, crashes or hangs the grader",
    "G10": "parallel forms: counts for the comparison of halves and forms",
}


class GuaranteeState(StrEnum):
    """Of one guarantee."""

    HELD = "held"
    BROKEN = "broken"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Guarantee:
    """One finding: state, the reason unless it is held, and how much was looked at."""

    state: GuaranteeState
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def held(cls, **counts: int) -> Self:
        """It was tested and holds."""
        return cls(GuaranteeState.HELD, "", counts)

    @classmethod
    def broken(cls, reason: str, **counts: int) -> Self:
        """It was tested and does not hold."""
        return cls(GuaranteeState.BROKEN, reason, counts)

    @classmethod
    def not_applicable(cls, reason: str, **counts: int) -> Self:
        """There is nothing to test here, for this reason."""
        return cls(GuaranteeState.NOT_APPLICABLE, reason, counts)


@dataclass(frozen=True)
class ParticipantLine:
    """What one non-AI participant reached in the gate: solved or not, of how many guesses how many were graded."""

    solved: bool
    guesses: int
    graded: int
    version: str
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """See the module. `timing` (CPU milliseconds by guarantee, time of building) is outside the digest."""

    instance_id: str
    identity: Mapping[str, Any]  # family, version, level, form, hint, technique, pair, tags, knobs, seed_commitment
    digests: Mapping[str, str]
    witness: Mapping[str, Any]  # CWE and fault classes only
    guarantees: Mapping[str, Guarantee]
    participants: Mapping[str, ParticipantLine]
    toolchain: Mapping[str, str]
    view_digest: str
    isolation_level: int
    engine: str
    depth: str
    timing: Mapping[str, Any] = field(default_factory=dict)

    @property
    def first_broken(self) -> str:
        """The first guarantee that is broken or missing, with its reason; empty when there is none."""
        for name in GUARANTEES:
            finding = self.guarantees.get(name)
            if finding is None:
                return f"{name}: not tested"
            if finding.state is GuaranteeState.BROKEN:
                return f"{name}: {finding.reason}"
        return ""

    @property
    def qualified(self) -> bool:
        """Whether the instance may enter a run."""
        return not self.first_broken

    def public(self) -> dict[str, Any]:
        """As JSON, with the timing and the digest."""
        body = self._body()
        return {**body, "timing": dict(self.timing), "manifest_sha256": canonical_digest(body)}

    def digest(self) -> str:
        """What plans, logs and reports cite."""
        return canonical_digest(self._body())

    def sealed(self, instance: Instance) -> dict[str, Any]:
        """The evaluator's copy: with the seed and the whole witness."""
        witness = asdict(instance.hidden.witness)
        return {**self.public(), "sealed": {"seed": instance.key.seed.hex(), "witness": json_ready(witness)}}

    def _body(self) -> dict[str, Any]:
        status = {"state": "qualified"} if self.qualified else {"state": "rejected", "first_broken": self.first_broken}
        return {
            "schema": SCHEMA,
            "instance": self.instance_id,
            **self.identity,
            **self.digests,
            "witness": dict(self.witness),
            "guarantees": {
                name: {"state": str(item.state), "reason": item.reason, "counts": dict(item.counts)}
                for name, item in self.guarantees.items()
            },
            "participants": {name: json_ready(asdict(line)) for name, line in self.participants.items()},
            "status": status,
            "toolchain": dict(self.toolchain),
            "view_digest": self.view_digest,
            "isolation_level": self.isolation_level,
            "engine": self.engine,
            "depth": self.depth,
        }


def json_ready(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Plain JSON of nested plain data: bytes as hex, floats and huge integers as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return hex(value)
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def read(path: Path) -> dict[str, Any]:
    """A manifest file as it stands; `ValueError` when it is none or its digest differs."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        claimed, schema = str(document["manifest_sha256"]), document["schema"]
    except (KeyError, TypeError, ValueError, RecursionError, OSError) as error:
        raise ValueError(f"{path}: not a manifest ({type(error).__name__}: {error})") from error
    if schema != SCHEMA:
        raise ValueError(f"{path}: schema {schema!r}, this reads {SCHEMA}")
    body = {name: item for name, item in document.items() if name not in {"timing", "manifest_sha256", "sealed"}}
    if canonical_digest(body) != claimed:
        raise ValueError(f"{path}: changed after it was written (its digest is not {claimed[:12]}…)")
    return dict(document)
