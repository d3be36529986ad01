"""Boxes to abuse, the program that abuses them, and a watch over the host while it happens."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.sandbox.probes.canaries import Canaries
from seatrial.sandbox.sealed import SealedBoxes
from seatrial.sandbox.spec import MIB, BoxSpec, Limits

if TYPE_CHECKING:
    from seatrial.sandbox.engine import EngineBox

SOURCE = Path(__file__).with_name("abuse.c")
SETTINGS = (
    "kernel/core_pattern", "kernel/hostname", "kernel/modprobe", "kernel/randomize_va_space", "kernel/domainname",
    "net/ipv4/ip_forward", "vm/overcommit_memory",
)  # fmt: skip
Attempt = Callable[..., dict[str, str]]


class Host:
    """What must be the same afterwards, as far as it is not anybody else's to change."""

    def __init__(self) -> None:
        self.settings = {name: _text(f"/proc/sys/{name}") for name in SETTINGS}
        self.mounts = sorted(line.split(" ", 1)[1] for line in _text("/proc/self/mountinfo").splitlines())
        self.init = _text("/proc/1/stat").rpartition(")")[2].split()[1:2]
        self.boot = _text("/proc/sys/kernel/random/boot_id")
        self.clock = time.time() - time.monotonic()
        self.links = _text("/proc/self/net/dev").count(":")

    def changes(self, now: Host) -> list[str]:
        """What is not as it was; the clock may be slewed by a second."""
        found = [
            name
            for name in ("settings", "mounts", "init", "boot", "links")
            if getattr(self, name) != getattr(now, name)
        ]
        return found + (["clock"] if abs(self.clock - now.clock) > 1 else [])


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


@pytest.fixture(scope="session")
def canaries() -> Iterator[Canaries]:
    with Canaries(secrets.token_hex(16)) as placed:
        yield placed


@pytest.fixture(scope="session", autouse=True)
def host_unharmed(canaries: Canaries) -> Iterator[None]:
    before, marker = Host(), Path(canaries.facts.marker_path).read_bytes()
    yield
    assert before.changes(Host()) == []
    assert canaries.touches() == ()
    assert Path(canaries.facts.marker_path).read_bytes() == marker
    assert Path(f"/proc/{canaries.facts.marked_pid}/stat").read_text().rpartition(") ")[2][0] in "SR"


@pytest.fixture(scope="session")
def boxes() -> Iterator[SealedBoxes]:
    with SealedBoxes() as sealed:
        yield sealed


@pytest.fixture(scope="session")
def program(boxes: SealedBoxes) -> bytes:
    """The abusing program, compiled in a box."""
    with boxes.open(BoxSpec()) as box:
        box.write("/tmp/abuse.c", SOURCE.read_bytes())
        made = box.exec(["gcc", "-O1", "-w", "-o", "/tmp/abuse", "/tmp/abuse.c"], timeout_s=120)
        if made.returncode == 127:
            pytest.skip("no gcc in the box")
        assert made.returncode == 0, made.stderr.decode()
        return box.read("/tmp/abuse")


@pytest.fixture(scope="session")
def attempt(program: bytes) -> Attempt:
    """Run one group of attempts in a box: outcome by name."""

    def run(
        box: EngineBox, group: str, *arguments: object, user: str | None = None, timeout_s: float = 30
    ) -> dict[str, str]:
        if box.exec(["test", "-x", "/abuse/abuse"]).returncode:
            box.place("/abuse", {"abuse": (program, 0o755)})
        done = box.exec(["/abuse/abuse", group, *map(str, arguments)], user=user, timeout_s=timeout_s, cwd="/tmp")
        outcomes = dict(re.findall(r"^(\S+?)=(\S*)$", done.stdout.decode(), re.MULTILINE))
        return {**outcomes, "rc": str(done.returncode)}

    return run


@pytest.fixture(scope="module")
def box(boxes: SealedBoxes) -> Iterator[EngineBox]:
    """A box of the usual kind, shared by items that leave it as it was."""
    with boxes.open(BoxSpec(hostname="victim")) as opened:
        yield opened


SMALL = Limits(pids=100, memory_bytes=256 * MIB, disk_bytes=96 * MIB, inodes=20_000)


@pytest.fixture
def small(boxes: SealedBoxes) -> Iterator[EngineBox]:
    """A fresh box with tight limits."""
    with boxes.open(BoxSpec(limits=SMALL)) as opened:
        yield opened


def host_processes(marker: str) -> list[int]:
    """Processes of the host's view whose command line holds the marker."""
    names = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [int(name) for name in names if marker in _text(f"/proc/{name}/cmdline")]


@pytest.fixture(scope="session")
def seen_on_host() -> Callable[[str], list[int]]:
    return host_processes
