"""The only way from an evaluation to a submitted endpoint: a lease comes in, the key goes out.

For each call: find the lease -> its state, purpose and owners -> open the endpoint with both halves -> read the body
and hold it to the dialect -> reserve -> forward with the key in the lease's place -> settle -> one row in the log.

- Nothing reaches an endpoint that has not reserved its most; nothing is forwarded that the dialect does not list.
- Answers pass through in the chunks in which they come, at the pace at which the evaluator reads; memory does not grow
  with their length. Bodies are held whole, because they are judged before they go (`bodies`).
- A revoked lease calls nothing from the next request on, and its running calls are cut (`running`).
- The endpoint's key and host stand in no answer, error, header or log row.
- A call that cannot be written down is the last one: the gateway then answers 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import httpcore
from starlette.applications import Starlette
from starlette.routing import Mount

from seatrial.custody import bodies, dialects
from seatrial.custody.access_log import Ending
from seatrial.custody.accounts import Accounts
from seatrial.custody.admission import Admission, check_head, not_carried
from seatrial.custody.budget import Call, Refusal, statement
from seatrial.custody.dialects import NotCarried
from seatrial.custody.keys import new_id
from seatrial.custody.log_roots import LogRoots
from seatrial.custody.passage import NOTHING, Passage, once
from seatrial.custody.running import Running, Switch, ended
from seatrial.custody.store_threads import StoreThreads
from seatrial.custody.upstream import Ways
from seatrial.custody.waits import Waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

    from seatrial.custody.access_log import AccessStore, LogRoot
    from seatrial.custody.accounts import Together
    from seatrial.custody.admission import Found, Opener
    from seatrial.custody.credential import Endpoint
    from seatrial.custody.lease import LeaseToken
    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.upstream import Headers

PARSE_APART_BYTES = 256 * 1024
"""Larger bodies are parsed in a thread, so that other calls' streams go on."""

_UNREACHABLE = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.UnsupportedProtocol, httpcore.PoolTimeout)
_ENDINGS = {
    "lease_revoked": Ending.CUT,
    "lease_expired": Ending.CUT,
    "lease_unreadable": Ending.CUT,
    "gateway_stopped": Ending.CUT,
    "client_gone": Ending.CLIENT,
}


def utc_now() -> datetime:
    """The time, where nobody gives another clock."""
    return datetime.now(UTC)


@dataclass
class _Sending:
    """What goes to the endpoint."""

    found: Found
    endpoint: Endpoint
    route: dialects.Route
    headers: Headers
    box: list[bytes]
    """The body, until it is sent."""
    share: bodies.Share


