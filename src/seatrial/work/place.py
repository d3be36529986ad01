"""Which process this is, and whether another one of this host still lives: by boot, number space, number and begin.

A number alone is given again to another process; with when it began, since this boot, it is not.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from functools import cache
from pathlib import Path

from seatrial.evaluation.jobs import Process

PROC = Path("/proc")


@cache
def this_process() -> Process:
    """The process that asks."""
    pid = os.getpid()
    return Process(socket.gethostname(), _boot(), _space(), pid, _began(pid) or 0)


def is_gone(process: Process) -> bool:
    """Whether a process of this host and number space is over; of another one this host cannot say, so no."""
    return _ours(process) and _began(process.pid) != process.began


def end(process: Process) -> bool:
    """Kill a process of this host that is no longer heard of; whether there was one. Never this one."""
    if not _ours(process) or process == this_process() or _began(process.pid) != process.began:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, signal.SIGKILL)
        return True
    return False


def _ours(process: Process) -> bool:
    return (process.boot, process.space) == (_boot(), _space())


@cache
def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


@cache
def _space() -> str:
    return str((PROC / "self/ns/pid").readlink())


def _began(pid: int) -> int | None:
    """When it began, in clock ticks since the boot; None when it is over."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])
