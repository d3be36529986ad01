"""From a real review's log to findings: what the reference solver found comes in by the command, once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SEATRIAL = Path(sys.executable).with_name("seatrial")
WHO = ("--as", "ann", "bureau", "analyst")


def seatrial(home: Path, *arguments: object, code: int = 0) -> str:
    environment = os.environ | {"SEATRIAL_HOME": str(home)}
    done = subprocess.run(
        [str(SEATRIAL), *map(str, arguments)],
        capture_output=True, text=True, timeout=300, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout


def asked(home: Path, *arguments: object) -> Any:  # noqa: ANN401 - JSON
    return json.loads(seatrial(home, "findings", *arguments, *WHO, "--json"))


@pytest.mark.slow
def test_what_a_review_found_comes_in_once_with_its_proof(tmp_path: Path) -> None:
    home, run = tmp_path / "home", tmp_path / "run"
    drawn = ("--tier", "ci", "--families", "memfind,web", "--levels", "1", "--instances", "1", "--seed", "finds")
    seatrial(home, "review", *drawn, "--participant", "reference", "--out", run)
    seatrial(home, "submission", "enrol", "ann", "bureau", "analyst", "--kind", "evaluator")

    first, again = asked(home, "import", run), asked(home, "import", run)
    assert (first["handed_in"], first["again"], first["quarantined"]) == (2, 0, 0)
    assert [one["id"] for one in again["items"]] == [one["id"] for one in first["items"]]
    assert (again["again"], again["batches"]) == (2, [])
    funnel = asked(home, "funnel")
    assert (funnel["handed_in"], funnel["again"], funnel["held"], funnel["conserved"]) == (4, 2, 2, True)
    assert asked(home, "doctor")["faults"] == []

    shown = [asked(home, "show", one["id"][:12])["finding"] for one in first["items"]]
    assert {one["claim"]["kind"] for one in shown} == {"memory", "web"}
    for one in shown:
        [artefact] = one["artefacts"]
        assert (artefact["role"], artefact["compartment"]) == ("pov", "exploit")
        assert artefact["size"] > 0
        assert one["claim"]["cwe"]
    listed = seatrial(home, "findings", "list", *WHO)
    assert len(listed.splitlines()) == 2

    (tmp_path / "bad.json").write_text("{")
    said = seatrial(home, "findings", "import", tmp_path / "bad.json", *WHO, code=1)
    assert "bad.json" in said
    assert "Traceback" not in said
