"""What makes boxes: the protocol of an engine, and the choice of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from seatrial.sandbox.box import Box
from seatrial.sandbox.embedded.launcher import EmbeddedEngine
from seatrial.sandbox.errors import Unavailable

if TYPE_CHECKING:
    from seatrial.sandbox.spec import BoxSpec, RangeSpec


class EngineBox(Box, Protocol):
    """A box as its engine hands it out: with the means to look at its boundary from inside."""

    def probe(self, request: Mapping[str, object], timeout_s: float) -> dict[str, object]:
        """Observations of `inside/probe.py`, made with exactly the payload's identity, limits and filter."""
        ...

    def sealed_by(self, digest: str) -> None:
        """Note the digest of the preflight record that this box stands on."""
        ...


class Engine(Protocol):
    """A maker of boxes. Nothing but the preflight and `SealedBoxes` asks one for a box."""

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
        """Its level of isolation; see `Level`."""
        ...

    def open(self, spec: BoxSpec) -> EngineBox:
        """A fresh box on a boundary that nothing has shown closed yet; `Unavailable` when it cannot be made."""
        ...

    def open_range(self, spec: RangeSpec) -> Mapping[str, EngineBox]:
        """Fresh boxes on a private network, by host name in the order of the spec."""
        ...

    def close(self) -> None:
        """Close every box and free everything."""
        ...


def choose(min_level: int = 1) -> Engine:
    """The engine of the lowest sufficient level on this machine; never a step down."""
    if min_level > EmbeddedEngine.level:
        raise Unavailable(f"level {min_level} is required; the strongest engine here has level {EmbeddedEngine.level}")
    return EmbeddedEngine()
