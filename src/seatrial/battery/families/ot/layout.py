"""Where signals lie and how they are encoded, asked ones and noise interleaved, and what is written where.

Whatever is asked has one reading only: where one register would explain a tag as well as two, or an unsigned type as
well as a signed one, the encoding is drawn so that the traffic decides.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.battery.families.ot.signals import CYCLES, Signal, nice, switching, words_of_noise

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.instance import Knobs

MAX_SETPOINTS = 40  # entries in one capture, so that no two lie within the same few seconds
COARSE = 4  # display steps in one step of a float's high word, at least: else the word alone would explain the tag
WIDE = 150_000  # raw range of a 32-bit integer, at least: else its low word alone would explain the tag
RANGES = (4000, 10_000, 16_000, 27_648, 32_000, 50_000)
LONG_RANGES = (400_000, 1_000_000, 2_000_000)  # small enough that the high word alone is visibly too coarse


@dataclass(frozen=True)
class Truth:
    """Where a signal lies and how its raw value becomes engineering units: value = raw x scale + offset."""

    protocol: str
    unit: int
    table: str
    address: int
    type: str
    order: str
    scale: float
    offset: float
    setpoint: float | None = None


@dataclass
class Memory:
    """Register series by place, and the blocks that are polled."""

    words: dict[tuple[int, str], dict[int, list[int]]] = field(default_factory=dict)
    floats: dict[int, list[float]] = field(default_factory=dict)  # of the IEC 104 station, by object address
    singles: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Write:
    """A command in the capture: at a cycle, or decoded as the setpoint of a tag."""

    cycle: int
    tag: str  # empty for what nobody logged
    unit: int
    address: int
    words: tuple[int, ...] = ()
    value: float | None = None  # IEC 104 set point


class Layout:
    """Deals out places and encodings, asked and noise interleaved."""

    def __init__(self, draw: Draw, noise: Draw, knobs: Knobs, entries: tuple[int, ...]) -> None:
        self._draw, self._knobs, self._entries = draw, knobs, entries
        self.memory = Memory()
        self.writes: list[Write] = []
        self.shown: dict[str, list[float]] = {}
        points, factor = int(knobs["points"]), int(knobs["noise"])
        units = draw.sample(range(1, 60), int(knobs["units"]))
        self._modern = bool(knobs["iec104"])
        need = points * (1 + factor)  # slots, if all were words of one table
        self._words = _Tables(draw, [(unit, table) for unit in units for table in ("input", "holding")], need)
        self._bits = _Tables(draw, [(unit, table) for unit in units for table in ("coil", "discrete")], need // 2)
        self._objects = _Room(draw, 2 * need)
        self._write_places = _Room(draw, 3 * MAX_SETPOINTS)
        self._write_base = draw.between(400, 450) * 100
        self.station = draw.between(1, 250)
        self._fill(noise, points, factor)

    def _fill(self, noise: Draw, points: int, factor: int) -> None:
        analogue, twofold = (3 * points + 3) // 4 * factor, (points + 3) // 4 * factor
        modern = analogue // 4 if self._modern else 0
        words = words_of_noise(noise, analogue)
        for series in words[:modern]:
            self.memory.floats[1000 + self._objects.take()] = [word / 100 for word in series]
        rest = words[modern:]
        while rest:
            part, place = self._words.take()
            size = min(len(rest), noise.between(1, 2))
            self._put(part, place, rest[:size])
            del rest[:size]
        for number in range(twofold):
            bits = [int(bit) for bit in switching(noise, noise.between(6, 40))]
            if number < twofold // 4 and self._modern:
                self.memory.singles[3000 + self._objects.take()] = bits
            else:
                part, place = self._bits.take()
                self._put(part, place, [bits])
        if points > 4:
            self._heartbeats(noise, self._words.units[0])

    def _heartbeats(self, noise: Draw, unit: int) -> None:
        """Writes that no operator made: a life sign, and from L3 commands that the log does not hold."""
        place = self._write_base + self._write_places.take()
        for cycle in range(3, CYCLES, 9):
            self.writes.append(Write(cycle, "", unit, place, (cycle & 0xFF,)))
        if int(self._knobs["long"]):
            for _ in range(min(MAX_SETPOINTS, int(self._knobs["points"]) // 4)):
                place = self._write_base + self._write_places.take()
                for cycle in self._unlogged(noise):
                    self.writes.append(Write(cycle, "", unit, place, (noise.below(30_000),)))

    def _unlogged(self, noise: Draw) -> tuple[int, ...]:
        """Two cycles that are not both among the log's: else a tag's setpoint could be that of either place."""
        while True:
            cycles = noise.sample(range(2, CYCLES - 2), 2)
            if not set(cycles) <= set(self._entries):
                return cycles

    def _put(self, part: tuple[int, str], place: int, series: list[list[int]]) -> None:
        rows = self.memory.words.setdefault(part, {})
        for offset, words in enumerate(series):
            rows[place + offset] = words

    def place(self, signal: Signal) -> Truth:
        """A place for an asked signal, its series put there and its setpoints written."""
        modern = self._modern and self._draw.chance(1, 3)
        if signal.two_state:
            return self._place_bit(signal, modern=modern)
        if modern:
            return self._place_object(signal)
        return self._place_words(signal)

    def _place_bit(self, signal: Signal, *, modern: bool) -> Truth:
        bits = [int(value) for value in signal.values]
        self.shown[signal.tag] = list(signal.values)
        if modern:
            address = 3000 + self._objects.take()
            self.memory.singles[address] = bits
            return Truth("iec104", self.station, "single", address, "bool", "", 1.0, 0.0)
        part, address = self._bits.take()
        self._put(part, address, [bits])
        return Truth("modbus", part[0], part[1], address, "bool", "", 1.0, 0.0)

    def _place_object(self, signal: Signal) -> Truth:
        address = 1000 + self._objects.take()
        scale = self._draw.choice((1.0, 10.0, 0.1, 0.01))
        raw = [_single(value / scale) for value in signal.values]
        self.memory.floats[address] = raw
        self.shown[signal.tag] = [value * scale for value in raw]
        setpoint = None
        place = 5000 + self._objects.take()
        for cycle, value in signal.setpoints:
            number = _single(value / scale)
            self.writes.append(Write(cycle, signal.tag, self.station, place, (), number))
            setpoint = number * scale
        return Truth("iec104", self.station, "float", address, "float32", "", scale, 0.0, setpoint)

    def _place_words(self, signal: Signal) -> Truth:
        draw = self._draw
        kind, order, scale, offset = self._encoding(signal)
        raw = [encode(value, kind, scale, offset) for value in signal.values]
        if kind in {"int32", "uint32"} and max(raw) - min(raw) < WIDE:
            kind, order, offset = "uint16", "", signal.low
            scale = _short((signal.high - signal.low) / draw.choice(RANGES))
            raw = [encode(value, kind, scale, offset) for value in signal.values]
        if kind in {"int16", "int32"} and (min(raw) >= 0 or max(raw) < 0):
            kind, offset = "u" + kind, offset if min(raw) >= 0 else signal.low  # signed only where it shows
            raw = [encode(value, kind, scale, offset) for value in signal.values]
        words = [words_of(value, kind, order) for value in raw]
        part, address = self._words.take()
        size = len(words[0])
        address += draw.below(3 - size)
        self._put(part, address, [[row[place] for row in words] for place in range(size)])
        self.shown[signal.tag] = [float(value) * scale + offset for value in raw]
        written = self._write_base + self._write_places.take() if signal.setpoints else 0
        setpoint = None
        for cycle, value in signal.setpoints:
            number = encode(value, kind, scale, offset)
            setpoint = float(number) * scale + offset
            self.writes.append(Write(cycle, signal.tag, part[0], written, words_of(number, kind, order)))
        return Truth("modbus", *part, address, kind, order, scale, offset, setpoint)

    def _encoding(self, signal: Signal) -> tuple[str, str, float, float]:
        draw, span = self._draw, signal.high - signal.low
        long = int(self._knobs["long"]) and draw.chance(1, 2)
        if not self._knobs["offset"]:
            return "uint16", "", _short(signal.high / draw.choice(RANGES)), 0.0
        middle = round((signal.low + signal.high) / 2, 6)
        if not long:
            kind = draw.choice(("uint16", "int16"))
            return kind, "", _short(span / draw.choice(RANGES)), middle if kind == "int16" else signal.low
        order = draw.choice(("high-first", "low-first"))
        kind = draw.choice(("float32", "float32", "uint32", "int32"))
        scale = draw.choice((1.0, 10.0, 0.1))
        if kind == "float32" and _coarse(signal, scale) >= COARSE * display_step(signal, self._knobs):
            return kind, order, scale, 0.0
        kind = draw.choice(("uint32", "int32"))
        return kind, order, _short(span / draw.choice(LONG_RANGES)), middle if kind == "int32" else signal.low


def _coarse(signal: Signal, scale: float) -> float:
    """The step of a float's high word alone (eight bits of significand), in engineering units."""
    raw = min(abs(value) for value in signal.values) / scale
    power = 1.0
    while power > raw and power > 1e-6:
        power /= 2
    while power * 2 <= raw:
        power *= 2
    return power / 128 * scale


