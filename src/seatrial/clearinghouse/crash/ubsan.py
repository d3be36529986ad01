"""UndefinedBehaviorSanitizer and control flow integrity: `file:line:column: runtime error: <message>`.

The message alone names the check. A stack follows only where `print_stacktrace=1` was set; without one the state is
`NULL` and the crash line that of the message. A cast to a wrong dynamic type is told over several lines of notes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash.report import Frame

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.reading import Reading

_MESSAGE = re.compile(r"(.*): runtime error: (.*)")
_SITE = re.compile(r"\s*(\S.{0,1000}?):(\d{1,9})(?::(\d{1,9}))?$")
_CAST = re.compile(r"(?:member access within|member call on|downcast of) address ([xX0-9a-fA-F]+) .* of type (.*)")
_FLOW = re.compile(r"control flow integrity check for type (.*) failed during (?:.*vtable address ([xX0-9a-fA-F]+))?")
_OBJECT = re.compile(r"note: (?:object|vtable) is of type (.*)")
_OFFSET = re.compile(r"at offset (\d+) within object of type ")
_DEFINED = re.compile(r"note: .* defined here$")
# The first pattern that is found names the check; the last two are wider than others.
_CHECKS = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"division by zero", "Divide-by-zero"),
        (r"outside the range of representable values", "Float-cast-overflow"),
        (r"implicit conversion from type", "Implicit-conversion"),
        (r"call to function \S+ through pointer to incorrect function type", "Incorrect-function-pointer-type"),
        (r"out of bounds for type", "Index-out-of-bounds"),
        (r"not a valid value for type '(?:bool|BOOL)'", "Invalid-bool-value"),
        (r", which is not a valid argument", "Invalid-builtin-use"),
        (r"misaligned address", "Misaligned-address"),
        (r"reached the end of a value-returning function", "No-return-value"),
        (r"null pointer passed as .*, which is declared to never be null", "Invalid-null-argument"),
        (r"load of null pointer", "Null-dereference READ"),
        (r"(?:binding to|access within|call on) null pointer", "Null-dereference"),
        (r"store to null pointer", "Null-dereference WRITE"),
        (r"address .* with insufficient space for an object of type", "Object-size"),
        (
            (
                r"(?:addition|subtraction) of unsigned offset |pointer index expression with base "
                r"|applying non-zero offset [0-9]+ to null pointer|applying zero offset to null pointer"
                r"|applying non-zero offset to non-null pointer"
            ),
            "Pointer-overflow",
        ),
        (r"null pointer returned from function declared to never return null", "Invalid-null-return"),
        (r"shift", "Undefined-shift"),
        (
            r"execution reached an unreachable program point|execution reached a __builtin_unreachable",
            "Unreachable code",
        ),
        (r"unsigned integer overflow", "Unsigned-integer-overflow"),
        (r"variable length array bound evaluates to non-positive value", "Non-positive-vla-bound-value"),
        (r"not a valid value for type", "Invalid-enum-value"),
        (r"integer overflow|(?:negation|division) of.*cannot be represented in type", "Integer-overflow"),
    )
)


def message(reading: Reading, line: str) -> None:
    """A line with `runtime error: `."""
    found = _MESSAGE.match(line)
    if not found or "SUMMARY:" in line or (reading.go and "panic" in found[1]):
        return
    draft = reading.draft
    if draft is not None and draft.type and not (draft.tool == "ubsan" and not draft.fatal) and not draft.closed:
        return  # inside another report
    what = found[2]
    cast = _CAST.search(what)
    flow = None if cast else _FLOW.search(what)
    if cast:
        draft = reading.begin("ubsan", kind="Bad-cast")
        draft.address = cast[1]
        _open_cast(draft, cast[2])
    elif flow:
        draft = reading.begin("ubsan", kind="Bad-cast")
        draft.address = flow[2] or ""
        _open_cast(draft, flow[1])
    else:
        kind = next((kind for pattern, kind in _CHECKS if pattern.search(what)), "UNKNOWN")
        draft = reading.begin("ubsan", kind=kind)
    if draft.type.endswith((" READ", " WRITE")):
        draft.access = "READ" if draft.type.endswith(" READ") else "WRITE"
    draft.fatal = False
    site = _SITE.match(found[1])
    if site and site[1] != "<unknown>":
        draft.site = Frame(0, file=site[1], line=int(site[2]), column=int(site[3]) if site[3] else None)


def nodebug(reading: Reading, line: str) -> None:
    """The control flow message of a build without diagnostics."""
    if line.startswith("CFI: Most likely a control flow integrity violation;") and not reading.type:
        reading.begin("ubsan", kind="Bad-cast").begin_state([], 0)


def _open_cast(draft: Draft, to: str) -> None:
    draft.begin_state(["Bad-cast to " + to.strip("'")], 0)
    draft.open_cast = True


def note(reading: Reading, line: str) -> None:
    """A line behind a bad cast that tells what the object was."""
    draft = reading.draft
    if draft is None or not draft.open_cast or not draft.head:
        return
    tail = None
    found = _OBJECT.search(line)
    if found:
        tail = " from " + found[1].strip("'")
    elif "note: object has invalid vptr" in line or line.endswith("note: invalid vtable"):
        tail = " from invalid vptr"
    elif _DEFINED.search(line):
        tail = ""
    offset = _OFFSET.search(line)
    if offset:
        tail = (tail or "") + f" from base class subobject at offset {offset[1]}"
    if tail is not None:
        draft.head[0] += tail
        draft.count += 1
        draft.open_cast = False
