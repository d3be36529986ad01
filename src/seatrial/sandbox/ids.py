"""User ids of the host that boxes run under: never root's.

- Started as root, each box gets a block of `BLOCK` ids of its own. A block is held by a lock on one byte of a
  shared file, so it is free again the moment its supervisor is gone, however it went.
- Started by an ordinary user, root of a box is that user, and its other ids come from the user's subordinate range
  (`/etc/subuid`), given by `newuidmap`; boxes of one user share them. Without a range a box has one id.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import struct
import subprocess
import threading
from pathlib import Path

from seatrial.sandbox.errors import Fix, Unavailable

BLOCK = 65_536
FIRST = 1_000_000  # above ordinary users, and above the ranges that useradd gives out first
BLOCKS = 30_000  # keeps every id below 2**31, which some programs take for negative
_FOLDERS = (Path("/run/seatrial"), Path("/var/lib/seatrial"))
_LOCK = "hhqqi"  # struct flock: type, whence, start, length, pid


class IdBlocks:
    """Blocks of host ids for one supervisor running as root."""

    def __init__(self, folders: tuple[Path, ...] = _FOLDERS) -> None:
        self._file = _open(folders)
        self._mutex = threading.Lock()
        self._held: set[int] = set()
        self._next = os.getpid() % 1000  # supervisors start at different places, so they rarely meet
        self._taken = _subordinate_ranges()

    def reserve(self) -> int:
        """The first id of a block that nobody on this machine uses; `Unavailable` when there is none."""
        with self._mutex:
            for _ in range(BLOCKS):
                number, self._next = self._next, (self._next + 1) % BLOCKS
                if number not in self._held and not self._clashes(number) and self._lock(number, fcntl.F_WRLCK):
                    self._held.add(number)
                    return FIRST + number * BLOCK
        raise Unavailable("every block of user ids is in use", (Fix("user ids", "close other supervisors"),))

    def release(self, first: int) -> None:
        """Give a block back."""
        number = (first - FIRST) // BLOCK
        with self._mutex:
            if number in self._held:
                self._held.remove(number)
                self._lock(number, fcntl.F_UNLCK)

    @property
    def held(self) -> int:
        """How many blocks are in use here."""
        return len(self._held)

    def close(self) -> None:
        """Give everything back."""
        os.close(self._file)

    def _clashes(self, number: int) -> bool:
        low = FIRST + number * BLOCK
        return any(low < end and start < low + BLOCK for start, end in self._taken)

    def _lock(self, number: int, kind: int) -> bool:
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, struct.pack(_LOCK, kind, os.SEEK_SET, number, 1, 0))
        except BlockingIOError:
            return False
        return True


def _open(folders: tuple[Path, ...]) -> int:
    for folder in folders:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            return os.open(folder / "ids", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue
    names = " or ".join(map(str, folders))
    raise Unavailable("no user ids can be reserved for boxes", (Fix("lock file", f"make {names} writable for root"),))


def _subordinate_ranges() -> list[tuple[int, int]]:
    """Ranges that /etc/subuid and /etc/subgid give to users."""
    rows = [row for path in ("/etc/subuid", "/etc/subgid") for row in subordinate_rows(path)]
    return [(first, first + count) for _, first, count in rows]


def subordinate_rows(path: str) -> list[tuple[str, int, int]]:
    """Rows of a subordinate id file: user name or number, first id, count."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []
    rows = [line.strip().split(":") for line in lines]
    good = [row for row in rows if len(row) == 3 and row[1].isdecimal() and row[2].isdecimal()]
    return [(name, int(first), int(count)) for name, first, count in good]


def subordinate_range(path: str) -> tuple[int, int] | None:
    """First id and count of this user's largest range in a subordinate id file, at most `BLOCK` - 1."""
    uid = os.getuid()
    names = {str(uid)}
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(uid).pw_name)
    ranges = [(count, first) for name, first, count in subordinate_rows(path) if name in names]
    if not ranges:
        return None
    count, first = max(ranges)
    return first, min(count, BLOCK - 1)


def many_ids() -> int:
    """How many ids an ordinary user's box can have here: 1, or 1 and the subordinate range."""
    ranges = [subordinate_range(path) for _, _, path in _KINDS]
    if not all(shutil.which(program) for program, _, _ in _KINDS):
        return 1
    return 1 + min((found[1] if found else 0) for found in ranges)


def user_extents(count: int) -> list[list[list[int]]]:
    """The uid and gid maps of an ordinary user's box: its root is the user, the others are the subordinate range."""
    maps = []
    for _, own, path in _KINDS:
        found = subordinate_range(path) if count > 1 else None
        maps.append([[0, own(), 1], *([[1, found[0], count - 1]] if found else [])])
    return maps


def keep_ids(pid: int, count: int) -> None:
    """Let a process's new user namespace keep this user's id and subordinate range, all under their own numbers.

    So the maps of the boxes below it tell the ids of the host.
    """
    for (program, _, _), extents in zip(_KINDS, user_extents(count), strict=True):
        numbers = [str(number) for _, outside, length in extents for number in (outside, outside, length)]
        done = subprocess.run([program, str(pid), *numbers], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{program} refuses: {done.stderr.strip()[:200]}", (MORE_USERS,))


_KINDS = (("newuidmap", os.getuid, "/etc/subuid"), ("newgidmap", os.getgid, "/etc/subgid"))
MORE_USERS = Fix("several users in a box", "install uidmap and give this user a line in /etc/subuid and /etc/subgid")
