"""The door for a developer's own half: sent when access opens, held in this process's memory, never written down.

| `PUT /halves/<submission>` with the half's file as body | answer |
|---|---|
| it opens this submission's keys, and a lease runs | 200, and until when it is kept |
| it opens them, and no lease runs | 409: send it once one is issued |
| another half, another submission or none, an access that has ended | 403, in the same words |

- The half is its own proof: it is taken only if it opens a key of this submission, so nobody can put a wrong one in the
  place of a right one, and nothing else has to be known about who sends it.
- It is kept until the last running lease ends, at the latest; after a restart access waits for it again, visibly.
- No answer, error or log holds any of it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from seatrial.custody.keys import CustodyError, KeyGone, WrongHalf, check_id
from seatrial.custody.lease import LeaseState
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from seatrial.custody.developer_half import DeveloperHalves
    from seatrial.custody.keys import KeyHolder
    from seatrial.custody.lease_store import LeaseStore
    from seatrial.custody.vault import KeyTable

FILE_BYTES: Final = 256
"""A half's file has 117 bytes; more is none."""
ARRIVE_S: Final = 10.0
"""For those bytes to arrive."""

_FILE = re.compile(rb"seatrial-half-v1 (sub_[0-9a-f]{32}) ([0-9a-f]{64})\s*")
_REFUSED = "this half opens nothing here, or what it opened has ended"


class HalfRefused(CustodyError):
    """A half that is not taken; says why as far as anybody may know."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class HalfFile:
    """A developer's half of one submission, as its file: one line. The same half serves all keys of the submission."""

    submission: str
    half: Secret

    def to_bytes(self) -> bytes:
        """The file's content."""
        return b"seatrial-half-v1 " + self.submission.encode() + b" " + self.half.reveal().hex().encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> HalfFile:
        """Read a file; a fault's text repeats nothing of it."""
        found = _FILE.fullmatch(content)
        if found is None:
            raise ValueError("this is no half's file: one line, seatrial-half-v1, the submission and 64 hex digits")
        return cls(found[1].decode(), Secret(bytes.fromhex(found[2].decode())))


@dataclass(frozen=True, slots=True)
class HalfDoor:
    """Takes halves for one process."""

    halves: DeveloperHalves
    holder: KeyHolder
    keys: KeyTable
    leases: LeaseStore
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def take(self, submission: str, file: HalfFile) -> datetime:
        """Keep it; until when. Raises `HalfRefused`."""
        supplied = [key for key in self.keys.of_submission(submission) if self.halves.is_supplied(key.key)]
        if not supplied or file.submission != submission or self.leases.ended(submission) is not None:
            raise HalfRefused(403, _REFUSED)
        try:
            for key in supplied:
                self.holder.unwrap(key.key, file.half, key.wrapped)
        except (WrongHalf, KeyGone):
            raise HalfRefused(403, _REFUSED) from None
        until = self._until(submission)
        for key in supplied:
            self.halves.supplied.supply(key.key, file.half, until)
        return until

    def _until(self, submission: str) -> datetime:
        now = self.clock()
        running = [
            lease.ends(self.leases.spend(lease.id).first_used)
            for lease in self.leases.of_submission(submission)
            if lease.state is LeaseState.ACTIVE
        ]
        if not running or max(running) <= now:
            raise HalfRefused(409, "no lease runs; send the half once one is issued")
        return max(running)

    async def __call__(self, request: Request) -> JSONResponse:
        """Answer one request."""
        try:
            submission = check_id(request.path_params["submission"], "sub")
            until = await run_in_threadpool(self.take, submission, HalfFile.from_bytes(await _body(request)))
        except HalfRefused as error:
            return _said(error.status, "half_refused", str(error))
        except ValueError as error:
            return _said(400, "bad_half", str(error))
        return JSONResponse({"until": until.isoformat()}, headers={"cache-control": "no-store"})

    @property
    def route(self) -> Route:
        """Where it stands."""
        return Route("/halves/{submission}", self.__call__, methods=["PUT"])


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(ARRIVE_S):
            async for piece in request.stream():
                body += piece
                if len(body) > FILE_BYTES:
                    raise ValueError("this is no half's file: it is too long")
    except TimeoutError:
        raise HalfRefused(408, f"the half did not arrive within {ARRIVE_S:.0f} s") from None
    return body


def _said(status: int, code: str, why: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": why}}, status, headers={"connection": "close"})
