"""Submit, withdraw, custody at the command line: one submission from its offer to its deletion receipt, and what goes
wrong on the way. Each command is a process of its own, as at a desk."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-canary-8812-secret"
HOST = "models.canary-host.example"
DIGEST = "sha256:" + "5" * 64
OFFER = (
    *("submit", "--developer", "lab-a", "--person", "per-owner", "--evaluator", "bureau", "--code-name", "heron-7"),
    *("--digest", DIGEST, "--pack", "eo-14409"),
)
ENDPOINT = ("--url", f"https://{HOST}/v1", "--credential", "-")


@dataclass
class Desk:
    """A home, and everything that commands have said there."""

    home: Path
    said: str = ""

    def run(self, *args: str, code: int = 0, stdin: str = "", before: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-c", f"{before}from seatrial.cli import main; main()", *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"SEATRIAL_HOME": str(self.home), "PATH": "/usr/bin:/bin", "HOME": str(self.home)},
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def offered(self) -> str:
        line = self.run(*OFFER, *ENDPOINT, stdin=KEY + "\n").splitlines()[0]
        return line.split()[1]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "home")


@pytest.mark.slow
def test_from_the_offer_to_the_deletion_receipt(desk: Desk, tmp_path: Path) -> None:
    submission = desk.offered()
    before = json.loads(desk.run("custody", "status", submission))
    assert [key["government_half"] for key in before["keys"]] == [True]
    first = desk.run("withdraw", submission)
    assert f"withdrawn: {submission}" in first
    receipts = desk.home / "receipts"
    name = f"withdrawal-{submission}"
    envelope = (receipts / f"{name}.dsse.json").read_bytes()
    desk.run("withdraw", submission)
    assert (receipts / f"{name}.dsse.json").read_bytes() == envelope
    service, log = str(desk.home / "keys" / "custody.pub.pem"), str(desk.home / "ledger" / "log.vkey")
    check = ("custody", "receipt", "verify", "--log-key", log, "--key", service)
    proof = str(receipts / f"{name}.tlog-proof")
    assert "ledger: verified" in desk.run(*check, str(receipts / f"{name}.dsse.json"), "--proof", proof)

    mine = tmp_path / "person.pem"
    desk.run("custody", "key", str(mine))
    assert "It cannot show that no copy was ever made." in desk.run(
        "custody", "shred", submission, "--signer", str(mine), "--name", "per-custodian"
    )
    name = f"deletion-{submission}"
    files = (str(receipts / f"{name}.dsse.json"), "--proof", str(receipts / f"{name}.tlog-proof"))
    person = str(tmp_path / "person.pub.pem")
    shown = desk.run(*check, *files, "--key", person)
    for word in ("signatures verified (2)", "wrapped sha256:", "sealed credentials: 1", "No backup", "heron-7"):
        assert word in shown
    assert "false:" in desk.run(*check, *files, code=1)
    assert json.loads(desk.run("custody", "status", submission))["keys"] == []
    assert "has ended" in desk.run(
        "custody", "deposit", submission, "--url", f"https://{HOST}/v1", "--credential", "-", stdin=KEY, code=2
    )

    everything = b"".join(path.read_bytes() for path in desk.home.rglob("*") if path.is_file()) + desk.said.encode()
    for canary in (KEY, HOST):
        assert canary.encode() not in everything
    assert b"heron-7" in everything


@pytest.mark.slow
def test_with_the_house_out_of_order_the_developer_still_withdraws(desk: Desk, tmp_path: Path) -> None:
    submission = desk.offered()
    database = desk.home / "seatrial.sqlite3"
    kept = database.read_bytes()
    database.write_bytes(b"rubbish" * 1000)
    for beside in desk.home.glob("seatrial.sqlite3-*"):
        beside.unlink()
    said = desk.run("withdraw", submission)
    assert "ledger entry: owed" in said
    assert "outstanding: end_grants: failed" in said
    assert "(proof owed)" in said
    database.write_bytes(kept)
    desk.run("custody", "key", str(tmp_path / "a.pem"))
    shred = ("custody", "shred", submission, "--signer", str(tmp_path / "a.pem"), "--name", "per-a")
    assert "is in state submitted" in desk.run(*shred, code=2)
    assert f"withdrawal-{submission}.tlog-proof" in desk.run("withdraw", submission)
    assert "1 keys" in desk.run(*shred)
    assert "0 shredded, 0 purged, 0 recorded, 0 receipts proven" in desk.run("custody", "sweep")


@pytest.mark.slow
def test_bad_input_is_one_line_and_repeats_no_secret(desk: Desk, tmp_path: Path) -> None:
    for url, word in (
        (f"http://{HOST}/", "https"),
        ("https://127.0.0.1/", "loopback"),
        (f"https://u:p@{HOST}/", "user"),
    ):
        said = desk.run(*OFFER, "--url", url, "--credential", "-", stdin=KEY, code=2)
        assert word in said
        assert len(said.strip().splitlines()) == 1
    assert "ASCII" in desk.run(*OFFER, *ENDPOINT, stdin=f"{KEY}\n{KEY}", code=2)
    rubbish = tmp_path / "rubbish"
    rubbish.write_text(KEY)
    assert "PEM" in desk.run("custody", "receipt", "verify", str(rubbish), "--key", str(rubbish), code=2)
    # On a machine with much to do the house may not answer in its two seconds, and custody would go on without it.
    patient = "import seatrial.withdrawing.act as act; act.HOUSE_WITHIN_S = 60; "
    desk.run("withdraw", "sub_" + "0" * 32, code=2, before=patient)
    desk.run("withdraw", KEY, code=2, before=patient)
    assert KEY not in desk.said
    assert HOST not in desk.said
