"""What every store of submissions does: kept whole, step by step, and only for those who may know of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.framework.consent import Activity
from seatrial.framework.data_class import DataClass
from seatrial.framework.framework_text import READERS
from seatrial.framework.lifecycles import apply
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Actor, Kind, Standing
from seatrial.framework.submission_store import NotHere, Place, Stale, Step, Unfounded, bare
from seatrial.framework.viewer import Viewer
from seatrial.storage.stores.log import LogTables
from seatrial.storage.stores.papers import PaperTables
from support.framework import (
    AGENCY,
    BUREAU,
    DAY,
    HOUR,
    LAB,
    PACK,
    RIVAL,
    T0,
    actor,
    consent,
    document,
    fresh,
    full_act,
)
from support.stores import DATABASES, Stored, submission_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path


SUB, OTHER = "sub_" + "0" * 32, "sub_" + "1" * 32
HOUSE = Viewer.house("a test looks at everything")
OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
STRANGER = Viewer.of("per-9", RIVAL, Role.DEVELOPER_OWNER)
LEAD = Viewer.of("per-evaluator-lead", BUREAU, Role.EVALUATOR_LEAD)
SALT = bytes(range(32))


@pytest.fixture(params=["memory", *DATABASES])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stored]:
    with submission_store(request.param, tmp_path) as found:
        yield found


def step(stored: Stored, standing: Standing, act: Act, *, owed: bool = False) -> tuple[Standing, Step]:
    after, _ = apply(standing, act, PACK, act.at)
    assert after.last is not None
    return after, Step(act, after.last, SALT, None if owed else entry(stored, after.object))


def entry(stored: Stored, stream: str) -> Place:
    """An entry of the object's stream: the tables look whether there is one."""
    if stored.database is None:
        return Place(1, 0)
    with LogTables(stored.database).writing() as tx:
        index = tx.size()
        tx.put_entry(index, b"{}", stream)
    return Place(1, index)


def drafted(stored: Stored, about: str = SUB, viewer: Viewer = OWNER) -> Standing:
    standing, first = step(
        stored, fresh(about=about), full_act("open_draft", actor("developer_owner"), T0, about=about, request_digest="")
    )
    stored.submissions.save(viewer, standing, 0, (first,))
    return standing


def submitted(stored: Stored, about: str = SUB) -> Standing:
    act = full_act(
        "submit",
        actor("developer_owner"),
        T0 + HOUR,
        about=about,
        consent=consent(Activity.SHARE_DOSSIER, name=f"con-{about[-1]}"),
        request_digest="",
    )
    standing, second = step(stored, drafted(stored, about), act)
    stored.submissions.save(OWNER, standing, 1, (second,))
    return standing


def test_what_is_saved_is_what_is_loaded(stored: Stored) -> None:
    standing = submitted(stored)
    record = stored.submissions.load(OWNER, SUB)
    assert record.standing == standing
    assert [one.entry.event for one in record.history] == ["open_draft", "submit"]
    assert record.history[1].act.consent == consent(Activity.SHARE_DOSSIER, name="con-0")
    assert record.version == 2
    assert all(one.salt == SALT and one.place is not None for one in record.history)


def test_objects_are_listed_in_the_order_of_opening(stored: Stored) -> None:
    drafted(stored, OTHER)
    drafted(stored, SUB)
    assert {one.object for one in stored.submissions.list(OWNER)} == {SUB, OTHER}
    assert stored.submissions.list(OWNER, Kind.FINDING) == ()
    assert len(stored.submissions.list(OWNER, Kind.SUBMISSION)) == 2


def test_a_second_writer_on_one_version_is_stale(stored: Stored) -> None:
    standing = drafted(stored)
    act = Act("record_release_date", actor("developer_owner"), T0 + HOUR, date=T0 + DAY)
    after, one = step(stored, standing, act)
    stored.submissions.save(OWNER, after, 1, (one,))
    _, other = step(stored, standing, replace(act, date=T0 + 2 * DAY))
    with pytest.raises(Stale):
        stored.submissions.save(OWNER, after, 1, (other,))
    assert stored.submissions.load(OWNER, SUB).standing.date("release_date") == T0 + DAY


