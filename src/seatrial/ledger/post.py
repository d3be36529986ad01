"""How a log speaks to a witness over HTTP, with the standard library alone."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from seatrial.ledger.errors import LedgerError
from seatrial.ledger.witness import Answer

if TYPE_CHECKING:
    from http.client import HTTPConnection

TIMEOUT_SECONDS: Final = 10.0
MAX_ANSWER_BYTES: Final = 65_536


def http_post(url: str, body: bytes) -> Answer:
    """Post a body and return the answer; no redirect is followed.

    Raises:
        OSError: Nobody answered in `TIMEOUT_SECONDS`, or not in HTTP.
        LedgerError: The address is not http:// or https://, or the answer too long.
    """
    connection, path = _opened(url)
    try:
        connection.request("POST", path, body, {"content-type": "text/plain; charset=utf-8"})
        response = connection.getresponse()
        data = response.read(MAX_ANSWER_BYTES + 1)
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer: {type(error).__name__}") from None
    finally:
        connection.close()
    if len(data) > MAX_ANSWER_BYTES:
        raise LedgerError(f"the witness's answer is longer than {MAX_ANSWER_BYTES} bytes")
    return Answer(response.status, kind, data)


def _opened(url: str) -> tuple[HTTPConnection, str]:
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise LedgerError("a witness's address begins with http:// or https:// and names a host")
    return kinds[parts.scheme](parts.hostname, parts.port, timeout=TIMEOUT_SECONDS), parts.path
