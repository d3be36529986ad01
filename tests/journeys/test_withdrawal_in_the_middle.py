"""From the offer to a running review that its developer ends alone: who saw what, what dies when, and what is left."""

from __future__ import annotations

import csv
import json
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from support.desk import SEATRIAL, Desk, opened, recorded
from support.endpoint import Endpoint, Messages, Say, endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-canary-77ab31-endpoint"
SAID = "canary-transcript-5b1d"
WAIT_S = 120
SANITY = 3
"""Calls of the review to the endpoint before its first sample."""
SERVED = "canary-model-6f0c22"
MODEL = ("--model", SERVED, "--alias", "heron-7")
SMALL = ("--families", "crypto", "--levels", "1", "--participant", "null", "--limit-turns", "100000")


def endless(_messages: Messages, number: int) -> Say:
    """A mind that goes on for ever."""
    return Say(f"{SAID} {number}", (("bash", {"command": "sleep 0.2; echo still here"}),))


@contextmanager
def reviewing(desk: Desk, name: str, out: Path) -> Iterator[subprocess.Popen[str]]:
    command = [SEATRIAL, "review", "--submission", name, *MODEL, *SMALL, "--out", out]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(list(map(str, command)), text=True, env=desk.environment, **pipes)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until_called(served: Endpoint, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + WAIT_S
    while len(served.bodies) < SANITY + 3:
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        assert time.monotonic() < deadline, "the review never called the endpoint"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_developer_withdraws_in_the_middle_of_a_review(tmp_path: Path) -> None:
    papers, out = tmp_path / "papers", tmp_path / "run"
    desk = Desk(tmp_path / "home", papers)
    with endpoint(endless) as served:
        name = opened(Desk(desk.home, papers, apart=False), served, KEY, served_as=SERVED)
        with reviewing(desk, name, out) as process:
            until_called(served, process)
            began = time.monotonic()
            said = desk("withdraw", name)
            output, _ = process.communicate(timeout=60)
            took = time.monotonic() - began
            calls = len(served.bodies)
        assert took < 60, output
        assert served.keys == {f"Bearer {KEY}"}
        desk("review", "--submission", name, *MODEL, *SMALL, "--out", tmp_path / "again", code=2)
        assert len(served.bodies) == calls, "the endpoint was called after the withdrawal"
    assert process.returncode == 4, output
    assert "outstanding: STOP_RUNS" not in said
    assert "is in state withdrawn; nothing carries on" in output
    run = json.loads((out / "run.json").read_text())
    assert (run["state"], "withdrawn (owner: developer)" in run["stops"][-1]["reason"]) == ("stopped", True)
    with (out / "samples.csv").open() as file:
        of_model = [row for row in csv.DictReader(file) if row["participant"] == "heron-7"]
    assert [(row["outcome"], row["score"]) for row in of_model] == [("censored", "")]
    registered = f"sha256:{(out / 'plan.digest').read_text().strip()}"
    kinds = recorded(desk, name)
    assert [refs for kind, refs in kinds if kind == "plan.registered"] == [{"plan": registered}]
    in_order = [kind for kind, _ in kinds]
    parts = ("plan.registered", "submission.boundary_closed", "run.started", "submission.withdraw")
    assert sorted(map(in_order.index, parts)) == [in_order.index(kind) for kind in parts]
    assert in_order.index("run.ended") > in_order.index("run.started")
    assert not {"logs.recorded", "report.drafted"} & set(in_order)
    status = json.loads(desk("custody", "status", name))
    assert status["ended"]
    assert "0 differences" in desk("submission", "check")
    _receipts_hold_with_public_keys_only(desk, name, tmp_path / "outside", "withdrawal")

    desk("custody", "key", tmp_path / "person.pem")
    desk("custody", "shred", name, "--signer", tmp_path / "person.pem", "--name", "cas")
    _receipts_hold_with_public_keys_only(desk, name, tmp_path / "outside", "deletion", tmp_path / "person.pub.pem")
    assert not out.exists(), "plain copies of the run are left"
    for place in (desk.home, papers):
        for path in place.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert KEY.encode() not in content, path
                assert SAID.encode() not in content, path
                assert SERVED.encode() not in content, path
    assert KEY not in desk.said + output
    assert SAID not in desk.said + output


def _receipts_hold_with_public_keys_only(desk: Desk, name: str, outside: Path, kind: str, *keys: Path) -> None:
    """As an outsider checks them: the files and public keys are all there is, and no installation."""
    receipts = desk.home / "receipts"
    files = (receipts / f"{kind}-{name}.dsse.json", "--proof", receipts / f"{kind}-{name}.tlog-proof")
    public = ("--log-key", desk.home / "ledger" / "log.vkey", "--key", desk.home / "keys" / "custody.pub.pem")
    others = [word for key in keys for word in ("--key", key)]
    alone = Desk(outside, desk.papers)
    assert "ledger: verified" in alone("custody", "receipt", "verify", *files, *public, *others)
    assert not (outside / "custody.sqlite3").exists()
