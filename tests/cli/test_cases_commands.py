"""`seatrial cases`, `outbox` and `claims` as a coordinator uses them, from a case to a file that may be sent."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from seatrial.clearinghouse.cluster import Cluster, Member
from seatrial.clearinghouse.event import Actor, Event, EventType
from seatrial.clearinghouse.finding import AiOrigin, Artefact, ArtefactRole, Claim, Compartment, Finding, Recipe, Target
from seatrial.clearinghouse.origin import Origin
from seatrial.clearinghouse.rating.raters import Proposal, RaterKind, Rating, decide
from seatrial.clearinghouse.secrecy.commitment import commit
from seatrial.clearinghouse.store import Batch, Received
from seatrial.cli.case_place import Place
from seatrial.cli.main import main

if TYPE_CHECKING:
    from click.testing import Result

ANA = ("--as", "per-ana", "house-1", "coordinator")
BEN = ("--as", "per-ben", "house-1", "analyst")
CASE = "SC-2026-0001"
RATING = Rating(
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CWE-787",
)
MODEL = "heron-7"


class Run:
    """The command, as a person types it."""

    def __call__(self, *words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, words)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    def json(self, *words: str) -> object:
        return json.loads(self(*words, "--json").stdout)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    made = Run()
    made("submission", "enrol", "per-ana", "house-1", "coordinator", "--kind", "clearinghouse")
    made("submission", "enrol", "per-ben", "house-1", "analyst", "--by", "per-ana")
    return made


def clustered() -> str:
    """A reproduced finding, its cluster and a decided rating, as other verbs would have left them."""
    place = Place.open(ANA[1:])
    at, who = datetime.now(UTC), Actor("per-ben", "analyst")
    origin = Origin("1" * 32, "house-1", "house-1", at, model=(MODEL,), run="run-of-heron")
    finding = Finding(
        origin_ref=origin.ref,
        ai_origin=AiOrigin.GENERATED,
        target=Target(purl="pkg:generic/parser@1.4.1"),
        claim=Claim(title="Heap overflow in parse_header", cwe=(787,), summary="The length field is trusted."),
        artefacts=(Artefact(role=ArtefactRole.POV, sha256="cd" * 32, size=7, compartment=Compartment.EXPLOIT),),
        recipe=Recipe(image="sha256:" + "0" * 64, run=("parser", "{pov}")),
    )
    received = Event.following(None, finding.finding_id, EventType.RECEIVED, {}, who, at, os.urandom(16))
    nonce = os.urandom(32)
    batch = Batch((Received(finding, (received,), commit(nonce, finding.canonical()), nonce),), (origin,))
    place.store.put_findings(place.viewer, batch)
    [name] = place.store.new_cluster_ids(place.viewer, 1)
    member = Member(finding_id=finding.finding_id, represents=True)
    cluster = Cluster(cluster_id=name, project="pkg:generic/parser", keeper="house-1", members=(member,))
    joined = Event.following(None, name, EventType.JOINED, {"finding": finding.finding_id}, who, at, os.urandom(16))
    proposals = [Proposal("rules", RaterKind.RULE, RATING, at), Proposal("per-eva", RaterKind.PERSON, RATING, at)]
    decision = decide(proposals, RATING, person="per-ben", reason="both agree", at=at).document()
    rated = Event.following(joined, name, EventType.RATING_DECIDED, decision, who, at, os.urandom(16))
    place.store.append(place.viewer, [joined, rated], [cluster])
    return name


def test_from_a_case_to_a_file_that_a_person_may_send(run: Run) -> None:
    cluster = clustered()
    run("cases", "open", "overflow in parse", "--cluster", cluster, *ANA)
    run("cases", "join", CASE, "acme", "--role", "vendor", "--product", "parser", "--contact", "sec@acme.test", *ANA)
    made = run.json(
        "outbox", "draft", CASE, cluster, "acme", "--reply-to", "desk@house.test", "--zone", "Europe/Berlin", *ANA
    )
    assert isinstance(made, dict)
    draft = made["draft"]
    text = run("outbox", "show", CASE, draft, *ANA).stdout
    assert "run: parser {pov}" in text
    assert "written by an AI model" in text
    assert "cd" * 32 in text
    assert MODEL not in text

    assert "nobody has signed it off" in run("outbox", "list", *ANA).stdout
    assert "nobody has signed it off" in run("outbox", "release", CASE, draft, *ANA, code=2).stderr
    assert (
        "somebody else signs it off" in run("outbox", "signoff", CASE, draft, "--reason", "mine", *BEN, code=2).stderr
    )
    run("outbox", "signoff", CASE, draft, "--reason", "read it, and the proof runs", *ANA)
    assert "ready" in run("outbox", "list", *ANA).stdout
    gone = run.json("outbox", "release", CASE, draft, *ANA)
    assert isinstance(gone, dict)
    assert Path(gone["file"]).read_text() == text
    assert run.json("outbox", "list", *ANA) == []
    assert "let go already, by per-ana" in run("outbox", "release", CASE, draft, *ANA, code=2).stderr
    paced = run.json("cases", "pace", "sec@acme.test", *ANA)
    assert isinstance(paced, dict)
    assert paced["open"] == [cluster]


def test_a_cases_states_clocks_and_embargo(run: Run, tmp_path: Path) -> None:
    run("cases", "open", "overflow in parse", "--cluster", "C-000009", "--policy", "certcc", *ANA)
    run("cases", "join", CASE, "acme", "--role", "vendor", "--product", "parser", "--contact", "sec@acme.test", *ANA)
    run("cases", "contact", CASE, "acme", "--way", "mail", "--outcome", "reached", *ANA)
    assert "acme                 vendor         received   Vfdpxa  silent" in run("cases", "show", CASE, *ANA).stdout
    run("cases", "say", CASE, "acme", "thank you", "--thread", "parser", *ANA)
    run("cases", "status", CASE, "acme", "--product", "parser", "--status", "affected", "--tracking", "ACME-1", *ANA)
    run("cases", "rm", CASE, "acme", "valid", *ANA)
    assert "no step from valid to closed" in run("cases", "rm", CASE, "acme", "closed", *ANA, code=2).stderr
    run("cases", "em", CASE, "propose", "--end", "2099-02-01T09:00:00+01:00", "--zone", "Europe/Berlin", *ANA)
    run("cases", "em", CASE, "accept", "--by", "acme", *ANA)
    assert (
        "as 2026-11-23T10:00:00Z"
        in run("cases", "em", CASE, "propose", "--end", "2099-02-01T09:00:00", *ANA, code=2).stderr
    )
    assert "left by agreement" in run("cases", "em", CASE, "exit", "--reason", "why", *ANA, code=2).stderr
    run("cases", "clock", CASE, "--pause", "disclosure", "--reason", "away", *ANA)
    run("cases", "clock", CASE, "--resume", "disclosure", *ANA)
    assert (
        "more takes the word of every vendor"
        in run(
            "cases", "clock", CASE, "--extend", "disclosure", "--seconds", "5", "--reason", "busy", *ANA, code=2
        ).stderr
    )
    run("cases", "clock", CASE, "--policy", "house-1", *ANA)
    assert "no nope; there is anthropic-2026-03" in run("cases", "clock", CASE, "--policy", "nope", *ANA, code=2).stderr
    run("cases", "clock", CASE, "--accepts", "house-1", "--by", "acme", *ANA)
    [line] = run.json("cases", "list", *ANA)  # type: ignore[misc]  # a list of one
    assert (line["policy"], line["embargo"], line["silent"]) == ("house-1", "active", [])
    run("cases", "fix", CASE, "acme", "1.4.2", *ANA)
    run("cases", "fix", CASE, "acme", "1.4.2", "--verified", *ANA)
    run("cases", "cs", CASE, "X", "--evidence", "https://example.org", *ANA)
    shown = run("cases", "show", CASE, *ANA).stdout
    assert "act: leave the embargo: the public is aware; an exploit is public" in shown
    run("cases", "em", CASE, "exit", "--reason", "an exploit is public", *ANA)
    run("cases", "escalate", CASE, "--to", "cert", "--reason", "several vendors", *ANA)
    seen = run.json("cases", "show", CASE, "--seen-by", "acme", *ANA)
    assert isinstance(seen, dict)
    assert {one["organisation"] for one in seen["participants"]} == {"house-1", "acme"}
    (tmp_path / "SECURITY.md").write_text("Mail security@acme.test")
    assert "security_md     found    security@acme.test" in run("cases", "contacts", str(tmp_path)).stdout


def test_whoever_is_no_member_sees_no_case(run: Run) -> None:
    run("cases", "open", "overflow in parse", "--cluster", "C-000009", *ANA)
    stranger = ("--as", "per-zoe", "house-1", "coordinator")
    assert "is no coordinator of house-1 now" in run("cases", "list", *stranger, code=2).stderr
    run("submission", "enrol", "zoe", "lab-b", "developer_owner", "--kind", "developer")
    rival = ("--as", "zoe", "lab-b", "developer_owner")
    assert run("cases", "list", *rival).stdout == ""
    here = run("cases", "show", CASE, *rival, code=2).stderr
    absent = run("cases", "show", "SC-2026-0099", *rival, code=2).stderr
    assert here.replace(CASE, "") == absent.replace("SC-2026-0099", "")


def test_claims(run: Run) -> None:
    place = ("github.com/a/b", "src/x.c", "787")
    assert run("claims", "check", *place, *ANA).stdout == "unknown\n"
    run("claims", "add", *place, *BEN)
    assert run("claims", "check", *place, *ANA).stdout.startswith("claimed since 20")
    assert run("claims", "check", "github.com/a/b", "src/y.c", "787", *ANA).stdout == "unknown\n"
