"""The publication of a submission's report, for the two sides that publish it."""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from ninja import Router, Schema
from pydantic import AwareDatetime  # noqa: TC002 - see above

from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import NotHere
from seatrial.portal.acting import PortalRequest
from seatrial.portal.api.bringing import desk, found
from seatrial.portal.api.problems import Conflict
from seatrial.portal.api.reports import FileName, Withheld
from seatrial.portal.api.shapes import Digest, Given, Nothing, ObjectName
from seatrial.publication import BadEdition
from seatrial.publishing import Publishing

router = Router(tags=["publication"])
_BYTES = {"description": "The file", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}


class DayGiven(Given):
    """From when on everybody may read the edition; a time that has passed means as soon as both keys are turned."""

    public_from: AwareDatetime


class EditionKeyGiven(Given):
    """The digest of the edition that a key is turned for."""

    digest: Digest


class Edition(Schema):
    """An edition: what both sides turn their keys for."""

    digest: str
    name: str
    report: str
    public_from: datetime
    files: dict[str, str]
    withheld: list[Withheld]


class Publication(Schema):
    """Where the publication of a report stands.

    `public_from` is the day that both sides agreed on, none while they have not; `missing` are the roles of each side
    that is still to turn its key; `consented` says whether the developer's consent to publish holds.
    """

    id: str
    public_from: datetime | None
    public: bool
    consented: bool
    edition: Edition | None
    missing: list[list[str]]


@router.get("submissions/{name}/publication", response=Publication)
def publication_show(request: PortalRequest, name: ObjectName) -> dict[str, Any]:
    """Show what is proposed or agreed on, and what is public."""
    return _shown(_of(request, name))


@router.post("submissions/{name}/publication", response=Publication)
def publication_propose(request: PortalRequest, name: ObjectName, given: DayGiven) -> dict[str, Any]:
    """Propose an edition with its day, and turn one's own key for it."""
    made = _of(request, name)
    if not made.possible:
        raise Conflict("an edition is proposed once a report is signed, and while none was agreed on")
    made.propose(given.public_from.replace(microsecond=0))
    return _shown(_of(request, name))


@router.post("submissions/{name}/publication/keys", response=Publication)
def publication_key(request: PortalRequest, name: ObjectName, given: EditionKeyGiven) -> dict[str, Any]:
    """Turn one's key for the newest edition; with both turned and the developer's consent, it is published."""
    made = _of(request, name)
    proposal = made.proposal()
    if made.day is not None or proposal is None or proposal.edition.digest != given.digest:
        raise Conflict("no key is asked for this edition; read it again")
    made.turn(given.digest)
    return _shown(_of(request, name))


@router.post("submissions/{name}/publication/stop", response=Publication)
def publication_stop(request: PortalRequest, name: ObjectName, given: Nothing) -> dict[str, Any]:  # noqa: ARG001 - an empty object
    """Take back what is not public yet, alone and without a reason."""
    made = _of(request, name)
    if made.day is not None and made.day <= request.now:
        raise Conflict("it is public; what is public stays public")
    made.stop()
    return _shown(_of(request, name))


@router.get(
    "submissions/{name}/publication/files/{file}", response={200: None}, openapi_extra={"responses": {200: _BYTES}}
)
def publication_file(request: PortalRequest, name: ObjectName, file: FileName) -> HttpResponse:
    """Fetch a file of the edition, as it would be public."""
    made = _of(request, name)
    proposal = made.proposal()
    edition = made.agreed() or (proposal.edition if proposal else None)
    try:
        content = made.files(edition)[file] if edition else None
    except (KeyError, LookupError, BadEdition):
        content = None
    if content is None:
        raise NotHere(name)
    return HttpResponse(content, content_type="application/octet-stream")


def _of(request: PortalRequest, name: str) -> Publishing:
    at = desk(request)
    return Publishing(at, found(at, name, Kind.SUBMISSION).standing)


def _shown(made: Publishing) -> dict[str, Any]:
    proposal = made.proposal() if made.day is None else None
    edition = made.agreed() or (proposal.edition if proposal else None)
    lacks = edition.withheld if edition else ()
    return {
        "id": made.standing.object,
        "public_from": made.day,
        "public": made.day is not None and made.day <= made.desk.now,
        "consented": bool(made.consents),
        "missing": [sorted(side) for side in proposal.keys.missing] if proposal else [],
        "edition": edition
        and {
            "digest": edition.digest,
            "name": edition.name,
            "report": edition.report,
            "public_from": edition.public_from,
            "files": dict(edition.files),
            "withheld": [
                {"path": path, "data_class": of, "what": what, "count": count} for path, of, what, count in lacks
            ],
        },
    }
