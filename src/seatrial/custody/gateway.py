"""The only way from an evaluation to a submitted endpoint: a lease comes in, the key goes out.

For each call: find the lease -> its state, purpose and owners -> open the endpoint with both halves -> read the body
and hold it to the dialect -> reserve -> forward with the key in the lease's place -> settle -> one row in the log.

- Nothing reaches an endpoint that has not reserved its most; nothing is forwarded that the dialect does not list.
- Answers pass through in the chunks in which they come, at the pace at which the evaluator reads; memory does not grow
  with their length. Bodies are held whole, because they are judged before they go: `HELD_BYTES` at once, all together.
- A revoked lease calls nothing from the next request on, and its running calls end within `POLL_S` and a little.
- The endpoint's key and host stand in no answer, error, header or log row.
- A call that cannot be written down is the last one: the gateway then answers 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import httpcore
from starlette.applications import Starlette
from starlette.routing import Mount

from seatrial.custody import dialects
from seatrial.custody.access_log import ROOT_EVERY, Ending, LogRoot, close
from seatrial.custody.budget import Call, Refusal, refusal
from seatrial.custody.crosslab import may_call
from seatrial.custody.developer_half import HalfAwaited
from seatrial.custody.dialects import NotCarried
from seatrial.custody.keys import CustodyError, KeyGone, new_id
from seatrial.custody.lease import LeaseState, LeaseToken, NoSuchLease
from seatrial.custody.passage import NOTHING, Passage, once
from seatrial.custody.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from seatrial.custody.access_log import AccessStore
    from seatrial.custody.budget import Settled
    from seatrial.custody.credential import Endpoint
    from seatrial.custody.lease import Lease
    from seatrial.custody.lease_store import LeaseStore

HEAD_BYTES = 16 * 1024
"""Largest head, together: a lease and some options are a few hundred bytes."""
BODY_BYTES = 64 * 1024 * 1024
"""Largest request: far beyond any model's context as text."""
HELD_BYTES = 256 * 1024 * 1024
"""Requests held at once, all together; beyond it a client is asked to come again."""
BODY_S = 120.0
"""For a whole body to arrive; it comes over loopback or a near network."""
CALL_S = 7200.0
"""For a whole call: two hours, as long as the longest answers that services allow."""
POLL_S = 0.25
"""Between two looks at the revocations: four looks within the second that is promised."""
POLL_FAULTS = 3
"""Looks in a row that may fail before every open call is cut: not knowing counts as revoked."""
HALF_RETRY_S = 30
"""Seconds a client waits for the developer's half: a person or a service of theirs sends it."""
FULL_RETRY_S = 2
"""Seconds a client waits when the memory for bodies is taken: most bodies are sent on within one."""
PARSE_APART_BYTES = 256 * 1024
"""Larger bodies are parsed in a thread, so that other calls' streams go on."""
STORE_THREADS = 4
"""Calls to the stores at once; each waits for the disk, not for a core."""

_logger = logging.getLogger("seatrial.custody.gateway")
_CARRIERS = (b"authorization", b"x-api-key", b"x-goog-api-key")
_ONCE = (*_CARRIERS, b"host", b"content-length", b"content-type", b"content-encoding", b"transfer-encoding")

Opener = Callable[[str, datetime], "Endpoint"]
"""Opens a submission's endpoint with both halves; raises `KeyGone`, `HalfAwaited` or `LookupError`."""
Headers = list[tuple[bytes, bytes]]
Answer = TypeVar("Answer")


def utc_now() -> datetime:
    """The time, where nobody gives another clock."""
    return datetime.now(UTC)


@dataclass(eq=False)
class _Running:
    """A call in flight, for whatever ends it before its time."""

    lease: Lease
    limit: asyncio.Timeout
    seen: int
    """Of the store's revocations when the lease was last looked at."""
    why: str = ""
    over: bool = False

    def end(self, why: str) -> None:
        """Cut it now; what is over or being cut stays as it is."""
        if not self.why and not self.over:
            self.why = why
            self.limit.reschedule(asyncio.get_running_loop().time())


