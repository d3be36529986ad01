"""gdb: `Program received signal SIG…` or `Program terminated with signal SIG…`, then the frames of `bt`.

Forms of a frame: `#0  0x… in f (x=1) at file:line`, `#0  f (x=1) at file:line`, `#0  0x… in f () from lib.so`,
`#1  <signal handler called>`: what stands above that line is the handler, and the crash begins below it.
The address is that of the fault where `$_siginfo` was printed, else the program counter of the first line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash.report import Frame
from seatrial.clearinghouse.crash.signature import state_name

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.reading import Reading

_SIGNAL = re.compile(
    r"(?:Program|Thread .{1,80}?) (?:received signal|terminated with signal) (SIG[A-Z0-9]+|[A-Z]{2,10}[a-zA-Z]*),"
)
_FRAME = re.compile(r"\s{0,8}#(\d{1,4})\s{1,4}(?:(0x[0-9a-f]{1,16}) in )?(.*)$")
_AT = re.compile(r"(.*?)\s{0,4}(?:\(.*\)|\(\.\.\.\)) at (\S.*?):(\d{1,9})$")
_FROM = re.compile(r"(.*?)\s{0,4}\(.*\) from (\S.*)$")
_ALONE = re.compile(r"([^\s(].*?)\s{0,4}\(.*\)?$")
_COUNTER = re.compile(r"(0x[0-9a-fA-F]+) in ")
_REGISTER = re.compile(r"[re]ip\s{1,20}(0x[0-9a-fA-F]+)")
_FAULT = re.compile(r"(?:si_addr = |_sigfault = \{si_addr = |\$\d+ = \(void \*\) )(0x[0-9a-fA-F]+)")


def signal(reading: Reading, line: str) -> None:
    """The line that names the signal."""
    found = _SIGNAL.search(line)
    if not found:
        return
    draft = reading.begin("gdb", kind=found[1].upper())
    draft.signal = found[1].upper()
    draft.frame_line = frame_line


def frame_line(draft: Draft, line: str) -> bool:
    """A line behind the signal."""
    found = _FRAME.match(line)
    if found:
        _frame(draft, found)
        return True
    for pattern in (_FAULT, _REGISTER, _COUNTER):
        place = pattern.search(line) if pattern is _FAULT else pattern.match(line)
        if place:
            if not draft.address or pattern is _FAULT:
                draft.address = place[1]
            return True
    return line.startswith("Thread ") and " (LWP " in line


def _frame(draft: Draft, found: re.Match[str]) -> None:
    index, address, text = int(found[1]), found[2] or "", found[3].strip()
    if draft.count and index == 0 and not draft.fresh:
        draft.stop()
    if text == "<signal handler called>":
        draft.reset_frames()
        draft.previous = index
        return
    function, file, line, module = _parted(text)
    frame = Frame(index, function, address, file, line, module=module)
    draft.frame(frame, state_name(function + " ") if _counts(frame) else None)


def _counts(frame: Frame) -> bool:
    text = f"{frame.function} {frame.file or frame.module}"
    return frame.function != "??" and tables.of_state(text) and tables.kept(frame, "c")


def _parted(text: str) -> tuple[str, str, int | None, str]:
    found = _AT.match(text)
    if found:
        return found[1], found[2], int(found[3]), ""
    found = _FROM.match(text)
    if found:
        return found[1], "", None, found[2]
    found = _ALONE.match(text)
    return (found[1] if found else text), "", None, ""
