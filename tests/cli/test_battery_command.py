"""The command: what it prints, how it fails. A toy family stands in for the built-in ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from seatrial.battery import packs
from seatrial.cli.battery import battery

TOYS = Path(__file__).parents[1] / "battery"


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "BUILT_IN", {"toylock": "toyfamily:FAMILY", "toykeeper": "toyfamily:KEEPER_FAMILY"})
    monkeypatch.syspath_prepend(str(TOYS))
    monkeypatch.delitem(sys.modules, "toyfamily", raising=False)  # put back afterwards: others hold its classes
    packs.load.cache_clear()


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(battery, list(arguments), input=stdin)


def test_list_and_show() -> None:
    listed = run("list")
    assert listed.exit_code == 0
    assert "Find the number that opens a lock." in listed.stdout
    assert [row["id"] for row in json.loads(run("list", "--json").stdout)["families"]] == ["toylock", "toykeeper"]
    shown = run("show", "toylock")
    assert shown.exit_code == 0
    assert "people: uncalibrated" in shown.stdout
    assert "L6+" in shown.stdout
    assert json.loads(run("show", "toylock", "--json").stdout)["levels"]["2"]["knobs"]["modulus"] == 2000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "toylok"), "no family 'toylok'; did you mean toylock"),
        (("build", "toylock", "--level", "0", "--seed", "1", "--out", "x"), "level '0': use a whole number from 1"),
        (("build", "toylock", "--level", "-1", "--seed", "1", "--out", "x"), "level '-1'"),
        (("build", "toylock", "--level", "two", "--seed", "1", "--out", "x"), "level 'two'"),
        (("build", "toylock", "--level", "1", "--seed", "zz", "--out", "x"), "seed 'zz': use 64 hex digits"),
        (("build", "toylock", "--level", "1", "--seed", "1", "--out", str(TOYS)), "is not an empty folder"),
        (("verify", "toylock", "--seeds", "0"), "seeds '0'"),
        (("verify", "nothing"), "no family 'nothing'"),
        (("play", "toylock", "--level", "9999999999"), "level '9999999999'"),
        (("reveal-check", "/not/there"), "cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(arguments: tuple[str, ...], said: str) -> None:
    failed = run(*arguments)
    assert failed.exit_code == 2
    lines = [line for line in failed.stderr.splitlines() if "is short for" not in line]
    assert len(lines) == 1
    assert lines[0].startswith("seatrial: ")
    assert said in lines[0]
    assert "Traceback" not in failed.output


def test_a_broken_family_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packs.BUILT_IN, "gone", "seatrial.battery.families.gone:FAMILY")
    listed = run("list")
    assert listed.exit_code == 2
    assert "toylock" in listed.stdout
    assert "gone (seatrial" in listed.stderr


def test_build_is_the_same_every_time_and_keeps_the_hidden_half_apart(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    built = run("build", "toykeeper", "--level", "1", "--seed", "7", "--out", str(one))
    assert built.exit_code == 0
    assert "seed 7 is short for " in built.stderr
    assert run("build", "toykeeper", "--level", "1", "--seed", "7", "--out", str(two), "--sealed").exit_code == 0
    delivered = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert [str(path) for path in delivered] == [
        "challenge/lock.py",
        "challenge/sample.txt",
        "instance.json",
        "prompt.txt",
    ]
    for path in delivered:
        assert (one / path).read_bytes() == (two / path).read_bytes()
        assert (one / path).stat().st_mtime == 0
    hidden = json.loads((two / "sealed/hidden.json").read_text())
    assert hidden["expected"]["flag"].startswith("flag{")
    assert hidden["seed"] not in (one / "instance.json").read_text()
    assert (two / "sealed/services/keeper/keeper.py").exists()
    assert (two / "sealed/solver/solve.py").exists()


def test_build_with_the_gate(tmp_path: Path) -> None:
    built = run("build", "toylock", "--level", "1", "--seed", "1", "--out", str(tmp_path / "b"), "--verify")
    assert built.exit_code == 0
    assert "qualified" in built.stdout
    assert json.loads((tmp_path / "b/manifest.json").read_text())["status"] == {"state": "qualified"}


def test_verify_prints_a_row_a_cell_and_is_repeatable(tmp_path: Path) -> None:
    seed = "ab" * 32
    arguments = ("verify", "toylock", "--level", "2", "--seeds", "3", "--seed", seed)
    text = run(*arguments, "--out", str(tmp_path))
    assert text.exit_code == 0
    assert f"3 instances, drawn from --seed {seed}" in text.stdout
    assert "toylock     L2  3 of 3 qualified" in text.stdout
    found = json.loads(run(*arguments, "--json").stdout)
    assert (found["instances"], found["qualified"], found["rejected"]) == (3, 3, {})
    digests = {manifest["instance"]: manifest["manifest_sha256"] for manifest in found["manifests"]}
    for path in tmp_path.glob("*.json"):
        assert json.loads(path.read_text())["manifest_sha256"] == digests[path.stem]


def test_verify_of_one_instance_shows_every_guarantee() -> None:
    text = run("verify", "toylock", "--level", "1", "--seed", "3")
    assert text.exit_code == 0
    for name in ("G1", "G5", "G10"):
        assert f"  {name}" in text.stdout


def test_a_rejected_instance_is_exit_code_one_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    import toyfamily  # noqa: PLC0415 - the module that the fixture just put on the path

    monkeypatch.setattr(toyfamily, "FAMILY", toyfamily.Toy(flaw="unsolvable"))
    text = run("verify", "toylock", "--level", "1")
    assert text.exit_code == 1
    assert "0 of 1 qualified" in text.stdout
    assert "G1: reference solver: unsolved" in text.stdout


def test_play_from_scripted_input(tmp_path: Path) -> None:
    times = tmp_path / "times.jsonl"
    lines = ["yes", "ada", "expert", "cat /challenge/lock.py", "echo 3 > /submission/answer", "submit"]
    played = run("play", "toylock", "--level", "1", "--times", str(times), stdin="\n".join(lines) + "\n")
    assert played.exit_code == 0, played.output
    assert "Find the number that opens /challenge/lock.py" in played.stdout
    record = json.loads(times.read_text())
    assert (record["pseudonym"], record["outcome"], record["submissions"]) == ("ada", "unsolved", 1)
    assert "0 of 1 solved" in run("show", "toylock", "--times", str(times)).stdout


def test_play_without_consent_records_nothing(tmp_path: Path) -> None:
    times = tmp_path / "times.jsonl"
    assert run("play", "toylock", "--level", "1", "--times", str(times), stdin="no\n").exit_code == 0
    assert not times.exists()
