r"""One byte form for every record that is digested or signed: canonical JSON (RFC 8785) without floats.

Keys are sorted by UTF-16 code units, as the RFC demands; integers stay within 2^53 - 1 either way, so that every reader
sees the same number; floats are refused, since shares and times can be whole units.

>>> canonical({"b": [1, "é"], "a": None})
b'{"a":null,"b":[1,"\xc3\xa9"]}'
>>> canonical({"share": 0.5})
Traceback (most recent call last):
TypeError: $.share: 0.5 is a float; a digested record holds integers and strings
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_SAFE = 2**53 - 1  # RFC 8785, section 3.2.2.3, by way of I-JSON (RFC 7493)


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The canonical UTF-8 bytes of None, booleans, integers, strings, lists and objects.

    Raises `TypeError` for anything else and `ValueError` for a number or text that JSON readers disagree on; both
    name the place.
    """
    plain = _plain(value, "$")
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: object, where: str) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > _SAFE:
            raise ValueError(f"{where}: {value} is beyond 2^53 - 1; write it as a string")
        return int(value)
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise ValueError(f"{where}: a lone surrogate is no text")
        return str(value)
    if isinstance(value, float):
        raise TypeError(f"{where}: {value!r} is a float; a digested record holds integers and strings")
    return _container(value, where)


def _container(value: object, where: str) -> object:
    if isinstance(value, Mapping):
        keys = list(value)
        for key in keys:
            if not isinstance(key, str):
                raise TypeError(f"{where}: the key {key!r} is no string")
        return {key: _plain(value[key], f"{where}.{key}") for key in sorted(keys, key=_utf16)}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise TypeError(f"{where}: {type(value).__name__} is not JSON")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")
