"""A first look at a message: run once under a tracer, in a box that stays open for one build.

Most messages do nothing, and a fresh box for each costs more than the run. So the box in which a program was compiled
stays open, and messages are looked at there first; only what ends with the sanitizer's exit code goes on to fresh
boxes, and only those decide.

* The program lies in a read-only mount of its own and runs as the box's ordinary user; nothing but its own memory is
  his to change.
* After each run every process is killed. After a run that ended in any other way than 0 or 2, or where the box knows
  one user only, the box is closed and the next message gets another.
* The tracer also tells whether the planted function was entered: the secondary score costs nothing more.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import threading
import weakref
from bisect import bisect_right
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

from seatrial.battery.c.build import ADDRESS, HOME, STEADY, Built, Recipe, build, compile_c
from seatrial.battery.instance import FileTree
from seatrial.sandbox import BoxGone, BoxSpec, SandboxError, UserUnsupported

if TYPE_CHECKING:
    from seatrial.sandbox import Box, Boxes

USER = "user"  # the ordinary user of every box
REMEMBERED = 256  # harmless messages a build remembers: the same sample is handed in again and again
KEPT = 4  # open boxes for each `Boxes`: a run works on few instances at a time
FIXED = "-no-pie"  # so that an address in the symbol table is the address in the process
_PLACE = f"{HOME}/room"
_SYMTAB, _FUNCTION = 2, 2  # section and symbol types of ELF
_OPTIONS = "detect_leaks=0:abort_on_error=0:symbolize=0:allocator_may_return_null=1:log_path=/dev/null:exitcode={code}"


@dataclass(frozen=True)
class Symbols:
    """The functions of a program at fixed addresses, sorted: (address, name)."""

    table: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, program: bytes) -> Symbols:
        """From the symbol table of a 64-bit little-endian ELF file (System V ABI, chapter 4), one that we compiled."""
        (start,), (width, count) = struct.unpack_from("<Q", program, 40), struct.unpack_from("<HH", program, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", program, start + at * width) for at in range(count)]
        found: list[tuple[int, str]] = []
        for _, kind, _, _, offset, size, link, _, _, entry in sections:
            if kind != _SYMTAB:
                continue
            names = sections[link][4]
            for at in range(offset, offset + size, entry):
                name, info, _, section, address, _ = struct.unpack_from("<IBBHQQ", program, at)
                if info & 15 == _FUNCTION and section:
                    end = program.index(b"\0", names + name)
                    found.append((address, program[names + name : end].decode("ascii", "replace")))
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


@dataclass
class Room:
    """The open box of one program."""

    program: Built
    box: Box
    symbols: Symbols
    address: int
    code: int
    user: str | None
    turn: threading.Lock
    harmless: dict[bytes, Look] = field(default_factory=dict)  # by digest; a fault is looked at every time


_ROOMS: weakref.WeakKeyDictionary[Boxes, OrderedDict[str, Room]] = weakref.WeakKeyDictionary()
_MUTEX = threading.Lock()


def look(boxes: Boxes, tree: FileTree, function: str, content: bytes, *, timeout_s: float) -> tuple[Look, Room]:
    """Run a message once on the program of a tree. A standing box that has meanwhile died of age is replaced."""
    try:
        return _look(boxes, tree, function, content, timeout_s)
    except BoxGone:
        return _look(boxes, tree, function, content, timeout_s)


def program(boxes: Boxes, tree: FileTree, function: str) -> Built:
    """The compiled program of a tree, in whose box messages may be looked at later."""
    return _room(boxes, tree, function, _key(tree, function)).program


def _key(tree: FileTree, function: str) -> str:
    return f"{tree.digest()} {function}"


def _look(boxes: Boxes, tree: FileTree, function: str, content: bytes, timeout_s: float) -> tuple[Look, Room]:
    key = _key(tree, function)
    room = _room(boxes, tree, function, key)
    digest = hashlib.sha256(content).digest()
    with room.turn:
        if digest in room.harmless:
            return room.harmless[digest], room
        try:
            seen, sound = _run(room, content, timeout_s)
        except BoxGone:
            _leave(boxes, key, room)
            raise
        except UserUnsupported:
            room.user = None
            seen, sound = _run(room, content, timeout_s)
        if sound and len(room.harmless) < REMEMBERED:
            room.harmless[digest] = seen
    if not sound or room.user is None:
        _leave(boxes, key, room)
    return seen, room


def _run(room: Room, content: bytes, timeout_s: float) -> tuple[Look, bool]:
    env = {**STEADY, "ASAN_OPTIONS": _OPTIONS.format(code=room.code)}
    command = [f"{_PLACE}/watch", f"{room.address:x}", f"{_PLACE}/{room.program.name}"]
    done = room.box.exec(command, stdin=content, cwd="/", env=env, user=room.user, timeout_s=timeout_s)
    room.box.kill_all()
    if done.timed_out:
        return Look(fault=False, reached=None, timed_out=True), False
    said = done.stdout.split()
    if done.returncode or len(said) != 3:
        raise SandboxError(f"the tracer ended with {done.returncode}: {done.stderr[-200:]!r}")
    reached, code, signal = map(int, said)
    sound = signal == 0 and code in {0, 2}
    return Look(fault=code == room.code, reached=None if reached < 0 else reached == 1), sound


def _room(boxes: Boxes, tree: FileTree, function: str, key: str) -> Room:
    with _MUTEX:
        rooms = _ROOMS.setdefault(boxes, OrderedDict())
        if key in rooms:
            rooms.move_to_end(key)
            return rooms[key]
    room = _furnish(boxes, tree, function)
    with _MUTEX:
        unwanted = [room] if key in rooms else []  # another thread was quicker
        room = rooms.setdefault(key, room)
        unwanted += [rooms.popitem(last=False)[1] for _ in range(len(rooms) - KEPT)]
    for old in unwanted:
        with old.turn:
            old.box.close()
    return room


def _furnish(boxes: Boxes, tree: FileTree, function: str) -> Room:
    source = FileTree({"watch.c": (files(__package__).joinpath("watch.c").read_bytes(), 0o644)})
    tracer = build(boxes, source, Recipe((("gcc", "-O1", "-o", "watch", "watch.c"),), keep="watch"))
    box = boxes.open(BoxSpec())
    try:
        program = compile_c(boxes, tree, *ADDRESS, FIXED, inside=box)
        box.place(_PLACE, {item.name: (item.content, 0o755) for item in (program, tracer)})
    except BaseException:
        box.close()
        raise
    symbols = Symbols.of(program.content)
    address, code = symbols.address(function), 64 + secrets.randbelow(60)
    return Room(program, box, symbols, address, code, USER, threading.Lock())


def _leave(boxes: Boxes, key: str, room: Room) -> None:
    """Close a box and forget it."""
    with _MUTEX:
        rooms = _ROOMS.get(boxes)
        if rooms is not None and rooms.get(key) is room:
            del rooms[key]
    with suppress(SandboxError, OSError):
        room.box.close()
