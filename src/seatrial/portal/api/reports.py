"""Reports that were published, and their files; for everybody."""

# ruff: noqa: TC001 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Router, Schema
from pydantic import Field

from seatrial import disclosed
from seatrial.framework.submission_store import NotHere
from seatrial.portal.acting import PortalRequest
from seatrial.portal.opening import house

router = Router(tags=["reports"])
ReportName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", examples=["heron-7"])]
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["assessment.json"])]
_BYTES = {"description": "The file", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}


class File(Schema):
    """A file of a report."""

    name: str
    size: int


class Withheld(Schema):
    """Something that is not public: where the report has it, its class, what it is, and how many there are."""

    path: str
    data_class: str
    what: str
    count: int


class Report(Schema):
    """A published report: what it is of, when it was issued, from when on it is public, its files, and what it lacks.

    `withdrawn` is when its developer withdrew the submission: what was public by then stays so.
    """

    name: str
    subject: str
    issued: str
    notices: list[str]
    files: list[File]
    since: str
    withheld: list[Withheld]
    withdrawn: str | None


@router.get("reports", response=list[Report])
def reports_list(request: PortalRequest) -> list[Any]:
    """List the reports that were published."""
    return [_shown(one) for one in disclosed.reports(house().home, request.now)]


@router.get("reports/{name}", response=Report)
def report_show(request: PortalRequest, name: ReportName) -> dict[str, Any]:
    """Show one."""
    try:
        return _shown(disclosed.report(house().home, name, request.now))
    except LookupError:
        raise NotHere(name) from None


@router.get("reports/{name}/files/{file}", response={200: None}, openapi_extra={"responses": {200: _BYTES}})
def report_file(request: PortalRequest, name: ReportName, file: FileName) -> HttpResponse:
    """Fetch one of its files."""
    try:
        content = disclosed.report_file(house().home, name, file, request.now)
    except LookupError:
        raise NotHere(name) from None
    return HttpResponse(content, content_type="application/octet-stream")


def _shown(one: disclosed.Published) -> dict[str, Any]:
    files = [{"name": name, "size": size} for name, size in one.files]
    return {
        "name": one.name,
        "subject": one.subject,
        "issued": one.issued,
        "notices": list(one.notices),
        "files": files,
        "since": one.since,
        "withheld": [
            {"path": path, "data_class": of, "what": what, "count": count} for path, of, what, count in one.withheld
        ],
        "withdrawn": one.withdrawn or None,
    }
