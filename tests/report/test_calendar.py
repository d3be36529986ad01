from __future__ import annotations

from dataclasses import replace

from click.testing import CliRunner
from icalendar import Calendar

from seatrial.cli.calendar import calendar as verb
from seatrial.cli.calendar import lines
from seatrial.framework.consent import Activity
from seatrial.framework.lifecycles import apply
from seatrial.framework.obligation import Obligation, due
from seatrial.framework.standing import Act, Standing
from seatrial.report.calendar import calendar
from support.framework import DAY, HOUR, PACK, T0, actor, consent, digest, document, fresh, full_act


def running() -> Standing:
    standing = fresh(consents=tuple(consent(activity) for activity in Activity))
    for event, role in (
        ("open_draft", "developer_owner"),
        ("submit", "developer_owner"),
        ("begin_terms", "evaluator_lead"),
        ("agree", "developer_owner"),
        ("register_plan", "evaluator_lead"),
        ("grant_access", "developer_owner"),
        ("start_preflight", "evaluator"),
        ("boundary_closed", "runner"),
    ):
        act = full_act(event, actor(role), T0)
        standing, _ = apply(standing, act if event == "agree" else replace(act, request_digest=""), PACK, T0)
    return standing


def test_the_feed_parses_back_to_what_is_owed() -> None:
    owed = due(running(), PACK, T0)
    raw = calendar(owed, T0)
    feed = Calendar.from_ical(raw)
    found = {(str(todo["description"]), todo.decoded("due")) for todo in feed.todos}
    assert found == {(f"{one.what}. Owed by {one.owner} on {one.object}.", one.by) for one in owed if one.by}
    assert len(feed.todos) == 3  # runs, interim, the end of the window
    assert str(feed["prodid"]).startswith("-//Seatrial//")
    assert all(line.endswith(b"\r") and len(line) <= 76 for line in raw.split(b"\n")[:-1])


def test_it_is_the_same_bytes_for_the_same_dates_and_an_update_replaces() -> None:
    owed = due(running(), PACK, T0)
    assert calendar(owed, T0) == calendar(owed, T0)
    later = [replace(one, by=one.by + HOUR) for one in owed if one.by]
    ids = [[str(todo["uid"]) for todo in Calendar.from_ical(calendar(some, T0)).todos] for some in (owed, later)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])


def test_what_has_no_date_is_left_out_and_a_reminder_says_so() -> None:
    owed = (
        Obligation("sub-1", "agree", "the signatures", None, "evaluator_lead"),
        Obligation("sub-1", "sb53_incident", "a duty of others", T0 + DAY, "developer_owner", expectation=True),
    )
    todos = Calendar.from_ical(calendar(owed, T0)).todos
    assert [todo["categories"].to_ical() for todo in todos] == [b"reminder"]
    assert lines(owed)[0].startswith("open ")
    assert lines(owed)[1].endswith("(reminder)")


def test_no_name_of_a_model_leaves_with_it() -> None:
    incident = Act("record_incident", actor("evaluator"), T0, documents=(document("incident_record"),))
    raw = calendar(due(apply(running(), incident, PACK, T0)[0], PACK, T0), T0)
    assert b"heron" not in raw
    assert digest("heron-7").encode() not in raw
    assert b"reminder" in raw


def test_the_verb_says_what_it_does_not_find(tmp_path: object) -> None:
    result = CliRunner().invoke(verb, ["sub_" + "0" * 32], env={"SEATRIAL_HOME": str(tmp_path)})
    assert result.exit_code == 2
    assert "Traceback" not in result.output
