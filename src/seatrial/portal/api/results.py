"""What a run came to: its estimates, each with its error, and the files that a draft is written from.

The evaluator reads them once the run is over; the developer from the delivery of the draft on, as on the pages.
"""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from ninja import Router, Schema

from seatrial.framework.participant import DEVELOPER_ROLES
from seatrial.framework.standing import Kind
from seatrial.framework.submission_store import NotHere
from seatrial.portal.acting import PortalRequest
from seatrial.portal.api.bringing import desk, found
from seatrial.portal.api.reports import FileName
from seatrial.portal.api.reviews import UnitName
from seatrial.portal.api.shapes import ObjectName
from seatrial.portal.opening import house
from seatrial.portal.pages.drafts import DELIVERED
from seatrial.portal.pages.drafts import FILES as OF_DEVELOPER
from seatrial.portal.pages.runs import FILES
from seatrial.report.assessment import Assessment
from seatrial.report.glance import Glance
from seatrial.reviewing import ReviewRuns

router = Router(tags=["reviews"])
_BYTES = {"description": "The file", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}


class Estimate(Schema):
    """One number with all that a reader needs: what it is, its interval, what it was counted from, at which budget."""

    id: str
    quantity: str
    participant: str
    family: str | None
    level: int | None
    sample_set: str
    estimand: str
    unit: str
    value: float | None
    lower: float | None
    upper: float | None
    confidence: float
    method: str
    n: int
    solved: int | None
    tasks: int
    families: int
    budget: str
    standing: str
    qualifiers: list[str]


class NotIdentifiable(Schema):
    """A number that cannot be stated, and why."""

    quantity: str
    participant: str
    family: str | None
    level: int | None
    sample_set: str
    reason: str


class Estimates(Schema):
    """All numbers of a run; what cannot be stated stands with its reason."""

    run: str
    assessment: str
    plan: str
    notices: list[str]
    estimates: list[Estimate]
    not_identifiable: list[NotIdentifiable]


@router.get("reviews/{name}/runs/{unit}/estimates", response=Estimates)
def estimates_show(request: PortalRequest, name: ObjectName, unit: UnitName) -> dict[str, Any]:
    """Show a finished run's estimates, each with its interval, counts, method and budget."""
    content = _glance(request, name, unit).bytes("assessment.json")
    if content is None:
        raise NotHere(unit)
    read = Assessment.model_validate_json(content)
    return {
        "run": unit,
        "assessment": read.id,
        "plan": read.plan.digest,
        "notices": read.notices,
        "estimates": [
            {
                **one.model_dump(include=set(Estimate.model_fields)),
                "family": one.scope.family,
                "level": one.scope.level,
                "lower": one.interval[0],
                "upper": one.interval[1],
                "confidence": one.level,
            }
            for one in read.estimates
        ],
        "not_identifiable": [
            {
                **one.model_dump(include=set(NotIdentifiable.model_fields)),
                "family": one.scope.family,
                "level": one.scope.level,
            }
            for one in read.not_identifiable
        ],
    }


@router.get("reviews/{name}/runs/{unit}/files/{file}", response={200: None}, openapi_extra={"responses": {200: _BYTES}})
def run_file(request: PortalRequest, name: ObjectName, unit: UnitName, file: FileName) -> HttpResponse:
    """Fetch a file of a finished run's report: what a draft is written from."""
    glance = _glance(request, name, unit)
    allowed = OF_DEVELOPER if request.who.role in DEVELOPER_ROLES else FILES
    content = glance.bytes(file) if file in allowed else None
    if content is None:
        raise NotHere(file)
    return HttpResponse(content, content_type="application/octet-stream")


def _glance(request: PortalRequest, name: str, unit: str) -> Glance:
    """The directory of a run that is over, for whoever may read it now. Raises `NotHere`."""
    standing = found(desk(request), name, Kind.SUBMISSION).standing
    own = request.who.role in DEVELOPER_ROLES
    if not (standing.state in DELIVERED if own else standing.evaluator == request.who.organisation):
        raise NotHere(name)
    held = house().jobs.unit(request.who.viewer, unit)
    if held.wanted.submission != name or held.open:
        raise NotHere(unit)
    return ReviewRuns(house()).glance(held)
