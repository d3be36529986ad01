"""`seatrial portal` as a process: what it starts, what it starts again, and what is left when it ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from support.portal_process import PARTS, SEATRIAL, WAIT_S, gone, serving, until

if TYPE_CHECKING:
    from pathlib import Path

PROMISED_S = 10


@pytest.mark.slow
def test_one_command_serves_and_starts_again_what_dies_and_ends_everything(tmp_path: Path) -> None:
    with serving(tmp_path) as portal:
        assert until(portal.answers, "pages")
        until(portal.ready, "a worker")
        assert stat.S_IMODE(portal.home.stat().st_mode) == 0o700
        assert f"{portal.url}/invitation/#sea_inv_" in portal.out.read_text()
        for service in PARTS:
            killed = portal.pid(service)
            os.kill(killed, signal.SIGKILL)
            until(lambda s=service, k=killed: portal.pid(s) != k, f"another {service}")
            until(portal.answers, "pages, whoever connects meanwhile waits")
        assert [one["code"] for one in portal.events("service.ended")] == [-signal.SIGKILL] * 3
        pids = [portal.pid(service) for service in PARTS]
        asked = time.monotonic()
        portal.process.terminate()
        assert portal.process.wait(WAIT_S) == 0
        assert time.monotonic() - asked < PROMISED_S
        assert [pid for pid in pids if not gone(pid)] == []
    again = subprocess.run(
        [SEATRIAL, "portal", "check"],
        env={**os.environ, "SEATRIAL_HOME": str(portal.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (again.returncode, again.stdout) == (0, "nothing is missing\n")


@pytest.mark.slow
def test_a_watcher_that_is_killed_leaves_no_orphan(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as portal:
        assert until(portal.answers, "pages")
        pids = [portal.pid(service) for service in ("web 1", "web 2", "custody", "worker")]
        assert not any(map(gone, pids))
        portal.process.kill()
        portal.process.wait()
        until(lambda: all(map(gone, pids)), "no orphan")


@pytest.mark.slow
def test_another_address_and_a_production_with_gaps_are_refused(tmp_path: Path) -> None:
    def said(*words: str, **settings: str) -> tuple[int, str]:
        environment = {**os.environ, "SEATRIAL_HOME": str(tmp_path / "home"), **settings}
        done = subprocess.run(
            [SEATRIAL, "portal", *words], env=environment, capture_output=True, text=True, check=False, timeout=WAIT_S
        )
        return done.returncode, done.stdout + done.stderr

    code, words = said("--host", "192.0.2.1")
    assert (code, "SEATRIAL_MODE=production" in words) == (2, True)
    code, words = said(SEATRIAL_MODE="production")
    assert (code, words.count("production needs")) == (2, 4), words
    code, words = said("check", SEATRIAL_MODE="production", SEATRIAL_HOST="x")
    assert code == 1
    assert {"SEATRIAL_HOST: no such setting; do you mean SEATRIAL_HOSTS?"} <= set(words.splitlines())
    assert "ledger/policy: missing" in words
    code, words = said("--home", str(tmp_path))
    assert (code, "--demo" in words or "demonstration" in words) == (2, True)
    assert not (tmp_path / "home").exists()
    assert "Traceback" not in words
