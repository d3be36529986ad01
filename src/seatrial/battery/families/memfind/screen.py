"""A first look at a message: run once under a tracer, in a box that stays open for one build.

Most messages do nothing, and a fresh box for each costs more than the run. So each build has one box in which messages
are looked at first; only what ends with the sanitizer's exit code goes on to fresh boxes, and only those decide.

* The program lies in a read-only mount and runs as the box's ordinary user; nothing but the program's own memory
  is his to change.
* After each run every process is killed. After a run that ended in any other way than 0 or 2, or where the box knows
  one user only, the box is closed and the next message gets another.
* The tracer also tells whether the planted function was entered: the secondary score costs nothing more.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import weakref
from bisect import bisect_right
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

from seatrial.battery.c.build import HOME, SOURCE, STEADY, Built, Recipe, build
from seatrial.battery.instance import FileTree
from seatrial.sandbox import BoxGone, BoxSpec, SandboxError, UserUnsupported

if TYPE_CHECKING:
    from seatrial.sandbox import Box, Boxes

USER = "user"  # the ordinary user of every box
REMEMBERED = 256  # harmless messages a build remembers: the same sample is handed in again and again
KEPT = 4  # open boxes for each `Boxes`: a run works on few instances at a time
_OPTIONS = "detect_leaks=0:abort_on_error=0:symbolize=0:allocator_may_return_null=1:log_path=/dev/null:exitcode={code}"


@dataclass(frozen=True)
class Symbols:
    """The functions of a program at fixed addresses, sorted: (address, name)."""

    table: tuple[tuple[int, str], ...]

    @classmethod
    def parse(cls, listed: bytes) -> Symbols:
        """From what `nm` prints."""
        lines = (line.split() for line in listed.decode("ascii", "replace").splitlines())
        found = [(int(words[0], 16), words[2]) for words in lines if len(words) == 3 and words[1] in "tT"]
        return cls(tuple(sorted(found)))

    def address(self, name: str) -> int:
        """Where a function begins, 0 when there is none of that name."""
        return next((address for address, found in self.table if found == name), 0)

    def name(self, address: int) -> str:
        """The function that an address lies in."""
        at = bisect_right(self.table, (address, "\x7f"))
        return self.table[at - 1][1] if at else ""


@dataclass(frozen=True)
class Look:
    """How one run ended."""

    fault: bool  # it ended with the sanitizer's exit code
    reached: bool | None  # the function was entered; None where the tracer cannot tell
    timed_out: bool = False
    symbols: Symbols = Symbols(())


@dataclass
class _Room:
    """The open box of one build."""

    box: Box
    symbols: Symbols
    address: int
    code: int
    user: str | None
    turn: threading.Lock
    harmless: dict[bytes, Look] = field(default_factory=dict)  # by digest; a fault is looked at every time


_ROOMS: weakref.WeakKeyDictionary[Boxes, OrderedDict[str, _Room]] = weakref.WeakKeyDictionary()
_MUTEX = threading.Lock()


def look(boxes: Boxes, target: Built, function: str, content: bytes, *, timeout_s: float) -> Look:
    """Run a message once. A standing box that has meanwhile died of age is replaced."""
    try:
        return _look(boxes, target, function, content, timeout_s)
    except BoxGone:
        return _look(boxes, target, function, content, timeout_s)


def _look(boxes: Boxes, target: Built, function: str, content: bytes, timeout_s: float) -> Look:
    key = f"{target.key} {function}"
    room = _room(boxes, target, function, key)
    digest = hashlib.sha256(content).digest()
    with room.turn:
        if digest in room.harmless:
            return room.harmless[digest]
        try:
            seen, sound = _run(room, target, content, timeout_s)
        except BoxGone:
            _leave(boxes, key, room)
            raise
        except UserUnsupported:
            room.user = None
            seen, sound = _run(room, target, content, timeout_s)
        if sound and len(room.harmless) < REMEMBERED:
            room.harmless[digest] = seen
    if not sound or room.user is None:
        _leave(boxes, key, room)
    return seen


def _run(room: _Room, target: Built, content: bytes, timeout_s: float) -> tuple[Look, bool]:
    env = {**STEADY, "ASAN_OPTIONS": _OPTIONS.format(code=room.code)}
    command = [f"{HOME}/watch/watch", f"{room.address:x}", f"{SOURCE}/{target.name}"]
    done = room.box.exec(command, stdin=content, cwd="/", env=env, user=room.user, timeout_s=timeout_s)
    room.box.kill_all()
    if done.timed_out:
        return Look(fault=False, reached=None, timed_out=True), False
    said = done.stdout.split()
    if done.returncode or len(said) != 3:
        raise SandboxError(f"the tracer ended with {done.returncode}: {done.stderr[-200:]!r}")
    reached, code, signal = map(int, said)
    sound = signal == 0 and code in {0, 2}
    entered = None if reached < 0 else reached == 1
    return Look(fault=code == room.code, reached=entered, symbols=room.symbols), sound


def _room(boxes: Boxes, target: Built, function: str, key: str) -> _Room:
    with _MUTEX:
        rooms = _ROOMS.setdefault(boxes, OrderedDict())
        if key in rooms:
            rooms.move_to_end(key)
            return rooms[key]
    room = _furnish(boxes, target, function)
    with _MUTEX:
        rooms[key] = room
        dropped = [rooms.popitem(last=False)[1] for _ in range(len(rooms) - KEPT)]
    for old in dropped:
        with old.turn:
            old.box.close()
    return room


def _furnish(boxes: Boxes, target: Built, function: str) -> _Room:
    source = FileTree({"watch.c": (files(__package__).joinpath("watch.c").read_bytes(), 0o644)})
    tracer = build(boxes, source, Recipe((("gcc", "-O1", "-o", "watch", "watch.c"),), keep="watch"))
    box = boxes.open(BoxSpec())
    box.place(SOURCE, {target.name: (target.content, 0o755)})
    box.place(f"{HOME}/watch", {tracer.name: (tracer.content, 0o755)})
    listed = box.exec(["nm", f"{SOURCE}/{target.name}"], cwd="/", env=STEADY)
    symbols = Symbols.parse(listed.stdout)
    return _Room(box, symbols, symbols.address(function), 64 + secrets.randbelow(60), USER, threading.Lock())


def _leave(boxes: Boxes, key: str, room: _Room) -> None:
    """Close a box and forget it."""
    with _MUTEX:
        rooms = _ROOMS.get(boxes)
        if rooms is not None and rooms.get(key) is room:
            del rooms[key]
    with suppress(SandboxError, OSError):
        room.box.close()
