"""Users of a box, read from its own `/etc/passwd` and `/etc/group`, which may be hostile."""

from __future__ import annotations

import os
import stat

MAX_BYTES = 1024 * 1024  # a passwd file of 1 MiB holds some ten thousand users


class UnknownUser(Exception):
    """No such user or group in the box; the text is docker's."""


class User:
    """Who a command runs as."""

    __slots__ = ("gid", "groups", "home", "name", "uid")

    def __init__(self, name: str, uid: int, gid: int, groups: list[int], home: str) -> None:
        self.name = name
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home


ROOT = User("root", 0, 0, [0], "/root")


def lookup(wanted: str) -> User:
    """The user `wanted`: a name or a number, with `:group` (name or number) where asked, as docker reads it."""
    if wanted in {"", "root", "0"}:
        return ROOT
    name, _, group = wanted.partition(":")
    row = next((row for row in _rows("/etc/passwd", 7) if name in {row[0], row[2]}), None)
    if row is not None:
        label, uid, gid, home = row[0], int(row[2]), int(row[3]), row[5]
    elif name.isdecimal():
        label, uid, gid, home = name, int(name), 0, "/"
    else:
        raise UnknownUser(f"unable to find user {name}: no matching entries in passwd file")
    rows = _rows("/etc/group", 4)
    groups = [int(entry[2]) for entry in rows if label in entry[3].split(",")]
    if group:
        found = next((int(entry[2]) for entry in rows if group in {entry[0], entry[2]}), None)
        if found is None and not group.isdecimal():
            raise UnknownUser(f"unable to find group {group}: no matching entries in group file")
        gid, groups = int(group) if found is None else found, []
    return User(label, uid, gid, [gid, *(number for number in groups if number != gid)], home or "/")


def _rows(path: str, width: int) -> list[list[str]]:
    """Rows of a colon-separated file whose numbers are numbers; empty when it is missing or no plain file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        text = os.read(descriptor, MAX_BYTES).decode(errors="replace") if _plain(descriptor) else ""
    finally:
        os.close(descriptor)
    rows = [line.split(":") for line in text.splitlines()]
    numbers = (2, 3) if width == 7 else (2,)
    return [row for row in rows if len(row) == width and all(row[at].isdecimal() for at in numbers)]


def _plain(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)
