"""A portal as the command line reaches it: its address, a service token, and what its answers mean here.

- The token is read from a file, never from the command line; its organisation and role are who acts.
- An answer that is not the wanted one is one line that says what, where and what to do, and exit code 2.
- A change is sent under a key of its own: when its answer is lost, it is asked for again and done once.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

PORTAL, TOKEN_FILE = "SEATRIAL_PORTAL", "SEATRIAL_PORTAL_TOKEN_FILE"
TIMEOUT_S = 120.0
"""A withdrawal waits for running reviews to end, at most a minute."""
FORM_S = 30.0
TRIES = 3
MOST_TOKEN_BYTES = 512
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def at_portal(command: Callable[..., Any]) -> Callable[..., Any]:
    """The two options of a verb that can act at a portal; its function gets `portal`, None for this installation."""
    token = click.option(
        "--token-file",
        envvar=TOKEN_FILE,
        metavar="FILE",
        expose_value=False,
        is_eager=True,
        callback=lambda context, _option, value: context.meta.__setitem__(TOKEN_FILE, value or ""),
        help=f"The file that holds the service token; or {TOKEN_FILE}.",
    )
    portal = click.option(
        "--portal",
        envvar=PORTAL,
        metavar="URL",
        callback=_portal,
        help=f"Act at this portal, by its service token, instead of in this installation; or {PORTAL}.",
    )
    return token(portal(command))


def _portal(context: click.Context, _option: click.Parameter, url: str | None) -> Portal | None:
    if not url:
        return None
    return Portal(url.rstrip("/"), context.meta.get(TOKEN_FILE, ""))


@dataclass(frozen=True, slots=True)
class Portal:
    """One portal, and the file of the token that acts there."""

    url: str
    token_file: str

    def get(self, path: str, **query: Any) -> Any:  # noqa: ANN401 - JSON
        """What is there. Raises `ValueError` with the portal's own words."""
        return self._asked("GET", path, params=query).json()

    def post(self, path: str, body: Mapping[str, Any], version: int | None = None) -> Any:  # noqa: ANN401 - JSON
        """What came of it; `version` is that of what is changed. Raises `ValueError` with the portal's own words."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return self._asked("POST", path, json=dict(body), headers=headers).json()

    def each(self, path: str) -> Iterator[Any]:
        """Every item of a list, page by page."""
        after = ""
        while True:
            page = self.get(path, after=after, most=200)
            yield from page["items"]
            after = page["next"]
            if not after:
                return

    def _asked(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        import httpx

        headers = {**given.pop("headers", {}), "Authorization": f"Bearer {self._token()}"}
        _protected(self.url, "--portal")
        for attempt in range(1, TRIES + 1):
            try:
                with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
                    answer = client.request(method, f"{self.url}/api/v1/{path}", headers=headers, **given)
                break
            except httpx.TransportError as error:
                if attempt == TRIES:
                    raise ValueError(
                        f"{self.url}: cannot be reached: {type(error).__name__}; is it the right --portal?"
                    ) from error
        if not answer.is_success:
            raise ValueError(f"{self.url}: {_words(answer)}")
        return answer

    def _token(self) -> str:
        if not self.token_file:
            raise ValueError(f"--token-file: name the file of a service token, or set {TOKEN_FILE}; see /tokens/ there")
        with Path(self.token_file).open("rb") as file:
            text = file.read(MOST_TOKEN_BYTES + 1).decode("ascii", "replace").strip()
        if not text.startswith("sea_svc_") or len(text) > MOST_TOKEN_BYTES or not text.isascii() or " " in text:
            raise ValueError(f"{self.token_file}: holds no service token, which begins with sea_svc_")
        return text


def form_sent(url: str, form: Mapping[str, str]) -> tuple[int, str]:
    """Send a form to the door that a portal named; its status, and where it leads back. Raises `ValueError`."""
    import httpx

    _protected(url, "custody's address at this portal")
    try:
        answer = httpx.post(url, data=dict(form), timeout=FORM_S, follow_redirects=False, trust_env=False)
    except httpx.TransportError as error:
        raise ValueError(f"{url}: cannot be reached: {type(error).__name__}") from None
    return answer.status_code, answer.headers.get("location", "")


def _protected(url: str, what: str) -> None:
    """What is secret goes over TLS, or stays on this host."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError(f"{what} {url}: it has to be https; http is for this host alone")


def _words(answer: httpx.Response) -> str:
    """A problem in one line."""
    try:
        problem = answer.json()
        said = f"{problem['title']}: {problem['detail']}"
        errors = [f"{one['field']}: {one['message']}" for one in problem.get("errors", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"answered {answer.status_code} and no problem of ours; is it a Seatrial portal?"
    return " ".join("; ".join([said, *errors]).split())


def paper(kind: str, content: bytes) -> dict[str, str]:
    """A paper as the portal takes it."""
    return {"kind": kind, "content": b64encode(content).decode()}
