"""A strict reader of JSON answers: whatever a submission holds, it ends quickly, with plain values or `BadAnswer`.

Refused: more bytes than the cap, text that is not UTF-8, nesting beyond a depth (counted before parsing, so that no
recursion is at stake), too many values, duplicate keys, NaN and infinities (also by overflow, as 1e999), and numbers
of absurd length.

>>> read_json(b'{"a": [1, 2.5, null]}')
{'a': [1, 2.5, None]}
>>> read_json(b'{"a": 1, "a": 2}')  # doctest: +IGNORE_EXCEPTION_DETAIL
Traceback (most recent call last):
seatrial.battery.grading.answers.BadAnswer: the key 'a' stands twice in one object
>>> number("7"), number(True), number(7, whole=True)
(None, None, 7.0)
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

CAP = 64 * 1024  # bytes
DEPTH = 12  # nested objects and lists: our own formats need four
VALUES = 50_000  # commas and openings: bounds the memory of what is parsed
DIGITS = 40  # characters of one number
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class BadAnswer(ValueError):
    """The submission is not the JSON that was asked for; the message says why, in one line."""


def read_json(content: bytes, *, cap: int = CAP, depth: int = DEPTH, values: int = VALUES) -> Any:  # noqa: ANN401 - JSON
    """The value of a JSON text; raises `BadAnswer` for anything that is not plainly one."""
    if len(content) > cap:
        raise BadAnswer(f"{len(content)} bytes: at most {cap}")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadAnswer(f"not UTF-8 at byte {error.start}") from None
    _measure(text, depth, values)
    try:
        return json.loads(
            text,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
            object_pairs_hook=_unique,
        )
    except BadAnswer:
        raise
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"not JSON: {error}"[:200]) from None


def read_object(content: bytes, *, cap: int = CAP, values: int = VALUES) -> dict[str, Any]:
    """The JSON object of a text; raises `BadAnswer` for any other value too."""
    value = read_json(content, cap=cap, values=values)
    if not isinstance(value, dict):
        raise BadAnswer(f"a JSON object was asked for, not {type(value).__name__}")
    return value


def number(value: object, *, whole: bool = False) -> float | None:
    """A finite number as a float, or None for anything else (truth values and texts are no numbers)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        plain = float(value)
    except OverflowError:
        return None
    if not math.isfinite(plain) or (whole and plain != int(plain)):
        return None
    return plain


def _measure(text: str, depth: int, values: int) -> None:
    """Count nesting and values without building anything."""
    level = count = 0
    for letter in _QUOTED.sub("", text):
        if letter in "[{":
            level += 1
        elif letter in "]}":
            level -= 1
        count += letter in "[{,"
        if level > depth:
            raise BadAnswer(f"nested deeper than {depth}")
        if count > values:
            raise BadAnswer(f"more than {values} values")


def _constant(name: str) -> None:
    raise BadAnswer(f"{name} is not a number")


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise BadAnswer(f"a number of {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text) if len(text) <= DIGITS else math.inf
    if not math.isfinite(value):
        raise BadAnswer(f"a number out of range, {len(text)} characters")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise BadAnswer(f"the key {twice[:40]!r} stands twice in one object")
    return result
