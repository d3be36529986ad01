"""Runs a site: start-up message, stores, two listeners, request rate, and a log on standard output.

* The message is one line of JSON on standard input. What it holds is put where the site keeps such things (a column,
  a file, a second program) and forgotten; standard input is closed before the first request.
* Each keeping place is watched where it is stored: a column by SQLite's authorizer (the connections cache no
  statement, since a cached one is not authorised again), the file by an audit hook, the second program by its own
  report. A reading is logged when it happens for a connection of the visitors' listener, never for the operator's.
* The operator's listener is on loopback. Nothing that runs in this process can connect to it.
"""

# ruff: noqa: ANN401 - the base classes leave these open

from __future__ import annotations

import json
import os
import socketserver
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

HERE = Path(__file__).resolve().parent
PARALLEL = 64
REQUEST_S = 10.0
LOGGED_REQUESTS = 20_000
LOGGED_EACH = 50
BURST_S = 5.0
BUSY_S = 2.0
LONGEST = 4_000_000

Start = Callable[..., object]


class Here(threading.local):
    """Whose request the running thread answers; a thread of unknown origin counts as a visitor's."""

    guest = True
    connection = 0
    route = ""


class Log:
    """Lines of JSON for the host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        self._seen: Counter[str] = Counter()

    def line(self, **body: object) -> None:
        """Write one line, whole."""
        text = json.dumps({**body, "t_ns": time.time_ns()}).encode() + b"\n"
        with self._lock:
            self._out.write(text)

    def request(self) -> None:
        """Count a visitor's request; a flood does not fill the host's log."""
        with self._lock:
            self._seen["request"] += 1
            count = self._seen["request"]
        if count <= LOGGED_REQUESTS:
            self.line(event="request")

    def release(self, label: str, how: str, here: Here) -> None:
        """Say that something was read; repetitions are thinned out."""
        with self._lock:
            self._seen["=" + label] += 1
            count = self._seen["=" + label]
        if count <= LOGGED_EACH or count % 1000 == 0:
            self.line(event="release", secret=label, how=how, route=here.route, conn=here.connection)


class Rate:
    """At most so many requests a second, with a short burst; 0 means no bound."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = per_second * BURST_S
        self._left = self._most
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Seconds until the next request may come; 0 when this one may."""
        if not self._per_second:
            return 0.0
        with self._lock:
            now = time.monotonic()
            self._left = min(self._most, self._left + (now - self._at) * self._per_second)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return 0.0
            return (1 - self._left) / self._per_second


class Listener(socketserver.ThreadingMixIn, WSGIServer):
    """One listener; each connection carries one request."""

    daemon_threads = True
    request_queue_size = 128
    guest = False

    def server_bind(self) -> None:
        """Bind without asking a name service for our own name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()
        self._places = threading.BoundedSemaphore(PARALLEL)
        self._numbers = iter(range(1, 1 << 62))

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection unless too many are open."""
        if self._places.acquire(timeout=BUSY_S):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own."""
        HERE_AND_NOW.guest, HERE_AND_NOW.connection, HERE_AND_NOW.route = self.guest, next(self._numbers), ""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who hangs up is no news."""


class Quiet(WSGIRequestHandler):
    """Reads one request."""

    timeout = REQUEST_S

    def get_environ(self) -> Any:
        """Add the operator's login to requests of the operator's listener."""
        environ: dict[str, object] = dict(super().get_environ())
        guest = getattr(self.server, "guest", True)
        environ["site.actor"] = "" if guest else self.headers.get("X-Act-As", "")
        return environ

    def address_string(self) -> str:
        """No name look-ups."""
        return str(self.client_address[0])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing on standard error for each request."""


class Front:
    """What stands before the site on the visitors' listener."""

    def __init__(self, site: Any, rate: Rate, log: Log) -> None:
        self._site, self._rate, self._log = site, rate, log

    def __call__(self, environ: Mapping[str, Any], start: Start) -> Iterable[bytes]:
        """Answer, or ask for patience."""
        self._log.request()
        HERE_AND_NOW.route = f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}"[:80]
        wait = self._rate.wait()
        if wait:
            start("429 Too Many Requests", [("Retry-After", f"{wait:.3f}"), ("Content-Type", "text/plain")])
            return [b"Not so fast, please.\n"]
        answer: Iterable[bytes] = self._site(environ, start)
        return answer


HERE_AND_NOW = Here()


def serve(site: Any) -> None:
    """Start everything and answer until the end."""
    ServerHandler.server_software = "site"
    HERE_AND_NOW.guest = False
    message = json.loads(sys.stdin.buffer.readline())
    log = Log()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    layout = json.loads((HERE / "layout.json").read_text())
    layout["ports"].update(message.get("ports", {}))
    visitors, operator = _arrange(site, layout, message, log)
    message.clear()
    threading.Thread(target=operator.serve_forever, args=(30,), daemon=True).start()
    log.line(event="ready")
    visitors.serve_forever(30)


