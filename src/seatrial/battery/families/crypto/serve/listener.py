"""A line protocol over TCP: one request a line, one answer a line; requests counted, releases logged.

* The start-up message is one line of JSON on standard input; the log is JSON lines on standard output.
* Participants come in by `port` on every address, the host's own probes by `probe_port` on loopback. A probe is never
  counted, never needs the access code and never causes a log line.
"""

import hmac
import json
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LONGEST = 8192  # bytes of a request
CONNECTIONS = 64
IDLE_S = 600.0


@dataclass
class Desk:
    """What all connections share: the message of the start, counters and the log."""

    settings: dict[str, Any]
    lock: threading.Lock = field(default_factory=threading.Lock)
    answered: int = 0
    opened: int = 0

    def log(self, **event: object) -> None:
        """One line of the log."""
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()

    def counted(self) -> int | None:
        """Take one of the limited answers; its number, or None when all are given."""
        with self.lock:
            if self.answered >= self.settings["cap"]:
                return None
            self.answered += 1
            return self.answered


@dataclass
class Caller:
    """One connection."""

    number: int
    probe: bool
    admitted: bool


Answer = Callable[[Desk, Caller, str, list[str]], str]


def serve(answer: Answer, port: int, probe_port: int) -> None:
    """Listen for ever; `answer` gets the verb in upper case and the words after it."""
    desk = Desk(json.loads(sys.stdin.readline()))
    listeners = [(_listener("", port), False), (_listener("127.0.0.1", probe_port), True)]
    desk.log(event="ready")
    threads = [threading.Thread(target=_accept, args=(desk, answer, *each)) for each in listeners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(CONNECTIONS)
    return listener


def _accept(desk: Desk, answer: Answer, listener: socket.socket, probe: bool) -> None:  # noqa: FBT001
    free = threading.Semaphore(CONNECTIONS)
    while True:
        connection, _ = listener.accept()
        with desk.lock:
            desk.opened += 1
            caller = Caller(desk.opened, probe, admitted=probe or not desk.settings["access"])
        if not free.acquire(timeout=IDLE_S):
            connection.close()
            continue
        threading.Thread(target=_talk, args=(desk, answer, connection, caller, free), daemon=True).start()


def _talk(desk: Desk, answer: Answer, connection: socket.socket, caller: Caller, free: threading.Semaphore) -> None:
    connection.settimeout(IDLE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    try:
        while len(waiting) <= LONGEST:
            received = connection.recv(65536)
            if not received:
                return
            *lines, waiting = (waiting + received).split(b"\n")
            connection.sendall("".join(_reply(desk, answer, caller, line) + "\n" for line in lines).encode())
    except OSError:
        return
    finally:
        connection.close()
        free.release()


def _reply(desk: Desk, answer: Answer, caller: Caller, line: bytes) -> str:
    words = line.decode("ascii", "replace").split()
    if not words or len(line) > LONGEST:
        return "?"
    verb = words[0].upper()
    if verb == "OPEN" and len(words) == 2 and hmac.compare_digest(words[1].lower().encode(), _access(desk)):
        caller.admitted = True
        return "open"
    if not caller.admitted:
        return "closed"
    try:
        return answer(desk, caller, verb, words[1:])
    except ValueError:
        return "?"


def _access(desk: Desk) -> bytes:
    return str(desk.settings["access"]).encode()
