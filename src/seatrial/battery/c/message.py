"""The grammar of a generated message and its encoder: header, records, checksums, relations.

A message is a header (magic, version, options and, far up the ladder, a checksum of the header) and records
until the end of the input. A record is a tag, a length, a body and perhaps a checksum; a container's body is
records again. `Encoder` writes messages while keeping the only state that a writer must know: the running sum
that relations refer to.

>>> grammar = Grammar(magic=b"TOY1", version=3, tag_width=1, length="u8", order="big", tag_first=True)
>>> encoder = Encoder(grammar)
>>> encoder.leaf(tag=7, body=b"ab")
>>> encoder.message().hex()
'544f5931030000070261' + '62'
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

MAX_INPUT = 64 * 1024
Order = Literal["big", "little"]
LengthKind = Literal["u8", "u16", "varint"]


@dataclass(frozen=True)
class Checksum:
    """A drawn checksum. `kind` is sum16 (weighted bytes), crc16 (MSB first) or crc32 (LSB first)."""

    kind: Literal["sum16", "crc16", "crc32"]
    poly: int
    init: int
    final: int = 0

    @property
    def width(self) -> int:
        """Size on the wire, in bytes."""
        return 4 if self.kind == "crc32" else 2

    def of(self, data: bytes) -> int:
        """The checksum of some bytes."""
        value = self.init
        if self.kind == "sum16":
            return (value + self.poly * sum(data)) & 0xFFFF ^ self.final
        table = _table(self.kind, self.poly)
        if self.kind == "crc16":
            for byte in data:
                value = (value << 8) & 0xFFFF ^ table[value >> 8 ^ byte]
        else:
            for byte in data:
                value = value >> 8 ^ table[(value ^ byte) & 0xFF]
        return value ^ self.final


@lru_cache(maxsize=64)
def _table(kind: str, poly: int) -> tuple[int, ...]:
    """What eight steps of the bitwise definition, which the C text shows, do to each value of a byte."""
    out = []
    for byte in range(256):
        value = byte << 8 if kind == "crc16" else byte
        for _ in range(8):
            if kind == "crc16":
                value = ((value << 1) ^ poly if value & 0x8000 else value << 1) & 0xFFFF
            else:
                value = (value >> 1) ^ poly if value & 1 else value >> 1
        out.append(value)
    return tuple(out)


@dataclass(frozen=True)
class Relation:
    """A body begins with (factor · S + offset) mod 2**16, S being the running sum before this record."""

    factor: int
    offset: int

    def value(self, running: int) -> int:
        """What the field must hold."""
        return (self.factor * running + self.offset) & 0xFFFF


@dataclass(frozen=True)
class Grammar:
    """Everything that is fixed about the wire format of one program."""

    magic: bytes
    version: int
    tag_width: Literal[1, 2]
    length: LengthKind
    order: Order
    tag_first: bool
    checksum: Checksum | None = None
    header_checksum: bool = False
    sum_factor: int = 1  # S becomes sum_factor · S + Σ body + tag, mod 2**16, after each leaf record
    container: int | None = None  # tag of the record whose body is records

    def number(self, value: int, width: int) -> bytes:
        """An unsigned number in the order of this grammar."""
        return value.to_bytes(width, self.order)

    def sized(self, size: int) -> bytes:
        """The length field of a body."""
        if self.length == "varint":
            return varint(size)
        width = 1 if self.length == "u8" else 2
        if size >> (8 * width):
            raise ValueError(f"a body of {size} bytes does not fit a length field of {width} byte(s)")
        return self.number(size, width)

    def header(self, options: int = 0) -> bytes:
        """The first bytes of a message."""
        head = self.magic + bytes([self.version]) + self.number(options, 2)
        if self.header_checksum and self.checksum:
            head += self.number(self.checksum.of(head), self.checksum.width)
        return head

    def record(self, tag: int, body: bytes, *, spoil: int = 0) -> bytes:
        """One record; `spoil` is added to its checksum to make a wrong one."""
        tag_bytes, size = self.number(tag, self.tag_width), self.sized(len(body))
        out = (tag_bytes + size if self.tag_first else size + tag_bytes) + body
        if self.checksum:
            top = (1 << (8 * self.checksum.width)) - 1
            out += self.number((self.checksum.of(out) + spoil) & top, self.checksum.width)
        return out


def varint(value: int) -> bytes:
    """Seven bits a byte, low bits first, the top bit set on all but the last."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Encoder:
    """Writes one message, record by record, and keeps the running sum."""

    def __init__(self, grammar: Grammar, *, options: int = 0) -> None:
        self.grammar = grammar
        self.running = 0
        self._options = options
        self._parts: list[bytes] = []

    def leaf(self, tag: int, body: bytes, *, depth: int = 0, relation: Relation | None = None, spoil: int = 0) -> None:
        """Append one record inside `depth` containers; its relation field is filled in front of the body."""
        if relation:
            body = self.grammar.number(relation.value(self.running), 2) + body
        out = self.grammar.record(tag, body, spoil=spoil)
        for _ in range(depth):
            if self.grammar.container is None:
                raise ValueError("this grammar has no container")
            out = self.grammar.record(self.grammar.container, out)
        self._parts.append(out)
        self.running = (self.grammar.sum_factor * self.running + sum(body) + tag) & 0xFFFF

    def raw(self, data: bytes) -> None:
        """Append bytes as they are (for malformed messages)."""
        self._parts.append(data)

    def message(self) -> bytes:
        """Header and records so far."""
        out = self.grammar.header(self._options) + b"".join(self._parts)
        if len(out) > MAX_INPUT:
            raise ValueError(f"a message of {len(out)} bytes: the program reads at most {MAX_INPUT}")
        return out
