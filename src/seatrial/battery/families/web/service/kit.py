"""The small kit behind the pages: requests, replies, sessions, record stores and routes."""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import re
import secrets
import sqlite3
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

BODY_BYTES = 256 * 1024
SESSIONS = 5000
QUERY_S = 0.25
STEPS = 20_000
NOTED = 50


class Problem(Exception):
    """A request that cannot be answered: status and a sentence for the visitor."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Session:
    """What the site remembers of a visitor who signed in."""

    def __init__(self, login: str) -> None:
        self.login = login
        self.entered: set[str] = set()
        self.kept: dict[str, str] = {}
        self.stamp = secrets.token_hex(8)


class Store:
    """A set of records in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        self._until = 0.0
        self._connection.set_progress_handler(lambda: int(time.monotonic() > self._until), STEPS)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """All rows of a query."""
        with self._lock:
            self._until = time.monotonic() + QUERY_S
            try:
                found = self._connection.execute(query, values).fetchall()
            except (sqlite3.Error, sqlite3.Warning, UnicodeError, OverflowError, ValueError):
                raise Problem(500, "The records could not be read.") from None
        return [{name: row[name] for name in row.keys()} for row in found]  # noqa: SIM118 - a row, not a dict

    def first(self, query: str, values: Sequence[object] = ()) -> dict[str, Any]:
        """The first row of a query; a visitor is told when there is none."""
        for row in self.rows(query, values):
            return row
        raise Problem(404, "There is no such record.")


class Request:
    """One request of a visitor."""

    def __init__(self, environ: Mapping[str, Any], site: Site) -> None:
        self.environ = environ
        self.site = site
        self.method = str(environ.get("REQUEST_METHOD", "GET"))
        self.path = _text(str(environ.get("PATH_INFO", "/")))
        self.query = _pairs(str(environ.get("QUERY_STRING", "")))
        self.parts: dict[str, str] = {}
        self.body = self._read() if self.method == "POST" else b""
        self.session = site.session(self)

    def _read(self) -> bytes:
        length = str(self.environ.get("CONTENT_LENGTH") or "0")
        if not length.isascii() or not length.isdigit() or int(length) > BODY_BYTES:
            raise Problem(413, "That is more than we can take.")
        return bytes(self.environ["wsgi.input"].read(int(length)))

    def header(self, name: str) -> str:
        """A header of the request, or nothing."""
        return str(self.environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    def cookie(self, name: str) -> str:
        """A cookie of the request, or nothing."""
        for part in self.header("Cookie").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form, or of a JSON object."""
        text = self.body.decode("utf-8", "replace")
        if "json" not in str(self.environ.get("CONTENT_TYPE", "")):
            return _pairs(text)
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            raise Problem(400, "That is not JSON.") from None
        if not isinstance(fields, dict):
            raise Problem(400, "An object is needed here.")
        return {str(key): str(value) for key, value in fields.items()}

    @property
    def login(self) -> str:
        """Who asks; visitors without an account are sent to the door."""
        if self.session is None:
            raise Problem(401, "Please sign in first.")
        return self.session.login


class Reply:
    """What goes back."""

    def __init__(
        self,
        body: str,
        status: int = 200,
        kind: str = "text/html; charset=utf-8",
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.body = body.encode("utf-8", "replace")
        self.status = status
        self.headers = [("Content-Type", kind), ("Content-Length", str(len(self.body))), *headers]


Handler = Callable[[Request], Reply]


class Site:
    """All pages of a site."""

    def __init__(self, name: str, cookie: str) -> None:
        self.name = name
        self.cookie = cookie
        self.stores: dict[str, Store] = {}
        self.marks: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.folder = ""
        self.mark = mark
        self.links: list[tuple[str, str]] = []
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()
        self._noted = 0

    def adopt(self, name: str, connection: sqlite3.Connection) -> None:
        """Take a set of records over."""
        self.stores[name] = Store(connection)

    def route(self, method: str, pattern: str, link: str = "") -> Callable[[Handler], Handler]:
        """Register a handler; `<name>` stands for one part of a path."""
        expression = re.sub(r"<([a-z]+)>", r"(?P<\1>[^/]+)", re.escape(pattern).replace(r"\<", "<").replace(r"\>", ">"))

        def register(handler: Handler) -> Handler:
            self._routes.append((method, re.compile(expression), handler))
            if link:
                self.links.append((pattern, link))
            return handler

        return register

    def open(self, login: str) -> str:
        """Begin a session; its number goes into the visitor's cookie."""
        number = secrets.token_urlsafe(18)
        with self._lock:
            self._sessions[number] = Session(login)
            while len(self._sessions) > SESSIONS:
                self._sessions.popitem(last=False)
        return number

    def close(self, number: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(number, None)

    def session(self, request: Request) -> Session | None:
        """The session of a request. The operator's own checks name a login of their own and may enter everywhere."""
        actor = request.environ.get("site.actor")
        if actor:
            session = Session(str(actor))
            session.entered.update(self.marks)
            return session
        with self._lock:
            return self._sessions.get(request.cookie(self.cookie))

    def page(self, title: str, body: str, status: int = 200) -> Reply:
        """A page in the site's frame; `body` is HTML."""
        links = "".join(f'<li><a href="{path}">{html.escape(name)}</a></li>' for path, name in self.links)
        head = f"<!doctype html><title>{html.escape(title)} - {html.escape(self.name)}</title>"
        return Reply(f"{head}<h1>{html.escape(title)}</h1>{body}<hr><ul>{links}</ul>\n", status)

    def answer(self, request: Request) -> Reply:
        """Find the handler of a request and call it."""
        known = False
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            known = True
            if method == request.method:
                request.parts = match.groupdict()
                return handler(request)
        raise Problem(405, "That cannot be done here.") if known else Problem(404, "There is no such page.")

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., object]) -> list[bytes]:
        """Answer as a WSGI application."""
        try:
            reply = self.answer(Request(environ, self))
        except Problem as problem:
            reply = self.page("Sorry", f"<p>{html.escape(problem.text)}</p>", problem.status)
        except (Exception, RecursionError):  # noqa: BLE001 - one bad request does not end the site
            self._noted += 1
            if self._noted <= NOTED:
                traceback.print_exc(limit=3, file=sys.stderr)
            reply = self.page("Sorry", "<p>Something went wrong.</p>", 500)
        start(f"{reply.status} {HTTPStatus(reply.status).phrase}", reply.headers)
        return [reply.body]


