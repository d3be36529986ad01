"""The door for a deposit from a browser: a form that goes to custody's own process and to no portal.

| `POST /deposits` as `application/x-www-form-urlencoded` | answer |
|---|---|
| `token`, `submission`, `base_url`, `dialect`, `key` | 303 to the portal, with one word of how it went |
| a body that is no such form, or too long, or does not come | 400, 413, 408 in plain text |

- The token is good once: whoever sent a form twice, or late, begins again at the portal.
- The words are of a closed list (`done`, `token`, `address`, `key`, `ended`, `busy`): nothing of what was sent is
  repeated, in no answer, address or log.
- It works without a script, and the browser is sent to the portal's own address and to no other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from seatrial.custody.credential import DIALECTS
from seatrial.custody.deposit import AddressRefused, TokenRefused, check_key, use_token
from seatrial.custody.keys import CustodyError, KeyGone, check_id
from seatrial.custody.lease import ScopeEnded
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from seatrial.custody.deposit import TokenStore

FORM_BYTES: Final = 40_000
"""The longest key with every byte written as three, an address, and the rest."""
ARRIVE_S: Final = 10.0
"""For those bytes to arrive."""
FIELDS = ("token", "submission", "base_url", "dialect", "key")
DONE, TOKEN, ADDRESS, KEY, ENDED, BUSY = "done", "token", "address", "key", "ended", "busy"
_SAID = {TokenRefused: TOKEN, AddressRefused: ADDRESS, ScopeEnded: ENDED, KeyGone: ENDED, LookupError: ENDED}


class NoForm(Exception):
    """A body that is not the form; the status, and why in words of ours."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Given:
    """What a form brought, once it is whole."""

    token: str
    submission: str
    base_url: str
    dialect: str
    key: Secret


@dataclass(frozen=True, slots=True)
class DepositDoor:
    """Takes deposits for one process.

    Attributes:
        tokens: Where the portal put the token.
        seal: Seals the endpoint and has it recorded; knows whose submission it is. Raises what cannot be.
        portal: The portal's address, to which the browser goes back.
    """

    tokens: TokenStore
    seal: Callable[[Given, datetime], object]
    portal: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            given = _given(await _body(request))
        except NoForm as error:
            return PlainTextResponse(f"{error}\n", error.status, headers={"connection": "close"})
        said = await run_in_threadpool(self.take, given)
        address = f"{self.portal}/submissions/{given.submission}/access/?deposit={said}"
        return RedirectResponse(address, 303, headers={"cache-control": "no-store", "referrer-policy": "no-referrer"})

    def take(self, given: Given) -> str:
        """Seal it; the one word of how it went."""
        try:
            check_key(given.key)
        except CustodyError:
            return KEY
        try:
            self._sealed(given)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold what was sent
            return next((said for kind, said in _SAID.items() if isinstance(error, kind)), BUSY)
        return DONE

    def _sealed(self, given: Given) -> None:
        if use_token(self.tokens, given.token, self.clock()) != given.submission:
            raise TokenRefused("this deposit token is another submission's")
        self.seal(given, self.clock())

    @property
    def route(self) -> Route:
        """Where it stands."""
        return Route("/deposits", self.__call__, methods=["POST"])


def _given(body: bytes) -> Given:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=len(FIELDS), strict_parsing=True)
        found = dict(pairs)
        whole = sorted(name for name, _ in pairs) == sorted(FIELDS) and found["dialect"] in DIALECTS
        submission = check_id(found.get("submission", "") if whole else "", "sub")
    except ValueError:
        raise NoForm(400, "This is not the form of a deposit. Begin again at the portal.") from None
    key = Secret(found["key"].strip().encode())
    return Given(found["token"], submission, found["base_url"], found["dialect"], key)


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise NoForm(400, "A deposit is sent as a plain form. Begin again at the portal.")
    body = b""
    try:
        async with asyncio.timeout(ARRIVE_S):
            async for piece in request.stream():
                body += piece
                if len(body) > FORM_BYTES:
                    raise NoForm(413, "The form is too long. Begin again at the portal.")
    except TimeoutError:
        raise NoForm(408, f"The form did not arrive within {ARRIVE_S:.0f} s. Begin again at the portal.") from None
    return body
