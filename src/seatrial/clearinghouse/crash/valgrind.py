"""Valgrind's memcheck: `==pid== <error>`, then `==pid==    at 0x…: f (file:line)` and `by` lines.

Behind the stack a line says what the address is, and where the block was made or freed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash.report import Frame, Role
from seatrial.clearinghouse.crash.signature import state_name

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.reading import Reading

_LINE = re.compile(r"(?:==|--|\*\*)(\d{1,10})(?:==|--|\*\*)( .*)?$")
_ERROR = re.compile(
    r"(Invalid (?:read|write) of size (\d{1,12})|Conditional jump or move depends on uninitialised value"
    r"|Use of uninitialised value of size|Syscall param \S.* (?:contains|points to) |Invalid free\(\)"
    r"|Mismatched free\(\)"
    r"|Source and destination overlap in |Argument '.*' of function .* has a fishy|Jump to the invalid address"
    r"|Process terminating with default action of signal \d+ \((SIG[A-Z]+)\)"
    r"|Illegal (?:free|memory pool address)|Realloc\w* with size 0|[\d,]+ (?:\([\d,]+ direct, [\d,]+"
    r" indirect\) )?bytes in [\d,]+ blocks are (definitely|indirectly|possibly) lost)"
)
_FRAME = re.compile(r"\s{1,8}(?:at|by) (0x[0-9A-Fa-f]+): (.*)$")
_SOURCE = re.compile(r"(.*) \(([^()]*):(\d{1,9})\)$")
_OBJECT = re.compile(r"(.*) \((?:in|within) ([^()]*)\)$")
_ADDRESS = re.compile(r"\s{1,4}Address (0x[0-9a-fA-F]+) is ")
_FAULT = re.compile(
    r"\s{1,4}(?:Access not within mapped region at address|Bad permissions for mapped region at"
    r" address|General Protection Fault|Integer divide by zero at address) ?(0x[0-9A-Fa-f]+)?"
)
_TYPES = (
    ("Conditional jump", "Use-of-uninitialized-value"),
    ("Use of uninitialised", "Use-of-uninitialized-value"),
    ("Syscall param", "Use-of-uninitialized-value"),
    ("Invalid free", "Invalid-free"),
    ("Illegal", "Invalid-free"),
    ("Mismatched free", "Alloc-dealloc-mismatch"),
    ("Source and destination", "Memcpy-param-overlap"),
    ("Argument", "Negative-size-param"),
    ("Realloc", "Realloc-zero"),
    ("Jump to", "UNKNOWN"),
)
_SIGNALS = {
    "SIGSEGV": "UNKNOWN", "SIGBUS": "Bus", "SIGFPE": "Floating-point-exception", "SIGILL": "Ill", "SIGABRT": "Abrt",
    "SIGTRAP": "Trap",
}  # fmt: skip


def error(reading: Reading, line: str) -> None:
    """A line with the mark of a process; most are no error."""
    outer = _LINE.match(line)
    if not outer or not outer[2]:
        return
    text = outer[2]
    found = _ERROR.match(text.strip())
    draft = reading.draft
    if found is None or text.startswith("  "):
        return
    if draft is not None and draft.tool != "valgrind" and draft.type and not draft.closed:
        return
    if found[3] and draft is not None and draft.tool == "valgrind" and draft.pid == outer[1] and draft.type == "Abrt":
        return
    kind, access = _type(found)
    draft = reading.begin("valgrind", kind=kind)
    draft.pid, draft.signal = outer[1], found[3] or ""
    if access:
        draft.access = "READ" if access == "READ" else "WRITE"
        draft.size = int(found[2])
    draft.frame_line = frame_line
    draft.fatal = found[4] is None


def _type(found: re.Match[str]) -> tuple[str, str]:
    words = found[1]
    if found[2]:
        access = "READ" if "read" in words else "WRITE"
        return f"Invalid-{access.lower()}\n{access} {found[2]}", access
    if found[3]:
        return _SIGNALS.get(found[3], found[3]), ""
    if found[4]:
        return "Direct-leak" if found[4] == "definitely" else "Indirect-leak", ""
    return next((kind for start, kind in _TYPES if words.startswith(start)), "UNKNOWN"), ""


def frame_line(draft: Draft, line: str) -> bool:
    """A line of the same process behind an error."""
    outer = _LINE.match(line)
    if not outer:
        return False
    text = outer[2] or ""
    found = _FRAME.match(text)
    if found:
        _frame(draft, found[1], found[2])
        return True
    address = _ADDRESS.match(text)
    fault = _FAULT.match(text)
    if address or fault:
        known = (address or fault)[1]  # type: ignore[index]
        draft.address = draft.address or known or ""
        if address:
            role: Role = "free" if "free'd" in text else "alloc"
            draft.section(role)
            draft.stop()
        return True
    if "Block was alloc'd at" in text or "Uninitialised value was created" in text:
        draft.section("alloc")
        draft.stop()
        return True
    return not text.strip() or _ERROR.match(text.strip()) is None


def _frame(draft: Draft, address: str, text: str) -> None:
    source = _SOURCE.match(text)
    inside = None if source else _OBJECT.match(text)
    function = source[1] if source else inside[1] if inside else text
    frame = Frame(
        0 if draft.fresh else draft.previous + 1,
        "" if function == "???" else function,
        address,
        source[2] if source else "",
        int(source[3]) if source else None,
        module=inside[2] if inside else "",
    )
    shown = f"{function} {frame.file or frame.module}"
    counts = bool(frame.function) and tables.of_state(shown) and tables.kept(frame, "c")
    draft.frame(frame, state_name(function + " ") if counts else None)
