"""The only parser that reads what a box says: nothing but checked answers and `ProtocolError` comes out of it."""

from __future__ import annotations

import json
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.sandbox import wire
from seatrial.sandbox.errors import ProtocolError

GOOD = [
    b'{"op":"ready"}',
    b'{"op":"exit","id":7,"rc":0,"cpu_us":950}',
    b'{"op":"gone","id":4294967295,"rc":255}',
    b'{"op":"done","id":1,"errno":2,"size":4611686018427387904}',
    b'{"op":"failed","text":"root file system: OSError"}',
    b'{"op":"born","id":3,"pid":4194304}',
    b'{"op":"switch","id":9}',
    b'{"op":"settled","id":0}',
    b'{"op":"refused","id":9,"text":""}',
]
BAD = [
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"{}",
    b'{"op":null}',
    b'{"op":["exit"],"id":1,"rc":1}',
    b'{"op":"exec","id":1}',
    b'{"op":"exit","id":7}',
    b'{"op":"exit","id":7,"rc":0}',
    b'{"op":"gone","id":7,"rc":0,"more":1}',
    b'{"op":"gone","id":-1,"rc":0}',
    b'{"op":"gone","id":4294967296,"rc":0}',
    b'{"op":"gone","id":7,"rc":256}',
    b'{"op":"gone","id":7,"rc":true}',
    b'{"op":"gone","id":7,"rc":0.0}',
    b'{"op":"gone","id":7,"rc":NaN}',
    b'{"op":"gone","id":7,"rc":' + b"1" * 5000 + b"}",
    b'{"op":"failed","text":5}',
    b'{"op":"failed","text":"' + b"a" * 1001 + b'"}',
    b"[" * 50_000,
    b'{"a":' * 20_000,
    b'{"op":"failed","text":"' + b"a" * 60_000 + b'"}',
]
MILLION = 1_000_000


def test_good_answers_are_read() -> None:
    for message in GOOD:
        answer = wire.decode(message)
        fields = json.loads(message)
        assert {name: getattr(answer, name) for name in fields} == fields


@pytest.mark.parametrize("message", BAD, ids=range(len(BAD)))
def test_bad_answers_are_protocol_errors(message: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        wire.decode(message)
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 600


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_a_protocol_error(message: bytes) -> None:
    _try(message)


@given(
    st.dictionaries(
        st.sampled_from(["op", "id", "rc", "errno", "size", "pid", "text", "x"]),
        st.one_of(
            st.sampled_from(["exit", "gone", "done", "ready", "failed", "born"]),
            st.integers(),
            st.text(max_size=20),
            st.booleans(),
            st.none(),
            st.floats(),
            st.lists(st.integers(), max_size=2),
        ),
    )
)
def test_any_object_is_an_answer_or_a_protocol_error(fields: dict[str, object]) -> None:
    _try(json.dumps(fields).encode())


@pytest.mark.slow
def test_a_million_mutations_are_answers_or_protocol_errors() -> None:
    dice = random.Random(20_260_101)
    pieces = [b'"', b"{", b"}", b"[", b":", b",", b"-", b"1e9", b"\\u0000", b"\xff", b"null", b"true", b'"op"', b'"id"']
    read = 0
    for _ in range(MILLION):
        message = bytearray(dice.choice(GOOD))
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(message) + 1)
            if dice.random() < 0.5:
                message[at : at + dice.randrange(3)] = dice.choice(pieces)
            else:
                message[at : at + 1] = bytes([dice.randrange(256)])
        read += _try(bytes(message))
    assert 0 < read < MILLION  # some mutations are still honest messages; most are not


def _try(message: bytes) -> bool:
    try:
        answer = wire.decode(message)
    except ProtocolError:
        return False
    assert 0 <= answer.id < 2**32
    assert 0 <= answer.rc < 256
    assert 0 <= answer.errno < 4096
    assert len(answer.text) <= wire.TEXT_CHARACTERS
    return True


def test_large_requests_travel_in_a_sealed_memory_file() -> None:
    small, none = wire.encode({"op": "exec", "argv": ["true"]})
    assert none is None
    assert json.loads(small)["op"] == "exec"
    argv = ["x" * 65_536] * 16
    head, descriptor = wire.encode({"op": "exec", "argv": argv})
    assert descriptor is not None
    try:
        assert json.loads(head) == {"big": True}
        assert json.loads(os.pread(descriptor, 4_000_000, 0))["argv"] == argv
        for spoil in (lambda: os.write(descriptor, b"x"), lambda: os.ftruncate(descriptor, 1)):
            with pytest.raises(PermissionError):
                spoil()
    finally:
        os.close(descriptor)


def test_text_of_a_box_is_cut_and_printable() -> None:
    assert wire.printable("a\x1b[31m\n\u202e" + "b" * 500) == "a?[31m??" + "b" * 192
