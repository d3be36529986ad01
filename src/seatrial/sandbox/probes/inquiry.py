"""Asking a box: what the preflight needs of an engine and of a box, and the one request it sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from seatrial.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from seatrial.sandbox.box import BoxRecord
    from seatrial.sandbox.probes.probe import Probe, Scene
    from seatrial.sandbox.spec import BoxSpec, RangeSpec

PROBE_TIMEOUT_S = 4.0  # a whole set of probes in one box; an idle two-core machine needs about 0.01 s


class ProbedBox(Protocol):
    """What the preflight needs of a box."""

    spec: BoxSpec

    def probe(self, request: Mapping[str, object], timeout_s: float) -> Mapping[str, object]:
        """Run `inside/probe.py` in an exec child with the payload's identity, limits and filter."""
        ...

    def record(self) -> BoxRecord:
        """Facts of the box."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class ProbedEngine(Protocol):
    """What the preflight needs of an engine."""

    @property
    def name(self) -> str:
        """Its name in records."""
        ...

    @property
    def version(self) -> str:
        """Its version: another version is another boundary."""
        ...

    @property
    def level(self) -> int:
        """Its level of isolation."""
        ...

    def open(self, spec: BoxSpec) -> ProbedBox:
        """A box on a boundary that nothing has shown closed yet."""
        ...

    def open_range(self, spec: RangeSpec) -> Mapping[str, ProbedBox]:
        """The boxes of a range, by host name."""
        ...


def ask(box: ProbedBox, probes: Sequence[Probe], scene: Scene) -> tuple[dict[str, Any], dict[str, int]]:
    """Make the observations of all these probes in one request: answers and microseconds by key.

    A box that dies or does not answer in time gives errors, which no judge takes for a closed door.
    """
    observe: dict[str, Any] = {}
    for probe in probes:
        observe.update(probe.asks(scene))
    return observe_in(box, observe, scene.canaries.nonce)


def observe_in(box: ProbedBox, observe: Mapping[str, Any], nonce: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Make these observations in a box; see `ask`."""
    try:
        return answers(box.probe({"nonce": nonce, "observe": observe}, PROBE_TIMEOUT_S), nonce)
    except (SandboxError, TimeoutError, OSError) as gone:
        return {key: {"error": f"{type(gone).__name__}: {gone}"} for key in observe}, {}


def answers(reply: object, nonce: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The observations of a reply, whatever its shape: anything odd is an answer to nothing."""
    if not isinstance(reply, dict) or reply.get("nonce") != nonce or not isinstance(reply.get("observations"), dict):
        return {}, {}
    spent = reply.get("duration_us")
    durations = {key: value for key, value in spent.items() if type(value) is int} if isinstance(spent, dict) else {}
    return reply["observations"], durations
