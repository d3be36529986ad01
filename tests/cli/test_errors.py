"""What every verb says when it is given what it cannot use: one line, and no traceback."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from seatrial.cli.custodial import private_file
from seatrial.cli.custody import PURPOSE
from seatrial.cli.main import main
from seatrial.custody.crosslab import PURPOSES
from seatrial.ledger.note import LogSigner
from support.framework import digest

DOCS = Path(__file__).parents[2] / "docs"
SUBMISSION = "sub_" + "0" * 32
OWNER = ("--as", "ada", "lab-a", "developer_owner")
OFFER = ("submit", "--developer", "lab-a", "--person", "ada", "--code-name", "heron-7", "--digest", digest("heron-7"))
TOO_DEEP = "[" * 100_000
NOT_A_DATABASE = b"this is no database, and long enough to be looked at as one " * 20


def refused(*words: object, code: int = 2) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert (result.exit_code, type(result.exception)) == (code, SystemExit), result.output
    [line] = result.stderr.splitlines()
    assert line.startswith("seatrial: ")
    return line


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home"


def named(command: click.Command, words: list[str]) -> str:
    """The first word that names no verb; empty where all do."""
    for word in words:
        if word.startswith("-") or not isinstance(command, click.Group):
            return ""
        if word not in command.commands:
            return word
        command = command.commands[word]
    return ""


def test_every_verb_that_the_documents_print_is_there() -> None:
    printed = [
        (path.name, line.split("#")[0].split())
        for path in sorted(DOCS.glob("*.md"))
        for line in re.findall(r"(?:^ *|`)seatrial ((?:[a-z-]+ ?)+)", path.read_text(), re.MULTILINE)
    ]
    assert len(printed) > 40
    assert [(name, words) for name, words in printed if named(main, words)] == []


@pytest.mark.parametrize(
    "words",
    [
        ("custody", "status", SUBMISSION),
        ("custody", "sweep"),
        ("withdraw", SUBMISSION),
        ("gateway", "--port", "0"),
        ("submission", "list", *OWNER),
    ],
)
def test_a_custody_file_that_is_no_database_is_said(home: Path, words: tuple[str, ...]) -> None:
    (home / "custody.sqlite3").write_bytes(NOT_A_DATABASE)
    assert "a database does not answer: file is not a database" in refused(*words)
    assert (home / "custody.sqlite3").read_bytes() == NOT_A_DATABASE


def test_rows_that_are_no_database_are_said(home: Path) -> None:
    (home / "seatrial.sqlite3").write_bytes(NOT_A_DATABASE)
    assert "a database does not answer" in refused("submission", "list", *OWNER)
    (home / "ledger").mkdir()
    (home / "ledger" / "log.sqlite").write_bytes(NOT_A_DATABASE)
    assert "a database does not answer" in refused("ledger", "init", "agency.example/log")


def test_a_home_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_HOME", "/dev/null")
    assert refused("submission", "list", *OWNER) == "seatrial: /dev/null: File exists"


@pytest.mark.usefixtures("home")
def test_what_is_nested_without_end_is_not_read(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.write_text("a = " + TOO_DEEP)
    assert "is not TOML" in CliRunner().invoke(main, ["framework", "check", str(deep)]).stdout
    deep.write_text(TOO_DEEP)
    act = ("submission", "act", SUBMISSION, "give_consent", *OWNER)
    assert "no consent" in refused(*act, "--consent", deep)
    refused("custody", "upload", tmp_path, "--url", "https://x.example", "--token-file", deep, "--manifest", deep)


@pytest.mark.usefixtures("home")
def test_a_file_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    act = ("submission", "act", SUBMISSION, "begin_terms", *OWNER)
    assert "longer than" in refused(*act, "--document", "capacity_note=/dev/zero")
    assert "longer than" in refused(*act, "--consent", "/dev/zero")
    assert "longer than" in refused("framework", "show", "/dev/zero")
    CliRunner().invoke(main, ["custody", "key", str(tmp_path / "mine.pem")])
    verify = ("custody", "receipt", "verify", "/dev/zero", "--key", tmp_path / "mine.pub.pem")
    assert "longer than" in refused(*verify)
    assert "longer than" in refused("custody", "upload", "/", "--url", "https://x.example", "--token-file", "/dev/zero")


def test_a_private_file_is_gone_when_what_it_was_for_was_not_made(tmp_path: Path) -> None:
    for number, made in enumerate((True, False)):
        path = tmp_path / str(number)
        with suppress(LookupError), private_file(path) as file:
            assert path.stat().st_mode & 0o777 == 0o600
            file.write(b"a token")
            if not made:
                raise LookupError
        assert path.exists() is made


def test_a_lease_is_for_what_the_gateway_serves() -> None:
    assert set(PURPOSE.choices) == PURPOSES


def test_a_witness_says_what_is_wrong_with_its_state_and_its_address(tmp_path: Path) -> None:
    log = LogSigner.from_seed("agency.example/log", bytes(32)).verifier.text
    witness = ("ledger", "witness", "--log", log, "--key", tmp_path / "key", "--name", "lab.example/witness")
    assert "a database does not answer" in refused(*witness, "--state", tmp_path / "no" / "state")
    assert "--listen" in refused(*witness, "--state", tmp_path / "state", "--listen", "127.0.0.1:99999")


@pytest.mark.usefixtures("home")
def test_who_evaluates_is_no_developer_and_a_role_fits_its_organisation() -> None:
    assert "--evaluator lab-a" in refused(*OFFER, "--evaluator", "lab-a")
    CliRunner().invoke(main, ["submission", "enrol", "zoe", "lab-b", "developer_owner", "--kind", "developer"])
    assert "--evaluator lab-b" in refused(*OFFER, "--evaluator", "lab-b")
    for role in ("evaluator", "runner", "operator"):
        assert "its people can be" in refused("submission", "enrol", "zed", "lab-b", role, "--by", "zoe")
    assert "its people can be" in refused("submission", "enrol", "zed", "bureau", "custodian")
