"""The file system of a box: what it holds, and nothing of the host's beside it.

- Whatever comes from the host is taken as a detached mount *before* `pivot_root`; everything is attached *after*
  it, so a hostile root tree cannot lead a path of ours out of the box.
- The root is a sized tmpfs (`kind` "host"), or an overlay of a tree and such a tmpfs (`kind` "tree").
- A fresh `/proc`; where the kernel refuses it (a masked outer `/proc`), so does the box. No `/sys`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket

from . import namespaces, syscalls

TYPE_CHECKING = False  # see payload
if TYPE_CHECKING:
    from typing import Any

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC, ATTR_IDMAP = 1, 2, 4, 8, 0x100000
_OPEN_TREE_CLONE, _AT_RECURSIVE, _AT_EMPTY_PATH = 1, 0x8000, 0x1000
_MOVE_FROM_EMPTY, _MOVE_TO_EMPTY = 0x04, 0x40
_FSCONFIG_SET_STRING, _FSCONFIG_CREATE = 1, 6

_EMPTY = "dev/.empty"

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
DEVICE_LINKS = (
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
)  # fmt: skip
READ_ONLY_PROC = ("sys", "sysrq-trigger", "irq", "bus", "acpi", "scsi")
EMPTY_PROC = ("kcore", "keys", "timer_list", "latency_stats", "config.gz", "kallsyms", "sched_debug", "kpagecount")
SHM_BYTES = 64 * 1024 * 1024  # docker's default for /dev/shm
HOST_ETC = ("ld.so.cache", "alternatives")  # of the host's /etc, what programs in /usr cannot do without
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
FOLDERS = (
    ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("home/user", 0o755), ("mnt", 0o755), ("opt", 0o755),
    ("proc", 0o555), ("root", 0o700), ("run", 0o755), ("srv", 0o755), ("tmp", 0o1777), ("usr", 0o755),
    ("var", 0o755), ("var/tmp", 0o1777), ("var/lib", 0o755), ("var/log", 0o755), ("var/cache", 0o755),
    ("etc/pam.d", 0o755),
)  # fmt: skip
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\n"
    "user:x:1000:1000:user:/home/user:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\ntty:x:5:\nusers:x:100:\nuser:x:1000:\nnogroup:x:65534:\n",
    "shadow": "root:*:19000:0:99999:7:::\nuser:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n",
    "gshadow": "root:*::\ntty:*::\nusers:*::\nuser:*::\nnogroup:*::\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\n",
    "resolv.conf": "",
    "shells": "/bin/sh\n/bin/bash\n",
    # Every account tool of the box works, and gives nothing: files are nosuid and no_new_privs is set.
    "pam.d/other": "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "password", "session")),
}


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd"))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """`mount(2)`."""
    arguments = [os.fsencode(word) + b"\0" for word in (source, target, kind)]
    syscalls.call("mount", *arguments, flags, options.encode() + b"\0")


def set_attributes(tree: int, attributes: int, *, user_namespace: int | None = None) -> None:
    """Add mount attributes to a whole mount tree held by a descriptor; with a user namespace, map its ids."""
    flags = _AT_EMPTY_PATH | _AT_RECURSIVE
    idmap = 0 if user_namespace is None else ATTR_IDMAP
    wanted = _MountAttributes(attributes | idmap, 0, 0, user_namespace or 0)
    syscalls.call("mount_setattr", tree, b"\0", flags, ctypes.byref(wanted), ctypes.sizeof(wanted))


def clone_tree(path: str, attributes: int = 0) -> int:
    """A detached copy of the mounts at and below `path`, as a descriptor."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    tree = syscalls.call("open_tree", syscalls.AT_FDCWD, os.fsencode(path) + b"\0", flags)
    if attributes:
        set_attributes(tree, attributes)
    return tree


def detached(kind: str, attributes: int, **options: str) -> int:
    """A new file system that is mounted nowhere yet, as a descriptor."""
    context = syscalls.call("fsopen", kind.encode() + b"\0", 1)
    try:
        for key, value in options.items():
            syscalls.call("fsconfig", context, _FSCONFIG_SET_STRING, key.encode() + b"\0", value.encode() + b"\0", 0)
        syscalls.call("fsconfig", context, _FSCONFIG_CREATE, None, None, 0)
        return syscalls.call("fsmount", context, 1, attributes)
    finally:
        os.close(context)


def attach(tree: int, path: str) -> None:
    """Put a detached mount at `path` and let go of its descriptor."""
    syscalls.call("move_mount", tree, b"\0", syscalls.AT_FDCWD, os.fsencode(path) + b"\0", _MOVE_FROM_EMPTY)
    os.close(tree)


def attach_at(tree: int, place: int) -> None:
    """Put a detached mount on the directory held as `place`."""
    syscalls.call("move_mount", tree, b"\0", place, b"\0", _MOVE_FROM_EMPTY | _MOVE_TO_EMPTY)


