"""Rust: `thread '…' panicked at file:line:column:` and the message in the next line; before 1.73 in one line, quoted.

The backtrace, if there is one, has two lines a frame: `  n: function` (with `0x… - ` in its full form) and
`             at file:line:column`. Under a fuzzer the frames are those of the sanitizer behind the message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash.native import announce
from seatrial.clearinghouse.crash.report import Frame
from seatrial.clearinghouse.crash.signature import state_name

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.reading import Reading

_OLD = re.compile(r"thread .{0,200}? panicked at '([^']*)", re.IGNORECASE)
_OLD_PLACE = re.compile(r"', (\S[^,']{0,500}?):(\d{1,9})(?::(\d{1,9}))?$")
_NEW = re.compile(r"thread .{0,200}? panicked at ([^'\s].{0,1000}?):(\d{1,9}):(\d{1,9}):$")
_FRAME = re.compile(r"\s{0,8}(\d{1,4}): {1,8}(?:(0x[0-9a-f]+) - )?(\S.*)$")
_PLACE = re.compile(r"\s{4,40}at (\S.*?):(\d{1,9})(?::(\d{1,9}))?$")
_HASH = re.compile(r"::h[0-9a-f]{16}$")


def panicked(reading: Reading, line: str) -> None:
    """The line of a panic."""
    old = _OLD.match(line)
    new = None if old else _NEW.match(line)
    if old:
        draft = announce(reading, "ASSERT", old[1], tool="rust", language="rust")
        place = _OLD_PLACE.search(line)
    elif new:
        following = reading.lines[reading.at + 1] if reading.at + 1 < len(reading.lines) else ""
        draft = announce(reading, "ASSERT", following.strip(), tool="rust", language="rust")
        place = new
    else:
        return
    draft.tool, draft.language, draft.table = "rust", "rust", "rust"
    draft.frame_line = frame_line
    if place:
        start = 1
        draft.site = Frame(
            0, file=place[start], line=int(place[start + 1]), column=int(place[start + 2]) if place[start + 2] else None
        )


def frame_line(draft: Draft, line: str) -> bool:
    """A line of Rust's own backtrace."""
    found = _PLACE.match(line)
    if found:
        if not draft.stack or draft.stack[-1].file:
            return False
        column = int(found[3]) if found[3] else None
        draft.stack[-1] = draft.stack[-1]._replace(file=found[1], line=int(found[2]), column=column)
        return True
    found = _FRAME.match(line)
    if not found or found[3] == "<unknown>":
        return found is not None
    name = _HASH.sub("", found[3])
    frame = Frame(int(found[1]), name, found[2] or "")
    draft.frame(frame, state_name(name) if tables.of_state(name) and tables.kept(frame, "rust") else None)
    return True
