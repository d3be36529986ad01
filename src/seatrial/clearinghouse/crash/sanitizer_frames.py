"""The frame lines of the sanitizers and of libFuzzer: `#n 0x… in function file:line[:column] (module+0xoff)`.

- The part behind the address is read once for every distinct text: a batch of logs repeats it thousands of times.
- Also without an address (ThreadSanitizer), with a colon or comma of a wrapper, and in the form of a symbolised
  Chrome stack (`#n 0x… function`).

>>> found = look("in std::vector<int>::at(unsigned long) const /usr/include/v.h:10:3")
>>> found.function, found.file, found.line, found.column, found.state
('std::vector<int>::at(unsigned long) const', '/usr/include/v.h', 10, 3, 'std::vector<int>::at')
>>> look("(/bin/demo+0x10f0) (BuildId: 4fa1)")[4:7]
('/bin/demo', '0x10f0', '/bin/demo+0x10f0')
"""

from __future__ import annotations

import re
from typing import NamedTuple

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash import signature
from seatrial.sandbox.frames import split

MAX_NAME = 2048  # characters kept of a function
_REMEMBERED = 65536  # texts of frames
_DRIVER = "LLVMFuzzerTestOneInput"
_TAIL = re.compile(r"(?:\s*\(BuildId: [0-9a-fA-F]{1,80}\)|\s*\(discriminator \d{1,9}\)|\s*\(<unknown module>\))+$")
_MODULE = re.compile(r"\+(0[xX][0-9a-fA-F]{1,16})(?:[^()\s]{0,64})?\)$")
OUT_OF_MEMORY = (
    "in rust_oom", "::OnNoMemory", "FatalProcessOutOfMemory", "FX_OutOfMemoryTerminate", "TerminateBecauseOutOfMemory",
    "blinkGCOutOfMemory",
)  # fmt: skip


class Look(NamedTuple):
    """What a frame's text says, its address left out.

    `state` is its line of the state, `raw` the same where the log has no symbols at all; `None`: not counted.
    """

    function: str
    file: str
    line: int | None
    column: int | None
    module: str
    offset: str
    state: str | None
    raw: str | None
    exhausted: bool  # the frame says that memory ran out


SEEN: dict[str, Look] = {}


def look(rest: str) -> Look:
    """Read the text behind a frame's address."""
    found = SEEN.get(rest)
    if found is None:
        if len(SEEN) >= _REMEMBERED:
            SEEN.clear()
        found = SEEN[rest] = _look(rest)
    return found


def _look(rest: str) -> Look:
    text = rest.strip()
    exhausted = any(word in text for word in OUT_OF_MEMORY)
    body = text.removeprefix("in ").lstrip() if text.startswith("in ") else text
    bare, module, offset = _module(_TAIL.sub("", body))
    function, file, line, column = split(bare.strip())
    if not function and not file and not module and body.startswith("(") and body.endswith(")"):
        module = body[1:-1]
    shown = body
    if module and not function:
        shown = f"{module}+{offset}" if offset else module
        counted: str | None = shown
    else:
        counted = signature.state_name(_with_driver(function if file and "(" not in function else shown, file))
    if function.startswith(_DRIVER):
        shown = _with_driver(shown, file)
    return Look(
        function[:MAX_NAME],
        file,
        line,
        column,
        module,
        offset,
        counted if tables.of_state(shown) else None,
        counted if tables.of_state(shown, symbolized=False) else None,
        exhausted,
    )


def _with_driver(text: str, file: str) -> str:
    """The fuzz target's own function is named for its file: there is one in every program."""
    if text.startswith(_DRIVER) and file:
        return text.replace(_DRIVER, file.replace("\\", "/").rpartition("/")[2])
    return text


def _module(text: str) -> tuple[str, str, str]:
    """What stands before `(module+0xoffset)` at the end, the module and the offset."""
    found = _MODULE.search(text)
    if not found:
        return text, "", ""
    end = found.start()
    absolute = text.find("(/", 0, end)  # a path may hold brackets, so its first slash decides
    start = absolute if absolute >= 0 else text.rfind("(", 0, end)
    if start < 0:
        return text, "", ""
    return text[:start], text[start + 1 : end], found[1]
