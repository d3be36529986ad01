"""Feeds: by a session, by a secret address, and for everybody. A secret address that opens nothing is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse

from seatrial import disclosed
from seatrial.framework.submission_store import NotHere
from seatrial.notices.atom import MEDIA_TYPE
from seatrial.notices.feeds import Feeds
from seatrial.portal.opening import house, place

if TYPE_CHECKING:
    from seatrial.framework.viewer import Viewer
    from seatrial.portal.acting import PortalRequest

CALENDAR = "text/calendar; charset=utf-8"


def due(request: PortalRequest, secret: str = "") -> HttpResponse:
    """What is due, as iCalendar."""
    made = Feeds(house()).calendar(_viewer(request, secret), request.now)
    return HttpResponse(made, content_type=CALENDAR)


def changes(request: PortalRequest, secret: str = "") -> HttpResponse:
    """What changed, as Atom."""
    made = Feeds(house()).changes(_viewer(request, secret), place().url, request.now)
    return HttpResponse(made, content_type=MEDIA_TYPE)


def published(request: PortalRequest) -> HttpResponse:
    """What was published, as Atom."""
    made = Feeds(house()).published(disclosed.reports(house().home, request.now), place().url, request.now)
    return HttpResponse(made, content_type=MEDIA_TYPE)


def _viewer(request: PortalRequest, secret: str) -> Viewer:
    if not secret:
        return request.who.viewer
    found = Feeds(house()).viewer(secret, request.now)
    if found is None:
        raise NotHere("feed")
    return found