class _Held:
    """What a box takes from the host: detached mounts by their place, and links at the root."""

    def __init__(self, *, with_host: bool) -> None:
        self.devices = {name: clone_tree(f"/dev/{name}") for name in DEVICES if os.path.exists(f"/dev/{name}")}
        self.proc = detached("proc", ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC)
        self.folders: dict[str, int] = {}
        self.files: dict[str, int] = {}
        self.links: dict[str, str] = {}
        if with_host:
            self._host()

    def _host(self) -> None:
        shut = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV
        self.folders["usr"] = clone_tree("/usr", shut)
        for name in MERGED:
            place = f"/{name}"
            if os.path.islink(place):
                self.links[name] = os.readlink(place)
            elif os.path.isdir(place):
                self.folders[name] = clone_tree(place, shut)
        for name in HOST_ETC:
            place = f"etc/{name}"
            if os.path.isdir(f"/{place}"):
                self.folders[place] = clone_tree(f"/{place}", shut)
            elif os.path.exists(f"/{place}"):
                self.files[place] = clone_tree(f"/{place}", shut)


def build(plan: dict[str, Any], tree: int | None) -> None:
    """Make the root file system that `plan` states, and leave the host's behind; called by PID 1 of the box."""
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    if tree is None and plan["tree"]:
        tree = clone_tree(plan["tree"])
    held = _Held(with_host=tree is None)
    scratch = next(place for place in ("/tmp", "/mnt", "/usr") if os.path.isdir(place))
    sizes = f"size={plan['disk_bytes']},nr_inodes={plan['inodes']},mode=755"
    mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, sizes)
    os.chdir(scratch)
    if tree is not None:
        _overlay(tree)
    syscalls.call("pivot_root", b".\0", b".\0")
    syscalls.call("umount2", b".\0", MNT_DETACH)
    os.chdir("/")
    if tree is None:
        _furnish_host(held)
    _proc_and_dev(held, plan)
    _finish(plan)


def _overlay(tree: int) -> None:
    """Lay the box's own writable layer over `tree`; names are relative and bland, since the box can read them."""
    for name in ("u", "w", "l", "m"):
        os.mkdir(name, 0o755)
    attach(tree, "l")
    mount("overlay", "m", "overlay", MS_NODEV | MS_NOSUID, "lowerdir=l,upperdir=u,workdir=w,userxattr")
    os.chdir("m")


def _furnish_host(held: _Held) -> None:
    """The root of kind "host": links and folders, the host's `/usr` read-only, an `/etc` of our own."""
    for name, mode in FOLDERS:
        os.mkdir(name, mode)
    for name, target in held.links.items():
        os.symlink(target, name)
    for name, content in ETC.items():
        _put(f"etc/{name}", content, 0o640 if name.endswith("shadow") else 0o644)
    for name, held_mount in held.folders.items():
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755)
        attach(held_mount, name)
    for name, held_mount in held.files.items():
        _put(name, "")
        attach(held_mount, name)
    if os.path.isdir("usr/local"):
        mount("tmpfs", "usr/local", "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "size=4k,nr_inodes=2,mode=755")
    with contextlib.suppress(OSError):  # a box of one user has no id 1000
        os.chown("home/user", 1000, 1000)


def _proc_and_dev(held: _Held, plan: dict[str, Any]) -> None:
    for name in ("proc", "dev", "tmp", "etc"):
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o1777 if name == "tmp" else 0o755)
    attach(held.proc, "proc")
    mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "size=64k,nr_inodes=64,mode=755")
    for name, device in held.devices.items():
        _put(f"dev/{name}", "")
        attach(device, f"dev/{name}")
    for name, target in DEVICE_LINKS:
        os.symlink(target, f"dev/{name}")
    os.mkdir("dev/shm", 0o755)
    os.mkdir("dev/pts", 0o755)
    shared = min(SHM_BYTES, plan["disk_bytes"])
    mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, f"size={shared},nr_inodes={plan['inodes']},mode=1777")
    mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")


def _finish(plan: dict[str, Any]) -> None:
    """Names, the working folder, and last the parts of `/proc` that a box may not write or read."""
    hostname = plan["hostname"]
    socket.sethostname(hostname)
    namespaces.quieten_network("/proc")
    _put("etc/hostname", hostname + "\n")
    _put("etc/hosts", plan["hosts"])
    _put("etc/resolv.conf", "")
    os.makedirs(plan["workdir"], 0o755, exist_ok=True)
    for name in READ_ONLY_PROC:
        if os.path.exists(f"proc/{name}"):
            _bind_shut(f"proc/{name}", f"proc/{name}")
    _put(_EMPTY, "", 0o444)
    for name in EMPTY_PROC:
        if os.path.exists(f"proc/{name}"):
            _bind_shut(_EMPTY, f"proc/{name}")
    os.unlink(_EMPTY)  # what is bound lives on, out of reach


def _bind_shut(source: str, place: str) -> None:
    """Show `source` at `place`, read-only."""
    mount(source, place, "", MS_BIND)
    mount("none", place, "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def _put(path: str, content: str, mode: int = 0o644) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    os.write(descriptor, content.encode())
    os.close(descriptor)
