"""The traffic of a supervisor: it polls every block by Modbus/TCP, takes reports by IEC 60870-5-104, sends commands.

All times follow from the clock of the capture; conversations run from handshake to farewell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.families.ot.signals import CYCLE_S, CYCLES
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

    from seatrial.battery.draw import Draw
    from seatrial.battery.families.ot.layout import Memory, Write

MICRO = 1_000_000
BLOCK = 96  # registers in one poll
POLLING, REPORTING, ENTRY = 700_000, 600_000, 1_900_000  # microseconds after a cycle's begin; commands come at ENTRY
DAY = 1_900_000_800 // 86_400 * 86_400  # some midnight


class Clock:
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


class Polling:
    """Plays the polling into a capture."""

    def __init__(self, draw: Draw, prefix: str, clock: Clock, station: int | None) -> None:
        self._draw, self._clock, self._station = draw, clock, station
        self.capture = Capture()
        self.here = f"{prefix}.{draw.between(10, 60)}"
        self._plc = f"{prefix}.{draw.between(70, 120)}"
        self._rtu = f"{prefix}.{draw.between(130, 200)}"
        self._transaction = draw.below(60_000)
        self._pace = 11_000
        self._rtu_talk: Conversation | None = None
        self._sent = {"here": 0, "rtu": 0}

    def run(self, memory: Memory, writes: list[Write]) -> None:
        """All cycles, from the handshakes to the last acknowledgement."""
        opened = self._clock.start - MICRO // 2
        poll = Conversation(
            self.capture, Endpoint(self.here, 49_160), Endpoint(self._plc, 502), opened, isn=self._draw.below(2**31)
        )
        if self._station is not None:
            self._begin_rtu(memory, opened + 60_000, self._station)
        blocks = [block for part, rows in sorted(memory.words.items()) for block in _blocks(part, rows)]
        self._pace = min(11_000, POLLING // len(blocks))
        by_cycle: dict[int, list[Write]] = {}
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

    def _write(self, poll: Conversation, at: int, write: Write) -> None:
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

    def _begin_rtu(self, memory: Memory, at: int, station: int) -> None:
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

    def _image(self, memory: Memory, cycle: int) -> list[tuple[int, int, float]]:
        floats = [(MEASURED_FLOAT, place, series[cycle]) for place, series in sorted(memory.floats.items())]
        singles = [(SINGLE_POINT, place, float(series[cycle])) for place, series in sorted(memory.singles.items())]
        return [*singles, *floats]

    def _report(self, memory: Memory, cycle: int) -> None:
        assert self._station is not None  # noqa: S101 - only called on a mixed capture
        asdus = batches(self._station, PERIODIC, self._image(memory, cycle))
        pace = min(2_000, REPORTING // max(1, len(asdus)))
        for number, asdu in enumerate(asdus):
            self._i(self._clock.cycle(cycle) + POLLING + number * pace + self._draw.below(pace // 3), "rtu", asdu)

    def _set_point(self, at: int, write: Write) -> None:
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
