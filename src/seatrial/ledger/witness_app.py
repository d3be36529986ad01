"""The witness as an HTTP service: a thin Starlette application around `Witness`; nothing else in this room imports it.

`POST /add-checkpoint` is the C2SP call. `GET /alarms` lists what was refused as possibly a second history, both
checkpoints with it, so that a monitor needs no access to the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from seatrial.ledger.witness import MAX_REQUEST_BYTES, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from seatrial.ledger.witness import Alarm, Witness


def witness_app(witness: Witness, clock: Callable[[], int], told: Callable[[Alarm], None]) -> Starlette:
    """Return the application; `clock` gives POSIX seconds, `told` hears of every new alarm after it was kept."""

    async def add_checkpoint(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return Response(f"at most {MAX_REQUEST_BYTES} bytes\n", 400, media_type=TEXT)
        answer = await run_in_threadpool(witness.add_checkpoint, body, clock())
        if answer.alarm is not None:
            told(answer.alarm)
        return Response(answer.body, answer.status, headers={"content-type": answer.type})

    async def alarms(_request: Request) -> Response:
        kept = await run_in_threadpool(witness.state.alarms)
        return JSONResponse([shown(alarm) for alarm in kept])

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/alarms", alarms, methods=["GET"]),
        ]
    )


def shown(alarm: Alarm) -> dict[str, str | int]:
    """Return an alarm as JSON states it."""
    notes = {"held": alarm.held.decode(), "offered": alarm.offered.decode()}
    return {"at": alarm.at, "origin": alarm.origin, "why": alarm.why, **notes}


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            return None
    return bytes(body)
