"""`seatrial custody serve`: one process that takes calls and uploads, and does what is due by itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from seatrial.cli.main import main
from seatrial.installation import Installation
from support.framework import digest
from support.sealed import lease

SEATRIAL = Path(sys.executable).with_name("seatrial")
PORTS = ("--port", "0", "--upload-port", "0", "--reserve-gib", "0")
WAIT_S = 30
OFFER = ("submit", "--developer", "lab-a", "--person", "ada", "--evaluator", "bureau", "--code-name", "heron-7")


@pytest.mark.slow
def test_it_serves_both_and_makes_up_what_was_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    offered = CliRunner().invoke(main, [*OFFER, "--digest", digest("heron-7"), "--pack", "minimal"])
    custody = Installation.open().custody
    made, _ = lease(submission=offered.output.split()[1])
    custody.leases.issue(made, made.not_before)
    custody.leases.revoke(made.id, made.not_before)
    assert custody.entries.of_submission(made.submission) == 2  # issued and revoked
    process = subprocess.Popen([SEATRIAL, "custody", "serve", *PORTS], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        gateway = process.stdout.readline().removeprefix("gateway: ").strip()
        uploads = process.stdout.readline().split(" at ")[1].split(";")[0]
        assert httpx.post(f"{gateway}/v1/chat/completions", json={}).status_code == 401
        assert httpx.get(f"{uploads}/nothing").status_code == 404
        deadline = time.monotonic() + WAIT_S
        while custody.entries.of_submission(made.submission):
            assert time.monotonic() < deadline, "the first round did not come"
            time.sleep(0.05)
        process.terminate()
        assert process.wait(20) in {0, -15}
    finally:
        process.kill()
        process.communicate()
