"""The door of every operation: who, how often, how sure, and whether the same was asked before.

- Who may call what is the line of the table; everything else is asked after that, so that nobody learns from it.
- A session sends its form token in `X-CSRFToken`; a service token needs none.
- A body is JSON and at most `MOST_BODY`.
- A change names the version that it was read at (`If-Match`): nothing is changed under somebody's eyes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from ninja.utils import check_csrf

from seatrial.portal.access import opens
from seatrial.portal.api.pace import PACE
from seatrial.portal.api.problems import EXPECTED, problem, told
from seatrial.portal.api.repeats import repeated
from seatrial.portal.api.root import api
from seatrial.portal.errors import API, bad_form, not_found
from seatrial.portal.identity.assurance import BY_TOKEN, Need, assurance
from seatrial.portal.identity.step_up import step_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from django.http import HttpResponse

    from seatrial.portal.access import Operation
    from seatrial.portal.acting import PortalRequest

MOST_BODY = 24 * 2**20
"""Bytes: a paper of 16 MiB in base64, and room for the rest."""
JSON = "application/json"
_VERSION = re.compile(r'"?([1-9][0-9]{0,8})"?')


def urls(operations: Iterable[Operation]) -> Iterator[URLPattern]:
    """Every operation of the table, behind its door."""
    by_path: dict[str, dict[str, Operation]] = {}
    for one in operations:
        by_path.setdefault(one.path, {})[one.method] = one
    views = {pattern.name: pattern for pattern in api.urls[0] if isinstance(pattern, URLPattern)}
    for methods in by_path.values():
        first = next(iter(methods.values()))
        inner = views[first.name]
        answer = cast("Callable[..., HttpResponse]", inner.callback)
        yield path(f"{API[1:]}v1/{inner.pattern}", behind(methods, answer), name=f"api-{first.name}")


def behind(methods: Mapping[str, Operation], view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """One path's operations behind the door."""

    @csrf_exempt  # asked below, once it is clear that somebody's session acts
    def answer(request: PortalRequest, **given: Any) -> HttpResponse:  # noqa: ANN401 - of the path
        operation = methods.get(request.method or "")
        if (outside := _outside(request, methods, operation)) is not None:
            return outside
        assert operation is not None  # noqa: S101 - said by the line above
        try:
            return _refused(request, operation) or repeated(request, operation, lambda: view(request, **given))
        except EXPECTED as error:
            return told(request, error)

    return answer


def _outside(request: PortalRequest, methods: Mapping[str, Operation], asked: Operation | None) -> HttpResponse | None:
    """What somebody gets who is not let in; None for whoever is."""
    role = request.acting.role if request.acting else None
    if asked is not None and opens(asked.roles, role):
        return None
    if asked is None and any(opens(one.roles, role) for one in methods.values()):
        problem_ = problem(request, 405, "No such method", f"This path answers to {', '.join(sorted(methods))}.")
        problem_.headers["Allow"] = ", ".join(sorted(methods))
        return problem_
    if role is None and not request.user.is_authenticated:
        return problem(request, 401, "Not signed in", "Sign in, or send a service token.")
    return not_found(request)


def _refused(request: PortalRequest, operation: Operation) -> HttpResponse | None:
    """What stops a request whose role is right, before its body is looked at."""
    if wait_s := PACE.wait_s(_caller(request), request.now):
        slow = problem(request, 429, "Too many calls", f"Wait {wait_s} s.")
        slow.headers["Retry-After"] = str(wait_s)
        return slow
    if request.acting is not None:
        request.assurance = BY_TOKEN if request.assurance is BY_TOKEN else assurance(request)
        if operation.needs is not Need.SESSION and not operation.needs.met(request.assurance, request.now):
            return step_up(request, operation.needs)
    if operation.method == "GET":
        return None
    if request.assurance is not BY_TOKEN and check_csrf(request) is not None:
        return bad_form(request)
    return _unreadable(request) or _unversioned(request, operation)


def _caller(request: PortalRequest) -> str:
    if request.acting is not None:
        return f"{request.acting.organisation} {request.acting.person}"
    return str(request.META.get("REMOTE_ADDR", ""))


def _unreadable(request: PortalRequest) -> HttpResponse | None:
    """What stops a body; one that is right is read here, since it may be longer than a form."""
    if request.content_type != JSON:
        return problem(request, 415, "Not JSON", f"Send the body as {JSON}.")
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        return problem(request, 411, "No length", "Send Content-Length.")
    body = request.read(MOST_BODY + 1)
    if len(body) > MOST_BODY:
        return problem(request, 413, "Too long", f"A body has at most {MOST_BODY} bytes.")
    request._body = body  # noqa: SLF001 - where Django keeps it; its own limit is that of a form
    return None


def _unversioned(request: PortalRequest, operation: Operation) -> HttpResponse | None:
    if not operation.versioned:
        return None
    given = request.headers.get("If-Match", "")
    if not given:
        return problem(request, 428, "No version", "Send If-Match with the ETag that you read.")
    if (found := _VERSION.fullmatch(given)) is None:
        return problem(request, 400, "No version", "If-Match is the ETag of what was read, one only.")
    request.expected = int(found[1])
    return None
