from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from seatrial.framework.clock import account
from seatrial.framework.consent import Activity
from seatrial.framework.data_class import DataClass
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.lifecycles import apply, tick
from seatrial.framework.obligation import due as owed
from seatrial.framework.requirement import access_open
from seatrial.framework.schedule import STAGES, plan, retention
from seatrial.framework.standing import Act, Effect, Standing
from seatrial.framework.subject import AccessForm
from seatrial.framework.window import WindowEmpty
from seatrial.shipped import pack_named
from support.framework import (
    AGENCY,
    DAY,
    HOUR,
    LAB,
    PACK,
    T0,
    actor,
    consent,
    digest,
    document,
    fresh,
    full_act,
    subject,
)

TO_AGREED = (
    ("open_draft", "developer_owner"),
    ("submit", "developer_owner"),
    ("begin_terms", "evaluator_lead"),
    ("agree", "developer_owner"),
    ("register_plan", "evaluator_lead"),
)
TO_RUNNING = (("grant_access", "developer_owner"), ("start_preflight", "evaluator"), ("boundary_closed", "runner"))
TO_COMMENT = (("end_runs", "evaluator"), ("send_draft", "evaluator"), ("deliver_draft", "evaluator_lead"))


def step(standing: Standing, event: str, role: str, at: datetime = T0, **more: object) -> Standing:
    act = full_act(event, actor(role), at)
    if event not in {"agree", "resume_after_incident", "adopt_pack"}:
        act = replace(act, request_digest="")
    return apply(replace(standing, answers=()), replace(act, **more), PACK, at)[0]


def walked(*steps: tuple[str, str], start: Standing | None = None, at: datetime = T0) -> Standing:
    standing = start or fresh(consents=tuple(consent(activity) for activity in Activity))
    for event, role in steps:
        standing = step(standing, event, role, at)
    return standing


def agreed() -> Standing:
    return walked(*TO_AGREED)


def running() -> Standing:
    return walked(*TO_RUNNING, start=agreed())


def commenting() -> Standing:
    return walked(*TO_COMMENT, start=running())


def test_the_whole_way_to_a_report_and_out() -> None:
    ends = (("sign_report", "evaluator_lead"), ("hand_over_complete", "evaluator"), ("close", "evaluator_lead"))
    closed = walked(("comment", "developer_owner"), *ends, start=commenting())
    assert closed.state == "closed"
    assert step(closed, "purge", "custodian", T0 + 30 * DAY, documents=()).state == "purged"
    with pytest.raises(NotPossible, match="deletion due"):
        step(closed, "purge", "custodian", T0 + 29 * DAY, documents=())


def test_an_inquiry_is_addressed_to_whom_it_names() -> None:
    inquiry = walked(("open_inquiry", "developer_owner"))
    assert step(inquiry, "record_reference", "designation_liaison").state == "inquiry"
    other = replace(full_act("decline", actor("designation_liaison", organisation="agency-x"), T0), request_digest="")
    with pytest.raises(NotPossible, match="of the parties"):
        apply(inquiry, other, PACK, T0)
    assert step(inquiry, "decline", "designation_liaison").state == "declined"
    assert actor("designation_liaison").organisation == AGENCY


def test_a_pack_without_inquiries_opens_none() -> None:
    pack = replace(PACK, course=replace(PACK.course, inquiry=False))
    start = fresh(consents=(consent(Activity.INQUIRE),))
    with pytest.raises(NotPossible, match="a policy pack that knows inquiries"):
        apply(start, full_act("open_inquiry", actor("developer_owner"), T0), pack, T0)


@pytest.mark.parametrize("reason", ["too capable", "", "on_request"])
def test_declining_has_three_reasons_and_none_is_about_the_model(reason: str) -> None:
    with pytest.raises(NotPossible, match="capacity, conflict_of_interest, outside_remit"):
        step(agreed(), "decline", "evaluator_lead", reason=reason)


def test_an_idle_inquiry_or_draft_lapses_and_nothing_sooner() -> None:
    for event in ("open_inquiry", "open_draft"):
        start = walked((event, "developer_owner"))
        assert tick(start, PACK, T0 + 90 * DAY - HOUR) == (start, ())
        assert tick(start, PACK, T0 + 90 * DAY)[0].state == "expired"


def test_a_subject_that_ends_takes_what_rests_on_it_along() -> None:
    standing = replace(agreed(), subject=replace(subject(), expires=T0 + 5 * DAY))
    assert tick(standing, PACK, T0 + 5 * DAY)[0].state == "expired"


