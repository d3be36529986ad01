"""What an answer amounts to: a fault of which class at which place, an end by a signal, or nothing."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.battery.grading.replay import FATAL, RESOURCE, Place, own_places
from seatrial.sandbox.crash import read_reports

if TYPE_CHECKING:
    from collections.abc import Collection

    from seatrial.battery.grading.batch import Answer
    from seatrial.sandbox.crash import CrashReport

UNDEFINED = "UndefinedBehaviorSanitizer"
SUPPRESSED = "an error that the sanitizer could not report"


@dataclass(frozen=True)
class Fault:
    """One fault: the sanitizer's word or a signal's name, and the tree's own frames, innermost first."""

    kind: str
    tool: str
    frames: tuple[Place, ...] = ()

    @property
    def place(self) -> Place | None:
        """The innermost frame of the tree."""
        return self.frames[0] if self.frames else None

    @property
    def key(self) -> tuple[str, str]:
        """Class and function: what makes two faults the same."""
        return self.kind, self.frames[0].function if self.frames else ""

    def __str__(self) -> str:
        place = self.place
        return f"{self.kind} in {place.function} ({place.file}:{place.line or '?'})" if place else self.kind


def remarks(answer: Answer) -> frozenset[tuple[str, str]]:
    """Class and function of each remark about undefined behaviour; a program may go on after one."""
    found = (_fault(report) for report in read_reports([answer.reports]) if report.tool == UNDEFINED)
    return frozenset(fault.key for fault in found)


def fault_of(
    answer: Answer, *, signals: bool, known: Collection[tuple[str, str]] = (), ignored: Collection[str] = ()
) -> Fault | None:
    """The fault of a run, the first report of memory before any remark.

    `known` remarks about undefined behaviour and `ignored` classes are left out. `signals`: a fatal signal is a fault.
    """
    reports = [report for report in read_reports([answer.reports]) if report.fault not in (*RESOURCE, *ignored)]
    memory = [_fault(report) for report in reports if report.tool != UNDEFINED]
    if memory:
        return memory[0]
    if answer.suppressed:
        return Fault(SUPPRESSED, "exit code")
    if signals and answer.signalled and signal_of(answer) in FATAL:
        return Fault(signal_of(answer), "signal")
    undefined = [_fault(report) for report in reports if report.tool == UNDEFINED]
    return next((fault for fault in undefined if fault.key not in known), None)


def signal_of(answer: Answer) -> str:
    """The name of the signal that ended a run, empty when none did."""
    if not answer.signalled:
        return ""
    try:
        return signal.Signals(answer.code - 128).name
    except ValueError:
        return f"signal {answer.code - 128}"


def _fault(report: CrashReport) -> Fault:
    return Fault(report.fault, report.tool, tuple(map(_with_blanks, own_places(report.frames))))


def _with_blanks(place: Place) -> Place:
    """A C function has no blank in its name: what follows one is the beginning of its file's relative path."""
    name, blank, rest = place.function.partition(" ")
    if not blank or not re.fullmatch(r"[A-Za-z_][\w.$]*", name) or re.search(r"[()<>\[\]{}]", rest):
        return place
    return replace(place, function=name, file=f"{rest} {place.file}")
