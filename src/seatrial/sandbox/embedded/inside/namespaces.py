"""Making the first process of a box, in namespaces of its own, in one system call."""

from __future__ import annotations

import array
import ctypes
import fcntl
import json
import os
import socket
import struct

from . import syscalls

TYPE_CHECKING = False  # see payload
if TYPE_CHECKING:
    from typing import Any

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_PIDFD = 0x10000000, 0x20000000, 0x40000000, 0x1000
BOX = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
_SIGCHLD = 17
_SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8916, 0x891C, 0x8913, 0x8914
_IFF_UP = 1


class _CloneArguments(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
            "set_tid",
            "set_tid_size",
            "cgroup",
        )
    )


def clone(flags: int) -> tuple[int, int]:
    """Fork into new namespaces: (0, -1) in the child, (pid, pidfd) in the parent.

    Does what `os.fork` does around the system call; the caller must have a single thread.
    """
    pidfd = ctypes.c_int(-1)
    arguments = _CloneArguments(flags=flags | CLONE_PIDFD, pidfd=ctypes.addressof(pidfd), exit_signal=_SIGCHLD)
    ctypes.pythonapi.PyOS_BeforeFork()
    try:
        pid = syscalls.call("clone3", ctypes.byref(arguments), ctypes.sizeof(arguments))
    except OSError:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
        raise
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0, -1
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    return pid, pidfd.value


def unshare(flags: int) -> None:
    """`unshare(2)`."""
    syscalls.call("unshare", flags)


def write_own_map(uid: int, gid: int) -> None:
    """Keep one id of the user namespace around this new one, under the same number: all a user may do alone."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/gid_map", f"{gid} {gid} 1\n")
    _write("/proc/self/uid_map", f"{uid} {uid} 1\n")


def write_maps(pid: int, uids: list[list[int]], gids: list[list[int]]) -> None:
    """Give a new user namespace its id maps; each extent is inside id, outside id, count."""
    for name, extents in (("gid_map", gids), ("uid_map", uids)):
        rows = [f"{inside} {outside} {count}\n" for inside, outside, count in extents]
        _write(f"/proc/{pid}/{name}", "".join(rows))


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def interface_up(name: str, address: str | None = None, prefix: int = 24) -> None:
    """Bring a network interface of this namespace up, with an IPv4 address where one is given."""
    label = name.encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        if address is not None:
            mask = socket.inet_ntoa(struct.pack("!I", 0xFFFFFFFF << 32 - prefix & 0xFFFFFFFF))
            for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, mask)):
                place = struct.pack("16sHH4s8x", label, socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(control, request, place)
        flags = struct.unpack("16sh", fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh", label, 0)))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh", label, flags | _IFF_UP))


def quieten_network(proc: str) -> None:
    """In a new network namespace: no forwarding, and no IPv6 on links yet to come."""
    for name, value in (("ipv4/ip_forward", "0"), ("ipv6/conf/default/disable_ipv6", "1")):
        place = f"{proc}/sys/net/{name}"
        if os.path.exists(place):
            _write(place, value)


def receive(control: socket.socket, most: int = 65536) -> tuple[bytes, list[int]]:
    """One datagram with its descriptors; empty at the end of the connection."""
    message, ancillary, _, _ = control.recvmsg(most, socket.CMSG_SPACE(16 * 4), socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return message, list(descriptors)


def receive_request(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """One request with its descriptors, wherever it travelled; None at the end of the connection."""
    try:
        message, descriptors = receive(control)
    except ConnectionError:
        return None, []
    if not message:
        return None, descriptors
    request: dict[str, Any] = json.loads(message)
    if request.get("big"):
        file = descriptors.pop(0)
        request = json.loads(os.pread(file, os.fstat(file).st_size, 0))
        os.close(file)
    return request, descriptors


def send(control: socket.socket, message: bytes, descriptors: list[int] | None = None) -> None:
    """One datagram with descriptors."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    control.sendmsg([message], ancillary, socket.MSG_NOSIGNAL)


def name_process(title: bytes) -> None:
    """Overwrite the process's name and arguments, which else show paths of the host to the box."""
    with open("/proc/self/stat", "rb") as stat:
        words = stat.read().rpartition(b") ")[2].split()
    start, end = int(words[45]), int(words[46])  # arg_start and arg_end: fields 48 and 49, counted from 1
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, title, min(len(title), end - start - 1))
    buffer = ctypes.create_string_buffer(title[:15])
    syscalls.prctl(syscalls.PR_SET_NAME, ctypes.addressof(buffer))


def close_above(last_kept: int, keep: set[int]) -> None:
    """Close every descriptor above `last_kept` but those in `keep`."""
    low = last_kept + 1
    for descriptor in sorted(number for number in keep if number >= low):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, 2**31 - 1)
