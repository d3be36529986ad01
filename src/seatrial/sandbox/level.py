"""How strong a boundary is, as a number that a report can print."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class Level(IntEnum):
    """Levels of isolation; the weakest part decides."""

    NONE = 0
    NAMESPACES = 1
    CONTAINER = 2
    USER_SPACE_KERNEL = 3
    OWN_KERNEL = 4

    @property
    def meaning(self) -> str:
        """What stands between the payload and the host."""
        return _MEANINGS[self]


_MEANINGS = {
    Level.NONE: "nothing: never used for a run",
    Level.NAMESPACES: "namespaces, a system-call filter and limits; the host's kernel is shared",
    Level.CONTAINER: "a container engine's profile; the host's kernel is shared",
    Level.USER_SPACE_KERNEL: "a kernel in user space between the payload and the host's",
    Level.OWN_KERNEL: "a virtual machine with a kernel of its own",
}


def hypervisor_seen() -> bool:
    """Whether this machine is itself a virtual machine, as far as the processor says so."""
    try:
        return "hypervisor" in Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        return False


def basis(level: int) -> str:
    """The sentence a record gives for its level."""
    sentence = Level(level).meaning
    return f"{sentence}; the machine is itself virtual" if hypervisor_seen() else sentence
