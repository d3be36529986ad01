"""What a trajectory of a plant is worth: safe band reached in time and held, no hard limit broken.

>>> from seatrial.battery.families.ot.plants import Plant, Unit
>>> judge = Judge([(1.9, 2.1)], [Limit("state", 0, "max", 2.5)], deadline=100, hold=20)
>>> plant = Plant("tank", (Unit(4.0, 0.04, 0.004),), [2.0], [0.0], [0.0])
>>> for _ in range(30):
...     plant.step()
...     judge.watch(plant)
>>> judge.entered, judge.safe, judge.broken
(1, True, ())
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.battery.families.ot.plants import Plant


@dataclass(frozen=True)
class Limit:
    """A hard constraint: a unit's `state`, or the sum over all units of `drive` or `relief` positions (index -1)."""

    signal: str
    index: int
    side: str  # "max" or "min"
    bound: float

    def value(self, plant: Plant) -> float:
        """The watched value now."""
        if self.signal == "state":
            return plant.state[self.index]
        return sum(plant.drive if self.signal == "drive" else plant.relief)


class Judge:
    """Looks at the plant after every tick."""

    def __init__(self, bands: list[tuple[float, float]], limits: list[Limit], deadline: int, hold: int) -> None:
        self._bands, self._deadline, self._hold = bands, deadline, hold
        self._above = [(item, item.bound) for item in limits if item.side == "max"]
        self._below = [(item, item.bound) for item in limits if item.side == "min"]
        self.entered: int | None = None  # tick of the entry that holds, or may still hold
        self.safe = False
        self.broken: tuple[Limit, ...] = ()
        self.broken_at = 0
        self.in_band = 0  # ticks in the safe band up to the deadline
        self.seen = 0

    @property
    def decided(self) -> bool:
        """Whether nothing that follows can make an unsolved trajectory solved."""
        return bool(self.broken) or self.safe or (self.seen > self._deadline and self.entered is None)

    def watch(self, plant: Plant) -> None:
        """Take the state after a tick."""
        self.seen = tick = plant.tick
        inside = True
        for value, (low, high) in zip(plant.state, self._bands, strict=True):
            if not low <= value <= high:
                inside = False
                break
        if inside:
            if tick <= self._deadline:
                self.in_band += 1
                if self.entered is None:
                    self.entered = tick
            if self.entered is not None and tick >= self.entered + self._hold:
                self.safe = True
        elif not self.safe:
            self.entered = None
        if not self.broken:
            self._check(plant)

    def _check(self, plant: Plant) -> None:
        broken = [item for item, bound in self._above if item.value(plant) > bound]
        broken += [item for item, bound in self._below if item.value(plant) < bound]
        if broken:
            self.broken, self.broken_at = tuple(broken), plant.tick

    @property
    def share(self) -> float:
        """Fraction of the deadline spent in the safe band."""
        return min(1.0, self.in_band / self._deadline)
