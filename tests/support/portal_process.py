"""`seatrial portal` as a process of its own over a home that outlives it: what it says, its parts, and their ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from seatrial.work.place import _began as began

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEATRIAL = Path(sys.executable).with_name("seatrial")
ANY_PORTS = ("--port", "0", "--custody-port", "0", "--gateway-port", "0")
PARTS = ("web", "custody", "worker")
WAIT_S = 90
T = TypeVar("T")


def until(look: Callable[[], T], what: str, within_s: float = WAIT_S) -> T:
    """What the look gives once it is something."""
    last = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < last, f"not within {within_s} s: {what}"
        time.sleep(0.05)
    return found


def gone(pid: int) -> bool:
    """Whether a process is over."""
    return began(pid) is None


def free_ports() -> tuple[str, ...]:
    """Options that name three free ports, so that a portal that is started again has its addresses again."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in PARTS]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = [str(probe.getsockname()[1]) for probe in probes]
    return ("--port", ports[0], "--custody-port", ports[1], "--gateway-port", ports[2])


@dataclass
class Portal:
    """The process; `out` and `err` keep what it said, also before it was started again."""

    process: subprocess.Popen[bytes]
    home: Path
    out: Path
    err: Path
    options: tuple[str, ...] = ANY_PORTS

    def start(self) -> None:
        """Start it over its home."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")}
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(
                [SEATRIAL, "portal", *self.options],
                env={**environment, "SEATRIAL_HOME": str(self.home)},
                stdout=out,
                stderr=err,
            )

    def kill(self, part: str) -> None:
        """Kill a part once it lives; as `all`, whoever watches them, whom none outlives, and start it again."""
        if part != "all":
            os.kill(until(lambda: self._living(part), f"{part} is there to be killed"), signal.SIGKILL)
            return
        parts = [self.pid(one) for one in PARTS if self.events("service.began")]
        self.process.kill()
        self.process.wait()
        until(lambda: all(map(gone, parts)), "no part outlives its watcher")
        self.start()

    def _living(self, part: str) -> int:
        """The process of a part that is a child of this portal; 0 while there is none."""
        began = [one["pid"] for one in self.events("service.began") if one["service"] == part]
        return int(began[-1]) if began and _parent(began[-1]) == self.process.pid else 0

    def events(self, event: str) -> list[dict[str, Any]]:
        """What it wrote down as this event."""
        return [found for line in self.err.read_text().splitlines() if (found := _read(line)).get("event") == event]

    def pid(self, service: str) -> int:
        """Of the newest process of a service."""
        return int([one["pid"] for one in self.events("service.began") if one["service"] == service][-1])

    @property
    def url(self) -> str:
        """Its address: the last that was said, since it may have been started before."""
        return until(lambda: re.findall(r"portal: (http://\S+)", self.out.read_text()), "an address")[-1]

    def answers(self) -> bool:
        """Whether a page comes."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=WAIT_S).status_code == 200
        except httpx.TransportError:  # the process that had taken the connection was killed
            return False

    def ready(self) -> bool:
        """Whether it says that all of it is there."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=WAIT_S).status_code == 200
        except httpx.TransportError:
            return False


def _read(line: str) -> dict[str, Any]:
    """A line of the log; nothing for what a killed process wrote half."""
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@contextmanager
def serving(folder: Path, *options: str, ports: tuple[str, ...] = ANY_PORTS) -> Iterator[Portal]:
    """A portal over the home in a folder, ended by force at last."""
    made = Portal(None, folder / "home", folder / "out", folder / "err", (*ports, *options))  # type: ignore[arg-type]
    made.start()
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()
