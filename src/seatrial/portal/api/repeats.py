"""A request that is sent again under its `Idempotency-Key`: the first answer, or the word that it is another request.

Only what changed something is kept; a request that was refused may be sent again under its key.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from django.http import JsonResponse

from seatrial.evaluation.jobs import Process
from seatrial.portal.access import Again
from seatrial.portal.api.problems import NotAccepted, problem
from seatrial.portal.opening import house
from seatrial.storage.stores.idempotency import KEY_LENGTH, AnsweredTables, Holder
from seatrial.work.place import is_gone, this_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from seatrial.portal.access import Operation
    from seatrial.portal.acting import PortalRequest
    from seatrial.storage.stores.idempotency import Known

HEADER = "Idempotency-Key"
_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_LENGTH}}}")
KEPT_HEADERS = ("ETag", "Location")


def key_of(request: PortalRequest) -> str:
    """The key of a request; empty where it has none. Raises `NotAccepted`."""
    given = request.headers.get(HEADER, "")
    if HEADER in request.headers and _KEY.fullmatch(given) is None:
        raise NotAccepted(HEADER, f"1 to {KEY_LENGTH} visible ASCII characters")
    return given


def repeated(request: PortalRequest, operation: Operation, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Act, unless the same request was answered before."""
    key = key_of(request) if operation.method != "GET" else ""
    if not key or operation.again is Again.ITSELF:
        return act()
    viewer, table = request.who.viewer, AnsweredTables(house().database)
    if (known := table.take(viewer, key, _digest(request), operation.name, request.now, _holder())) is not None:
        return _again(request, known)
    try:
        response = act()
    except BaseException:
        table.drop(viewer, key)
        raise
    if 200 <= response.status_code < 300:
        table.answered(viewer, key, response.status_code, _kept(response) if operation.again is Again.FIRST else None)
    else:
        table.drop(viewer, key)
    return response


def _holder() -> Holder:
    return Holder(asdict(this_process()), lambda named: is_gone(Process(**named)))


def _digest(request: PortalRequest) -> str:
    """What makes two requests the same: who, what, and the body."""
    said = json.dumps([request.who.person, request.who.pair, request.method, request.get_full_path()])
    return hashlib.sha256(said.encode() + b"\n" + request.body).hexdigest()


def _kept(response: HttpResponse) -> dict[str, object]:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return {"body": json.loads(response.content), "headers": headers}


def _again(request: PortalRequest, known: Known) -> HttpResponse:
    if known.digest != _digest(request):
        return problem(
            request, 409, "Another request", "This Idempotency-Key stands for another request; take a new one."
        )
    if known.status is None:
        busy = problem(request, 409, "Being worked on", "The same request is being worked on; ask again.")
        busy.headers["Retry-After"] = "2"
        return busy
    if known.answer is None:
        return problem(
            request, 409, "Answered before", "What it showed is shown once. Ask for a new one under a new key."
        )
    return JsonResponse(known.answer["body"], status=known.status, headers=known.answer["headers"])
