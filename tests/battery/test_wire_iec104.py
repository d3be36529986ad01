"""IEC 60870-5-104 byte vectors, written out by hand from the standard, and the controlled station's behaviour."""

from __future__ import annotations

import struct

import pytest

from seatrial.battery.wire.iec104 import (
    MODULO,
    STARTDT_ACT,
    STARTDT_CON,
    STOPDT_ACT,
    STOPDT_CON,
    TESTFR_ACT,
    TESTFR_CON,
    WINDOW_K,
    Asdu,
    FrameError,
    Objects,
    Outstation,
    batches,
    i_frame,
    pack_asdu,
    parse_apdu,
    parse_asdu,
    s_frame,
    split_apdu,
    u_frame,
)

# start, length, control 4, then: type, structure, cause 2, common address 2, object address 3, element
FRAMES = [
    ("STARTDT act", u_frame(STARTDT_ACT), "68 04 07 00 00 00"),
    ("STARTDT con", u_frame(STARTDT_CON), "68 04 0b 00 00 00"),
    ("STOPDT act", u_frame(STOPDT_ACT), "68 04 13 00 00 00"),
    ("STOPDT con", u_frame(STOPDT_CON), "68 04 23 00 00 00"),
    ("TESTFR act", u_frame(TESTFR_ACT), "68 04 43 00 00 00"),
    ("TESTFR con", u_frame(TESTFR_CON), "68 04 83 00 00 00"),
    ("S, 5 received", s_frame(5), "68 04 01 00 0a 00"),
    ("S, wraps", s_frame(MODULO - 1), "68 04 01 00 fe ff"),
    (
        "interrogation",
        i_frame(0, 0, pack_asdu(Asdu(100, 6, 1, ((0, 20),)))),
        "68 0e 00 00 00 00  64 01 06 00 01 00  00 00 00  14",
    ),
    (
        "single command on, 1001",
        i_frame(1, 2, pack_asdu(Asdu(45, 6, 1, ((1001, 1),)))),
        "68 0e 02 00 04 00  2d 01 06 00 01 00  e9 03 00  01",
    ),
    (
        "set point 50.0, 5000",
        i_frame(2, 0, pack_asdu(Asdu(50, 6, 300, ((5000, 50.0),)))),
        "68 12 04 00 00 00  32 01 06 00 2c 01  88 13 00  00 00 48 42  00",
    ),
    (
        "single points, interrogated",
        i_frame(3, 1, pack_asdu(Asdu(1, 20, 1, ((1, 1), (70_000, 0))))),
        "68 12 06 00 02 00  01 02 14 00 01 00  01 00 00 01  70 11 01 00",
    ),
    (
        "measured value -1.5, spontaneous",
        i_frame(200, 1, pack_asdu(Asdu(13, 3, 1, ((258, -1.5),)))),
        "68 12 90 01 02 00  0d 01 03 00 01 00  02 01 00  00 00 c0 bf  00",
    ),
    (
        "negative confirmation, unknown object",
        i_frame(0, 1, pack_asdu(Asdu(45, 47, 1, ((9, 1),), negative=True, originator=7))),
        "68 0e 00 00 02 00  2d 01 6f 07 01 00  09 00 00  01",
    ),
]


@pytest.mark.parametrize(("name", "frame", "expected"), FRAMES, ids=[row[0] for row in FRAMES])
def test_frames_by_hand(name: str, frame: bytes, expected: str) -> None:
    del name
    assert frame.hex() == expected.replace(" ", "")
    whole, rest = split_apdu(frame + b"\x68")
    assert (whole, rest) == (frame, b"\x68")
    apdu = parse_apdu(frame)
    if apdu.form == "I":
        assert i_frame(apdu.sent, apdu.received, pack_asdu(parse_asdu(apdu.body))) == frame


def test_a_sequence_of_objects_is_read() -> None:
    body = bytes.fromhex("0d8214000100" + "640000") + struct.pack("<fB", 1.5, 0) + struct.pack("<fB", 2.5, 0)
    assert parse_asdu(body).objects == ((100, 1.5), (101, 2.5))


@pytest.mark.parametrize(
    "stream", ["69", "6803070000", "68fe", "6804070001000000", "680401010000", "68040f000000", "680400000000"]
)
def test_what_is_no_frame(stream: str) -> None:
    with pytest.raises(FrameError):
        parse_apdu(split_apdu(bytes.fromhex(stream))[0] or b"")


@pytest.mark.parametrize("body", ["", "6401060001", "640106000100", "64000600010000000014", "2d0206000100e9030001"])
def test_what_is_no_application_unit(body: str) -> None:
    with pytest.raises(FrameError):
        parse_asdu(bytes.fromhex(body))


