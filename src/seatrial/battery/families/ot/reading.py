"""A capture as a participant reads it: Modbus polls and writes, IEC 60870-5-104 values and commands, by place.

Independent of the writer in the wire kit: it takes TCP payloads from the file by itself. Standard library only: this
file is copied beside solvers and scripted participants.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from seatrial.battery.wire.iec104 import parse_apdu, parse_asdu, split_apdu
from seatrial.battery.wire.modbus import ModbusRefusal, ModbusRequest, parse_request, parse_response, split_mbap

Place = tuple[str, int, str, int]  # protocol, unit or common address, table, address


@dataclass(frozen=True)
class WriteSeen:
    """A command on the wire: time in seconds, place of its first value, values, source, frame number from 1."""

    at: float
    place: Place
    values: tuple[float, ...]
    function: int
    source: str
    frame: int


@dataclass
class Reading:
    """What a capture shows: samples (time, value) by place, and commands in order."""

    samples: dict[Place, list[tuple[float, float]]] = field(default_factory=dict)
    writes: list[WriteSeen] = field(default_factory=list)
    requests: list[tuple[float, str, int, ModbusRequest]] = field(default_factory=list)
    unpaired: int = 0


def payloads(capture: bytes) -> list[tuple[float, int, tuple[str, int, str, int], bytes]]:
    """TCP payloads as (time, frame number, (source, port, destination, port), bytes)."""
    found = []
    at, frame = 24, 0
    while at + 16 <= len(capture):
        seconds, micros, length, _ = struct.unpack_from("<IIII", capture, at)
        packet = capture[at + 16 : at + 16 + length]
        at += 16 + length
        frame += 1
        if packet[12:14] != b"\x08\x00" or packet[23] != 6:
            continue
        start = 14 + 4 * (packet[14] & 15)
        end = 14 + int.from_bytes(packet[16:18], "big")
        body = packet[start + 4 * (packet[start + 12] >> 4) : end]
        if body:
            source, target = (".".join(str(part) for part in packet[a : a + 4]) for a in (26, 30))
            ports = struct.unpack_from(">HH", packet, start)
            found.append((seconds + micros / 1e6, frame, (source, ports[0], target, ports[1]), body))
    return found


def read_capture(capture: bytes) -> Reading:
    """Everything that the two protocols say in a capture."""
    reading = Reading()
    pending: dict[tuple[str, int, int], tuple[float, ModbusRequest]] = {}
    rest: dict[tuple[str, int, str, int], bytes] = {}
    for at, frame, ends, body in payloads(capture):
        stream = rest.get(ends, b"") + body
        if 502 in (ends[1], ends[3]):
            rest[ends] = _modbus(reading, pending, at, frame, ends, stream)
        elif 2404 in (ends[1], ends[3]):
            rest[ends] = _iec104(reading, at, frame, ends, stream)
    reading.unpaired += len(pending)
    return reading


def _modbus(
    reading: Reading,
    pending: dict[tuple[str, int, int], tuple[float, ModbusRequest]],
    at: float,
    frame: int,
    ends: tuple[str, int, str, int],
    stream: bytes,
) -> bytes:
    found, stream = split_mbap(stream)
    while found is not None:
        transaction, unit, pdu = found
        try:
            if ends[3] == 502:
                request = parse_request(pdu)
                pending[(ends[0], ends[1], transaction)] = (at, request)
                reading.requests.append((at, ends[0], unit, request))
                if request.values:
                    place = ("modbus", unit, request.table, request.address)
                    values = tuple(float(value) for value in request.values)
                    reading.writes.append(WriteSeen(at, place, values, request.function, ends[0], frame))
            else:
                _answered(reading, pending, at, unit, (ends[2], ends[3], transaction), pdu)
        except (ModbusRefusal, ValueError):
            reading.unpaired += 1
        found, stream = split_mbap(stream)
    return stream


def _answered(
    reading: Reading,
    pending: dict[tuple[str, int, int], tuple[float, ModbusRequest]],
    at: float,
    unit: int,
    key: tuple[str, int, int],
    pdu: bytes,
) -> None:
    if key not in pending:
        reading.unpaired += 1
        return
    _, request = pending.pop(key)
    for offset, value in enumerate(parse_response(request, pdu)):
        place = ("modbus", unit, request.table, request.address + offset)
        reading.samples.setdefault(place, []).append((at, value))


def _iec104(reading: Reading, at: float, frame: int, ends: tuple[str, int, str, int], stream: bytes) -> bytes:
    found, stream = split_apdu(stream)
    while found is not None:
        apdu = parse_apdu(found)
        if apdu.form == "I":
            asdu = parse_asdu(apdu.body)
            for address, value in asdu.objects:
                if asdu.kind in (1, 13):
                    table = "float" if asdu.kind == 13 else "single"
                    shown = value if asdu.kind == 13 else int(value) & 1
                    reading.samples.setdefault(("iec104", asdu.station, table, address), []).append((at, shown))
                elif asdu.kind in (45, 50) and asdu.cause == 6:
                    place = ("iec104", asdu.station, "command" if asdu.kind == 45 else "setpoint", address)
                    reading.writes.append(WriteSeen(at, place, (value,), asdu.kind, ends[0], frame))
        found, stream = split_apdu(stream)
    return stream