@dataclass
class _Share:
    """A call's part of the memory for bodies."""

    gateway: Gateway
    held: int = 0

    def take(self, more: int) -> None:
        """Hold more of it, or refuse."""
        if self.held + more > BODY_BYTES:
            raise NotCarried(413, "body_too_large", f"a body has at most {BODY_BYTES} bytes")
        if self.gateway.held + more > HELD_BYTES:
            raise NotCarried(503, "gateway_full", "the gateway holds as many bodies as it may", FULL_RETRY_S)
        self.held += more
        self.gateway.held += more

    def release(self) -> None:
        """Give all of it back; again is no fault."""
        self.gateway.held -= self.held
        self.held = 0


class Gateway:
    """The ASGI application. Stores are called in threads of its own."""

    def __init__(
        self,
        leases: LeaseStore,
        endpoints: Opener,
        log: AccessStore,
        *,
        clock: Callable[[], datetime] = utc_now,
        record_root: Callable[[LogRoot], None] = lambda _: None,
    ) -> None:
        self.held = 0
        self._leases, self._endpoints, self._log = leases, endpoints, log
        self._clock, self._record_root = clock, record_root
        self._threads = ThreadPoolExecutor(STORE_THREADS, "gateway-store")
        self._ways: dict[str, Upstream] = {}
        self._running: set[_Running] = set()
        self._broken = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        raw_path = scope.get("raw_path") or b""
        dialect = dialects.guess(raw_path, [name for name, _ in scope["headers"]])
        passage = Passage(new_id("cal"), self._clock(), asyncio.get_running_loop().time(), dialect, send)
        share = _Share(self)
        unread = True
        try:
            endpoint, route, seen = await self._admit(passage, scope)
            if route.listing:
                await self._list(passage)
                return
            box = [await _read(receive, scope["headers"], share)]
            unread = False
            await self._reserve(passage, route, box[0])
            await self._forward(passage, _Sending(endpoint, route, scope["headers"], box, share, seen), receive)
        except NotCarried as error:
            await self._refuse(passage, error, close=unread)
        finally:
            share.release()

    async def _admit(self, passage: Passage, scope: Scope) -> tuple[Endpoint, dialects.Route, int]:
        """Everything that can be refused before the body is read."""
        if scope["http_version"] not in {"1.0", "1.1"}:
            raise NotCarried(400, "http_version", "HTTP/1.1 is spoken here")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
            raise NotCarried(431, "headers_too_large", f"headers have at most {HEAD_BYTES} bytes")
        token = _token(scope["headers"])
        if self._broken:
            raise NotCarried(503, "gateway_stopped", "the gateway cannot write its log and carries nothing", 60)
        seen, endpoint = await self._stored(partial(self._find, passage, token))
        passage.dialect = endpoint.dialect
        route = dialects.route(endpoint.dialect, scope["method"], scope.get("raw_path") or b"", scope["query_string"])
        passage.path = route.name
        return endpoint, route, seen

    def _find(self, passage: Passage, token: LeaseToken) -> tuple[int, Endpoint]:
        seen = self._leases.revocations()
        try:
            lease = passage.lease = self._leases.find(token)
        except NoSuchLease:
            raise NotCarried(401, "lease_unknown", "no such lease") from None
        now = self._clock()
        refused = refusal(lease, self._leases.spend(lease.id), Call(lease.models[0], 0, 1), now)
        if refused:
            raise _not_carried(refused)
        endpoint = _opened(self._endpoints, lease.submission, now)
        decision = may_call(lease.purpose, lease.content_owners, endpoint.owner)
        if not decision.allowed:
            raise NotCarried(422, "owners_refused", decision.why)
        return seen, endpoint

    async def _reserve(self, passage: Passage, route: dialects.Route, body: bytes) -> None:
        lease = passage.lease
        assert lease is not None  # noqa: S101 - admitted calls have one
        passage.request_sha256, passage.request_bytes = hashlib.sha256(body).hexdigest(), len(body)
        if len(body) > PARSE_APART_BYTES:
            asked = await asyncio.to_thread(dialects.asked, route, body)
        else:
            asked = dialects.asked(route, body)
        passage.model = asked.model if asked.model in lease.models else ""
        most = Call(asked.model, len(body), asked.max_output_tokens, asked.choices)
        held = await self._stored(partial(self._leases.reserve, lease.id, most, self._clock()))
        if isinstance(held, Refusal):
            raise _not_carried(held)
        passage.reservation = held

    async def _forward(self, passage: Passage, sending: _Sending, receive: Receive) -> None:
        """Send it on, pass the answer back, and write the call down, however it ends."""
        lease, held = passage.lease, passage.reservation
        assert lease is not None  # noqa: S101 - admitted calls have one
        assert held is not None  # noqa: S101 - and reserved
        left = min(CALL_S, (held.until - self._clock()).total_seconds())
        running = _Running(lease, asyncio.timeout(left), sending.seen)
        self._running.add(running)
        listening = asyncio.create_task(_left(receive))
        listening.add_done_callback(lambda _: running.end("client_gone"))
        error: NotCarried | None = NotCarried(503, "gateway_stopped", "the gateway was stopped")
        try:
            async with running.limit:
                await self._exchange(passage, sending)
            error = None
        except TimeoutError:
            error = _ended(running.why, whole=left >= CALL_S)
        except NotCarried as fault:
            error = fault
        finally:
            running.over = True
            self._running.discard(running)
            listening.cancel()
            await self._conclude(passage, error)

    async def _exchange(self, passage: Passage, sending: _Sending) -> None:
        """One request to the endpoint and its answer."""
        body = once(sending.box, sending.share.release)
        try:
            way = await self._way(passage, sending.endpoint)
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
                await passage.last_word(error)
            elif passage.ending is not Ending.CLIENT:
                await passage.refuse(error, close=False)
        await asyncio.shield(self._write_down(passage))
        if whole and passage.started:
            await passage.finish()

    async def _refuse(self, passage: Passage, error: NotCarried, *, close: bool) -> None:
        """Answer without the endpoint; a call without a lease leaves no row."""
        await passage.refuse(error, close=close)
        if passage.lease is not None:
            await asyncio.shield(self._write_down(passage))
        await passage.finish()

    async def _list(self, passage: Passage) -> None:
        assert passage.lease is not None  # noqa: S101 - admitted calls have one
        await passage.say(dialects.listing(passage.dialect, passage.lease.models))
        await asyncio.shield(self._write_down(passage))
        await passage.finish()

    async def _write_down(self, passage: Passage) -> None:
        ended = asyncio.get_running_loop().time()
        try:
            await self._stored(partial(self._settle, passage, ended))
        except Exception:  # whatever it is: calls that leave no trace must not go on
            self._broken = True
            _logger.exception("call %s could not be written down; the gateway carries nothing more", passage.id)

    def _settle(self, passage: Passage, ended: float) -> None:
        settled: Settled | None = None
        if passage.reservation is not None:
            settled = self._leases.settle(passage.reservation.id, passage.spent, self._clock())
        self._log.add(passage.row(ended, settled))

    async def _way(self, passage: Passage, endpoint: Endpoint) -> Upstream:
        """The connections of a submission; a new deposit gets new ones."""
        assert passage.lease is not None  # noqa: S101 - admitted calls have one
        submission = passage.lease.submission
        known = self._ways.get(submission)
        if known is not None and known.leads_to(endpoint):
            return known
        way = await asyncio.to_thread(Upstream, endpoint)
        self._ways[submission] = way
        return way

    async def _stored(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextlib.asynccontextmanager
    async def watching(self, _: Starlette | None = None) -> AsyncIterator[None]:
        """While the server runs: the switch that cuts, and the hourly root."""
        tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._root_hourly())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for way in self._ways.values():
                await way.close()
            await self._stored(self._root)
            self._threads.shutdown(wait=False)

    async def _watch(self) -> None:
        faults = 0
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self._look()
                faults = 0
            except Exception:  # the store's fault, whatever it is, counts below
                faults += 1
                _logger.exception("the revocations cannot be read")
            if faults >= POLL_FAULTS:
                for running in tuple(self._running):
                    running.end("lease_unreadable")

    async def _look(self) -> None:
        """Cut the calls of every lease that was revoked since the last look."""
        if not self._running:
            return
        now = await self._stored(self._leases.revocations)
        stale = [running for running in tuple(self._running) if running.seen != now]
        for lease in {running.lease.id for running in stale}:
            state = (await self._stored(partial(self._leases.get, lease))).state
            for running in stale:
                running.seen = now if running.lease.id == lease else running.seen
                if running.lease.id == lease and state is LeaseState.REVOKED:
                    running.end("lease_revoked")

    async def _root_hourly(self) -> None:
        while True:
            await asyncio.sleep(ROOT_EVERY.total_seconds())
            with contextlib.suppress(Exception):
                await self._stored(self._root)

    def _root(self) -> None:
        made = close(self._log, self._clock())
        if made is not None:
            self._record_root(made)


