"""`seatrial ledger` as its users run it: real processes, a real witness on the loopback, plain messages."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from seatrial.cli.ledger import ledger
from seatrial.ledger.folder import LedgerFolder
from seatrial.ledger.note import read_verifier
from support.ledger import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

EVENT = {
    "kind": "submission.withdrawn",
    "stream": "sub_000102030405060708090a0b0c0d0e0f",
    "actor": {"role": "developer", "as": "psd_101112131415161718191a1b1c1d1e1f"},
}
LINE = json.dumps(EVENT) + "\n"
SEATRIAL = [sys.executable, "-c", "from seatrial.cli import main; main()"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / "ledger"


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(ledger, arguments, input=given, catch_exceptions=False)


@contextmanager
def witness(key: str, folder: Path) -> Iterator[tuple[str, str]]:
    command = [*SEATRIAL, "ledger", "witness", "--log", key, "--listen", "127.0.0.1:0", "--name", "lab.example/w"]
    files = ["--key", str(folder / "witness.key"), "--state", str(folder / "witness.sqlite")]
    with subprocess.Popen([*command, *files], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process.stdout.readline().strip()
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=20)
            (folder / "witness.err").write_text(errors)


def test_from_a_new_log_to_a_receipt_that_others_verify(home: Path, tmp_path: Path) -> None:
    key = run("init", "agency.example/log").stdout.strip()
    done = run("append", "--receipts", "kept", given=LINE * 3)

    assert read_verifier(key).name == "agency.example/log"
    assert (home / "log.vkey").read_text().strip() == key
    assert done.stdout.split() == [f"kept/{index}.tlog-proof" for index in range(3)]
    seen = run("verify", "kept/1.tlog-proof", "--key", key)
    assert (seen.exit_code, seen.stdout.splitlines()[0]) == (0, "true: entry 1 of 3 in agency.example/log")
    proof = run("prove", "2")
    assert proof.stdout == "2.tlog-proof\n"
    shown = json.loads(run("verify", "2.tlog-proof", "--key", str(home / "log.vkey"), "--json").stdout)
    assert (shown["holds"], shown["index"], shown["event"]["kind"]) == (True, 2, "submission.withdrawn")
    assert (tmp_path / "2.tlog-proof").read_bytes() == run("prove", "2", "--out", "-").stdout_bytes


def test_append_prints_receipts_as_text_and_json_and_takes_an_array(home: Path) -> None:
    run("init")
    text = run("append", given=LINE).stdout
    Path("r").write_text(text.removesuffix("\n"))
    lines = run("append", "--json", given=json.dumps([EVENT, EVENT], indent=1)).stdout.splitlines()

    assert run("verify", "r", "--key", str(home / "log.vkey")).exit_code == 0
    assert [json.loads(line)["index"] for line in lines] == [1, 2]
    Path("r").write_text(json.loads(lines[1])["receipt"])
    assert run("verify", "r", "--key", str(home / "log.vkey")).exit_code == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{}", "event 1: lacks actor"),
        (LINE + "nonsense", "event 2: not JSON"),
        (LINE.replace("submission.withdrawn", "A free text"), "event 1: kind does not match"),
        (LINE.replace('"kind"', '"note": "text", "kind"'), "a field that no event has"),
        ("[1]", "event 1: is a JSON object"),
        ("[" + LINE, "not JSON"),
    ],
)
def test_bad_events_are_told_in_one_line(given: str, told: str) -> None:
    run("init")
    done = run("append", given=given)

    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_false_is_1_and_unreadable_is_2(home: Path) -> None:
    run("init", "agency.example/log")
    run("append", "--receipts", "kept", given=LINE * 2)
    other = LedgerFolder(Path("other")).begin("agency.example/log", bytes(32)).signer.verifier.text
    swapped = Path("kept/0.tlog-proof").read_text().replace("index 0", "index 1")
    Path("swapped").write_text(swapped)
    Path("cut").write_text(swapped[:50])

    for file, key, code, told in (
        ("kept/0.tlog-proof", other, 1, "false: receipt: agency.example/log did not sign"),
        ("swapped", str(home / "log.vkey"), 1, "false: receipt: the path does not lead"),
        ("cut", str(home / "log.vkey"), 2, "receipt: the first line is"),
        ("kept/0.tlog-proof", "nonsense", 2, "a verifier key is"),
    ):
        done = run("verify", file, "--key", key)
        assert (done.exit_code, told in done.stderr) == (code, True), done.stderr
    assert run("verify", "kept/0.tlog-proof").exit_code == 2


def test_events_before_a_bad_one_are_kept(home: Path) -> None:
    run("init")
    done = run("append", "--json", given=LINE * 2 + "{}\n" + LINE)

    assert (done.exit_code, len(done.stdout.splitlines())) == (2, 2)
    assert "event 3: lacks actor" in done.stderr
    assert LedgerFolder(home).open().check().size == 2


@pytest.mark.parametrize("verb", [["append"], ["checkpoint"], ["prove", "0"], ["continue"]])
def test_without_a_log_each_verb_says_how_to_make_one(verb: list[str]) -> None:
    done = run(*verb, given="")

    assert done.exit_code == 2
    assert "seatrial ledger init" in done.stderr


def test_a_stale_restore_stops_appends_until_it_is_continued(home: Path) -> None:
    run("init", "agency.example/log")
    run("append", given=LINE * 2)
    with sqlite3.connect(home / "log.sqlite") as live, sqlite3.connect(home / "copy") as saved:
        live.backup(saved)
    run("append", given=LINE)
    for name in ("log.sqlite", "log.sqlite-wal", "log.sqlite-shm"):
        (home / name).unlink(missing_ok=True)
    (home / "copy").rename(home / "log.sqlite")

    refused = run("append", given=LINE)
    assert refused.exit_code == 2
    assert "seatrial ledger continue" in refused.stderr
    assert run("continue").stdout.startswith("agency.example/log2+")
    assert json.loads(run("append", "--json", given=LINE).stdout)["index"] == 1


def test_a_witness_cosigns_survives_and_sees_a_split_view(home: Path, tmp_path: Path) -> None:
    key = run("init", "agency.example/log").stdout.strip()
    run("append", given=LINE * 5)
    with witness(key, tmp_path) as (witness_key, url):
        done = run("checkpoint", "--witness", witness_key, url, "--json")
        assert json.loads(done.stdout)["cosigned"] == ["lab.example/w"], done.stderr
    run("append", given=LINE * 4)
    with witness(key, tmp_path) as (again, url):
        assert again == witness_key
        Path("policy").write_text(f"log {key}\nwitness W {witness_key} {url}\nquorum W\n")
        assert run("checkpoint", "--policy", "policy").exit_code == 0
        run("prove", "8")
        assert run("verify", "8.tlog-proof", "--policy", "policy").exit_code == 0
        split = _another_history(home)
        alarmed = run("checkpoint", "--policy", "policy", "--folder", str(split))
        assert alarmed.exit_code == 1
        assert "ALARM: witness lab.example/w: the witness holds another history" in alarmed.stderr
    alarms = [json.loads(line)["alarm"] for line in (tmp_path / "witness.err").read_text().splitlines()]
    assert [alarm["why"] for alarm in alarms] == ["split view"]
    assert alarms[0]["held"] != alarms[0]["offered"]


def _another_history(home: Path) -> Path:
    """Another log of the same size under the same key, as a dishonest house would keep for somebody."""
    split = LedgerFolder(home.parent / "split")
    split.path.mkdir()
    (split.path / "log.key").write_text((home / "log.key").read_text())
    (split.path / "log.key").chmod(0o600)
    split.begin("ignored", bytes(32)).append([event(seed) for seed in range(9)])
    return split.path


def test_a_witness_that_is_down_and_a_quorum_that_is_not_met(home: Path, tmp_path: Path) -> None:
    key = run("init", "agency.example/log").stdout.strip()
    run("append", "--receipts", "kept", given=LINE)
    with witness(key, tmp_path) as (witness_key, url):
        pass
    done = run("checkpoint", "--witness", witness_key, url)
    Path("policy").write_text(f"log {key}\nwitness W {witness_key}\nquorum W\n")
    unmet = run("verify", "kept/0.tlog-proof", "--policy", "policy")

    assert (done.exit_code, "witness lab.example/w:" in done.stderr) == (3, True)
    assert done.stdout.startswith("agency.example/log\n1\n")
    assert (unmet.exit_code, "too few of the policy's witnesses" in unmet.stderr) == (1, True)
    assert home.exists()


def test_the_command_verifies_without_django_or_httpx() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from seatrial.cli.ledger import ledger\n"
        "CliRunner().invoke(ledger, ['verify', sys.executable, '--key', 'x'])\n"
        "heavy = {'django', 'httpx', 'inspect_ai'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
