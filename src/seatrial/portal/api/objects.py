"""Findings and the framework's own texts: the other objects that have a lifecycle, by the same desk."""

# ruff: noqa: TC001, TC002 - the types of an operation's arguments are read when the API is made
from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router

from seatrial.framework.standing import Kind
from seatrial.portal.acting import PortalRequest
from seatrial.portal.api import views
from seatrial.portal.api.bringing import desk, found, stepped, versioned
from seatrial.portal.api.shapes import MOST_PAGE, PAGE, Cursor, ObjectName, Page, Shown, StepGiven, Taken
from seatrial.portal.opening import house

router = Router()


@router.get("findings", response=Page, tags=["findings"])
def findings_list(
    request: PortalRequest, after: Cursor = "", most: Annotated[int, Query(ge=1, le=MOST_PAGE)] = PAGE
) -> dict[str, Any]:
    """List the findings that are there for whoever calls, oldest first."""
    return _page(request, Kind.FINDING, after, most)


@router.get("findings/{name}", response=Shown, tags=["findings"])
def finding_show(request: PortalRequest, response: HttpResponse, name: ObjectName) -> dict[str, Any]:
    """Show where a finding stands."""
    return _shown(request, response, name, Kind.FINDING)


@router.get("texts", response=Page, tags=["texts"])
def texts_list(
    request: PortalRequest, after: Cursor = "", most: Annotated[int, Query(ge=1, le=MOST_PAGE)] = PAGE
) -> dict[str, Any]:
    """List the framework's texts that are proposed, commented on or adopted."""
    return _page(request, Kind.FRAMEWORK_TEXT, after, most)


@router.get("texts/{name}", response=Shown, tags=["texts"])
def text_show(request: PortalRequest, response: HttpResponse, name: ObjectName) -> dict[str, Any]:
    """Show where a text stands."""
    return _shown(request, response, name, Kind.FRAMEWORK_TEXT)


@router.post("texts/{name}/steps", response=Taken, tags=["texts"])
def text_step(request: PortalRequest, response: HttpResponse, name: ObjectName, given: StepGiven) -> dict[str, Any]:
    """Take one step with a text."""
    return stepped(request, response, name, Kind.FRAMEWORK_TEXT, given)


def _page(request: PortalRequest, kind: Kind, after: str, most: int) -> dict[str, Any]:
    standings, following = house().submissions.page(request.who.viewer, kind, after=after, most=most)
    return {"items": [views.summary(one) for one in standings], "next": following}


def _shown(request: PortalRequest, response: HttpResponse, name: str, kind: Kind) -> dict[str, Any]:
    at = desk(request)
    return versioned(response, views.shown(at, found(at, name, kind)))
