"""Modbus/TCP as in the MODBUS Application Protocol Specification V1.1b3: function codes 1-6, 15, 16.

Protocol data units (PDU) and the seven-byte header (MBAP) of Modbus Messaging on TCP/IP V1.0b, from both sides. The
server half follows the state diagrams of the specification in their order: function code (exception 1), quantity and
byte count (3), address range (2). Addresses are those on the wire, counted from 0. Standard library only: this file
is also copied into the boxes of services.

>>> read_request(3, 0x006B, 3).hex()
'03006b0003'
>>> answer(Bank(holding={0x006B: 0x022B, 0x006C: 0, 0x006D: 0x64}), bytes.fromhex("03006b0003")).hex()
'0306022b00000064'
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
NO_TARGET = 0x0B  # gateway target device failed to respond (section 7)
MAX_BITS, MAX_WORDS = 0x7D0, 0x7D  # most coils and registers in one read
MAX_WRITE_BITS, MAX_WRITE_WORDS = 0x7B0, 0x7B
MAX_PDU = 253
TABLE_OF = {1: "coil", 2: "discrete", 3: "holding", 4: "input", 5: "coil", 6: "holding", 15: "coil", 16: "holding"}
WRITES = (WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS)


class ModbusRefusal(Exception):
    """The server answers with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


@dataclass(frozen=True)
class ModbusRequest:
    """A well-formed request: its table, first address, quantity, and for writes the values (bits as 0 or 1)."""

    function: int
    table: str
    address: int
    count: int
    values: tuple[int, ...] = ()


@dataclass
class Bank:
    """The four tables of a server as sparse maps address → value; the base of richer banks."""

    coil: dict[int, int] = field(default_factory=dict)
    discrete: dict[int, int] = field(default_factory=dict)
    holding: dict[int, int] = field(default_factory=dict)
    input: dict[int, int] = field(default_factory=dict)

    def read(self, table: str, address: int, count: int) -> list[int]:
        """Values of a range; refuses when any address is not there."""
        cells: dict[int, int] = getattr(self, table)
        try:
            return [cells[place] for place in range(address, address + count)]
        except KeyError:
            raise ModbusRefusal(ILLEGAL_ADDRESS) from None

    def write(self, table: str, address: int, values: tuple[int, ...]) -> None:
        """Set a range, all of it or nothing."""
        cells: dict[int, int] = getattr(self, table)
        if any(place not in cells for place in range(address, address + len(values))):
            raise ModbusRefusal(ILLEGAL_ADDRESS)
        for offset, value in enumerate(values):
            cells[address + offset] = value


