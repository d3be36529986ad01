"""The subset of IEC 60870-5-104 (Ed. 2) that small stations speak: I, S and U frames; types 1, 13, 45, 50 and 100.

| type | name | in one object after its three-byte address |
|---|---|---|
| 1 | M_SP_NA_1, single point | SIQ: bit 0 the state, bits 4-7 quality |
| 13 | M_ME_NC_1, measured value | IEEE 754 float, little-endian, and QDS |
| 45 | C_SC_NA_1, single command | SCO: bit 0 the state, bits 2-6 qualifier, bit 7 select |
| 50 | C_SE_NC_1, set point | float and QOS: bit 7 select |
| 100 | C_IC_NA_1, interrogation | QOI, 20 = station |

Sizes as the companion standard fixes them: two bytes cause of transmission, two bytes common address, three bytes
object address. `Outstation` is the controlled station as a pure state machine: bytes in, bytes out, no clock; the
time-outs t0 to t3 are the transport's. Standard library only: this file is also copied into the boxes of services.

>>> u_frame(STARTDT_ACT).hex(), s_frame(3).hex()
('680407000000', '680401000600')
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

START = 0x68
STARTDT_ACT, STARTDT_CON, STOPDT_ACT, STOPDT_CON, TESTFR_ACT, TESTFR_CON = 0x07, 0x0B, 0x13, 0x23, 0x43, 0x83
SINGLE_POINT, MEASURED_FLOAT, SINGLE_COMMAND, SET_POINT, INTERROGATION = 1, 13, 45, 50, 100
PERIODIC, SPONTANEOUS, ACTIVATION, ACTIVATION_CON, ACTIVATION_TERM, BY_INTERROGATION = 1, 3, 6, 7, 10, 20
UNKNOWN_TYPE, UNKNOWN_CAUSE, UNKNOWN_STATION, UNKNOWN_OBJECT = 44, 45, 46, 47
NEGATIVE = 0x40
STATION = 20  # QOI of a station interrogation
SIZES = {SINGLE_POINT: 1, MEASURED_FLOAT: 5, SINGLE_COMMAND: 1, SET_POINT: 5, INTERROGATION: 1}
MAX_ASDU = 249  # APDU of at most 253 bytes after start and length, four of them control
WINDOW_K, WINDOW_W = 12, 8  # defaults of the standard: most unacknowledged I frames, latest acknowledgement
MODULO = 1 << 15
COMMANDS = (SINGLE_COMMAND, SET_POINT, INTERROGATION)


class FrameError(ValueError):
    """Bytes that no station may send; the connection has to be closed."""


@dataclass(frozen=True)
class Asdu:
    """One application unit: type, cause (6 bits), negative flag, originator, common address, objects with values.

    A value is a float for types 13 and 50 and an integer (SIQ, SCO, QOI) for the others.
    """

    kind: int
    cause: int
    station: int
    objects: tuple[tuple[int, float], ...]
    negative: bool = False
    originator: int = 0
    qualifier: int = 0  # QDS or QOS of types 13 and 50


def pack_asdu(asdu: Asdu) -> bytes:
    """Bytes of an application unit, each object with its own address (SQ = 0)."""
    cause = asdu.cause | (NEGATIVE if asdu.negative else 0)
    parts = [struct.pack("<BBBBH", asdu.kind, len(asdu.objects), cause, asdu.originator, asdu.station)]
    for place, value in asdu.objects:
        parts.append(place.to_bytes(3, "little"))
        if SIZES[asdu.kind] == 5:
            parts.append(struct.pack("<fB", value, asdu.qualifier))
        else:
            parts.append(bytes([int(value)]))
    return b"".join(parts)


def parse_asdu(body: bytes) -> Asdu:
    """An application unit of the subset; raises `FrameError` for anything else."""
    if len(body) < 6:
        raise FrameError(f"application unit of {len(body)} bytes")
    kind, structure, cause, originator, station = struct.unpack_from("<BBBBH", body)
    count, sequence = structure & 0x7F, bool(structure & 0x80)
    size = SIZES.get(kind)
    if size is None:
        return Asdu(kind, cause & 0x3F, station, (), bool(cause & NEGATIVE), originator)
    expected = 3 + count * size if sequence else count * (3 + size)
    if not count or len(body) != 6 + expected:
        raise FrameError(f"type {kind} with {count} objects in {len(body)} bytes")
    objects, at, place, qualifier = [], 6, 0, 0
    for index in range(count):
        if not sequence or index == 0:
            place, at = int.from_bytes(body[at : at + 3], "little"), at + 3
        else:
            place += 1
        value: float = body[at]
        if size == 5:
            value, qualifier = struct.unpack_from("<fB", body, at)
        objects.append((place, value))
        at += size
    return Asdu(kind, cause & 0x3F, station, tuple(objects), bool(cause & NEGATIVE), originator, qualifier)


def i_frame(sent: int, received: int, body: bytes) -> bytes:
    """An information frame with its send and receive sequence numbers (15 bits each)."""
    if len(body) > MAX_ASDU:
        raise FrameError(f"application unit of {len(body)} bytes: at most {MAX_ASDU}")
    return struct.pack("<BBHH", START, 4 + len(body), sent % MODULO << 1, received % MODULO << 1) + body


def s_frame(received: int) -> bytes:
    """A supervisory frame: acknowledges all I frames before `received`."""
    return struct.pack("<BBHH", START, 4, 1, received % MODULO << 1)


def u_frame(function: int) -> bytes:
    """An unnumbered frame: one of the six STARTDT, STOPDT, TESTFR codes."""
    return bytes([START, 4, function, 0, 0, 0])


def split_apdu(stream: bytes) -> tuple[bytes | None, bytes]:
    """The first whole frame of a stream and the rest; `FrameError` when it cannot be one."""
    if not stream:
        return None, stream
    if stream[0] != START or (len(stream) > 1 and not 4 <= stream[1] <= MAX_ASDU + 4):
        raise FrameError(f"not a frame: {stream[:2].hex()}")
    if len(stream) < 2 or len(stream) < 2 + stream[1]:
        return None, stream
    return stream[: 2 + stream[1]], stream[2 + stream[1] :]


@dataclass(frozen=True)
class Apdu:
    """A parsed frame: form "I", "S" or "U"."""

    form: str
    sent: int = 0
    received: int = 0
    function: int = 0
    body: bytes = b""


def parse_apdu(frame: bytes) -> Apdu:
    """A whole frame."""
    first, second = struct.unpack_from("<HH", frame, 2)
    if not first & 1:
        if len(frame) < 12:
            raise FrameError("information frame without an application unit")
        return Apdu("I", first >> 1, second >> 1, 0, frame[6:])
    if len(frame) != 6:
        raise FrameError("S or U frame with a body")
    if first & 3 == 1:
        if first != 1:
            raise FrameError("reserved bits set in an S frame")
        return Apdu("S", 0, second >> 1)
    if first not in (STARTDT_ACT, STARTDT_CON, STOPDT_ACT, STOPDT_CON, TESTFR_ACT, TESTFR_CON) or second:
        raise FrameError(f"unknown unnumbered frame {frame.hex()}")
    return Apdu("U", function=first)


class Objects:
    """What an outstation asks of its process image; the base answers for an empty one."""

    def points(self, station: int) -> list[tuple[int, int, float]] | None:
        """All monitored objects as (type, address, value) sorted by type; None for an unknown common address."""
        raise NotImplementedError

    def command(self, asdu: Asdu) -> int:
        """Carry out a command; returns 0, or the cause of a refusal (44 to 47)."""
        raise NotImplementedError


class Outstation:
    """The controlled station of one connection: feed it what arrives, send what it returns."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._stream = b""
        self._started = False
        self._sent = self._acknowledged = self._received = 0
        self._waiting: list[bytes] = []

    def feed(self, arrived: bytes) -> bytes:
        """Bytes to send back; raises `FrameError` when the connection has to be closed."""
        self._stream += arrived
        out: list[bytes] = []
        while True:
            frame, self._stream = split_apdu(self._stream)
            if frame is None:
                return b"".join(out)
            out.append(self._handle(parse_apdu(frame)))

    def _handle(self, frame: Apdu) -> bytes:
        if frame.form == "U":
            return self._unnumbered(frame.function)
        self._acknowledge(frame.received)
        if frame.form == "I":
            if not self._started or frame.sent != self._received:
                raise FrameError(f"I frame {frame.sent} where {self._received} was due, started {self._started}")
            self._received = (self._received + 1) % MODULO
            self._waiting += self._reply(frame.body)
        return self._flush()

    def _unnumbered(self, function: int) -> bytes:
        if function == STARTDT_ACT:
            self._started = True
            return u_frame(STARTDT_CON) + self._flush()
        if function == STOPDT_ACT:
            self._started = False
            return u_frame(STOPDT_CON)
        return u_frame(TESTFR_CON) if function == TESTFR_ACT else b""

    def _acknowledge(self, received: int) -> None:
        if (received - self._acknowledged) % MODULO > (self._sent - self._acknowledged) % MODULO:
            raise FrameError(f"acknowledges {received}, only {self._sent} sent")
        self._acknowledged = received

    def _flush(self) -> bytes:
        out = []
        while self._started and self._waiting and (self._sent - self._acknowledged) % MODULO < WINDOW_K:
            out.append(i_frame(self._sent, self._received, self._waiting.pop(0)))
            self._sent = (self._sent + 1) % MODULO
        return b"".join(out)

    def _reply(self, body: bytes) -> list[bytes]:
        asdu = parse_asdu(body)
        points: list[tuple[int, int, float]] | None = None
        if asdu.kind not in COMMANDS:
            refusal = UNKNOWN_TYPE
        elif asdu.cause != ACTIVATION:
            refusal = UNKNOWN_CAUSE
        elif asdu.kind == INTERROGATION:
            points = self._objects.points(asdu.station)
            refusal = UNKNOWN_STATION if points is None else 0
            refusal = refusal or (UNKNOWN_OBJECT if [place for place, _ in asdu.objects] != [0] else 0)
        else:
            refusal = self._objects.command(asdu)
        if refusal:
            return [mirror(body, refusal, negative=True)]
        data = [pack_asdu(unit) for unit in batches(asdu.station, BY_INTERROGATION, points or [])]
        return [mirror(body, ACTIVATION_CON), *data, mirror(body, ACTIVATION_TERM)]


def mirror(body: bytes, cause: int, *, negative: bool = False) -> bytes:
    """The same application unit with another cause, as a station answers a command, also one it does not know."""
    return body[:2] + bytes([cause | (NEGATIVE if negative else 0)]) + body[3:]


def batches(station: int, cause: int, points: list[tuple[int, int, float]]) -> list[Asdu]:
    """Monitored objects in as few application units as fit, types kept apart."""
    units = []
    for kind in sorted({point[0] for point in points}):
        mine = [(place, value) for which, place, value in points if which == kind]
        most = (MAX_ASDU - 6) // (3 + SIZES[kind])
        units += [Asdu(kind, cause, station, tuple(mine[at : at + most])) for at in range(0, len(mine), most)]
    return units