def test_an_object_is_opened_once(stored: Stored) -> None:
    standing = drafted(stored)
    step_again = stored.submissions.load(OWNER, SUB).history[0]
    with pytest.raises(Stale):
        stored.submissions.save(OWNER, standing, 0, (replace(step_again, place=entry(stored, SUB)),))


def test_a_standing_needs_the_steps_that_lead_to_it(stored: Stored) -> None:
    standing = drafted(stored)
    after, one = step(stored, standing, Act("record_release_date", actor("developer_owner"), T0 + HOUR, date=T0))
    for wrong_standing, version, steps in (
        (after, 1, ()),
        (after, 2, (one,)),
        (replace(after, state="running"), 1, (one,)),
        (after, 1, (replace(one, entry=replace(one.entry, target="running")),)),
        (after, 1, (replace(one, place=None),)),
    ):
        with pytest.raises(Unfounded):
            stored.submissions.save(OWNER, wrong_standing, version, steps)
    assert stored.submissions.load(OWNER, SUB).standing == standing


def test_a_rival_finds_neither_row_nor_name_nor_count(stored: Stored) -> None:
    standing = submitted(stored)
    assert stored.submissions.list(STRANGER) == ()
    assert stored.submissions.owed(STRANGER) == ()
    with pytest.raises(NotHere) as hidden:
        stored.submissions.load(STRANGER, SUB)
    with pytest.raises(NotHere) as absent:
        stored.submissions.load(STRANGER, OTHER)
    assert str(hidden.value).replace(SUB, "") == str(absent.value).replace(OTHER, "")
    after, one = step(stored, standing, Act("record_release_date", actor("developer_owner"), T0 + 2 * HOUR, date=T0))
    with pytest.raises(NotHere):
        stored.submissions.save(STRANGER, after, 2, (one,))
    with pytest.raises((NotHere, Unfounded)):
        stored.submissions.recorded(STRANGER, SUB, 1, Place(1, 0))
    assert stored.submissions.load(OWNER, SUB).version == 2


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL}])
def test_a_rival_developer_sees_nothing_in_any_role_even_if_a_consent_names_it(stored: Stored, role: Role) -> None:
    act = full_act(
        "submit",
        actor("developer_owner"),
        T0 + HOUR,
        about=SUB,
        consent=consent(Activity.SHARE_DOSSIER),
        request_digest="",
    )
    standing, second = step(stored, drafted(stored), act)
    stored.submissions.save(OWNER, standing, 1, (second,))
    naming = Act(
        "give_consent",
        actor("developer_owner"),
        T0 + 2 * HOUR,
        consent=consent(Activity.PARTNER_ACCESS, name="con-x", to=RIVAL),
    )
    named, third = step(stored, standing, naming)
    stored.submissions.save(OWNER, named, 2, (third,))
    assert stored.submissions.list(Viewer.of("per-9", RIVAL, role)) == ()


def test_the_evaluator_knows_of_it_from_the_day_it_is_shared(stored: Stored) -> None:
    drafted(stored, OTHER)
    assert stored.submissions.list(LEAD) == ()
    standing = submitted(stored)
    assert stored.submissions.list(LEAD) == (standing,)
    assert stored.submissions.list(Viewer.of("per-8", AGENCY, Role.AGENCY_READER)) == ()
    for role in (Role.OPERATOR, Role.METRICS_READER, Role.PUBLIC):
        assert stored.submissions.list(Viewer.of("per-7", BUREAU, role)) == ()


def proposed(stored: Stored) -> Standing:
    """A text that the bureau proposes."""
    act = Act("propose", Actor("per-lead", BUREAU, Role.EVALUATOR_LEAD), T0, documents=(document("pack_text", T0),))
    standing, first = step(stored, Standing("txt_" + "0" * 32, Kind.FRAMEWORK_TEXT), act)
    stored.submissions.save(LEAD, standing, 0, (first,))
    return standing


