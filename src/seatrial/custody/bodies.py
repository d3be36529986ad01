"""The bodies of requests while the gateway holds them: they are judged whole, before anything of them goes on.

- One body has at most `BODY_BYTES`, all together `HELD_BYTES`, and each its time to arrive.
- Its length is given in one way, its bytes are plain JSON: nothing that two readers frame or decode differently.
- What is taken is given back when the body was sent on or refused, whatever happened.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.custody.dialects import NotCarried

if TYPE_CHECKING:
    from starlette.types import Receive

    from seatrial.custody.upstream import Headers

BODY_BYTES = 64 * 1024 * 1024
"""Largest request: far beyond any model's context as text."""
HELD_BYTES = 256 * 1024 * 1024
"""Requests held at once, all together; beyond it a client is asked to come again."""
FULL_RETRY_S = 2
"""Seconds a client waits when the memory for bodies is taken: most bodies are sent on within one."""


@dataclass
class Bodies:
    """The memory for all bodies."""

    held: int = 0


@dataclass
class Share:
    """A call's part of it."""

    of: Bodies
    held: int = 0

    def take(self, more: int) -> None:
        """Hold more of it, or refuse."""
        if self.held + more > BODY_BYTES:
            raise NotCarried(413, "body_too_large", f"a body has at most {BODY_BYTES} bytes")
        if self.of.held + more > HELD_BYTES:
            raise NotCarried(503, "gateway_full", "the gateway holds as many bodies as it may", FULL_RETRY_S)
        self.held += more
        self.of.held += more

    def release(self) -> None:
        """Give all of it back; again is no fault."""
        self.of.held -= self.held
        self.held = 0


async def read(receive: Receive, headers: Headers, share: Share, seconds: float) -> bytes:
    """The body, within its size, its time and the memory for all bodies. Raises `NotCarried`."""
    _judge(dict(headers))
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(seconds):
            while (message := await receive())["type"] == "http.request":
                share.take(len(message["body"]))
                parts.append(message["body"])
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise NotCarried(408, "body_too_slow", f"the body did not arrive within {seconds:.0f} s") from None
    raise NotCarried(400, "client_gone", "the client left before its body was complete")


def _judge(given: dict[bytes, bytes]) -> None:
    if b"transfer-encoding" in given and b"content-length" in given:
        raise NotCarried(400, "length_twice", "give the body's length in one way")
    if not given.get(b"content-type", b"").lower().split(b";")[0].strip() == b"application/json":
        raise NotCarried(415, "content_type", "content-type: application/json is needed")
    if given.get(b"content-encoding", b"identity").lower() != b"identity":
        raise NotCarried(415, "content_encoding", "compressed bodies are not carried")
    if int(given.get(b"content-length", b"0")) > BODY_BYTES:
        raise NotCarried(413, "body_too_large", f"a body has at most {BODY_BYTES} bytes")
