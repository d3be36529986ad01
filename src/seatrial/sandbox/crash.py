"""Reading what a crashed program left: reports of the sanitizers of gcc and clang, and plain signals.

A report is text that the program under test could have printed itself. Read it from the file that the sanitizer's own
`log_path` option made in a fresh box, never from standard output, and treat every name in it as hostile: here names
are cut and reduced to printable characters, lines, stacks and the number of reports have bounds, and no input raises.

- Streaming: `CrashReader.feed` takes bytes in pieces of any size; the pieces do not change what is read.
- Nothing here knows a program, a compiler's version or a generator: only the formats of compiler-rt and libsanitizer.

>>> text = b'''==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000 at pc 0x55 bp 0x7f sp 0x7f
... WRITE of size 1 at 0x602000000 thread T0
...     #0 0x55 in fill /src/a.c:3
...     #1 0x56 in main /src/a.c:9:4
... SUMMARY: AddressSanitizer: heap-buffer-overflow /src/a.c:3 in fill
... '''
>>> report, = read_reports([text])
>>> report.fault, report.access, report.size, report.frames[0].function, report.frames[1].column
('heap-buffer-overflow', 'write', 1, 'fill', 4)
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from seatrial.sandbox.frames import Frame, read_frame

MAX_LINE = 4096  # characters of a line that are looked at; mangled C++ names are long, but not longer
MAX_FRAMES = 256  # frames of one stack (a stack overflow prints as many by default)
MAX_REPORTS = 64  # reports of one input: UBSan goes on after an error and may print thousands
MAX_FACT_LINE = 1024  # headings and facts are short; only frames and messages may be long
MAX_TEXT = 512

Access = Literal["read", "write", "unknown", ""]
Side = Literal["before", "after", "inside", ""]
Section = Literal["fault", "allocation", "free", "other"]


@dataclass(frozen=True)
class Region:
    """The object nearest to the bad address: its size in bytes, and where the address lies (distance in bytes)."""

    side: Side = ""
    distance: int | None = None
    size: int | None = None
    name: str = ""  # of a stack or global variable


@dataclass(frozen=True)
class CrashReport:
    """One fault. `fault` is the sanitizer's own word for it, or a signal's name; stacks are innermost first.

    `allocation` is where the memory came from: its allocation, or for a stack variable the frame that owns it.
    """

    tool: str  # AddressSanitizer, UndefinedBehaviorSanitizer, LeakSanitizer, …, or `signal`
    fault: str
    access: Access = ""
    size: int | None = None
    address: int | None = None
    frames: tuple[Frame, ...] = ()
    allocation: tuple[Frame, ...] = ()
    free: tuple[Frame, ...] = ()
    region: Region = field(default_factory=Region)
    summary: str = ""
    message: str = ""
    complete: bool = False  # its SUMMARY line was seen


def read_reports(chunks: Iterable[bytes]) -> Iterator[CrashReport]:
    """Every report in a stream of bytes, in order, at most `MAX_REPORTS`."""
    reader = CrashReader()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


def first_report(content: bytes) -> CrashReport | None:
    """The first report in a text, or None."""
    return next(read_reports([content]), None)


def from_exit(returncode: int) -> CrashReport | None:
    """A plain signal from an exit code, as a shell (128 + n) or `subprocess` (-n) gives it; None for an ordinary end.

    >>> from_exit(139).fault, from_exit(-6).fault, from_exit(1)
    ('SIGSEGV', 'SIGABRT', None)
    """
    number = -returncode if returncode < 0 else returncode - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return None
    return CrashReport(tool="signal", fault=name, summary=f"ended by {name}", complete=True)


def first_own_frame(report: CrashReport, in_tree: Callable[[str], bool]) -> Frame | None:
    """The innermost frame of the fault whose source file, or else module, is the caller's own; None when none is."""
    return next((frame for frame in report.frames if in_tree(frame.file or frame.module)), None)


