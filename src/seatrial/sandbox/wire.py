"""What is said between a supervisor and its agents, and the only parser that reads what a box says.

- One JSON object a datagram, at most `DATAGRAM_BYTES`; larger requests travel in a memory file.
- Every answer is hostile until it fits its schema: exact fields, exact types, ranges. Whatever does not fit is
  `ProtocolError` and nothing else, and costs the box its life.

>>> decode(b'{"op":"gone","id":7,"rc":0}')
Answer(op='gone', id=7, rc=0, cpu_us=0, errno=0, size=0, pid=0, text='')
>>> decode(b'{"op":"gone","id":7,"rc":"0"}')
Traceback (most recent call last):
...
seatrial.sandbox.errors.ProtocolError: gone: rc is not a whole number from 0 to 255
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from seatrial.sandbox.errors import ProtocolError, SpecError

DATAGRAM_BYTES = 60_000  # below the default socket buffer, so that one datagram always fits
TEXT_CHARACTERS = 1000
OBSERVATIONS_BYTES = 256 * 1024  # of one probe's answer
_ID = 2**32 - 1
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@dataclass(frozen=True)
class Answer:
    """One checked message from an agent or the zygote; fields that its kind lacks are zero."""

    op: str
    id: int = 0
    rc: int = 0
    cpu_us: int = 0
    errno: int = 0
    size: int = 0
    pid: int = 0
    text: str = ""


# kind: field → largest value; `text` fields are strings.
_SCHEMAS: dict[str, dict[str, int]] = {
    "ready": {},
    "exit": {"id": _ID, "rc": 255, "cpu_us": 2**62},  # processor time of the command, in microseconds
    "gone": {"id": _ID, "rc": 255},
    "done": {"id": _ID, "errno": 4095, "size": 2**62},
    "failed": {"text": TEXT_CHARACTERS},
    "born": {"id": _ID, "pid": 2**22},
    "switch": {"id": _ID},
    "settled": {"id": _ID},
    "refused": {"id": _ID, "text": TEXT_CHARACTERS},
}


def encode(message: Mapping[str, object]) -> tuple[bytes, int | None]:
    """A datagram, and the memory file that holds the message when it is too large for one (close it once sent)."""
    content = json.dumps(message, separators=(",", ":")).encode()
    if len(content) <= DATAGRAM_BYTES:
        return content, None
    return b'{"big":true}', memory_file(content)


def memory_file(content: bytes, name: str = "message") -> int:
    """A sealed memory file: whoever gets its descriptor can read it and never change it."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def pack(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """A tree in one piece: u32 length of a JSON table of path, mode, size; the table; the contents."""
    for path in files:
        parts = path.split("/")
        if "\0" in path or any(part in {"", ".", ".."} for part in parts):
            raise SpecError("files", path, "a relative path without empty, . or .. parts")
    table = json.dumps([[path, mode, len(content)] for path, (content, mode) in files.items()]).encode()
    return b"".join([len(table).to_bytes(4, "big"), table, *(content for content, _ in files.values())])


def decode(datagram: bytes) -> Answer:
    """The checked answer in a datagram; `ProtocolError` for anything else."""
    message = decode_object(datagram, DATAGRAM_BYTES)
    op = message.pop("op", None)
    if not isinstance(op, str) or op not in _SCHEMAS:
        raise ProtocolError(f"no such kind of message: {printable(op)}")
    schema = _SCHEMAS[op]
    if message.keys() != schema.keys():
        raise ProtocolError(f"{op}: fields {printable(sorted(message))} instead of {sorted(schema)}")
    for name, most in schema.items():
        _check(op, name, message[name], most)
    return Answer(op, **message)  # type: ignore[arg-type]


def decode_object(content: bytes, most: int) -> dict[str, object]:
    """A JSON object of at most `most` bytes; `ProtocolError` for anything else."""
    if len(content) > most:
        raise ProtocolError(f"a message of {len(content)} bytes, above {most}")
    try:
        message = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {printable(error)}") from None
    if not isinstance(message, dict):
        raise ProtocolError("not a JSON object")
    return message


def printable(value: object) -> str:
    """Text of a box, cut and reduced to printable ASCII, for messages and records."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in str(value)[:200])


def _check(op: str, name: str, value: object, most: int) -> None:
    if name == "text":
        if not isinstance(value, str) or len(value) > most:
            raise ProtocolError(f"{op}: text is not a string of at most {most} characters")
    elif type(value) is not int or not 0 <= value <= most:
        raise ProtocolError(f"{op}: {name} is not a whole number from 0 to {most}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
