"""The embedded engine: level 1, no package, no privileged program, no daemon.

A supervisor has one zygote. Each box is cloned from it into new namespaces; the supervisor then talks to the
box's agent directly, holds a pidfd of its first process, and frees what it used when that has ended.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.sandbox import cgroup, network
from seatrial.sandbox.box import BoxRecord
from seatrial.sandbox.embedded.box import EmbeddedBox
from seatrial.sandbox.embedded.channel import close_all
from seatrial.sandbox.embedded.inside import capabilities, syscalls
from seatrial.sandbox.embedded.zygote import OPEN_S, Zygote
from seatrial.sandbox.errors import BoxGone, Fix, Unavailable
from seatrial.sandbox.ids import BLOCK, MORE_USERS, IdBlocks, many_ids, user_extents
from seatrial.sandbox.loop import Loop
from seatrial.sandbox.watchdog import Watchdog

if TYPE_CHECKING:
    from seatrial.sandbox.spec import BoxSpec, RangeSpec

VERSION = "1"
LEVEL = 1
# No core file fits into one byte. Zero would still start a host's core handler (`core_pattern` with a pipe) for every
# crash in a box: for pipes the kernel looks at no limit but this one, which it takes for "never" (fs/coredump.c).
CORE_BYTES = 1


class EmbeddedEngine:
    """Makes boxes on this machine; may be used from many threads."""

    name = "embedded"
    version = VERSION
    level = LEVEL

    def __init__(self) -> None:
        if sys.platform != "linux" or os.uname().machine not in syscalls.SUPPORTED:
            machines = " or ".join(syscalls.SUPPORTED)
            raise Unavailable("this is no machine for boxes", (Fix("machine", f"use Linux on {machines}"),))
        self._owner = os.getpid()
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
            close_all(lists)
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
        return [*box.group.open_lists(), *map(os.dup, self.groups.own_lists)]

    def _start(self, box: EmbeddedBox, plan: dict[str, object], lists: list[int]) -> None:
        zygote = self._running_zygote()
        number = next(self._numbers)

        self.loop.submit(lambda: zygote.clone(number, box, plan, lists))

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
        rlimits = {"NOFILE": limits.open_files, "FSIZE": limits.disk_bytes, "CORE": CORE_BYTES}
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
        try:
            text = Path(f"/proc/{box.pid}/uid_map").read_text()
        except OSError as gone:
            raise BoxGone(f"box {box.name} has ended before it was opened") from gone
        rows = [tuple(map(int, line.split())) for line in text.splitlines()]
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
        if os.getpid() != self._owner:  # a fork of the supervisor holds copies only: nothing in it is its own
            return
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


_DELEGATE = Fix("control groups", "run as root, or under systemd-run --user --scope -p Delegate=yes")
