"""`seatrial submission` as people use it, from an offer to an agreement, and what it says to those who may not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from seatrial.cli.main import main
from seatrial.storage.codec import encode
from support.framework import consent, digest

if TYPE_CHECKING:
    from click.testing import Result

from seatrial.framework.consent import Activity

OWNER = ("--as", "ada", "lab-a", "developer_owner")
LEAD = ("--as", "lin", "bureau", "evaluator_lead")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return Run()


class Run:
    """The command, as a person types it."""

    def __call__(self, *words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, words)
        assert result.exit_code == code, result.output
        return result

    def offered(self) -> str:
        offer = ("--developer", "lab-a", "--person", "ada", "--evaluator", "bureau", "--code-name", "heron-7")
        self("submit", *offer, "--digest", digest("heron-7"), "--pack", "minimal")
        self("submission", "enrol", "lin", "bureau", "evaluator_lead")
        [found] = json.loads(self("submission", "list", *OWNER, "--json").stdout)
        return str(found["submission"])


def test_an_offer_is_seen_by_both_sides_and_by_nobody_else(run: Run) -> None:
    name = run.offered()
    assert name in run("submission", "list", *LEAD).stdout
    run("submission", "enrol", "zoe", "lab-b", "developer_owner", "--kind", "developer")
    rival = ("--as", "zoe", "lab-b", "developer_owner")
    assert run("submission", "list", *rival).stdout == ""
    shown = run("submission", "show", name, *rival, code=2).stderr
    absent = run("submission", "show", "sub_" + "0" * 32, *rival, code=2).stderr
    assert shown.replace(name, "") == absent.replace("sub_" + "0" * 32, "")


def test_acts_with_papers_and_keys_lead_to_an_agreement(run: Run, tmp_path: Path) -> None:
    name = run.offered()
    paper = tmp_path / "paper.md"
    paper.write_text("as agreed")
    run("submission", "act", name, "begin_terms", *LEAD, "--document", f"capacity_note={paper}")
    shown = json.loads(run("submission", "show", name, *OWNER, "--json").stdout)
    assert (shown["state"], [step["event"] for step in shown["steps"]][-1]) == ("terms", "begin_terms")
    given = tmp_path / "consent.json"
    evaluate = encode(consent(Activity.EVALUATE, of=name.replace("sub_", "sbj_"), days=60))
    given.write_text(json.dumps(evaluate))
    run("submission", "act", name, "give_consent", *OWNER, "--consent", str(given))
    turning = ("submission", "key", name, "agree", "--digest", digest("as agreed"))
    assert "missing: the key of evaluator_lead of bureau" in run(*turning, *OWNER).stdout
    assert "both keys are turned until" in run(*turning, *LEAD).stdout
    assert f"agree of {name}" in run("submission", "keys", name, *OWNER).stdout
    papers = [f"{kind}={paper}" for kind in ("agreement", "data_use_schedule", "incident_plan")]
    brought = [word for one in papers for word in ("--document", one)]
    outcome = run("submission", "act", name, "agree", *LEAD, *brought, "--receipt", str(tmp_path / "receipts"))
    assert f"{name}: agreed" in outcome.stdout
    [receipt] = (tmp_path / "receipts").iterdir()
    assert receipt.read_bytes().startswith(b"c2sp.org/tlog-proof@v1")
    assert "0 differences" in run("submission", "check").stdout


def test_what_is_not_possible_is_said_in_one_line(run: Run) -> None:
    name = run.offered()
    said = run("submission", "act", name, "grant_access", *OWNER, code=2).stderr
    assert said.startswith("seatrial: grant_access from submitted is not possible")
    assert len(said.splitlines()) == 1
    for words in (
        ("submission", "act", name, "withdraw", *OWNER),
        ("submission", "show", name, "--as", "bob", "lab-a", "developer_owner"),
        ("submission", "show", name, "--as", "ada", "lab-a", "emperor"),
        ("submission", "list", "--as", "runner", "house", "runner"),
        ("submission", "act", name, "begin_terms", *LEAD, "--document", "capacity_note"),
        ("submission", "act", name, "begin_terms", *LEAD, "--document", "capacity_note=/nowhere"),
        ("submission", "enrol", "eve", "lab-a", "developer_owner"),
        ("submission", "key", name, "agree", *LEAD),
        ("submission", "key", name, "use_weights", *LEAD, "--digest", digest("some weights")),
        ("submission", "key", name, "use_weights", *LEAD, "--upload", "upl_" + "0" * 32, "--lease", "lea_" + "0" * 32),
    ):
        said = run(*words, code=2).stderr
        assert said.startswith("seatrial: ")
        assert len(said.splitlines()) == 1


def test_an_act_whose_receipt_could_not_be_written_is_not_taken(run: Run, tmp_path: Path) -> None:
    name = run.offered()
    act = ("submission", "act", name, "record_release_date", *OWNER, "--date", "2026-12-01T09:00:00Z")
    run(*act, "--receipt", "/dev/null/receipts", code=2)
    before = json.loads(run("submission", "show", name, *OWNER, "--json").stdout)["steps"]
    assert [step["event"] for step in before] == ["open_draft", "submit"]
    run(*act, "--receipt", str(tmp_path / "receipts"))
    assert len(list((tmp_path / "receipts").iterdir())) == 1


def test_who_holds_no_key_asks_for_none_and_a_later_question_hides_no_turned_keys(run: Run, tmp_path: Path) -> None:
    name = run.offered()
    paper = tmp_path / "paper.md"
    paper.write_text("as agreed")
    run("submission", "act", name, "begin_terms", *LEAD, "--document", f"capacity_note={paper}")
    given = tmp_path / "consent.json"
    given.write_text(json.dumps(encode(consent(Activity.EVALUATE, of=name.replace("sub_", "sbj_"), days=60))))
    run("submission", "act", name, "give_consent", *OWNER, "--consent", str(given))
    run("submission", "enrol", "eve", "bureau", "evaluator", "--by", "lin")
    eve = ("--as", "eve", "bureau", "evaluator")
    assert "holds no key" in run("submission", "key", name, "agree", "--digest", digest("else"), *eve, code=2).stderr
    assert run("submission", "keys", name, *OWNER).stdout == ""
    for who in (OWNER, LEAD):
        run("submission", "key", name, "agree", "--digest", digest("as agreed"), *who)
    run("submission", "key", name, "agree", "--digest", digest("something else"), *LEAD)
    other = tmp_path / "other.md"
    other.write_text("something else")
    for agreement, code in ((other, 2), (paper, 0)):
        named = {"agreement": agreement, "data_use_schedule": paper, "incident_plan": paper}
        brought = [word for kind, path in named.items() for word in ("--document", f"{kind}={path}")]
        run("submission", "act", name, "agree", *LEAD, *brought, code=code)


def test_nothing_is_due_of_a_fresh_offer_and_nothing_is_owed(run: Run) -> None:
    run.offered()
    assert run("submission", "due", *OWNER).stdout == ""
    assert "entries made up: 0" in run("submission", "settle").stdout


def test_the_ledger_verb_does_not_continue_a_record_that_an_installation_keeps(run: Run) -> None:
    run.offered()
    assert "seatrial submission continue" in run("ledger", "continue", code=2).stderr
    assert run("submission", "check").exit_code == 0
