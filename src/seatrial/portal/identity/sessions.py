"""Sessions end by themselves: after thirty minutes without an act, and after twelve hours however busy.

- A part of a page that renews itself is no act: a page left open does not keep its session.
- The last act is written down at most once a minute, so that reading pages writes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from seatrial.portal.settings import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

IDLE = timedelta(minutes=30)  # NIST SP 800-63B rev. 3, AAL2 allows an hour; half of it for embargoed matters
WRITTEN = timedelta(minutes=1)
BEGAN, SEEN = "began", "seen"


class Sessions:
    """Forgets a session that is over, before anybody asks who it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at the clock, then answer."""
        now = datetime.now(UTC)
        began, seen = (request.session.get(name) for name in (BEGAN, SEEN))
        if began is not None and seen is not None:
            if over(began, seen, now):
                request.session.flush()
            elif now.timestamp() - seen > WRITTEN.total_seconds() and not renews_itself(request):
                request.session[SEEN] = now.timestamp()
        return self._answer(request)


def over(began: float, seen: float, now: datetime) -> bool:
    """Whether a session that began and was last used then is over."""
    at = now.timestamp()
    return at - seen > IDLE.total_seconds() or at - began > LONGEST.total_seconds()


def renews_itself(request: HttpRequest) -> bool:
    """Whether a part of a page asks, and no person."""
    return request.method == "GET" and request.headers.get("HX-Request") == "true"


def begins(request: HttpRequest) -> None:
    """Somebody signed in."""
    now = datetime.now(UTC).timestamp()
    request.session[BEGAN] = request.session[SEEN] = now
