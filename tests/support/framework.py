"""A small policy, two parties and their papers, for tests of the framework; every value is visible here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

from seatrial.framework.clock import Clock, ClockKind
from seatrial.framework.consent import Activity, Consent, Recipient
from seatrial.framework.data_class import DataClass
from seatrial.framework.document import Document
from seatrial.framework.pack import Course, PackRef, PackStatus, PartnerList, PolicyPack
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Act, Actor, Kind, Standing
from seatrial.framework.subject import AccessForm, AccessLevel, AccessProfile, DigestBasis, Subject, Variant
from seatrial.framework.terms import Terms
from seatrial.framework.two_key import RULES, KeyAction, KeyRequest, Vote

T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LAB, RIVAL, BUREAU, AGENCY = "lab-a", "lab-b", "bureau", "agency-n"


@cache
def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


CLOCKS = (
    Clock("access_window", "grant_access", 720, ClockKind.CEILING, "evaluator_lead"),
    Clock("preflight", "grant_access", 24, ClockKind.STAGE, "evaluator", pauses_on=("developer_fault",)),
    Clock("runs", "boundary_closed", 168, ClockKind.STAGE, "evaluator", pauses_on=("developer_fault",)),
    Clock("review", "end_runs", 48, ClockKind.STAGE, "evaluator", pauses_on=("developer_fault",)),
    Clock("comment", "deliver_draft", 72, ClockKind.DEADLINE, "developer_owner", 168, 1, "developer_owner"),
    Clock("signature", "comment", 24, ClockKind.STAGE, "evaluator_lead"),
    Clock("interim", "grant_access", 120, ClockKind.STAGE, "evaluator", pauses_on=("developer_fault",)),
    Clock("disclosure", "send_report", 2160, ClockKind.DEADLINE, "coordinator", 336, 1, "coordinator"),
    Clock("exploited", "note_exploited", 168, ClockKind.DEADLINE, "coordinator", 168, 1, "coordinator"),
    Clock("no_response", "send_report", 720, ClockKind.DEADLINE, "coordinator"),
    Clock("full_details", "publish_fix", 1080, ClockKind.DEADLINE, "coordinator"),
    Clock("sb53_incident", "record_incident", 360, ClockKind.EXPECTATION, "developer_owner"),
)
PACK = PolicyPack(
    ref=PackRef("test-pack", "2026.1", digest("test-pack 2026.1")),
    title="A policy for tests",
    schema=1,
    status=PackStatus.IN_FORCE,
    effective_from="2026-06-02",
    effective_to=None,
    unverified=(),
    sources={},
    organisations={},
    holdings=(),
    clocks={clock.id: clock for clock in CLOCKS},
    documents={},
    key_rules=RULES,
    terms=Terms(access_hours=720),
    course=Course(inquiry=True, partners=PartnerList.NONE, findings_to="clearinghouse", purposes=frozenset(Purpose)),
    matrix=cast("Any", None),
    tables={},
    templates={},
    extra_words=(),
    entries=(),
)


def subject(*, variant: Variant = Variant.PRODUCT, form: AccessForm = AccessForm.HOSTED_ENDPOINT) -> Subject:
    return Subject(
        id="sbj-1",
        developer=LAB,
        code_name="heron-7",
        variant=variant,
        digest=digest("heron-7"),
        digest_basis=DigestBasis.DECLARED,
        access=AccessProfile(form, AccessLevel.AL1),
        purposes=frozenset({Purpose.EVALUATE, Purpose.INQUIRY, Purpose.REPORT}),
        not_before=T0 - DAY,
        expires=T0 + 400 * DAY,
    )


def consent(
    activity: Activity, *, given: datetime = T0, days: float = 200, name: str = "", to: str = BUREAU, of: str = "sbj-1"
) -> Consent:
    recipient = (
        Recipient(AGENCY, Role.DESIGNATION_LIAISON) if activity is Activity.INQUIRE else Recipient(to, Role.EVALUATOR)
    )
    return Consent(
        id=name or f"con-{activity.replace('_', '-')}",
        subject=of,
        activity=activity,
        purposes=frozenset({Purpose.EVALUATE}),
        recipients=frozenset({recipient}),
        classes=frozenset({DataClass.M}),
        not_before=given,
        expires=given + timedelta(days=days),
        terms_digest=digest("terms"),
        signer="per-owner",
        given_at=given,
    )


@cache
def document(
    kind: str, at: datetime = T0, *, signers: tuple[str, ...] = ("per-1", "per-2"), version: int = 1
) -> Document:
    return Document(kind, version, digest(f"{kind} {version}"), BUREAU, signers, at)


def actor(role: str, person: str = "", organisation: str = "") -> Actor:
    side = LAB if role.startswith("developer") else AGENCY if role == "designation_liaison" else BUREAU
    return Actor(person or f"per-{role.replace('_', '-')}", organisation or side, role)


@cache
def keys(
    action: KeyAction, about: str, at: datetime, *, of: str = digest("asked")
) -> tuple[KeyRequest, tuple[Vote, ...]]:
    request = KeyRequest("key-1", action, about, of, "per-developer-owner", at)
    votes = tuple(
        Vote("key-1", of, f"per-{role.replace('_', '-')}", side, role, at)
        for role, side in ((Role.DEVELOPER_OWNER, LAB), (Role.EVALUATOR_LEAD, BUREAU))
    )
    return request, votes


ALL_PAPERS = (
    *("inquiry_form", "opaque_reference", "dossier", "capacity_note", "agreement", "data_use_schedule"),
    *("incident_plan", "plan", "budget", "access_receipt", "interim_report", "preflight_record"),
    *("endpoint_sanity_record", "incident_record", "incident_closing_note", "deviations", "result_record"),
    *("transcript_review", "draft", "versioned_diff", "report", "annexed_comments", "incident_list"),
    *("transfer_receipt", "removal_record", "deletion_request", "public_edition"),
)


@cache
def papers(at: datetime) -> tuple[Document, ...]:
    return tuple(document(kind, at) for kind in ALL_PAPERS)


def full_act(event: str, by: Actor, at: datetime, *, about: str = "sub-1", **changed: Any) -> Act:  # noqa: ANN401 - any field
    """An act that brings every paper, key and mark that any row could ask for; only the row decides."""
    action = {
        "adopt_pack": KeyAction.ADOPT_PACK,
        "resume_after_incident": KeyAction.RESUME_AFTER_INCIDENT,
        "publish_report": KeyAction.PUBLISH_REPORT,
    }
    request, votes = keys(action.get(event, KeyAction.AGREE), about, at)
    full = Act(
        event,
        by,
        at,
        documents=papers(at),
        votes=votes,
        request_digest=digest("asked"),
        key_request=request,
        reason="capacity" if event == "decline" else "on_request",
        date=at + 10 * DAY,
        marks=(("candidates", "0"),),
    )
    full = replace(full, **changed)
    return full if "documents" in changed or event not in KEYED_PAPERS else _of_what_keys_are_for(full)


KEYED_PAPERS = {
    "agree": "agreement",
    "resume_after_incident": "incident_closing_note",
    "publish_report": "public_edition",
}


def _of_what_keys_are_for(act: Act) -> Act:
    """With the paper that the act's own keys were turned for."""
    asked, kind = act.key_request, KEYED_PAPERS[act.event]
    papers = (replace(one, digest=asked.digest) if asked and one.kind == kind else one for one in act.documents)
    return replace(act, documents=tuple(papers))


def fresh(*, about: str = "sub-1", of: Subject | None = None, consents: tuple[Consent, ...] = ()) -> Standing:
    return Standing(about, Kind.SUBMISSION, subject=of or subject(), developer=LAB, evaluator=BUREAU, consents=consents)
