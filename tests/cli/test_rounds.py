"""Rounds over one installation: what is due is done once, wherever a process was killed, and to the purge."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from seatrial.cli import custody as verbs
from seatrial.cli.main import main
from seatrial.custody.budget import SUSPENDED, Call, Reservation
from seatrial.custody.lease import LeaseState
from seatrial.custody.receipt import ReceiptKind
from seatrial.custody.records import keep_record
from seatrial.framework.document import Document
from seatrial.framework.standing import Act, Actor, Effect, Standing
from seatrial.framework.submission import SUBMISSION
from seatrial.framework.withdrawal import EVIDENCE_DAYS
from seatrial.house import House
from seatrial.installation import Installation
from seatrial.ledger.event import Event, pseudonym
from seatrial.rounds import Round, go_round, going_round, purged
from seatrial.storage.backup_record import BackupRecord
from support.framework import digest
from support.sealed import lease

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)
OFFER = ("submit", "--developer", "lab-a", "--person", "ada", "--evaluator", "bureau", "--code-name", "heron-7")
OWNER = Actor("ada", "lab-a", "developer_owner")
LEAD = Actor("lin", "bureau", "evaluator_lead")
DONE = {"shredded": 1, "purged": 1}


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exit_code == code, done.output
    return done.output


@dataclass
class Desk:
    """An installation with one submission that was offered and shared."""

    installation: Installation
    name: str

    @property
    def standing(self) -> Standing:
        return self.installation.record(self.name).standing

    def act(self, event: str, actor: Actor, at: datetime, *papers: str, reason: str = "") -> tuple[Effect, ...]:
        brought = tuple(Document(kind, 1, digest(kind), actor.organisation, (actor.person,), at) for kind in papers)
        return self.installation.house.act(self.name, Act(event, actor, at, brought, reason=reason), at).outstanding

    def sealed(self, at: datetime) -> None:
        custody = self.installation.custody
        keep_record(custody.vault, custody.records, self.name, b"a transcript", at)

    def records(self) -> int:
        return self.installation.custody.records.measure(self.name).count

    def leased(self) -> str:
        made, _ = lease(submission=self.name)
        self.installation.custody.leases.issue(made, made.not_before)
        return made.id

    def round(self, now: datetime) -> dict[str, int]:
        went = go_round(self.installation, now)
        assert went.faults == ()
        return {name: count for name, count in went.done.items() if count}

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events()]

    def events(self) -> list[Event]:
        with self.installation.house.log.store.reading() as log:
            return [Event.parse(log.entry(index)) for index in log.indexes(self.name)]


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with one offer, made once; each test works on a copy of it."""
    home = tmp_path_factory.mktemp("offered") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEATRIAL_HOME", str(home))
        name = run(*OFFER, "--digest", digest("heron-7"), "--pack", "minimal").split()[1]
        run("submission", "enrol", "lin", "bureau", "evaluator_lead")
    return home, name