def test_a_text_of_the_framework_is_there_for_every_role_with_a_step_in_it(stored: Stored) -> None:
    standing = proposed(stored)
    for organisation in (LAB, RIVAL, BUREAU, AGENCY):
        for role in Role:
            seen = stored.submissions.list(Viewer.of("per-6", organisation, role), Kind.FRAMEWORK_TEXT)
            assert seen == ((standing,) if role in READERS else ()), (organisation, role)


def test_somebody_elses_text_takes_a_comment(stored: Stored) -> None:
    standing = proposed(stored)
    who = Actor("riv-counsel", RIVAL, Role.DEVELOPER_COUNSEL)
    after, one = step(stored, standing, Act("comment", who, T0 + HOUR, documents=(document("comment", T0 + HOUR),)))
    stored.submissions.save(Viewer.of(who.person, RIVAL, Role.DEVELOPER_COUNSEL), after, 1, (one,))
    assert stored.submissions.load(LEAD, standing.object).standing.mark("commenters") == RIVAL


def test_the_papers_of_a_text_are_read_and_written_by_whoever_has_a_step_in_it(stored: Stored) -> None:
    if stored.database is None:
        pytest.skip("papers are kept in tables")
    name, papers = proposed(stored).object, PaperTables(stored.database)
    for organisation, role in ((RIVAL, Role.DEVELOPER_COUNSEL), (AGENCY, Role.AGENCY_READER), (BUREAU, Role.AUDITOR)):
        kept = papers.put(Viewer.of("per-6", organisation, role), name, DataClass.P, f"{role} says".encode())
        assert papers.several(LEAD, name, {kept}) == {kept: f"{role} says".encode()}
    nobody = Viewer.of("per-6", BUREAU, Role.ANALYST)
    assert papers.several(nobody, name, {kept}) == {}


@pytest.mark.parametrize("vendor", ["works", RIVAL])
def test_a_maintainer_reads_and_writes_papers_of_its_own_reported_finding(stored: Stored, vendor: str) -> None:
    if stored.database is None:
        pytest.skip("papers are kept in tables")
    name, papers = finding(stored, *FINDING_STEPS, vendor=vendor).object, PaperTables(stored.database)
    kept = papers.put(Viewer.of("per-5", BUREAU, Role.COORDINATOR), name, DataClass.F, b"a report")
    assert papers.several(Viewer.of("per-5", vendor, Role.MAINTAINER), name, {kept}) == {kept: b"a report"}
    assert papers.put(Viewer.of("per-5", vendor, Role.MAINTAINER), name, DataClass.F, b"a reply")
    assert papers.several(Viewer.of("per-5", "elsewhere", Role.MAINTAINER), name, {kept}) == {}


def finding(stored: Stored, *events: str, vendor: str) -> Standing:
    """A finding that the bureau has, after these steps."""
    standing = Standing("fin_" + "0" * 32, Kind.FINDING, evaluator=BUREAU)
    for version, event in enumerate(events):
        act = finding_act(event, T0 + version * HOUR, vendor)
        standing, one = step(stored, standing, act)
        stored.submissions.save(HOUSE, standing, version, (one,))
    return standing


def finding_act(event: str, at: datetime, vendor: str) -> Act:
    role, papers, marks = FINDING_STEPS[event]
    who = Actor(f"per-{role}", BUREAU, role)
    brought = tuple(document(kind, at, signers=(f"per-{role}",)) for kind in papers)
    named = (*marks, *((("vendor", vendor),) if event == "intake" else ()))
    return Act(event, who, at, documents=brought, marks=named, reason="it waits", date=at + DAY)


