"""uvicorn as the gateway needs it: closed to slow and oversized heads, silent about what it carries.

- A connection has `Waits.head` for each request's head; uvicorn itself would wait for ever.
- No WebSocket, no HTTP/2, no proxy headers, no access log, no server header: requests stand in the gateway's own log.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from seatrial.custody.admission import HEAD_BYTES
from seatrial.custody.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Scope

CONNECTIONS = 1024
"""Open at once; more are answered 503."""
IDLE_S = 20
"""A connection without a request is kept so long."""
FAREWELL_S = 5
"""For calls in flight when the server is stopped."""
_CONNECTION = "seatrial.connection"


class PromptProtocol(H11Protocol):
    """Closes a connection whose request's head does not come, or whose reader does not read."""

    waits = Waits()
    _late: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._late = self.loop.call_later(self.waits.head, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that is not whole keeps its first deadline."""
        if not self.transport.get_write_buffer_size():
            self._stop_waiting()
        super().data_received(data)
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and self._late is None:
            self._late = self.loop.call_later(self.waits.head, self.transport.abort)
        elif not waiting:
            self._in_time()

    def handle_events(self) -> None:
        """Tell a request which connection it came by, before its task begins."""
        super().handle_events()
        if self.scope is not None:
            self.scope["extensions"] = {_CONNECTION: {_CONNECTION: self}}

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for."""
        self._in_time()
        self._stop_waiting()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The reader has fallen behind: it has a while to go on."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """The reader goes on."""
        super().resume_writing()
        self._stop_waiting()
        if self.cycle is not None and self.cycle.response_complete:
            self._wait_for_reader()

    def on_response_complete(self) -> None:
        """What is left of an answer has the same while to be read, also when the connection is to be closed."""
        super().on_response_complete()
        self._wait_for_reader()

    def _wait_for_reader(self) -> None:
        if self._unread is None and self.transport.get_write_buffer_size():
            self._unread = self.loop.call_later(self.waits.reader, self._give_up)

    def _give_up(self) -> None:
        self._unread = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def connection_of(scope: Scope) -> PromptProtocol:
    """The connection a request came by, for who reads its body himself."""
    connection: PromptProtocol = scope["extensions"][_CONNECTION][_CONNECTION]
    return connection


def config(app: ASGIApp, waits: Waits) -> uvicorn.Config:
    """How the gateway is served."""
    return uvicorn.Config(
        app,
        http=type("Prompt", (PromptProtocol,), {"waits": waits}),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=HEAD_BYTES,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=FAREWELL_S,
    )


def bound(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle's delay on
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    made.listen(CONNECTIONS)
    return made


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serve until the process is asked to end."""
    uvicorn.Server(config(app, Waits())).run(sockets=[listening])


@contextlib.contextmanager
def served(app: ASGIApp, waits: Waits = Waits(), listening: socket.socket | None = None) -> Iterator[str]:  # noqa: B008 - frozen
    """Serve in a thread, on a free loopback port unless `listening` is given; gives the address."""
    listening = listening or bound()
    server = uvicorn.Server(config(app, waits))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="gateway", daemon=True)
    thread.start()
    try:
        host, port, *_ = listening.getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
