"""Files of a box, read and written by a child of the agent inside the box.

- The child is the box's root (or the user asked for) without any capability, so permissions hold.
- Only regular files: a FIFO or device is EINVAL, a folder EISDIR; opening never blocks; `/proc` is refused.
- A path is resolved by the kernel below the box's root, without magic links; links only where asked.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat

from . import mounts, syscalls

_PROC = 0x9FA0  # PROC_SUPER_MAGIC
_CHUNK = 8 * 1024 * 1024
_SAFE = os.O_NONBLOCK | os.O_NOCTTY
_WITHIN = syscalls.RESOLVE_NO_MAGICLINKS
FOLLOW = _WITHIN | syscalls.RESOLVE_IN_ROOT
NEVER = _WITHIN | syscalls.RESOLVE_NO_SYMLINKS | syscalls.RESOLVE_BENEATH


def read(path: str, limit: int, out: int, *, follow: bool) -> int:
    """Send a file's bytes into the pipe `out` and return how many; EFBIG beyond `limit`."""
    descriptor = _open(path, os.O_RDONLY | _SAFE, 0, FOLLOW if follow else NEVER)
    size = _regular(descriptor)
    if size > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    sent = 0
    while sent <= limit:
        count = os.sendfile(out, descriptor, sent, min(_CHUNK, limit + 1 - sent))
        if count == 0:
            return sent
        sent += count
    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def write(path: str, content: int, mode: int) -> int:
    """Copy the memory file `content` to `path`, making parents; a file that exists keeps its mode."""
    parent = os.path.dirname(path)
    if parent:
        os.makedirs(parent, 0o755, exist_ok=True)
    if path.endswith("/"):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    descriptor = _open(path, os.O_WRONLY | os.O_CREAT | _SAFE, mode, FOLLOW)
    _regular(descriptor)
    os.ftruncate(descriptor, 0)
    total = os.fstat(content).st_size
    sent = 0
    while sent < total:
        sent += os.sendfile(descriptor, content, sent, min(_CHUNK, total - sent))
    return sent


def unpack(content: int) -> list[tuple[str, int, int, int]]:
    """The table of a packed tree: path, mode, offset, size; see `wire.pack` for the layout."""
    length = int.from_bytes(os.pread(content, 4, 0), "big")
    rows, offset = [], 4 + length
    for path, mode, size in json.loads(os.pread(content, length, 4)):
        rows.append((path, mode, offset, size))
        offset += size
    return rows


def place(base: int, content: int) -> int:
    """Write a packed tree below the directory `base`, with all time stamps zero; returns the number of files."""
    folders = {"": os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=base)}
    rows = unpack(content)
    for path, mode, offset, size in rows:
        parent = _folder(folders, os.path.dirname(path))
        name = os.path.basename(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC | _SAFE
        descriptor = os.open(name, flags, mode & 0o7777, dir_fd=parent)
        _regular(descriptor)
        sent = 0
        while sent < size:
            sent += os.sendfile(descriptor, content, offset + sent, size - sent)
        os.fchmod(descriptor, mode & 0o7777)
        os.utime(descriptor, ns=(0, 0))
        os.close(descriptor)
    for descriptor in folders.values():
        os.utime(descriptor, ns=(0, 0))
    return len(rows)


def _folder(folders: dict[str, int], path: str) -> int:
    """The open directory `path`, made where missing; no component may be a link."""
    if path not in folders:
        folders[path] = step(_folder(folders, os.path.dirname(path)), os.path.basename(path))
    return folders[path]


def step(parent: int, name: str) -> int:
    """Open the directory `name` in `parent`, making it where it is missing; a link is refused."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=parent)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def folder_at(path: str) -> int:
    """Open the directory at an absolute path of the box, made where missing, no component a link."""
    at = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in path.split("/"):
        if name and name != ".":
            below = step(at, name)
            os.close(at)
            at = below
    return at


def fresh_tree(content: int) -> int:
    """An empty file system, mounted nowhere yet, just large enough for a packed tree."""
    rows = unpack(content)
    pages = sum(-(-size // 4096) for _, _, _, size in rows)
    inodes = len(rows) + sum(path.count("/") for path, _, _, _ in rows) + 8
    options = {"size": str((pages + 64) * 4096), "nr_inodes": str(inodes), "mode": "0755"}
    return mounts.detached("tmpfs", mounts.ATTR_NOSUID | mounts.ATTR_NODEV, **options)


def _open(path: str, flags: int, mode: int, resolve: int) -> int:
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return syscalls.openat2(root, path.lstrip("/") or ".", flags, mode, resolve)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a FIFO without a reader
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None
        raise
    finally:
        os.close(root)


def _regular(descriptor: int) -> int:
    """The size of an open regular file; EISDIR for a folder, EINVAL for all else and for anything in `/proc`."""
    facts = os.fstat(descriptor)
    if stat.S_ISDIR(facts.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(facts.st_mode) or syscalls.file_system(descriptor) == _PROC:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return facts.st_size
