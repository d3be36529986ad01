"""What C and C++ programs and their libraries print before they end themselves: assertions, checks, heap messages.

An assertion or check is the crash; the signal that a sanitizer reports after it is how the process ended. The message
is the first line of the state. Forms: `assert` of glibc and of other systems, libc++ hardening, Chromium's and glog's
`Check failed:`, V8's `# Fatal error in`, Android's abort message, uncaught C++ exceptions, glibc's heap and stack
guards.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.reading import Reading

_QUOTES = ("`", "'", '"')
_KEYWORD = re.compile(r"(?:assert(?:ion)? fail(?:ure|ed)|panic): (.*)", re.IGNORECASE)
_SOURCE = re.compile(r"\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx):", re.IGNORECASE)
_GLIBC = re.compile(r":\s{0,8}assertion ", re.IGNORECASE)
_SUFFIXED = re.compile(r":\d{1,9}:\s{0,8}assertion ")
_GLOG = re.compile(r"F\d{4}\s{1,8}\d\d:\d\d:\d\d\.\d{1,9}\s{1,8}\d{1,10}\s{1,8}(.*):\d{1,9}\]\s*(.*)")
_CHROME = re.compile(r"\s{0,64}\[[^\]]{1,512}\]")
_SECURITY = re.compile(r"Security (D?)CHECK failed:\s*(.*)\.\s*")
_FATAL = re.compile(r"#\s{0,8}Fatal error in (.*)")
_FATAL_LINE = re.compile(r"(.*), line [0-9]+")
_COMPARED = re.compile(r"(?<=failed): .*\svs\.\s.*$")
_VALUES = re.compile(r" \(.*\s+vs\.\s+.*")
_QUOTED = re.compile(r"\s*[:=]\s*(['\"]).*\1$")
_THROWN = re.compile(
    r"terminate called (?:after throwing an instance of '(.*)'|without an active exception|recursively)"
)
_LIBCXX = re.compile(
    r"(?:libc\+\+abi(?:\.dylib)?: )?terminating (?:due to|with) (?:uncaught|unexpected) exception(?: of type ([^:]*))?"
)
_GUARD = re.compile(
    r"\*\*\* (?:Error in `[^']{1,512}': )?(.{1,120}?)(?: ?: 0x[0-9a-fA-F]+)? \*\*\*"
    r"|((?:free|malloc|realloc|calloc|munmap_chunk|mremap_chunk|malloc_consolidate|sysmalloc"
    r"|tcache_\w{1,32}|_int_\w{1,32})"
    r"\(\): .{1,120}|double free or corruption.{0,64}|corrupted (?:size|double-linked list).{0,64})$"
)
_RECEIVED = re.compile(r"Received signal 11 SEGV_[A-Z]+ ([0-9a-f]*)")
_MISSING = (
    re.compile(r".*: library ([`'\"])(.*)\1 not found"),
    re.compile(r".*()error while loading shared libraries: ([^:]*): cannot open shared object file"),
)
_EXTRA = (
    ("===BUG DETECTED: Shell corruption===", "Command injection"),
    ("===BUG DETECTED: Shell injection===", "Command injection"),
    ("===BUG DETECTED: Arbitrary file open===", "Arbitrary file open"),
    ("===BUG DETECTED: Arbitrary domain name resolution===", "Arbitrary DNS resolution"),
    ("===BUG DETECTED: PySecSan:", "PySecSan"),
)


def assertion(reading: Reading, line: str) -> None:
    """A failed assertion, in any of its forms."""
    if reading.go and "panic: " in line:
        return
    if reading.draft is not None and reading.draft.table.startswith("kernel") and not reading.draft.closed:
        return
    said = _said(line)
    if said is not None:
        announce(reading, "ASSERT", said)
    elif line.strip() == "SHOULD NEVER BE REACHED":
        announce(reading, "ASSERT_NOT_REACHED", "")


def _said(line: str) -> str | None:
    """What was asserted; `None` where the line says nothing of the kind."""
    last = None
    for found in _KEYWORD.finditer(line):
        before = line[: found.start()]
        if not before.strip() or (before.startswith("[") and before.rstrip().endswith("]")) or _SOURCE.search(before):
            last = found[1]
            break
    glog = _GLOG.match(line) if line.startswith("F") else None
    if glog and "assertion failed at " in glog[2] and " in " in glog[2] and ": " in glog[2]:
        last = glog[2].rpartition(": ")[2]
    text = line.rstrip()
    if text.endswith((" failed", " failed.", " Failed", " FAILED")):
        ends = [found.end() for found in _GLIBC.finditer(text)]
        if ends:
            said = text[ends[-1] :].removesuffix(".")[: -len(" failed")]
            said = said[1:] if said[:1] in _QUOTES else said
            return said[:-1] if said[-1:] in _QUOTES else said
    suffixed = _SUFFIXED.search(line)
    if suffixed and "/" in line[: suffixed.start()]:
        reason = line[suffixed.end() :].rpartition(" failed:")
        if reason[1] and reason[2].strip():
            return reason[2].strip()
    return last


def announce(reading: Reading, kind: str, said: str, *, tool: str = "native", language: str = "c") -> Draft:
    """A message that is the crash: the signal behind it is only how the process ended."""
    draft = reading.draft
    if draft is None or draft.closed or not draft.type or draft.stacks or not draft.fatal or draft.type != kind:
        draft = reading.begin(tool, language, kind=kind)
    draft.reset()
    draft.begin_state([said] if said else [], 1)
    return draft


def check(reading: Reading, line: str) -> None:
    """`Check failed: …` of Chromium and glog, with the file that stands before it."""
    glog = _GLOG.match(line) if line.startswith("F") else None
    security = _SECURITY.search(line)
    if security and "]" in line[: security.start()] and _file_in_brackets(line):
        _failed(reading, f"Security {security[1]}CHECK failure", security[2], _file_in_brackets(line))
    elif reading.type and not reading.closed:
        return
    elif glog:
        kind, text = "Fatal error", glog[2]
        if text.startswith("Check failed:"):
            kind, text = "CHECK failure", text.removeprefix("Check failed:").strip()
        elif "assertion failed at " in text:
            return
        _failed(reading, kind, text, glog[1])
    elif "heck failed:" in line:
        bracket = _CHROME.match(line)
        if bracket and ":" in bracket[0]:
            kind = "DCHECK failure" if "DCHECK failed:" in line else "CHECK failure"
            _failed(reading, kind, line.rpartition("heck failed:")[2].strip(), _file_in_brackets(line))


def _file_in_brackets(line: str) -> str:
    """The file in `[pid:tid:time:FATAL:file.cc(12)]`."""
    inside = line.partition("[")[2].partition("]")[0]
    return inside.rpartition(":")[2] if "(" in inside or inside.rpartition(":")[2].count(".") else inside


def _failed(reading: Reading, kind: str, text: str, file: str) -> None:
    draft = reading.begin("native", kind=kind)
    draft.begin_state([f"{_tidy(text)} in {_base_name(file)}"], 1)


def _tidy(text: str) -> str:
    """A check's text without the values that were compared."""
    text = text.removeprefix("Check failed: ")
    text = _COMPARED.sub("", text)
    text = _VALUES.sub("", text)
    text = _QUOTED.sub("", text)
    return text.strip(" .'\"[]")


