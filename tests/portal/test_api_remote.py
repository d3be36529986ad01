"""The command line at a portal on loopback, by a service token: the same words and exit codes as at an installation."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from seatrial.cli.main import main
from seatrial.cli.weights import receiver
from seatrial.custody.credential import opened_endpoint
from seatrial.custody.serving import served
from seatrial.framework.participant import Membership, Role
from seatrial.registry import Registry
from support.portal_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from portal.conftest import Served

DIGEST = "sha256:" + "a" * 64
OFFER = ("--evaluator", "bureau", "--code-name", "heron-7", "--digest", DIGEST)
KEY = "sk-canary-4711"


class Pipeline:
    """A pipeline's environment: the portal's address, its token in a file, and nothing of the installation."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder

    def token(self, portal: Served, person: str, organisation: str, role: Role) -> Pipeline:
        portal.enter(person, organisation, role)
        by = Membership(person, organisation, role, datetime.now(UTC))
        _, secret = Registry(portal.house).issue_token(by, "pipeline", ("read", "act"), datetime.now(UTC))
        (self.folder / "token").write_text(secret + "\n")
        return self

    def __call__(self, *words: str, code: int = 0) -> Result:
        environment = {
            "SEATRIAL_PORTAL": self.url,
            "SEATRIAL_PORTAL_TOKEN_FILE": str(self.folder / "token"),
            "SEATRIAL_HOME": str(self.folder / "empty"),
        }
        result = CliRunner().invoke(main, list(words), env=environment)
        assert result.exit_code == code, result.output
        assert len(result.stderr.splitlines()) <= 1
        return result


@pytest.fixture
def ada(portal: Served, tmp_path: Path) -> Iterator[Pipeline]:
    with serving() as url:
        (tmp_path / "ada").mkdir()
        yield Pipeline(url, tmp_path / "ada").token(portal, "ada", "lab-a", Role.DEVELOPER_OWNER)


def local(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), env={"SEATRIAL_PORTAL": "", "SEATRIAL_PORTAL_TOKEN_FILE": ""})


def test_a_submission_from_its_offer_to_its_withdrawal(portal: Served, ada: Pipeline, tmp_path: Path) -> None:
    said = ada("submit", *OFFER).stdout
    name = re.findall(r"submitted: (sub_[0-9a-f]{32}) \(heron-7, pack minimal", said)[0]
    who = ("--as", "ada", "lab-a", "developer_owner")
    for words in (("list",), ("list", "--json"), ("show", name), ("show", name, "--json")):
        here, there = local("submission", *words, *who), ada("submission", *words)
        assert (there.stdout, there.exit_code) == (here.stdout, here.exit_code), words
    date = ("act", name, "record_release_date", "--date", "2026-12-01T09:00:00Z")
    acted = ada("submission", *date, "--receipt", str(tmp_path / "receipts"))
    assert acted.stdout.splitlines()[0] == f"{name}: submitted"
    [proof] = (tmp_path / "receipts").iterdir()
    assert f"receipt: {proof}" in acted.stdout
    (tmp_path / "lin").mkdir()
    lin = Pipeline(ada.url, tmp_path / "lin").token(portal, "lin", "bureau", Role.EVALUATOR_LEAD)
    note = tmp_path / "note"
    note.write_text("room in December")
    assert (
        lin("submission", "act", name, "begin_terms", "--document", f"capacity_note={note}").stdout
        == f"{name}: terms\n"
    )
    withdrawn = ada("withdraw", name, "--to", str(tmp_path / "out"))
    again = ada("withdraw", name, "--to", str(tmp_path / "out"))
    assert withdrawn.stdout.splitlines()[0] == again.stdout.splitlines()[0]
    assert withdrawn.stdout.startswith(f"withdrawn: {name} at ")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} >= {".json", ".md"}
    assert not (ada.folder / "empty").exists()


def test_what_is_not_done_is_one_line_and_exit_code_2(portal: Served, ada: Pipeline, tmp_path: Path) -> None:
    name = re.findall(r"sub_[0-9a-f]{32}", ada("submit", *OFFER).stdout)[0]
    (tmp_path / "rio").mkdir()
    rio = Pipeline(ada.url, tmp_path / "rio").token(portal, "rio", "lab-b", Role.DEVELOPER_OWNER)
    for pipeline, words, told in (
        (rio, ("submission", "show", name), "Not found"),
        (rio, ("withdraw", name), "Not found"),
        (ada, ("submission", "act", name, "grant_access"), "grant_access from submitted is not possible"),
        (ada, ("submission", "act", name, "withdraw"), "run: seatrial withdraw"),
        (ada, ("submission", "key", name, "agree", "--digest", DIGEST), "Not for a service token"),
        (ada, ("submission", "key", name, "agree", "--digest", "x"), "Not for a service token"),
        (ada, ("submit", *OFFER[:-1], "x"), "digest"),
        (ada, ("submission", "list", "--portal", "http://portal.example"), "https"),
        (ada, ("submission", "list", "--portal", "http://127.0.0.1:9"), "cannot be reached"),
        (ada, ("submission", "list", "--token-file", str(tmp_path / "none")), "No such file"),
    ):
        assert told in pipeline(*words, code=2).stderr, words
    (ada.folder / "token").write_text("sea_svc_" + "x" * 43)
    assert "Not signed in" in ada("submission", "list", code=2).stderr
    (ada.folder / "token").write_text("hunter2")
    assert "hunter2" not in ada("submission", "list", code=2).stderr


def test_an_endpoint_goes_to_custody_and_past_the_portal(
    portal: Served, ada: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ada.folder / "key").write_text(KEY)
    endpoint = ("--url", "https://models.lab-a.example/v1", "--credential", str(ada.folder / "key"))
    with served(receiver(portal.installation, 0)) as custody:
        monkeypatch.setattr("seatrial.portal.api.custody.place", lambda: type("P", (), {"custody_url": custody}))
        said = ada("submit", *OFFER, *endpoint).stdout
    assert "endpoint: sealed" in said
    name = re.findall(r"sub_[0-9a-f]{32}", said)[0]
    opened = portal.installation.custody
    kept = opened_endpoint(opened.vault, opened.credentials.get(name), datetime.now(UTC))
    assert kept.key.reveal().decode() == KEY
    listed = json.loads(ada("submission", "show", name, "--json").stdout)
    assert KEY not in json.dumps(listed)
