"""Writes a shift into a capture: one conversation a host, opened when it first speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.battery.families.ot.polling import MICRO
from seatrial.battery.wire.modbus import (
    mbap,
    read_request,
    read_response,
    write_coil_request,
    write_coils_request,
    write_register_request,
    write_registers_request,
    write_response,
)
from seatrial.battery.wire.pcap import Capture, Conversation, Endpoint

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.battery.families.ot.gateway import Request
    from seatrial.battery.families.ot.works import Works


class Recorder:
    """The capture of one shift, as it grows."""

    def __init__(self, works: Works, draw: Draw, start: int) -> None:
        self._works, self._draw, self._start = works, draw, start
        self.capture = Capture()
        self._talks: dict[str, Conversation] = {}
        self._transactions: dict[str, int] = {}

    def take(self, request: Request, shown: list[int]) -> int:
        """Record a request and its answer; returns a handle for `frame_number`."""
        at = self._start + int(request.at * MICRO)
        talk = self._talks.get(request.source)
        if talk is None:
            here = Endpoint(request.source, 49_152 + self._draw.below(16_000))
            isn = self._draw.below(2**31)
            talk = Conversation(self.capture, here, Endpoint(self._works.plc, 502), at - 1_000, isn=isn)
            self._talks[request.source] = talk
        number = self._transactions.get(request.source, self._draw.below(30_000)) + 1 & 0xFFFF
        self._transactions[request.source] = number
        pdu = request_pdu(request)
        answer = read_response(request.function, shown) if request.function <= 4 else write_response(pdu)
        frame = talk.send(at, mbap(number, request.unit, pdu), from_client=True)
        talk.send(at + 1_500 + self._draw.below(3_000), mbap(number, request.unit, answer), from_client=False)
        return frame

    def close(self, second: int) -> None:
        """End every conversation."""
        for number, source in enumerate(sorted(self._talks)):
            self._talks[source].close(self._start + second * MICRO + number * 7_000)

    def numbers(self) -> dict[int, int]:
        """Handle → frame number as dissectors count, from 1."""
        order = sorted(range(len(self.capture.frames)), key=lambda index: self.capture.frames[index][0])
        return {index: place + 1 for place, index in enumerate(order)}


def request_pdu(request: Request) -> bytes:
    """The Modbus request of a gateway's request."""
    if request.function <= 4:
        return read_request(request.function, request.address, request.count)
    if request.function == 5:
        return write_coil_request(request.address, on=bool(request.values[0]))
    if request.function == 6:
        return write_register_request(request.address, request.values[0])
    write = write_coils_request if request.function == 15 else write_registers_request
    return write(request.address, request.values)
