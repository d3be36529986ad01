"""A capture of a plant's polling and its operator's log: how signals are encoded, where they lie, what was written.

* One supervisor polls every block of every unit every four seconds; from L4 a station sends its share by IEC 104.
* Log entries of a signal show the last value polled, so decoded registers and log agree to the display step.
* The twin keeps log, tags and shape of the traffic, but the asked places carry other signals and no setpoint is sent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.battery.draw import Draw
from seatrial.battery.families.ot.build import network, site
from seatrial.battery.families.ot.plants import KINDS
from seatrial.battery.families.ot.signals import (
    CYCLE_S,
    CYCLES,
    Signal,
    nice,
    signals,
    switching,
    words_of_noise,
)
from seatrial.battery.wire.iec104 import (
    ACTIVATION,
    ACTIVATION_CON,
    ACTIVATION_TERM,
    BY_INTERROGATION,
    INTERROGATION,
    MEASURED_FLOAT,
    PERIODIC,
    SET_POINT,
    SINGLE_POINT,
    STARTDT_ACT,
    STARTDT_CON,
    TESTFR_ACT,
    TESTFR_CON,
    Asdu,
    batches,
    i_frame,
    pack_asdu,
    s_frame,
    u_frame,
)
from seatrial.battery.wire.modbus import (
    MAX_BITS,
    mbap,
    read_request,
    read_response,
    write_register_request,
    write_registers_request,
    write_response,
)
from seatrial.battery.wire.pcap import Capture, Conversation, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seatrial.battery.instance import InstanceKey, Knobs

MICRO = 1_000_000
MAX_SETPOINTS = 40  # entries in one capture, so that no two lie within the same few seconds
READINGS = 12  # log entries of an analogue tag
COARSE = 4  # display steps in one step of a float's high word, at least: else the word alone would explain the tag
WIDE = 150_000  # raw range of a 32-bit integer, at least: else its low word alone would explain the tag
BLOCK = 96  # registers in one poll
POLLING, REPORTING, ENTRY = 700_000, 600_000, 1_900_000  # microseconds after a cycle's begin; commands come at ENTRY
RANGES = (4000, 10_000, 16_000, 27_648, 32_000, 50_000)
LONG_RANGES = (400_000, 1_000_000, 2_000_000)  # small enough that the high word alone is visibly too coarse
DAY = 1_900_000_800 // 86_400 * 86_400  # some midnight


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


@dataclass(frozen=True)
class Survey:
    """What is delivered and what is true."""

    kind: str
    place: str
    signals: tuple[Signal, ...]
    truths: dict[str, Truth]
    steps: dict[str, float]  # display step of every analogue tag
    capture: bytes
    log: str
    skewed: bool
    supervisor: str = ""


@dataclass
class _Memory:
    """Register series by place, and the blocks that are polled."""

    words: dict[tuple[int, str], dict[int, list[int]]] = field(default_factory=dict)
    floats: dict[int, list[float]] = field(default_factory=dict)  # of the IEC 104 station, by object address
    singles: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Write:
    """A command in the capture: at a cycle, or decoded as the setpoint of a tag."""

    cycle: int
    tag: str  # empty for what nobody logged
    unit: int
    address: int
    words: tuple[int, ...] = ()
    value: float | None = None  # IEC 104 set point


def draw_survey(key: InstanceKey, knobs: Knobs, *, blind: bool = False) -> Survey:
    """The survey of a key; `blind` makes its twin, in which the asked signals are not to be found."""

    def stream(name: str) -> Draw:
        return Draw(key.seed, family=key.family, version=key.version, level=key.level, form=key.form, stream=name)

    theme = stream("theme")
    kind, place = theme.choice(KINDS), site(theme)
    points = int(knobs["points"])
    cycles = _setpoint_cycles(stream("entries"), points)
    asked = signals(stream("plant"), kind, points, cycles)
    layout = _Layout(stream("layout"), stream("noise"), knobs)
    truths = {signal.tag: layout.place(signal) for signal in stream("order").shuffled(asked)}
    memory, writes = layout.memory, layout.writes
    shown = {signal.tag: layout.shown[signal.tag] for signal in asked}
    if blind:
        _blind(stream("blind"), memory, truths)
        writes = [write for write in writes if not write.tag]
    clock = _Clock(stream("clock"), skewed=bool(knobs["skew"]))
    station = layout.station if int(knobs["iec104"]) else None
    traffic = _Traffic(stream("traffic"), network(theme), clock, station)
    traffic.run(memory, writes)
    steps = {signal.tag: display_step(signal, knobs) for signal in asked if not signal.two_state}
    log = _log(stream("log"), asked, shown, steps, clock)
    return Survey(kind, place, asked, truths, steps, traffic.capture.render(), log, clock.skew != 0, traffic.here)


def _setpoint_cycles(draw: Draw, points: int) -> tuple[int, ...]:
    """Cycles at which a setpoint is entered: two a unit where there is room, never two in one cycle."""
    count = min(MAX_SETPOINTS, max(2, points // 2))
    return tuple(sorted(draw.sample(range(4, CYCLES - 4), count)))


class _Layout:
    """Deals out places and encodings, asked and noise interleaved."""

    def __init__(self, draw: Draw, noise: Draw, knobs: Knobs) -> None:
        self._draw, self._knobs = draw, knobs
        self.memory = _Memory()
        self.writes: list[_Write] = []
        self.shown: dict[str, list[float]] = {}
        points, factor = int(knobs["points"]), int(knobs["noise"])
        units = draw.sample(range(1, 60), int(knobs["units"]))
        self._modern = bool(knobs["iec104"])
        need = points * (1 + factor)  # slots, if all were words of one table
        self._words = _Tables(draw, [(unit, table) for unit in units for table in ("input", "holding")], need)
        self._bits = _Tables(draw, [(unit, table) for unit in units for table in ("coil", "discrete")], need // 2)
        self._objects = _Room(draw, 2 * need)
        self._write_places = _Room(draw, 2 * points)
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
            self.writes.append(_Write(cycle, "", unit, place, (cycle & 0xFF,)))
        if int(self._knobs["long"]):
            for _ in range(int(self._knobs["points"]) // 4):
                place = self._write_base + self._write_places.take()
                for cycle in noise.sample(range(2, CYCLES - 2), 2):
                    self.writes.append(_Write(cycle, "", unit, place, (noise.below(30_000),)))

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
            self.writes.append(_Write(cycle, signal.tag, self.station, place, (), number))
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
        written = self._write_base + self._write_places.take()
        setpoint = None
        for cycle, value in signal.setpoints:
            number = encode(value, kind, scale, offset)
            setpoint = float(number) * scale + offset
            self.writes.append(_Write(cycle, signal.tag, part[0], written, words_of(number, kind, order)))
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


def _blind(draw: Draw, memory: _Memory, truths: dict[str, Truth]) -> None:
    """Put unrelated signals where the asked ones were."""
    for truth in truths.values():
        if truth.table == "single":
            memory.singles[truth.address] = [int(bit) for bit in switching(draw, 12)]
        elif truth.type == "bool":
            memory.words[(truth.unit, truth.table)][truth.address] = [int(bit) for bit in switching(draw, 12)]
        elif truth.table == "float":
            memory.floats[truth.address] = [word / 100 for word in words_of_noise(draw, 1)[0]]
        else:
            size = 2 if truth.type.endswith("32") else 1
            for offset, series in enumerate(words_of_noise(draw, size)):
                memory.words[(truth.unit, truth.table)][truth.address + offset] = series


class _Clock:
    """Times of the capture (microseconds) and of the log, which runs ahead or behind by `skew` milliseconds."""

    def __init__(self, draw: Draw, *, skewed: bool) -> None:
        self.start = (DAY + draw.between(6, 18) * 3600 + draw.below(3600)) * MICRO + draw.below(MICRO)
        self.skew = draw.choice((-1, 1)) * draw.between(1200, 4800) if skewed else 0

    def cycle(self, number: int) -> int:
        """When the polls of a cycle begin."""
        return self.start + number * CYCLE_S * MICRO

    def stamp(self, at: int) -> str:
        """A time as the log writes it: whole seconds of its own clock, cut off."""
        seconds = (at + self.skew * 1000) // MICRO % 86_400
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


class _Traffic:
    """Plays the polling into a capture."""

    def __init__(self, draw: Draw, prefix: str, clock: _Clock, station: int | None) -> None:
        self._draw, self._clock, self._station = draw, clock, station
        self.capture = Capture()
        self.here = f"{prefix}.{draw.between(10, 60)}"
        self._plc = f"{prefix}.{draw.between(70, 120)}"
        self._rtu = f"{prefix}.{draw.between(130, 200)}"
        self._transaction = draw.below(60_000)
        self._pace = 11_000
        self._rtu_talk: Conversation | None = None
        self._sent = {"here": 0, "rtu": 0}

    def run(self, memory: _Memory, writes: list[_Write]) -> None:
        """All cycles, from the handshakes to the last acknowledgement."""
        opened = self._clock.start - MICRO // 2
        poll = Conversation(
            self.capture, Endpoint(self.here, 49_160), Endpoint(self._plc, 502), opened, isn=self._draw.below(2**31)
        )
        if self._station is not None:
            self._begin_rtu(memory, opened + 60_000, self._station)
        blocks = [block for part, rows in sorted(memory.words.items()) for block in _blocks(part, rows)]
        self._pace = min(11_000, POLLING // len(blocks))
        by_cycle: dict[int, list[_Write]] = {}
        for write in sorted(writes, key=lambda item: (not item.tag, item.address)):
            by_cycle.setdefault(write.cycle, []).append(write)
        for cycle in range(CYCLES):
            at = self._clock.cycle(cycle)
            for unit, table, address, columns in blocks:
                self._poll(poll, at, unit, table, address, [column[cycle] for column in columns])
                at += self._pace
            if self._station is not None:
                self._report(memory, cycle)
            for number, write in enumerate(by_cycle.get(cycle, ())):
                self._write(poll, self._clock.cycle(cycle) + ENTRY + number * 20_000, write)
        end = self._clock.cycle(CYCLES)
        poll.close(end)
        if self._rtu_talk is not None:
            self._rtu_talk.close(end + 5_000)

    def _poll(self, poll: Conversation, at: int, unit: int, table: str, address: int, values: list[int]) -> None:
        function = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}[table]
        self._exchange(poll, at, unit, read_request(function, address, len(values)), read_response(function, values))

    def _exchange(self, poll: Conversation, at: int, unit: int, request: bytes, response: bytes) -> None:
        self._transaction = self._transaction + 1 & 0xFFFF
        delay = self._pace // 5 + self._draw.below(self._pace // 4)
        poll.exchange(at, mbap(self._transaction, unit, request), mbap(self._transaction, unit, response), delay=delay)

    def _write(self, poll: Conversation, at: int, write: _Write) -> None:
        if write.value is not None:
            self._set_point(at, write)
            return
        if len(write.words) == 1:
            request = write_register_request(write.address, write.words[0])
        else:
            request = write_registers_request(write.address, write.words)
        self._exchange(poll, at, write.unit, request, write_response(request))

    def _i(self, at: int, side: str, asdu: Asdu) -> None:
        assert self._rtu_talk is not None  # noqa: S101 - only called on a mixed capture
        other = "rtu" if side == "here" else "here"
        frame = i_frame(self._sent[side], self._sent[other], pack_asdu(asdu))
        self._sent[side] += 1
        self._rtu_talk.send(at, frame, from_client=side == "here")
        if side == "rtu" and self._sent["rtu"] % 8 == 0:
            self._rtu_talk.send(at + 200, s_frame(self._sent["rtu"]), from_client=True)

    def _begin_rtu(self, memory: _Memory, at: int, station: int) -> None:
        talk = Conversation(
            self.capture, Endpoint(self.here, 49_720), Endpoint(self._rtu, 2404), at, isn=self._draw.below(2**31)
        )
        self._rtu_talk = talk
        talk.send(at + 2_000, u_frame(STARTDT_ACT), from_client=True)
        talk.send(at + 4_000, u_frame(STARTDT_CON), from_client=False)
        ask = Asdu(INTERROGATION, ACTIVATION, station, ((0, 20),))
        self._i(at + 8_000, "here", ask)
        self._i(at + 11_000, "rtu", Asdu(INTERROGATION, ACTIVATION_CON, station, ((0, 20),)))
        at += 13_000
        image = batches(station, BY_INTERROGATION, self._image(memory, 0))
        for asdu in image:
            self._i(at, "rtu", asdu)
            at += min(1_500, 300_000 // len(image))
        self._i(at, "rtu", Asdu(INTERROGATION, ACTIVATION_TERM, station, ((0, 20),)))
        talk.send(at + 90_000, u_frame(TESTFR_ACT), from_client=False)
        talk.send(at + 92_000, u_frame(TESTFR_CON), from_client=True)

    def _image(self, memory: _Memory, cycle: int) -> list[tuple[int, int, float]]:
        floats = [(MEASURED_FLOAT, place, series[cycle]) for place, series in sorted(memory.floats.items())]
        singles = [(SINGLE_POINT, place, float(series[cycle])) for place, series in sorted(memory.singles.items())]
        return [*singles, *floats]

    def _report(self, memory: _Memory, cycle: int) -> None:
        assert self._station is not None  # noqa: S101 - only called on a mixed capture
        asdus = batches(self._station, PERIODIC, self._image(memory, cycle))
        pace = min(2_000, REPORTING // max(1, len(asdus)))
        for number, asdu in enumerate(asdus):
            self._i(self._clock.cycle(cycle) + POLLING + number * pace + self._draw.below(pace // 3), "rtu", asdu)

    def _set_point(self, at: int, write: _Write) -> None:
        assert write.value is not None  # noqa: S101 - only called for set points
        assert self._station is not None  # noqa: S101 - only called on a mixed capture
        asdu = Asdu(SET_POINT, ACTIVATION, self._station, ((write.address, write.value),))
        self._i(at, "here", asdu)
        for number, cause in enumerate((ACTIVATION_CON, ACTIVATION_TERM)):
            self._i(at + 3_000 * (number + 1), "rtu", Asdu(SET_POINT, cause, self._station, asdu.objects))


def _blocks(part: tuple[int, str], rows: dict[int, list[int]]) -> Iterable[tuple[int, str, int, list[list[int]]]]:
    """Contiguous stretches that cover the used addresses; what lies between reads as zero."""
    unit, table = part
    size = BLOCK if table in {"input", "holding"} else min(MAX_BITS, 8 * BLOCK)
    zero = [0] * CYCLES
    places = sorted(rows)
    start = 0
    while start < len(places):
        first = places[start]
        stop = start
        while stop < len(places) and places[stop] < first + size:
            stop += 1
        last = places[stop - 1]
        yield unit, table, first, [rows.get(place, zero) for place in range(first, last + 1)]
        start = stop


def _log(
    draw: Draw,
    asked: tuple[Signal, ...],
    shown: dict[str, list[float]],
    steps: dict[str, float],
    clock: _Clock,
) -> str:
    """The operator's log: readings of analogue tags, every change of a switch, setpoints without their value."""
    rows: list[tuple[int, str, str]] = []
    for signal in asked:
        series = shown[signal.tag]
        if signal.two_state:
            cycles = [0] + [cycle for cycle in range(1, CYCLES) if series[cycle] != series[cycle - 1]]
            rows += [(_late(draw, clock, cycle), signal.tag, "on" if series[cycle] else "off") for cycle in cycles]
            continue
        step = steps[signal.tag]
        for cycle in _telling(draw, series):
            value = display(series[cycle], step)
            rows.append((_late(draw, clock, cycle), signal.tag, f"{value} {signal.measure}"))
        for cycle, _ in signal.setpoints:
            rows.append((clock.cycle(cycle) + ENTRY, signal.tag, "setpoint entered"))
    return "".join(f"{clock.stamp(at)} {tag} {text}\n" for at, tag, text in sorted(rows))


def _late(draw: Draw, clock: _Clock, cycle: int) -> int:
    """Some time after the polls of a cycle, and well before the next."""
    return clock.cycle(cycle) + 1_700_000 + draw.below(1_300_000)


def _telling(draw: Draw, series: list[float]) -> list[int]:
    """Cycles to log: the extremes (a good operator notes them) and others at random."""
    inner = range(CYCLES)
    least, most = min(inner, key=lambda cycle: series[cycle]), max(inner, key=lambda cycle: series[cycle])
    others = [cycle for cycle in draw.sample(inner, READINGS) if cycle not in {least, most}]
    return sorted([least, most, *others[: READINGS - 2]])


def display(value: float, step: float) -> str:
    """A value as the screen shows it: the nearest multiple of the display step."""
    count = int(value / step + 0.5) if value >= 0 else -int(0.5 - value / step)
    digits = 0
    while digits < 9 and abs(step * 10**digits - round(step * 10**digits)) > 1e-9:
        digits += 1
    return f"{count * step:.{digits}f}"
