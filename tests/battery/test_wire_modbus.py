"""Modbus byte vectors: those printed in the Application Protocol Specification V1.1b3, and hand-made limits."""

from __future__ import annotations

import pytest

from seatrial.battery.wire.modbus import (
    Bank,
    ModbusRefusal,
    answer,
    exception_response,
    mbap,
    pack_bits,
    parse_request,
    parse_response,
    read_request,
    read_response,
    split_mbap,
    unpack_bits,
    write_coil_request,
    write_coils_request,
    write_register_request,
    write_registers_request,
)


def bits(first: int, packed: str, count: int) -> dict[int, int]:
    return {first + place: bit for place, bit in enumerate(unpack_bits(bytes.fromhex(packed), count))}


# Section 6.1 to 6.12 of the specification: the request and the response as printed there.
PRINTED = [
    ("read coils 20-38", "0100130013", "0103cd6b05", Bank(coil=bits(0x13, "cd6b05", 19))),
    ("read discrete inputs 197-218", "0200c40016", "0203acdb35", Bank(discrete=bits(0xC4, "acdb35", 22))),
    ("read holding registers 108-110", "03006b0003", "0306022b00000064", Bank(holding={107: 555, 108: 0, 109: 100})),
    ("read input register 9", "0400080001", "0402000a", Bank(input={8: 10})),
    ("write coil 173 on", "0500acff00", "0500acff00", Bank(coil={172: 0})),
    ("write register 2", "0600010003", "0600010003", Bank(holding={1: 0})),
    ("write coils 20-29", "0f0013000a02cd01", "0f0013000a", Bank(coil=bits(0x13, "0000", 10))),
    ("write registers 2-3", "100001000204000a0102", "1000010002", Bank(holding={1: 0, 2: 0})),
]


@pytest.mark.parametrize(("name", "request_hex", "response_hex", "bank"), PRINTED, ids=[row[0] for row in PRINTED])
def test_examples_printed_in_the_specification(name: str, request_hex: str, response_hex: str, bank: Bank) -> None:
    del name
    assert answer(bank, bytes.fromhex(request_hex)).hex() == response_hex


def test_writes_arrive() -> None:
    bank = Bank(coil=bits(0x13, "0000", 10), holding={1: 0, 2: 0})
    answer(bank, bytes.fromhex("0f0013000a02cd01"))
    answer(bank, bytes.fromhex("100001000204000a0102"))
    assert [bank.coil[place] for place in range(0x13, 0x1D)] == [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]
    assert bank.holding == {1: 10, 2: 0x0102}


def test_builders_give_the_printed_bytes() -> None:
    assert read_request(1, 0x13, 0x13).hex() == "0100130013"
    assert write_coil_request(172, on=True).hex() == "0500acff00"
    assert write_coil_request(172, on=False).hex() == "0500ac0000"
    assert write_register_request(1, 3).hex() == "0600010003"
    assert write_coils_request(0x13, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]).hex() == "0f0013000a02cd01"
    assert write_registers_request(1, (10, 0x0102)).hex() == "100001000204000a0102"
    assert read_response(4, [10]).hex() == "0402000a"


@pytest.mark.parametrize(
    ("request_hex", "code"),
    [
        ("2b0e0100", 1),  # a function that is not there
        ("07", 1),
        ("00", 1),
        ("0100130000", 3),  # quantity 0
        ("01001307d1", 3),  # 2001 coils
        ("020013ffff", 3),
        ("03006b007e", 3),  # 126 registers
        ("0400080000", 3),
        ("03006b", 3),  # cut short
        ("03006b000300", 3),  # too long
        ("0500ac0001", 3),  # neither 0000 nor ff00
        ("0500acffff", 3),
        ("0f0013000a03cd0100", 3),  # byte count of another quantity
        ("0f0013000002cd01", 3),
        ("0f001307b1f7", 3),  # 1969 coils
        ("100001000203000a01", 3),
        ("10000100020400", 3),
        ("1000010000", 3),
        ("10000100 7c f8".replace(" ", ""), 3),  # 124 registers
        ("0104a10001", 2),  # the specification's own example: coil 1186 where there are fewer
        ("03006b0004", 2),  # the last one is not there
        ("03ffff0002", 2),  # past the last address
        ("06000f0001", 2),
        ("0f0013000b02cd01", 2),
        ("10006b000408000a0102000a0102", 2),
    ],
)
def test_refusals_and_their_order(request_hex: str, code: int) -> None:
    bank = Bank(coil=bits(0x13, "0000", 10), holding={107: 1, 108: 2, 109: 3, 0xFFFF: 4})
    before = (dict(bank.coil), dict(bank.holding))
    request = bytes.fromhex(request_hex)
    assert answer(bank, request) == exception_response(request[0], code)
    assert (bank.coil, bank.holding) == before


def test_limits_are_allowed() -> None:
    wide = Bank(coil=dict.fromkeys(range(2000), 1), holding=dict.fromkeys(range(125), 7))
    assert len(answer(wide, read_request(1, 0, 2000))) == 2 + 250
    assert len(answer(wide, read_request(3, 0, 125))) == 2 + 250
    assert answer(wide, write_coils_request(0, [0] * 1968)).hex() == "0f000007b0"
    assert answer(wide, write_registers_request(0, [1] * 123)).hex() == "100000007b"
    assert answer(Bank(holding={0xFFFF: 5}), read_request(3, 0xFFFF, 1)).hex() == "03020005"


def test_exception_for_an_empty_pdu_does_not_crash() -> None:
    assert answer(Bank(), b"") == b"\x80\x03"


def test_header() -> None:
    assert mbap(1, 0xFF, bytes.fromhex("0400080001")).hex() == "000100000006ff0400080001"
    frame, rest = split_mbap(bytes.fromhex("000100000006ff0400080001") + b"\x00\x02")
    assert frame == (1, 0xFF, bytes.fromhex("0400080001"))
    assert rest == b"\x00\x02"
    assert split_mbap(b"\x00\x01\x00\x00\x00\x06\xff\x04") == (None, b"\x00\x01\x00\x00\x00\x06\xff\x04")


@pytest.mark.parametrize("stream", ["000100010006ff0400080001", "000100000001ff0400080001", "0001000000ffff0400080001"])
def test_header_that_cannot_be_one(stream: str) -> None:
    with pytest.raises(ValueError, match="not Modbus"):
        split_mbap(bytes.fromhex(stream))


def test_responses_are_checked_against_their_request() -> None:
    request = parse_request(bytes.fromhex("03006b0003"))
    assert parse_response(request, bytes.fromhex("0306022b00000064")) == [555, 0, 100]
    with pytest.raises(ModbusRefusal) as refused:
        parse_response(request, bytes.fromhex("8302"))
    assert refused.value.code == 2
    for wrong in ("", "0406022b00000064", "0304022b0000", "0306022b0000"):
        with pytest.raises(ValueError, match="answer of"):
            parse_response(request, bytes.fromhex(wrong))


def test_bits_round_trip() -> None:
    for count in range(1, 40):
        pattern = [(place * 7 + count) % 3 % 2 for place in range(count)]
        assert unpack_bits(pack_bits(pattern), count) == pattern