class Gateway:
    """The ASGI application."""

    def __init__(
        self,
        leases: LeaseStore,
        endpoints: Opener,
        log: AccessStore,
        record_root: Callable[[LogRoot], None],
        clock: Callable[[], datetime],
        waits: Waits,
        together: Together,
    ) -> None:
        self._leases, self._clock, self._waits = leases, clock, waits
        self._admission = Admission(leases, endpoints)
        self._bodies = bodies.Bodies()
        self._threads = StoreThreads()
        self._switch = Switch(leases, self._threads, waits.poll)
        self._roots = LogRoots(log, record_root, clock)
        self._accounts = Accounts(leases, log, self._threads, clock, together)
        self._ways = Ways(waits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        raw_path = scope.get("raw_path") or b""
        dialect = dialects.guess(raw_path, [name for name, _ in scope["headers"]])
        passage = Passage(new_id("cal"), self._clock(), asyncio.get_running_loop().time(), dialect, send)
        share = bodies.Share(self._bodies)
        unread = True
        try:
            found, endpoint, route = await self._admit(passage, scope)
            if route.own:
                await self._say(passage, route, found)
                return
            box = [await bodies.read(receive, scope["headers"], share, self._waits.body)]
            unread = False
            await self._reserve(passage, route, box[0])
            await self._forward(passage, _Sending(found, endpoint, route, scope["headers"], box, share), receive)
        except NotCarried as error:
            await self._refuse(passage, error, close=unread)
        finally:
            share.release()

    async def _admit(self, passage: Passage, scope: Scope) -> tuple[Found, Endpoint, dialects.Route]:
        """Everything that can be refused before the body is read."""
        token = check_head(scope["http_version"], scope["headers"])
        if self._accounts.broken:
            raise NotCarried(503, "gateway_stopped", "the gateway cannot write its log and carries nothing", 60)
        found, endpoint = await self._threads.run(partial(self._find, passage, token))
        passage.dialect = endpoint.dialect
        route = dialects.route(endpoint.dialect, scope["method"], scope.get("raw_path") or b"", scope["query_string"])
        passage.path = route.name
        return found, endpoint, route

    def _find(self, passage: Passage, token: LeaseToken) -> tuple[Found, Endpoint]:
        found = self._admission.find(token)
        passage.lease = found.lease
        return found, self._admission.open(found, self._clock())

    async def _reserve(self, passage: Passage, route: dialects.Route, body: bytes) -> None:
        lease = passage.lease
        assert lease is not None  # noqa: S101 - admitted calls have one
        passage.request_sha256, passage.request_bytes = hashlib.sha256(body).hexdigest(), len(body)
        if len(body) > PARSE_APART_BYTES:
            asked = await asyncio.to_thread(dialects.asked, route, body)
        else:
            asked = dialects.asked(route, body)
        passage.model = str(1 + lease.models.index(asked.model)) if asked.model in lease.models else ""
        most = Call(asked.model, len(body), asked.max_output_tokens, asked.choices)
        held = await self._threads.run(partial(self._leases.reserve, lease.id, most, self._clock()))
        if isinstance(held, Refusal):
            raise not_carried(held)
        passage.reservation = held

    async def _forward(self, passage: Passage, sending: _Sending, receive: Receive) -> None:
        """Send it on, pass the answer back, and write the call down, however it ends."""
        held = passage.reservation
        assert held is not None  # noqa: S101 - what is forwarded was reserved
        left = min(self._waits.call, (held.until - self._clock()).total_seconds())
        running = Running(sending.found.lease, asyncio.timeout(left), sending.found.seen)
        self._switch.running.add(running)
        listening = asyncio.create_task(_left(receive))
        listening.add_done_callback(lambda _: running.end("client_gone"))
        error: NotCarried | None = NotCarried(503, "gateway_stopped", "the gateway was stopped")
        try:
            async with running.limit:
                await self._exchange(passage, sending)
            error = None
        except TimeoutError:
            error = ended(running.why, whole=left >= self._waits.call, seconds=self._waits.call)
        except NotCarried as fault:
            error = fault
        finally:
            running.over = True
            self._switch.running.discard(running)
            listening.cancel()
            await self._conclude(passage, error)

    async def _exchange(self, passage: Passage, sending: _Sending) -> None:
        """One request to the endpoint and its answer."""
        body = once(sending.box, sending.share.release)
        try:
            way = await self._ways.to(sending.found.lease.submission, sending.endpoint)
            got = await way.call(sending.endpoint, sending.route.suffix, sending.headers, body, passage.request_bytes)
            try:
                await passage.answer(got, sending.endpoint)
            finally:
                await got.aclose()
        except _UNREACHABLE:
            raise NotCarried(502, "endpoint_unreachable", "the endpoint cannot be reached") from None
        except httpcore.TimeoutException:
            raise NotCarried(504, "endpoint_silent", "the endpoint did not go on in time") from None
        except (httpcore.NetworkError, httpcore.ProtocolError):
            raise NotCarried(502, "endpoint_broke_off", "the endpoint broke off") from None

    async def _conclude(self, passage: Passage, error: NotCarried | None) -> None:
        """Say how it ended, settle, write the row, and only then send the last byte; a cut answer gets none."""
        whole = error is None or not passage.started
        if error is not None:
            passage.code, passage.ending = error.code, _ENDINGS.get(error.code, Ending.UPSTREAM)
            if error.code == "endpoint_unreachable":
                passage.spent = NOTHING
            if passage.started:
                await passage.last_word(error, self._waits.last_word)
            elif passage.ending is not Ending.CLIENT:
                await passage.refuse(error, close=False)
        await self._accounts.close(passage)
        if whole and passage.started:
            await passage.finish()

    async def _refuse(self, passage: Passage, error: NotCarried, *, close: bool) -> None:
        """Answer without the endpoint; a call without a lease leaves no row."""
        await passage.refuse(error, close=close)
        if passage.lease is not None:
            await self._accounts.close(passage)
        await passage.finish()

    async def _say(self, passage: Passage, route: dialects.Route, found: Found) -> None:
        """Answer what the gateway knows by itself."""
        if route.name == "lease":
            await passage.say({"dialect": route.dialect, **statement(found.lease, found.spend)})
        else:
            await passage.say(dialects.listing(route.dialect, found.lease.models))
        await self._accounts.close(passage)
        await passage.finish()

    @contextlib.asynccontextmanager
    async def watching(self, _: Starlette | None = None) -> AsyncIterator[None]:
        """While the server runs: the switch that cuts, and the hourly root; at the end the last root."""
        tasks = [asyncio.create_task(work) for work in (self._switch.watch(), self._roots.hourly(self._threads))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._ways.close()
            await self._roots.attempt(self._threads)
            self._threads.close()


def gateway_app(
    leases: LeaseStore,
    endpoints: Opener,
    log: AccessStore,
    *,
    clock: Callable[[], datetime] = utc_now,
    record_root: Callable[[LogRoot], None] = lambda _: None,
    waits: Waits = Waits(),  # noqa: B008 - frozen
    together: Together = contextlib.nullcontext,
) -> Starlette:
    """The application that `serving` runs.

    `record_root` appends a root to the ledger and returns once it is there. `together` opens one transaction over
    `leases` and `log`, where they lie in one file: what a call came to and its row are then written at once.
    """
    gateway = Gateway(leases, endpoints, log, record_root, clock, waits, together)
    return Starlette(routes=[Mount("/", app=gateway)], lifespan=gateway.watching)


async def _left(receive: Receive) -> None:
    """Return when the client has left: after a whole body there is no other message."""
    await receive()
