"""`seatrial portal` as a process: what it starts, what it starts again, and what is left when it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest

from seatrial.work.place import _began as began

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEATRIAL = Path(sys.executable).with_name("seatrial")
ANY_PORTS = ("--port", "0", "--custody-port", "0", "--gateway-port", "0")
WAIT_S = 90
PROMISED_S = 10
T = TypeVar("T")
PARTS = ["web", "custody", "worker"]


def until(look: Callable[[], T], what: str) -> T:
    """What the look gives once it is something."""
    last = time.monotonic() + WAIT_S
    while not (found := look()):
        assert time.monotonic() < last, f"not within {WAIT_S} s: {what}"
        time.sleep(0.05)
    return found


@dataclass
class Portal:
    process: subprocess.Popen[bytes]
    home: Path
    out: Path
    err: Path

    def events(self, event: str) -> list[dict[str, Any]]:
        lines = self.err.read_text().splitlines()
        return [found for line in lines if line.startswith("{") and (found := json.loads(line))["event"] == event]

    def pid(self, service: str) -> int:
        """Of the newest process of a service."""
        return int([one["pid"] for one in self.events("service.began") if one["service"] == service][-1])

    @property
    def url(self) -> str:
        found = until(lambda: re.search(r"portal: (http://\S+)", self.out.read_text()), "an address")
        return found.group(1)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=WAIT_S).status_code == 200
        except httpx.TransportError:  # the process that had taken the connection was killed
            return False

    def ready(self) -> bool:
        return httpx.get(f"{self.url}/readyz", timeout=WAIT_S).status_code == 200


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Portal]:
    """A portal over a new home, ended by force at last."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")}
    made = Portal(None, folder / "home", folder / "out", folder / "err")  # type: ignore[arg-type]
    with made.out.open("wb") as out, made.err.open("wb") as err:
        made.process = subprocess.Popen(
            [SEATRIAL, "portal", *ANY_PORTS, *options],
            env={**environment, "SEATRIAL_HOME": str(made.home)},
            stdout=out,
            stderr=err,
        )
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def gone(pid: int) -> bool:
    return began(pid) is None


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
