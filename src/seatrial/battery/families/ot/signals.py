"""What the instruments of a plant show over a while: states under control, positions, auxiliaries; and noise.

Every analogue signal carries its own instrument noise, so that no two registers ever tell quite the same and one tag
has exactly one register that fits it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from seatrial.battery.families.ot.build import DRIVE, RELIEF, SECOND, STATE, numbers, shape
from seatrial.battery.families.ot.plants import TICKS, Plant, steer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.battery.draw import Draw
    from seatrial.battery.families.ot.build import Shape

CYCLE_S = 4  # seconds between two polls of everything
CYCLES = 90
MAX_UNITS = 64  # simulated; more units are blends of two of them
NOISE = 0.015  # of the range, each way: far above any display step, so that two registers never agree by chance
SETTLE_S = 25.0
_NICE = (1, 2, 5)


@dataclass(frozen=True)
class Signal:
    """One instrument: its tag, its span, what it shows at every cycle, and the setpoints that were entered for it.

    Values are in engineering units; of a two-state signal 0 or 1. A setpoint is (cycle, value).
    """

    tag: str
    text: str
    measure: str
    low: float
    high: float
    values: tuple[float, ...]
    setpoints: tuple[tuple[int, float], ...] = ()
    two_state: bool = False


def signals(draw: Draw, kind: str, points: int, setpoint_cycles: Sequence[int]) -> tuple[Signal, ...]:
    """The asked signals of a plant, at most four a unit; setpoints are entered at the given cycles."""
    units = (points + 3) // 4
    drawn = min(units, MAX_UNITS)
    shapes = tuple(shape(draw, kind, last=index == drawn - 1) for index in range(drawn))
    entered = _entries(draw, shapes, setpoint_cycles)
    history = _simulate(draw, kind, shapes, entered)
    names = iter(numbers(draw, 4 * units))
    found: list[Signal] = []
    for index in range(units):
        rows = history[index] if index < drawn else _blend(draw, history, drawn)
        setpoints = entered[index] if index < drawn else ()
        found += _of_unit(draw, kind, index, rows, setpoints, names)
    return tuple(found[:points])


def _entries(draw: Draw, shapes: tuple[Shape, ...], cycles: Sequence[int]) -> dict[int, tuple[tuple[int, float], ...]]:
    """Setpoints by unit: every cycle of the sequence is one entry, dealt out in turns."""
    order = draw.shuffled(range(len(shapes)))
    entered: dict[int, list[tuple[int, float]]] = {index: [] for index in range(len(shapes))}
    for number, cycle in enumerate(cycles):
        index = order[number % len(order)]
        item = shapes[index]
        reach = 0.55 * min(item.hard[1] - item.centre, item.centre - item.hard[0])
        before = entered[index][-1][1] if entered[index] else item.centre
        side = -1 if before > item.centre else 1
        entered[index].append((cycle, item.centre + side * reach * draw.between(40, 100) / 100))
    return {index: tuple(rows) for index, rows in entered.items()}


def _simulate(
    draw: Draw, kind: str, shapes: tuple[Shape, ...], entered: dict[int, tuple[tuple[int, float], ...]]
) -> list[tuple[list[float], ...]]:
    """Four series a unit: state, second signal, drive and relief in %."""
    start = [item.centre + (item.centre - item.hard[0]) * draw.between(-40, 40) / 100 for item in shapes]
    plant = Plant(kind, tuple(item.unit for item in shapes), start, [0.4] * len(shapes), [0.5] * len(shapes))
    goals = [item.centre for item in shapes]
    history: list[tuple[list[float], ...]] = [([], [], [], []) for _ in shapes]
    for cycle in range(CYCLES):
        for index in range(len(shapes)):
            goals[index] = next((value for at, value in entered[index] if at == cycle), goals[index])
            if draw.chance(1, 9):
                plant.relief[index] = draw.between(20, 80) / 100
            series = (plant.state[index], plant.second[index], 100 * plant.drive[index], 100 * plant.relief[index])
            for column, value in zip(history[index], series, strict=True):
                column.append(value)
        for tick in range(CYCLE_S * TICKS):
            if tick % 20 == 0:
                for index, goal in enumerate(goals):
                    plant.drive[index], _ = steer(plant, index, (goal - plant.state[index]) / SETTLE_S)
            plant.step()
    return history


def _blend(draw: Draw, history: list[tuple[list[float], ...]], drawn: int) -> tuple[list[float], ...]:
    one, other = draw.sample(range(drawn), 2)
    share = draw.between(30, 70) / 100
    return tuple(
        [share * a + (1 - share) * b for a, b in zip(first, second, strict=True)]
        for first, second in zip(history[one], history[other], strict=True)
    )


def _of_unit(
    draw: Draw,
    kind: str,
    index: int,
    rows: tuple[list[float], ...],
    setpoints: tuple[tuple[int, float], ...],
    names: object,
) -> list[Signal]:
    following = iter(names)  # type: ignore[call-overload]
    which = draw.choice(((*DRIVE[kind], "%"), (*RELIEF[kind], "%")))
    third = rows[2] if which[:2] == DRIVE[kind] else rows[3]
    found = []
    for (letters, text, measure), series in (
        (STATE[kind], rows[0]),
        (SECOND[kind], rows[1]),
        (which, third),
    ):
        entered = setpoints if letters == STATE[kind][0] else ()
        low, high = _span(draw, [*series, *(value for _, value in entered)], percent=measure == "%")
        noise = struct.unpack(f">{CYCLES}h", draw.bytes(2 * CYCLES))
        noisy = tuple(value + (high - low) * NOISE * step / 32_768 for value, step in zip(series, noise, strict=True))
        tag = f"{letters}-{next(following)}"
        found.append(Signal(tag, f"{text} ({kind} {index + 1})", measure, low, high, noisy, entered))
    tag = f"HS-{next(following)}"
    found.append(
        Signal(tag, f"circulation pump ({kind} {index + 1})", "0/1", 0, 1, switching(draw, 12), two_state=True)
    )
    return found


def _span(draw: Draw, values: list[float], *, percent: bool) -> tuple[float, float]:
    """A round span that the values fill by half or more, with room for the noise."""
    if percent:
        return 0.0, 100.0
    least, most = min(values), max(values)
    room = (most - least) * draw.between(15, 40) / 100
    step = nice((most - least) / 8)
    low = step * int((least - room) / step - 1) if least - room > 0 else 0.0
    return round(max(0.0, low), 6), round(step * (int((most + room) / step) + 1), 6)


def nice(size: float) -> float:
    """The largest of …, 0.1, 0.2, 0.5, 1, 2, 5, … that is not above `size`."""
    power = 1.0
    while power > size:
        power /= 10
    while power * 10 <= size:
        power *= 10
    return max(power * factor for factor in _NICE if power * factor <= size)


def switching(draw: Draw, mean: int) -> tuple[float, ...]:
    """A two-state series that changes every `mean` cycles or so, four times at least."""
    while True:
        state, series = draw.below(2), []
        for change in draw.bytes(CYCLES):
            state ^= change * mean < 256
            series.append(float(state))
        if sum(a != b for a, b in pairwise(series)) >= 4:
            return tuple(series)


def words_of_noise(draw: Draw, count: int) -> list[list[int]]:
    """Register series that belong to nothing asked: constants, counters, walks, slow ramps with noise."""
    found = []
    for _ in range(count):
        style = draw.below(8)
        value = draw.between(500, 30_000)
        steps = draw.bytes(CYCLES)
        if style == 0:
            series = [value] * CYCLES
        elif style == 1:
            pace = draw.between(1, 40)
            series = [(value + pace * cycle) & 0xFFFF for cycle in range(CYCLES)]
        elif style < 5:
            size = draw.between(1, 60)
            series = []
            for step in steps:
                value = min(60_000, max(0, value + size * (step - 128) // 16))
                series.append(value)
        else:
            swing, period, half = draw.between(400, 9000), draw.between(14, 60), draw.between(1, 30)
            series = [
                min(65_535, value + swing * abs((cycle * 2 % (2 * period)) - period) // period + half * step // 16)
                for cycle, step in enumerate(steps)
            ]
        found.append(series)
    return found
