"""The memory for bodies: each has its bound, all have theirs, and what was taken is given back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.custody.bodies import BODY_BYTES, HELD_BYTES, Bodies, Share, read
from seatrial.custody.dialects import NotCarried

if TYPE_CHECKING:
    from starlette.types import Receive

JSON = [(b"content-type", b"application/json")]
PIECE = b" " * 2**20


def arriving(count: int, *, whole: bool = True) -> Receive:
    """`count` pieces of a body of unstated length; then its end, or nothing any more."""
    left = [count]

    async def receive() -> Any:  # noqa: ANN401 - ASGI's own
        if not left[0] and not whole:
            await asyncio.Event().wait()
        left[0] -= 1
        return {"type": "http.request", "body": PIECE, "more_body": left[0] > 0 or not whole}

    return receive


def refused(receive: Receive, share: Share, seconds: float = 5.0) -> tuple[int, str]:
    with pytest.raises(NotCarried) as found:
        asyncio.run(read(receive, JSON, share, seconds))
    return found.value.status, found.value.code


def test_a_body_that_does_not_state_its_length_ends_at_the_bound() -> None:
    memory = Bodies()
    share = Share(memory)
    assert refused(arriving(BODY_BYTES // len(PIECE) + 1), share) == (413, "body_too_large")
    assert memory.held == share.held == BODY_BYTES
    share.release()
    share.release()
    assert memory.held == 0
    assert len(asyncio.run(read(arriving(3), JSON, share, 5.0))) == 3 * len(PIECE)


def test_many_bodies_at_once_end_at_the_bound_for_all() -> None:
    memory = Bodies()
    others = [Share(memory) for _ in range(HELD_BYTES // BODY_BYTES)]
    for other in others:
        other.take(BODY_BYTES)
    late = Share(memory)
    assert refused(arriving(1), late) == (503, "gateway_full")
    assert late.held == 0
    others[0].release()
    assert len(asyncio.run(read(arriving(1), JSON, late, 5.0))) == len(PIECE)


def test_a_body_that_stops_in_the_middle_ends_in_time_and_gives_back_what_it_held() -> None:
    memory = Bodies()
    share = Share(memory)
    assert refused(arriving(2, whole=False), share, seconds=0.05) == (408, "body_too_slow")
    assert memory.held == 2 * len(PIECE)
    share.release()
    assert memory.held == 0
