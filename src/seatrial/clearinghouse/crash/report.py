"""What a crash log says, in one shape for every tool that prints one.

- A report is one crash of one process. A log may hold several; they stand in the order of the log, but for messages
  that a process went on after: these follow its crash.
- Addresses are text as printed: canonical JSON (RFC 8785) has no integers beyond 2^53 - 1.
- Nothing here is guessed: what a log does not state is `None`, an empty text or an empty tuple.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Access = Literal["READ", "WRITE"]
Role = Literal["crash", "alloc", "free", "peer", "cause"]

NO_STATE = "NULL"  # the state of a report without one usable frame, in the vocabulary of ClusterFuzz


class Frame(NamedTuple):
    """One line of a stack, innermost first.

    A tuple by name, since a batch of logs holds millions. `function` is as printed, `offset` the text after `+` of
    `module+offset` or `function+offset`; `reliable` is false for the `?` lines of a kernel.
    """

    index: int  # type: ignore[assignment]  # a number of the stack; nobody searches a frame as a tuple
    function: str = ""
    address: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None
    module: str = ""
    offset: str = ""
    inlined: bool = False
    reliable: bool = True


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames and what they stand for: where it crashed, where memory was made or freed, the other side of a race."""

    role: Role
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class CrashReport:
    """One crash.

    Attributes:
        tool: who printed it: `asan`, `hwasan`, `ubsan`, `msan`, `tsan`, `lsan`, `libfuzzer`, `afl`, `native`, `gdb`,
            `valgrind`, `kernel`, `go`, `rust`, `java`, `python`, `js`.
        language: `c` (C and C++), `go`, `rust`, `java`, `python`, `js`.
        type: the crash in ClusterFuzz's vocabulary, as it writes it: `Heap-buffer-overflow`, a newline and `READ 1`
            (`READ {*}` for a range) where the access is stated; `Null-dereference READ`, `UNKNOWN WRITE` in one line.
        access: READ or WRITE where the log states it.
        size: bytes of the access; `None` where not stated or a range (`{*}`).
        address: as printed, `0x602000000015` (of 16 digits with four leading zeros the last 12, as ClusterFuzz has
            it); empty where the tool prints none.
        stacks: the first with role `crash` is the one that the state is made of.
        trace: the kept frames of that stack (see `frames`), innermost first; `()` where none is usable.
        unfiltered: every frame fell to the filter, and `trace` is the whole stack.
        state: up to three lines joined by a newline, none at its end; or `NULL`. (A fatal error of Go or V8 has its
            message before three frames.)
        crash_line: `file:line[:column]` of the first kept frame, else `module+0xoff`, else empty.
        title: one line for people; for a kernel in the form of syzbot, for the others `type in function`.
        alternative_titles: further titles of the same crash (kernel only).
        signal: `SIGSEGV`, where the log names one.
        summary: the tool's own SUMMARY line, without its prefix.
        security: the type is one of memory safety (a hint for the order of work, never a rating).
        partial: the log was cut or mixed, and this is what is there.
        span: first and last line of the report in the text, counted from 0, the last one excluded.
    """

    tool: str
    language: str
    type: str
    access: Access | None = None
    size: int | None = None
    address: str = ""
    stacks: tuple[Stack, ...] = ()
    trace: tuple[Frame, ...] = ()
    unfiltered: bool = False
    state: str = NO_STATE
    crash_line: str = ""
    title: str = ""
    alternative_titles: tuple[str, ...] = ()
    signal: str = ""
    summary: str = ""
    security: bool = False
    partial: bool = False
    span: tuple[int, int] = (0, 0)

    @property
    def type_word(self) -> str:
        """The type without its access: `Heap-buffer-overflow`, `UNKNOWN`; of a kernel also its bug."""
        word, _, rest = self.type.partition("\n")
        if word == "Kernel failure" and rest:
            return f"{word}\n{rest.partition(chr(10))[0]}"
        return word.removesuffix(" READ").removesuffix(" WRITE")
