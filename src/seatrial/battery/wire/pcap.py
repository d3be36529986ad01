"""Packet captures with whole TCP conversations, written so that foreign dissectors find nothing to complain about.

A capture is a classic pcap file (microseconds, Ethernet). A conversation starts with its three-way handshake, carries
data with right lengths, sequence numbers and checksums (RFC 791, RFC 9293), acknowledges late as real hosts do, and
ends with FIN from both sides. Times are integers in microseconds since the epoch; nothing here reads a clock.

>>> capture = Capture()
>>> talk = Conversation(capture, Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.2", 502), at=0)
>>> talk.exchange(2_000, b"ask", b"answer", delay=1_500)
>>> talk.close(9_000)
>>> [len(frame) for _, frame in packets(capture.render())]
[60, 60, 60, 60, 60, 60, 60, 60, 60]
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = 0xA1B2C3D4  # classic pcap, microseconds, written big-endian-agnostic as little-endian here
LINK_ETHERNET = 1
SNAP = 65535
MIN_FRAME = 60  # Ethernet pads shorter frames (IEEE 802.3, without the check sequence)
MSS = 1460
WINDOW = 64240
DELAYED_ACK = 40_000  # microseconds: the usual delayed acknowledgement of current hosts
FIN, SYN, PSH, ACK = 1, 2, 8, 16


def checksum(block: bytes) -> int:
    """Internet checksum (RFC 1071): ones' complement of the ones' complement sum of 16-bit words.

    >>> hex(checksum(bytes.fromhex("4500003044224000800600008c7c19acae241e2b")))
    '0x442e'
    """
    if len(block) % 2:
        block += b"\0"
    total = int.from_bytes(block, "big") % 0xFFFF
    return 0xFFFF - total if total or not any(block) else 0


def address(ip: str) -> bytes:
    """The four bytes of an IPv4 address."""
    return bytes(int(part) for part in ip.split("."))


@dataclass(frozen=True)
class Endpoint:
    """One end of a conversation; the hardware address is locally administered and follows from the IP address."""

    ip: str
    port: int

    @property
    def mac(self) -> bytes:
        """Six bytes, `02:00` and the IP address."""
        return b"\x02\x00" + address(self.ip)


@dataclass
class Capture:
    """Frames with their times, in any order; `render` sorts them (stable, so that ties keep their order)."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    _identities: dict[str, int] = field(default_factory=dict)

    def identity(self, ip: str) -> int:
        """The next IP identification of a host."""
        value = self._identities.get(ip, sum(address(ip)) * 97) + 1 & 0xFFFF
        self._identities[ip] = value
        return value

    def ordered(self) -> list[tuple[int, bytes]]:
        """Frames by time."""
        return sorted(self.frames, key=lambda frame: frame[0])

    def render(self) -> bytes:
        """The capture file."""
        parts = [struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, SNAP, LINK_ETHERNET)]
        for at, frame in self.ordered():
            parts.append(struct.pack("<IIII", at // 1_000_000, at % 1_000_000, len(frame), len(frame)))
            parts.append(frame)
        return b"".join(parts)


@dataclass
class _Side:
    here: Endpoint
    sequence: int
    pseudo: bytes = b""
    ethernet: bytes = b""


class Conversation:
    """A TCP connection in a capture, opened at `at`; sides are "client" (True) and "server" (False)."""

    def __init__(self, capture: Capture, client: Endpoint, server: Endpoint, at: int, *, isn: int = 1000) -> None:
        self._capture = capture
        self._sides = {True: _Side(client, isn & 0xFFFFFFFF), False: _Side(server, isn * 31 + 7 & 0xFFFFFFFF)}
        for mine, other in ((True, False), (False, True)):
            here, there = self._sides[mine].here, self._sides[other].here
            self._sides[mine].pseudo = address(here.ip) + address(there.ip) + b"\0\x06"
            self._sides[mine].ethernet = there.mac + here.mac + b"\x08\x00"
        self._late: dict[bool, int | None] = {True: None, False: None}  # when a side's delayed acknowledgement is due
        options = struct.pack(">BBH", 2, 4, MSS)
        self._segment(at, SYN, from_client=True, options=options)
        self._advance(1, from_client=True)
        self._segment(at + 180, SYN | ACK, from_client=False, options=options)
        self._advance(1, from_client=False)
        self._segment(at + 310, ACK, from_client=True)

    def send(self, at: int, payload: bytes, *, from_client: bool) -> int:
        """Data from one side; returns the index of its (last) frame among the frames added so far."""
        self._settle(at)
        for start in range(0, len(payload), MSS):
            part = payload[start : start + MSS]
            self._segment(at, PSH | ACK, from_client=from_client, payload=part)
            self._advance(len(part), from_client=from_client)
        self._late[from_client] = None
        self._late[not from_client] = at + DELAYED_ACK
        return len(self._capture.frames) - 1

    def exchange(self, at: int, request: bytes, response: bytes, *, delay: int) -> None:
        """A request of the client and the server's response `delay` microseconds later (which acknowledges it)."""
        self.send(at, request, from_client=True)
        self.send(at + delay, response, from_client=False)

    def close(self, at: int) -> None:
        """The client ends the conversation, the server agrees."""
        self._settle(at, force=True)
        self._segment(at, FIN | ACK, from_client=True)
        self._advance(1, from_client=True)
        self._segment(at + 210, FIN | ACK, from_client=False)
        self._advance(1, from_client=False)
        self._segment(at + 330, ACK, from_client=True)

    def _settle(self, now: int, *, force: bool = False) -> None:
        """Write the delayed acknowledgements that fell due before `now`."""
        for side in (True, False):
            due = self._late[side]
            if due is not None and (due <= now or force):
                self._segment(min(due, now), ACK, from_client=side)
                self._late[side] = None

    def _advance(self, count: int, *, from_client: bool) -> None:
        side = self._sides[from_client]
        side.sequence = side.sequence + count & 0xFFFFFFFF

    def _segment(self, at: int, flags: int, *, from_client: bool, payload: bytes = b"", options: bytes = b"") -> None:
        mine, other = self._sides[from_client], self._sides[not from_client]
        acknowledged = other.sequence if flags & ACK else 0
        offset_flags = (20 + len(options)) // 4 << 12 | flags
        ports = (mine.here.port, other.here.port)
        head = struct.pack(">HHIIHH", *ports, mine.sequence, acknowledged, offset_flags, WINDOW)
        length = 20 + len(options) + len(payload)
        rest = b"\0\0" + options + payload
        total = checksum(mine.pseudo + length.to_bytes(2, "big") + head + b"\0\0" + rest)
        tcp = head + total.to_bytes(2, "big") + rest
        identity = self._capture.identity(mine.here.ip)
        ip = struct.pack(">BBHHHBB", 0x45, 0, 20 + length, identity, 0x4000, 64, 6)
        pair = mine.pseudo[:8]
        frame = mine.ethernet + ip + checksum(ip + b"\0\0" + pair).to_bytes(2, "big") + pair + tcp
        self._capture.frames.append((at, frame.ljust(MIN_FRAME, b"\0")))


def packets(capture: bytes) -> Iterator[tuple[int, bytes]]:
    """Times (microseconds) and frames of a little-endian capture file; raises ValueError when it is cut short."""
    if len(capture) < 24 or struct.unpack_from("<I", capture)[0] != MAGIC:
        raise ValueError("not a little-endian classic pcap file with microseconds")
    at = 24
    while at < len(capture):
        if at + 16 > len(capture):
            raise ValueError(f"packet header cut short at byte {at}")
        seconds, micros, length, _ = struct.unpack_from("<IIII", capture, at)
        at += 16
        if at + length > len(capture):
            raise ValueError(f"packet cut short at byte {at}")
        yield seconds * 1_000_000 + micros, capture[at : at + length]
        at += length
