from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from seatrial.cli.framework import framework
from support.packs import NAMES, written

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(framework, arguments)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_packs_are_shown_and_checked(name: str) -> None:
    shown = run("show", f"{name}@2026.1")
    assert shown.exit_code == 0
    assert shown.output.startswith(f"{name} 2026.1")
    assert json.loads(run("show", name, "--json").output)["tables"]["pack"][0]["id"] == name
    assert run("check", name).exit_code == 0


def test_check_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    broken = tmp_path / "mine.toml"
    text = written("minimal").replace("hours = 720", "hours = 800", 1).replace('role = "verifier"', 'role = "admiral"')
    broken.write_text(text)
    said = run("check", str(broken))
    line = text.splitlines().index("[[clock]]") + 1
    assert said.exit_code == 2
    assert f"{broken}:{line}: clock.access_window: hours = 800: at most 720 (window-ceiling)" in said.output
    assert "(unknown-role)" in said.output
    found = json.loads(run("check", str(broken), "--json").output)["problems"]
    assert {item["rule"] for item in found} == {"window-ceiling", "unknown-role"}
    assert run("show", str(broken)).exit_code == 2


def test_diff_with_the_shipped_pack_of_the_same_name(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(written("minimal").replace("hours = 72\n", "hours = 96\n", 1))
    said = run("diff", str(mine))
    assert said.exit_code == 0
    assert said.output.splitlines()[2:] == ["~ clock.comment.hours: 72 -> 96"]
    assert json.loads(run("diff", "minimal", str(mine), "--json").output)["changes"] == [
        {"table": "clock", "entry": "comment", "key": "hours", "before": 72, "after": 96}
    ]
    assert run("diff", "minimal", "minimal").output.splitlines()[-1] == "no entry differs"


def test_files_beside_a_pack_are_used_before_the_shipped_ones(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(written("minimal"))
    (tmp_path / "matrix").mkdir()
    (tmp_path / "matrix" / "2026.1.csv").write_text("role,W\n")
    assert "(digest)" in run("check", str(mine)).output


@pytest.mark.parametrize("name", ["nope", "minimal@1999.1", "./nope.toml", "a b", ".."])
def test_no_such_pack_is_one_line(name: str) -> None:
    said = run("show", name)
    assert said.exit_code == 2
    assert "Traceback" not in said.output
    assert "minimal" in said.output