FINDING_STEPS: dict[str, tuple[Role, tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "intake": (Role.EVALUATOR, ("provenance", "commitment"), (("tlp", "TLP:AMBER+STRICT"),)),
    "reproduce": (Role.VERIFIER, ("replay_record",), ()),
    "cluster": (Role.ANALYST, (), (("cluster", "clu-1"),)),
    "rate": (Role.ANALYST, ("rating_record",), (("rating", "low"),)),
    "sign_off": (Role.ANALYST, ("decision_record",), ()),
    "enqueue": (Role.COORDINATOR, ("contact_log",), ()),
    "send_report": (Role.COORDINATOR, ("report_with_label", "reproducer", "pacing_token"), ()),
}


@pytest.mark.parametrize("vendor", ["works", RIVAL])
def test_a_maintainer_knows_of_no_finding_that_was_not_reported(stored: Stored, vendor: str) -> None:
    *before, _ = FINDING_STEPS
    finding(stored, *before, vendor=vendor)
    assert stored.submissions.list(Viewer.of("per-5", vendor, Role.MAINTAINER)) == ()


@pytest.mark.parametrize("vendor", ["works", RIVAL])
def test_a_reported_finding_is_there_for_the_maintainers_of_the_product(stored: Stored, vendor: str) -> None:
    standing = finding(stored, *FINDING_STEPS, vendor=vendor)
    assert standing.state == "reported"
    assert stored.submissions.list(Viewer.of("per-5", vendor, Role.MAINTAINER)) == (standing,)
    assert stored.submissions.list(LEAD, Kind.FINDING) == (standing,)
    for viewer in (Viewer.of("per-5", "elsewhere", Role.MAINTAINER), Viewer.of("per-5", vendor, Role.DEVELOPER_OWNER)):
        assert stored.submissions.list(viewer) == ()


def test_a_job_sees_the_one_object_it_works_on(stored: Stored) -> None:
    standing = drafted(stored)
    drafted(stored, OTHER)
    job = Viewer.for_submission(SUB)
    assert stored.submissions.list(job) == (standing,)
    with pytest.raises(NotHere):
        stored.submissions.load(job, OTHER)
    assert len(stored.submissions.list(HOUSE)) == 2


def test_a_withdrawal_may_owe_its_entry_and_gets_it_once(stored: Stored) -> None:
    standing, taken = step(stored, drafted(stored), Act("withdraw", actor("developer_owner"), T0 + HOUR), owed=True)
    stored.submissions.save(OWNER, standing, 1, (taken,))
    assert stored.submissions.owed(OWNER) == ((SUB, taken),)
    place = entry(stored, SUB)
    stored.submissions.recorded(OWNER, SUB, 2, place)
    assert stored.submissions.owed(OWNER) == ()
    assert stored.submissions.load(OWNER, SUB).history[1].place == place
    with pytest.raises(Unfounded):
        stored.submissions.recorded(OWNER, SUB, 2, entry(stored, SUB))


def test_what_is_purged_is_forgotten_but_for_ids_states_and_times(stored: Stored) -> None:
    withdrawn, second = step(stored, submitted(stored), Act("withdraw", actor("developer_owner"), T0 + 2 * HOUR))
    stored.submissions.save(OWNER, withdrawn, 2, (second,))
    with pytest.raises(Unfounded):
        stored.submissions.forget(HOUSE, SUB)
    act = full_act("purge", actor("custodian", organisation="house"), T0 + 9 * DAY, about=SUB, request_digest="")
    purged, third = step(stored, withdrawn, act)
    stored.submissions.save(Viewer.for_submission(SUB), purged, 3, (third,))
    stored.submissions.forget(Viewer.for_submission(SUB), SUB)
    left = stored.submissions.load(OWNER, SUB)
    assert (left.standing.documents, left.standing.consents, left.standing.subject) == ((), (), None)
    assert [one.entry.event for one in left.history] == ["open_draft", "submit", "withdraw", "purge"]
    assert all(one.salt == b"" and one.act == bare(one.entry) for one in left.history)
    assert stored.submissions.list(LEAD) == ()