@dataclass
class _Sending:
    """What goes to the endpoint."""

    endpoint: Endpoint
    route: dialects.Route
    headers: Headers
    box: list[bytes]
    """The body, until it is sent."""
    share: _Share
    seen: int


_UNREACHABLE = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.UnsupportedProtocol, httpcore.PoolTimeout)
_ENDINGS = {
    "lease_revoked": Ending.CUT,
    "lease_expired": Ending.CUT,
    "lease_unreadable": Ending.CUT,
    "gateway_stopped": Ending.CUT,
    "client_gone": Ending.CLIENT,
}


def gateway_app(
    leases: LeaseStore,
    endpoints: Opener,
    log: AccessStore,
    *,
    clock: Callable[[], datetime] = utc_now,
    record_root: Callable[[LogRoot], None] = lambda _: None,
) -> Starlette:
    """The application that `serving` runs. `record_root` appends a root to the ledger."""
    gateway = Gateway(leases, endpoints, log, clock=clock, record_root=record_root)
    return Starlette(routes=[Mount("/", app=gateway)], lifespan=gateway.watching)


def _token(headers: Headers) -> LeaseToken:
    """The lease that a request carries, in exactly one of the three places."""
    names = [name for name, _ in headers]
    if any(names.count(name) > 1 for name in _ONCE):
        raise NotCarried(400, "header_twice", "a header stands twice that may stand once")
    given = [(name, value) for name, value in headers if name in _CARRIERS]
    if len(given) > 1:
        raise NotCarried(400, "lease_twice", "give the lease in one header only")
    name, value = given[0] if given else (b"", b"")
    if name == b"authorization":
        scheme, _, value = value.partition(b" ")
        value = value if scheme.lower() == b"bearer" else b""
    try:
        return LeaseToken.parse(value.decode("ascii"))
    except (UnicodeDecodeError, NoSuchLease):
        raise NotCarried(401, "lease_unknown", "give a lease as the API key") from None