def test_the_side_that_paused_resumes() -> None:
    for who, other in (("developer_owner", "evaluator"), ("evaluator", "developer_owner")):
        paused = step(running(), "pause", who)
        with pytest.raises(NotPossible, match="the side that paused"):
            step(paused, "resume", other, T0 + HOUR)
        assert step(paused, "resume", who, T0 + HOUR).state == "preflight"
    assert step(step(running(), "pause", "runner"), "resume", "evaluator").state == "preflight"


def test_a_developers_fault_moves_the_plan_and_not_the_window() -> None:
    paused = step(running(), "pause", "developer_owner", T0 + 30 * HOUR, reason="developer_fault")
    assert paused.window is not None
    going_on = step(paused, "resume", "developer_owner", T0 + 40 * HOUR)
    assert going_on.window == paused.window
    found = plan(T0, going_on.pauses, PACK, T0 + 50 * HOUR)
    assert found.due == T0 + 346 * HOUR
    assert found.interim == T0 + 130 * HOUR
    assert found.lost == {"developer_fault": 10 * HOUR}
    assert found.stage("preflight").due == T0 + 24 * HOUR
    assert found.at(T0 + 50 * HOUR).name == "runs"
    assert found.at(T0 + 999 * HOUR).name == "signature"
    with pytest.raises(LookupError, match="no stage 'dinner'"):
        found.stage("dinner")


def test_whoever_paused_owns_the_wait() -> None:
    for who in ("developer_owner", "evaluator"):
        paused = step(running(), "pause", who)
        assert {one.owner for one in owed(paused, PACK, T0) if one.name == "resume"} == {who}
    both = {one.owner for one in owed(walked(*TO_AGREED[:3]), PACK, T0) if one.name == "agree"}
    assert both == {"developer_owner", "evaluator_lead"}


def test_each_class_is_kept_for_its_own_time_after_the_close() -> None:
    assert set(retention(T0, PACK).values()) == {T0 + 720 * HOUR}
    short = replace(PACK, terms=replace(PACK.terms, retention_hours={DataClass.T: 24, DataClass.S: 720}))
    assert retention(T0, short) == {DataClass.T: T0 + DAY, DataClass.S: T0 + 30 * DAY}


def test_an_evaluators_fault_moves_nothing_and_is_accounted() -> None:
    paused = step(running(), "pause", "evaluator", reason="evaluator_fault")
    found = plan(T0, paused.pauses, PACK, T0 + 40 * HOUR)
    assert found.due == T0 + 336 * HOUR
    assert found.lost == {"evaluator_fault": 40 * HOUR}


@pytest.mark.parametrize("name", ["eo-14409", "caisi-agreement", "minimal"])
def test_the_shipped_packs_plan_fourteen_days_with_an_interim_by_the_fifth(name: str) -> None:
    pack = pack_named(name)
    found = plan(T0, (), pack, T0)
    assert found.due == T0 + timedelta(hours=336)
    assert found.interim == T0 + timedelta(hours=120)
    assert sum(pack.clock(stage).hours for stage in STAGES) == pack.clock("plan").hours == 336
    assert [pack.clock(clock).hours for clock in ("disclosure", "exploited", "no_response", "full_details")] == [
        2160, 168, 720, 1080,
    ]  # fmt: skip
    assert pack.window_hours <= 720


def test_an_incident_stops_at_once_and_is_accounted_apart() -> None:
    paused = step(running(), "pause", "developer_owner", reason="developer_fault")
    act = full_act("stop_for_incident", actor("operator"), T0 + HOUR)
    held, effects = apply(replace(paused, answers=()), act, PACK, T0 + HOUR)
    assert {Effect.STOP_RUNS, Effect.SUSPEND_LEASES, Effect.FREEZE_EVIDENCE} <= set(effects)
    resumed = step(held, "resume_after_incident", "developer_owner", T0 + 5 * HOUR)
    assert resumed.state == "preflight"
    lost = account(resumed.pauses, T0, T0 + 9 * HOUR)
    assert lost == {"developer_fault": HOUR, "incident": 4 * HOUR}


def test_the_developer_too_ends_runs_in_an_incident() -> None:
    held = step(running(), "stop_for_incident", "developer_owner")
    assert step(held, "end_runs", "developer_owner").state == "review"
    with pytest.raises(NotPossible):
        step(running(), "end_runs", "developer_owner")


def test_a_report_lists_every_incident_known_before_it() -> None:
    standing = step(commenting(), "record_incident", "evaluator", T0 + 80 * HOUR)
    old_list = (document("report"), document("annexed_comments"), document("incident_list", T0))
    with pytest.raises(NotPossible, match="a list of every incident"):
        step(standing, "sign_report", "evaluator_lead", T0 + 81 * HOUR, documents=old_list)
    assert step(standing, "sign_report", "evaluator_lead", T0 + 81 * HOUR).state == "report_issued"


