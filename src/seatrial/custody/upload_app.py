"""The door for weights: the calls of an upload over HTTP, in constant memory.

| call (with the upload's own token) | answer |
|---|---|
| `PUT /uploads/<id>/manifest` | 201; the same again 200; another 409; invalid 422, naming file and field |
| `GET /uploads/<id>/missing?after=` | at most 1,000 digests, in order |
| `HEAD /uploads/<id>/chunks/<sha256>` | 200 or 404, of this upload alone |
| `PUT /uploads/<id>/chunks/<sha256>` | 201; again 200; unknown 404; no length 411; too long 413; wrong 422; full 507 |
| `POST /uploads/<id>/complete` | the receipt, or 409 with the count and the first ten that are missing |
| `DELETE /uploads/<id>` | what was destroyed |

- Everything else about a token is 401, in the same words whether the upload exists or not.
- At most `IN_FLIGHT` chunks are taken at a time, each by a thread, piece by piece; others wait, and TCP makes their
  senders wait.
- A sender that says nothing for `SILENCE_S` loses its place; nothing is left of its chunk.
- A destroyed key is 410, a developer's half that is not there 503 with `Retry-After`.
"""

from __future__ import annotations

import asyncio
import functools
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from seatrial.custody.chunk_seal import PIECE_BYTES
from seatrial.custody.chunks import UploadGone
from seatrial.custody.developer_half import HalfAwaited
from seatrial.custody.keys import CustodyError, KeyGone
from seatrial.custody.lease import ScopeEnded
from seatrial.custody.manifest import MAX_MANIFEST_BYTES, BadManifest
from seatrial.custody.upload import (
    PAGE,
    ChunksMissing,
    DiskFull,
    NoManifest,
    NotInManifest,
    OtherManifest,
    WrongChunk,
)
from seatrial.custody.upload_body import SocketBody
from seatrial.custody.upload_store import UploadRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from seatrial.custody.upload import Uploads
    from seatrial.custody.upload_store import Upload

IN_FLIGHT: Final = 4
"""Chunks taken at once: enough to keep two cores and a disk busy."""
SILENCE_S: Final = 60.0
"""Without one byte; a slow line sends something within a second."""
RETRY_AFTER_S: Final = 30

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STATUS: Final[dict[type[CustodyError], tuple[int, str]]] = {
    UploadRefused: (401, "token_refused"),
    NotInManifest: (404, "not_in_manifest"),
    NoManifest: (409, "no_manifest"),
    OtherManifest: (409, "other_manifest"),
    ChunksMissing: (409, "chunks_missing"),
    KeyGone: (410, "upload_gone"),
    UploadGone: (410, "upload_gone"),
    ScopeEnded: (410, "upload_gone"),
    BadManifest: (422, "bad_manifest"),
    WrongChunk: (422, "wrong_chunk"),
    HalfAwaited: (503, "half_awaited"),
    DiskFull: (507, "disk_full"),
}