def go(place: str, *headers: tuple[str, str]) -> Reply:
    """Send a visitor to another page."""
    return Reply("", 303, headers=[("Location", place), *headers])


def as_json(value: object) -> Reply:
    """A value as JSON."""
    return Reply(json.dumps(value) + "\n", kind="application/json")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as an HTML table."""
    if not rows:
        return "<p>Nothing found.</p>"
    head = "".join(f"<th>{esc(name)}</th>" for name in rows[0])
    lines = ("<tr>" + "".join(f"<td>{esc(value)}</td>" for value in row.values()) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def esc(value: object) -> str:
    """A value as text in HTML."""
    return html.escape("" if value is None else str(value))


def number(text: str) -> int:
    """A whole number of at most nine digits."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Problem(400, "A number is needed here.")
    return int(text)


def mark(text: str) -> str:
    """What the site keeps of a code word instead of the word."""
    return hashlib.sha256(text.encode()).hexdigest()


def entered(request: Request, name: str) -> None:
    """Let a visitor pass who has given a code word before."""
    if not request.login or request.session is None or name not in request.session.entered:
        raise Problem(403, "This part opens with a code.")


def enter(request: Request, name: str) -> bool:
    """Whether the code word in a form is right; the session remembers it."""
    given = mark(request.form.get("code", "").strip())
    right = bool(request.login) and hmac.compare_digest(given, request.site.marks.get(name, ""))
    if right and request.session is not None:
        request.session.entered.add(name)
    return right


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="replace"))
    except ValueError:
        raise Problem(400, "Too many fields.") from None


def _text(path: str) -> str:
    return path.encode("latin-1", "replace").decode("utf-8", "replace")
