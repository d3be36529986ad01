"""Serving opened weights on loopback: a launcher as a Protocol, and one that starts any command.

- The server is a process of its own, listens on loopback only, and asks for a key that is made anew each time.
- It gets no inherited environment but a path and a home, so that no secret of this process reaches it.
- It ends with the block that started it: asked first, killed after `FAREWELL_S`.

Commands that are known to work, with `{weights}`, `{port}` and `{key_file}` filled in at start:

- llama.cpp from the extra `weights`: `LLAMA`, the default; tested.
- llama.cpp's own program, not tested here:
  `llama-server -m {weights}/model.gguf --host 127.0.0.1 --port {port} --api-key-file {key_file}`
- vLLM on accelerators, not tested here; it takes its key from a file by way of a shell:
  `sh -c 'VLLM_API_KEY=$(cat {key_file}) exec vllm serve {weights} --host 127.0.0.1 --port {port}'`
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import httpx

from seatrial.custody.keys import CustodyError
from seatrial.custody.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

START_S: Final = 600.0
"""Hundreds of GB are read before the first answer."""
FAREWELL_S: Final = 10.0
LOOK_EVERY_S: Final = 0.05
LLAMA: Final = (sys.executable, "-m", "seatrial.custody.llama", "{weights}", "{port}", "{key_file}")


class NotServed(CustodyError):
    """The server did not come up; says how it ended."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its address with the version path, the key to it, and its process."""

    base_url: str
    key: Secret
    pid: int


class Launcher(Protocol):
    """Starts an inference server over a directory of plain weights."""

    def serve(self, weights: Path, scratch: Path) -> AbstractContextManager[Served]:
        """Serve until the block ends; `scratch` is a private directory in memory. Raises `NotServed`."""
        ...


@dataclass(frozen=True, slots=True)
class CommandLauncher:
    """Starts a command and waits until it answers."""

    command: tuple[str, ...] = LLAMA
    start_s: float = START_S
    environment: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep

    @contextlib.contextmanager
    def serve(self, weights: Path, scratch: Path) -> Iterator[Served]:
        """Serve until the block ends."""
        key, port = Secret(secrets.token_hex(32).encode()), _free_port()
        key_file = scratch / "inference.key"
        with open(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(key.reveal())
        words = [word.format(weights=weights, port=port, key_file=key_file) for word in self.command]
        around = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(scratch), **self.environment}
        process = subprocess.Popen(
            words,
            env=around,
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            served = Served(f"http://127.0.0.1:{port}/v1", key, process.pid)
            self._wait(process, served)
            yield served
        finally:
            _end(process)
            key_file.unlink(missing_ok=True)

    def _wait(self, process: subprocess.Popen[bytes], served: Served) -> None:
        until = self.clock() + self.start_s
        headers = {"authorization": f"Bearer {served.key.reveal().decode()}"}
        while self.clock() < until:
            if process.poll() is not None:
                raise NotServed(f"{self.command[0]}: ended with {process.returncode} before it answered")
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{served.base_url}/models", headers=headers, timeout=5).status_code == 200:
                    return
            self.pause(LOOK_EVERY_S)
        raise NotServed(f"{self.command[0]}: no answer within {self.start_s:g} s")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(FAREWELL_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
