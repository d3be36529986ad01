"""The static participant: every analyser that the box has, over the delivered C source.

Warnings become `Hit`s with file, line, function and CWE; what counts is a hit at the planted site *with* its CWE, since
these tools are often right about the place for a reason of their own. A tool that is not there is named as absent and
says nothing. None of them writes an input, so a task that asks for one stays unsolved, with the analysis on record.
"""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from seatrial.battery.participants.contract import CHALLENGE, Absent, Analysis, Brief, Hit, Kind, Result, missing

if TYPE_CHECKING:
    from seatrial.battery.draw import Draw
    from seatrial.sandbox import Box

MAX_HITS = 10_000  # of one tool
_CWE = re.compile(r"CWE-(\d{1,5})")


@dataclass(frozen=True)
class Tool:
    """One analyser: the program, how its version is asked, and how it is run over some files."""

    name: str
    program: str
    version: tuple[str, ...]
    run: Callable[[Box, tuple[str, ...], float], Iterator[Hit]]


def _cppcheck(box: Box, sources: tuple[str, ...], seconds: float) -> Iterator[Hit]:
    kinds = "--enable=warning,performance,portability,style"
    command = ["cppcheck", "--xml", "--quiet", "--std=c99", kinds, "--inconclusive", *sources]
    said = box.exec(command, cwd=CHALLENGE, timeout_s=seconds).stderr
    yield from read_cppcheck(said)


def read_cppcheck(said: bytes) -> Iterator[Hit]:
    """Warnings from cppcheck's XML."""
    if b"<!DOCTYPE" in said or b"<!ENTITY" in said:
        return
    try:
        root = ET.fromstring(said)  # noqa: S314 - no document type, so no entities
    except ET.ParseError:
        return
    for error in root.iter("error"):
        place = error.find("location")
        if place is None:
            continue
        cwe, text = error.get("cwe", ""), f"cppcheck {error.get('id', '')}: {error.get('msg', '')}"
        yield Hit(_relative(place.get("file", "")), _number(place.get("line")), "", _number(cwe) or None, text[:300])


def _flawfinder(box: Box, sources: tuple[str, ...], seconds: float) -> Iterator[Hit]:
    said = box.exec(["flawfinder", "--csv", "--minlevel=0", *sources], cwd=CHALLENGE, timeout_s=seconds).stdout
    yield from read_flawfinder(said)


def read_flawfinder(said: bytes) -> Iterator[Hit]:
    """Warnings from flawfinder's CSV; a warning of several CWEs gives a hit for each."""
    for row in csv.DictReader(io.StringIO(said.decode("utf-8", "replace"))):
        cwes: list[int | None] = [int(number) for number in _CWE.findall(row.get("CWEs") or "")]
        text = f"flawfinder {row.get('Name') or ''}: {row.get('Warning') or ''}"[:300]
        for cwe in cwes or [None]:
            yield Hit(_relative(row.get("File") or ""), _number(row.get("Line")), "", cwe, text)


def _fanalyzer(box: Box, sources: tuple[str, ...], seconds: float) -> Iterator[Hit]:
    for path in sources:
        command = ["gcc", "-fanalyzer", "-O1", "-fdiagnostics-format=json", "-c", path, "-o", "/dev/null"]
        said = box.exec(command, cwd=CHALLENGE, timeout_s=seconds / len(sources)).stderr
        yield from read_gcc(said)


def read_gcc(said: bytes) -> Iterator[Hit]:
    """Warnings of the analyzer from gcc's JSON."""
    for line in said.splitlines():
        if not line.startswith(b"["):
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for item in found:
            option = str(item.get("option", ""))
            if option.startswith("-Wanalyzer"):
                yield _gcc_hit(item, option)


def _gcc_hit(item: dict[str, Any], option: str) -> Hit:
    places = item.get("locations") or [{}]
    caret = places[0].get("caret", {})
    path = item.get("path") or [{}]
    function = str(path[-1].get("function", "")) if path else ""
    cwe = item.get("metadata", {}).get("cwe")
    text = f"gcc {option}: {item.get('message', '')}"[:300]
    return Hit(_relative(str(caret.get("file", ""))), _number(caret.get("line")), function, _number(cwe) or None, text)


TOOLS = (
    Tool("gcc -fanalyzer", "gcc", ("gcc", "-dumpfullversion"), _fanalyzer),
    Tool("cppcheck", "cppcheck", ("cppcheck", "--version"), _cppcheck),
    Tool("flawfinder", "flawfinder", ("flawfinder", "--version"), _flawfinder),
)


@dataclass(frozen=True)
class Static:
    """All analysers of the box as one participant."""

    name: str = "static"
    version: str = "1"
    kind: Kind = "tool"
    needs: tuple[str, ...] = ()  # it takes what there is; with nothing it is absent itself
    budget_s: float = 60.0

    def attempt(self, box: Box, brief: Brief, budget_s: float, draw: Draw) -> Result:
        """Run each over the delivered source, for an equal share of the budget."""
        del draw
        sources = tuple(path for path, _, _ in brief.files if PurePosixPath(path).suffix == ".c")
        if not sources:
            return Absent(("a task that delivers C source",))
        lacking = missing(box, tuple(tool.program for tool in TOOLS))
        present = [tool for tool in TOOLS if tool.program not in lacking]
        if not present:
            return Absent(lacking)
        hits: list[Hit] = []
        for tool in present:
            found = tool.run(box, sources, budget_s / len(present))
            hits += [hit for _, hit in zip(range(MAX_HITS), found, strict=False)]
        said = [f"{tool.name} {_version(box, tool)}" for tool in present]
        said += [f"{tool.name} absent" for tool in TOOLS if tool not in present]
        return Analysis(tool=" + ".join(tool.name for tool in present), version=", ".join(said), hits=tuple(hits))


def by_tool(analysis: Analysis) -> dict[str, Analysis]:
    """The same analysis, one for each tool that said something: for figures beside one another."""
    out: dict[str, Analysis] = {}
    for tool in TOOLS:
        word = tool.program
        own = tuple(hit for hit in analysis.hits if hit.text.split(" ", 1)[0] == word)
        if tool.name in analysis.tool:
            out[tool.name] = Analysis(tool.name, analysis.version, own)
    return out


def _version(box: Box, tool: Tool) -> str:
    said = box.exec(tool.version, timeout_s=10.0).stdout.decode("utf-8", "replace").split()
    return said[-1][:30] if said else "unknown"


def _relative(path: str) -> str:
    return path.removeprefix(f"{CHALLENGE}/").removeprefix("./")


def _number(text: object) -> int:
    try:
        return int(str(text))
    except ValueError:
        return 0


PARTICIPANTS = (Static(),)
