"""The lifecycle of a submission: from a question or a draft to a report, or to wherever the developer stops it.

- `withdraw` leads out of every state that is not over, is the developer's alone, and asks for nothing.
- Every other row out of a shared submission rests on a consent that holds at the time of the act, except those that
  protect somebody or close something.
- There is no state for a judgement on the model. The date of a launch can be recorded in every state and is read by no
  row and no clock; the partner date is read by the window alone, which an earlier one can only shorten.
- Access ends because the window does; `window_end` only records it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from seatrial.framework import submission_records as record
from seatrial.framework.clock import Timer
from seatrial.framework.consent import Activity
from seatrial.framework.lifecycle import Case, Lifecycle, Requirement, Transition, rows
from seatrial.framework.participant import Role
from seatrial.framework.requirement import (
    WINDOW_OPEN,
    access_open,
    brought,
    consent,
    date,
    held,
    keyed,
    mark,
    reason,
    two_keys,
    when,
)
from seatrial.framework.schedule import retention
from seatrial.framework.standing import Actor, Effect, Kind, Standing, of_developer
from seatrial.framework.two_key import KeyAction

IDLE_DAYS = 90  # our decision: an inquiry or draft that nobody touches for a quarter is forgotten, and goes
DECLINE_REASONS = ("capacity", "conflict_of_interest", "outside_remit")
PAUSE_REASONS = ("developer_fault", "evaluator_fault", "on_request")

STATES: Mapping[str, str] = MappingProxyType(
    {
        "inquiry": "The developer has asked a question of the organisations it ticked; nothing is evaluated.",
        "draft": "The developer prepares a dossier in its own slice, which nobody else can see.",
        "submitted": "The dossier is shared with one evaluator under one version of a policy pack.",
        "terms": "Both sides settle the terms of an agreement.",
        "agreed": "Both sides have signed; the plan is registered before any access.",
        "access_open": "The window of access is open and nothing runs.",
        "preflight": "A probe looks whether the boundary is closed before anything runs.",
        "running": "Runs use the model inside a boundary that was just shown closed.",
        "paused": "Runs stand still for a stated fault or on request; the window does not wait.",
        "incident_hold": "An incident has stopped the runs; evidence is kept and people look at it.",
        "review": "Access has ended; people read transcripts and results.",
        "draft_report": "A draft of the report exists at the evaluator.",
        "developer_comment": "The developer reads the draft before anybody else and may comment.",
        "report_issued": "The report is signed and delivered to those whom the developer consented to.",
        "handoff": "What was found in other people's software is counted over to the clearinghouse.",
        "closed": "All is done; what must not be kept is deleted when its time has come.",
        "expired": "A window, consent or term has ended; nothing goes on without a new act of the developer.",
        "declined": "The evaluator cannot take it on, which says nothing about the model.",
        "withdrawn": "The developer has taken it back; what it brought is being deleted.",
        "purged": "What had to be deleted is gone; digests and ids remain in the record.",
    }
)
FINAL = frozenset({"withdrawn", "purged"})
OVER = frozenset({"closed", "declined", "expired", "withdrawn", "purged"})
ACCESS = "access_open preflight running paused incident_hold"
RUNS = "access_open preflight running paused"
STILL = frozenset({"paused", "incident_hold"})
"""Access goes on and its leases are held back."""
WITHOUT_EVIDENCE = frozenset({"inquiry", "draft"})
_EVERY = " ".join(STATES)
_OPEN = " ".join(state for state in STATES if state not in FINAL)
_GOING_ON = " ".join(state for state in STATES if state not in OVER)
_CONSENTING = " ".join(state for state in STATES if state not in OVER or state == "expired")

OWNER, COUNSEL, EVALUATOR, LEAD = "developer_owner", "developer_counsel", "evaluator", "evaluator_lead"
_SIDES = f"{OWNER} {LEAD}"
_PARTIES = f"{OWNER} {COUNSEL} {EVALUATOR} {LEAD} operator runner designation_liaison"
_HOUSE = frozenset({"clock", "runner", "custodian", "operator"})

_RESULTS = consent(Activity.EVALUATE, Activity.ANALYSIS_AFTER_WINDOW)
_EVALUATE = consent(Activity.EVALUATE)
_SHARED = consent(Activity.SHARE_DOSSIER)


def belongs(standing: Standing, actor: Actor) -> bool:
    """Whether somebody acts for a party of this submission: its developer, its evaluator, or one it inquired of."""
    if actor.role in _HOUSE:
        return True
    if of_developer(actor):
        return actor.organisation == standing.developer
    if actor.role == Role.DESIGNATION_LIAISON:
        return any(
            given.activity is Activity.INQUIRE and given.names(actor.organisation, Role.DESIGNATION_LIAISON)
            for given in standing.consents
        )
    return actor.organisation == standing.evaluator


def rests_on(standing: Standing) -> tuple[Activity, ...]:
    """The consents of which one must hold for the submission to go on from its state."""
    if standing.state == "inquiry":
        return (Activity.INQUIRE,)
    if standing.state == "draft":
        return ()
    if standing.state in {"submitted", "terms"}:
        return (Activity.SHARE_DOSSIER,)
    return (Activity.EVALUATE,) if standing.state == "agreed" else (Activity.EVALUATE, Activity.ANALYSIS_AFTER_WINDOW)


def _lapsed(case: Case) -> bool:
    standing, activities = case.standing, rests_on(case.standing)
    idle = standing.last is not None and case.now >= standing.last.at + timedelta(days=IDLE_DAYS)
    if standing.state in {"inquiry", "draft"} and idle:
        return True
    over = standing.subject is None or case.now >= standing.subject.expires
    return over or bool(activities and not standing.consenting(case.now, *activities))


def _for_access(case: Case) -> bool:
    subject = case.standing.subject
    needed = [
        activity
        for activity, asked in (
            (Activity.HOLD_WEIGHTS, subject is not None and subject.access.needs_weights),
            (Activity.EVALUATE_REDUCED_SAFEGUARDS, subject is not None and subject.without_safeguards),
        )
        if asked
    ]
    return all(case.standing.consenting(case.now, activity) for activity in needed)


def _new_consent(case: Case) -> bool:
    since = case.standing.since
    return any(
        since is None or given.given_at >= since for given in case.standing.consenting(case.now, Activity.EVALUATE)
    )


def _same_side(case: Case) -> bool:
    return case.standing.mark("paused_by") == record.side(case.act.actor)


def comment_timer(case: Case) -> Timer:
    """The clock of the developer's comment, with its extension."""
    started = case.standing.date("draft_delivered") or case.now
    return Timer(case.pack.clock("comment"), started, extensions=int(case.standing.mark("comment_extensions") or 0))


