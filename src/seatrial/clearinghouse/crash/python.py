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
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
LOOK_AHEAD = 6  # lines of a message behind which a chained traceback may come
_ENDS = ("=========", "== ERROR: ", "==ERROR: ")
MAX_LINES = 20_000  # that a traceback may have


class _Tracebacks:
    """The tracebacks of one exception and of those before it, read line by line."""

    def __init__(self, *, atheris: bool) -> None:
        self.stacks: list[list[Frame]] = [[]]
        self.names: list[str] = []
        self._atheris = atheris
        self._ended = False  # the exception's own line was seen

    def take(self, text: str, following: list[str]) -> bool:
        """Take a line; false where it is no longer one of them."""
        if _START in text:
            if self.stacks[-1]:
                self.stacks.append([])
            self._ended = False
        found = _FRAME.match(text)
        if found:
            if self._ended and not self._atheris:
                return False
            self.stacks[-1].append(Frame(0, found[3] or "<module>", file=found[1], line=int(found[2])))
            self.names.append(found[3] or "")
        elif not self._ended:
            self._ended = bool(self.stacks[-1] and text and not text.startswith((" ", "\t", "|")))
        elif not self._atheris and text.strip() and not text.startswith(_CHAINED):
            return any(after.startswith(_CHAINED) or _START in after for after in following)
        return True


def traceback(reading: Reading, line: str) -> None:
    """The line before a traceback: reads the whole of it, and those chained to it."""
    atheris = "=== Uncaught Python exception: ===" in line
    if reading.at < reading.ahead or (reading.type and not reading.closed and not atheris):
        return
    found = _Tracebacks(atheris=atheris)
    lines, start = reading.lines, reading.at + (0 if _START in line else 1)
    place = start
    for place in range(start, min(len(lines), start + MAX_LINES)):
        text = lines[place]
        if place > reading.at and any(mark in text for mark in _ENDS) and "=== Uncaught" not in text:
            break
        if not found.take(text, lines[place : place + LOOK_AHEAD]):
            break
    reading.ahead = place
    stacks = [stack for stack in found.stacks if stack]
    if stacks or atheris:
        _draft(reading, stacks, found.names)


def _draft(reading: Reading, stacks: list[list[Frame]], names: list[str]) -> None:
    draft = reading.begin("python", "python", kind="Uncaught exception")
    for turn, stack in enumerate(reversed(stacks)):
        draft.section("cause" if turn else "crash")
        for number, frame in enumerate(reversed(stack)):
            draft.frame(frame._replace(index=number), None)
    for name in reversed(names):
        if name and tables.of_state(name):
            draft.name(state_name(name))