def test_comments_are_annexed_or_the_time_is_over() -> None:
    silent = commenting()
    report = (document("report"),)
    with pytest.raises(NotPossible, match="the time to comment over"):
        step(silent, "sign_report", "evaluator_lead", T0 + 72 * HOUR - timedelta(seconds=1), documents=report)
    assert step(silent, "sign_report", "evaluator_lead", T0 + 72 * HOUR, documents=report).state == "report_issued"
    commented = step(silent, "comment", "developer_counsel")
    with pytest.raises(NotPossible, match="comments annexed"):
        step(commented, "sign_report", "evaluator_lead", T0 + 100 * HOUR, documents=report)
    assert step(commented, "sign_report", "evaluator_lead").state == "report_issued"


def test_the_developer_extends_its_comment_once() -> None:
    longer = step(commenting(), "extend_comment", "developer_owner")
    report = (document("report"),)
    with pytest.raises(NotPossible):
        step(longer, "sign_report", "evaluator_lead", T0 + 239 * HOUR, documents=report)
    assert step(longer, "sign_report", "evaluator_lead", T0 + 240 * HOUR, documents=report).state == "report_issued"
    with pytest.raises(NotPossible, match="not yet used"):
        step(longer, "extend_comment", "developer_owner")
    with pytest.raises(NotPossible, match="time left"):
        step(commenting(), "extend_comment", "developer_owner", T0 + 72 * HOUR)


def test_a_revised_draft_starts_the_comment_again() -> None:
    revised = step(step(commenting(), "comment", "developer_owner"), "revise", "evaluator", T0 + 10 * HOUR)
    again = step(revised, "deliver_draft", "evaluator_lead", T0 + 20 * HOUR)
    assert again.mark("commented") == ""
    comment = next(one for one in owed(again, PACK, T0 + 20 * HOUR) if one.name == "comment")
    assert (comment.by, comment.owner) == (T0 + 92 * HOUR, "developer_owner")


def test_the_agreed_end_is_set_before_and_moved_during_access_within_the_ceiling() -> None:
    early = step(agreed(), "extend_access", "developer_owner", date=T0 + 100 * HOUR)
    window = step(early, "grant_access", "developer_owner").window
    assert window is not None
    assert window.end == T0 + 100 * HOUR
    longer = step(running(), "extend_access", "developer_owner", date=T0 + 720 * HOUR)
    assert longer.window is not None
    assert longer.window.end == T0 + 720 * HOUR
    for date in (T0 + 720 * HOUR + timedelta(seconds=1), T0, None):
        with pytest.raises(NotPossible):
            step(running(), "extend_access", "developer_owner", date=date)


def test_an_agreed_end_of_the_past_gives_way_to_the_packs_default() -> None:
    standing = agreed().with_date("agreed_end", T0 - HOUR)
    pack = replace(PACK, terms=replace(PACK.terms, access_hours=336))
    act = replace(full_act("grant_access", actor("developer_owner"), T0), request_digest="")
    assert apply(standing, act, pack, T0)[0].window.end == T0 + 336 * HOUR  # type: ignore[union-attr]
    no_end = replace(PACK, terms=replace(PACK.terms, agreed_end_required=False))
    assert apply(standing, act, no_end, T0)[0].window.ends_by == "ceiling"  # type: ignore[union-attr]


def test_no_window_opens_after_the_partner_date() -> None:
    standing = step(agreed(), "record_partner_date", "developer_owner", date=T0 - HOUR)
    with pytest.raises(WindowEmpty):
        step(standing, "grant_access", "developer_owner")


def test_after_the_end_a_newer_consent_opens_the_next_window_and_an_old_one_does_not() -> None:
    late = T0 + 31 * DAY
    expired, effects = tick(running(), PACK, late)
    assert (expired.state, Effect.END_LEASES in effects) == ("expired", True)
    with pytest.raises(NotPossible, match="newer than the end"):
        step(expired, "grant_access", "developer_owner", late)
    again = step(
        expired, "grant_access", "developer_owner", late, consent=consent(Activity.EVALUATE, given=late, name="con-2")
    )
    assert again.window is not None
    assert (again.state, again.window.serial, again.window.opened_at) == ("access_open", 2, late)


def test_analysis_goes_on_with_a_consent_of_its_own() -> None:
    expired, _ = tick(running(), PACK, T0 + 31 * DAY)
    assert step(expired, "continue_analysis", "evaluator_lead", T0 + 31 * DAY).state == "review"
    without = replace(expired, consents=tuple(one for one in expired.consents if one.activity == Activity.EVALUATE))
    with pytest.raises(NotPossible, match="analysis_after_window"):
        step(without, "continue_analysis", "evaluator_lead", T0 + 31 * DAY)