def _opened(endpoints: Opener, submission: str, now: datetime) -> Endpoint:
    try:
        return endpoints(submission, now)
    except HalfAwaited:
        waiting = "access waits for the developer's half of the key"
        raise NotCarried(503, "developer_half_awaited", waiting, HALF_RETRY_S) from None
    except (KeyGone, LookupError):
        raise NotCarried(403, "endpoint_gone", "no endpoint is deposited for this submission any more") from None
    except CustodyError:
        raise NotCarried(503, "endpoint_closed", "the endpoint's credential cannot be opened", HALF_RETRY_S) from None


async def _read(receive: Receive, headers: Headers, share: _Share) -> bytes:
    """The body, within its size, its time and the memory for all bodies."""
    given = dict(headers)
    if b"transfer-encoding" in given and b"content-length" in given:
        raise NotCarried(400, "length_twice", "give the body's length in one way")
    if not given.get(b"content-type", b"").lower().split(b";")[0].strip() == b"application/json":
        raise NotCarried(415, "content_type", "content-type: application/json is needed")
    if given.get(b"content-encoding", b"identity").lower() != b"identity":
        raise NotCarried(415, "content_encoding", "compressed bodies are not carried")
    if int(given.get(b"content-length", b"0")) > BODY_BYTES:
        raise NotCarried(413, "body_too_large", f"a body has at most {BODY_BYTES} bytes")
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_S):
            while (message := await receive())["type"] == "http.request":
                share.take(len(message["body"]))
                parts.append(message["body"])
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise NotCarried(408, "body_too_slow", f"the body did not arrive within {BODY_S:.0f} s") from None
    raise NotCarried(400, "client_gone", "the client left before its body was complete")


async def _left(receive: Receive) -> None:
    """Return when the client has left: after a whole body there is no other message."""
    await receive()


def _not_carried(refused: Refusal) -> NotCarried:
    return NotCarried(refused.status, refused.reason.value, refused.detail, refused.retry_after)


def _ended(why: str, *, whole: bool) -> NotCarried:
    if why == "client_gone":
        return NotCarried(499, why, "the client left")
    if why == "lease_revoked":
        return NotCarried(401, why, "the lease was revoked; the call was cut")
    if why:
        return NotCarried(503, why, "whether the lease still holds cannot be read; the call was cut")
    if whole:
        return NotCarried(504, "call_too_long", f"a call takes at most {CALL_S:.0f} s")
    return NotCarried(401, "lease_expired", "the lease's time is over; the call was cut")