def display_step(signal: Signal, knobs: Knobs) -> float:
    """The step of the screen: a round number, coarser from L4."""
    return nice((signal.high - signal.low) * (0.0015 if knobs["rounding"] else 0.0006))


class _Room:
    """Slots of two addresses each, in a drawn order."""

    def __init__(self, draw: Draw, slots: int) -> None:
        self._slots = list(draw.shuffled(range(slots)))

    def __bool__(self) -> bool:
        return bool(self._slots)

    def take(self) -> int:
        """The first address of a free slot."""
        return 2 * self._slots.pop()


class _Tables:
    """Rooms of several tables, with a third more slots than are needed in all."""

    def __init__(self, draw: Draw, parts: list[tuple[int, str]], need: int) -> None:
        self._draw = draw
        self.units = [unit for unit, _ in parts]
        self._rooms = {
            part: (draw.between(0, 80) * 100, _Room(draw, need * 4 // (3 * len(parts)) + 8)) for part in parts
        }

    def take(self) -> tuple[tuple[int, str], int]:
        """A free slot of any table: the table and the address."""
        free = [part for part, (_, room) in self._rooms.items() if room]
        part = self._draw.choice(free)
        base, room = self._rooms[part]
        return part, base + room.take()


def _single(value: float) -> float:
    result: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return result


def _short(scale: float) -> float:
    """Six significant digits, as people write them into a point list."""
    return float(f"{scale:.6g}")


def encode(value: float, kind: str, scale: float, offset: float) -> float:
    """The raw number of a value, clipped to what its type holds."""
    if kind == "float32":
        return _single((value - offset) / scale)
    least, most = {
        "uint16": (0, 65_535),
        "int16": (-32_768, 32_767),
        "uint32": (0, 2**32 - 1),
        "int32": (-(2**31), 2**31 - 1),
    }[kind]
    shifted = (value - offset) / scale
    whole = int(shifted + 0.5) if shifted >= 0 else -int(0.5 - shifted)
    return min(most, max(least, whole))


def words_of(raw: float, kind: str, order: str) -> tuple[int, ...]:
    """The registers that hold a raw number."""
    if kind in {"uint16", "int16"}:
        return (int(raw) & 0xFFFF,)
    whole = struct.unpack(">I", struct.pack(">f", raw))[0] if kind == "float32" else int(raw) & 0xFFFFFFFF
    pair = (whole >> 16, whole & 0xFFFF)
    return pair if order == "high-first" else pair[::-1]
