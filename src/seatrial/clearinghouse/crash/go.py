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
_LOGGED = re.compile(
    r"(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})? "
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{1,9}\s{1,8}\d{1,9} \S{1,200}\] )"
)
_SERVING = re.compile(r"http2?: panic serving \S{1,100}: (.*)")
_RACE = re.compile(r"(?:Previous |Atomic |Previous atomic )?([Rr]ead|[Ww]rite) at (0x[0-9a-f]{1,16}) by ")


def panic(reading: Reading, line: str) -> None:
    """`panic: …` or `fatal error: …` in a log with Go frames, at the start of a line or behind a logger's time."""
    if not reading.go:
        return
    said = _message(line)
    draft = reading.draft
    again = draft is not None and draft.language == "go" and not draft.stacks and not draft.closed
    if not said or (again and said.startswith("fatal error")):
        return
    kind = next((kind for start, kind in _KINDS if said.startswith(start)), "")
    if kind:
        draft = reading.begin("go", "go", kind=kind)
    elif said.startswith("panic: "):
        draft = announce(reading, "ASSERT", said.removeprefix("panic: "), tool="go", language="go")
    elif not reading.type or reading.closed:
        draft = reading.begin("go", "go", kind="Fatal error")
        draft.begin_state([said.removeprefix("fatal error: ")], 0)
    else:
        return
    draft.tool, draft.language, draft.table = "go", "go", "go"
    draft.frame_line = frame_line


def _message(line: str) -> str:
    """The message from `panic: ` or `fatal error: ` on; empty where the line is none of these."""
    rest = _LOGGED.sub("", line, count=1)
    serving = _SERVING.match(rest)
    if serving:
        return f"panic: {serving[1]}"
    return rest if rest.startswith(("panic: ", "fatal error: ")) else ""


def race(reading: Reading, line: str) -> None:
    """`WARNING: DATA RACE` of the race detector: two accesses, each with its stack."""
    if line.strip() == "WARNING: DATA RACE":
        draft = reading.begin("go", "go", kind="Data race")
        draft.frame_line = race_line


def race_line(draft: Draft, line: str) -> bool:
    """A line of a report of the race detector: frames are indented, their places more so."""
    found = _RACE.match(line)
    if found:
        if draft.address:
            draft.section("peer")
            draft.stop()
        else:
            draft.address, draft.access = found[2], "READ" if found[1].lower().endswith("read") else "WRITE"
        return True
    if line.startswith(("Goroutine ", "====")):
        draft.section(None)
        draft.closed = line.startswith("=") and bool(draft.stacks)
        return True
    return line.startswith("  ") and frame_line(draft, line[6:] and "\t" + line[6:] if line[:6].isspace() else line[2:])


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
