"""Submissions: opened, shared, moved on by steps and keys, and withdrawn; the desk's and the house's own acts."""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal, cast

from django.http import HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from seatrial.desk import Desk
from seatrial.framework.pack import PolicyPack
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Actor, Kind
from seatrial.framework.subject import AccessForm, AccessLevel, AccessProfile, Variant
from seatrial.framework.submission_store import WITHDRAW, NotHere
from seatrial.framework.two_key import KeyAction
from seatrial.installation import Installation, submitted_runs
from seatrial.offering import DAYS, PURPOSES, Offering, share
from seatrial.paperwork import terms_digest
from seatrial.portal.acting import PortalRequest
from seatrial.portal.api import views
from seatrial.portal.api.bringing import desk, expected, found, request_digest, stepped, versioned
from seatrial.portal.api.problems import Conflict, NotAccepted
from seatrial.portal.api.shapes import (
    MOST_PAGE,
    PAGE,
    Base64,
    Cursor,
    Digest,
    Given,
    KeyGiven,
    Name,
    Nothing,
    ObjectName,
    Page,
    Shown,
    StepGiven,
    Taken,
    Word,
    Words,
)
from seatrial.portal.opening import house, installation
from seatrial.report.assessment import check
from seatrial.shipped import DEFAULT_PACK, pack_named
from seatrial.withdrawing.act import withdrawn

router = Router(tags=["submissions"])
MOST_DAYS = 3650


class OfferGiven(Given):
    """What a developer offers: a code name for the model, never its own, and the digest of its identity record."""

    evaluator: Name
    code_name: Word = Field(examples=["heron-7"])
    digest: Digest
    pack: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}(@[0-9]{4}\.[0-9]{1,4})?$", examples=[DEFAULT_PACK])] = (
        DEFAULT_PACK
    )
    variant: Variant = Variant.PRODUCT
    form: AccessForm = AccessForm.HOSTED_ENDPOINT
    level: AccessLevel = AccessLevel.AL1
    purposes: list[Purpose] = Field(default=sorted(PURPOSES), min_length=1, max_length=len(Purpose))
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = DAYS
    served_as: Annotated[Words, Field(max_length=200)] = ""

    def offering(self, request: PortalRequest) -> Offering:
        """For the act. Raises `NotAccepted`."""
        made = Offering(
            actor=request.who.actor,
            at=request.now,
            policy=self.policy(),
            evaluator=self.evaluator,
            code_name=self.code_name,
            digest=self.digest,
            variant=self.variant,
            access=AccessProfile(self.form, self.level),
            purposes=frozenset(self.purposes),
            days=self.days,
            served_as=self.served_as,
        )
        try:
            made.subject("sub_" + "0" * 32)
        except ValueError as error:
            raise NotAccepted("offer", str(error)) from error
        return made

    def policy(self) -> PolicyPack:
        """The pack that it names. Raises `NotAccepted`."""
        name, _, version = self.pack.partition("@")
        try:
            return pack_named(name, version)
        except ValueError as error:
            raise NotAccepted("pack", str(error)) from error


class SubmissionGiven(OfferGiven):
    """An offer, and whether its dossier is shared with the evaluator at once.

    `self_test` is the assessment of a review that the developer ran itself, in base64; it is shared with the dossier.
    """

    share: bool = False
    self_test: Base64 | None = None

    @property
    def assessment(self) -> bytes:
        """What the developer measured. Raises `NotAccepted`."""
        if self.self_test is None:
            return b""
        content = base64.b64decode(self.self_test)
        if not self.share:
            raise NotAccepted("self_test", "goes with the dossier; send share: true")
        try:
            check(json.loads(content))
        except (ValueError, RecursionError) as error:
            raise NotAccepted("self_test", "is no assessment; send the run's assessment.json") from error
        return content


class InquiryGiven(OfferGiven):
    """A question to organisations, before any offer."""

    recipients: Annotated[list[Name], Field(min_length=1, max_length=20)]
    shared: Words = ""
    contact: Words = ""


class Opened(Taken):
    """What was opened, under which pack and terms."""

    pack: str
    terms_digest: str


class Turned(Schema):
    """A key was turned; the roles of each side that is still to turn."""

    id: str
    action: str
    digest: str
    missing: list[list[str]]


class Receipt(Schema):
    """A signed receipt: a DSSE envelope, and the proof that the record has it; none while that is owed."""

    kind: Literal["withdrawal", "deletion"]
    submission: str
    envelope: str = Field(description="base64 of the DSSE file")
    proof: str | None = Field(description="base64 of the proof's file")


@router.get("submissions", response=Page)
def submissions_list(
    request: PortalRequest, after: Cursor = "", most: Annotated[int, Query(ge=1, le=MOST_PAGE)] = PAGE
) -> dict[str, Any]:
    """List the submissions that are there for whoever calls, oldest first."""
    standings, following = house().submissions.page(request.who.viewer, Kind.SUBMISSION, after=after, most=most)
    return {"items": [views.summary(one) for one in standings], "next": following}


@router.post("submissions", response={201: Opened})
def submission_open(request: PortalRequest, response: HttpResponse, given: SubmissionGiven) -> Status[Any]:
    """Open a draft, which is the developer's own; with `share`, share its dossier with the evaluator."""
    offered = given.offering(request)
    assessment = given.assessment
    name = offered.draft(house(), request_digest(request))
    at = desk(request)
    standing = at.record(name).standing
    if given.share and standing.state == "draft":  # else it was shared before an answer was lost
        share(house(), standing, request.who.actor, request.now, assessment)
    return Status(201, _opened(at, response, name, offered.policy))


