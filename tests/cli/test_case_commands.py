"""The graders from the command line, on foreign cases."""

import json
import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).parent.parent / "battery" / "cases"
SEATRIAL = Path(sys.executable).with_name("seatrial")


def battery(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(SEATRIAL), "battery", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_replay_says_what_reproduces_and_where() -> None:
    done = battery("replay", CASES / "gradebook", "--json")
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)["proofs"]
    assert (first["state"], first["reproduced"], first["twin_clean"]) == ("reproduced", "3 of 3", "yes")
    assert first["class"] == "heap-buffer-overflow"
    assert second["state"] == "not reproduced"


def test_a_graded_patch_is_exit_0_whatever_it_scores() -> None:
    folder = CASES / "inventory"
    done = battery("grade-patch", folder, "--patch", folder / "bad" / "unwatched.patch", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["score"], found["solved"]) == (0.0, False)
    assert {check["state"] for check in found["checks"]} <= {"ok", "not ok", "not checked"}


def test_a_bad_case_is_exit_2_and_one_line(tmp_path: Path) -> None:
    for arguments in (["replay", tmp_path / "nowhere"], ["grade-patch", tmp_path, "--patch", __file__]):
        done = battery(*arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "case" in done.stderr