def _base_name(file: str) -> str:
    file = file.strip(" .'\"[]").partition(":")[0].partition("(")[0]
    return file.replace("\\", "/").rpartition("/")[2]


def fatal(reading: Reading, line: str) -> None:
    """V8's `# Fatal error in file, line n` and the line of text behind it."""
    found = _FATAL.search(line)
    if found and (not reading.type or reading.closed):
        place = _FATAL_LINE.match(found[1])
        draft = reading.begin("native", kind="Fatal error")
        draft.source_file = _base_name(place[1]) if place else ""
        draft.begin_state([draft.source_file] if draft.source_file else [found[1].partition("(")[0].strip()], 0)
        draft.frame_line = _fatal_text


def _fatal_text(draft: Draft, line: str) -> bool:
    """The lines that begin with `#` behind V8's header."""
    if not line.startswith("#") or not line[1:].strip() or draft.stacks:
        return False
    text = line[1:].strip()
    if re.match(r"\d+\s", text):
        return False
    for start, kind in (("Debug check failed: ", "DCHECK failure"), ("Check failed: ", "CHECK failure")):
        if text.startswith(start):
            draft.type, text = kind, text.removeprefix(start)
    node = re.match(r"RepresentationChangerError: node #\d+:", text)
    if node:
        draft.type, text = "CHECK failure", text[node.end() :]
    if re.match(r"un(?:reachable|implemented) code", text):
        draft.type = "Unreachable code"
        draft.begin_state([draft.source_file] if draft.source_file else [], 0)
        return True
    if draft.count == 0 and _tidy(text):
        draft.begin_state([f"{_tidy(text)} in {draft.source_file}" if draft.source_file else _tidy(text)], 1)
    return True


def thrown(reading: Reading, line: str) -> None:
    """An exception that nothing caught, or a guard of the C library: the crash where no other tool reports one."""
    if reading.type and not reading.closed:
        return
    found = _THROWN.search(line) or _LIBCXX.search(line)
    if found:
        draft = reading.begin("native", kind="Uncaught exception")
        draft.begin_state([found[1]] if found.re is _THROWN and found[1] else [], 0)
        draft.weak = True
        return
    guard = _GUARD.match(line)
    if guard:
        said = (guard[1] or guard[2] or "").strip()
        draft = reading.begin("native", kind="Abrt")
        draft.begin_state([said] if said else [], 0)
        draft.signal = "SIGABRT"
        draft.weak = True


def received(reading: Reading, line: str) -> None:
    """Chromium's own signal handler, a missing library, the extra sanitizers."""
    found = _RECEIVED.search(line)
    if found and not reading.type:
        reading.begin("native", kind="UNKNOWN").address = "0x" + found[1]
        return
    for words, kind in _EXTRA:
        if words in line:
            reading.supersede("native", kind)
            return
    for pattern in _MISSING:
        missing = pattern.match(line)
        if missing and not reading.type:
            reading.begin("native", kind="Missing-library").begin_state([missing[2]], 3)
            return


def memory(reading: Reading, line: str) -> None:
    """Lines that say in other words that memory ran out."""
    if "SUMMARY:" not in line:
        reading.supersede("native", "Out-of-memory")
