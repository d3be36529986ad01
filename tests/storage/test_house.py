"""The house: an act, its event and its orders are one; a withdrawal waits for nothing."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.framework.consent import Activity
from seatrial.framework.data_class import DataClass
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Effect
from seatrial.framework.submission_store import NotHere, Place
from seatrial.framework.two_key import KeyAction
from seatrial.framework.viewer import Viewer
from seatrial.ledger.errors import LedgerError, NotTheSameLog
from seatrial.ledger.event import Event
from seatrial.ledger.receipt import verify_receipt
from seatrial.storage.entry import step_refs
from support.framework import BUREAU, DAY, HOUR, LAB, RIVAL, T0, actor, consent, digest, fresh, full_act, keys
from support.house import Rooms, open_house
from support.stores import DATABASES, address, setting

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.house import House, Outcome

OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)


def drafted(house: House) -> str:
    name = house.new_id()
    house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), T0, about=name), T0)
    return name


def taken(house: House, name: str, event: str, role: str, hours: float, **more: Any) -> Outcome:  # noqa: ANN401 - any field of an act
    at = T0 + hours * HOUR
    asked = digest(f"{event} {hours}")
    request, votes = keys(KeyAction.AGREE, name, at, of=asked)
    act = full_act(event, actor(role), at, about=name, request_digest=asked, key_request=request, votes=votes)
    return house.act(name, replace(act, **more), at)


def running(house: House) -> str:
    name = drafted(house)
    taken(house, name, "submit", "developer_owner", 1, consent=consent(Activity.SHARE_DOSSIER))
    taken(house, name, "begin_terms", "evaluator_lead", 2)
    taken(house, name, "give_consent", "developer_owner", 3, consent=consent(Activity.EVALUATE))
    taken(house, name, "agree", "evaluator_lead", 4)
    taken(house, name, "register_plan", "evaluator_lead", 5)
    taken(house, name, "grant_access", "developer_owner", 6)
    taken(house, name, "start_preflight", "evaluator", 7)
    taken(house, name, "boundary_closed", "runner", 8)
    return name


def test_the_first_opening_makes_private_places_and_the_second_finds_them(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    key = open_house(home).log.signer.verifier.text
    assert open_house(home).log.signer.verifier.text == key
    for private in (home, home / "ledger", home / "keys" / "streams"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    for path in home.rglob("*"):
        if path.is_file() and path.suffix in {".key", ".sqlite3"}:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", DATABASES)
def test_every_step_has_a_receipt_that_verifies_and_commits_to_it(kind: str, tmp_path: Path) -> None:
    with address(kind, tmp_path) as at:
        house = open_house(tmp_path, environment=setting(at))
        checked(house, running(house))
        taken(house, house.submissions.list(OWNER)[0].object, "withdraw", "developer_owner", 9)
        assert house.disagreements() == ()
        assert house.settle(T0 + DAY) == (0, ())
        house.database.close()


def checked(house: House, name: str) -> None:
    record = house.submissions.load(OWNER, name)
    assert record.standing.state == "running"
    for step in record.history:
        receipt = house.receipt(step)
        verified = verify_receipt(receipt.encode(), house.log.signer.verifier.text)
        event = verified.event
        assert (event.stream, event.nums["seq"]) == (name, step.entry.seq)
        assert event.kind == f"submission.{step.entry.event}"
        assert event.refs["act"] == step_refs(record.standing, step)["act"]


def test_the_log_shows_neither_names_nor_texts(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = running(house)
    taken(house, name, "pause", "evaluator", 9, reason="evaluator_fault")
    with house.log.store.reading() as tx:
        entries = b"".join(tx.entry(index) for index in range(tx.size()))
    for word in (LAB, BUREAU, "heron-7", "per-developer-owner", "evaluator_fault"):
        assert word.encode() not in entries


def test_what_is_not_possible_changes_nothing_and_leaves_no_event(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = drafted(house)
    size = house.log.check().size
    with pytest.raises(NotPossible):
        taken(house, name, "grant_access", "developer_owner", 1)
    assert house.log.check().size == size
    assert house.submissions.load(OWNER, name).version == 1


def test_a_repeat_gets_the_first_answer(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = drafted(house)
    first = taken(house, name, "record_release_date", "developer_owner", 1)
    again = taken(house, name, "record_release_date", "developer_owner", 1)
    assert [one.index for one in again.receipts] == [one.index for one in first.receipts]
    assert house.submissions.load(OWNER, name).version == 2


def test_who_is_no_member_finds_nothing(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = drafted(house)
    for who in (
        actor("developer_owner", person="riv-developer-owner", organisation=RIVAL),
        actor("developer_owner", person="per-developer-owner", organisation=RIVAL),
        actor("developer_owner", person="riv-developer-owner"),
        actor("evaluator_lead"),
    ):
        with pytest.raises(NotHere):
            house.act(name, Act("withdraw", who, T0 + HOUR), T0 + HOUR)
    assert house.submissions.load(OWNER, name).standing.state == "draft"


def test_a_withdrawal_ends_leases_first_and_answers_a_repeat_with_its_receipt(tmp_path: Path) -> None:
    rooms = Rooms()
    house = open_house(tmp_path, rooms)
    name = running(house)
    first = taken(house, name, "withdraw", "developer_owner", 9)
    assert first.standing.state == "withdrawn"
    assert rooms.done[Effect.END_LEASES][0] == (name, "withdrawn")
    assert first.outstanding == ()
    again = house.act(name, Act("withdraw", actor("developer_counsel"), T0 + DAY), T0 + DAY)
    assert again.receipts[0].index == first.receipts[0].index
    assert house.submissions.load(OWNER, name).version == 10


def test_a_withdrawal_stands_while_the_log_is_down_and_its_entry_is_made_up(tmp_path: Path) -> None:
    rooms = Rooms()
    house = open_house(tmp_path, rooms)
    name = running(house)
    checkpoint = house.ledger.file(1, "checkpoint")
    published = checkpoint.read_bytes()
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="note"):
        taken(house, name, "pause", "evaluator", 9)
    outcome = taken(house, name, "withdraw", "developer_owner", 10)
    assert (outcome.standing.state, outcome.owed, outcome.receipts) == ("withdrawn", True, ())
    assert rooms.done[Effect.END_LEASES]
    checkpoint.write_bytes(published)
    assert house.settle(T0 + DAY) == (1, ())
    step = house.submissions.load(OWNER, name).history[-1]
    verified = verify_receipt(house.receipt(step).encode(), house.log.signer.verifier.text)
    assert verified.event.kind == "submission.withdraw"


def test_an_order_that_could_not_be_carried_out_stays_until_it_is(tmp_path: Path) -> None:
    rooms = Rooms(broken={Effect.STOP_RUNS})
    house = open_house(tmp_path, rooms)
    name = running(house)
    outcome = taken(house, name, "withdraw", "developer_owner", 9)
    assert outcome.outstanding == (Effect.STOP_RUNS,)
    entries, still = house.settle(T0 + DAY)
    assert (entries, [order.effect for order in still]) == (0, [Effect.STOP_RUNS])
    rooms.broken.clear()
    assert open_house(tmp_path, rooms).settle(T0 + DAY) == (0, ())
    assert rooms.done[Effect.STOP_RUNS] == [(name, "withdrawn")]


def test_a_database_from_a_copy_is_refused_but_a_withdrawal_goes_on(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = drafted(house)
    house.database.close()
    rows = tmp_path / "seatrial.sqlite3"
    copy = rows.read_bytes()
    taken(house, name, "record_release_date", "developer_owner", 1)
    house.database.close()
    rows.write_bytes(copy)
    restored = open_house(tmp_path)
    with pytest.raises(NotTheSameLog):
        taken(restored, name, "record_release_date", "developer_owner", 2)
    outcome = taken(restored, name, "withdraw", "developer_owner", 3)
    assert (outcome.standing.state, outcome.owed) == ("withdrawn", True)
    restored.go_on(T0 + DAY)
    assert restored.settle(T0 + DAY) == (1, ())
    assert restored.disagreements() == ()
    step = restored.submissions.load(OWNER, name).history[-1]
    assert step.place == Place(2, 1)
    with pytest.raises(LedgerError):
        restored.go_on(T0 + DAY)


def test_rows_without_the_key_of_their_record_are_refused_until_another_record_is_begun(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = drafted(house)
    house.database.close()
    shutil.rmtree(tmp_path / "ledger")
    for _ in range(2):
        bereft = open_house(tmp_path)
        with pytest.raises(NotTheSameLog):
            taken(bereft, name, "record_release_date", "developer_owner", 2)
    assert taken(bereft, name, "withdraw", "developer_owner", 3).owed
    bereft.go_on(T0 + DAY)
    assert bereft.settle(T0 + DAY) == (1, ())
    assert open_house(tmp_path).disagreements() == ()
    assert bereft.submissions.load(OWNER, name).history[-1].place == Place(2, 1)


def test_what_a_clock_makes_due_is_listed_and_recorded(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = running(house)
    assert house.due(OWNER, T0 + DAY) == ()
    later = T0 + 60 * DAY
    [(standing, events)] = house.due(OWNER, later)
    assert (standing.object, events) == (name, ("window_end",))
    outcome = house.tick(name, later)
    assert outcome is not None
    assert outcome.standing.state == "expired"
    assert house.tick(name, later) is None
    assert Event.parse(outcome.receipts[0].entry).kind == "submission.window_end"


def test_a_revoked_consent_and_what_ends_by_it_are_one_act(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = running(house)
    consents = house.submissions.load(OWNER, name).standing.consents
    evaluate = next(one for one in consents if one.activity is Activity.EVALUATE)
    outcome = taken(house, name, "revoke_consent", "developer_owner", 9, consent=evaluate.revoke(T0 + 9 * HOUR))
    assert outcome.standing.state == "expired"
    assert len(outcome.receipts) == 2


def test_a_purge_forgets_and_leaves_a_history_that_still_agrees_with_the_log(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = running(house)
    house.papers.put(OWNER, name, DataClass.P, b"the agreement")
    taken(house, name, "withdraw", "developer_owner", 9)
    at = T0 + 10 * DAY
    by = actor("custodian", organisation="house")
    outcome = house.act(name, full_act("purge", by, at, about=name, request_digest=""), at)
    assert (outcome.standing.state, outcome.outstanding) == ("purged", ())
    assert not list((tmp_path / "keys" / "streams").glob("*.key"))
    assert house.stream_keys.of(name) != house.stream_keys.of(name), "a shredded stream keeps a key again"
    left = house.submissions.load(OWNER, name)
    assert (left.standing.subject, left.standing.consents, left.history[1].act.documents) == (None, (), ())
    assert house.disagreements() == ()
    house.database.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("seatrial.sqlite3*"))
    assert b"heron-7" not in content


@pytest.mark.parametrize("fault", [OSError("disk"), RuntimeError("bug"), ValueError("key")])
def test_whatever_stops_the_log_stops_no_withdrawal(
    fault: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house(tmp_path)
    name = drafted(house)

    def stopped(*_: object) -> bytes:
        raise fault

    monkeypatch.setattr("seatrial.ledger.log.Log.append", stopped)
    with pytest.raises(type(fault)):
        taken(house, name, "record_release_date", "developer_owner", 1)
    assert taken(house, name, "withdraw", "developer_owner", 2).owed
    monkeypatch.undo()
    assert house.settle(T0 + DAY) == (1, ())
    assert house.disagreements() == ()