def _comment_settled(case: Case) -> bool:
    if case.standing.mark("commented"):
        return case.act.brings("annexed_comments")
    return comment_timer(case).over(case.now)


def _incidents_listed(case: Case) -> bool:
    known = case.standing.date("last_incident")
    lists = [document for document in case.act.documents if document.kind == "incident_list"]
    return known is None or any(document.at >= known for document in lists)


def _deletion_due(case: Case) -> bool:
    if case.standing.state == "withdrawn":
        return case.act.brings("removal_record")
    since = case.standing.since or case.now
    due = case.now >= max(retention(since, case.pack).values(), default=since)
    return due or case.act.brings("deletion_request")


def _extension(case: Case) -> bool:
    window, until = case.standing.window, case.act.date
    if until is None or until <= case.now:
        return False
    return window is None or (window.contains(case.now) and until <= window.ceiling)


def _time_left(case: Case) -> bool:
    timer = comment_timer(case)
    return timer.extensions < timer.clock.extra_times and not timer.over(case.now)


def _announced(case: Case) -> bool:
    return case.standing.date(record.PUBLIC_FROM) is not None


def _still_to_come(case: Case) -> bool:
    day = case.standing.date(record.PUBLIC_FROM)
    return day is not None and case.now < day


def _publishable(case: Case) -> bool:
    """Whether a consent to publish that holds now holds on the day itself as well."""
    day = max(case.act.date or case.now, case.now)
    return any(given.active(day) for given in case.standing.consenting(case.now, Activity.PUBLISH_REPORT))


_ENDING = (Effect.END_LEASES, Effect.STOP_RUNS, Effect.NOTIFY)
WITHDRAWAL = (
    Effect.END_LEASES,
    Effect.STOP_RUNS,
    Effect.END_GRANTS,
    Effect.VOID_VOTES,
    Effect.STRIP_FINDINGS,
    Effect.START_DELETION,
    Effect.ISSUE_RECEIPT,
    Effect.SETTLE_PUBLICATION,
    Effect.NOTIFY,
)
_ACCESS_CONSENTS = when("consents to hold weights or reduce safeguards, as the subject needs", _for_access)
_INQUIRIES = when("a policy pack that knows inquiries", lambda case: case.pack.course.inquiry)


def _or_shared(state: str) -> tuple[Requirement, ...]:
    """What an act of every state rests on in this one."""
    if state in WITHOUT_EVIDENCE:
        return ()
    return (_SHARED,) if state in {"submitted", "terms"} else (_RESULTS,)


def _in_each(states: str, event: str, actors: str, *requires: Requirement, **more: object) -> tuple[Transition, ...]:
    return tuple(
        row
        for state in states.split()
        for row in rows(state, event, actors, "same", *_or_shared(state), *requires, **more)  # type: ignore[arg-type]
    )


