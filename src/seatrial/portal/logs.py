"""The portal's log: one JSON object a line on standard error, with the fields below and no other.

- Text of requests, models and persons has no field, so that it cannot stand in a log. An exception is its type, the
  file and the line; a page is its name in the table of routes, never its address.
- Lines of Django, uvicorn and every other library go the same way: their text is left out.
- A fault's line has the request's number, and so has the page that whoever met it sees.

>>> import io
>>> out = io.StringIO()
>>> speaker(out)("service.ended", service="web", code=-9, words="what the model said")
>>> "web" in out.getvalue(), "what the model said" in out.getvalue()
(True, False)
"""

from __future__ import annotations

import logging
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping
    from types import TracebackType

    from django.http import HttpRequest, HttpResponse

FIELDS = frozenset(
    {
        *("time", "level", "event", "room", "request", "method", "page", "status", "role", "milliseconds"),
        *("unit", "stream", "service", "pid", "code", "seconds", "count"),
        *("logger", "error", "file", "line"),
    }
)
"""`request` is a number of ours, `page` a route's name, `stream` a submission's id, `error` the name of a type."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NUMBER_BYTES = 6


class Say(Protocol):
    """Write an event down."""

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        """One line."""
        ...


def speaker(out: TextIO | None = None) -> Say:
    """A log."""
    log = structlog.wrap_logger(
        structlog.WriteLogger(out or sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _allowed,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        cache_logger_on_first_use=False,
    ).bind(room="portal")

    def say(event: str, *, level: str = "info", **fields: object) -> None:
        log.info(event, **{**fields, "level": level})

    return say


def _allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in event.items() if name in FIELDS}


class Library(logging.Handler):
    """What libraries log, without its text."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """A line that says whose it is, how bad, and where an exception came from."""
        number = getattr(getattr(record, "request", None), "number", None)
        more: dict[str, Any] = {"request": number} if number else {}
        if (status := getattr(record, "status_code", None)) is not None:
            more["status"] = int(status)
        if record.exc_info and record.exc_info[0] is not None:
            more |= where(record.exc_info[0], record.exc_info[2])
        self._say("library", level=record.levelname.lower(), logger=record.name, **more)


def where(kind: type[BaseException], trace: TracebackType | None) -> dict[str, Any]:
    """An exception without its text: its type, and the file and line that raised it.

    >>> try:
    ...     int("what the model said")
    ... except ValueError as error:
    ...     sorted(where(type(error), error.__traceback__))
    ['error', 'file', 'line']
    """
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return {"error": kind.__name__}
    return {"error": kind.__name__, "file": Path(trace.tb_frame.f_code.co_filename).name, "line": trace.tb_lineno}


def log_to(out: TextIO | None = None) -> Say:
    """Let everything in this process log here; gives the log."""
    say = speaker(out)
    _saying[:] = [say]
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(Library(say))
    root.setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in {"django", "uvicorn", "allauth"}:
            known = logging.getLogger(name)
            known.handlers.clear()
            known.propagate = True
    logging.getLogger("django.request").setLevel(logging.ERROR)  # what is refused has its line from `Requests`
    return say


def log_what_ends(say: Say) -> None:
    """Let an exception that ends this process, or a thread of it, be a line of the log and no trace."""
    sys.excepthook = lambda kind, _error, trace: say("ended", level="critical", **where(kind, trace))
    threading.excepthook = lambda args: say("thread.ended", level="error", **where(args.exc_type, args.exc_traceback))


_saying: list[Say] = []


class Requests:
    """Gives each request its number, and writes a line once it is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, then say how long it took."""
        number = secrets.token_hex(NUMBER_BYTES)
        cast("Any", request).number = number
        began = time.monotonic()
        response = self._answer(request)
        if _saying:
            _saying[0]("request", request=number, status=response.status_code, **_of(request, began))
        return response


def _of(request: HttpRequest, began: float) -> dict[str, Any]:
    found, acting = request.resolver_match, getattr(request, "acting", None)
    return {
        "method": request.method if request.method in METHODS else "other",
        "page": found.url_name if found else "",
        "role": str(acting.role) if acting else "",
        "milliseconds": round((time.monotonic() - began) * 1000, 1),
    }
