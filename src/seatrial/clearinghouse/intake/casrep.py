"""CASR's `.casrep`: JSON of one crash, with the log of whichever tool saw it.

- The filled report (`AsanReport`, `UbsanReport`, `PythonReport`, …) is a log of its own kind and is parsed as one.
  Without one, `Stacktrace` is gdb's.
- `CrashSeverity` is evidence and never a severity of ours. `CrashLine`, `ProcCmdline` and `ExecutablePath` are kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse import crash
from seatrial.clearinghouse.finding import ArtefactRole, Claim, ClaimKind, Evidence, Location, Target
from seatrial.clearinghouse.intake.crashlog import claim_of
from seatrial.clearinghouse.intake.fields import title_of
from seatrial.clearinghouse.intake.item import Draft, File, Unreadable, as_dict, as_list, as_text
from seatrial.clearinghouse.intake.limits import clean, json_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.clearinghouse.crash import CrashReport
    from seatrial.clearinghouse.intake.item import Defaults, Item, Source

TOOLS = ("Asan", "Ubsan", "Msan", "Python", "Java", "Go", "Rust", "Js", "CSharp", "Lua")
REPORTS = tuple(f"{tool}Report" for tool in TOOLS)
KEPT = ("CrashLine", "ProcCmdline", "ExecutablePath", "OS", "Architecture", "PackageName", "PackageVersion")
SEVERITY = ("Type", "ShortDescription", "Description")
_LINE = re.compile(r"(.+?):([0-9]+)(?::[0-9]+)?")


def read(source: Source, defaults: Defaults) -> Iterator[Item]:
    """The one crash of a report. Raises `Unreadable`."""
    given = as_dict(json_of(source.data, source.name), source.name)
    severity = as_dict(given.get("CrashSeverity") or {}, "$.CrashSeverity")
    report = report_of(given)
    line = as_text(given.get("CrashLine"), "$.CrashLine")
    if report is None and not line and not severity:
        raise Unreadable(
            source.name, "holds neither a report nor a crash line", "Make it again with casr-san or casr-gdb"
        )
    word = as_text(severity.get("ShortDescription"), "$.CrashSeverity.ShortDescription")
    claim = claim_of(report, source.name) if report else Claim(
        title=title_of(f"{word or 'crash'} at {line}" if line else word, f"crash in {source.name}"),
        kind=ClaimKind.MEMORY,
        locations=_places(line),
    )  # fmt: skip
    yield Draft(
        "$",
        Target(),
        claim,
        (File(ArtefactRole.CRASH_LOG, source.name, source.data, "application/json"),),
        evidence=tuple(_evidence(given, severity)),
        reporter_kind=defaults.reporter_kind,
        ai_origin=defaults.ai_origin,
        tlp=defaults.tlp,
    )


def report_of(given: dict[str, Any]) -> CrashReport | None:
    """The crash that a report of CASR is about, read from the log inside it; none where it holds no log."""
    for name in (*REPORTS, "Stacktrace"):
        lines = [as_text(one, f"$.{name}") for one in as_list(given.get(name), f"$.{name}")]
        if not lines:
            continue
        head = ["Program received signal SIGSEGV, Segmentation fault."] if name == "Stacktrace" else []
        if found := crash.parse(clean("\n".join([*head, *lines]))):
            return found[0]
    return None


def _places(line: str) -> tuple[Location, ...]:
    match = _LINE.fullmatch(line)
    if match is None:
        return (Location(uri=clean(line, 2048)),) if line else ()
    number = min(int(match[2]), 2**31 - 1)
    return (Location(uri=clean(match[1], 2048), start_line=number, end_line=number),)


def _evidence(given: dict[str, Any], severity: dict[str, Any]) -> Iterator[Evidence]:
    for name in SEVERITY:
        if value := severity.get(name):
            yield Evidence(source="casr", name=f"CrashSeverity.{name}", value=clean(str(value), 1000))
    for name in KEPT:
        if value := given.get(name):
            yield Evidence(source="casr", name=name, value=clean(str(value), 1000))


def is_casrep(given: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether JSON looks like a report of CASR."""
    return isinstance(given, dict) and bool(given.keys() & {*REPORTS, "CrashSeverity"}) and "Stacktrace" in given
