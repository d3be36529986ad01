"""What cases need of a store: chains of events by subject. `clearinghouse.store.Store` is one that does more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatrial.clearinghouse.cluster import Cluster
    from seatrial.clearinghouse.event import Event
    from seatrial.clearinghouse.store import Leaf
    from seatrial.framework.viewer import Viewer


class Chains(Protocol):
    """Chains of events, each seen by its keeper's people and continued in one way only."""

    def events(self, viewer: Viewer, subject: str) -> tuple[Event, ...]:
        """A subject's chain; empty where the viewer sees none."""
        ...

    def heads(self, viewer: Viewer, subjects: Sequence[str]) -> Mapping[str, tuple[int, str]]:
        """The newest seq and hash of each chain."""
        ...

    def append(
        self, viewer: Viewer, events: Sequence[Event], clusters: Sequence[Cluster] = (), keeper: str = ""
    ) -> Leaf:
        """Continue chains, all or none; a subject that is new is kept by `keeper`. Raises `Conflict`."""
        ...
