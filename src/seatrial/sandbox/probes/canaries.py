"""Canaries of the host: things that a probe inside a box must not find, and outside must.

Listeners on the loopback and on every global address, an abstract and a path unix socket, a datagram socket, a vsock
listener where the kernel loops vsock back, a marker file, a marked process with a false key in its environment, a
System V segment and a POSIX queue. All are this preflight's own and vanish with it; every touch is counted.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

from seatrial.sandbox.embedded.inside import probe as inside
from seatrial.sandbox.probes.probe import CanaryFacts

MAX_ADDRESSES = 16  # a host with more global addresses is watched on the first sixteen
START_S = 1.0  # for the marked process to show its name
VMADDR_CID_LOCAL = 1
IPC_CREAT, IPC_EXCL, IPC_RMID = 0o1000, 0o2000, 0
SYS_SHMCTL = {"x86_64": 31, "aarch64": 195}
SYS_MQ_UNLINK = {"x86_64": 241, "aarch64": 181}
FALSE_KEY = "SEATRIAL_CANARY_API_KEY"


def global_addresses() -> tuple[str, ...]:
    """Addresses of this host with prefix lengths, without loopback and link-local ones."""
    found = [item for items in inside.links({})["links"].values() for item in items]
    kept = [text for text in found if not _special(ipaddress.ip_interface(text).ip)]
    return tuple(dict.fromkeys(kept))[:MAX_ADDRESSES]


def _special(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or address.is_link_local


class Canaries:
    """A set of canaries, alive inside its `with` block; `facts` says where they are, `touches` what was touched."""

    def __init__(self, nonce: str) -> None:
        self.facts = CanaryFacts()
        self._nonce = nonce
        self._word = f"seatrial-{nonce[:16]}"
        self._targets: list[tuple[str, str, int]] = []
        self._touched: list[str] = []
        self._stack = contextlib.ExitStack()
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        try:
            self._place()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def forget_touches(self) -> None:
        """Start counting anew: the control has touched them all on purpose."""
        self._touched.clear()

    def touches(self) -> tuple[str, ...]:
        """What was touched since, as `kind address:port`."""
        return tuple(dict.fromkeys(self._touched))

    def _place(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="seatrial-canary-")))
        folder.chmod(0o755)  # so that nothing but the boundary hides it
        marker_path = folder / "marker"
        marker_path.write_bytes(self._word.encode())
        for address in ("127.0.0.1", "::1", *(text.partition("/")[0] for text in global_addresses())):
            self._listen("tcp", address)
            self._listen("udp", address)
        self._listen_unix("abstract", self._word)
        self._listen_unix("unix", str(folder / "socket"))
        self._listen_vsock()
        self._serve()
        self.facts = CanaryFacts(
            nonce=self._nonce,
            word=self._word,
            targets=tuple(self._targets),
            marker=self._word,
            marked_pid=self._marked_process(),
            marker_path=str(marker_path),
            shm_key=self._segment(),
            queue=self._queue(),
        )

    def _listen(self, kind: str, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            channel = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        except OSError:
            return  # no IPv6 here, so no door of that kind
        self._stack.callback(channel.close)
        try:
            channel.bind((address, 0))
        except OSError:
            return
        self._keep(channel, (kind, address, channel.getsockname()[1]))

    def _listen_unix(self, kind: str, name: str) -> None:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._stack.callback(channel.close)
        channel.bind("\0" + name if kind == "abstract" else name)
        if kind == "unix":
            os.chmod(name, 0o777)  # noqa: PTH101, S103 - a socket's mode, so that nothing but the boundary refuses
        self._keep(channel, (kind, name, 0))

    def _listen_vsock(self) -> None:
        try:
            channel = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
        except (OSError, AttributeError):
            return
        self._stack.callback(channel.close)
        with contextlib.suppress(OSError):
            channel.bind((VMADDR_CID_LOCAL, socket.VMADDR_PORT_ANY))
            channel.listen(8)
            port = channel.getsockname()[1]
            with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as own:
                own.settimeout(0.1)
                own.connect((VMADDR_CID_LOCAL, port))
            channel.accept()[0].close()
            self._keep(channel, ("vsock", str(VMADDR_CID_LOCAL), port))

    def _keep(self, channel: socket.socket, target: tuple[str, str, int]) -> None:
        if channel.type == socket.SOCK_STREAM:
            channel.listen(64)
        channel.setblocking(False)
        self._selector.register(channel, selectors.EVENT_READ, target)
        self._targets.append(target)

    def _serve(self) -> None:
        wake, sleeper = socket.socketpair()
        self._selector.register(sleeper, selectors.EVENT_READ, None)
        thread = threading.Thread(target=self._loop, name="seatrial-canaries", daemon=True)

        def stop() -> None:
            wake.close()
            thread.join(2)
            sleeper.close()
            self._selector.close()

        self._stack.callback(stop)
        thread.start()

    def _loop(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                kind, address, port = key.data
                self._touched.append(f"{kind} {address}:{port}")
                with contextlib.suppress(OSError):
                    self._answer(key.fileobj, kind)  # type: ignore[arg-type]  # only sockets are registered

    def _answer(self, channel: socket.socket, kind: str) -> None:
        if kind == "udp":
            word, sender = channel.recvfrom(64)
            if word == self._word.encode():  # never an echo for strangers
                channel.sendto(word, sender)
        else:
            channel.accept()[0].close()

    def _marked_process(self) -> int:
        program = shutil.which("cat") or "/bin/cat"
        process = subprocess.Popen(
            [self._word],
            executable=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={FALSE_KEY: self._nonce},
            cwd="/",
        )

        def end() -> None:
            process.communicate()  # end of its input is its end

        self._stack.callback(end)
        place, until = Path(f"/proc/{process.pid}/cmdline"), time.monotonic() + START_S
        while self._word.encode() not in place.read_bytes() and time.monotonic() < until:
            time.sleep(0.001)  # the kernel shows the arguments of a new program a moment after its start
        return process.pid

    def _segment(self) -> int | None:
        key = int(self._nonce[:7], 16) | 1
        number = _syscall(inside.SYS_SHMGET, key, 4096, IPC_CREAT | IPC_EXCL | 0o666)
        if number < 0:
            return None
        self._stack.callback(_syscall, SYS_SHMCTL, number, IPC_RMID, 0)
        return key

    def _queue(self) -> str | None:
        name = ctypes.create_string_buffer(self._word.encode())
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        number = _syscall(inside.SYS_MQ_OPEN, ctypes.addressof(name), flags, 0o666, 0)
        if number < 0:
            return None
        os.close(number)
        self._stack.callback(lambda: _syscall(SYS_MQ_UNLINK, ctypes.addressof(name)))
        return self._word


def _syscall(table: dict[str, int], *arguments: int) -> int:
    number = table.get(inside.ARCH)
    if number is None:
        return -1
    return int(inside.libc.syscall(ctypes.c_long(number), *(ctypes.c_long(item) for item in arguments)))
