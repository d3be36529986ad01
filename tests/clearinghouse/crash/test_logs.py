"""Logs of real tools with planted bugs (see `make_logs.py`): type, address, state and crash line of each."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from seatrial.clearinghouse.crash import CrashReport, parse

LOGS = Path(__file__).parent / "logs"
FORMATS = sorted(path.stem for path in LOGS.glob("*.txt"))
FEWEST = {"native": 7, "tsan": 10}  # formats with fewer forms than the usual dozen
Wanted = dict[str, object]


def logs_of(name: str) -> list[tuple[Wanted, str]]:
    found = []
    for part in (LOGS / f"{name}.txt").read_text().split("@@@@ ")[1:]:
        wanted, _, log = part.partition("\n")
        found.append((json.loads(wanted), log))
    return found


def faults(wanted: Wanted, report: CrashReport) -> list[str]:
    """What of a report is not as wanted."""
    place = report.crash_line.rpartition("/")[2] + ":"
    checks = {
        "type": report.type,
        "address": report.address,
        "state": report.state.split("\n"),
        "title": report.title,
    }
    wrong = [f"{part}: {seen!r}" for part, seen in checks.items() if wanted.get(part) and wanted[part] != seen]
    if wanted.get("line") and not place.startswith(f"{wanted['line']}:"):
        wrong.append(f"line: {place}")
    return wrong


@pytest.mark.parametrize("name", FORMATS)
def test_every_log_of_a_format_is_read_as_its_bug_was_planted(name: str) -> None:
    logs = logs_of(name)
    assert len(logs) >= FEWEST.get(name, 12)
    wrong = {}
    for wanted, log in logs:
        reports = parse(log)
        assert reports, wanted["name"]
        found = faults(wanted, reports[0])
        if found:
            wrong[wanted["name"]] = found
    assert not wrong


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_windows_newlines_and_log_prefixes_change_nothing(name: str) -> None:
    for wanted, log in logs_of(name):
        if name == "kernel":
            continue  # its own lines have such prefixes
        plain = parse(log)[0]
        for other in (
            log.encode(),
            log.replace("\n", "\r\n"),
            "".join(f"2026-03-01T10:20:30.123456789Z {line}\n" for line in log.splitlines()),
            "".join(f"\x1b[31m{line}\x1b[0m\n" for line in log.splitlines()),
        ):
            seen = parse(other)[0]
            assert (seen.type, seen.address, seen.state) == (plain.type, plain.address, plain.state), wanted["name"]


def test_every_format_names_its_tool_and_language() -> None:
    tools = Counter(parse(log)[0].tool for name in FORMATS for _, log in logs_of(name))
    expected = {
        "asan", "msan", "tsan", "ubsan", "lsan", "libfuzzer", "native", "gdb", "valgrind", "kernel", "go", "rust",
        "java", "python", "js",
    }  # fmt: skip
    assert expected <= set(tools)
    for name in ("go", "rust", "java", "python", "js"):
        assert {parse(log)[0].language for _, log in logs_of(name)} == {name}
