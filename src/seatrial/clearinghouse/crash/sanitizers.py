"""AddressSanitizer and HWAddressSanitizer, of clang and gcc; and the deadly signals that every sanitizer reports.

Header `==pid==ERROR: AddressSanitizer: <bug> on [unknown] address 0x… (pc …)`, or a sentence (`attempting double-free
on 0x…`, `negative-size-param: (size=-1)`, `requested allocation size …`). Then `READ of size N at 0x…` or `The signal
is caused by a READ memory access`, the stack, and stacks under their headings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash.report import Frame

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.reading import Reading
    from seatrial.clearinghouse.crash.report import Role

_TOOLS = {
    "AddressSanitizer": "asan",
    "HWAddressSanitizer": "hwasan",
    "KernelAddressSanitizer": "kernel",
    "UndefinedBehaviorSanitizer": "ubsan",
    "MemorySanitizer": "msan",
    "ThreadSanitizer": "tsan",
    "LeakSanitizer": "lsan",
    "DataflowSanitizer": "asan",
}
_HEADER = re.compile(
    r"(?:==(\d{1,10})==)?\s{0,8}(?:(ERROR|WARNING|FATAL): {1,3})?([A-Z][A-Za-z]{0,24}Sanitizer)(:? {0,3}|:)(.*)"
)
_BEFORE = 64  # characters from `==pid==` to the end of the tool's name
_ON = re.compile(r"on (?:unknown address |address )?([xX0-9a-fA-F]+)")
_SEGV = re.compile(r"(?:SEGV|access-violation) on unknown address ([xX0-9a-fA-F]+)")
_NOT_MALLOCED = re.compile(r"attempting free on address which was not malloc\(\)-ed: ([xX0-9a-fA-F]+)")
_DOUBLE = re.compile(r"double-free on (?:unknown address |address )?([xX0-9a-fA-F]+)")
_OVERLAP = re.compile(r"memcpy-param-overlap[^\[]*(\[.*\))")
_SENTENCES = ((_NOT_MALLOCED, "Invalid-free"), (_DOUBLE, "Heap-double-free"), (_OVERLAP, "Memcpy-param-overlap"))
_TAIL = re.compile(r"allocation-tail-overwritten; heap object \[([xX0-9a-fA-F]+),.*of size")
_ACCESS = re.compile(r" {0,64}(Atomic [^ ]{1,16}|[^ ]{1,16}) of size ([^ ]{1,24}) at ([^ ]{1,64})")
_CAUSED = re.compile(r"The signal is caused by a ([A-Z]+) memory access")
_CHECK = re.compile(r"Sanitizer:? CHECK failed: *[^ ]* *(.*)")
_OUT_OF_MEMORY = (
    " failed to allocate", ": allocation-size-too-big", ": calloc-overflow", ": calloc parameters overflow",
    ": out of memory", "allocator is out of memory trying to allocate", "rss limit exhausted",
)  # fmt: skip
_REQUESTED = re.compile(r"Sanitizer: requested allocation size.*exceeds maximum supported size")
# After one of these a signal is how the process ended itself, not another crash.
ENDS_ITSELF = frozenset({
    "Arbitrary file open", "ASSERT", "CHECK failure", "Command injection", "DCHECK failure", "Fatal error",
    "Security CHECK failure", "Security DCHECK failure", "V8 API error",
})  # fmt: skip
_SIGNALS = (": ABRT ", ": breakpoint ", ": ILL ", ": TRAP ")
_ASSERT_ADDRESSES = frozenset({0xBBADBEEF, 0xFBADBEEF, 0x1F75B7DD, 0x977537DD, 0x9F7537DD})
_SUMMARY = re.compile(
    r"SUMMARY: ([A-Z]\w{2,40}Sanitizer): ([a-z][\w-]{2,60})"
    r"(?: (\S{1,1000}?):(\d{1,9})((?::\d{1,9})?)(?: in (.{1,1000}))?$)?"
)
_NAMES = {"SEGV": "SIGSEGV", "ABRT": "SIGABRT", "ILL": "SIGILL", "FPE": "SIGFPE", "BUS": "SIGBUS", "TRAP": "SIGTRAP"}
_SIGNAL_WORD = re.compile(r"(SEGV|ABRT|ILL|FPE|BUS|TRAP)\b")


def header(reading: Reading, line: str) -> None:
    """A line that names a sanitizer."""
    if "SUMMARY:" in line:
        summary(reading, line)
        return
    if "WARNING: AddressSanitizer" in line or "Sanitizer:DEADLYSIGNAL" in line or ":INFO:CONSOLE" in line:
        return
    check = _CHECK.search(line)
    if check:
        draft = reading.supersede(_tool(line), "Sanitizer CHECK failure")
        draft.begin_state([check[1]], 3)
        draft.closed = True
        return
    found = _header(line)
    if not found or not (found[2] or ":" in found[4]):
        return
    if any(word in line for word in _SIGNALS) and reading.type in ENDS_ITSELF:
        reading.ended(found[1] or "")
        return
    pid, level, tool, what = found[1] or "", found[2] or "", _TOOLS.get(found[3], "asan"), found[5]
    kind, address = _named(reading, line, level, tool, what)
    if not kind:
        return
    draft = reading.supersede(tool, kind, pid=pid)
    draft.address = address
    word = _SIGNAL_WORD.match(what)
    draft.signal = _NAMES[word[1]] if word else ""


def _named(reading: Reading, line: str, level: str, tool: str, what: str) -> tuple[str, str]:
    """Type and address of a header; an empty type where it is none."""
    segv = _SEGV.search(what)
    if segv:
        ended = "ASSERT" in reading.type and (_asserted(segv[1]) or reading.scary_signal)
        return ("", "") if ended else ("UNKNOWN", segv[1])
    for pattern, kind in _SENTENCES if tool in {"asan", "hwasan"} else ():
        found = pattern.search(what)
        if found:
            return kind, found[1]
    if what.startswith("FPE "):
        return "Floating-point-exception", ""
    if _out_of_memory(line):
        return "Out-of-memory", ""
    draft = reading.draft
    if draft is not None and draft.language in {"go", "python", "js"} and not draft.closed:
        return "", ""  # an exception or a panic: the signal behind it is how the process ended
    return _plain(reading, line, level, tool, what)


def _plain(reading: Reading, line: str, level: str, tool: str, what: str) -> tuple[str, str]:
    """Type and address of a header of the common form, `<bug> on address 0x…`, or of the bug's name alone."""
    place = _last_address(what) if level == "ERROR" else None
    if place:
        return _word(what[: place.start()]), place[1]
    if tool in {"msan", "tsan"}:
        silent = level == "FATAL" or what.startswith(("ABRT", "ILL")) or " suppressions" in line or " warnings" in line
        return ("", "") if silent else (re.split(r"[(:]", what, maxsplit=1)[0].capitalize().strip(), "")
    if level == "ERROR" and tool in {"asan", "hwasan"} and (not reading.type or reading.replaceable):
        tail = _TAIL.search(what)
        return _word(re.split(r"[(:;]", what, maxsplit=1)[0]), tail[1] if tail else ""
    return "", ""