def test_published_weights_have_no_window_and_need_a_consent_all_the_same() -> None:
    standing = replace(agreed(), subject=subject(form=AccessForm.PUBLISHED_WEIGHTS))
    opened = walked(*TO_RUNNING, start=standing)
    assert opened.window is None
    assert access_open(opened, T0 + 100 * DAY)
    assert tick(opened, PACK, T0 + 100 * DAY) == (opened, ())
    assert tick(replace(opened, consents=()), PACK, T0 + HOUR)[0].state == "expired"
    assert owed(opened, PACK, T0)


def test_only_a_consent_that_was_given_is_revoked() -> None:
    for given in (None, consent(Activity.EVALUATE, name="con-unknown")):
        act = Act("revoke_consent", actor("developer_owner"), T0, consent=given)
        with pytest.raises(NotPossible, match="the consent that is revoked"):
            apply(running(), act, PACK, T0)


def test_a_report_is_closed_without_handoff_only_where_nothing_was_found() -> None:
    issued = step(step(commenting(), "comment", "developer_owner"), "sign_report", "evaluator_lead")
    with pytest.raises(NotPossible, match="candidates: 0"):
        step(issued, "close", "evaluator_lead", marks=(("candidates", "3"),))
    assert step(issued, "close", "evaluator_lead").state == "closed"


def test_votes_of_others_turn_no_key() -> None:
    terms = walked(*TO_AGREED[:3])
    act = full_act("agree", actor("developer_owner"), T0)
    foreign = tuple(replace(vote, organisation="bureau-b") if vote.organisation != LAB else vote for vote in act.votes)
    for changed in (
        {"votes": foreign},
        {"votes": act.votes[:1]},
        {"key_request": None},
        {"key_request": replace(act.key_request, object="sub-2")},
        {"request_digest": document("agreement").digest},
    ):
        with pytest.raises(NotPossible, match="two keys to agree"):
            apply(terms, replace(act, **changed), PACK, T0)  # type: ignore[arg-type]
    with pytest.raises(NotPossible, match="two keys to agree"):
        apply(terms, act, PACK, T0 + 24 * HOUR)


def test_both_sides_agree_to_the_text_that_they_turned_their_keys_for_and_to_no_other() -> None:
    terms, act = walked(*TO_AGREED[:3]), full_act("agree", actor("developer_owner"), T0)
    assert apply(terms, act, PACK, T0)[0].state == "agreed"
    other = tuple(replace(one, digest=digest("another text")) for one in act.documents if one.kind == "agreement")
    papers = tuple(one for one in act.documents if one.kind != "agreement")
    with pytest.raises(NotPossible, match="keys that were turned for this very agreement"):
        apply(terms, replace(act, documents=(*papers, *other)), PACK, T0)


def test_a_withdrawn_submission_is_purged_once_all_classes_are_gone() -> None:
    withdrawn = step(running(), "withdraw", "developer_owner", T0 + HOUR)
    with pytest.raises(NotPossible):
        step(withdrawn, "purge", "custodian", T0 + 90 * DAY, documents=())
    assert step(withdrawn, "purge", "custodian", T0 + 2 * HOUR).state == "purged"
    assert next(one.by for one in owed(withdrawn, PACK, T0 + HOUR) if one.name == "purge") == T0 + HOUR + 7 * DAY


def test_a_pause_during_the_runs_leaves_the_stage_of_the_runs_on() -> None:
    before = replace(walked(*TO_AGREED, *TO_RUNNING[:2]), documents=())
    running = step(before, "boundary_closed", "runner")
    paused = step(running, "pause", "developer_owner", T0 + 30 * HOUR, reason="developer_fault")
    resumed = step(paused, "resume", "developer_owner", T0 + 40 * HOUR)
    for standing, hours in ((running, 30), (paused, 37), (resumed, 47)):
        found = {one.name: one.by for one in owed(standing, PACK, T0 + hours * HOUR)}
        assert "preflight" not in found
        assert found["runs"] > T0 + hours * HOUR  # type: ignore[operator]  # a stage has an end
    assert found["runs"] == T0 + (24 + 168 + 10) * HOUR
    early = step(before, "pause", "developer_owner", T0 + HOUR, reason="developer_fault", documents=())
    assert {one.name: one.by for one in owed(early, PACK, T0 + 9 * HOUR)}["preflight"] == T0 + 32 * HOUR
