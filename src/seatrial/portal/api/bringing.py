"""What a request brings to an act, as the desk takes it; and one way to take any step, for every object."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from seatrial.desk import Brought, Desk
from seatrial.framework.consent import Consent, Recipient
from seatrial.framework.data_class import DataClass
from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.submission_store import NotHere, Stale
from seatrial.paperwork import subject_of, terms_digest
from seatrial.portal.api.problems import NotAccepted
from seatrial.portal.api.repeats import key_of
from seatrial.portal.api.views import taken
from seatrial.portal.identity.assurance import BY_TOKEN, Need, StepUp
from seatrial.portal.opening import house

if TYPE_CHECKING:
    from django.http import HttpResponse

    from seatrial.framework.standing import Kind, Standing
    from seatrial.framework.submission_store import Record
    from seatrial.portal.acting import PortalRequest
    from seatrial.portal.api.shapes import ConsentGiven, StepGiven

SIGNED = frozenset({"sign_report", "sign_off"})
"""Steps that stand for a signature: a person takes them, with a passkey that was just shown."""

ELSEWHERE = {"publish_report": "POST publication", "stop_publication": "POST publication/stop"}
"""Steps whose paper is made here and never brought."""


def desk(request: PortalRequest) -> Desk:
    """The desk of whoever calls."""
    return Desk(house(), request.who.actor, request.now)


def found(at: Desk, name: str, kind: Kind) -> Record:
    """The object of this kind. Raises `NotHere`."""
    record = at.record(name)
    if record.standing.kind is not kind:
        raise NotHere(name)
    return record


def expected(request: PortalRequest, record: Record) -> None:
    """Raises `Stale` unless it is still at the version that the caller read."""
    if record.version != request.expected:
        raise Stale(record.standing.object)


def stepped(request: PortalRequest, response: HttpResponse, name: str, kind: Kind, given: StepGiven) -> dict[str, Any]:
    """Take the step."""
    at = desk(request)
    record = found(at, name, kind)
    if given.event in ELSEWHERE:
        raise NotAccepted("event", f"{given.event} has an operation of its own: {ELSEWHERE[given.event]}")
    _by_whom(request, record.standing, given.event)
    things = brought(given, record.standing, at)
    outcome = at.act(name, given.event, things, request_digest(request), request.expected)
    return versioned(response, taken(outcome, at.record(name).version))


def _by_whom(request: PortalRequest, standing: Standing, event: str) -> None:
    """Raises `StepUp` for what is signed, and where a service would act on two people's keys."""
    row = LIFECYCLES[standing.kind].row(standing.state, event)
    asks = {one.asks.kind for one in (row.requires if row else ()) if one.asks is not None}
    by_two = request.assurance is BY_TOKEN and "keys" in asks
    if by_two or (event in SIGNED and not Need.SIGNING.met(request.assurance, request.now)):
        raise StepUp(Need.SIGNING)


def versioned(response: HttpResponse, shown: dict[str, Any]) -> dict[str, Any]:
    """The same, with its version as the `ETag`."""
    response.headers["ETag"] = f'"{shown["version"]}"'
    return shown


def request_digest(request: PortalRequest) -> str:
    """By which the house knows the same request again, even where its answer was lost; empty without a key."""
    key = key_of(request)
    if not key:
        return ""
    said = f"api {request.who.organisation} {request.path} {key}"
    return f"sha256:{hashlib.sha256(said.encode()).hexdigest()}"


def brought(given: StepGiven, standing: Standing, at: Desk) -> Brought:
    """What the step brings. Raises `NotAccepted`."""
    return Brought(
        papers=tuple((paper.kind, paper.bytes) for paper in given.papers),
        consent=_consent(given.consent, standing, at) if given.consent else None,
        reason=given.reason,
        date=given.date,
        marks=tuple(given.marks.items()),
    )


def _consent(given: ConsentGiven, standing: Standing, at: Desk) -> Consent:
    if given.id is not None:
        known = next((one for one in standing.consents if one.id == given.id), None)
        if known is None:
            raise NotAccepted("consent.id", "there is no such consent here")
        return known.revoke(at.now)
    if given.activity is None or not given.purposes or not given.recipients:
        raise NotAccepted("consent", "name an activity, purposes and recipients; or the id of one that is there")
    subject = subject_of(standing)
    return Consent(
        id=at.house.new_id("con"),
        subject=subject.id,
        activity=given.activity,
        purposes=frozenset(given.purposes),
        recipients=frozenset(Recipient(one.organisation, one.role) for one in given.recipients),
        classes=frozenset(given.classes) or frozenset({DataClass.M, DataClass.P}),
        not_before=at.now,
        expires=given.expires or subject.expires,
        terms_digest=terms_digest(at.house.packs(standing.pack)),
        signer=at.actor.person,
        given_at=at.now,
    )
