"""`seatrial withdraw` with a stream running and the house's database held by another process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx
import pytest

from seatrial.custody.home import CustodyHome, public_key_of
from seatrial.custody.lease import LeaseState
from seatrial.custody.receipt import verify_statement
from seatrial.custody.withdrawn import Told, receipt_of, stated
from seatrial.evaluation.submitted_runs import SubmittedRuns
from seatrial.withdrawing.parts import RunsStop, WeightsClose
from support.custody import MODEL, made_lease
from support.providers import KEY, provider

if TYPE_CHECKING:
    from collections.abc import Iterator

SEATRIAL = Path(sys.executable).with_name("seatrial")
LEASES_WITHIN_S = 5.0
"""The promise: from the command's start to dead leases, whatever hangs."""
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
NAME = "sub_" + "1" * 32
LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""
OFFER = (
    *("submit", "--developer", "lab-a", "--person", "per-1", "--evaluator", "bureau", "--code-name", "heron-7"),
    *("--digest", "sha256:" + "5" * 64, "--pack", "minimal"),
)


def seatrial(*words: object, code: int = 0) -> str:
    done = subprocess.run([SEATRIAL, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@contextmanager
def process(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process until the block ends, and the first line that it says."""
    command = list(map(str, words))
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        yield running, running.stdout.readline().strip()
    finally:
        running.terminate()
        running.communicate()


@dataclass
class Reader:
    """A stream that is read until it ends."""

    url: str
    token: str
    begun: threading.Event = field(default_factory=threading.Event)
    ended_at: float = 0.0
    text: str = ""

    def read(self) -> None:
        body = {"model": MODEL, "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": "?"}]}
        head = {"authorization": f"Bearer {self.token}"}
        try:
            with httpx.stream("POST", f"{self.url}/v1/chat/completions", json=body, headers=head, timeout=60) as got:
                for text in got.iter_text():
                    self.text += text
                    self.begun.set()
        except httpx.HTTPError:
            pass
        finally:
            self.ended_at = time.monotonic()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    (tmp_path / "key.txt").write_text(KEY)
    return tmp_path / "home"


def offered() -> str:
    return seatrial(*OFFER).split()[1]


@pytest.mark.slow
def test_with_the_house_locked_leases_and_streams_end_within_seconds_and_the_rest_is_made_up(home: Path) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(provider("openai"))
        there.endless, there.pause_s = True, 0.05
        name = offered()
        seatrial(
            "custody", "deposit", name, "--url", there.base_url, "--on-site", "--credential", home.parent / "key.txt"
        )
        custody = CustodyHome.open(home)
        lease, token = made_lease(submission=name, content_owners=("lab-a",))
        custody.leases.issue(lease, datetime.now(UTC))
        _, said = stack.enter_context(process(SEATRIAL, "gateway", "--port", "0"))
        reader = Reader(said.removeprefix("gateway: "), token)
        reading = threading.Thread(target=reader.read, daemon=True)
        reading.start()
        assert reader.begun.wait(30)
        with process(sys.executable, "-c", LOCK, home / "seatrial.sqlite3") as (_, locked):
            assert locked == "locked"
            began = time.monotonic()
            withdrawing = subprocess.Popen([SEATRIAL, "withdraw", name], stdout=subprocess.PIPE, text=True)
            reading.join(30)
            assert custody.leases.get(lease.id).state is LeaseState.REVOKED
            assert reader.ended_at - began < LEASES_WITHIN_S
            assert "lease_revoked" in reader.text
            assert there.left.wait(5)
            printed, _ = withdrawing.communicate(timeout=60)
            assert time.monotonic() - began < 60
    assert withdrawing.returncode == 0
    assert "outstanding: ledger entry: owed" in printed
    assert "(proof owed)" in printed
    _said_what_was_done_and_what_was_not(home, name, lease.id)
    assert "1 withdrawals made up" in seatrial("custody", "sweep")
    assert f"withdrawal-{name}.tlog-proof" in seatrial("withdraw", name)
    assert "withdrawn" in seatrial("submission", "show", name, "--as", "per-1", "lab-a", "developer_owner")
    checked = seatrial(
        *("custody", "receipt", "verify", home / "receipts" / f"withdrawal-{name}.dsse.json"),
        *("--proof", home / "receipts" / f"withdrawal-{name}.tlog-proof"),
        *("--key", home / "keys" / "custody.pub.pem", "--log-key", home / "ledger" / "log.vkey"),
    )
    assert "ledger: verified" in checked
    assert f"| {lease.id} | " in checked


def _said_what_was_done_and_what_was_not(home: Path, name: str, lease: str) -> None:
    envelope = (home / "receipts" / f"withdrawal-{name}.dsse.json").read_bytes()
    verified = verify_statement(envelope, None, [public_key_of(home / "keys" / "custody.pub.pem")])
    done = stated(verified.statement)
    [ended] = done.leases
    assert ended.id == lease
    assert ended.at is not None
    assert ended.at - done.received_at < timedelta(seconds=LEASES_WITHIN_S)
    named = {left.partition(":")[0] for left in done.outstanding}
    assert {"end_grants", "void_votes", "ledger entry"} <= named
    assert not {"revoke_leases", "close_gateway", "destroy_key_half", "cut_calls", "start_deletion"} & named
    assert not done.late
    paper = (home / "receipts" / f"withdrawal-{name}.md").read_text()
    assert "owed: the ledger had not taken" in paper


@pytest.mark.slow
def test_only_the_developer_withdraws_and_a_stranger_ends_nothing(home: Path) -> None:
    name = offered()
    custody = CustodyHome.open(home)
    lease, _ = made_lease(submission=name)
    custody.leases.issue(lease, datetime.now(UTC))
    assert "no such object" in seatrial("withdraw", name, "--person", "per-rival", code=2)
    assert custody.leases.get(lease.id).state is LeaseState.ACTIVE
    assert custody.leases.ended(name) is None
    said = seatrial("withdraw", name, "--person", "per-1")
    assert f"lease {lease.id} ended 20" in said
    assert "(proof owed)" not in said


def test_every_run_is_named_with_its_own_end_and_a_stop_that_fails_is_not_confirmed(tmp_path: Path) -> None:
    runs = SubmittedRuns(tmp_path / "runs")
    over, never = tmp_path / "over", tmp_path / "never"
    for place in (over, never):
        place.mkdir()
        runs.enter(NAME, place)
    (over / "run.json").write_text('{"ended": "2026-11-24T08:00:00+00:00"}')
    (over / "plan.digest").write_text("ab" * 32)
    told: list[Told] = []
    stopped = threading.Event()
    RunsStop(runs, stopped, clock=lambda: NOW).act(NAME, NOW, told.append)
    assert stopped.is_set()
    assert {(one.id, one.at) for one in told[0].runs} == {
        ("over (plan abababababab)", NOW - timedelta(hours=1)),
        ("never", None),
    }
    assert {one.at for one in told[-1].runs} == {NOW - timedelta(hours=1), NOW}
    (over / "run.json").write_text("[")
    again = threading.Event()
    with pytest.raises(ValueError, match="Expecting"):
        RunsStop(runs, again).act(NAME, NOW, told.append)
    assert again.is_set()


def test_weights_that_do_not_leave_memory_keep_the_key_s_end_outstanding(tmp_path: Path) -> None:
    def stuck(*_: object) -> int:
        raise OSError("busy")

    custody = CustodyHome.open(tmp_path / "home")
    told: list[Told] = []
    WeightsClose(custody).act(NAME, NOW, told.append)
    assert told == []
    with pytest.raises(OSError, match="busy"):
        WeightsClose(replace(custody, opened=SimpleNamespace(remove_all=stuck))).act(NAME, NOW, told.append)
    done = receipt_of(NOW, told, (), {"destroy_key_half": NOW}, NOW)
    assert "destroy_key_half" in done.outstanding