class Door:
    """One process's door to the uploads."""

    def __init__(self, uploads: Uploads, now: Callable[[], datetime], silence_s: float) -> None:
        self.uploads, self.now, self._silence_s = uploads, now, silence_s
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._one_manifest = asyncio.Lock()

    async def put_manifest(self, request: Request, upload: Upload) -> Response:
        """Read it whole, one at a time: it is the one thing that is ever in memory whole."""
        _length(request, MAX_MANIFEST_BYTES)
        async with self._one_manifest:
            data = b"".join([piece async for piece in self._pieces(request)])
            new = await asyncio.to_thread(self.uploads.put_manifest, upload, data, self.now())
        return JSONResponse({"upload": upload.id}, 201 if new else 200)

    async def missing(self, request: Request, upload: Upload) -> Response:
        """One page; an empty one is the end."""
        after = request.query_params.get("after", "")
        found = await asyncio.to_thread(self.uploads.missing, upload, self.now(), after)
        return JSONResponse({"missing": found, "more": len(found) == PAGE})

    async def has_chunk(self, request: Request, upload: Upload) -> Response:
        """Whether it is here; no body."""
        there = await asyncio.to_thread(self.uploads.has, upload, _digest(request), self.now())
        return Response(status_code=200 if there else 404)

    async def put_chunk(self, request: Request, upload: Upload) -> Response:
        """Take a chunk in pieces."""
        digest = _digest(request)
        length = _length(request, self.uploads.chunk_bytes)
        try:
            async with self._places:
                if await asyncio.to_thread(self.uploads.has, upload, digest, self.now()):
                    await self._drained(request)
                    return JSONResponse({"chunk": digest}, 200)
                _length(request, self.uploads.size_of(upload, digest, self.now()))
                new = await self._taken(request, upload, digest, length)
        except (NotInManifest, NoManifest):
            await self._drained(request)
            raise
        return JSONResponse({"chunk": digest, "bytes": length}, 201 if new else 200)

    async def complete(self, _request: Request, upload: Upload) -> Response:
        """The receipt."""
        return JSONResponse(await asyncio.to_thread(self.uploads.complete, upload, self.now()))

    async def drop(self, _request: Request, upload: Upload) -> Response:
        """Destroy it."""
        dropped = await asyncio.to_thread(self.uploads.drop, upload, self.now())
        held = {"count": dropped.held.count, "bytes": dropped.held.size}
        return JSONResponse({"upload": dropped.upload, "key": dropped.key, "held": held})

    async def _taken(self, request: Request, upload: Upload, digest: str, length: int) -> bool:
        try:
            body = await SocketBody.of(request, length, self._silence_s)
            try:
                return await asyncio.to_thread(self._read, upload, digest, body)
            except asyncio.CancelledError:
                body.hang_up()
                raise
            finally:
                body.give_back()
        except TimeoutError:
            raise self._silent() from None

    def _read(self, upload: Upload, digest: str, body: SocketBody) -> bool:
        """A chunk from its first byte to its last, in one thread; a refused one is read on to its end."""
        pieces = body.pieces(memoryview(bytearray(PIECE_BYTES)))
        try:
            coming = self.uploads.begin_chunk(upload, digest, self.now())
            try:
                coming.add(pieces)
                return coming.keep()
            finally:
                coming.discard()
        except CustodyError:
            _spent(pieces)
            raise
        finally:
            body.close()

    async def _pieces(self, request: Request) -> AsyncIterator[bytes]:
        """The body as it comes; silence is counted anew from each piece, and not while a piece is worked on."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._silence_s) as silence:
                async for piece in request.stream():
                    silence.reschedule(None)
                    yield piece
                    silence.reschedule(loop.time() + self._silence_s)
        except TimeoutError:
            raise self._silent() from None

    def _silent(self) -> HTTPException:
        return _refused(408, "silent", f"no byte came for {self._silence_s:g} s")

    async def _drained(self, request: Request) -> None:
        """Read on to the end, so that the sender comes to read the answer."""
        async for _ in self._pieces(request):
            pass


def upload_app(
    uploads: Uploads,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    silence_s: float = SILENCE_S,
) -> Starlette:
    """The door as an ASGI application, for `serving` alone: see `upload_body`."""
    door = Door(uploads, now, silence_s)
    calls = (
        ("PUT", "/uploads/{upload}/manifest", door.put_manifest),
        ("GET", "/uploads/{upload}/missing", door.missing),
        ("HEAD", "/uploads/{upload}/chunks/{digest}", door.has_chunk),
        ("PUT", "/uploads/{upload}/chunks/{digest}", door.put_chunk),
        ("POST", "/uploads/{upload}/complete", door.complete),
        ("DELETE", "/uploads/{upload}", door.drop),
    )
    routes = [Route(path, functools.partial(_answered, door, call), methods=[method]) for method, path, call in calls]
    handlers: dict[Any, Any] = {HTTPException: _http_error}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


def _spent(pieces: Iterator[memoryview]) -> None:
    for _ in pieces:
        pass


async def _answered(door: Door, call: Callable[[Request, Upload], Awaitable[Response]], request: Request) -> Response:
    try:
        return await call(request, _admitted(door, request))
    except ClientDisconnect:
        return Response(status_code=400)
    except CustodyError as error:
        return _fault(error)


def _admitted(door: Door, request: Request) -> Upload:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        token = ""
    return door.uploads.admit(request.path_params["upload"], token, door.now())


def _digest(request: Request) -> str:
    digest: str = request.path_params["digest"]
    if not _DIGEST.fullmatch(digest):
        raise NotInManifest("a chunk is named by its SHA-256 in 64 lowercase hex digits")
    return digest


def _length(request: Request, most: int) -> int:
    stated = request.headers.get("content-length", "")
    if not stated.isascii() or not stated.isdigit() or "transfer-encoding" in request.headers:
        raise _refused(411, "length_required", "say how many bytes come (Content-Length)")
    if int(stated) > most:
        raise _refused(413, "too_long", f"{int(stated)} bytes; at most {most} are taken here")
    return int(stated)


def _refused(status: int, code: str, message: str) -> HTTPException:
    return HTTPException(status, {"code": code, "message": message}, {"connection": "close"})  # type: ignore[arg-type]


async def _http_error(_request: Request, error: HTTPException) -> Response:
    detail: Any = error.detail
    fault = detail if isinstance(detail, dict) else {"code": "no_such_call", "message": "there is no such call here"}
    return JSONResponse({"error": fault}, error.status_code, dict(error.headers or {}))


def _fault(error: CustodyError) -> Response:
    status, code = _STATUS.get(type(error), (500, "custody_error"))
    fault: dict[str, object] = {"code": code, "message": str(error)}
    if isinstance(error, BadManifest):
        fault |= {"file": error.file, "field": error.field}
    elif isinstance(error, WrongChunk):
        fault |= {"chunk": error.expected, "expected": error.expected, "found": error.found}
    elif isinstance(error, ChunksMissing):
        fault |= {"count": error.count, "missing": error.first}
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}
    if status == 401:
        headers |= {"www-authenticate": "Bearer", "connection": "close"}
    return JSONResponse({"error": fault}, status, headers)
