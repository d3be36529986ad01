r"""How much is taken, and how bytes become text: the same for every reader.

- Text is UTF-8; what is not becomes `\xNN`. Terminal sequences go. Nothing else is changed: what it says is
  stored as it is, shown escaped, never run and never obeyed.
- JSON is refused with a name twice, with a number that is none (NaN), or nested too deep.
"""

from __future__ import annotations

import json
import re
from typing import Any

from seatrial.clearinghouse.blobs import BLOB_BYTES
from seatrial.clearinghouse.intake.item import Unreadable

SARIF_BYTES = BLOB_BYTES
ARCHIVE_BYTES = 512 * 2**20
"""Unpacked: eight of the largest artefacts."""
ARCHIVE_MEMBERS = 10_000
"""One batch of ten; more than any real bundle has, and few enough to list."""
ARCHIVE_RATIO = 200
"""Unpacked to packed: text packs to a tenth, sanitizer logs to a fiftieth; a bomb to a thousandth and less."""
LOG_HEAD = LOG_TAIL = 2**20
"""Of a log, the first and the last MiB are read: the crash stands at one of its ends."""
LINE_CHARACTERS = 4096
SUMMARY_CHARACTERS = 65_536
QUOTA = 10_000
"""Findings of one source that may wait to be reproduced; what comes above is kept and parked."""
JSON_DEPTH = 64

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def text_of(data: bytes) -> str:
    r"""Bytes as text, without terminal sequences.

    >>> text_of(bytes([0x1B]) + b"[31mred" + bytes([0x1B]) + b"[0m " + bytes([0xFF]))
    'red \\xff'
    """
    return _ANSI.sub("", data.decode("utf-8", "backslashreplace"))


def clean(text: str, most: int = SUMMARY_CHARACTERS) -> str:
    """Text of JSON as it can be kept: no terminal sequence, no half of a character, no more than `most`."""
    whole = text.encode("utf-8", "backslashreplace").decode()
    return _ANSI.sub("", whole)[:most]


def log_text(data: bytes) -> tuple[str, bool]:
    """A log as it is parsed: its first and last MiB, lines cut at 4,096 characters; and whether anything is missing."""
    partial = len(data) > LOG_HEAD + LOG_TAIL
    text = text_of(data[:LOG_HEAD]) + "\n" + text_of(data[-LOG_TAIL:]) if partial else text_of(data)
    lines = text.split("\n")
    cut = any(len(line) > LINE_CHARACTERS for line in lines)
    return "\n".join(line[:LINE_CHARACTERS] for line in lines) if cut else text, partial or cut


def json_of(data: bytes, where: str) -> Any:  # noqa: ANN401 - JSON
    """Strict JSON.

    Raises:
        Unreadable: Where it breaks, in line and column.
    """
    try:
        found = json.loads(data, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"{where} line {error.lineno} column {error.colno}", f"is not JSON ({error.msg})", "Correct it there"
        ) from error
    except (UnicodeDecodeError, ValueError) as error:
        raise Unreadable(where, f"is not JSON that can be kept ({error})", "Write it as plain UTF-8 JSON") from error
    except RecursionError as error:
        raise Unreadable(where, "is nested too deep to be read", f"Nest at most {JSON_DEPTH} levels") from error
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one object")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")
