"""A crash report in the making: what the readers of the single formats write into, line by line.

- The state grows as ClusterFuzz's parser grows it: kept frames in the order of print until there are three, or until
  a heading says that the next stack is another matter. A short stack may thus be completed by the one after it.
- A line that names a graver crash of the same process replaces what was there (`reset`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.clearinghouse.crash.report import Access, Frame, Role

STATE_LINES = 3
MAX_FRAMES = 256  # of one stack: a sanitizer prints as many of a stack overflow
MAX_STACKS = 32  # of one report


class Draft:
    """What is known of a crash so far."""

    def __init__(self, tool: str, language: str, start: int) -> None:
        self.tool, self.language, self.start = tool, language, start
        self.table = language  # of the frame filter; a kernel has its own
        self.type = ""
        self.address = ""
        self.access: Access | None = None
        self.size: int | None = None
        self.head: list[str] = []  # lines of the state
        self.count = 0  # frames in it, or what stands for one
        self.raw: list[str] = []  # its lines where the log has no symbols
        self.names: list[str] = []  # of all frames that count for the state, for cycles of a stack overflow
        self.stacks: list[tuple[Role | None, list[Frame]]] = []
        self.stack: list[Frame] = []  # the one that grows
        self.role: Role | None = "crash"
        self.fresh = True  # the next frame begins a stack
        self.previous = -1
        self.site: Frame | None = None  # of the message, where the tool prints no stack
        self.summary = ""
        self.signal = ""
        self.title = ""
        self.alternatives: list[str] = []
        self.process = ""
        self.pid = ""
        self.closed = False  # its last line was seen
        self.fatal = True
        self.headless = False  # the line that names the bug was cut off: its summary may name it
        self.open_cast = False  # a bad cast whose notes are still to come
        self.source_file = ""  # of a failed check, for the lines behind it
        self.weak = False  # a message only: the report of a sanitizer of the same process says more
        self.pointed = False  # a register named the innermost frame
        self.frame_line: Callable[[Draft, str], bool] | None = None  # a language's own form of a frame

    def reset(self) -> None:
        """Forget what an earlier line of the same process said."""
        self.address, self.access, self.size = "", None, None
        self.begin_state([], 0)
        self.names, self.raw = [], []
        self.stacks, self.role, self.fresh = [], "crash", True
        self.site = None

    def begin_state(self, head: list[str], count: int) -> None:
        """The lines with which the state begins, and for how many frames they stand."""
        self.head, self.count = head, count

    def section(self, role: Role | None) -> None:
        """A heading: the next stack is of this kind."""
        self.role, self.fresh = role, True

    def stop(self) -> None:
        """A heading behind which no frame counts for the state any more."""
        if self.head:
            self.count = STATE_LINES

    def begin_stack(self) -> None:
        """The next frame is the first of a stack; a second stack under one heading belongs to something else."""
        if not self.fresh:
            self.role = None
        self.fresh = False
        self.stack = []
        if len(self.stacks) < MAX_STACKS:
            self.stacks.append((self.role, self.stack))

    def frame(self, frame: Frame, name: str | None) -> None:
        """One more frame; `name` is its line of the state, `None` where the filter drops it."""
        if self.fresh or frame.index <= self.previous:
            self.begin_stack()
        self.previous = frame.index
        if len(self.stack) < MAX_FRAMES:
            self.stack.append(frame)
        if name is not None:
            self.name(name)

    def name(self, name: str) -> None:
        """A name that counts for the state."""
        if self.count < STATE_LINES:
            self.head.append(name)
            self.count += 1
        if len(self.names) < MAX_FRAMES:
            self.names.append(name)

    def point(self, frame: Frame) -> None:
        """The innermost frame, from a register: printed before the stack, or behind it."""
        if self.stacks:
            return
        self.begin_stack()
        self.stack.append(frame)
        self.previous = 0

    def reset_frames(self) -> None:
        """What was printed is no part of the crash: it begins with the next frame."""
        self.begin_state([], 0)
        self.names, self.raw, self.stacks, self.fresh = [], [], [], True

    def has_stack(self, least: int) -> bool:
        """Whether a stack of the crash with so many frames was read."""
        return any(role == "crash" and len(frames) >= least for role, frames in self.stacks)