def _last_address(what: str) -> re.Match[str] | None:
    """The last `on [unknown] address 0x…`: the words before it are the name of the bug."""
    place = what.rfind(" on ")
    while place >= 0:
        found = _ON.match(what, place + 1)
        if found:
            return found
        place = what.rfind(" on ", 0, place)
    return None


def _word(text: str) -> str:
    """The bug's name as the vocabulary writes it."""
    word = text.strip().lower().replace("_", "-").capitalize().replace("Int-divide-by-zero", "Divide-by-zero")
    return {"Unknown-crash": "UNKNOWN", "Illegal-instruction": "Ill"}.get(word, word)


def _asserted(address: str) -> bool:
    try:
        return int(address, 16) in _ASSERT_ADDRESSES
    except ValueError:
        return False


def _out_of_memory(line: str) -> bool:
    return any(word in line for word in _OUT_OF_MEMORY) or _REQUESTED.search(line) is not None


def _header(line: str) -> re.Match[str] | None:
    """The header in a line: what stands before the tool's name is short."""
    return _HEADER.search(line, max(0, line.find("Sanitizer") - _BEFORE))


def _tool(line: str) -> str:
    found = _header(line)
    return _TOOLS.get(found[3], "asan") if found else "asan"


def access(reading: Reading, line: str) -> None:
    """`READ of size N at 0x…` (also of ThreadSanitizer: `Write of size N at 0x… by …`)."""
    found = _ACCESS.match(line)
    if found is None:
        return
    draft = reading.draft
    if draft is None and not reading.done and found[1] in {"READ", "WRITE"} and " thread T" in line:
        draft = reading.begin("asan", kind="UNKNOWN")
        draft.headless = True
    if draft is None or not draft.type or draft.language != "c" or draft.table.startswith("kernel"):
        return
    draft.address = found[3]
    word = found[1].upper()
    if draft.access is None:
        draft.access = "WRITE" if "WRITE" in word else "READ" if "READ" in word else None
        draft.size = int(found[2]) if found[2].isdecimal() and len(found[2]) < 12 else None
        if not draft.type.startswith("UNKNOWN"):
            draft.type += f"\n{word} {found[2]}"


