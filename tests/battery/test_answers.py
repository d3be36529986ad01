"""The strict reader: hostile JSON ends quickly and plainly."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.battery.grading.answers import BadAnswer, number, read_json, read_object

HOSTILE = {
    "empty": b"",
    "one NUL": b"\0",
    "not UTF-8": b'{"a": "\xff"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "nested lists": b"[" * 30_000 + b"]" * 30_000,
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "nested and open": b"[" * 60_000,
    "many values": b"[" + b"1," * 30_000 + b"1]",
    "NaN": b"[NaN]",
    "infinity": b"[-Infinity]",
    "overflow": b"[1e999]",
    "long integer": b"[" + b"9" * 60_000 + b"]",
    "long fraction": b"[0." + b"1" * 60_000 + b"]",
    "long exponent": b"[1e" + b"9" * 50_000 + b"]",
    "duplicate keys": b'{"a": 1, "a": 1}',
    "duplicate keys far down": b'[{"b": {"a": 1, "c": 2, "a": 3}}]',
    "duplicate keys by escape": b'{"a": 1, "\\u0061": 1}',
    "two values": b"{} {}",
    "trailing comma": b"[1,]",
    "control character": b'["\x01"]',
    "open text": b'["aaaa',
    "single quotes": b"['a']",
    "python": b"{'a': True}",
    "too large": b'"' + b"a" * 70_000 + b'"',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_at_once(name: str) -> None:
    started = time.perf_counter()
    with pytest.raises(BadAnswer) as refused:
        read_json(HOSTILE[name], values=20_000)
    assert time.perf_counter() - started < 2.0
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


def test_many_different_keys_are_quick() -> None:
    content = json.dumps({f"k{number}": number for number in range(5_000)}).encode()
    started = time.perf_counter()
    assert len(read_object(content, cap=100_000)) == 5_000
    assert time.perf_counter() - started < 2.0


def test_brackets_inside_texts_do_not_count() -> None:
    assert read_json(b'["[[[[[[[[[[[[[[[[[[[[\\"[[["]') == ['[[[[[[[[[[[[[[[[[[[["[[[']


def test_plain_values_pass() -> None:
    value = {"a": [1, -2.5, 1e10, True, None, "x\u00e9\n"], "b": {"c": {}}}
    assert read_json(json.dumps(value).encode()) == value
    for other in (b"[]", b"1", b'"a"', b"null"):
        with pytest.raises(BadAnswer, match="object"):
            read_object(other)


@pytest.mark.parametrize("value", [True, "1", None, [], {}, float("nan"), float("inf"), 10**400])
def test_what_is_no_number(value: object) -> None:
    assert number(value) is None


def test_whole_numbers() -> None:
    assert number(7.0, whole=True) == 7.0
    assert number(7.5, whole=True) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:0123456789.eE+-ntfalsru \\', max_size=120).map(str.encode))
def test_any_bytes_end_plainly(content: bytes) -> None:
    try:
        value = read_json(content)
    except BadAnswer:
        return
    assert read_json(json.dumps(value).encode(), cap=10_000) == value
