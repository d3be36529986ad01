"""What grouping sees of a crash: its kept frames, by name, with the key under which equal crashes meet.

A trace with fewer than three kept frames (`MIN_FRAMES`) joins others by its exact key alone: the similarity of two
traces is normed by the shorter one, so that a stub of two frames would equal every trace that begins with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import names, signature

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash import CrashReport

MIN_FRAMES = 3
TOP = 3  # frames that name a neighbourhood: as many as the state of a crash has lines


@dataclass(frozen=True, slots=True)
class Trace:
    """One crash for the purposes of grouping.

    Attributes:
        exact_key: SHA-256 in hex over project, language, type, access and positions of the kept frames.
        project: no trace is compared with one of another project.
        functions: the kept frames' function names without template arguments and compiler suffixes, innermost first.
        type_word: the crash type without its access.
        crash_line: `file:line` of the first kept frame; extends a key that people found ambiguous.
    """

    exact_key: str
    project: str
    functions: tuple[str, ...]
    type_word: str = ""
    crash_line: str = ""

    @property
    def comparable(self) -> bool:
        """Whether it has enough frames to be compared by similarity."""
        return len(self.functions) >= MIN_FRAMES


def trace_of(project: str, report: CrashReport) -> Trace | None:
    """The trace of a report, or `None` where it has no frame: such a crash is never grouped by its stack."""
    if not report.trace:
        return None
    return Trace(
        exact_key=signature.exact_key(project, report),
        project=project,
        functions=tuple(named(frame.function, frame.module, frame.offset) for frame in report.trace),
        type_word=report.type_word,
        crash_line=report.crash_line,
    )


def named(function: str, module: str, offset: str) -> str:
    """The name by which frames are equal: the function's key, else module and offset."""
    return names.key(function) if function else f"{module}+{offset}"