def mbap(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A PDU with its header: transaction, protocol 0, length of what follows, unit."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def split_mbap(stream: bytes) -> tuple[tuple[int, int, bytes] | None, bytes]:
    """The first whole frame of a stream as (transaction, unit, pdu) and the rest; ValueError when it cannot be one."""
    if len(stream) < 7:
        return None, stream
    transaction, protocol, length, unit = struct.unpack_from(">HHHB", stream)
    if protocol != 0 or not 2 <= length <= MAX_PDU + 1:
        raise ValueError(f"not Modbus: protocol {protocol}, length {length}")
    if len(stream) < 6 + length:
        return None, stream
    return (transaction, unit, stream[7 : 6 + length]), stream[6 + length :]


def pack_bits(bits: list[int] | tuple[int, ...]) -> bytes:
    """Bits eight to a byte, the first in the lowest bit, the last byte filled with zeros."""
    whole = 0
    for place, bit in enumerate(bits):
        whole |= (bit & 1) << place
    return whole.to_bytes((len(bits) + 7) // 8, "little")


def unpack_bits(packed: bytes, count: int) -> list[int]:
    """The first `count` bits of packed bytes."""
    whole = int.from_bytes(packed, "little")
    return [whole >> place & 1 for place in range(count)]


def read_request(function: int, address: int, count: int) -> bytes:
    """PDU of functions 1 to 4."""
    return struct.pack(">BHH", function, address, count)


def write_coil_request(address: int, *, on: bool) -> bytes:
    """PDU of function 5."""
    return struct.pack(">BHH", WRITE_COIL, address, 0xFF00 if on else 0)


def write_register_request(address: int, value: int) -> bytes:
    """PDU of function 6."""
    return struct.pack(">BHH", WRITE_REGISTER, address, value)


def write_coils_request(address: int, bits: list[int] | tuple[int, ...]) -> bytes:
    """PDU of function 15."""
    packed = pack_bits(bits)
    return struct.pack(">BHHB", WRITE_COILS, address, len(bits), len(packed)) + packed


def write_registers_request(address: int, words: list[int] | tuple[int, ...]) -> bytes:
    """PDU of function 16."""
    head = struct.pack(">BHHB", WRITE_REGISTERS, address, len(words), 2 * len(words))
    return head + struct.pack(f">{len(words)}H", *words)


def exception_response(function: int, code: int) -> bytes:
    """PDU of an exception: function code with its top bit set, then the exception code."""
    return bytes([function & 0x7F | 0x80, code])


def parse_request(pdu: bytes) -> ModbusRequest:
    """A request PDU; raises `ModbusRefusal` with the exception code that the specification asks for."""
    if not pdu:
        raise ModbusRefusal(ILLEGAL_VALUE)
    function = pdu[0]
    if function not in TABLE_OF:
        raise ModbusRefusal(ILLEGAL_FUNCTION)
    if len(pdu) < 5 or (function <= WRITE_REGISTER and len(pdu) != 5):
        raise ModbusRefusal(ILLEGAL_VALUE)
    address, count = struct.unpack_from(">HH", pdu, 1)
    if function <= READ_INPUT:
        if not 1 <= count <= (MAX_BITS if function <= READ_DISCRETE else MAX_WORDS):
            raise ModbusRefusal(ILLEGAL_VALUE)
        return _within(ModbusRequest(function, TABLE_OF[function], address, count))
    if function == WRITE_COIL:
        if count not in (0x0000, 0xFF00):
            raise ModbusRefusal(ILLEGAL_VALUE)
        return ModbusRequest(function, "coil", address, 1, (1 if count else 0,))
    if function == WRITE_REGISTER:
        return ModbusRequest(function, "holding", address, 1, (count,))
    return _within(_parse_many(function, address, count, pdu[5:]))


def _parse_many(function: int, address: int, count: int, rest: bytes) -> ModbusRequest:
    coils = function == WRITE_COILS
    size = (count + 7) // 8 if coils else 2 * count
    most = MAX_WRITE_BITS if coils else MAX_WRITE_WORDS
    if not 1 <= count <= most or not rest or rest[0] != size or len(rest) != 1 + size:
        raise ModbusRefusal(ILLEGAL_VALUE)
    if coils:
        return ModbusRequest(function, "coil", address, count, tuple(unpack_bits(rest[1:], count)))
    return ModbusRequest(function, "holding", address, count, struct.unpack(f">{count}H", rest[1:]))


def _within(request: ModbusRequest) -> ModbusRequest:
    if request.address + request.count > 0x10000:
        raise ModbusRefusal(ILLEGAL_ADDRESS)
    return request


def read_response(function: int, values: list[int]) -> bytes:
    """PDU that answers functions 1 to 4."""
    body = pack_bits(values) if function <= READ_DISCRETE else struct.pack(f">{len(values)}H", *values)
    return bytes([function, len(body)]) + body


def write_response(pdu: bytes) -> bytes:
    """PDU that answers a write: the first five bytes of the request, for every write function."""
    return pdu[:5]


def perform(bank: Bank, pdu: bytes) -> tuple[ModbusRequest, bytes]:
    """Carry out a request; returns it with the response PDU, or raises `ModbusRefusal`."""
    request = parse_request(pdu)
    if request.values:
        bank.write(request.table, request.address, request.values)
        return request, write_response(pdu)
    return request, read_response(request.function, bank.read(request.table, request.address, request.count))


def answer(bank: Bank, pdu: bytes) -> bytes:
    """The response PDU of a server, an exception where it refuses."""
    try:
        return perform(bank, pdu)[1]
    except ModbusRefusal as refusal:
        return exception_response(pdu[0] if pdu else 0, refusal.code)


def parse_response(request: ModbusRequest, pdu: bytes) -> list[int]:
    """The values that answer a read (empty for a write); raises `ModbusRefusal` or ValueError."""
    if len(pdu) == 2 and pdu[0] == request.function | 0x80:
        raise ModbusRefusal(pdu[1])
    if not pdu or pdu[0] != request.function:
        raise ValueError(f"answer of function {pdu[:1].hex()} to a request of function {request.function}")
    if request.values:
        return []
    bits = request.function <= READ_DISCRETE
    size = (request.count + 7) // 8 if bits else 2 * request.count
    if len(pdu) != 2 + size or pdu[1] != size:
        raise ValueError(f"answer of {len(pdu)} bytes to a read of {request.count}")
    return unpack_bits(pdu[2:], request.count) if bits else list(struct.unpack(f">{request.count}H", pdu[2:]))
