r"""The lines of a log, as the readers see them: decoded, without colours and log prefixes, within limits.

- Of a longer log the first and the last mebibyte are read; of a longer line its first 4,096 characters.
- Prefixes that a logger put before each line go: kernel time and level, ISO and syslog times, logcat, containers.
- Linear: every pattern is anchored and has no nested repetition.

>>> lines_of(b"<4>[   12.345678][ T1] BUG: KASAN: use-after-free in f\x1b[0m\r\n")
(['BUG: KASAN: use-after-free in f', ''], False)
"""

from __future__ import annotations

import re

MEBIBYTE = 1 << 20
HEAD = TAIL = MEBIBYTE  # what is read of a log that is longer than both
MAX_LINE = 4096  # characters; the longest names of templates that symbolisers print are about 4,000

_ANSI = re.compile(r"\x1b(?:\[[0-9;:?]{0,32}[ -/]?[@-~]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)|[@-Z\\-_])")
# A prefix is looked for only where one of these can begin it: nearly all logs have none.
_PREFIX = re.compile(
    r"(?:[A-Za-z0-9_.-]{1,64}\s+\| )?"  # a container's name
    r"(?:"
    r"(?:<\d{1,3}>\s?)?\[\s{0,12}\d{1,10}\.\d{3,9}\](?:\[\s{0,8}[TC]\d{1,8}(?:@\w{1,6})?\])?"
    r"(?:\s\(\d{1,3}\)\[\d+:[^\]]{1,32}\]|\s?\[\s{0,8}\w{0,16}[@\d:]\d*\])? ?"  # kernel
    r"|<\d{1,3}>(?=\S| )"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)? (?:std(?:out|err) [FP] )?"  # ISO 8601
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,64} [\w./()-]{1,64}(?:\[\d{1,8}\])?: (?:\[\s{0,12}\d{1,10}\.\d{6}\] )?"
    r"|\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\s+\d{1,7}\s+\d{1,7} [VDIWEFA] [^:]{1,64}: "  # logcat, threadtime
    r"|[VDIWEFA]/[^(:]{1,64}\(\s{0,5}\d{1,7}\): "  # logcat, brief
    r")"
)
_MAYBE = re.compile(
    r"^(?:[^\n|]{1,64}\| )?(?:<\d|\[\s{0,12}\d{1,10}\.\d{3}|\d{4}-\d\d-\d\d[T ]|[A-Z][a-z]{2} [ \d]\d"
    r" \d\d:|\d\d-\d\d \d"
    r"|[VDIWEFA]/)",
    re.MULTILINE,
)
_CONTAINER = re.compile(r"[A-Za-z0-9_.-]{1,64}\s+\| ")
# What a line with a prefix begins with: looking for these is cheaper than the patterns, and most logs have none.
_HINTS = (
    "[", "<", "19", "20", *(f"{month:02}-" for month in range(1, 13)), *(f"{letter}/" for letter in "VDIWEFA"),
    *("Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct ", "Nov ", "Dec "),
)  # fmt: skip
_HEADS = frozenset(hint[:2] for hint in _HINTS if len(hint) > 1)
_JOINED = "Sanitizer:DEADLYSIGNAL"  # printed without a newline before it, behind the program's own last line


def lines_of(text: str | bytes) -> tuple[list[str], bool]:
    """The lines of a log, and whether something was cut off."""
    if isinstance(text, str):
        text, cut = _within_characters(text)
    else:
        text, cut = _within_bytes(text)
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    prefixed = _hinted(text, lines) and (_MAYBE.search(text) is not None or _CONTAINER.match(text) is not None)
    if len(text) > MAX_LINE and len(max(lines, key=len)) > MAX_LINE:
        lines = [line[:MAX_LINE] for line in lines]
        cut = True
    if prefixed:
        lines = [_without_prefix(line) for line in lines]
    if _JOINED in text:
        lines = [part for line in lines for part in _parted(line)]
    return lines, cut


def _hinted(text: str, lines: list[str]) -> bool:
    """Whether some line begins as a prefix can; true for some logs without one."""
    if text.startswith(("[", "<")) or "\n[" in text or "\n<" in text or " | " in text:
        return True
    return not _HEADS.isdisjoint([line[:2] for line in lines])


def _within_bytes(raw: bytes) -> tuple[str, bool]:
    if len(raw) <= HEAD + TAIL:
        return raw.decode("utf-8", "backslashreplace"), False
    head, tail = raw[:HEAD].rpartition(b"\n")[0] or raw[:HEAD], raw[-TAIL:].partition(b"\n")[2] or raw[-TAIL:]
    return (head + b"\n" + tail).decode("utf-8", "backslashreplace"), True


def _within_characters(text: str) -> tuple[str, bool]:
    if len(text) <= HEAD + TAIL:
        return text, False
    head, tail = text[:HEAD].rpartition("\n")[0] or text[:HEAD], text[-TAIL:].partition("\n")[2] or text[-TAIL:]
    return head + "\n" + tail, True


def _without_prefix(line: str) -> str:
    found = _PREFIX.match(line)
    if found:
        return line[found.end() :]
    found = _CONTAINER.match(line)
    return line[found.end() :] if found else line


def _parted(line: str) -> list[str]:
    place = line.find(_JOINED)
    if place < 0:
        return [line]
    while place and line[place - 1].isalpha():
        place -= 1
    for tool in ("AddressSanitizer", "ThreadSanitizer", "MemorySanitizer", "UndefinedBehaviorSanitizer"):
        start = line.find(tool + ":DEADLYSIGNAL")
        if start > 0 and line[:start].strip():
            return [line[:start], line[start:]]
    return [line]