class CrashReader:
    """A reader that is fed bytes and gives reports as soon as they are complete."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._skipping = False
        self._draft: _Draft | None = None
        self._given = 0

    def feed(self, chunk: bytes) -> list[CrashReport]:
        """Take the next bytes; the reports that they completed."""
        done: list[CrashReport] = []
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._take(line)
            done += self._end_of_line()
        self._take(rest)
        return done

    def close(self) -> list[CrashReport]:
        """The end of the input: the report that it cut off, if any."""
        done = self._end_of_line()
        return done + self._finish()

    def _take(self, piece: bytes) -> None:
        self._line += piece[: MAX_LINE - len(self._line)]

    def _end_of_line(self) -> list[CrashReport]:
        text = _clean(bytes(self._line))
        self._line.clear()
        if self._given >= MAX_REPORTS or not text:
            return []
        fresh = _header(text)
        if fresh is not None:
            done = self._finish()
            self._draft = fresh
            return done
        if self._draft is not None and self._draft.read(text):
            return self._finish()
        return []

    def _finish(self) -> list[CrashReport]:
        draft, self._draft = self._draft, None
        if draft is None or self._given >= MAX_REPORTS:
            return []
        self._given += 1
        return [draft.report()]


# Lines

_COLOUR = re.compile(rb"\x1b\[[0-9;]{0,16}m")
_HEX = r"0x([0-9a-fA-F]{1,16})"
_HEADER = re.compile(
    r"^\s*(?:==\d{1,10}==\s?)?\s*(?:ERROR|WARNING|FATAL):? "
    r"(?P<tool>[A-Z][A-Za-z]{2,40}Sanitizer|libFuzzer): (?P<what>.+)$"
)
_UBSAN = re.compile(r"^(?P<file>\S.{0,1000}?):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?: runtime error: (?P<what>.+)$")
_UBSAN_BARE = re.compile(r"^(?:<unknown>|\(?\S+\+0x[0-9a-f]+\)?): runtime error: (?P<what>.+)$")
_ACCESS = re.compile(
    rf"\b(?:Atomic |Previous )?(READ|WRITE|ACCESS|Read|Write|read|write) of size (\d{{1,18}}) at {_HEX}"
)
_CAUSED = re.compile(r"The signal is caused by an? (READ|WRITE|UNKNOWN) memory access")
_SUMMARY = re.compile(r"^\s*SUMMARY: (?P<tool>\S+): (?P<rest>.*)$")
_FRAME = re.compile(r"^\s*#(\d{1,4})\s+(\S.*)$")
_NEAR = re.compile(
    r"is located (?P<distance>\d{1,18}) bytes? (?P<side>to the left of|to the right of|before|after|inside of) "
    r"(?:(?:a )?(?P<size>\d{1,18})-byte region|global variable '(?P<name>[^']{0,200})')"
)
_GLOBAL_SIZE = re.compile(r" of size (\d{1,18})$")
_VARIABLE = re.compile(
    r"^\s*\[(\d{1,12}), (\d{1,12})\) '(?P<name>[^']{0,200})'[^<]{0,80}"
    r"<== Memory access at offset (?P<at>-?\d{1,12}) "
    r"(?P<how>overflows|partially overflows|underflows|partially underflows|is inside)"
)
_LEAK = re.compile(r"^\s*(?:Direct|Indirect) leak of (\d{1,18}) byte")
_SIDES: dict[str, Side] = {
    "to the left of": "before", "before": "before", "to the right of": "after", "after": "after", "inside of": "inside",
}  # fmt: skip
_VARIABLE_SIDES: dict[str, Side] = {
    "overflows": "after", "partially overflows": "after", "underflows": "before", "partially underflows": "before",
    "is inside": "inside",
}  # fmt: skip
_SECTIONS: tuple[tuple[re.Pattern[str], Section], ...] = (
    (re.compile(r"freed by thread .* here:|deallocated by thread"), "free"),
    (
        re.compile(r"allocated by thread .* here:|object\(s\) allocated from:|was created by|Location is heap"),
        "allocation",
    ),
    (re.compile(r"is located in stack of thread .* in frame"), "allocation"),
    (re.compile(r"created by|Previous .* at 0x|was stored to memory at|Mutex .* (?:created|acquired)"), "other"),
)
# The first words of an AddressSanitizer header that are a sentence rather than a class.
_SENTENCES = (
    ("attempting double-free", "double-free"),
    ("attempting free on address which was not malloc", "bad-free"),
    ("attempting to call malloc_usable_size", "bad-malloc_usable_size"),
    ("attempting to call __sanitizer_get_allocated_size", "bad-__sanitizer_get_allocated_size"),
    ("requested allocation size", "allocation-size-too-big"),
    ("specified RSS limit", "rss-limit-exceeded"),
    ("allocator is out of memory", "out-of-memory"),
    ("out of memory", "out-of-memory"),
    ("detected memory leaks", "memory-leak"),
    ("data race", "data-race"),
    ("lock-order-inversion", "lock-order-inversion"),
    ("thread leak", "thread-leak"),
    ("deadly signal", "deadly-signal"),
)
# UBSan names no class in its message; these are the names of its checks.
_UB_CLASSES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"unsigned integer overflow", "unsigned-integer-overflow"),
        (r"signed integer overflow|^negation of", "signed-integer-overflow"),
        (r"^index .* out of bounds", "index-out-of-bounds"),
        (r"division by zero|division of .* by -1", "division-by-zero"),
        (r"shift exponent", "shift-exponent"),
        (r"left shift of", "shift-base"),
        (r"misaligned address", "misaligned-pointer"),
        (r"applying (?:non-)?zero offset|pointer index expression|of unsigned offset to", "pointer-overflow"),
        (r"null pointer passed as argument|null pointer returned|null returned from function", "nonnull-attribute"),
        (r"null pointer|of null", "null-pointer"),
        (r"insufficient space for an object", "object-size"),
        (r"not a valid value for type '?_?[Bb]ool", "invalid-bool-load"),
        (r"not a valid value for type", "invalid-enum-load"),
        (r"outside the range of representable values", "float-cast-overflow"),
        (r"incorrect function type", "function-type-mismatch"),
        (r"does not point to an object of type|which does not point to", "vptr"),
        (r"unreachable program point|__builtin_unreachable", "unreachable"),
        (r"without returning a value", "missing-return"),
        (r"variable length array bound", "vla-bound"),
        (r"implicit conversion", "implicit-conversion"),
        (r"passing zero to", "invalid-builtin"),
        (r"alignment|assumption", "assumption"),
    )
)  # fmt: skip


def _clean(line: bytes) -> str:
    text = _COLOUR.sub(b"", line).decode("utf-8", "replace").rstrip()
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else "?" for char in text).replace("\t", " ")


class _Draft:
    """A report in the making."""

    def __init__(self, tool: str, fault: str, message: str, site: Frame | None = None) -> None:
        self.tool, self.fault, self.message = tool, fault, message[:MAX_TEXT]
        self.access: Access = ""
        self.size: int | None = None
        self.address = _address_in(message)
        self.region = Region()
        self.summary = ""
        self.complete = False
        self._site = site
        self._section: Section = "fault"
        self._stacks: dict[Section, list[Frame]] = {"fault": [], "allocation": [], "free": [], "other": []}

    def read(self, text: str) -> bool:
        """Take one more line; True when it was the last of the report."""
        frame = _FRAME.match(text)
        if frame:
            self._frame(int(frame[1]), frame[2])
            return False
        summary = _SUMMARY.match(text)
        if summary:
            self.summary, self.complete = text.strip()[:MAX_TEXT], True
            return True
        if len(text) <= MAX_FACT_LINE:
            self._facts(text)
            self._section = next((section for pattern, section in _SECTIONS if pattern.search(text)), self._section)
        return False

    def _frame(self, number: int, text: str) -> None:
        stack = self._stacks[self._section]
        if number == 0 and stack:
            self._section = "other"  # a second stack under the same heading belongs to something else
            stack = self._stacks["other"]
            stack.clear()
        if len(stack) < MAX_FRAMES:
            stack.append(read_frame(number, text))

    def _facts(self, text: str) -> None:
        access = _ACCESS.search(text)
        if access and self.size is None and self._section == "fault":
            words: dict[str, Access] = {"read": "read", "write": "write"}
            self.access = words.get(access[1].lower(), "unknown")
            self.size, self.address = int(access[2]), int(access[3], 16)
        caused = _CAUSED.search(text)
        if caused:
            self.access = {"READ": "read", "WRITE": "write"}.get(caused[1], "unknown")  # type: ignore[assignment]
        near = _NEAR.search(text)
        if near and not self.region.side:
            whole = _GLOBAL_SIZE.search(text)
            size = near["size"] or (whole[1] if whole and near["name"] is not None else None)
            self.region = Region(
                _SIDES[near["side"]], int(near["distance"]), int(size) if size else None, near["name"] or ""
            )
        leak = _LEAK.match(text)
        if leak and self.size is None:
            self.size = int(leak[1])
        variable = _VARIABLE.match(text)
        if variable:
            self.region = _variable(int(variable[1]), int(variable[2]), variable)

    def report(self) -> CrashReport:
        frames = self._stacks["fault"] or ([self._site] if self._site else [])
        if self.fault == "memory-leak":
            frames = self._stacks["allocation"]  # a leak has no other place
        return CrashReport(
            tool=self.tool,
            fault=self.fault,
            access=self.access,
            size=self.size,
            address=self.address,
            frames=tuple(frames),
            allocation=tuple(self._stacks["allocation"]),
            free=tuple(self._stacks["free"]),
            region=self.region,
            summary=self.summary,
            message=self.message,
            complete=self.complete,
        )


def _variable(start: int, end: int, match: re.Match[str]) -> Region:
    side, at = _VARIABLE_SIDES[match["how"]], int(match["at"])
    distance = {"before": start - at, "after": at - end}.get(side, at - start)
    return Region(side, max(0, distance), end - start, match["name"])


def _header(text: str) -> _Draft | None:
    """The draft of a new report, when this line begins one."""
    match = _HEADER.match(text)
    if match:
        return _Draft(match["tool"], _fault(match["what"]), match["what"])
    if ": runtime error: " not in text:
        return None
    match = _UBSAN.match(text)
    if match:
        column = int(match["column"]) if match["column"] else None
        site = Frame(0, file=match["file"][:MAX_TEXT], line=int(match["line"]), column=column)
        return _undefined(match["what"], site)
    match = _UBSAN_BARE.match(text)
    return _undefined(match["what"], None) if match else None


def _undefined(what: str, site: Frame | None) -> _Draft:
    fault = next((name for pattern, name in _UB_CLASSES if pattern.search(what)), "undefined-behavior")
    draft = _Draft("UndefinedBehaviorSanitizer", fault, what, site)
    head = what.split(" ", 1)[0]
    draft.access = {"load": "read", "store": "write"}.get(head, "")  # type: ignore[assignment]
    return draft


def _fault(what: str) -> str:
    for start, name in _SENTENCES:
        if what.startswith(start):
            return name
    word = re.match(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", what)
    return word[0].rstrip("-") if word else "unknown"


def _address_in(text: str) -> int | None:
    match = re.search(rf"(?:address|on|malloc\(\)-ed:) {_HEX}", text)
    return int(match[1], 16) if match else None
