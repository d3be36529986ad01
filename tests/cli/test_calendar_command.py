from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from icalendar import Calendar

from seatrial.cli import main
from support.framework import digest


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    offer = ("--developer", "lab-a", "--person", "ada", "--evaluator", "bureau", "--code-name", "heron-7")
    found = re.search(r"sub_[0-9a-f]{32}", said("submit", *offer, "--digest", digest("heron-7"), "--pack", "minimal"))
    assert found is not None
    return found[0]


def test_what_is_due_is_shown_and_written_as_a_calendar(submission: str, tmp_path: Path) -> None:
    feed = tmp_path / "due.ics"
    shown = said("calendar", submission, "--ics", str(feed)).splitlines()
    assert len(shown) == 1
    assert re.match(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ  evaluator_lead +{submission}  a note whether", shown[0])
    [todo] = Calendar.from_ical(feed.read_bytes()).todos
    assert f"{todo.decoded('due'):%Y-%m-%dT%H:%M:%SZ}" == shown[0].split()[0]


def test_after_a_withdrawal_the_removal_is_due_and_nothing_else(submission: str) -> None:
    said("withdraw", submission)
    [line] = said("calendar", submission).splitlines()
    assert "custodian" in line
    assert "removed" in line


def test_what_cannot_be_written_is_said_in_one_line(submission: str, tmp_path: Path) -> None:
    line = said("calendar", submission, "--ics", str(tmp_path / "no" / "such" / "due.ics"), code=2)
    assert line.startswith("seatrial: ")
    assert len(line.splitlines()) == 1
