"""Captures: bytes by hand, whole conversations, and what a foreign dissector finds to complain about."""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from seatrial.battery.wire import iec104, modbus
from seatrial.battery.wire.iec104 import Asdu, i_frame, pack_asdu, s_frame, u_frame
from seatrial.battery.wire.pcap import Capture, Conversation, Endpoint, checksum, packets

if TYPE_CHECKING:
    from pathlib import Path

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
WARNING = 0x00600000  # Wireshark's severities: note 0x400000, warning 0x600000, error 0x800000


def complaints(capture: bytes, folder: Path, severity: int = WARNING) -> str:
    """What tshark says of malformed packets and of expert messages of a severity or above, checksums verified."""
    path = folder / "capture.pcap"
    path.write_bytes(capture)
    argv = ["tshark", "-n", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    argv += ["-Y", f"_ws.malformed || _ws.expert.severity >= {severity}"]
    argv += ["-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message"]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout


def fields(capture: bytes, folder: Path, name: str) -> set[str]:
    """All values of a field, as tshark sees them."""
    path = folder / "capture.pcap"
    path.write_bytes(capture)
    argv = ["tshark", "-n", "-r", str(path), "-T", "fields", "-e", name]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout
    return {value for line in shown.split("\n") for value in line.split(",") if value}


def test_checksum_of_rfc_1071_and_edges() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    assert checksum(b"\0\0") == 0xFFFF
    assert checksum(b"\xff\xff") == 0
    assert checksum(b"\x01") == 0xFFFF - 0x0100


def test_first_frame_by_hand() -> None:
    capture = Capture()
    Conversation(capture, Endpoint("10.1.2.3", 49200), Endpoint("10.1.2.4", 502), at=1_500_000, isn=0x01020304)
    stream = capture.render()
    assert stream[:24].hex() == "d4c3b2a1020004000000000000000000ffff000001000000"
    seconds, micros, kept, length = struct.unpack("<IIII", stream[24:40])
    assert (seconds, micros, kept, length) == (1, 500_000, 60, 60)
    frame = stream[40:100]
    ethernet, ip, tcp = frame[:14], frame[14:34], frame[34:58]
    assert ethernet.hex() == "02000a01020402000a0102030800"
    assert ip[:2].hex() == "4500"
    assert struct.unpack(">H", ip[2:4]) == (44,)
    assert ip[6:10].hex() == "40004006"
    assert checksum(ip) == 0
    assert ip[12:].hex() == "0a0102030a010204"
    assert tcp[:4].hex() == "c03001f6"
    assert tcp[4:12].hex() == "0102030400000000"
    assert tcp[12:14].hex() == "6002"  # six words of header, SYN
    assert tcp[20:].hex() == "020405b4"  # MSS 1460
    pseudo = bytes.fromhex("0a0102030a01020400060018")
    assert checksum(pseudo + tcp) == 0


def test_sequence_numbers_wrap_and_large_data_is_cut() -> None:
    capture = Capture()
    talk = Conversation(capture, Endpoint("10.0.0.1", 4000), Endpoint("10.0.0.2", 502), at=0, isn=0xFFFFFFF0)
    talk.send(1000, bytes(4000), from_client=True)
    talk.close(100_000)
    sizes = [struct.unpack_from(">H", frame, 16)[0] - 40 for _, frame in packets(capture.render())]
    assert [size for size in sizes if size > 100] == [1460, 1460, 1080]


def test_a_cut_capture_is_noticed() -> None:
    capture = Capture()
    Conversation(capture, Endpoint("10.0.0.1", 4000), Endpoint("10.0.0.2", 502), at=0)
    stream = capture.render()
    for cut in (10, 30, len(stream) - 1):
        with pytest.raises(ValueError, match=r"cut short|not a little-endian"):
            list(packets(stream[:cut]))


def every_frame() -> Capture:
    """Every request, response, refusal and frame type that our code can write."""
    capture = Capture()
    talk = Conversation(capture, Endpoint("10.0.0.1", 40_000), Endpoint("10.0.0.2", 502), at=0)
    bank = modbus.Bank(*(dict.fromkeys(range(40), 1) for _ in range(4)))
    requests = [modbus.read_request(function, 1, 9) for function in (1, 2, 3, 4)]
    requests += [modbus.write_coil_request(3, on=True), modbus.write_register_request(4, 77)]
    requests += [modbus.write_coils_request(5, [1] * 11), modbus.write_registers_request(6, [1, 2, 3])]
    requests += [modbus.read_request(3, 60, 1), modbus.read_request(3, 0, 126), b"\x16\x00\x01\x00\x02\x00\x03"]
    for number, request in enumerate(requests):
        response = modbus.answer(bank, request)
        at = 100_000 * number + 50_000
        talk.exchange(at, modbus.mbap(number, 7, request), modbus.mbap(number, 7, response), delay=3_000)
    talk.close(5_000_000)
    _every_104(capture)
    return capture


class _Image(iec104.Objects):
    def points(self, station: int) -> list[tuple[int, int, float]] | None:
        return [(1, 1, 1), (13, 2, 2.5), (13, 3, -1.0)] if station == 1 else None

    def command(self, asdu: Asdu) -> int:
        return 0 if asdu.objects[0][0] < 100 else 47


def _every_104(capture: Capture) -> None:
    talk = Conversation(capture, Endpoint("10.0.0.1", 40_001), Endpoint("10.0.0.3", 2404), at=10)
    station = iec104.Outstation(_Image())
    asked = [Asdu(100, 6, 1, ((0, 20),)), Asdu(45, 6, 1, ((5, 1),)), Asdu(50, 6, 1, ((6, 42.5),))]
    asked += [Asdu(45, 6, 1, ((500, 1),)), Asdu(100, 6, 2, ((0, 20),)), Asdu(45, 6, 1, ((5, 0x81),))]
    at, received = 50_000, 0
    stream = [u_frame(iec104.STARTDT_ACT), u_frame(iec104.TESTFR_ACT)]
    for number, asdu in enumerate(asked):
        stream.append(number.to_bytes(1, "big") + pack_asdu(asdu))
    stream.append(u_frame(iec104.STOPDT_ACT))
    for item in stream:
        frame = item if item[0] == iec104.START else i_frame(item[0], received, item[1:])
        talk.send(at, frame, from_client=True)
        answers = station.feed(frame)
        if answers:
            talk.send(at + 5_000, answers, from_client=False)
            while answers:
                answer, answers = iec104.split_apdu(answers)
                assert answer is not None
                received += iec104.parse_apdu(answer).form == "I"
        if received and item[0] != iec104.START:
            talk.send(at + 20_000, s_frame(received), from_client=True)
            station.feed(s_frame(received))
        at += 100_000
    talk.close(at)


@needs_tshark
def test_a_foreign_dissector_finds_nothing_wrong_with_any_frame_type(tmp_path: Path) -> None:
    capture = every_frame().render()
    assert complaints(capture, tmp_path) == ""
    assert fields(capture, tmp_path, "modbus.func_code") == {"1", "2", "3", "4", "5", "6", "15", "16", "22"}
    assert fields(capture, tmp_path, "modbus.exception_code") == {"1", "2", "3"}
    assert fields(capture, tmp_path, "iec60870_asdu.typeid") == {"1", "13", "45", "50", "100"}
    assert fields(capture, tmp_path, "iec60870_asdu.causetx") == {"6", "7", "10", "20", "46", "47"}
    assert {int(form, 16) for form in fields(capture, tmp_path, "iec60870_104.type")} == {0, 1, 3}  # I, S, U


@needs_tshark
@pytest.mark.parametrize("place", [24, 40, 50])
def test_the_foreign_dissector_would_notice(tmp_path: Path, place: int) -> None:
    """One flipped byte of the fourth frame (IP header, TCP header, payload) is complained of."""
    stream = bytearray(every_frame().render())
    start = 24
    for _ in range(8):
        start += 16 + struct.unpack_from("<I", stream, start + 8)[0]
    stream[start + 16 + place] ^= 0x5A
    assert complaints(bytes(stream), tmp_path) != ""
