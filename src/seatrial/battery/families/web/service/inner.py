"""A second program, for the site alone: papers on one port, the keeper's shelf on another, both on loopback."""

# ruff: noqa: ANN401 - the base classes leave these open

from __future__ import annotations

import json
import os
import socketserver
import sys
import threading
from typing import Any

HEAD = 8192
WAIT_S = 5.0


class Shelf(socketserver.StreamRequestHandler):
    """Answers one GET with plain text."""

    timeout = WAIT_S

    def handle(self) -> None:
        """Read the first line, skip the head, answer."""
        words = self.rfile.readline(HEAD).decode("latin-1").split()
        while self.rfile.readline(HEAD) not in (b"\r\n", b"\n", b""):
            pass
        path = words[1].partition("?")[0] if len(words) > 1 and words[0] == "GET" else ""
        text = self.server.papers.get(path)  # type: ignore[attr-defined]
        status = "404 Not Found" if text is None else "200 OK"
        body = ("No such paper.\n" if text is None else text).encode()
        if path == self.server.told:  # type: ignore[attr-defined]
            os.write(1, b"served\n")
        head = f"HTTP/1.0 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)


class Desk(socketserver.ThreadingTCPServer):
    """One port with its papers."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, papers: dict[str, str], told: str) -> None:
        super().__init__(("127.0.0.1", port), Shelf)
        self.papers = papers
        self.told = told

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who hangs up is no news."""


def main() -> None:
    """Serve until standard input closes."""
    message = json.loads(sys.stdin.buffer.readline())
    near = Desk(message["ports"]["near"], message["near"], "")
    kept = Desk(message["ports"]["inner"], message["kept"], message["told"])
    for desk in (near, kept):
        threading.Thread(target=desk.serve_forever, args=(30,), daemon=True).start()
    os.write(1, b"ready\n")
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
