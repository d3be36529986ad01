"""Who owes what, by when: no object waits without an owner.

- Every state that is not final has at least one obligation, and every obligation has an owner.
- `by` is None where no clock runs: then nobody is late, and whoever owns the wait is still shown.
- Shown from the pack, so that another clock needs no code; an expectation is marked as one and has no effect.
- What the developer may do at any time (withdraw, above all) is no obligation and is not listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seatrial.framework.clock import ClockKind, Timer, after, earliest
from seatrial.framework.disclosure import escalation_due
from seatrial.framework.finding import FINAL as FINDING_FINAL
from seatrial.framework.finding import embargo
from seatrial.framework.framework_text import FINAL as TEXT_FINAL
from seatrial.framework.schedule import plan, retention
from seatrial.framework.standing import Kind, Standing
from seatrial.framework.submission import ACCESS, IDLE_DAYS, rests_on
from seatrial.framework.withdrawal import RECORD_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatrial.framework.consent import Activity
    from seatrial.framework.pack import PolicyPack


SHOWN_CLOSED = "endpoint_sanity_record"
"""The paper that only comes with a boundary shown closed: from then on the stage is the runs, also in a pause."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """One thing that somebody owes: on which object, what, by when, who."""

    object: str
    name: str
    what: str
    by: datetime | None
    owner: str
    expectation: bool = False


def due(standing: Standing, pack: PolicyPack, now: datetime) -> tuple[Obligation, ...]:
    """What is owed on an object, soonest first; without a date last."""
    found = tuple(_LISTS[standing.kind](standing, pack, now))
    return tuple(sorted(found, key=lambda owed: (owed.by is None, owed.by or now, owed.name)))


def _submission(standing: Standing, pack: PolicyPack, now: datetime) -> Iterator[Obligation]:
    if standing.state in _WORDS:
        name, what, owners = _WORDS[standing.state]
        by = _by(standing, pack, now)
        for owner in _paused_side(standing) if standing.state == "paused" else owners.split():
            yield Obligation(standing.object, name, what, by, owner)
    if standing.state in ACCESS.split():
        yield from _during_access(standing, pack, now)
    if standing.state in {"review", "draft_report", "developer_comment"}:
        yield from _report(standing, pack, now)
    if standing.state in {"closed", "declined", "expired", "withdrawn"}:
        yield Obligation(
            standing.object, "purge", "what must not be kept is removed", _removal(standing, pack, now), "custodian"
        )
    yield from _expectations(standing, pack)


_WORDS = {
    "inquiry": ("answer", "an answer to the developer's question", "designation_liaison"),
    "draft": ("submit", "the dossier, if the developer still wants to share it", "developer_owner"),
    "submitted": ("begin_terms", "a note whether there is capacity, and terms", "evaluator_lead"),
    "terms": ("agree", "the signatures of both sides", "developer_owner evaluator_lead"),
    "agreed": ("grant_access", "access, once the plan is registered", "developer_owner"),
    "paused": ("resume", "the end of the pause, by the side that paused", "evaluator"),
    "incident_hold": (
        "resume_after_incident",
        "a closing note and two keys, or the end of the runs",
        "developer_owner evaluator_lead",
    ),
    "report_issued": ("hand_over_complete", "findings counted over to the clearinghouse, or a close", "evaluator"),
    "handoff": ("close", "the close of the submission", "evaluator_lead"),
    "expired": ("close", "a new consent if the developer wants to go on, else a close", "developer_owner"),
}


def _paused_side(standing: Standing) -> tuple[str, ...]:
    return ("developer_owner",) if standing.mark("paused_by") == "developer" else ("evaluator",)


def _by(standing: Standing, pack: PolicyPack, now: datetime) -> datetime | None:
    """When the state ends by itself: the end of its consent, of its idle time, or of its window."""
    if standing.state in ACCESS.split():
        return None if standing.window is None else standing.window.end
    idle = standing.state in {"inquiry", "draft"} and standing.last is not None
    forgotten = standing.last.at + timedelta(days=IDLE_DAYS) if idle and standing.last is not None else None
    removal = _removal(standing, pack, now) if standing.state == "expired" else None
    return earliest(forgotten, _consent_end(standing, now, rests_on(standing)), removal)


def _consent_end(standing: Standing, now: datetime, activities: tuple[Activity, ...]) -> datetime | None:
    ends = [consent.expires for consent in standing.consenting(now, *activities)]
    return max(ends, default=None)


def _removal(standing: Standing, pack: PolicyPack, now: datetime) -> datetime:
    since = standing.since or now
    if standing.state == "withdrawn":
        return since + timedelta(days=RECORD_DAYS)
    return max(retention(since, pack).values(), default=since)


def _during_access(standing: Standing, pack: PolicyPack, now: datetime) -> Iterator[Obligation]:
    planned = plan(standing.date("access_opened") or now, standing.pauses, pack, now)
    stage = planned.stage("runs" if standing.holds(SHOWN_CLOSED) else "preflight")
    if standing.state != "incident_hold":
        yield Obligation(standing.object, stage.name, f"the stage {stage.name} of the plan", stage.due, stage.owner)
    if standing.date("interim") is None:
        owner = pack.clock("interim").owner
        yield Obligation(standing.object, "interim", "the interim report", planned.interim, owner)
    if standing.window is not None:
        end = standing.window.end
        yield Obligation(
            standing.object, "window_end", f"access ends {_ENDS_BY[standing.window.ends_by]}", end, "custodian"
        )


_ENDS_BY = {
    "ceiling": "by the limit of the policy",
    "agreed_end": "on the agreed day",
    "partner_release": "on the day of the first release to partners",
    "consent": "with the developer's consent",
    "ended": "because the runs are done",
    "withdrawn": "because it was withdrawn",
    "revoked": "because the consent was taken back",
}


def _report(standing: Standing, pack: PolicyPack, now: datetime) -> Iterator[Obligation]:
    planned = plan(standing.date("access_opened") or now, standing.pauses, pack, now)
    if standing.state == "developer_comment":
        used = int(standing.mark("comment_extensions") or 0)
        timer = Timer(pack.clock("comment"), standing.date("draft_delivered") or now, extensions=used)
        if not standing.mark("commented") and not timer.over(now):
            what = "a comment on the draft; silence is recorded as none received"
            yield Obligation(standing.object, "comment", what, timer.due(now), timer.clock.owner)
        signature = after(timer.due(now), pack.clock("signature").hours)
        yield Obligation(standing.object, "signature", "the signed report", signature, "evaluator_lead")
        return
    name, what, owner = _DRAFTING[standing.state]
    yield Obligation(standing.object, name, what, planned.stage("review").due, owner)


_DRAFTING = {
    "review": ("send_draft", "the transcripts read and a draft written", "evaluator"),
    "draft_report": ("deliver_draft", "the draft delivered to the developer", "evaluator_lead"),
}


def _expectations(standing: Standing, pack: PolicyPack) -> Iterator[Obligation]:
    incident = standing.date("last_incident")
    if incident is None:
        return
    for clock in pack.clocks.values():
        if clock.kind is ClockKind.EXPECTATION and clock.starts in {"record_incident", "stop_for_incident"}:
            by = after(incident, clock.hours)
            yield Obligation(standing.object, clock.id, "a duty of others, shown as a reminder", by, clock.owner, True)


def _finding(standing: Standing, pack: PolicyPack, _now: datetime) -> Iterator[Obligation]:
    if standing.state in FINDING_FINAL:
        return
    if standing.state in _NEXT:
        name, owner = _NEXT[standing.state]
        by = standing.date("review_by") if standing.state == "queued" else None
        yield Obligation(standing.object, name, _STEPS[name], by, owner)
    clocks = embargo(standing)
    if clocks is None or standing.state == "retracted":
        return
    if standing.state == "reported":
        attempted = standing.date("first_attempt") or clocks.day0
        by = escalation_due(pack, attempted, contact=not standing.mark("no_contact"))
        yield Obligation(
            standing.object, "escalate", "an external coordinator told, if nobody answers", by, "coordinator"
        )
    if standing.state == "advisory_published":
        by = clocks.details_due(pack)
        yield Obligation(standing.object, "publish_details", "all details", by, "coordinator")
    else:
        by = clocks.advisory_due(pack)
        yield Obligation(standing.object, "publish_advisory", "those who run the software told", by, "coordinator")


def awaited(state: str) -> tuple[str, str] | None:
    """What a finding waits for, in words, and whose it is; None where nothing is left or a clock alone runs."""
    found = _NEXT.get(state)
    return (_STEPS[found[0]], found[1]) if found else None


_STEPS = {
    "reproduce": "a replay in a fresh box, by somebody who did not find it",
    "reopen": "a look whether there is new evidence",
    "cluster": "a place among the findings with the same root cause",
    "unmerge": "a look whether it is the same, when the other one ends",
    "rate": "a rating",
    "sign_off": "people who answer for the rating",
    "enqueue": "a search for a contact, and a place in the queue",
    "send_report": "a report to whoever can fix it, or a new day of review",
    "acknowledge": "an answer",
    "start_fix": "a fix, or the reason why there will be none",
    "reverify": "a replay, because the maintainer disputes it",
    "publish_fix": "a public fix",
    "verify_fix": "a replay on the fixed version",
}
_NEXT = {
    "candidate": ("reproduce", "verifier"),
    "reproduced": ("cluster", "analyst"),
    "not_reproduced": ("reopen", "analyst"),
    "known": ("reopen", "analyst"),
    "out_of_scope": ("reopen", "analyst"),
    "retracted": ("reopen", "analyst"),
    "clustered": ("rate", "analyst"),
    "duplicate": ("unmerge", "analyst"),
    "rated": ("sign_off", "analyst"),
    "signed_off": ("enqueue", "coordinator"),
    "queued": ("send_report", "coordinator"),
    "reported": ("acknowledge", "maintainer"),
    "escalated": ("acknowledge", "maintainer"),
    "acknowledged": ("start_fix", "maintainer"),
    "disputed": ("reverify", "verifier"),
    "fix_in_progress": ("publish_fix", "maintainer"),
    "fix_available": ("verify_fix", "verifier"),
}


def _text(standing: Standing, _pack: PolicyPack, _now: datetime) -> Iterator[Obligation]:
    if standing.state in TEXT_FINAL:
        return
    name, what = ("supersede", "a later text, when one is needed") if standing.state == "adopted" else _ADOPTION
    yield Obligation(standing.object, name, what, None, "evaluator_lead")


_ADOPTION = ("adopt", "comments of several organisations, then two keys")
_LISTS: dict[Kind, Callable[[Standing, PolicyPack, datetime], Iterator[Obligation]]] = {
    Kind.SUBMISSION: _submission,
    Kind.FINDING: _finding,
    Kind.FRAMEWORK_TEXT: _text,
}
