"""Sending weights: resumable, several chunks at a time, in constant memory.

- What is sent is what the manifest says: the receiver checks every byte against the digest in the chunk's name, and a
  file that has changed since is refused and named.
- Taken up again after any interruption, it asks what is missing and sends that: no chunk that was acknowledged is sent
  again.
- A connection that breaks, 408, 429 and 503 are tried again, later and later; every other refusal ends it with the
  receiver's own words.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from seatrial.custody.keys import CustodyError
from seatrial.custody.manifest import pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seatrial.custody.manifest import Manifest
    from seatrial.custody.secret import Secret

PARALLEL: Final = 4
"""As many chunks as the receiver takes at a time."""
TRIES: Final = 8
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 60.0
"""With eight tries some two minutes in all: a restart of the receiver passes unnoticed."""
_AGAIN: Final = frozenset({408, 429, 502, 503, 504})


class UploadFailed(CustodyError):
    """The receiver refused, or could not be reached; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is, in chunks and bytes; `sent` counts what this call has sent."""

    chunks: int
    of_chunks: int
    bytes: int
    of_bytes: int
    sent: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    start: int
    size: int


def _unseen(_progress: Progress) -> None:
    return None


class UploadClient:
    """Sends one directory to one upload; `client` carries the address and, where needed, a certificate."""

    def __init__(
        self,
        client: httpx.Client,
        upload: str,
        token: Secret,
        *,
        parallel: int = PARALLEL,
        tries: int = TRIES,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._upload = client, upload
        self._headers = {"authorization": f"Bearer {token.reveal().decode()}"}
        self._parallel, self._tries, self._pause = parallel, tries, pause

    def send(
        self, directory: Path, manifest: Manifest, progress: Callable[[Progress], None] = _unseen
    ) -> dict[str, Any]:
        """Send what is missing and complete the upload; its receipt. Raises `UploadFailed`."""
        self._call("PUT", "manifest", content=manifest.encode())
        places = _places(directory, manifest)
        missing = list(self._missing())
        count = _Count(manifest, missing, progress)
        failed = threading.Event()
        with ThreadPoolExecutor(self._parallel) as pool:
            waiting: set[Future[None]] = set()
            try:
                for digest in missing:
                    if len(waiting) >= self._parallel:
                        waiting = _settled(waiting)
                    waiting.add(pool.submit(self._send_chunk, digest, places[digest], count, failed))
                while waiting:
                    waiting = _settled(waiting)
            except BaseException:
                failed.set()
                raise
        receipt: dict[str, Any] = self._call("POST", "complete").json()
        return receipt

    def drop(self) -> dict[str, Any]:
        """Destroy the upload; what was destroyed."""
        dropped: dict[str, Any] = self._call("DELETE", "").json()
        return dropped

    def _missing(self) -> Iterator[str]:
        after, more = "", True
        while more:
            page = self._call("GET", "missing", params={"after": after}).json()
            yield from page["missing"]
            more = page["more"]
            after = page["missing"][-1] if page["missing"] else after

    def _send_chunk(self, digest: str, place: _Place, count: _Count, failed: threading.Event) -> None:
        if failed.is_set():
            return
        headers = {"content-length": str(place.size), "content-type": "application/octet-stream"}

        def content() -> Iterator[bytes]:
            left = place.size
            for piece in pieces(place.path, place.start, place.size):
                if failed.is_set():
                    raise UploadFailed("ended, because another chunk was refused")
                left -= len(piece)
                yield piece
            if left:
                raise UploadFailed("it has become shorter; describe the directory again")

        try:
            self._call("PUT", f"chunks/{digest}", content=content, headers=headers, there=f"chunks/{digest}")
        except UploadFailed as error:
            raise UploadFailed(f"{place.path}, from byte {place.start}: {error}") from error
        count.sent(place.size)

    def _call(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        there: str = "",
    ) -> httpx.Response:
        """Make a call until it is answered; `there` is looked for before a chunk is sent another time."""
        url = f"/uploads/{self._upload}/{path}".rstrip("/")
        fault, asked = "", ""
        for number in range(self._tries):
            if number:
                self._pause(_pause_s(number, asked))
            try:
                if number and there and self._head(there):
                    return httpx.Response(200)
                body = content() if callable(content) else content
                answer = self._client.request(
                    method, url, content=body, headers=self._headers | (headers or {}), params=params
                )
            except httpx.TransportError as error:
                fault, asked = type(error).__name__, ""
                continue
            if answer.status_code in _AGAIN:
                fault, asked = str(answer.status_code), answer.headers.get("retry-after", "")
                continue
            return _checked(answer)
        raise UploadFailed(f"{fault}: the receiver was not to be had in {self._tries} tries; run it again to go on")

    def _head(self, path: str) -> bool:
        answer = self._client.head(f"/uploads/{self._upload}/{path}", headers=self._headers)
        return answer.status_code == 200


class _Count:
    """Counts what was acknowledged, from several threads."""

    def __init__(self, manifest: Manifest, missing: list[str], progress: Callable[[Progress], None]) -> None:
        self._lock = threading.Lock()
        self._of = len(manifest.sizes), sum(manifest.sizes.values())
        self._chunks = self._of[0] - len(missing)
        self._bytes = self._of[1] - sum(manifest.sizes[digest] for digest in missing)
        self._sent = 0
        self._progress = progress
        self._tell()

    def sent(self, size: int) -> None:
        with self._lock:
            self._chunks += 1
            self._bytes += size
            self._sent += size
            self._tell()

    def _tell(self) -> None:
        self._progress(Progress(self._chunks, self._of[0], self._bytes, self._of[1], self._sent))


def _places(directory: Path, manifest: Manifest) -> dict[str, _Place]:
    """Where each chunk is read: its first place."""
    places: dict[str, _Place] = {}
    for file in manifest.files:
        for number, digest in enumerate(file.chunks):
            start = number * manifest.chunk_bytes
            places.setdefault(digest, _Place(directory / file.path, start, manifest.sizes[digest]))
    return places


def _settled(waiting: set[Future[None]]) -> set[Future[None]]:
    done, left = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return left


def _pause_s(number: int, asked: str) -> float:
    """Seconds before try `number`: what the receiver asked for, or twice as long each time."""
    seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.0
    return min(LONGEST_PAUSE_S, max(seconds, FIRST_PAUSE_S * 2.0 ** (number - 1)))


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        message = answer.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = "no reason was given"
    raise UploadFailed(f"the receiver refused ({answer.status_code}): {message}")
