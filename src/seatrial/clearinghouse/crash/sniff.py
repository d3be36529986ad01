"""Which words of a line mean that a reader should look at it, and which reader that is.

A line without one of these words, and not a frame, says nothing. The search is one pass of one pattern over the line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import (
    gdb,
    go,
    java,
    js,
    kernel,
    libfuzzer,
    lsan,
    native,
    python,
    rust,
    sanitizers,
    ubsan,
    valgrind,
)

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.reading import Reader, Reading

# In the order in which the readers of one line are called.
_WORDS: tuple[tuple[str, Reader], ...] = (
    ("anicked at ", rust.panicked),
    ("panic: ", go.panic),
    ("panic: ", native.assertion),
    ("fatal error: ", go.panic),
    ("panic serving ", go.panic),
    ("DATA RACE", go.race),
    ("ssert", native.assertion),
    ("SSERT", native.assertion),
    ("PANIC: ", native.assertion),
    ("Panic: ", native.assertion),
    ("SHOULD NEVER BE REACHED", native.assertion),
    ("Sanitizer", sanitizers.header),
    ("SUMMARY:", sanitizers.summary),
    (" of size ", sanitizers.access),
    ("The signal is caused by", sanitizers.caused),
    ("ct leak of ", lsan.leak),
    ("runtime error: ", ubsan.message),
    ("CFI: Most likely", ubsan.nodebug),
    (" within object of type ", ubsan.note),
    ("note: ", ubsan.note),
    ("libFuzzer:", libfuzzer.header),
    ("limit exceeded:", libfuzzer.centipede),
    ("timeout exceeded:", libfuzzer.centipede),
    ("Program killed by signal", libfuzzer.afl),
    ("heck failed:", native.check),
    ("CHECK failed:", native.check),
    ("Fatal error in ", native.fatal),
    ("terminate called", native.thrown),
    ("terminating ", native.thrown),
    ("***", native.thrown),
    ("(): ", native.thrown),
    ("corrupt", native.thrown),
    ("Received signal 11", native.received),
    ("===BUG DETECTED", native.received),
    ("error while loading shared libraries", native.received),
    ("not found", native.received),
    ("# Allocation failed", native.memory),
    ("atal process out of memory:", native.memory),
    ("atal JavaScript out of memory:", native.memory),
    ("Fatal JavaScript invalid size error", native.memory),
    ("Out of memory. Dying.", native.memory),
    ("Out of memory. size=", native.memory),
    ("Java Exception: ", java.exception),
    ("FATAL EXCEPTION", java.exception),
    ("xception in thread ", java.exception),
    ("Uncaught Exception: ", js.jazzer),
    ("Error: ", js.error),
    ("Error: ", java.logged),
    ("Error", java.logged),
    ("xception", java.logged),
    ("Throwable", java.logged),
    ("Error", js.error),
    ("Uncaught Python exception", python.traceback),
    ("Traceback (most recent call last)", python.traceback),
    (" received signal ", gdb.signal),
    (" terminated with signal ", gdb.signal),
    ("nvalid ", valgrind.error),
    ("uninitialised", valgrind.error),
    ("ismatched free", valgrind.error),
    ("Source and destination overlap", valgrind.error),
    ("Process terminating", valgrind.error),
    (" has a fishy ", valgrind.error),
    (" blocks are ", valgrind.error),
    ("BUG: ", kernel.line_of),
    ("KASAN: ", kernel.line_of),
    ("UBSAN: ", kernel.line_of),
    ("INFO: ", kernel.line_of),
    ("WARNING: ", kernel.line_of),
    ("Unable to handle kernel", kernel.line_of),
    ("general protection fault", kernel.line_of),
    ("kernel BUG at", kernel.line_of),
    ("divide error", kernel.line_of),
    ("invalid opcode", kernel.line_of),
    ("stack segment", kernel.line_of),
    ("unreferenced object", kernel.line_of),
    ("Kernel panic", kernel.line_of),
    ("Internal error: ", kernel.line_of),
    ("stall", kernel.line_of),
    ("hard LOCKUP", kernel.line_of),
    ("allocated ", sanitizers.heading),
    ("freed ", sanitizers.heading),
    ("located in stack of thread", sanitizers.heading),
    ("created ", sanitizers.heading),
    ("stored to memory at", sanitizers.heading),
    ("Previous ", sanitizers.heading),
    ("acquired ", sanitizers.heading),
    ("As if synchronized", sanitizers.heading),
    ("Location is ", sanitizers.heading),
)
_READERS: dict[str, list[Reader]] = {}
for _word, _reader in _WORDS:
    _READERS.setdefault(_word, []).append(_reader)
_ORDER = {word: place for place, word in enumerate(_READERS)}


def _tree(words: list[str]) -> str:
    """A pattern of words that looks at each letter once: words that begin alike share their beginning."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(word[:1], []).append(word[1:])
    ends = groups.pop("", None) is not None
    branches = [re.escape(letter) + _tree(rest) for letter, rest in groups.items()]
    if not branches:
        return ""
    joined = branches[0] if len(branches) == 1 and not ends else f"(?:{'|'.join(branches)})"
    return f"{joined}?" if ends else joined


WORDS = tuple(_READERS)
SEARCH = re.compile(_tree(list(WORDS)))


def call(reading: Reading, line: str, words: list[str]) -> None:
    """Call the readers of a line, each once, in order of the table."""
    if len(words) > 1:
        words = sorted(set(words), key=_ORDER.__getitem__)
    called: list[Reader] = []
    for word in words:
        for reader in _READERS[word]:
            if reader not in called:
                called.append(reader)
                reader(reading, line)
