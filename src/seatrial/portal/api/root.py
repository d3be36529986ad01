"""The API itself: its routers, and how an operation and its answers are called."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.renderers import JSONRenderer
from ninja.responses import NinjaJSONEncoder

from seatrial.framework.instant import text
from seatrial.portal.api import (
    custody,
    ledger,
    meta,
    objects,
    packs,
    publication,
    reports,
    results,
    reviews,
    submissions,
    texts,
)
from seatrial.portal.api.problems import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from ninja.operation import Operation


TITLE, VERSION = "Seatrial", "1"
WHAT = """Everything that the pages of a Seatrial portal do, for programs: the same acts, by the same rules.

A program sends a service token (`Authorization: Bearer sea_svc_...`), a page its session and `X-CSRFToken`. Whoever
calls acts for one organisation in one role; what is not there for them, and what is not there at all, is the same 404.

- Lists give at most 200 at a time, and `next` where there are more: send it as `after`.
- `ETag` is the version of what was read. Whoever changes it sends it back as `If-Match`.
- `Idempotency-Key` on a POST makes sending it again safe for 24 hours.
- Errors are problems (RFC 9457); `errors` names the fields."""


class _Exact(NinjaJSONEncoder):
    """Times to the microsecond, as the rooms write them: two answers about one step say the same."""

    def default(self, o: object) -> object:
        return text(o) if isinstance(o, datetime) else super().default(o)


class _Renderer(JSONRenderer):
    encoder_class = _Exact


class SeatrialApi(NinjaAPI):
    """Operations are known by the name of their function, which is their name in the table."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The id in the OpenAPI document."""
        return str(operation.view_func.__name__)


def _made() -> SeatrialApi:
    built = SeatrialApi(
        title=TITLE, version=VERSION, description=WHAT, openapi_url=None, docs_url=None, renderer=_Renderer()
    )
    answer = cast("Callable[[HttpRequest, Any], HttpResponse]", told)
    built.add_exception_handler(ValidationError, answer)
    built.add_exception_handler(HttpError, answer)
    areas = (submissions, objects, texts, custody, publication, reviews, results, ledger, packs, reports, meta)
    for router in dict.fromkeys(area.router for area in areas):  # two areas may share one
        built.add_router("", router)
    return built


api = _made()
