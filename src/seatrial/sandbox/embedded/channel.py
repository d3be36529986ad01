"""The supervisor's end of a line to an agent or the zygote: requests out in order, datagrams in, no waiting."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections import deque
from typing import TYPE_CHECKING

from seatrial.sandbox import wire
from seatrial.sandbox.embedded.inside import namespaces
from seatrial.sandbox.loop import READ, WRITE, Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AGAIN_S = 0.02  # before descriptors are sent again that the kernel found too many to be under way


class Channel:
    """A connected pair of sockets; on the loop's thread but for its making.

    Descriptors that come in are handed to `heard` only where `trusted`; what a box sends along is dropped.
    """

    def __init__(
        self, loop: Loop, heard: Callable[[bytes, list[int]], None], lost: Callable[[], None], *, trusted: bool = False
    ) -> None:
        self._loop = loop
        self._heard = heard
        self._lost = lost
        self._trusted = trusted
        self._queue: deque[tuple[bytes, list[int]]] = deque()
        self._open = True
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)

    def take_far_end(self) -> int:
        """The descriptor to hand over to the other side; whoever takes it closes it."""
        return self._theirs.detach()

    def ask(self, content: bytes, seconds: float) -> bytes:
        """Send one datagram and wait for the answer, before `listen`."""
        self._ours.settimeout(seconds)
        try:
            self._ours.send(content)
            return self._ours.recv(wire.DATAGRAM_BYTES)
        finally:
            self._ours.setblocking(False)

    def listen(self) -> None:
        """Begin to listen."""
        if self._open:
            self._loop.watch(self._ours.fileno(), READ, self._ready)

    def post(self, content: bytes, descriptors: list[int]) -> None:
        """Send one datagram; its descriptors are closed once it is out, or cannot go out any more."""
        self._queue.append((content, descriptors))
        if not self._open:
            self._drop()
        elif len(self._queue) == 1:
            self._send()

    def close(self) -> None:
        """Hang up; the agent leaves, and its box with it."""
        if self._open:
            self._open = False
            self._theirs.close()
            self._drop()
            self._loop.unwatch(self._ours.fileno())
            with contextlib.suppress(OSError):
                self._ours.shutdown(socket.SHUT_RDWR)
            self._ours.close()

    def drain(self) -> None:
        """Hear everything that has been said so far; for when the speaker has ended."""
        while self._open and self._hear():
            pass

    def _hear(self) -> bool:
        """Hear one datagram; whether there may be more."""
        descriptors: list[int] = []
        try:
            if self._trusted:
                message, descriptors = namespaces.receive(self._ours, wire.DATAGRAM_BYTES + 1)
            else:
                message = self._ours.recv(wire.DATAGRAM_BYTES + 1)
        except BlockingIOError:
            return False
        except OSError:
            message = b""
        if message:
            self._heard(message, descriptors)
        else:
            self._lost()
        return bool(message)

    def _send(self) -> None:
        while self._queue:
            content, descriptors = self._queue[0]
            try:
                socket.send_fds(self._ours, [content], descriptors)
            except BlockingIOError:
                self._loop.watch(self._ours.fileno(), READ | WRITE, self._both)
                return
            except OSError as error:
                if error.errno == errno.ETOOMANYREFS:
                    self._loop.later(AGAIN_S, self._send)
                else:
                    self._lost()
                return
            self._queue.popleft()
            close_all(descriptors)

    def _both(self) -> None:
        self._loop.watch(self._ours.fileno(), READ, self._ready)
        self._send()
        self._ready()

    def _ready(self) -> None:
        if self._open:
            self._hear()

    def _drop(self) -> None:
        while self._queue:
            close_all(self._queue.popleft()[1])


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)
