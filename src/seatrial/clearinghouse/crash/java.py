"""Java: `Exception in thread "…" class: message`, or Jazzer's `== Java Exception: …`; `at package.Class.m(F.java:n)`.

The first exception gives the state; frames behind `Caused by:` are its cause. A security issue that Jazzer reports is
a `Security exception`.
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

_FRAME = re.compile(r"\s{0,16}at ([^\s(][^(]{0,1000})\(([^)]{0,400})\)?")
_PLACE = re.compile(r"(.*?):(\d{1,9})$")
_MODULE = re.compile(r"(?:[\w.@-]{1,80}/){1,2}(?=[A-Za-z_$])")
_CLASS = re.compile(r"(?:^|\s)(?:[a-z]\w{0,40}\.){1,12}[A-Z][\w$]{0,80}(?:Exception|Error|Throwable)(?::|\s*$)")
_SOURCE = re.compile(
    r"\s{1,16}at [\w$.<>/@-]{3,400}\("
    r"(?:[\w$-]{1,100}\.(?:java|kt|scala|groovy)(?::\d{1,9})?|Native Method|Unknown Source)\)"
)
_THREAD = re.compile(r"(?:Exception|.*\bException) in thread ")


def exception(reading: Reading, line: str) -> None:
    """The line of an exception that nothing caught."""
    if "== Java Exception: " in line:
        if reading.type and not reading.closed:
            return
        kind = "Security exception" if "FuzzerSecurityIssue" in line else "Uncaught exception"
    elif "FATAL EXCEPTION" in line and ":" in line:
        if reading.type and not reading.closed:
            return
        kind = "Fatal Exception"
    elif _THREAD.match(line) and (not reading.type or reading.closed):
        kind = "Uncaught exception"
    else:
        return
    draft = reading.begin("java", "java", kind=kind)
    draft.frame_line = frame_line


def logged(reading: Reading, line: str) -> None:
    """An exception that a program wrote down itself: its class, and a frame in the next lines."""
    if (reading.type and not reading.closed) or not _CLASS.search(line):
        return
    following = reading.lines[reading.at + 1 : reading.at + 4]
    if any(_SOURCE.match(after) for after in following):
        reading.begin("java", "java", kind="Uncaught exception").frame_line = frame_line


def frame_line(draft: Draft, line: str) -> bool:
    """A line of the stack of an exception."""
    text = line.strip()
    if text.startswith(("Caused by: ", "Suppressed: ")):
        draft.section("cause" if text.startswith("Caused") else None)
        draft.previous = -1
        return True
    found = _FRAME.match(line)
    if not found:
        return False
    name = found[1].strip()
    place = _PLACE.match(found[2])
    file = place[1] if place else found[2]
    frame = Frame(
        0 if draft.fresh else draft.previous + 1,
        _MODULE.sub("", name, count=1),
        file="" if file in {"Native Method", "Unknown Source"} else file,
        line=int(place[2]) if place else None,
    )
    draft.frame(frame, state_name(name) if tables.of_state(name) else None)
    return True
