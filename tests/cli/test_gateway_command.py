"""`seatrial gateway` and `seatrial review --submission`: processes of their own over one installation."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.custody.home import CustodyHome
from seatrial.custody.lease import Limits
from seatrial.custody.sqlite_access import SqliteAccessStore
from support.custody import made_lease
from support.endpoint import Endpoint, endpoint
from support.minds import Solver, instance_of

SEATRIAL = Path(sys.executable).with_name("seatrial")
KEY = "sk-canary-1f5c7a-gateway"
LIMITS = Limits(1000, 10**7, 10**7, 32, max_output_per_request=4096)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    (tmp_path / "key.txt").write_text(KEY)
    return tmp_path / "home"


def seatrial(*words: object, code: int = 0) -> str:
    done = subprocess.run([SEATRIAL, *map(str, words)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def submitted(served: Endpoint, home: Path) -> str:
    said = seatrial(
        *("submit", "--developer", "lab-a", "--person", "per-1", "--evaluator", "bureau", "--code-name", "alpha"),
        *("--digest", "sha256:" + "0" * 64),
    )
    found = re.search(r"sub_[0-9a-f]{32}", said)
    assert found, said
    key = home.parent / "key.txt"
    seatrial("custody", "deposit", found[0], "--url", served.url, "--credential", key, "--on-site")
    return found[0]


@contextmanager
def running_gateway() -> Iterator[str]:
    process = subprocess.Popen([SEATRIAL, "gateway", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().removeprefix("gateway: ").strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
def test_a_review_of_a_submission_through_a_running_gateway(home: Path, tmp_path: Path) -> None:
    out, token_file = tmp_path / "run", tmp_path / "lease.txt"
    with endpoint(Solver(instance_of("journey", "memfind", 1))) as served:
        submission = submitted(served, home)
        custody = CustodyHome.open(home)
        lease, token = made_lease(submission=submission, models=("alpha",), content_owners=("lab-a",), limits=LIMITS)
        custody.leases.issue(lease, datetime.now(UTC))
        token_file.write_text(token + "\n")
        with running_gateway() as address:
            seatrial(
                *("review", "--submission", submission, "--model", "alpha", "--alias", "alpha", "--seed", "journey"),
                *("--families", "memfind", "--levels", "1", "--participant", "null", "--out", out),
                *("--lease", token_file, "--gateway", address),
            )
        assert served.keys == {f"Bearer {KEY}"}
    with (out / "samples.csv").open() as file:
        assert "solved" in {row["outcome"] for row in csv.DictReader(file) if row["participant"] == "alpha"}
    plan = json.loads((out / "plan.json").read_text())
    assert (plan["submission"], plan["lease_digest"]) == (submission, f"sha256:{lease.token_digest}")
    rows = SqliteAccessStore(custody.file).of_submission(submission)
    assert len([row for _, row in rows if row.path != "lease"]) == len(served.bodies)
    assert {body["max_tokens"] for body in served.bodies if "tools" in body} == {LIMITS.max_output_per_request}
    for place in (out, home):
        for path in place.rglob("*"):
            if path.is_file():
                assert KEY.encode() not in path.read_bytes(), path
                assert token.encode() not in path.read_bytes(), path


def test_without_open_access_there_is_no_lease_and_no_review(home: Path, tmp_path: Path) -> None:
    with endpoint(Solver(instance_of("journey", "memfind", 1))) as served:
        submission = submitted(served, home)
        said = seatrial("review", "--submission", submission, "--model", "alpha", "--out", tmp_path / "run", code=2)
        assert "is in state submitted, where no run begins; the developer opens access first" in said
        assert served.bodies == []


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (("--lease", __file__), "name it with --submission"),
        (("--submission", "sub_" + "0" * 32), "needs --model"),
        (("--submission", "sub_" + "0" * 32, "--model", "m", "--gateway", "http://127.0.0.1:1"), "go together"),
        (("--submission", "Lab A's model", "--model", "m"), "--submission"),
    ],
)
def test_options_that_do_not_go_together(options: tuple[str, ...], wrong: str) -> None:
    assert wrong in seatrial("review", *options, code=2)
