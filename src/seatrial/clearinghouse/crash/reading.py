"""Lines of a log into drafts of reports: one pass, with the reader of each format called for the lines that name it.

A line is looked at once. Frame lines (`#n …`) go to the draft that is open; of the other lines only those with a word
of `sniff` are read, by the reader of that word. Work is bounded: `MAX_REPORTS` reports of a log, `MAX_FACTS` lines
that a reader looks at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash.draft import MAX_FRAMES, STATE_LINES, Draft
from seatrial.clearinghouse.crash.report import Frame
from seatrial.clearinghouse.crash.sanitizer_frames import SEEN, look

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[["Reading", str], None]

MAX_REPORTS = 64  # of one log; a process that goes on after an error may print thousands
MAX_FACTS = 20_000  # lines that readers look at, besides frames

_new = tuple.__new__  # a frame is made for every line: without the keyword arguments of its class
FRAME = re.compile(r"[ \t]*(?:\|[ \t]*)?#(\d{1,4})[ \t]+(?:(0[xX][0-9a-fA-F]+|\(nil\))[ \t]*)?(.*)").match


class Reading:
    """A log on its way to drafts."""

    def __init__(self, lines: list[str], *, go: bool, scary_signal: bool) -> None:
        self.lines, self.go, self.scary_signal = lines, go, scary_signal
        self.at = 0  # index of the line that is read
        self.draft: Draft | None = None
        self.done: list[tuple[Draft, int]] = []  # with the index of the line behind the last one
        self.facts = 0
        self.ahead = 0  # index of the line up to which a reader that looks ahead has read

    @property
    def full(self) -> bool:
        """Enough reports, or enough work."""
        return len(self.done) >= MAX_REPORTS or self.facts >= MAX_FACTS

    @property
    def closed(self) -> bool:
        """The report that is open is complete: what follows is another one."""
        return self.draft is not None and (self.draft.closed or self.draft.weak)

    @property
    def replaceable(self) -> bool:
        """What is open would give way to the report of a sanitizer."""
        return self.closed or (self.draft is not None and not self.draft.fatal)

    @property
    def after_kernel(self) -> bool:
        """Whether the last report was one of a kernel."""
        last = self.draft or (self.done[-1][0] if self.done else None)
        return last is not None and last.table.startswith("kernel")

    @property
    def type(self) -> str:
        """The type so far; empty where nothing has crashed yet."""
        return self.draft.type if self.draft else ""

    def begin(self, tool: str, language: str = "c", *, kind: str = "", start: int | None = None) -> Draft:
        """A new report; the one before it ends here."""
        self.finish()
        self.draft = Draft(tool, language, self.at if start is None else start)
        self.draft.type = kind
        return self.draft

    def supersede(self, tool: str, kind: str, *, language: str = "c", pid: str = "") -> Draft:
        """A graver line: it takes over a report of the same process that is still open, or begins its own."""
        draft = self.draft
        if draft is None or draft.closed or (draft.pid and pid and draft.pid != pid) or not draft.fatal:
            draft = self.begin(tool, language)
        else:
            draft.reset()
            draft.tool, draft.language, draft.table = tool, language, language
            draft.frame_line = None
        draft.type, draft.pid = kind, pid or draft.pid
        return draft

    def ended(self, pid: str) -> None:
        """A line that only says how the process of the open report ended; a stack may follow it."""
        if self.draft is not None:
            self.draft.pid = self.draft.pid or pid
            self.draft.section(None if self.draft.stacks else "crash")

    def finish(self) -> None:
        """Close the report that is open."""
        if self.draft is not None and self.draft.type and len(self.done) < MAX_REPORTS:
            self.done.append((self.draft, self.at))
        self.draft = None

    @staticmethod
    def frame(draft: Draft, index: str, address: str | None, rest: str) -> None:
        """A frame line of a sanitizer or of libFuzzer."""
        if not draft.type:
            return
        found = SEEN.get(rest) or look(rest)
        if found.exhausted:
            stacks = draft.stacks
            draft.reset()
            draft.type, draft.stacks, draft.fresh = "Out-of-memory", stacks, not stacks
        number = int(index)
        made = _new(Frame, (number, found[0], address or "", *found[1:6], False, True))
        if draft.fresh or number <= draft.previous:
            draft.begin_stack()
        draft.previous = number
        stack = draft.stack
        if len(stack) < MAX_FRAMES:
            stack.append(made)
        if draft.count < STATE_LINES or draft.type == "Stack-overflow":
            if found[6] is not None:
                draft.name(found[6])
            if found[7] is not None and len(draft.raw) < STATE_LINES:
                draft.raw.append(found[7])
