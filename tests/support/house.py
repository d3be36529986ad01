"""A house with the parties of the tests enrolled, and rooms that write down what they were ordered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.framework.participant import Membership, Organisation, Role
from seatrial.framework.standing import Effect
from seatrial.framework.viewer import Viewer
from seatrial.house import House
from support.framework import BUREAU, DAY, LAB, PACK, RIVAL, T0
from support.stores import KINDS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from seatrial.framework.pack import PackRef, PolicyPack
    from seatrial.framework.standing import Standing

MEMBERS = {
    LAB: (Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL),
    RIVAL: (Role.DEVELOPER_OWNER,),
    BUREAU: (Role.EVALUATOR, Role.EVALUATOR_LEAD),
}


def packs(_ref: PackRef | None) -> PolicyPack:
    """The pack of the tests, whatever is asked for."""
    return PACK


@dataclass
class Rooms:
    """Rooms that do as they are told, or as `broken` says do not."""

    done: dict[Effect, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    broken: set[Effect] = field(default_factory=set)

    def all(self) -> dict[Effect, object]:
        return {effect: self.room(effect) for effect in Effect}

    def room(self, effect: Effect) -> object:
        def carry_out(standing: Standing, _now: datetime) -> None:
            if effect in self.broken:
                raise OSError("out of order")
            self.done[effect].append((standing.object, standing.state))

        return carry_out


def member(role: Role, organisation: str) -> str:
    """The person who holds a role there, as `support.framework.actor` names them."""
    return f"per-{role.replace('_', '-')}" if organisation != RIVAL else f"riv-{role.replace('_', '-')}"


def open_house(home: Path, rooms: Rooms | None = None, environment: dict[str, str] | None = None) -> House:
    """The house in `home`, with the parties in its registry."""
    house = House.open(home, packs=packs, rooms=(rooms or Rooms()).all(), environment=environment or {})  # type: ignore[arg-type]
    viewer = Viewer.house("the parties of a test")
    if not house.participants.organisations(viewer):
        for name, kind in KINDS.items():
            memberships = tuple(Membership(member(role, name), name, role, T0 - DAY) for role in MEMBERS[name])
            house.participants.add(viewer, Organisation(name, name, kind), memberships)
    return house
