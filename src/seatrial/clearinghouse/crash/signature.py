"""What makes two crashes one: state, crash line, title, exact key.

The state is that of ClusterFuzz, without the newline at its end: up to three lines, each a message or a frame's name
as printed, cut at its parameters and at 80 characters; long numbers are `NUMBER`, addresses `ADDRESS`.
The exact key is computed over the trace, which a finer filter makes (see `frames`).
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import names as function_names
from seatrial.clearinghouse.crash.report import NO_STATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.clearinghouse.crash.report import CrashReport, Frame

LINE = 80  # characters of a line of the state, after the vocabulary
CYCLE = 10  # longest cycle of a stack overflow that is looked for
REPEATS = 3  # times that it must be seen
STATE_FRAMES = 3
LARGE_ACCESS = 16  # bytes; larger accesses are written {*}, since their size varies with the input
PAGE = 0x1000  # addresses below are null pointers with an offset

_OFFSET = re.compile(r"\+0x[0-9a-fA-F]+$")
_ADDRESS = re.compile(r"0x[a-fA-F0-9]{4,}U*")
_NUMBER = re.compile(r"(?<![:0-9.])(?:[0-9.]{4,}|(?<=[@#])[0-9]+)(?![A-Za-z0-9.])")
_ANONYMOUS = ("non-virtual thunk to ", "(anonymous namespace)::", "`anonymous namespace'::")
_SIZE = re.compile(r"([^0-9]+)([0-9]+)")


def state_name(text: str) -> str:
    """The line of the state for a frame's text: without namespace noise, file, module and parameters.

    >>> state_name("(anonymous namespace)::Foo::bar(int) const /src/a.cc:3:1"), state_name("parse a.c:3")
    ('Foo::bar', 'parse')
    """
    for noise in _ANONYMOUS:
        if noise in text:
            text = text.replace(noise, "")
    text = text.rpartition("!")[2]
    for place, char in enumerate(text):
        if char in "([":
            if place:
                return text[:place].strip()
            break
    return text.strip().partition(" ")[0]


def state(lines: Sequence[str], names: Sequence[str], kind: str, *, offsets: bool = False) -> str:
    """The state: its lines normalised, or the cycle of a stack overflow, or `NULL`."""
    chosen = (_cycle(names) or lines) if kind == "Stack-overflow" else lines
    text = "\n".join(line for line in chosen)
    text = "".join(char for char in text if char in _PRINTABLE) if not text.isprintable() else text
    written = [_normal(line, offsets=offsets) for line in text.splitlines()]
    return "\n".join(written) if any(line.strip() for line in written) else NO_STATE


_PRINTABLE = frozenset(map(chr, [*range(32, 127), 9, 10, 11, 12, 13]))


def _normal(line: str, *, offsets: bool) -> str:
    if offsets:
        return line  # a log without symbols: the offset is the name
    if "0x" in line:
        line = _ADDRESS.sub("ADDRESS", _OFFSET.sub("", line))
    line = _NUMBER.sub("NUMBER", line)
    return line if line.startswith("Bad-cast") else line[:LINE]


def _cycle(names: Sequence[str]) -> Sequence[str]:
    """The first cycle that is repeated, from where it first stands."""
    count = len(names)
    for start in range(count):
        for length in range(1, CYCLE + 1):
            if start + REPEATS * length >= count:
                break
            first = names[start : start + length]
            if all(names[start + turn * length : start + (turn + 1) * length] == first for turn in range(1, REPEATS)):
                return first[:STATE_FRAMES]
    return ()


def rotated(trace: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The trace of a stack overflow: its smallest repeated cycle, turned so that its least name comes first."""
    keys = [frame.function or f"{frame.module}+{frame.offset}" for frame in trace]
    for start in range(len(keys)):
        for length in range(1, CYCLE + 1):
            if start + REPEATS * length > len(keys):
                break
            first = keys[start : start + length]
            if all(keys[start + turn * length : start + (turn + 1) * length] == first for turn in range(1, REPEATS)):
                least = min(range(length), key=lambda turn: first[turn:] + first[:turn])
                cycle = trace[start : start + length]
                return cycle[least:] + cycle[:least]
    return trace


