"""One call through the gateway, from its first byte to its row in the log.

- What comes back is passed on in the chunks in which it comes; nothing of an answer is kept but its digest, the unread
  rest of one event, and a window of the key's length, so that an answer that holds the key is cut.
- A call is settled and written down before its last byte is sent: a client that goes on at once finds its place free.
- The reservation stands when an answer did not come to its end; it is given back when the endpoint took nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seatrial.custody.access_log import AccessRow, Ending
from seatrial.custody.budget import Usage
from seatrial.custody.dialects import NotCarried, error_body, error_event
from seatrial.custody.upstream import Scrub, returned
from seatrial.custody.usage import UsageReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    import httpcore
    from starlette.types import Send

    from seatrial.custody.budget import Reservation, Settled
    from seatrial.custody.credential import Endpoint
    from seatrial.custody.lease import Lease

ERROR_BYTES = 256 * 1024
"""Most of an endpoint's error text that is read."""
NOTHING = Usage(0, 0)
CALL_HEADERS = (b"x-seatrial-call", b"x-request-id")
"""Both hold the call's id: the first is ours, the second is what clients of all dialects write into their own logs."""


@dataclass(eq=False)
class Passage:
    """A call as it goes on; `began` and `first_byte` are seconds of the event loop's clock."""

    id: str
    at: datetime
    began: float
    dialect: str
    send: Send
    lease: Lease | None = None
    path: str = ""
    model: str = ""
    status: int = 0
    ending: Ending = Ending.GATEWAY
    code: str = ""
    request_sha256: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    first_byte: float | None = None
    started: bool = False
    reservation: Reservation | None = None
    spent: Usage | None = None
    """What is settled; None: what was reserved."""
    events: bool = False
    _digest: Any = field(default_factory=hashlib.sha256)

    async def answer(self, got: httpcore.Response, endpoint: Endpoint) -> None:
        """Pass on what the endpoint says. Raises `NotCarried` for what is not passed on."""
        kept = returned(got.headers)
        kind = dict(kept).get(b"content-type", b"")
        if 300 <= got.status < 400:
            raise NotCarried(502, "endpoint_redirects", "the endpoint points elsewhere; redirects are not followed")
        scrub = Scrub(endpoint)
        if got.status >= 400:
            await self._fault(got, kept, scrub)
            return
        coding = [value for name, value in got.headers if name.lower() == b"content-encoding"]
        if got.status != 200 or not kind or coding not in ([], [b"identity"]):
            raise NotCarried(502, "endpoint_strange", "the endpoint answered in a form that is not passed on")
        await self._pass(got, kept, scrub, events=kind.startswith(b"text/event-stream"))

    async def _pass(
        self, got: httpcore.Response, kept: list[tuple[bytes, bytes]], scrub: Scrub, *, events: bool
    ) -> None:
        reader = UsageReader(self.dialect, stream=events)
        self.events = events
        async for chunk in got.aiter_stream():
            if scrub.holds_key(chunk):
                raise NotCarried(502, "endpoint_shows_key", "the endpoint's answer held its own key and was cut")
            if not self.started:
                await self._start(200, kept)
            reader.feed(chunk)
            await self._out(chunk)
        if not self.started:
            await self._start(200, kept)
        self.spent = reader.usage()
        self.ending = Ending.WHOLE

    async def _fault(self, got: httpcore.Response, kept: list[tuple[bytes, bytes]], scrub: Scrub) -> None:
        """An error of the endpoint: its status, its Retry-After, and its text where that has the dialect's form."""
        self.spent = NOTHING
        if got.status == 401:
            raise NotCarried(502, "endpoint_refused_key", "the endpoint refused the deposited credential")
        text = b""
        async for chunk in got.aiter_stream():
            text += chunk
            if len(text) > ERROR_BYTES:
                break
        clean = scrub.clean(text)
        if not _is_error(clean):
            clean = json.dumps(
                error_body(self.dialect, got.status, "endpoint_error", "the endpoint answered with an error")
            ).encode()
        self.code, self.ending = "endpoint_error", Ending.WHOLE
        headers = [(name, value) for name, value in kept if name != b"content-type"]
        await self._start(got.status, [(b"content-type", b"application/json"), *headers])
        await self._out(clean)

    async def refuse(self, error: NotCarried, *, close: bool) -> None:
        """Answer by ourselves; the last byte is for `finish`."""
        self.code = error.code
        headers = [(b"content-type", b"application/json")]
        if error.retry_after is not None:
            headers.append((b"retry-after", b"%d" % error.retry_after))
        if close:
            headers.append((b"connection", b"close"))
        body = json.dumps(error_body(self.dialect, error.status, error.code, str(error))).encode()
        await self._start(error.status, headers)
        await self._out(body)

    async def say(self, body: object) -> None:
        """Answer a question that the gateway answers by itself."""
        self.ending = Ending.WHOLE
        await self._start(200, [(b"content-type", b"application/json")])
        await self._out(json.dumps(body).encode())

    async def last_word(self, error: NotCarried, seconds: float) -> None:
        """End a stream that has begun with an error that its client shows."""
        self.code = error.code
        if self.events:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._out(error_event(self.dialect, error.status, error.code, str(error)))

    async def finish(self) -> None:
        """The last byte, once the call is written down."""
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    def row(self, ended: float, settled: Settled | None) -> AccessRow:
        """What is written down."""
        assert self.lease is not None  # noqa: S101 - calls without a lease have no row
        amount = settled.amount if settled else None
        first = ended if self.first_byte is None else self.first_byte
        return AccessRow(
            call=self.id,
            lease=self.lease.id,
            submission=self.lease.submission,
            at=self.at,
            path=self.path,
            model=self.model,
            status=self.status,
            ending=self.ending,
            code=self.code,
            request_sha256=self.request_sha256,
            response_sha256=self._digest.hexdigest(),
            request_bytes=self.request_bytes,
            response_bytes=self.response_bytes,
            input_tokens=amount.input_tokens if amount else 0,
            output_tokens=amount.output_tokens if amount else 0,
            microdollars=amount.microdollars if amount else 0,
            first_byte_ms=round(1000 * (first - self.began)),
            total_ms=round(1000 * (ended - self.began)),
        )

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started, self.status = True, status
        own = [(name, self.id.encode()) for name in CALL_HEADERS]
        own.append((b"cache-control", b"no-store"))
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, *own]})

    async def _out(self, chunk: bytes) -> None:
        if self.first_byte is None:
            self.first_byte = asyncio.get_running_loop().time()
        await self.send({"type": "http.response.body", "body": chunk, "more_body": True})
        self._digest.update(chunk)
        self.response_bytes += len(chunk)


def _is_error(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


async def once(box: list[bytes], sent: Callable[[], None]) -> AsyncIterator[bytes]:
    """A body that is let go of when it was sent: a long answer does not hold its question."""
    while box:
        yield box.pop()
    sent()