# fmt: off
_BEFORE_ACCESS = (
    *rows("-", "open_inquiry", OWNER, "inquiry", consent(Activity.INQUIRE), *brought("inquiry_form"), _INQUIRIES),
    *rows("-", "open_draft", OWNER, "draft"),
    *rows("inquiry", "record_reference", f"designation_liaison {OWNER}", "inquiry", *brought("opaque_reference")),
    *rows("inquiry", "start_dossier", OWNER, "draft"),
    *rows("draft", "submit", OWNER, "submitted", _SHARED, *held("dossier"), effects=(Effect.NOTIFY,),
          records=record.pinned),
    *rows("submitted", "begin_terms", LEAD, "terms", _SHARED, *brought("capacity_note"),
          effects=(Effect.NOTIFY,)),
    *rows("inquiry", "decline", "designation_liaison", "declined", reason(*DECLINE_REASONS),
          effects=(Effect.END_GRANTS, Effect.START_DELETION, Effect.NOTIFY), protective=True),
    *rows("submitted terms agreed", "decline", LEAD, "declined", reason(*DECLINE_REASONS),
          effects=(Effect.END_GRANTS, Effect.VOID_VOTES, Effect.START_DELETION, Effect.NOTIFY), protective=True),
    *rows("terms", "agree", _SIDES, "agreed", _EVALUATE, two_keys(KeyAction.AGREE),
          *brought("agreement", "data_use_schedule", "incident_plan"), keyed("agreement"),
          effects=(Effect.NOTIFY,)),
    *rows("agreed", "register_plan", LEAD, "agreed", _EVALUATE, *brought("plan", "budget"),
          effects=(Effect.NOTIFY,)),
)

_ACCESS = (
    *rows("agreed", "grant_access", OWNER, "access_open", _EVALUATE, _ACCESS_CONSENTS, *held("plan", "access_receipt"),
          effects=(Effect.OPEN_WINDOW, Effect.NOTIFY), records=record.window_opened),
    *rows("access_open", "start_preflight", EVALUATOR, "preflight", _EVALUATE, WINDOW_OPEN),
    *rows("running", "issue_interim", EVALUATOR, "running", _EVALUATE, WINDOW_OPEN, *brought("interim_report"),
          effects=(Effect.NOTIFY,), records=record.interim),
    *rows("preflight", "boundary_closed", "runner", "running", _EVALUATE, WINDOW_OPEN,
          *brought("preflight_record", "endpoint_sanity_record")),
    *rows("preflight", "boundary_open", "runner", "access_open", *brought("preflight_record"),
          effects=(Effect.STOP_RUNS, Effect.NOTIFY), protective=True),
    *rows("access_open preflight running", "pause", f"{OWNER} {EVALUATOR} runner", "paused", reason(*PAUSE_REASONS),
          effects=(Effect.SUSPEND_LEASES, Effect.NOTIFY), protective=True, records=record.paused),
    *rows("paused", "resume", f"{OWNER} {EVALUATOR} runner", "preflight", _EVALUATE, WINDOW_OPEN,
          when("an act by the side that paused", _same_side), effects=(Effect.RESUME_LEASES,), records=record.going_on),
    *rows(RUNS, "stop_for_incident", f"{OWNER} {EVALUATOR} {LEAD} operator runner", "incident_hold",
          *brought("incident_record"), protective=True, records=record.held_for_incident,
          effects=(Effect.SUSPEND_LEASES, Effect.STOP_RUNS, Effect.FREEZE_EVIDENCE, Effect.NOTIFY)),
    *rows("incident_hold", "resume_after_incident", _SIDES, "preflight", _EVALUATE, WINDOW_OPEN,
          two_keys(KeyAction.RESUME_AFTER_INCIDENT), *brought("incident_closing_note"), keyed("incident_closing_note"),
          effects=(Effect.RESUME_LEASES,), records=record.going_on),
    *rows(RUNS, "end_runs", EVALUATOR, "review", *brought("deviations"), effects=_ENDING, protective=True,
          records=record.runs_ended),
    *rows("incident_hold", "end_runs", f"{EVALUATOR} {OWNER}", "review", *brought("deviations"), effects=_ENDING,
          protective=True, records=record.runs_ended),
    *rows(ACCESS, "window_end", "clock", "expired",
          when("the end of the window", lambda case: not access_open(case.standing, case.now)),
          effects=_ENDING, protective=True, records=record.stopped),
)