def type_of(kind: str, address: str) -> str:
    r"""The type as the vocabulary writes it: large sizes as {*}, unknown accesses of the first page as null.

    >>> type_of("Heap-buffer-overflow\nREAD 64", ""), type_of("UNKNOWN READ", "0x000000000010")
    ('Heap-buffer-overflow\nREAD {*}', 'Null-dereference READ')
    """
    found = _SIZE.match(kind)
    if found and (len(found[2]) > 4 or int(found[2]) > LARGE_ACCESS):
        kind = f"{found[1]}{{*}}{kind[found.end() :]}"
    if address and kind.startswith("UNKNOWN"):
        try:
            near = int(address[:20], 16) < PAGE
        except ValueError:
            near = True
        if near:
            kind = kind.replace("UNKNOWN", "Null-dereference")
    return kind


def address_of(printed: str) -> str:
    """The address as the vocabulary writes it: of 16 digits that begin with four zeros the last 12.

    >>> address_of("0x0000000000000ac8"), address_of("0x602000000015")
    ('0x000000000ac8', '0x602000000015')
    """
    return f"0x{printed[6:]}" if len(printed) == 18 and printed.startswith("0x0000") else printed


def crash_line(frame: Frame | None) -> str:
    """`file:line[:column]`, else `module+0xoff`, else empty."""
    if frame is None:
        return ""
    if frame.file and frame.line is not None:
        return f"{frame.file}:{frame.line}" + (f":{frame.column}" if frame.column is not None else "")
    if frame.module:
        return f"{frame.module}+{frame.offset}" if frame.offset else frame.module
    return frame.file


def title(kind: str, trace: Sequence[Frame], state_text: str) -> str:
    """One line for people: `type in function`."""
    word = " ".join(kind.split("\n"))
    if trace and trace[0].function:
        return f"{word} in {function_names.display(trace[0].function)}"
    first = state_text.partition("\n")[0]
    return word if first == NO_STATE else f"{word} in {first}"


def exact_key(project: str, report: CrashReport) -> str:
    """The key under which equal crashes meet: SHA-256 in hex of its parts apart by U+001E.

    Over project, language, type word, access, and of every kept frame its function's key with `file:line`, or its
    module and offset. Addresses, columns, sizes and whole paths of build folders do not enter: of a file its name does.
    """
    frames = [_position(frame) for frame in report.trace]
    canonical = "\x1e".join((project, report.language, report.type_word, report.access or "", *frames))
    return hashlib.sha256(canonical.encode("utf-8", "backslashreplace")).hexdigest()


def _position(frame: Frame) -> str:
    function = function_names.key(frame.function) if frame.function else ""
    if frame.file and frame.line is not None:
        return f"{function}@{frame.file.rpartition('/')[2]}:{frame.line}"
    if function:
        return f"{function}@{frame.file.rpartition('/')[2]}"
    return f"{frame.module.rpartition('/')[2]}+{frame.offset}"


_SECURITY = re.compile(
    r"(?:UNKNOWN(?! READ)|UNKNOWN READ|Heap-|Stack-buffer|Stack-use|Global-|Dynamic-stack|Container-"
    r"|Use-after|Invalid-free|Tag-mismatch|Bad-cast"
    r"|Use-of-uninit|Memcpy-param|Negative-size|Alloc-dealloc|Index-out-of-bounds|Object-size"
    r"|Non-positive|Incorrect-function"
    r"|Invalid-(?:read|write)|Double-free|Security (?:exception|DCHECK)|Command injection|Arbitrary"
    r"|PySecSan|Invalid memory"
    r"|Kernel failure\n(?:Slab|Use-after|Double|Invalid|Out-of|Wild|Global|Stack-out|Vmalloc|User-mem|Uninit))"
)


def is_security(kind: str) -> bool:
    """Whether the type is one of memory safety: a hint for the order of work, never a rating."""
    return _SECURITY.match(kind) is not None
