"""Somebody at a browser without scripts: pages with their forms, filled in and sent; a page that does not come is
asked for again, a form that was not answered is not sent again by itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

PATIENCE_S = 120
"""For a page: longer than a process that died is waited for before it is started again."""
AGAIN_S = 0.2


class Unanswered(Exception):
    """Something was sent and no answer came: it may be done, or not."""


@dataclass
class Form:
    """A form as a browser would send it."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, **values: str | list[str]) -> Form:
        """With these values in place of what stood there."""
        kept = [(name, value) for name, value in self.fields if name not in values]
        for name, value in values.items():
            kept += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return Form(self.action, self.method, kept)


@dataclass(frozen=True)
class Page:
    """An answer: where it came from, what it says, and its forms."""

    url: str
    status: int
    text: str
    forms: tuple[Form, ...]

    def form(self, action: str) -> Form | None:
        """The form that is sent to an address whose path ends so."""
        sent = (one for one in self.forms if one.method == "post")
        return next((one for one in sent if urlsplit(one.action).path.endswith(action)), None)

    @property
    def refused(self) -> bool:
        """Whether it says that something was not possible."""
        return self.status >= 400 or "usa-alert--error" in self.text


@dataclass
class Person:
    """One person, signed in to one portal."""

    client: httpx.Client

    @property
    def url(self) -> str:
        """The portal's address."""
        return str(self.client.base_url)

    def get(self, path: str) -> Page:
        """A page, asked for until it comes."""
        return _page(self._got(path))

    def json(self, path: str) -> Any:  # noqa: ANN401 - of the API
        """An answer of the API, asked for until it comes. Raises `httpx.HTTPStatusError`."""
        return self._got(path).raise_for_status().json()

    def fetched(self, path: str) -> bytes:
        """A file, asked for until it comes. Raises `httpx.HTTPStatusError`."""
        return self._got(path).raise_for_status().content

    def _got(self, path: str) -> httpx.Response:
        last = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self.client.get(path)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                return answer
            if time.monotonic() > last:
                raise TimeoutError(f"{path}: no page within {PATIENCE_S} s")
            time.sleep(AGAIN_S)

    def send(self, form: Form) -> Page:
        """Send a form, once; the page that comes of it. Raises `Unanswered`."""
        content = dict[str, str | list[str]]()
        for name, value in form.fields:
            known = content.get(name, [])
            content[name] = [*(known if isinstance(known, list) else [known]), value]
        try:
            answer = self.client.post(form.action, data=content)
        except httpx.TransportError as error:
            raise Unanswered(form.action) from error
        if answer.status_code >= 500:
            raise Unanswered(f"{form.action}: {answer.status_code}")
        return self.get(urljoin(str(answer.url), answer.headers["location"])) if answer.is_redirect else _page(answer)


class _Forms(HTMLParser):
    """The forms of a page."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._area: list[str] | None = None
        self._name = ""
        self._options: list[tuple[str, bool]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self._url, given.get("action") or self._url)
            self._open = Form(action, given.get("method", "get").lower())
            self.forms.append(self._open)
        if self._open is None:
            return
        if tag == "input" and given.get("name"):
            ticked = given.get("type") not in {"checkbox", "radio"} or "checked" in given
            if ticked and given.get("type") not in {"submit", "file"}:
                self._open.fields.append((given["name"], given.get("value", "")))
        elif tag == "textarea":
            self._area, self._name = [], given.get("name", "")
        elif tag == "select":
            self._options, self._name = [], given.get("name", "")
        elif tag == "option" and self._options is not None:
            self._options.append((given.get("value", ""), "selected" in given))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._open is None:
            return
        if tag == "textarea" and self._area is not None:
            self._open.fields.append((self._name, "".join(self._area).removeprefix("\n")))
            self._area = None
        elif tag == "select" and self._options is not None:
            chosen = [value for value, selected in self._options if selected] or [v for v, _ in self._options[:1]]
            self._open.fields += [(self._name, value) for value in chosen]
            self._options = None
        elif tag == "form":
            self._open = None


def _page(answer: httpx.Response) -> Page:
    found = _Forms(str(answer.url))
    if "html" in answer.headers.get("content-type", ""):
        found.feed(answer.text)
    return Page(str(answer.url), answer.status_code, answer.text, tuple(found.forms))
