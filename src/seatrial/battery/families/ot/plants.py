"""Three toy plants, each a row of units: explicit Euler at 10 Hz with + - * / and sqrt only, so equal everywhere.

| kind | state of a unit | drive | relief | second signal |
|---|---|---|---|---|
| tank | level h (m): A dh/dt = q drive + inflow - c relief sqrt(2 g h) | inlet valve | outlet valve | outflow (l/s) |
| boiler | T (deg C): C dT/dt = P drive - k (T - T_amb) - L m, m = v relief p | burner | steam valve | p (bar) |
| feeder | theta: tau dtheta/dt = (I/I_r)^2 - theta, shown as T_amb + rise theta | load admitted | tie | current I (A) |

Each unit hands a share of its relief to the next one (water, heat, load). Drives and reliefs lie in 0..1. A
disturbance is an extra inflow from a tick on. Standard library only: this file is also copied into service boxes.

>>> plant = Plant("tank", (Unit(size=4.0, gain=0.04, loss=0.004, share=0.5),), [2.0], [0.5], [0.5])
>>> for _ in range(10): plant.step()
>>> plant.tick, round(plant.state[0], 4)
(10, 2.0019)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

KINDS = ("tank", "boiler", "feeder")
STEP = 0.1  # seconds of plant time in one tick
TICKS = 10  # ticks in one second
GRAVITY = 9.81
AMBIENT = {"tank": 0.0, "boiler": 20.0, "feeder": 25.0}
STEAM_AT = 100.0  # deg C at which pressure starts
BAR_PER_K = 0.1  # linear steam pressure above that
LATENT = 2100.0  # kJ/kg
RISE = 55.0  # K of temperature rise of a feeder at rated current


@dataclass(frozen=True)
class Unit:
    """Constants of one unit.

    size: A (m2), C (kJ/K), tau (s). gain: q (m3/s), P (kW), current at full load / I_r. loss: c (m2), v (kg/s per
    bar), tie current / I_r. leak: -, k (kW/K), -. rated: -, -, I_r (A). share: of the relief that the next unit gets.
    """

    size: float
    gain: float
    loss: float
    leak: float = 0.0
    rated: float = 1.0
    share: float = 0.0


@dataclass(frozen=True)
class Disturbance:
    """An extra inflow of one unit, as a fraction of its gain, from a tick on."""

    tick: int
    unit: int
    amount: float


@dataclass
class Plant:
    """A running plant: states, commanded positions, time in ticks."""

    kind: str
    units: tuple[Unit, ...]
    state: list[float]
    drive: list[float]
    relief: list[float]
    disturbances: tuple[Disturbance, ...] = ()
    tick: int = 0
    second: list[float] = field(default_factory=list)  # outflow, pressure, current of the last step

    def __post_init__(self) -> None:
        self._rate = {"tank": self._tank, "boiler": self._boiler, "feeder": self._feeder}[self.kind]
        self._extra = [0.0] * len(self.units)
        self._pending = sorted(self.disturbances, key=lambda item: (item.tick, item.unit))
        if not self.second:
            self.second = [0.0] * len(self.units)
            self._observe()

    def copy(self) -> Plant:
        """An independent plant in the same state."""
        twin = Plant(
            self.kind, self.units, list(self.state), list(self.drive), list(self.relief), self.disturbances, self.tick
        )
        twin.second = list(self.second)
        twin._extra, twin._pending = list(self._extra), list(self._pending)
        return twin

    def step(self) -> None:
        """One tick."""
        while self._pending and self._pending[0].tick <= self.tick:
            due = self._pending.pop(0)
            self._extra[due.unit] += due.amount * self.units[due.unit].gain
        handed = 0.0
        state, rate = self.state, self._rate
        for index, unit in enumerate(self.units):
            change, handed = rate(index, unit, handed + self._extra[index])
            state[index] += STEP * change
        if self.kind == "tank":
            for index, level in enumerate(state):
                if level < 0.0:
                    state[index] = 0.0
        self.tick += 1

    def inflow(self, index: int) -> float:
        """What a unit gets from the one before and from disturbances now, in units of its gain's dimension."""
        handed = 0.0
        for before in range(index + 1):
            arriving = handed + self._extra[before]
            handed = self._rate(before, self.units[before], arriving)[1]
        return arriving

    def _observe(self) -> None:
        handed = 0.0
        for index, unit in enumerate(self.units):
            handed = self._rate(index, unit, handed + self._extra[index])[1]

    def _tank(self, index: int, unit: Unit, arriving: float) -> tuple[float, float]:
        level = self.state[index]
        flow = unit.loss * self.relief[index] * sqrt(2.0 * GRAVITY * level) if level > 0.0 else 0.0
        self.second[index] = 1000.0 * flow
        return (unit.gain * self.drive[index] + arriving - flow) / unit.size, unit.share * flow

    def _boiler(self, index: int, unit: Unit, arriving: float) -> tuple[float, float]:
        warm = self.state[index]
        pressure = BAR_PER_K * (warm - STEAM_AT) if warm > STEAM_AT else 0.0
        self.second[index] = pressure
        steam = LATENT * unit.loss * self.relief[index] * pressure
        heat = unit.gain * self.drive[index] + arriving - unit.leak * (warm - AMBIENT["boiler"]) - steam
        return heat / unit.size, unit.share * steam

    def _feeder(self, index: int, unit: Unit, arriving: float) -> tuple[float, float]:
        tied = unit.loss * self.relief[index]
        load = unit.gain * self.drive[index] + arriving - tied
        load = max(0.0, load)
        self.second[index] = load * unit.rated
        theta = (self.state[index] - AMBIENT["feeder"]) / RISE
        return (load * load - theta) * RISE / unit.size, unit.share * tied


def steer(plant: Plant, index: int, rate: float) -> tuple[float, float]:
    """Positions (drive, relief) of a unit that give its state the wanted rate per second, as near as they can.

    The relief stays where it is when the drive alone suffices. Used by generators, never by a participant.
    """
    unit, arriving, relief = plant.units[index], plant.inflow(index), plant.relief[index]
    wanted, full = _balance(plant, index, rate)
    drive = (wanted - arriving + relief * full) / unit.gain
    if drive > 1.0 and full > 0.0:
        relief = max(0.0, (unit.gain + arriving - wanted) / full)
    elif drive < 0.0 and full > 0.0:
        relief = min(1.0, (arriving - wanted) / full)
    return min(1.0, max(0.0, drive)), relief


def _balance(plant: Plant, index: int, rate: float) -> tuple[float, float]:
    """Net inflow that gives the wanted rate, and the outflow of a fully open relief."""
    unit, state = plant.units[index], plant.state[index]
    if plant.kind == "tank":
        return unit.size * rate, unit.loss * sqrt(2.0 * GRAVITY * state) if state > 0.0 else 0.0
    if plant.kind == "boiler":
        pressure = BAR_PER_K * (state - STEAM_AT) if state > STEAM_AT else 0.0
        return unit.size * rate + unit.leak * (state - AMBIENT["boiler"]), LATENT * unit.loss * pressure
    square = (state - AMBIENT["feeder"] + unit.size * rate) / RISE
    return sqrt(square) if square > 0.0 else 0.0, unit.loss
