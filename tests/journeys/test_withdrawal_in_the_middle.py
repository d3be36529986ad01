"""From the offer to a running review that its developer ends alone: who saw what, what dies when, and what is left."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.cli.installation import shipped_pack
from seatrial.framework.consent import Activity
from seatrial.framework.document import Document
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Actor
from seatrial.house import House
from seatrial.ledger.event import Event
from seatrial.storage.codec import encode
from support.endpoint import Endpoint, Messages, Say, endpoint
from support.framework import consent, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

SEATRIAL = Path(sys.executable).with_name("seatrial")
KEY = "sk-canary-77ab31-endpoint"
SAID = "canary-transcript-5b1d"
WAIT_S = 120
OWNER = ("--as", "ada", "lab-a", "developer_owner")
LEAD = ("--as", "lin", "bureau", "evaluator_lead")
EVALUATOR = ("--as", "eve", "bureau", "evaluator")
PREFLIGHT = ("preflight_record", "endpoint_sanity_record")
RUN = digest("the run's preflight")
MODEL = ("--model", "alpha", "--alias", "heron-7")
SMALL = ("--families", "crypto", "--levels", "1", "--participant", "null", "--limit-turns", "100000")


def endless(_messages: Messages, number: int) -> Say:
    """A mind that goes on for ever."""
    return Say(f"{SAID} {number}", (("bash", {"command": "sleep 0.2; echo still here"}),))


class Desk:
    """Commands over one installation, and everything they said."""

    def __init__(self, home: Path, papers: Path) -> None:
        self.home, self.papers, self.said = home, papers, ""
        self.environment = {**os.environ, "SEATRIAL_HOME": str(home)}

    def __call__(self, *words: object, code: int = 0) -> str:
        done = subprocess.run(
            [SEATRIAL, *map(str, words)], capture_output=True, text=True, timeout=300, check=False, env=self.environment
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def act(self, name: str, event: str, who: tuple[str, ...], *kinds: str, consents: Path | None = None) -> None:
        brought: list[object] = []
        for kind in kinds:
            paper = self.papers / f"{kind}.md"
            paper.write_text(f"# {kind}\n")
            brought += ["--document", f"{kind}={paper}"]
        self("submission", "act", name, event, *who, *brought, *(("--consent", consents) if consents else ()))


def opened(desk: Desk, served: Endpoint) -> str:
    """A submission whose access is open and whose boundary was shown closed, by everybody's own acts."""
    key = desk.papers / "key.txt"
    key.write_text(KEY)
    offer = ("--developer", "lab-a", "--person", "ada", "--evaluator", "bureau", "--code-name", "heron-7")
    offered = ("--url", "https://models.lab-a.example/v1", "--served-as", "alpha", "--credential", key)
    said = desk("submit", *offer, "--digest", digest("heron-7"), "--pack", "minimal", *offered)
    (name,) = set(re.findall(r"sub_[0-9a-f]{32}", said))
    desk("custody", "deposit", name, "--url", served.url, "--credential", key, "--on-site")
    key.unlink()
    desk("submission", "enrol", "lin", "bureau", "evaluator_lead")
    desk("submission", "enrol", "eve", "bureau", "evaluator", "--by", "lin")
    desk.act(name, "begin_terms", LEAD, "capacity_note")
    given = desk.papers / "consent.json"
    allowed = consent(Activity.EVALUATE, of=name.replace("sub_", "sbj_"), given=datetime.now(UTC), days=60)
    given.write_text(json.dumps(encode(allowed)))
    desk.act(name, "give_consent", OWNER, consents=given)
    for who in (OWNER, LEAD):
        desk("submission", "key", name, "agree", *who, "--digest", digest("the agreement"))
    desk.act(name, "agree", LEAD, "agreement", "data_use_schedule", "incident_plan")
    desk.act(name, "register_plan", LEAD, "plan", "budget")
    desk.act(name, "grant_access", OWNER, "access_receipt")
    desk.act(name, "start_preflight", EVALUATOR)
    at = datetime.now(UTC)
    papers = tuple(Document(kind, 1, digest(kind), "bureau", ("runner-1",), at) for kind in PREFLIGHT)
    shut = Act("boundary_closed", Actor("runner-1", "bureau", Role.RUNNER), at, documents=papers, request_digest=RUN)
    House.open(desk.home, packs=shipped_pack).act(name, shut, at)  # a service of the house has no command of its own
    return name


def recorded(desk: Desk, name: str) -> list[tuple[str, dict[str, str]]]:
    """What the record holds of a submission, in order."""
    with House.open(desk.home, packs=shipped_pack).log.store.reading() as log:
        events = [Event.parse(log.entry(index)) for index in log.indexes(name)]
    return [(event.kind, dict(event.refs)) for event in events]


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
    while len(served.bodies) < 3:
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        assert time.monotonic() < deadline, "the review never called the endpoint"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_developer_withdraws_in_the_middle_of_a_review(tmp_path: Path) -> None:
    papers, out = tmp_path / "papers", tmp_path / "run"
    papers.mkdir()
    desk = Desk(tmp_path / "home", papers)
    with endpoint(endless) as served:
        name = opened(desk, served)
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
    run = json.loads((out / "run.json").read_text())
    assert (run["state"], "withdrawn (owner: developer)" in run["stops"][-1]["reason"]) == ("stopped", True)
    with (out / "samples.csv").open() as file:
        of_model = [row for row in csv.DictReader(file) if row["participant"] == "heron-7"]
    assert [(row["outcome"], row["score"]) for row in of_model] == [("censored", "")]
    registered = f"sha256:{(out / 'plan.digest').read_text().strip()}"
    kinds = recorded(desk, name)
    assert [refs for kind, refs in kinds if kind == "plan.registered"] == [{"plan": registered}]
    assert [kind for kind, _ in kinds].index("plan.registered") < [kind for kind, _ in kinds].index(
        "submission.withdraw"
    )
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
