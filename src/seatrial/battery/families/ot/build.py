"""Drawing plants: constants, working bands and limits of a row of units, and their invented names."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from seatrial.battery.families.ot.plants import AMBIENT, GRAVITY, LATENT, RISE, Unit

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw

_FIRST = ("Kell", "Orm", "Vas", "Tarn", "Brin", "Hald", "Mor", "Ister", "Lun", "Quar", "Sel", "Ud", "Yar", "Dov", "Fen")
_LAST = ("beck", "dale", "holt", "mere", "stead", "wick", "ford", "haven", "moor", "garth", "thorpe", "sund")
STATE = {"tank": ("LT", "level", "m"), "boiler": ("TT", "temperature", "degC"), "feeder": ("TE", "temperature", "degC")}
SECOND = {"tank": ("FT", "outflow", "l/s"), "boiler": ("PT", "pressure", "bar"), "feeder": ("IT", "current", "A")}
DRIVE = {"tank": ("XV", "inlet valve"), "boiler": ("BU", "burner"), "feeder": ("LB", "load admitted")}
RELIEF = {"tank": ("YV", "outlet valve"), "boiler": ("SV", "steam valve"), "feeder": ("TB", "tie to the next feeder")}


@dataclass(frozen=True)
class Shape:
    """A unit with the numbers that people of the plant know: span, safe band and hard limits of its state."""

    unit: Unit
    span: tuple[float, float]
    band: tuple[float, float]
    hard: tuple[float, float]

    @property
    def centre(self) -> float:
        """Middle of the safe band."""
        return (self.band[0] + self.band[1]) / 2


def shape(draw: Draw, kind: str, *, last: bool) -> Shape:
    """A unit whose balance at the band's centre needs a drive of about 0.4 with a relief of 0.5."""
    share = 0.0 if last else draw.between(20, 40) / 100
    return {"tank": _tank, "boiler": _boiler, "feeder": _feeder}[kind](draw, share)


def _tank(draw: Draw, share: float) -> Shape:
    top = draw.between(40, 70) / 10
    centre = top * draw.between(46, 54) / 100
    gain = draw.between(25, 45) / 1000
    area = gain * draw.between(70, 110)
    loss = gain * draw.between(76, 84) / 100 / sqrt(2.0 * GRAVITY * centre)
    unit = Unit(round(area, 3), gain, round(loss, 6), share=share)
    return _shape(unit, (0.0, top), centre, top * 0.03, (0.18 * top, 0.86 * top))


def _boiler(draw: Draw, share: float) -> Shape:
    centre = float(draw.between(155, 170))
    power = float(draw.between(20, 40) * 100)
    leak = round(power * draw.between(26, 31) / 100 / (centre - AMBIENT["boiler"]), 3)
    spare = 0.45 * power - leak * (centre - AMBIENT["boiler"])
    loss = spare / (0.5 * LATENT * 0.1 * (centre - 100.0))
    unit = Unit(round(power * draw.between(34, 50) / 10, 0), power, round(loss, 6), leak, share=share)
    return _shape(unit, (0.0, 250.0), centre, 2.0, (centre - 35.0, centre + 30.0))


def _feeder(draw: Draw, share: float) -> Shape:
    centre = float(draw.between(62, 68))
    rated = float(draw.between(20, 60) * 10)
    theta = (centre - AMBIENT["feeder"]) / RISE
    tie = draw.between(18, 24) / 100
    gain = (sqrt(theta) + 0.5 * tie) / (draw.between(58, 64) / 100)
    unit = Unit(float(draw.between(260, 400)), round(gain, 4), tie, rated=rated, share=share)
    return _shape(unit, (0.0, 150.0), centre, 2.5, (centre - 25.0, centre + 26.0))


def _shape(unit: Unit, span: tuple[float, float], centre: float, half: float, hard: tuple[float, float]) -> Shape:
    places = 2
    band = (round(centre - half, places), round(centre + half, places))
    return Shape(unit, (span[0], round(span[1], places)), band, (round(hard[0], places), round(hard[1], places)))


def site(draw: Draw) -> str:
    """An invented place."""
    return draw.choice(_FIRST) + draw.choice(_LAST)


def numbers(draw: Draw, count: int) -> tuple[int, ...]:
    """Different tag numbers, three digits (more when there are many), in no order."""
    low = 100 if count <= 600 else 10_000
    return draw.sample(range(low, low * 10), count)


def network(draw: Draw) -> str:
    """The first three parts of an invented private network."""
    return f"10.{draw.between(20, 220)}.{draw.between(1, 250)}"
