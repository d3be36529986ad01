"""Who takes part in the demonstration: organisations and people that do not exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from seatrial.framework.participant import Membership, Organisation, OrganisationKind, Place, Role
from seatrial.framework.standing import Actor
from seatrial.registry import FIRST, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

SINCE = timedelta(days=400)
"""Before the first act of the demonstration."""

ORGANISATIONS = (
    Organisation("halcyon", "Halcyon Models", OrganisationKind.DEVELOPER),
    Organisation("tidewater", "Tidewater Intelligence", OrganisationKind.DEVELOPER),
    Organisation("bureau", "Bureau of Model Measurement", OrganisationKind.EVALUATOR),
    Organisation("north", "Northern Agency", OrganisationKind.AGENCY, place=Place.CONSULTED),
    Organisation("south", "Southern Agency", OrganisationKind.AGENCY, place=Place.CONSULTED),
    Organisation("harbor", "Harbor Clearinghouse", OrganisationKind.CLEARINGHOUSE),
    Organisation("millrace", "Millrace Software", OrganisationKind.VENDOR),
    Organisation("lantern", "Lantern Partners", OrganisationKind.PARTNER),
    Organisation("gridworks", "Gridworks", OrganisationKind.INFRASTRUCTURE),
    Organisation("plumbline", "Plumbline Audit", OrganisationKind.AUDITOR),
    FIRST,
)


@dataclass(frozen=True, slots=True)
class Player:
    """One made-up person in one role; a visitor can sign in as them."""

    person: str
    organisation: str
    role: Role

    @property
    def actor(self) -> Actor:
        """As acts name them."""
        return Actor(self.person, self.organisation, self.role)

    @property
    def pair(self) -> str:
        """As the choice of a pair names it."""
        return f"{self.organisation}:{self.role}"


ADA = Player("ada", "halcyon", Role.DEVELOPER_OWNER)
CARL = Player("carl", "halcyon", Role.DEVELOPER_COUNSEL)
TESS = Player("tess", "tidewater", Role.DEVELOPER_OWNER)
LIN = Player("lin", "bureau", Role.EVALUATOR_LEAD)
EVE = Player("eve", "bureau", Role.EVALUATOR)
TOM = Player("tom", "bureau", Role.TASK_OWNER)
DEE = Player("dee", "north", Role.DESIGNATION_LIAISON)
AMY = Player("amy", "north", Role.AGENCY_READER)
MOE = Player("moe", "north", Role.METRICS_READER)
SOL = Player("sol", "south", Role.DESIGNATION_LIAISON)
ANN = Player("ann", "harbor", Role.ANALYST)
ABE = Player("abe", "harbor", Role.ANALYST)
VIC = Player("vic", "harbor", Role.VERIFIER)
CORA = Player("cora", "harbor", Role.COORDINATOR)
CLEO = Player("cleo", "harbor", Role.CLEARINGHOUSE_LEAD)
MARA = Player("mara", "millrace", Role.MAINTAINER)
PAT = Player("pat", "lantern", Role.TRUSTED_PARTNER)
INGA = Player("inga", "gridworks", Role.INFRASTRUCTURE_OPERATOR)
IVO = Player("ivo", "plumbline", Role.AUDITOR)
OTTO = Player("otto", FIRST.id, Role.OPERATOR)
PLAYERS = (
    *(ADA, CARL, TESS, LIN, EVE, TOM, DEE, AMY, MOE, SOL),
    *(ANN, ABE, VIC, CORA, CLEO, MARA, PAT, INGA, IVO, OTTO),
)


def by_organisation() -> Iterator[tuple[Organisation, tuple[Player, ...]]]:
    """Each organisation with its people."""
    for body in ORGANISATIONS:
        yield body, tuple(player for player in PLAYERS if player.organisation == body.id)


def enter(registry: Registry, now: datetime) -> None:
    """Enter all of them in the registry; again changes nothing."""
    known = {body.id for body in registry.organisations()}
    for body, players in by_organisation():
        if body.id not in known:
            memberships = (Membership(one.person, body.id, one.role, now - SINCE) for one in players)
            registry.enter(body, *memberships)