_AFTER_ACCESS = (
    *rows("inquiry draft submitted terms agreed review draft_report developer_comment", "lapse", "clock", "expired",
          when("the end of a consent or term it rests on, or of its time to be idle", _lapsed),
          effects=(Effect.END_GRANTS, Effect.VOID_VOTES, Effect.NOTIFY), protective=True),
    *rows("expired", "continue_analysis", LEAD, "review", consent(Activity.ANALYSIS_AFTER_WINDOW),
          *brought("result_record")),
    *rows("expired", "grant_access", OWNER, "access_open", _EVALUATE, _ACCESS_CONSENTS,
          when("a consent to evaluate that is newer than the end", _new_consent), *held("agreement", "plan"),
          *brought("access_receipt"), effects=(Effect.OPEN_WINDOW, Effect.NOTIFY), records=record.window_opened),
    *rows("expired", "close", _SIDES, "closed", effects=(Effect.START_DELETION, Effect.NOTIFY), protective=True),
    *rows("report_issued", "close", _SIDES, "closed", mark("candidates", "0"),
          effects=(Effect.START_DELETION, Effect.NOTIFY), protective=True),
    *rows("review", "send_draft", EVALUATOR, "draft_report", _RESULTS, *brought("transcript_review")),
    *rows("draft_report", "deliver_draft", LEAD, "developer_comment", _RESULTS, *brought("draft"),
          effects=(Effect.NOTIFY,), records=record.draft_delivered),
    *rows("developer_comment", "comment", f"{OWNER} {COUNSEL}", "developer_comment", _RESULTS,
          effects=(Effect.NOTIFY,), records=record.commented),
    *rows("developer_comment", "extend_comment", OWNER, "developer_comment", _RESULTS,
          when("time left to comment and an extension not yet used", _time_left), effects=(Effect.NOTIFY,),
          records=record.comment_extended),
    *rows("developer_comment", "revise", EVALUATOR, "draft_report", _RESULTS, *brought("versioned_diff")),
    *rows("developer_comment", "sign_report", LEAD, "report_issued", _RESULTS, *brought("report"),
          when("the comments annexed, or the time to comment over", _comment_settled),
          when("a list of every incident", _incidents_listed), effects=(Effect.NOTIFY,)),
    *rows("report_issued", "hand_over_complete", EVALUATOR, "handoff", *brought("transfer_receipt"),
          effects=(Effect.NOTIFY,), protective=True),
    *rows("handoff", "close", LEAD, "closed", effects=(Effect.START_DELETION, Effect.NOTIFY), protective=True),
    *rows(_OPEN, "withdraw", f"{OWNER} {COUNSEL}", "withdrawn", effects=WITHDRAWAL, protective=True,
          records=record.withdrawn),
    *rows("closed declined expired withdrawn", "purge", "custodian", "purged",
          when("deletion due, asked for, or done", _deletion_due),
          effects=(Effect.DELETE_NOW, Effect.ISSUE_RECEIPT, Effect.NOTIFY), protective=True,
          records=record.purged),
)

_PUBLICATION = (
    *rows("report_issued handoff closed", "publish_report", _SIDES, "same", consent(Activity.PUBLISH_REPORT),
          two_keys(KeyAction.PUBLISH_REPORT), *brought("public_edition"), keyed("public_edition"), date(),
          when("a day from which it is public, while the consent to publish holds", _publishable),
          when("no edition that both sides have agreed on before", lambda case: not _announced(case)),
          effects=(Effect.SETTLE_PUBLICATION, Effect.NOTIFY), records=record.publication),
    *rows("report_issued handoff closed", "stop_publication", _SIDES, "same",
          when("an edition whose day has not come", _still_to_come),
          effects=(Effect.SETTLE_PUBLICATION, Effect.NOTIFY), protective=True, records=record.publication_stopped),
)

_EVERYWHERE = (
    *rows(_EVERY, "record_release_date", OWNER, "same", protective=True, records=record.release_date),
    *rows(_EVERY, "record_partner_date", OWNER, "same", protective=True, records=record.partner_date),
    *rows(_EVERY, "record_incident", _PARTIES, "same", *brought("incident_record"), effects=(Effect.NOTIFY,),
          protective=True, records=record.incident),
    *rows(_EVERY, "revoke_consent", OWNER, "same", when("the consent that is revoked", record.known_consent),
          effects=(Effect.SETTLE_PUBLICATION, Effect.NOTIFY), protective=True, records=record.consent_revoked),
    *rows(_CONSENTING, "give_consent", OWNER, "same",
          when("the consent that is given", lambda case: case.act.consent is not None), protective=True),
    *_in_each(_GOING_ON, "extend_access", OWNER, date(),
              when("an end that is to come, within 720 hours of an open window", _extension),
              records=record.access_extended),
    *_in_each(_GOING_ON, "adopt_pack", _SIDES, two_keys(KeyAction.ADOPT_PACK), records=record.pinned),
)
# fmt: on

SUBMISSION = Lifecycle(
    kind=Kind.SUBMISSION,
    transitions=(*_BEFORE_ACCESS, *_ACCESS, *_AFTER_ACCESS, *_PUBLICATION, *_EVERYWHERE),
    meaning=STATES,
    final=FINAL,
    belongs=belongs,
)