def test_batches_fit_their_frames() -> None:
    points = [(13, place, 1.0) for place in range(100)] + [(1, place, 1.0) for place in range(100, 180)]
    units = batches(1, 20, points)
    assert [len(unit.objects) for unit in units] == [60, 20, 30, 30, 30, 10]
    assert all(len(i_frame(0, 0, pack_asdu(unit))) <= 255 for unit in units)


class Image(Objects):
    def __init__(self, count: int = 2) -> None:
        self.count, self.commands = count, []

    def points(self, station: int) -> list[tuple[int, int, float]] | None:
        return [(13, place, 0.5) for place in range(self.count)] if station == 1 else None

    def command(self, asdu: Asdu) -> int:
        self.commands.append(asdu)
        return 0 if asdu.objects[0][0] == 9 else 47


def frames(stream: bytes) -> list[bytes]:
    found = []
    while stream:
        frame, stream = split_apdu(stream)
        assert frame is not None
        found.append(frame)
    return found


def asdus(stream: bytes) -> list[Asdu]:
    return [parse_asdu(parse_apdu(frame).body) for frame in frames(stream)]


def started(image: Image) -> Outstation:
    station = Outstation(image)
    assert station.feed(u_frame(STARTDT_ACT)) == u_frame(STARTDT_CON)
    return station


def ask(number: int, kind: int, place: int, value: float, *, cause: int = 6, station: int = 1) -> bytes:
    return i_frame(number, 0, pack_asdu(Asdu(kind, cause, station, ((place, value),))))


def test_an_interrogation_is_confirmed_answered_and_ended() -> None:
    station = started(Image())
    replies = asdus(station.feed(ask(0, 100, 0, 20)))
    assert [(reply.kind, reply.cause) for reply in replies] == [(100, 7), (13, 20), (100, 10)]
    assert replies[1].objects == ((0, 0.5), (1, 0.5))


def test_a_command_is_confirmed_and_ended() -> None:
    image = Image()
    station = started(image)
    assert [reply.cause for reply in asdus(station.feed(ask(0, 45, 9, 1)))] == [7, 10]
    assert image.commands[0].objects == ((9, 1),)


@pytest.mark.parametrize(
    ("frame", "cause"),
    [
        (ask(0, 45, 8, 1), 47),
        (ask(0, 100, 0, 20, station=2), 46),
        (ask(0, 45, 9, 1, cause=3), 45),
        (i_frame(0, 0, bytes.fromhex("1e010300010001000001" + "00" * 7)), 44),
        (ask(0, 13, 9, 1.0), 44),
        (ask(0, 100, 5, 20), 47),
    ],
)
def test_refusals(frame: bytes, cause: int) -> None:
    reply = frames(started(Image()).feed(frame))
    assert len(reply) == 1
    body = parse_apdu(reply[0]).body
    assert body[2] == cause | 0x40
    assert (body[:2], body[3:]) == (frame[6:8], frame[9:])


def test_no_more_than_k_frames_wait_for_their_acknowledgement() -> None:
    station = started(Image(count=1000))
    first = frames(station.feed(ask(0, 100, 0, 20)))
    assert len(first) == WINDOW_K
    second = frames(station.feed(s_frame(8)))
    assert len(second) == 8
    assert parse_apdu(second[0]).sent == 12


@pytest.mark.parametrize(
    "stream",
    [
        ask(1, 100, 0, 20),  # a frame is missing
        s_frame(1),  # nothing was sent
        b"\x68\x04\x01\x01\x00\x00",
        b"\x00",
    ],
)
def test_what_closes_the_connection(stream: bytes) -> None:
    with pytest.raises(FrameError):
        started(Image()).feed(stream)


def test_data_needs_a_start_and_a_stop_ends_it() -> None:
    with pytest.raises(FrameError):
        Outstation(Image()).feed(ask(0, 100, 0, 20))
    station = started(Image())
    assert station.feed(u_frame(TESTFR_ACT)) == u_frame(TESTFR_CON)
    assert station.feed(u_frame(STOPDT_ACT)) == u_frame(STOPDT_CON)
    with pytest.raises(FrameError):
        station.feed(ask(0, 100, 0, 20))


def test_frames_may_come_in_pieces() -> None:
    station = Outstation(Image())
    stream = u_frame(STARTDT_ACT) + ask(0, 45, 9, 1)
    together = b"".join(station.feed(stream[at : at + 1]) for at in range(len(stream)))
    assert len(frames(together)) == 3
