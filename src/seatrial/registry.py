"""Who takes part, as the house's own registry: who somebody is, what they may act as, who enters whom.

Everybody else sees their own organisation only; these few questions are the house's, each for its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.framework.viewer import Viewer

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.participant import Membership, Organisation
    from seatrial.house import House


@dataclass(frozen=True, slots=True)
class Registry:
    """The registry of one house."""

    house: House

    def memberships(self, person: str, now: datetime) -> tuple[Membership, ...]:
        """What a person may act as now."""
        return self.house.participants.memberships(Viewer.house("what a person may act as"), person, now)

    def organisations(self) -> tuple[Organisation, ...]:
        """Every organisation that takes part; for whoever runs the installation, never for a page of another role."""
        return self.house.participants.organisations(Viewer.house("who takes part, for the installation's operator"))

    def enter(self, organisation: Organisation, *memberships: Membership) -> None:
        """Enter an organisation, or people of it."""
        viewer = Viewer.house("a member is entered")
        self.house.participants.add(viewer, organisation, memberships)
