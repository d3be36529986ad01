"""What the API answers when it does not do what it was asked: problems (RFC 9457), each with what to do next.

- A text of an error reaches an answer only where the rooms wrote it for whoever asked; any other error is a fault of
  ours and shows nothing.
- What is not there, and what is another developer's, get the one answer of `errors.not_found`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import JsonResponse
from ninja.errors import HttpError, ValidationError

from seatrial.custody.keys import CustodyError
from seatrial.custody.lease import ScopeEnded
from seatrial.framework.consent import BadConsent
from seatrial.framework.identifier import BadDigest, BadIdentifier
from seatrial.framework.instant import EmptySpan, NaiveTime
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.purpose import BadPurpose
from seatrial.framework.submission_store import NotHere, Stale
from seatrial.portal.errors import PROBLEM, not_found, plain
from seatrial.portal.identity.assurance import StepUp
from seatrial.portal.identity.step_up import step_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpResponse

    from seatrial.portal.acting import PortalRequest

_SOURCES = frozenset({"body", "query", "path", "header", "form", "file"})


class NotAccepted(ValueError):
    """A request that does not hold together: the field, and what about it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


class Conflict(ValueError):
    """A request that does not go with what is there; the text is for whoever asked."""


INVALID = (NotAccepted, BadIdentifier, BadDigest, BadConsent, BadPurpose, NaiveTime, EmptySpan, ValidationError)
CONFLICTING = (NotPossible, ScopeEnded, CustodyError, Conflict)
EXPECTED = (NotHere, Stale, StepUp, HttpError, *INVALID, *CONFLICTING)
"""What has an answer below; anything else is a fault of ours."""


def problem(
    request: PortalRequest, status: int, title: str, words: str, errors: Iterable[tuple[str, str]] = ()
) -> HttpResponse:
    """An answer with the fields that it is about."""
    listed = [{"field": field, "message": message} for field, message in errors]
    if not listed:
        return plain(request, status, title, words)
    said = {"type": "about:blank", "title": title, "status": status, "detail": words, "errors": listed}
    return JsonResponse(said, status=status, content_type=PROBLEM)


def told(request: PortalRequest, error: Exception) -> HttpResponse:
    """The answer to an error of `EXPECTED`."""
    if isinstance(error, NotHere):
        return not_found(request)
    if isinstance(error, StepUp):
        return step_up(request, error.need)
    if isinstance(error, Stale):
        return problem(request, 412, "Changed meanwhile", "Somebody acted since you read it. Read it again.")
    if isinstance(error, CONFLICTING):
        return _conflict(request, error)
    if isinstance(error, HttpError):
        return problem(
            request, 400, "The request cannot be read", "Its body is no JSON of the shape that is documented."
        )
    return problem(request, 422, "The request does not hold together", "See errors.", _fields(error))


def _conflict(request: PortalRequest, error: Exception) -> HttpResponse:
    missing = error.missing if isinstance(error, NotPossible) else ()
    listed = [("missing", one) for one in missing]
    return problem(request, 409, "Not possible now", str(error), listed)


def _fields(error: Exception) -> list[tuple[str, str]]:
    if isinstance(error, ValidationError):
        return [(_place(one["loc"]), str(one["msg"])) for one in error.errors]
    if isinstance(error, NotAccepted):
        return [(error.field, error.message)]
    field, _, message = str(error).partition(": ")
    return [(field, message or field)]


def _place(steps: Iterable[Any]) -> str:
    """The field as it was sent; the name of the function's own argument is nobody's business."""
    parts = [str(step) for step in steps]
    inside = parts[2:] if parts[:1] == ["body"] else parts[1:] if parts[0] in _SOURCES else parts
    return ".".join(inside) or "body"
