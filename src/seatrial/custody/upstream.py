"""The gateway's own connections to a submitted endpoint.

- The name is resolved and judged at every connect, and the connection goes to an address that was judged: a name that
  turns to an inner address after its deposit reaches nothing.
- No redirect is followed, no cookie kept, no proxy used, nothing sent twice.
- What is sent is a closed list of headers with the endpoint's key among them; what comes back is a closed list too.
- Submissions share no connection.

This is httpcore, the transport of httpx: a client's cookies, redirects and proxies are what a gateway must not have.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import httpcore

from seatrial.custody.deposit import AddressRefused, AddressRules, resolved, safe_addresses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from seatrial.custody.credential import Endpoint
    from seatrial.custody.waits import Waits

IDLE_S = 15.0
"""An unused connection is kept so long; most servers keep theirs for longer."""
CONNECTIONS = 1000
"""To one endpoint; leases limit their own calls far below."""

_SENT = ("accept", "anthropic-version", "anthropic-beta")
_VALUE = re.compile(rb"[A-Za-z0-9 ,;:=./*+_-]{1,512}")
_ANY_CASE = re.IGNORECASE
_RETURNED = {
    b"content-type": re.compile(rb"(application/json|text/event-stream)( *; *charset=[a-z0-9-]{1,20})?", _ANY_CASE),
    b"retry-after": re.compile(rb"[0-9]{1,9}|[A-Za-z]{3}, [0-9]{2} [A-Za-z]{3} [0-9]{4} [0-9:]{8} GMT"),
    b"retry-after-ms": re.compile(rb"[0-9]{1,12}(\.[0-9]{1,6})?"),
    b"x-should-retry": re.compile(rb"true|false"),
}

Headers = list[tuple[bytes, bytes]]


class JudgedAddresses(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that the rules allow at that moment."""

    def __init__(self, rules: AddressRules, resolve: Callable[[str, int], Iterable[str]] = resolved) -> None:
        self._rules, self._resolve = rules, resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge, and connect to the first address that answers."""
        fault: Exception = httpcore.ConnectError("no address")
        try:
            async with asyncio.timeout(timeout):
                addresses = await asyncio.to_thread(safe_addresses, host, port, self._rules, self._resolve)
        except (AddressRefused, OSError) as error:
            raise httpcore.ConnectError(str(error)) from None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
        raise fault


class Upstream:
    """The way to one endpoint."""

    def __init__(
        self, endpoint: Endpoint, waits: Waits, resolve: Callable[[str, int], Iterable[str]] = resolved
    ) -> None:
        self._times = {"connect": waits.connect, "read": waits.silence, "write": waits.write, "pool": waits.connect}
        parts = urlsplit(endpoint.base_url)
        host = parts.hostname or ""
        self._base = endpoint.base_url.rstrip("/")
        self._mark = _mark(endpoint)
        rules = AddressRules(frozenset({host}), on_site=endpoint.on_site)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_context(endpoint) if parts.scheme == "https" else None,
            max_connections=CONNECTIONS,
            keepalive_expiry=IDLE_S,
            network_backend=JudgedAddresses(rules, resolve),
        )

    async def call(
        self, endpoint: Endpoint, suffix: str, given: Headers, body: AsyncIterator[bytes], length: int
    ) -> httpcore.Response:
        """Send one request; the answer's body is still to be read. Raises httpcore's errors."""
        url = httpcore.URL(self._base + suffix)
        host = url.host if url.port is None else b"%b:%d" % (url.host, url.port)
        headers = [(b"host", host), *_sent(given), *_key(endpoint), (b"content-length", b"%d" % length)]
        request = httpcore.Request(b"POST", url, headers=headers, content=body, extensions={"timeout": self._times})
        return await self._pool.handle_async_request(request)

    def leads_to(self, endpoint: Endpoint) -> bool:
        """Whether this is the way to that endpoint; the key is no part of a connection."""
        return self._mark == _mark(endpoint)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._pool.aclose()


class Ways:
    """The ways to all endpoints; submissions share none, and a new deposit gets a new one."""

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self._known: dict[str, Upstream] = {}

    async def to(self, submission: str, endpoint: Endpoint) -> Upstream:
        """The way to a submission's endpoint as it is deposited now."""
        known = self._known.get(submission)
        if known is not None and known.leads_to(endpoint):
            return known
        way = await asyncio.to_thread(Upstream, endpoint, self._waits)
        self._known[submission] = way
        return way

    async def close(self) -> None:
        """Let go of all connections."""
        for way in self._known.values():
            await way.close()


def _mark(endpoint: Endpoint) -> bytes:
    certificate = endpoint.client_certificate.reveal() if endpoint.client_certificate else b""
    parts = (endpoint.base_url.encode(), endpoint.authority.encode(), certificate, b"%d" % endpoint.on_site)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def _sent(given: Headers) -> Headers:
    kept = [(name, value) for name, value in given if name.decode("latin-1") in _SENT and _VALUE.fullmatch(value)]
    fixed = ((b"content-type", b"application/json"), (b"accept-encoding", b"identity"), (b"user-agent", b"seatrial"))
    return [*fixed, *kept]


def _key(endpoint: Endpoint) -> Headers:
    key = endpoint.key.reveal()
    if endpoint.dialect == "anthropic":
        return [(b"x-api-key", key)]
    if endpoint.dialect == "google":
        return [(b"x-goog-api-key", key)]
    return [(b"authorization", b"Bearer " + key)]


def returned(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of an answer that are passed on: those of the closed list whose value is well-formed."""
    kept = []
    for raw, value in headers:
        name = raw.lower()
        if name in _RETURNED and _RETURNED[name].fullmatch(value):
            kept.append((name, value))
    return kept


class Scrub:
    """Takes the endpoint's key, host and owner out of what is passed on, by exact match of their usual spellings."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._key = endpoint.key.reveal()
        self._endpoint = endpoint
        self._tail = b""

    def clean(self, text: bytes) -> bytes:
        """An error's text without them."""
        key, host = self._key.decode(), urlsplit(self._endpoint.base_url).netloc
        keys = {key, json.dumps(key)[1:-1], quote(key, safe="")}
        words = [*((word, b"[key]") for word in keys), (host, b"[endpoint]"), (host.partition(":")[0], b"[endpoint]")]
        for word, shown in [*words, (self._endpoint.owner, b"[developer]")]:
            if word:
                text = re.sub(re.escape(word.encode()), shown, text, flags=re.IGNORECASE)
        return text

    def holds_key(self, chunk: bytes) -> bool:
        """Whether the key ends in this chunk of an answer, wherever it began."""
        seen = self._tail + chunk
        keep = len(self._key) - 1
        self._tail = seen[-keep:] if keep else b""
        return self._key in seen


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=endpoint.authority or None)
    if endpoint.client_certificate is not None:
        with tempfile.TemporaryDirectory(dir=_memory()) as folder:
            path = Path(folder) / "client.pem"
            path.touch(mode=0o600)
            path.write_bytes(endpoint.client_certificate.reveal())
            context.load_cert_chain(path)
    return context


def _memory() -> str | None:
    """A file system in memory where there is one: the library reads a client's key from a file only."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
