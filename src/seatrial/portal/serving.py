"""The portal behind HTTP: Django's synchronous pages on uvicorn, a thread a request.

- All layers of a request run in one thread: what is open for a request (a session of the rows) is open for it alone.
- A head has seconds to come, a body a minute; a body larger than a paper is not taken.
- What a start loads is no part of later collections of garbage, which hold every page up.
- Several processes can answer on one socket: each takes the next connection.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from asgiref.sync import sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.http import StreamingHttpResponse

from seatrial.battery.packs import PackError, family_by_id, family_ids
from seatrial.custody.serving import config
from seatrial.custody.waits import Waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from django.http import HttpRequest, HttpResponseBase

BODY_BYTES = (16 << 20) + (1 << 20)  # a paper, and what a form has around it
BODY_S = 60.0
AT_ONCE = 128
"""Requests and waiting connections of one process; more are answered 503."""


class Pages(ASGIHandler):
    """Django's own handler, with its layers left synchronous."""

    def __init__(self) -> None:
        super(ASGIHandler, self).__init__()  # without its layers for asynchronous pages: there are none
        self.load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Answer, unless more is announced than is taken."""
        announced = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > BODY_BYTES:
            await send({"type": "http.response.start", "status": 413, "headers": [(b"connection", b"close")]})
            await send({"type": "http.response.body"})
            return
        await super().__call__(scope, receive, send)

    async def read_body(self, receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> Any:  # noqa: ANN401 - a file
        """The body, within its time and its size."""
        taken = 0

        async def counted() -> Mapping[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY_BYTES:
                raise RequestAborted
            return message

        try:
            async with asyncio.timeout(BODY_S):
                return await super().read_body(counted)
        except TimeoutError:
            raise RequestAborted from None

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """The answer, made in the request's own thread."""
        return await sync_to_async(self.get_response)(request)

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send it; what comes in parts is read in the request's thread, a part at a time."""
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = _parts(cast("Iterator[bytes]", response.streaming_content))
        await super().send_response(response, send)


def _next(many: Iterator[bytes]) -> bytes | None:
    return next(many, None)


async def _parts(many: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (part := await sync_to_async(_next)(many)) is not None:
        yield part


def set_aside() -> None:
    """Leave what is loaded out of later collections of garbage: none of it ever goes.

    A full collection looks at every object and holds all pages up: 0.06 s over the 200,000 of a fresh portal on an idle
    core, and several times that on a busy one.
    """
    gc.collect()
    gc.freeze()


def serve_pages(listening: socket.socket) -> None:
    """Serve the portal that is open in this process until it is asked to end.

    Raises:
        ImportError: A page cannot be loaded; said at the start, and not at its first visit.
    """
    import_module("seatrial.portal.urls")
    with suppress(PackError):  # the plan that asks for it says so
        for family in family_ids():
            family_by_id(family)
    set_aside()
    served = config(Pages(), Waits())
    served.lifespan, served.limit_concurrency = "off", AT_ONCE
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    uvicorn.Server(served).run(sockets=[listening])


def listening_on(descriptor: int) -> socket.socket:
    """The socket that a watcher handed over."""
    return socket.socket(fileno=descriptor)
