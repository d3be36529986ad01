"""The embedded engine: level 1, no package, no privileged program, no daemon.

A supervisor has one zygote. Each box is cloned from it into new namespaces; the supervisor then talks to the
box's agent directly, holds a pidfd of its first process, and frees what it used when that has ended.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from seatrial.sandbox import cgroup, network, wire
from seatrial.sandbox.box import BoxRecord
from seatrial.sandbox.embedded.box import EmbeddedBox, _close_all
from seatrial.sandbox.embedded.job import settle
from seatrial.sandbox.embedded.inside import capabilities, namespaces
from seatrial.sandbox.errors import BoxGone, Fix, ProtocolError, Unavailable
from seatrial.sandbox.ids import BLOCK, MORE_USERS, IdBlocks, many_ids, keep_ids, user_extents
from seatrial.sandbox.loop import READ, Loop
from seatrial.sandbox.spec import BoxSpec, RangeSpec
from seatrial.sandbox.watchdog import Watchdog

VERSION = "1"
LEVEL = 1
OPEN_S = 30.0  # for a box to be made; it takes milliseconds, on a machine that is not on its knees
_PROGRAM = Path(__file__).parent / "inside" / "__main__.py"


class Zygote:
    """The running zygote of one supervisor."""

    def __init__(self, loop: Loop, groups: list[Path], ids: int | None) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-X", "utf8", str(_PROGRAM), str(number)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd="/", env={}, pass_fds=(number,), start_new_session=True,
            )  # fmt: skip
        self.alive = True
        try:
            if ids is not None:
                self._settle(ids)
        except BaseException:
            self.control.close()
            self.process.wait()
            raise
        self._loop = loop
        self._waiting: dict[int, EmbeddedBox] = {}
        self._switches: dict[int, Future[int]] = {}
        loop.submit(lambda: loop.watch(self.control.fileno(), READ, self._hear))
        self._send({"op": "groups", "id": 0, "folders": [str(folder) for folder in groups]}, [])

    def _settle(self, ids: int) -> None:
        """Of an ordinary user: give the zygote a user namespace with `ids` ids."""
        own = {"uid": os.getuid(), "gid": os.getgid()}
        message = json.dumps({"op": "user", "id": 0, "many": ids > 1, "ids": own}).encode()
        self.control.settimeout(OPEN_S)
        self.control.send(message)
        answer = wire.decode(self.control.recv(wire.DATAGRAM_BYTES))
        self.control.settimeout(None)
        if answer.op != "settled":
            raise Unavailable(f"this user may not make user namespaces: {wire.printable(answer.text)}", (_DOCTOR,))
        if ids > 1:
            keep_ids(self.process.pid, ids)

    def clone(self, number: int, box: EmbeddedBox, plan: dict[str, object], lists: list[int]) -> None:
        """Ask for a box; on the loop's thread."""
        self._waiting[number] = box
        request = {"op": "box", "id": number, "plan": plan, "seated": box.network is not None}
        self._send(request, [box.agent_end.fileno(), *lists])

    def switch(self, number: int) -> Future[int]:
        """Ask for the socket of a new switch; from any thread."""
        future: Future[int] = Future()

        def ask() -> None:
            self._switches[number] = future
            self._send({"op": "switch", "id": number}, [])

        self._loop.submit(ask)
        return future

    def _send(self, message: dict[str, object], descriptors: list[int]) -> None:
        content, file = wire.encode(message)
        try:
            socket.send_fds(self.control, [content], descriptors if file is None else [file, *descriptors])
        except OSError:
            self._loop.submit(self._gone)
        finally:
            if file is not None:
                os.close(file)

    def _hear(self) -> None:
        try:
            message, descriptors = namespaces.receive(self.control, wire.DATAGRAM_BYTES + 1)
            if not message:
                self._gone()
                return
            self._take(wire.decode(message), descriptors)
        except (OSError, ProtocolError):
            self._gone()

    def _take(self, answer: wire.Answer, descriptors: list[int]) -> None:
        box = self._waiting.pop(answer.id, None)
        switch = self._switches.pop(answer.id, None)
        if answer.op == "switch" and switch is not None and len(descriptors) == 1:
            settle(switch, descriptors[0])
        elif answer.op == "born" and box is not None and len(descriptors) == (1 if box.network is None else 2):
            box.born(answer.pid, *descriptors)
        else:
            _close_all(descriptors)
            error = Unavailable(f"no box could be made: {wire.printable(answer.text)}")
            if switch is not None:
                settle(switch, error=error)
            if box is not None:
                box.unborn(error)

    def _gone(self) -> None:
        if self.alive:
            self.alive = False
            self._loop.unwatch(self.control.fileno())
            self.control.close()
            for box in self._waiting.values():
                box.unborn(BoxGone("the zygote has gone"))
            self._waiting.clear()
            for switch in self._switches.values():
                settle(switch, error=BoxGone("the zygote has gone"))
            self._switches.clear()

    def close(self) -> None:
        """Let it end; it ends whatever is left of its boxes."""
        done: Future[None] = Future()

        def shut() -> None:
            self._gone()
            done.set_result(None)

        self._loop.submit(shut)
        done.result()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class EmbeddedEngine:
    """Makes boxes on this machine; may be used from many threads."""

    name = "embedded"
    version = VERSION
    level = LEVEL

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._boxes: set[EmbeddedBox] = set()
        self._numbers = itertools.count(1)
        self._zygote: Zygote | None = None
        self._closed = False
        self.groups = cgroup.find()
        self.blocks = IdBlocks() if os.geteuid() == 0 else None
        self.ids = BLOCK if self.blocks else many_ids()  # of one box
        self.loop = Loop("seatrial-boxes")
        self._watchdog = Watchdog(self._open_boxes) if self.groups.mode == "rlimit" else None
        atexit.register(self.close)

    def open(self, spec: BoxSpec) -> EmbeddedBox:
        """A fresh box; `Unavailable` when it cannot be made here."""
        box = self._begin(spec, spec.hostname, f"127.0.0.1 localhost {spec.hostname}\n::1 localhost\n")
        return self._finish(box)

    def open_range(self, spec: RangeSpec) -> dict[str, EmbeddedBox]:
        """Fresh boxes on a private network, by host name; `Unavailable` when it cannot be made here."""
        places = network.seats(spec)
        boxes: dict[str, EmbeddedBox] = {}
        switch = self._switch(spec)
        try:
            for host in spec.hosts:
                boxes[host.name] = self._begin(host.box, host.name, network.hosts_file(spec, host.name), switch)
            switch.build()
            for box in boxes.values():
                self._finish(box)
                switch.connect(box.name, places[box.name], box.take_namespace())
                for seat in places[box.name]:
                    box.seat(seat.interface, seat.address, network.PREFIX)
                box.address = places[box.name][0].address
        except BaseException:
            for box in boxes.values():
                box.close()
            for _ in range(len(spec.hosts) - len(boxes)):
                switch.leave()
            raise
        return boxes

    def _switch(self, spec: RangeSpec) -> network.Switch:
        return network.Switch(self._running_zygote().switch(next(self._numbers)).result(OPEN_S), spec)

    def _begin(self, spec: BoxSpec, name: str, hosts: str, switch: network.Switch | None = None) -> EmbeddedBox:
        """Ask for a box."""
        if spec.min_level > self.level:
            raise Unavailable(f"level {spec.min_level} is required; engine {self.name} has level {self.level}")
        if spec.profile.needs_cgroup and self.groups.mode == "rlimit":
            raise Unavailable("control groups are required and none can be made", (_DELEGATE,))
        self._running_zygote()
        if spec.profile.users == "many" and self.ids == 1:
            raise Unavailable("a box of several users cannot be made here", (MORE_USERS,))
        box = EmbeddedBox(self, spec, name, self._record(spec))
        lists: list[int] = []
        try:
            self._equip(box)
            lists = self._lists(box)
            box.network = switch
            self._start(box, self._plan(box, hosts), lists)
        except BaseException as error:
            _close_all(lists)
            box.network = None
            self.loop.submit(lambda error=error: box.unborn(error))  # type: ignore[misc]
            raise
        return box

    def _finish(self, box: EmbeddedBox) -> EmbeddedBox:
        """Wait until a box is there."""
        try:
            box.opened.result(OPEN_S)
            self._guard_root(box)
        except BaseException:
            box.close()
            raise
        return box

    def _equip(self, box: EmbeddedBox) -> None:
        with self._mutex:
            if self._closed:
                raise BoxGone("the engine is closed")
            self._boxes.add(box)
        if self.blocks is not None:
            box.host_id = self.blocks.reserve()
        box.group = self.groups.create(box.spec.limits)

    def _lists(self, box: EmbeddedBox) -> list[int]:
        lists = box.group.open_lists()
        return lists + [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in self.groups.own_lists]

    def _start(self, box: EmbeddedBox, plan: dict[str, object], lists: list[int]) -> None:
        zygote = self._running_zygote()
        number = next(self._numbers)

        def start() -> None:
            zygote.clone(number, box, plan, lists)
            _close_all(lists)
            box.attend()

        self.loop.submit(start)

    def _running_zygote(self) -> Zygote:
        with self._mutex:
            if self._zygote is None or not self._zygote.alive:
                self._zygote = self._new_zygote()
            return self._zygote

    def _new_zygote(self) -> Zygote:
        if self.blocks is not None:
            return Zygote(self.loop, self.groups.roots, None)
        try:
            return Zygote(self.loop, self.groups.roots, self.ids)
        except Unavailable:
            if self.ids == 1:
                raise
            self.ids = 1  # the range of ids cannot be used: a box of one user is what is left
            return Zygote(self.loop, self.groups.roots, self.ids)

    def _open_boxes(self) -> list[EmbeddedBox]:
        with self._mutex:
            return list(self._boxes)

    def _plan(self, box: EmbeddedBox, hosts: str) -> dict[str, object]:
        spec, limits = box.spec, box.spec.limits
        rlimits = {"NOFILE": limits.open_files, "FSIZE": limits.disk_bytes, "CORE": 0}
        if self.groups.mode == "rlimit":
            rlimits["NPROC"] = limits.pids
        count = 1 if spec.profile.users == "one" else self.ids
        if box.host_id is not None:
            uids = gids = [[0, box.host_id, count]]
        else:
            uids, gids = user_extents(count)
        return {
            "tree": spec.rootfs.path if spec.rootfs.kind == "tree" else "",
            "idmap": box.host_id is not None,
            "uids": uids,
            "gids": gids,
            "many": count > 1,
            "disk_bytes": limits.disk_bytes,
            "inodes": limits.inodes,
            "hostname": box.name,
            "hosts": hosts,
            "workdir": spec.workdir,
            "env": dict(spec.env),
            "capabilities": capabilities.PROFILES[spec.profile.capabilities],
            "packet": spec.profile.capabilities == "range",
            "rlimits": rlimits,
        }

    def _record(self, spec: BoxSpec) -> BoxRecord:
        return BoxRecord(
            engine=self.name,
            engine_version=VERSION,
            level=self.level,
            limits_mode=self.groups.mode,
            users_mode="one" if spec.profile.users == "one" or self.ids == 1 else "many",
            kernel_release=os.uname().release,
            spec_digest=spec.digest(),
            preflight_digest="",
            opened_ns=time.time_ns(),
        )

    def _guard_root(self, box: EmbeddedBox) -> None:
        """Guarantee G1, read from the kernel: no id of the box is the host's root."""
        rows = [tuple(map(int, line.split())) for line in Path(f"/proc/{box.pid}/uid_map").read_text().splitlines()]
        box.uid_map = [(row[0], row[1], row[2]) for row in rows]
        if not rows or any(outside <= 0 < outside + count for _, outside, count in box.uid_map):
            raise Unavailable(f"box {box.name} would run as root of this machine")

    def forget(self, box: EmbeddedBox) -> None:
        """A box has ended: its ids are free."""
        with self._mutex:
            self._boxes.discard(box)
        if box.network is not None:
            box.network.leave()
        if box.host_id is not None and self.blocks is not None:
            self.blocks.release(box.host_id)

    def close(self) -> None:
        """Close every box, the zygote and all that the engine holds; may be called twice."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            boxes, zygote = list(self._boxes), self._zygote
        for box in boxes:
            self.loop.submit(lambda box=box: box.end("closed"))  # type: ignore[misc]
        for box in boxes:
            with contextlib.suppress(Exception):
                box.closed.result(OPEN_S)
        if zygote is not None:
            zygote.close()
        self.groups.remove()
        if self._watchdog is not None:
            self._watchdog.close()
        self.loop.close()
        if self.blocks is not None:
            self.blocks.close()
        atexit.unregister(self.close)


_DOCTOR = Fix("user namespaces", "seatrial sandbox doctor says which setting of this machine forbids them")
_DELEGATE = Fix("control groups", "run as root, or under systemd-run --user --scope -p Delegate=yes")