@pytest.fixture
def desk(offered: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    home, name = offered
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return Desk(Installation.open(), name)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def test_a_withdrawal_leaves_nothing_outstanding_and_a_day_later_it_is_purged(desk: Desk, now: datetime) -> None:
    desk.sealed(now)
    held = desk.leased()
    assert desk.act("withdraw", OWNER, now) == ()
    key = desk.installation.house.stream_keys.of(desk.name)
    assert desk.round(now) == {"recorded": 3}, "a key that was made, a lease that was issued and ended"
    assert desk.standing.state == "withdrawn"
    assert desk.round(now + DAY) == DONE, "the end of its key is recorded before the purge forgets whose it was"
    assert (desk.standing.state, desk.standing.subject, desk.records()) == ("purged", None, 0)
    for kind in ("lease.revoked", "key.created", "key.destroyed", "submission.withdraw", "submission.purge"):
        assert desk.kinds().count(kind) == 1, kind
    custodian = pseudonym(key, "house")
    assert {event.actor.pseudonym for event in desk.events() if event.kind == "submission.purge"} == {custodian}
    assert desk.installation.house.stream_keys.of(desk.name) != key
    assert desk.installation.custody.leases.get(held).content_owners is None
    assert desk.installation.house.disagreements() == ()
    assert desk.round(now + 2 * DAY) == {}


def test_a_person_shreds_and_the_submission_is_purged(desk: Desk, tmp_path: Path, now: datetime) -> None:
    BackupRecord(tmp_path / "home").begun(tmp_path / "seatrial-1", now)
    run("withdraw", desk.name)
    run("custody", "key", tmp_path / "cas.pem")
    shred = ("custody", "shred", desk.name, "--signer", tmp_path / "cas.pem", "--name", "cas")
    assert "state: purged" in run(*shred)
    assert desk.kinds().index("deletion.done") < desk.kinds().index("submission.purge")
    kept = desk.installation.custody.receipts.get(ReceiptKind.DELETION, desk.name)
    assert kept is not None
    assert kept.statement["oldest_backup"] == now.isoformat()
    assert "state: purged" in run(*shred)
    assert desk.kinds().count("deletion.done") == 1


def test_a_person_signs_after_the_purge(desk: Desk, tmp_path: Path, now: datetime) -> None:
    desk.act("withdraw", OWNER, now)
    desk.round(now + DAY)
    run("custody", "key", tmp_path / "cas.pem")
    said = run("custody", "shred", desk.name, "--signer", tmp_path / "cas.pem", "--name", "cas")
    assert "proof owed" not in said
    assert desk.kinds()[-1] == "deletion.done"


def test_what_is_declined_is_shredded_in_a_day_and_purged_when_its_time_is_over(desk: Desk, now: datetime) -> None:
    desk.sealed(now)
    assert desk.act("decline", LEAD, now, reason="capacity") == ()
    assert desk.round(now + DAY)["shredded"] == 1
    assert (desk.records(), desk.standing.state) == (0, "declined")
    assert desk.round(now + 29 * DAY) == {}
    assert desk.round(now + 30 * DAY) == {"purged": 1}
    assert desk.standing.state == "purged"


def test_evidence_of_an_incident_waits_ninety_days_unless_the_developer_withdraws(desk: Desk, now: datetime) -> None:
    desk.sealed(now)
    desk.act("record_incident", OWNER, now, "incident_record")
    desk.act("decline", LEAD, now, reason="capacity")
    end = now + EVIDENCE_DAYS * DAY
    assert desk.round(end - DAY).keys() <= {"recorded"}
    assert desk.records() == 1
    assert desk.round(end).items() >= DONE.items()
    assert (desk.standing.state, desk.records()) == ("purged", 0)


def test_a_withdrawal_removes_runs_and_records_and_keeps_the_papers_of_an_incident(desk: Desk, now: datetime) -> None:
    desk.sealed(now)
    desk.act("record_incident", OWNER, now, "incident_record")
    desk.act("decline", LEAD, now, reason="capacity")
    assert desk.act("withdraw", OWNER, now) == ()
    assert desk.round(now + DAY)["shredded"] == 1
    assert (desk.records(), desk.standing.state) == (0, "withdrawn")
    assert desk.standing.holds("incident_record")
    end = now + EVIDENCE_DAYS * DAY
    assert desk.round(end - DAY) == {}
    assert desk.round(end) == {"purged": 1}


def test_a_person_is_told_that_evidence_waits(desk: Desk, tmp_path: Path, now: datetime) -> None:
    desk.act("record_incident", OWNER, now, "incident_record")
    desk.act("decline", LEAD, now, reason="capacity")
    run("custody", "key", tmp_path / "cas.pem")
    said = run("custody", "shred", desk.name, "--signer", tmp_path / "cas.pem", "--name", "cas", code=2)
    assert "evidence of an incident is kept until" in said


@pytest.mark.parametrize("moment", ["shred", "act", "order"])
def test_a_purge_that_is_killed_anywhere_goes_on(
    desk: Desk, now: datetime, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    desk.sealed(now)
    desk.act("withdraw", OWNER, now)
    late = now + DAY
    house, custody = desk.installation.house, desk.installation.custody
    with monkeypatch.context() as killed:
        if moment == "shred":
            killed.setattr(type(custody.credentials), "drop", _killed)
        elif moment == "act":
            killed.setattr(House, "act", _killed)
        else:
            killed.setattr(House, "_carried", _killed)
        went = go_round(desk.installation, late)
        assert went.faults
    again = go_round(desk.installation, late)
    assert again.faults == ()
    assert (desk.standing.state, desk.records()) == ("purged", 0)
    assert desk.kinds().count("submission.purge") == 1
    assert not list((house.home / "keys" / "streams").glob(f"{desk.name}.key"))
    assert house.settle(late) == (0, ())


def _killed(*_: object, **__: object) -> None:
    raise OSError("killed")


def test_a_ledger_that_cannot_append_keeps_no_key_and_no_lease_alive(
    desk: Desk, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sealed(now)
    held = desk.leased()
    with monkeypatch.context() as broken:
        broken.setattr("seatrial.ledger.log.Log.append", _killed)
        assert desk.act("withdraw", OWNER, now) == ()
        went = go_round(desk.installation, now + DAY)
        assert {fault.partition(":")[0] for fault in went.faults} == {"entries made up", "purged", "recorded"}
        assert went.done["shredded"] == 1
        assert desk.installation.custody.leases.get(held).state is LeaseState.REVOKED
        assert desk.records() == 0
    assert desk.round(now + DAY).keys() == {"entries made up", "purged"}
    assert desk.standing.state == "purged"
    assert {"lease.revoked", "key.created", "key.destroyed", "submission.withdraw"} <= set(desk.kinds())


def test_a_lease_that_the_ledger_does_not_take_is_revoked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made, token = lease(submission=desk.name)
    monkeypatch.setattr(verbs, "_lease", lambda *_: (made, token))
    monkeypatch.setattr("seatrial.ledger.log.Log.append", _killed)
    with pytest.raises(OSError, match="killed"):
        verbs.issue(desk.installation, desk.name, {})
    assert desk.installation.custody.leases.get(made.id).state is LeaseState.REVOKED


def test_a_withdrawal_that_the_house_missed_is_made_up(
    desk: Desk, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(House, "act", _killed)
        run("withdraw", desk.name)
    assert desk.standing.state == "submitted"
    assert desk.round(now + timedelta(minutes=1))["withdrawals made up"] == 1
    assert desk.standing.state == "withdrawn"
    assert desk.round(now + timedelta(minutes=2)) == {}


def test_a_pause_holds_leases_back_and_going_on_frees_the_same_ones(desk: Desk, now: datetime) -> None:
    frees = {row.event for row in SUBMISSION.transitions if Effect.RESUME_LEASES in row.effects}
    assert frees == {"resume", "resume_after_incident"}
    rooms, custody = desk.installation.house.rooms, desk.installation.custody
    held, call = desk.leased(), Call("m", 10, 10)
    paused, going = (replace(desk.standing, state=state) for state in ("paused", "preflight"))
    at = custody.leases.get(held).not_before
    rooms[Effect.SUSPEND_LEASES](paused, now)
    assert custody.leases.reserve(held, call, at) == SUSPENDED
    rooms[Effect.RESUME_LEASES](going, now)
    assert isinstance(custody.leases.reserve(held, call, at), Reservation)
    rooms[Effect.SUSPEND_LEASES](going, now)  # an order that was left, and comes after the pause is over
    assert isinstance(custody.leases.reserve(held, call, at), Reservation)


def test_a_service_goes_round_at_once_and_again_and_survives_a_fault(desk: Desk, now: datetime) -> None:
    desk.leased()
    desk.act("withdraw", OWNER, now)
    went: list[Round] = []
    twice = threading.Event()

    def told(one: Round) -> None:
        went.append(one)
        if len(went) >= 2:
            twice.set()

    with going_round(desk.installation, lambda: now + DAY, every=0.01, told=told):
        assert twice.wait(30)
    assert went[0].done["purged"] == 1
    assert went[1].done["purged"] == 0
    assert not purged(desk.installation, desk.name, now + DAY)


def test_everybody_sees_the_notices_to_their_own_side(desk: Desk, now: datetime) -> None:
    desk.act("decline", LEAD, now, reason="capacity")
    said = run("submission", "notices", "--as", "ada", "lab-a", "developer_owner")
    assert f"{desk.name}  decline" in said
    said = run("submission", "notices", "--as", "lin", "bureau", "evaluator_lead")
    assert "  submit " in said
    assert "decline" not in said
