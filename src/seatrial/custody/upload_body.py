"""The body of a request, read by a thread straight from its connection into memory that is used again.

Through the event loop and the parser a body is copied five times, on one core; at a gigabyte a second that costs more
than to hash, to seal and to write it. Here it is read once, and the threads of several connections read at once.

- The parser still reads the head, and what came with it. From then on it sees nothing of this body: exactly the bytes
  that `Content-Length` named are read here, so the length must be known and the body must not be coded otherwise.
- Read to its end, the connection goes on to its next request. Otherwise it ends with the answer: what is left of the
  body would be taken for a request.
- It needs the connection that `serving` puts into the scope; no other server will do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

import h11
from starlette.requests import ClientDisconnect, Request

from seatrial.custody.admission import HEAD_BYTES
from seatrial.custody.serving import PromptProtocol, connection_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class SocketBody:
    """One body, taken over from the event loop; one thread reads it and closes it."""

    def __init__(
        self, connection: PromptProtocol, early: bytes, size: int, silence_s: float, *, more: bool = True
    ) -> None:
        connection.flow.pause_reading()
        self._connection, self._cycle = connection, connection.cycle
        self._early, self._left, self._more = memoryview(early), size, more
        self._socket = socket.socket(fileno=os.dup(connection.transport.get_extra_info("socket").fileno()))
        self._socket.settimeout(silence_s)

    @classmethod
    async def of(cls, request: Request, size: int, silence_s: float) -> SocketBody:
        """Wait for the body to begin, and take it over. Raises `TimeoutError` or `ClientDisconnect`."""
        async with asyncio.timeout(silence_s):
            begun = await request.receive()
        if begun["type"] == "http.disconnect":
            raise ClientDisconnect
        return cls(connection_of(request.scope), begun["body"], size, silence_s, more=begun["more_body"])

    def pieces(self, buffer: memoryview) -> Iterator[memoryview]:
        """The body in pieces as large as `buffer`, each in place of the one before.

        Raises:
            TimeoutError: Not one byte came for too long.
            ClientDisconnect: The sender is gone.
        """
        while self._left:
            piece = buffer[: self._left]
            filled = 0
            while filled < len(piece):
                filled += self._read(piece[filled:])
            self._left -= filled
            yield piece

    def close(self) -> None:
        """The thread reads no more."""
        self._socket.close()

    def hang_up(self) -> None:
        """Make the thread's next read its last; for another thread to call."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)

    def give_back(self) -> None:
        """Let the event loop have the connection again, once the thread is done."""
        if self._left:
            self._cycle.keep_alive = False
        elif self._more:
            self._connection.conn = h11.Connection(h11.SERVER, HEAD_BYTES)

    def _read(self, room: memoryview) -> int:
        if early := self._early[: len(room)]:
            room[: len(early)] = early
            self._early = self._early[len(early) :]
            return len(early)
        try:
            size = self._socket.recv_into(room)
        except ConnectionError:
            size = 0
        if size == 0:
            raise ClientDisconnect
        return size
