"""From the text of a log to reports: lines, drafts, and what is derived from a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.clearinghouse.crash import frames as tables
from seatrial.clearinghouse.crash import signature, sniff
from seatrial.clearinghouse.crash.lines import lines_of
from seatrial.clearinghouse.crash.reading import FRAME, Reading
from seatrial.clearinghouse.crash.report import CrashReport, Stack

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.draft import Draft
    from seatrial.clearinghouse.crash.report import Frame


def parse(text: str | bytes) -> list[CrashReport]:
    """Every crash that a log tells of; empty where it tells of none.

    The crash of a process comes first, before the messages that it went on after (UBSan's before an error of
    AddressSanitizer); otherwise reports stand in the order of the log. No text raises; work is linear in its length.
    """
    lines, cut = lines_of(text)
    whole = text if isinstance(text, str) else "\n".join(lines)
    reading = Reading(lines, go=".go:" in whole, scary_signal="(signal)" in whole)
    words_of, call = sniff.SEARCH.findall, sniff.call
    take, frame_of = reading.frame, FRAME
    for place, line in enumerate(lines):
        if line[2:4] == "0x" and line[:2] in {"  ", "=>"}:
            continue  # a row of shadow memory
        draft = reading.draft
        if draft is not None and draft.frame_line is not None and draft.frame_line(draft, line):
            continue
        found = frame_of(line)
        if found:
            if draft is not None:
                take(draft, *found.groups())
        elif line and (words := words_of(line)):
            reading.at = place
            reading.facts += 1
            call(reading, line, words)
            if reading.full:
                cut = True
                break
    reading.at = len(lines)
    reading.finish()
    return [_report(draft, end, partial=cut) for draft, end in _ordered(reading.done)]


def _ordered(done: list[tuple[Draft, int]]) -> list[tuple[Draft, int]]:
    """Each crash before the messages that its process printed on its way to it."""
    ordered: list[tuple[Draft, int]] = []
    before: list[tuple[Draft, int]] = []
    for entry in done:
        if entry[0].fatal and not entry[0].weak:
            ordered += [entry, *before]
            before = []
        else:
            before.append(entry)
    return ordered + before


def _report(draft: Draft, end: int, *, partial: bool) -> CrashReport:
    stacks = tuple(Stack(role, tuple(frames)) for role, frames in draft.stacks if role is not None and frames)
    crash = next((stack.frames for stack in stacks if stack.role == "crash"), ())
    if not crash and draft.site is not None:
        crash = (draft.site,)
    trace, unfiltered = _trace(_below_panic(crash) if draft.table == "go" else crash, draft.table)
    if draft.type in {"Stack-overflow", "Stack overflow"}:
        trace = signature.rotated(trace)
    names = draft.head
    state = signature.state(names, draft.names, draft.type)
    if state == "NULL" and draft.raw and not any(frame.function for frame in crash):
        state = signature.state(draft.raw, draft.names, draft.type, offsets=True)
    if draft.count == 0 or not draft.names:
        state = _named_state(draft, state, () if unfiltered else trace)
    kind = signature.type_of(draft.type, draft.address)
    return CrashReport(
        tool=draft.tool,
        language=draft.language,
        type=kind,
        access=draft.access,
        size=draft.size,
        address=signature.address_of(draft.address),
        stacks=stacks,
        trace=trace,
        unfiltered=unfiltered,
        state=state,
        crash_line=_crash_line(draft, trace),
        title=_title(draft, kind, trace, state),
        alternative_titles=tuple(draft.alternatives),
        signal=draft.signal,
        summary=draft.summary,
        security=signature.is_security(kind),
        partial=partial or draft.headless or not stacks,
        span=(draft.start, end),
    )


def _crash_line(draft: Draft, trace: tuple[Frame, ...]) -> str:
    """The place of the message where it states one (UBSan, Rust), else that of the first kept frame with a place."""
    if draft.site is not None and draft.tool in {"ubsan", "rust"} and not draft.site.file.startswith("/rustc/"):
        return signature.crash_line(draft.site)
    first = trace[0] if trace else None
    if draft.tool == "js":
        first = next((frame for frame in trace if frame.line is not None), first)
    if draft.tool == "rust":
        first = next((frame for frame in trace if not frame.file.startswith("/rustc/")), first)
    return signature.crash_line(first)


def _below_panic(crash: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Of a Go stack the part that panicked: what stands above `panic` are deferred calls."""
    places = [number for number, frame in enumerate(crash) if frame.function in {"panic", "runtime.gopanic"}]
    return crash[places[-1] + 1 :] if places and places[-1] + 1 < len(crash) else crash


def _trace(crash: tuple[Frame, ...], table: str) -> tuple[tuple[Frame, ...], bool]:
    """The kept frames of the crash's stack, and whether none was kept and they are all."""
    graded = [
        (tables.grade(frame.function, frame.file, frame.module, table), frame) for frame in crash if frame.reliable
    ]
    chosen = tuple(frame for grade, frame in graded if grade == tables.KEPT) or tuple(
        frame for grade, frame in graded if grade == tables.LIBRARY
    )
    if chosen:
        return chosen, False
    usable = tuple(frame for frame in crash if frame.reliable and (frame.function or frame.module or frame.file))
    return usable, bool(usable)


def _named_state(draft: Draft, state: str, trace: tuple[Frame, ...]) -> str:
    """Of a Go program whose package is `main`: the broad filter takes all its functions for entries."""
    if draft.language != "go" or not trace:
        return state
    lines = [*draft.head, *(frame.function.rpartition("/")[2] for frame in trace)][:3]
    return signature.state(lines, (), draft.type)


def _title(draft: Draft, kind: str, trace: tuple[Frame, ...], state: str) -> str:
    if not draft.title:
        return signature.title(kind, trace, state)
    named = draft.process
    if named and " " not in named and tables.grade(named, "", "", draft.table) == tables.DROPPED:
        named = ""  # an allocator or a primitive: the caller has the bug
    function = named or (trace[0].function if trace else "")
    return f"{draft.title} in {function}" if function and function not in draft.title else draft.title
