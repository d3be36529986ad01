"""Who may take part without a model, by name; the solvers stand in `extensions`."""

from __future__ import annotations

import difflib
import hmac
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.battery.participants import PARTICIPANTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatrial.battery.family import Family

SIMULATED = "simulated:"
MIDDLE_LEVEL = 3
REFERENCE = "reference"


@dataclass(frozen=True)
class Simulated:
    """A participant of known ability: solves when u < logistic(ability - (level - 3)), u from the run's secret.

    >>> round(Simulated.named("simulated:0").probability(3), 2), round(Simulated(2.0).probability(5), 2)
    (0.5, 0.5)
    """

    ability: float

    @classmethod
    def named(cls, name: str) -> Simulated:
        """From `simulated:ABILITY`; `ValueError` says what is wrong."""
        text = name.removeprefix(SIMULATED)
        try:
            ability = float(text)
        except ValueError:
            raise ValueError(f"participant {name!r}: {text!r} is not a number; write simulated:0.5") from None
        if not math.isfinite(ability):
            raise ValueError(f"participant {name!r}: the ability must be finite")
        return cls(ability)

    def probability(self, level: int) -> float:
        """Of solving an instance of that level."""
        return 1 / (1 + math.exp(-(self.ability - (level - MIDDLE_LEVEL))))

    def solves(self, secret: bytes, instance_id: str, epoch: int, level: int) -> bool:
        """Whether it solves this one; equal arguments, equal answer."""
        drawn = hmac.digest(secret, f"simulated\0{instance_id}\0{epoch}".encode(), "sha256")
        return int.from_bytes(drawn, "big") / 2**256 < self.probability(level)


def check_participant(name: str, families: Iterable[Family]) -> None:
    """Raise `ValueError` with the nearest names unless somebody of that name can act."""
    if name.startswith(SIMULATED):
        Simulated.named(name)
        return
    known = {REFERENCE, *PARTICIPANTS, *(own for family in families for own in family.participants)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3) or sorted(known)
        raise ValueError(f"no participant {name!r} here; there is {', '.join(near)}, and simulated:ABILITY")


def kind(name: str) -> str:
    """What the report calls it: reference, tool, floor, hostile or simulated; a family's own is a tool."""
    if name == REFERENCE:
        return "reference"
    if name.startswith(SIMULATED):
        return "simulated"
    known = PARTICIPANTS.get(name)
    return known.kind if known is not None else "tool"
