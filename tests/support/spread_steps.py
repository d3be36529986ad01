"""Steps for tests of where steps run: on a worker they are imported by name."""

from __future__ import annotations

import os
import signal
import socket


def square(number: int) -> int:
    """The square; a negative number is refused, and zero ends the process."""
    if number < 0:
        raise ValueError(f"{number} is below zero")
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def reporting(payload: tuple[int, int]) -> int:
    """Tell a port which process this is, and go on when it answers."""
    port, number = payload
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(f"{os.getpid()}\n".encode())
        line.recv(1)
    return number