def caused(reading: Reading, line: str) -> None:
    """The line that says whether a signal came from reading or from writing."""
    found = _CAUSED.search(line)
    draft = reading.draft
    if found and draft is not None and found[1] in {"READ", "WRITE"}:
        draft.access = "READ" if found[1] == "READ" else "WRITE"
        if draft.type == "UNKNOWN":
            draft.type += f" {found[1]}"


def summary(reading: Reading, line: str) -> None:
    """The last line of a report; of a log that was cut it may be all that names the bug."""
    draft = reading.draft
    if draft is not None and draft.summary:
        return
    found = _SUMMARY.match(line, line.find("SUMMARY:"))
    if draft is None and not reading.done and found:
        draft = reading.begin(_TOOLS.get(found[1], "asan"), kind=_word(found[2]))
        draft.headless = True
    if draft is None:
        return
    if draft.headless and found and draft.type == "UNKNOWN":
        draft.type = _word(found[2]) + (f"\n{draft.access} {draft.size}" if draft.access and draft.size else "")
    if found and found[3] and draft.site is None:
        draft.site = Frame(0, found[6] or "", "", found[3], int(found[4]), int(found[5][1:]) if found[5] else None)
    draft.summary = line.partition("SUMMARY:")[2].strip()[:512]
    draft.closed = True


_HEADINGS: tuple[tuple[str, Role | None, bool], ...] = (  # words, role of the next stack, the state is complete
    ("Uninitialized value was stored to memory at", "alloc", True),
    ("previously allocated by", "alloc", True),
    ("allocated by thread", "alloc", True),
    ("allocated here", "alloc", False),
    ("freed by thread", "free", False),
    ("freed here", "free", False),
    ("deallocated by thread", "free", False),
    ("located in stack of thread", "alloc", True),
    ("created by main thread at", None, True),
    ("created by thread T", None, False),
    ("created by T", None, False),
    ("was created by", "alloc", False),
    ("was allocated at", "alloc", False),
    ("Memory was marked as uninitialized", "alloc", False),
    ("Previous ", "peer", False),
    ("As if synchronized via sleep", None, False),
    ("Location is heap block", "alloc", False),
    (" created at:", None, False),
    ("acquired here", "peer", False),
    ("previously acquired by the same thread here", "peer", False),
)


def heading(reading: Reading, line: str) -> None:
    """A line that says what the next stack is."""
    draft = reading.draft
    if draft is None:
        return
    for words, role, stops in _HEADINGS:
        if words in line:
            if words == "acquired here" and not draft.stacks:
                return
            draft.section(role)
            if stops:
                draft.stop()
            return
