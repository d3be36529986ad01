"""JavaScript: `<Class>Error: message` and `    at function (file:line:column)` of V8; Jazzer.js puts a line before it.

Forms of a frame: `at f (file:l:c)`, `at async f (…)`, `at new F (…)`, `at f [as g] (…)`, `at file:l:c`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash.report import Frame

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.reading import Reading

_ERROR = re.compile(r"(?:Uncaught )?(?:[\w$.]{0,64}(?:Error|Exception)|AggregateError)(?: \[[A-Z_0-9]+\])?(?::|$)")
_NAMED = re.compile(
    r"\s{1,16}at (?:async |new )?([^(\s][^(]{0,500}?)(?: \[as [^\]]{1,100}\])? \((.*):(\d{1,9}):(\d{1,9})\)$"
)
_BARE = re.compile(r"\s{1,16}at (?:async )?([^\s(].*?):(\d{1,9}):(\d{1,9})$")
_OTHER = re.compile(r"\s{1,16}at (\S.*?) \(([^)]*)\)$")
_JAZZER = re.compile(r"\s*==\d{1,10}== Uncaught Exception: ")


def jazzer(reading: Reading, line: str) -> None:
    """The line that Jazzer.js prints before an error."""
    if _JAZZER.match(line) and (not reading.type or reading.closed):
        draft = reading.begin("js", "js", kind="Uncaught exception")
        draft.frame_line = frame_line


def error(reading: Reading, line: str) -> None:
    """An error with a stack under it; only where a frame follows within its message."""
    if not _ERROR.match(line.strip()) or (reading.type and not reading.closed):
        return
    following = reading.lines[reading.at + 1 : reading.at + 6]
    if any(_NAMED.match(after) or _BARE.match(after) for after in following):
        draft = reading.begin("js", "js", kind="Uncaught exception")
        draft.frame_line = frame_line


def frame_line(draft: Draft, line: str) -> bool:
    """A line of V8's stack."""
    text = line.rstrip()
    found = _NAMED.match(text)
    index = 0 if draft.fresh else draft.previous + 1
    if found:
        name = found[1].strip()
        draft.frame(
            Frame(index, name, file=found[2].removeprefix("file://"), line=int(found[3]), column=int(found[4])),
            name if f" at {name} (" in text and tables.of_state(name) else None,
        )
        return True
    found = _BARE.match(text)
    if found:
        draft.frame(Frame(index, file=found[1].removeprefix("file://"), line=int(found[2]), column=int(found[3])), None)
        return True
    found = _OTHER.match(text)
    if found:
        draft.frame(Frame(index, found[1], module=found[2]), None)
    return found is not None
