"""The documented pipelines: both files can be read, say the same, and their commands run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from seatrial.framework.participant import Membership, Role
from seatrial.framework.viewer import Viewer
from seatrial.registry import Registry
from support.portal_server import serving

if TYPE_CHECKING:
    from portal.conftest import Served

FOLDER = Path(__file__).parents[2] / "docs" / "pipelines"
VARIABLES = {
    "MODEL": "",
    "CODE_NAME": "heron-7",
    "EVALUATOR": "bureau",
    "DIGEST": "sha256:" + "a" * 64,
}


def github() -> dict[str, str]:
    """What each step runs, by its name."""
    steps = yaml.safe_load((FOLDER / "github-actions.yml").read_text())["jobs"]["self-test"]["steps"]
    return {step["name"]: step.get("run", "") for step in steps}


def gitlab() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "gitlab-ci.yml").read_text())
    return read


def words(command: str) -> list[str]:
    return command.replace("\\\n", " ").replace("../out", "out").split()


def run(command: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **VARIABLES, **more}
    line = ["bash", "-euo", "pipefail", "-c", command]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=550, check=False)


def test_both_files_install_from_the_lock_and_run_the_same_commands() -> None:
    here, there = github(), gitlab()
    doctor, review = there["self-test"]["script"]
    assert here["Install"].strip() == there[".seatrial"]["before_script"][-1] == "make install"
    assert "--require-hashes -r requirements.lock" in (FOLDER.parents[1] / "Makefile").read_text()
    assert words(here["Look whether sealed boxes start here"]) == words(doctor)
    assert words(here["Review"]) == words(review)
    assert words(here["Offer"].partition("\n")[2]) == words(there["offer"]["script"][0])
    assert there["self-test"]["artifacts"]["paths"] == ["out/run"]


def test_no_token_is_an_argument_of_a_command() -> None:
    for line in github()["Offer"].splitlines():
        assert "$TOKEN" not in line or line.startswith("(umask 077; printf"), line


@pytest.mark.slow
def test_the_commands_run_here_and_the_offer_reaches_a_portal(portal: Served, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    reviewed = run(github()["Review"], tmp_path)
    assert reviewed.returncode == 0, reviewed.stdout + reviewed.stderr
    assert (tmp_path / "out/run/report.html").is_file()
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    now = datetime.now(UTC)
    by = Membership("ada", "lab-a", Role.DEVELOPER_OWNER, now)
    _, secret = Registry(portal.house).issue_token(by, "pipeline", ("read", "act"), now)
    with serving() as url:
        there = {"SEATRIAL_PORTAL": url, "SEATRIAL_PORTAL_TOKEN_FILE": str(tmp_path / "token"), "TOKEN": secret}
        offered = run(github()["Offer"], tmp_path, **there, SEATRIAL_HOME=str(tmp_path / "none"))
    assert offered.returncode == 0, offered.stdout + offered.stderr
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    name = offered.stdout.split()[1]
    standing = portal.house.submissions.load(by_viewer(by), name).standing
    assert [(one.kind, one.organisation) for one in standing.documents] == [
        ("dossier", "lab-a"),
        ("self_test", "lab-a"),
    ]
    kept = portal.house.papers.get(by_viewer(by), name, standing.documents[1].digest)
    assert kept == (tmp_path / "out/run/assessment.json").read_bytes()


def by_viewer(by: Membership) -> Viewer:

    return Viewer.of(by.person, by.organisation, by.role)
