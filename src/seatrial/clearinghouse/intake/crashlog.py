"""Raw crash logs: one finding a report, with the log as it is.

- The log's first and last MiB are parsed; the whole of it is kept.
- A log does not say which software it is of: `--purl` or `--product` does, else it cannot be taken in.
- Several reports in a file are several findings; what they share is one artefact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.clearinghouse import crash
from seatrial.clearinghouse.finding import ArtefactRole, Claim, ClaimKind, Location, Target
from seatrial.clearinghouse.intake.fields import title_of
from seatrial.clearinghouse.intake.item import Draft, File, Unreadable
from seatrial.clearinghouse.intake.limits import clean, log_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.clearinghouse.crash import CrashReport
    from seatrial.clearinghouse.intake.item import Defaults, Item, Source

MOST_REPORTS = 1000
"""Findings of one log: a fuzzing campaign's, not a machine's whole history."""
PARTIAL = "partial"
MEMORY_TOOLS = frozenset({"asan", "hwasan", "msan", "valgrind"})
DOS_TYPES = ("timeout", "out-of-memory", "stack-overflow", "direct-leak", "indirect-leak")


def read(source: Source, defaults: Defaults) -> Iterator[Item]:
    """The reports of a log.

    Raises:
        Unreadable: There is none in it.
    """
    text, cut = log_text(source.data)
    reports = crash.parse(text)
    if not reports:
        raise Unreadable(
            source.name,
            "holds no crash report that is known",
            "Hand in the output of the sanitizer, debugger or kernel",
        )
    log = File(ArtefactRole.CRASH_LOG, source.name, source.data, "text/plain")
    for number, report in enumerate(reports[:MOST_REPORTS], start=1):
        marks = (PARTIAL,) if cut else ()
        yield Draft(
            f"report {number}",
            Target(),
            claim_of(report, source.name),
            (log,),
            marks=marks,
            reporter_kind=defaults.reporter_kind,
            ai_origin=defaults.ai_origin,
            tlp=defaults.tlp,
        )
    if len(reports) > MOST_REPORTS:
        raise Unreadable(source.name, f"holds {len(reports):,} reports; {MOST_REPORTS:,} were read", "Split it")


def claim_of(report: CrashReport, otherwise: str) -> Claim:
    """What a crash report claims, in its own words."""
    return Claim(
        title=title_of(report.title or report.type.replace("\n", " "), f"crash in {otherwise}"),
        kind=_kind(report),
        locations=tuple(_locations(report)),
        summary=clean(report.summary, 1000),
    )


def _kind(report: CrashReport) -> ClaimKind:
    word = report.type.lower()
    if "race" in word or report.tool == "tsan":
        return ClaimKind.RACE
    if word.startswith(DOS_TYPES):
        return ClaimKind.DOS
    return ClaimKind.MEMORY if report.tool in MEMORY_TOOLS or report.access else ClaimKind.OTHER


def _locations(report: CrashReport) -> Iterator[Location]:
    for frame in report.trace[:3]:
        line = frame.line or 0
        place = frame.file or (f"{frame.module}+{frame.offset}" if frame.module else "")
        yield Location(uri=clean(place, 2048), start_line=line, end_line=line, function=clean(frame.function, 500))
