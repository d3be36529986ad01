"""What the portal answers when it has nothing to show.

- A URL without a route, a route without a right, another developer's object and an object that is not there get one and
  the same answer, byte for byte: it repeats nothing of the request and shows no navigation.
- An error's text never reaches a page; it has a number, which the log has as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string

if TYPE_CHECKING:
    from django.http import HttpRequest

API = "/api/"
PROBLEM = "application/problem+json"


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django's
    """The one answer for everything that is not there for whoever asks."""
    return plain(request, 404, "Not found", "There is no such page, or it is not open to you.")


def bad_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - the reason is for nobody
    """A form that did not come from a page of this session."""
    return plain(request, 403, "The form was not accepted", "It is too old or from elsewhere. Open its page again.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django's
    """A request that is none."""
    return plain(request, 400, "The request cannot be read", "Check the address and send it again.")


def broken(request: HttpRequest) -> HttpResponse:
    """A fault of ours."""
    number = getattr(request, "number", "")
    words = f"Nothing of what you sent is shown. Try again later. The log knows this as request {number}."
    return plain(request, 500, "Something went wrong here", words)


def plain(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    """A page, or a problem for the API (RFC 9457)."""
    if request.path.startswith(API):
        problem = {"type": "about:blank", "title": title, "status": status, "detail": words}
        return JsonResponse(problem, status=status, content_type=PROBLEM)
    return HttpResponse(render_to_string("error.html", {"title": title, "words": words}), status=status)
