"""What each event does to a case: one function a type. An act that cannot be raises here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seatrial.clearinghouse.case import clocks
from seatrial.clearinghouse.case.case import (
    Attempt,
    Case,
    CaseError,
    DraftRef,
    Escalation,
    Happened,
    Message,
)
from seatrial.clearinghouse.case.case_state import CASE_EVENTS, VENDOR_EVENTS, after_one
from seatrial.clearinghouse.case.embargo import Terms
from seatrial.clearinghouse.case.participant import CaseRole, Participant, ProductStatus, Statement
from seatrial.clearinghouse.case.policy import PolicyRef, pinned
from seatrial.clearinghouse.case.report_state import ReportState, moved
from seatrial.clearinghouse.event import Event, EventType
from seatrial.framework.data_class import Tlp
from seatrial.framework.instant import instant

if TYPE_CHECKING:
    from seatrial.clearinghouse.case.embargo import Embargo

OUTCOMES = frozenset({"reached", "no_answer", "bounced", "absent"})
FACTS = frozenset({"first_attempt", "first_contact", "exploited", "fix_public", "public", "answered"})
Fold = Callable[[Case, Event], Case]


def _opened(case: Case, event: Event) -> Case:
    body = event.body
    if case.seq:
        raise CaseError(f"case {case.case_id}: it is open already")
    ref = PolicyRef(**body["policy"])
    pinned(ref)
    if not body["clusters"]:
        raise CaseError(f"case {case.case_id}: a case is about one cluster or more")
    return replace(
        case,
        title=body.get("title", ""),
        opened_at=event.at,
        opened_by=event.actor.id,
        tlp=Tlp(body.get("tlp", Tlp.TLP_AMBER_STRICT)),
        clusters=tuple(body["clusters"]),
        policy=ref,
    )


def _joined(case: Case, event: Event) -> Case:
    body = event.body
    if "cluster" in body:
        return replace(case, clusters=tuple(dict.fromkeys((*case.clusters, body["cluster"]))))
    name = body["organisation"]
    known = case.participants.get(name) or Participant(name, frozenset())
    roles = known.roles | {CaseRole(role) for role in body["roles"]}
    components = known.components | set(body.get("components", ()))
    became = replace(known, roles=roles, components=components, contact=body.get("contact", known.contact))
    return _with(case, became)


def _left(case: Case, event: Event) -> Case:
    gone = case.participant(event.body["organisation"]).organisation
    return replace(
        case, participants=MappingProxyType({key: one for key, one in case.participants.items() if key != gone})
    )


def _rm(case: Case, event: Event) -> Case:
    one = case.participant(event.body["organisation"])
    return _with(case, replace(one, report=moved(one.report, ReportState(event.body["to"]))))


def _em(case: Case, event: Event) -> Case:
    body, embargo = event.body, case.embargo
    step = body["step"]
    if step == "exit":
        _may_exit(case, event)
        return replace(case, embargo=embargo.exited(), exit_due="")
    if step in {"propose", "accept"} and case.out:
        raise CaseError(
            f"case {case.case_id}: no embargo is proposed or accepted any more: {case.out}; leave the one that runs"
        )
    return replace(case, embargo=_answered(case, embargo, step, body, event.at))


def _answered(case: Case, embargo: Embargo, step: str, body: Mapping[str, Any], at: datetime) -> Embargo:
    organisation = case.participant(body["organisation"]).organisation
    if step == "propose":
        asked = frozenset(body.get("parties") or case.participants)
        for name in asked:
            case.participant(name)
        given = body["terms"]
        end = instant(given["end"], "embargo.end")
        terms = Terms(given["id"], end, given["zone"], given.get("downstream_days", 0))
        return embargo.proposed(terms, organisation, asked, at)
    if step == "accept":
        return embargo.accepted(organisation)
    if step == "decline":
        return embargo.declined(organisation)
    raise CaseError(f"case {case.case_id}: an embargo has propose, accept, decline and exit, not {step!r}")


def _may_exit(case: Case, event: Event) -> None:
    embargo, body = case.embargo, event.body
    if not event.actor.is_person or not str(body.get("reason", "")).strip():
        raise CaseError(f"case {case.case_id}: an embargo is left by a named person, with a reason")
    if case.out or (embargo.terms and event.at >= embargo.terms.end):
        return
    missing = embargo.consents - set(body.get("agreed", ()))
    if missing:
        raise CaseError(
            f"case {case.case_id}: before its end an embargo is left by agreement; missing: "
            f"{', '.join(sorted(missing))}. If the matter is out, record that first: then one person is enough"
        )


def _cs(case: Case, event: Event) -> Case:
    letter, name = event.body["event"], event.body.get("organisation", "")
    implied = bool(event.body.get("implied"))
    if (case.forced is not None) and case.forced != (letter, name):
        raise CaseError(f"case {case.case_id}: {case.forced[0]} {case.forced[1]} comes first, then {letter} {name}")
    case = replace(case, happened=(*case.happened, Happened(letter, name, event.at, implied)))
    if letter in CASE_EVENTS:
        return _out(case, letter, event)
    if letter not in VENDOR_EVENTS:
        raise CaseError(f"case {case.case_id}: {letter!r} is no event; there are V, F, D of a vendor and P, X, A")
    one = case.participant(name)
    if not one.is_vendor:
        raise CaseError(f"case {case.case_id}: {name} is no vendor here; {letter} happens to vendors")
    return _with(case, replace(one, vfd=after_one(one.vfd + case.pxa, letter)[: len(VENDOR_EVENTS)]))


def _out(case: Case, letter: str, event: Event) -> Case:
    pxa = after_one("VFD" + case.pxa, letter)[len(VENDOR_EVENTS) :]
    at = instant(event.body["since"], "since") if event.body.get("since") else event.at
    facts = case.facts
    if letter == "P":
        facts = replace(facts, public=facts.public or at)
    else:
        facts = replace(facts, exploited=facts.exploited or at)
    case = replace(case, pxa=pxa, facts=facts, embargo=case.embargo.overtaken())
    return replace(case, exit_due=case.out if case.keeps_silent(event.at) else "")


def _clock_set(case: Case, event: Event) -> Case:
    body = event.body
    if "policy" in body:
        ref = PolicyRef(**body["policy"])
        pinned(ref)
        if ref in (case.policy, *case.more_policies):
            raise CaseError(f"case {case.case_id}: it runs by {ref.id} {ref.version} already")
        return replace(case, more_policies=(*case.more_policies, ref))
    if "accepts" in body:
        one = case.participant(body["organisation"])
        if not one.is_vendor:
            raise CaseError(f"case {case.case_id}: a longer time is agreed to by a vendor; {one.organisation} is none")
        return _with(case, replace(one, accepts=one.accepts | {body["accepts"]}))
    if body["fact"] not in FACTS:
        raise CaseError(f"case {case.case_id}: a clock starts from {', '.join(sorted(FACTS))}, not {body['fact']}")
    if getattr(case.facts, body["fact"]) is not None:
        raise CaseError(f"case {case.case_id}: {body['fact']} is recorded already and is not moved")
    at = instant(body["at"], body["fact"])
    if at > event.at:
        raise CaseError(f"case {case.case_id}: {body['fact']} lies in the future, {body['at']}")
    return replace(case, facts=replace(case.facts, **{body["fact"]: at}))


def _paused(case: Case, event: Event) -> Case:
    body = event.body
    if body.get("ends"):
        return replace(case, adjustments=clocks.resumed(case.adjustments, body["clock"], event.at))
    _person(case, event, "a clock is paused")
    asked = clocks.Pause(body["clock"], event.actor.id, body.get("reason", ""), event.at)
    return replace(case, adjustments=clocks.paused(case.adjustments, asked))


def _extended(case: Case, event: Event) -> Case:
    body = event.body
    _person(case, event, "a clock is extended")
    asked = clocks.Extension(
        body["clock"],
        event.actor.id,
        body.get("reason", ""),
        body["seconds"],
        event.at,
        frozenset(body.get("agreed", ())),
    )
    vendors = [one.organisation for one in case.vendors]
    policy = next(one for one in case.policies() if one.ref.id == case.deadlines(event.at).policy)
    return replace(case, adjustments=clocks.extension(policy, case.facts, case.adjustments, asked, vendors))


def _tried(case: Case, event: Event) -> Case:
    body = event.body
    if body["outcome"] not in OUTCOMES:
        raise CaseError(f"case {case.case_id}: an attempt ends in one of {', '.join(sorted(OUTCOMES))}")
    one = case.participant(body["organisation"])
    attempt = Attempt(event.at, one.organisation, body["way"], body.get("address", ""), body["outcome"])
    facts = replace(case.facts, first_attempt=case.facts.first_attempt or event.at)
    case = replace(case, attempts=(*case.attempts, attempt), facts=facts)
    if body["outcome"] != "reached":
        return case
    if one.is_vendor:
        case = replace(case, facts=replace(facts, first_contact=facts.first_contact or event.at))
    return _with(case, replace(one, contacted_at=one.contacted_at or event.at))


def _said(case: Case, event: Event) -> Case:
    body = event.body
    one, thread = case.participant(body["organisation"]), body.get("thread", "")
    if not one.reads(thread):
        raise CaseError(f"case {case.case_id}: {one.organisation} takes no part in the thread {thread}")
    said = Message(event.seq, event.at, one.organisation, event.actor.id, thread, body["text"])
    return _spoke(replace(case, messages=(*case.messages, said)), one, event.at)


def _stated(case: Case, event: Event) -> Case:
    body = event.body
    one = case.participant(body["organisation"])
    if "tracking" in body:
        one = replace(one, tracking=tuple(dict.fromkeys((*one.tracking, body["tracking"]))))
    if "product" in body:
        if not one.is_vendor or body["product"] not in one.components:
            raise CaseError(f"case {case.case_id}: {body['product']} is not for {one.organisation} to state")
        status = ProductStatus(body["status"])
        stated = Statement(status, event.at, body.get("text", ""), body.get("justification", ""))
        one = replace(one, statements=MappingProxyType({**one.statements, body["product"]: stated}))
    if "number" in body:
        case = replace(case, numbers=tuple(dict.fromkeys((*case.numbers, body["number"]))))
    return _spoke(case, one, event.at) if body.get("spoken", True) else _with(case, one)


def _spoke(case: Case, one: Participant, at: datetime) -> Case:
    case = _with(case, replace(one, spoke_at=at))
    if one.is_vendor and case.facts.answered is None and case.facts.first_contact is not None:
        return replace(case, facts=replace(case.facts, answered=at))
    return case


def _drafted(case: Case, event: Event) -> Case:
    body = event.body
    case.participant(body["organisation"])
    if body["cluster"] not in case.clusters:
        raise CaseError(f"case {case.case_id}: {body['cluster']} is not of this case")
    made = DraftRef(body["draft"], body["form"], body["organisation"], body["cluster"], body["digest"])
    return replace(case, drafts=MappingProxyType({**case.drafts, made.id: made}))


def _released(case: Case, event: Event) -> Case:
    body = event.body
    _person(case, event, "a draft is let go")
    draft = case.drafts.get(body["draft"])
    if draft is None or draft.digest != body["digest"]:
        raise CaseError(f"case {case.case_id}: there is no draft {body['draft']} with these contents")
    if draft.released_at is not None:
        raise CaseError(f"case {case.case_id}: draft {draft.id} was let go already, by {draft.released_by}")
    gone = replace(draft, released_by=event.actor.id, released_at=event.at, file_sha256=body["file_sha256"])
    return replace(case, drafts=MappingProxyType({**case.drafts, draft.id: gone}))


def _escalated(case: Case, event: Event) -> Case:
    body = event.body
    _person(case, event, "a matter is put before a coordinator")
    return replace(case, escalations=(*case.escalations, Escalation(event.at, body["to"], body["reason"])))


def _fixed(case: Case, event: Event) -> Case:
    fixes = tuple(dict.fromkeys((*case.fixes, event.body["version"])))
    public = case.facts.fix_public
    if event.body.get("public"):
        public = public or event.at
    return replace(case, fixes=fixes, facts=replace(case.facts, fix_public=public))


def _verified(case: Case, event: Event) -> Case:
    if event.body["version"] not in case.fixes:
        raise CaseError(f"case {case.case_id}: nobody has claimed that {event.body['version']} has the fix")
    return replace(case, verified_fixes=tuple(dict.fromkeys((*case.verified_fixes, event.body["version"]))))


def _published(case: Case, event: Event) -> Case:
    _person(case, event, "something is published")
    return replace(case, published=(*case.published, event.body["what"]))


def _committed(case: Case, event: Event) -> Case:
    return replace(case, commitments=(*case.commitments, event.body["commitment"]))


def _as_is(case: Case, event: Event) -> Case:  # noqa: ARG001 - what it says is in the events and in no state
    return case


def _with(case: Case, one: Participant) -> Case:
    return replace(case, participants=MappingProxyType({**case.participants, one.organisation: one}))


def _person(case: Case, event: Event, what: str) -> None:
    if not event.actor.is_person:
        raise CaseError(f"case {case.case_id}: {what} by a named person, not by {event.actor.id}")


FOLDS: Mapping[EventType, Fold] = MappingProxyType(
    {
        EventType.CASE_OPENED: _opened,
        EventType.JOINED: _joined,
        EventType.LEFT: _left,
        EventType.RM: _rm,
        EventType.EM: _em,
        EventType.CS: _cs,
        EventType.CLOCK_SET: _clock_set,
        EventType.CLOCK_PAUSED: _paused,
        EventType.CLOCK_EXTENDED: _extended,
        EventType.CONTACT_TRIED: _tried,
        EventType.MESSAGE: _said,
        EventType.STATUS_SET: _stated,
        EventType.DRAFT_MADE: _drafted,
        EventType.DRAFT_RELEASED: _released,
        EventType.ESCALATED: _escalated,
        EventType.FIX_CLAIMED: _fixed,
        EventType.FIX_VERIFIED: _verified,
        EventType.REGRESSION_SUSPECTED: _as_is,
        EventType.PUBLISHED: _published,
        EventType.COMMITTED: _committed,
        EventType.REVEALED: _as_is,
        EventType.SHREDDED: _as_is,
        EventType.REVIEWED: _as_is,
    }
)