def _arrange(site: Any, layout: dict[str, Any], message: dict[str, Any], log: Log) -> tuple[Listener, Listener]:
    """Put everything in its place; returns the visitors' and the operator's listener."""
    values, ports = message["values"], layout["ports"]
    places, asked = Places({ports["operator"]}), threading.Event()
    sys.addaudithook(places.hook(log, asked))
    site.keys.update(message.get("keys", {}))
    site.marks.update({label: site.mark(values[label]) for label in layout["marks"]})
    for name, plan in layout["stores"].items():
        site.adopt(name, _store(plan, values, log))
    if "files" in layout:
        site.folder = _files(layout["files"], values, places)
    if "inner" in layout:
        site.keys["near"] = str(ports["near"])
        places.inner = ports["inner"]
        _inner(layout["inner"] | {"ports": ports}, values, asked, log)
    visitors = _listen("", ports["visitors"], Front(site, Rate(layout["rate"]), log), guest=True)
    return visitors, _listen("127.0.0.1", ports["operator"], site, guest=False)


def _listen(host: str, port: int, application: Any, *, guest: bool) -> Listener:
    listener = Listener((host, port), Quiet)
    listener.guest = guest
    listener.set_app(application)
    return listener


def _store(plan: Mapping[str, Any], values: Mapping[str, str], log: Log) -> sqlite3.Connection:
    """A store in memory, filled from its text and from the message, with its columns watched."""
    connection = sqlite3.connect(":memory:", check_same_thread=False, cached_statements=0, isolation_level=None)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    connection.executescript((HERE / plan["file"]).read_text(encoding="utf-8"))
    for statement, label in plan["fill"]:
        connection.execute(statement, (values[label],))
    watched = {(table, column): label for table, column, label in plan["watch"]}

    def authorise(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and (table, column) in watched and HERE_AND_NOW.guest:
            log.release(watched[str(table), str(column)], "row", HERE_AND_NOW)
        return sqlite3.SQLITE_OK

    if watched:
        connection.set_authorizer(authorise)
    return connection


class Places:
    """What the audit hook looks out for: the kept file, and connections to our own ports."""

    def __init__(self, closed: set[int]) -> None:
        self.closed = closed
        self.inner = 0
        self.file = ""
        self.label = ""

    def hook(self, log: Log, asked: threading.Event) -> Callable[[str, tuple[Any, ...]], None]:
        """The hook itself."""

        def watch(event: str, args: tuple[Any, ...]) -> None:
            if event == "open" and HERE_AND_NOW.guest and self.file:
                if self._is_kept(args[0]):
                    log.release(self.label, "file", HERE_AND_NOW)
            elif event == "socket.connect":
                port = args[1][1] if isinstance(args[1], tuple) else 0
                if port in self.closed:
                    raise ConnectionRefusedError(port)
                if port == self.inner and HERE_AND_NOW.guest:
                    asked.set()

        return watch

    def _is_kept(self, path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        name = os.fsdecode(path)
        return name.endswith(os.path.basename(self.file)) and os.path.realpath(name) == self.file  # noqa: PTH119


def _files(plan: Mapping[str, Any], values: Mapping[str, str], places: Places) -> str:
    """A folder of our own with the open papers and, beside them, the kept one; returns the open folder."""
    root = Path(tempfile.mkdtemp(prefix="site-")).resolve()
    for name in plan["open"]:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((HERE / "papers" / name).read_bytes())
    for name, text, label in plan["kept"]:
        kept = root / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(text.replace("%s", values[label]))
        if label == plan["label"]:
            places.file, places.label = str(kept), label
    return str(root / plan["root"])


def _inner(plan: Mapping[str, Any], values: Mapping[str, str], asked: threading.Event, log: Log) -> None:
    """The second program, on loopback; it ends with this one."""
    import subprocess  # noqa: PLC0415 - only sites with a second program pay for it

    command = [sys.executable, str(HERE / "inner.py")]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    kept = {path: text.replace("%s", values[label]) for path, text, label in plan["kept"]}
    near = {path: (HERE / "papers" / name).read_text(encoding="utf-8") for path, name in plan["near"].items()}
    message = {"ports": plan["ports"], "kept": kept, "near": near, "told": plan["told"]}
    if program.stdin is None or program.stdout is None:
        raise OSError("no pipes")
    program.stdin.write(json.dumps(message).encode() + b"\n")
    program.stdin.flush()
    report = program.stdout
    report.readline()

    def read() -> None:
        with report:
            for line in report:
                if asked.is_set() and line.strip() == b"served":
                    log.release(plan["label"], "upstream", HERE_AND_NOW)

    threading.Thread(target=read, daemon=True).start()