@router.post("inquiries", response={201: Opened})
def inquiry_open(request: PortalRequest, response: HttpResponse, given: InquiryGiven) -> Status[Any]:
    """Ask organisations, before anything is offered."""
    offered = given.offering(request)
    if not offered.policy.course.inquiry:
        raise NotAccepted("pack", f"{given.pack} knows no inquiries; name one that does, or open a draft")
    form = offered.inquiry_form(given.recipients, given.shared, given.contact)
    name = offered.inquire(house(), given.recipients, form, request_digest(request))
    return Status(201, _opened(desk(request), response, name, offered.policy))


@router.get("submissions/{name}", response=Shown)
def submission_show(request: PortalRequest, response: HttpResponse, name: ObjectName) -> dict[str, Any]:
    """Show where a submission stands, what is owed by whom, and the steps that are open to whoever calls."""
    at = desk(request)
    return versioned(response, views.shown(at, found(at, name, Kind.SUBMISSION)))


_BYTES = {"description": "Its bytes", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}


@router.get("submissions/{name}/papers/{digest}", response={200: None}, openapi_extra={"responses": {200: _BYTES}})
def paper_fetch(request: PortalRequest, name: ObjectName, digest: Digest) -> HttpResponse:
    """Fetch a paper of one's own submission, as it was brought."""
    at = desk(request)
    standing = found(at, name, Kind.SUBMISSION).standing
    if digest not in {one.digest for one in standing.documents}:
        raise NotHere(name)
    try:
        content = house().papers.get(at.viewer, name, digest)
    except LookupError:
        raise NotHere(name) from None
    return HttpResponse(content, content_type="application/octet-stream")


@router.post("submissions/{name}/share", response=Taken)
def submission_share(
    request: PortalRequest,
    response: HttpResponse,
    name: ObjectName,
    given: Nothing,  # noqa: ARG001 - an empty object
) -> dict[str, Any]:
    """Share a draft's dossier with its evaluator: the consent, the paper and the step in one act."""
    at = desk(request)
    record = found(at, name, Kind.SUBMISSION)
    expected(request, record)
    share(house(), record.standing, request.who.actor, request.now)
    return _now(at, response, name)


@router.post("submissions/{name}/steps", response=Taken)
def submission_step(
    request: PortalRequest, response: HttpResponse, name: ObjectName, given: StepGiven
) -> dict[str, Any]:
    """Take one step of the lifecycle."""
    if given.event == WITHDRAW:
        raise NotAccepted("event", "a withdrawal reaches custody as well; send it to the submission's withdraw")
    return stepped(request, response, name, Kind.SUBMISSION, given)


@router.post("submissions/{name}/keys", response=Turned)
def submission_key(request: PortalRequest, name: ObjectName, given: KeyGiven) -> dict[str, Any]:
    """Turn one's key for an action of two keys, on one digest; whoever comes first asks for it."""
    at = desk(request)
    standing = found(at, name, Kind.SUBMISSION).standing
    if given.action is KeyAction.USE_WEIGHTS:
        raise NotAccepted("action", "custody knows what this is bound to; run: seatrial submission key")
    rule = house().packs(standing.pack).key_rule(given.action)
    if at.viewer.role not in rule.first | rule.second:
        raise Conflict(f"{at.viewer.role} holds no key for {given.action}")
    for one in at.keys(name, standing):
        live = rule.live(one.request, one.votes, request.now)
        if one.request.digest == given.digest and at.actor.person in {vote.person for vote in live}:
            raise Conflict("your key is turned for this already")
    asked = at.turn(name, given.action, given.digest)
    missing = next((one.missing for one in at.keys(name, standing) if one.request.id == asked.id), ())
    return {"id": name, "action": given.action, "digest": given.digest, "missing": [sorted(side) for side in missing]}


@router.post("submissions/{name}/withdraw", response=Receipt)
def submission_withdraw(request: PortalRequest, name: ObjectName, given: Nothing) -> dict[str, Any]:  # noqa: ARG001 - an empty object
    """Withdraw: leases end, the key half is destroyed, runs stop, deletion begins. Again is no fault."""
    found(desk(request), name, Kind.SUBMISSION)
    opened, actor = cast("Installation", installation()), request.who.actor

    def whoever(_opener: Actor) -> Actor:
        return actor

    runs = submitted_runs(opened.custody.home)
    return kept(withdrawn(opened.custody, runs, lambda: opened, name, request.now, whoever))


def kept(receipt: Any) -> dict[str, Any]:  # noqa: ANN401 - custody's
    """A receipt as it is handed out."""
    proof = base64.b64encode(receipt.proof).decode() if receipt.proof else None
    envelope = base64.b64encode(receipt.envelope).decode()
    return {"kind": str(receipt.kind), "submission": receipt.submission, "envelope": envelope, "proof": proof}


def _now(at: Desk, response: HttpResponse, name: str) -> dict[str, Any]:
    """What the newest step came to."""
    record = at.record(name)
    place = record.history[-1].place
    versioned(response, {"version": record.version})
    return {
        "id": name,
        "state": record.standing.state,
        "version": record.version,
        "entries": [place.index] if place else [],
        "owed": place is None,
    }


def _opened(at: Desk, response: HttpResponse, name: str, policy: PolicyPack) -> dict[str, Any]:
    response.headers["Location"] = f"/api/v1/submissions/{name}"
    return {**_now(at, response, name), "pack": str(policy.ref), "terms_digest": terms_digest(policy)}
