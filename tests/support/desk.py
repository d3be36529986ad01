"""The command line over one installation, and a submission led to where a review of it may begin."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from seatrial.cli.main import main
from seatrial.framework.consent import Activity
from seatrial.house import House
from seatrial.ledger.event import Event
from seatrial.shipped import shipped_pack
from seatrial.storage.codec import encode
from support.framework import consent, digest

if TYPE_CHECKING:
    from support.endpoint import Endpoint

SEATRIAL = Path(sys.executable).with_name("seatrial")
OWNER = ("--as", "ada", "lab-a", "developer_owner")
LEAD = ("--as", "lin", "bureau", "evaluator_lead")
EVALUATOR = ("--as", "eve", "bureau", "evaluator")


class Desk:
    """Commands over one installation, and everything they said; `apart`: each in a process of its own."""

    def __init__(self, home: Path, papers: Path, *, apart: bool = True) -> None:
        self.home, self.papers, self.apart, self.said = home, papers, apart, ""
        self.environment = {**os.environ, "SEATRIAL_HOME": str(home)}
        papers.mkdir(exist_ok=True)

    def __call__(self, *words: object, code: int = 0) -> str:
        run = self._apart if self.apart else self._here
        returned, out, err = run(list(map(str, words)))
        self.said += out + err
        assert returned == code, out + err
        assert "Traceback" not in err
        return out if code == 0 else out + err

    def _apart(self, words: list[str]) -> tuple[int, str, str]:
        done = subprocess.run(
            [SEATRIAL, *words], capture_output=True, text=True, timeout=300, check=False, env=self.environment
        )
        return done.returncode, done.stdout, done.stderr

    def _here(self, words: list[str]) -> tuple[int, str, str]:
        result = CliRunner().invoke(main, words, env={"SEATRIAL_HOME": str(self.home)})
        return result.exit_code, result.stdout, result.stderr

    def act(self, name: str, event: str, who: tuple[str, ...], *kinds: str, consents: Path | None = None) -> None:
        brought: list[object] = []
        for kind in kinds:
            paper = self.papers / f"{kind}.md"
            paper.write_text(f"# {kind}\n")
            brought += ["--document", f"{kind}={paper}"]
        self("submission", "act", name, event, *who, *brought, *(("--consent", consents) if consents else ()))


def opened(desk: Desk, served: Endpoint, secret: str, *, began: bool = True, served_as: str = "alpha") -> str:
    """A submission with open access, by everybody's own acts; begun: it waits for its boundary to be shown closed."""
    key = desk.papers / "key.txt"
    key.write_text(secret)
    offer = ("--developer", "lab-a", "--person", "ada", "--evaluator", "bureau", "--code-name", "heron-7")
    offered = ("--url", "https://models.lab-a.example/v1", "--served-as", served_as, "--credential", key)
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
        desk("submission", "key", name, "agree", *who, "--digest", digest("# agreement\n"))
    desk.act(name, "agree", LEAD, "agreement", "data_use_schedule", "incident_plan")
    desk.act(name, "register_plan", LEAD, "plan", "budget")
    desk.act(name, "grant_access", OWNER, "access_receipt")
    if began:
        desk.act(name, "start_preflight", EVALUATOR)
    return name


def recorded(desk: Desk, name: str) -> list[tuple[str, dict[str, str]]]:
    """What the record holds of a submission, in order."""
    with House.open(desk.home, packs=shipped_pack).log.store.reading() as log:
        events = [Event.parse(log.entry(index)) for index in log.indexes(name)]
    return [(event.kind, dict(event.refs)) for event in events]
