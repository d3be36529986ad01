"""Python: `Traceback (most recent call last):`, frames with the innermost last, then the exception.

Of chained tracebacks the last one is the crash. Atheris puts `=== Uncaught Python exception: ===` before it. Lines of
`^^^^`, of source, `[Previous line repeated n more times]`, and the bars of exception groups are no frames.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash.report import Frame
from seatrial.clearinghouse.crash.signature import state_name

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.reading import Reading

_FRAME = re.compile(r'\s{0,16}(?:[|+] {0,8}){0,8}\s{0,16}File "([^"]{1,1000})", line (\d{1,9})(?:, in (\S.*))?$')
_START = "Traceback (most recent call last):"
_REPEATED = re.compile(r"\s{0,16}\[Previous line repeated (\d{1,6}) more times?\]")
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_EXCEPTION = re.compile(r"(?:[|+] {0,8}){0,8}\s{0,16}([A-Za-z_][\w.]{0,200})(?::\s(.*))?$")
_ENDS = ("=========", "== ERROR: ", "==ERROR: ")
MAX_LINES = 20_000


def traceback(reading: Reading, line: str) -> None:
    """The line before a traceback: reads the whole of it, and those chained to it."""
    atheris = "=== Uncaught Python exception: ===" in line
    if reading.at < reading.ahead:
        return  # read already, with the one before it
    if reading.type and not reading.closed and not atheris:
        return
    tracebacks: list[list[Frame]] = [[]]
    order: list[str] = []
    place, end = reading.at + (0 if _START in line else 1), min(len(reading.lines), reading.at + MAX_LINES)
    seen_exception = False
    start = place
    while place < end:
        text = reading.lines[place]
        if any(mark in text for mark in _ENDS) and "=== Uncaught" not in text and place > reading.at:
            break
        if _START in text:
            if tracebacks[-1]:
                tracebacks.append([])
            seen_exception = False
        found = _FRAME.match(text)
        if found:
            if seen_exception and not atheris:
                break
            tracebacks[-1].append(Frame(0, found[3] or "<module>", file=found[1], line=int(found[2])))
            order.append(found[3] or "")
        elif not seen_exception and tracebacks[-1] and text and not text.startswith((" ", "\t", "|")):
            seen_exception = True
        elif seen_exception and not atheris and text.strip() and not text.startswith(_CHAINED) and place > start:
            following = reading.lines[place : place + 6]
            if not any(after.startswith(_CHAINED) or _START in after for after in following):
                break
        place += 1
    reading.ahead = place
    if not any(tracebacks) and not atheris:
        return
    draft = reading.begin("python", "python", kind="Uncaught exception")
    if not any(tracebacks):
        return
    last = next(stack for stack in reversed(tracebacks) if stack)
    for frame in (Frame(number, old.function, file=old.file, line=old.line) for number, old in enumerate(reversed(last))):
        draft.frame(frame, None)
    for earlier in reversed([stack for stack in tracebacks if stack and stack is not last]):
        draft.section("cause")
        for number, old in enumerate(reversed(earlier)):
            draft.frame(Frame(number, old.function, file=old.file, line=old.line), None)
    for name in reversed(order):
        if name and tables.of_state(name):
            draft.name(state_name(name))
    draft.closed = False
