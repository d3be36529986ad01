"""Which process made a call, and whether it lives: its number, when it was started, and the boot of its host.

A number alone comes back; with its start and the boot it does not. A process of another host or another process
namespace looks as if it were gone: one custody file serves the processes of one host.

>>> alive(this_process()), alive("1 0 another-boot")
(True, False)
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_process() -> str:
    """Name this process."""
    return _own(os.getpid())


def alive(name: str) -> bool:
    """Whether the process of this name still runs."""
    number = name.partition(" ")[0]
    return number.isdigit() and _name(int(number)) == name


@cache
def _own(number: int) -> str:
    """Read once: a process keeps its name, and every call of the gateway states it."""
    return _name(number) or f"{number} 0 unknown"


def _name(number: int) -> str:
    """The name of the process with this number now; empty when there is none."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text()
        boot = _BOOT.read_text().strip()
    except OSError:
        return ""
    after_command = stat.rpartition(")")[2].split()
    if after_command[0] in {"Z", "X"}:
        return ""
    return f"{number} {after_command[19]} {boot}"
