"""Go: `panic: …`, `fatal error: …`, then `goroutine N [running]:` and two lines a frame.

A frame is `package.function(arguments)` and `<tab>file:line +0x…`; `created by …` is the call that began the goroutine.
The classes of runtime errors have their own types; any other panic is an `ASSERT` with its message in the state.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash.native import announce
from seatrial.clearinghouse.crash.report import Frame

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.reading import Reading

_KINDS = (
    ("panic: runtime error: integer divide by zero", "Integer divide by zero"),
    ("panic: runtime error: index out of range", "Index out of range"),
    ("panic: runtime error: invalid memory address", "Invalid memory address"),
    ("panic: runtime error: makeslice: len out of range", "Makeslice: len out of range"),
    ("panic: runtime error: slice bounds out of range", "Slice bounds out of range"),
    ("fatal error: stack overflow", "Stack overflow"),
)
_FUNCTION = re.compile(r"[^\s(][^\s]*(?:\s*\[[^\]]*\])?$")
_ARGUMENTS = frozenset("x0123456789abcdef \t,.{}?_")
_PLACE = re.compile(r"[\t ]{1,8}(\S.*?):(\d{1,9})(?: \+0x[0-9a-f]+)?(?: |$)")
_SIGNAL = re.compile(r"\[signal (SIG[A-Z]+)[^\]]*?(?: addr=(0x[0-9a-f]+))?(?: pc=0x[0-9a-f]+)?\]")
_RECOVERED = re.compile(r"(?: \[recovered(?:, repanicked)?\])+$")


def panic(reading: Reading, line: str) -> None:
    """`panic: …` or `fatal error: …` at the start of a line of a log with Go frames."""
    if not reading.go or not line.startswith(("panic: ", "fatal error: ")):
        return
    if (
        reading.draft is not None
        and reading.draft.language == "go"
        and not reading.draft.stacks
        and not reading.draft.closed
    ) and line.startswith("fatal error"):
        return
    kind = next((kind for start, kind in _KINDS if line.startswith(start)), "")
    if kind:
        draft = reading.begin("go", "go", kind=kind)
    elif line.startswith("panic: "):
        draft = announce(reading, "ASSERT", line.removeprefix("panic: "), tool="go", language="go")
    elif not reading.type or reading.closed:
        draft = reading.begin("go", "go", kind="Fatal error")
        draft.begin_state([line.removeprefix("fatal error: ")], 0)
    else:
        return
    draft.tool, draft.language, draft.table = "go", "go", "go"
    draft.frame_line = frame_line


def frame_line(draft: Draft, line: str) -> bool:
    """A line behind the message: a goroutine, a function, a place."""
    if line.startswith(("\t", " ")):
        return _place(draft, line)
    if line == "runtime stack:":
        draft.section(None)
    elif line.startswith("goroutine ") and line.endswith(":"):
        if draft.names:
            draft.stop()
        draft.section("peer" if draft.has_stack(1) else "crash")
    elif line.startswith("[signal "):
        found = _SIGNAL.match(line)
        draft.signal = found[1] if found else draft.signal
    elif not line.startswith(("created by ", "exit status")):
        name = _function(line)
        if not name:
            return False
        index = 0 if draft.fresh else draft.previous + 1
        draft.frame(Frame(index, name), name.rpartition("/")[2] if tables.of_state(name) else None)
    return True


def _place(draft: Draft, line: str) -> bool:
    """The second line of a frame."""
    found = _PLACE.match(line)
    if found and draft.stack and not draft.fresh and not draft.stack[-1].file:
        draft.stack[-1] = draft.stack[-1]._replace(file=found[1], line=int(found[2]))
    return found is not None


def _function(line: str) -> str:
    """The function of `package.function(arguments)`; empty where the line is not a call."""
    if not line.endswith(")") or line[:1] in " \t#=":
        return ""
    place = line.rfind("(")
    arguments = line[place + 1 : -1]
    if place <= 0 or not _ARGUMENTS.issuperset(arguments):
        return ""
    name = line[:place]
    return name if ("." in name or name == "panic") and _FUNCTION.match(name) and len(name) < 1024 else ""
