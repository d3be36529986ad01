"""libFuzzer, Centipede and AFL: `==pid== ERROR: libFuzzer: <what>`.

Timeouts and memory limits are crashes of their own; `deadly signal` and `fuzz target exited` only say that an inner
cause (an assertion, an exception, a panic) ended the process, and count where none was printed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.reading import Reading

_HEADER = re.compile(r"(?:==(\d{1,10})==)?\s{0,8}ERROR:\s{0,8}libFuzzer:\s{0,8}(.*)")
_KINDS = (
    ("timeout", "Timeout", True),
    ("out-of-memory (", "Out-of-memory", True),
    ("deadly signal", "Fatal-signal", False),
    ("fuzz target exited", "Unexpected-exit", False),
    ("fuzz target overwrites its const input", "Overwrites-const-input", False),
)


def header(reading: Reading, line: str) -> None:
    """A line that names libFuzzer."""
    found = _HEADER.search(line)
    if not found:
        return
    pid = found[1] or ""
    for start, kind, wins in _KINDS:
        if not found[2].startswith(start):
            continue
        if wins or not reading.type:
            reading.supersede("libfuzzer", kind, pid=pid)
        else:
            reading.ended(pid)
        return


def centipede(reading: Reading, line: str) -> None:
    """Limits that Centipede watches."""
    if "========= Per-input timeout exceeded:" in line:
        reading.supersede("libfuzzer", "Timeout")
    elif "========= RSS limit exceeded:" in line:
        reading.supersede("libfuzzer", "Out-of-memory")
    elif "========= Stack limit exceeded:" in line:
        reading.supersede("libfuzzer", "Stack-overflow")


def afl(reading: Reading, line: str) -> None:
    """What AFL's own runner says of a signal."""
    found = re.search(r"\+\+\+ Program killed by signal (\d{1,2}) \+\+\+", line)
    if found and not reading.type:
        draft = reading.begin(
            "afl",
            kind={"6": "Abrt", "11": "UNKNOWN", "4": "Ill", "8": "Floating-point-exception", "7": "Bus"}.get(
                found[1], "Fatal-signal"
            ),
        )
        draft.signal = {
            "6": "SIGABRT",
            "11": "SIGSEGV",
            "4": "SIGILL",
            "8": "SIGFPE",
            "7": "SIGBUS",
            "9": "SIGKILL",
        }.get(found[1], "")
