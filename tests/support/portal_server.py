"""The portal of a test behind a real HTTP server on loopback, for a browser; `localhost`, to which passkeys belong."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:  # noqa: ANN401
        pass


@contextmanager
def serving() -> Iterator[str]:
    """Serve the portal that is open in this process; its address."""
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - the portal sets Django up first

    with make_server("127.0.0.1", 0, get_wsgi_application(), Server, Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()
