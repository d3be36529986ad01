"""The system-call filter of a payload, written as classic BPF by our own code.

Order of judgement:

- foreign architecture, and x32 numbers on x86-64: the process is killed;
- `clone` with a namespace flag: EPERM; `clone3`: ENOSYS, since a filter cannot read its flags (libc falls back);
- `socket` of a family outside the allow list: EAFNOSUPPORT. AF_VSOCK needs this: no network namespace covers it;
  `socketpair` of anything but AF_UNIX the same, since the kernel makes the sockets before it asks for a pair;
- `ioctl` TIOCSTI and TIOCLINUX (low 32 bits of the command, as the kernel takes them): EPERM;
- the calls of `DENIED`: EPERM; everything else is allowed.
"""

from __future__ import annotations

import ctypes
import struct

from . import syscalls

DENIED = {
    "mounts": (
        "mount", "umount2", "pivot_root", "open_tree", "open_tree_attr", "move_mount", "fsopen", "fsconfig",
        "fspick", "fsmount", "mount_setattr",
    ),
    "namespaces": ("setns", "unshare"),
    "keys": ("add_key", "request_key", "keyctl"),
    "kernel attack surface": (
        "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "bpf", "perf_event_open",
    ),
    "kernel code, boot": (
        "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    ),
    "handles, watching": (
        "open_by_handle_at", "name_to_handle_at", "fanotify_init", "lookup_dcookie", "nfsservctl",
    ),
    "time": ("settimeofday", "clock_settime", "adjtimex", "clock_adjtime"),
    "system": (
        "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog", "vhangup", "iopl", "ioperm",
    ),
    "memory placement": ("move_pages", "mbind", "set_mempolicy", "set_mempolicy_home_node", "migrate_pages"),
}  # fmt: skip

FAMILIES = {"unix": 1, "inet": 2, "inet6": 10, "netlink": 16}
AF_PACKET = 17
NAMESPACE_FLAGS = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} and NEWTIME
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
X32_BIT = 0x40000000
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24  # offsets in struct seccomp_data, low words
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_SET_MODE_FILTER = 1


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def program(*, packet: bool, machine: str = syscalls.MACHINE) -> bytes:
    """The filter as BPF instructions of 8 bytes each; `packet` lets AF_PACKET sockets through (ranges)."""
    families = [*FAMILIES.values(), *([AF_PACKET] if packet else [])]
    steps = [_step(_LD, _ARCH), _step(_JEQ, AUDIT_ARCH[machine], 1, 0), _step(_RET, _KILL), _step(_LD, _NUMBER)]
    if machine == "x86_64":
        steps += [_step(_JGE, X32_BIT, 0, 1), _step(_RET, _KILL)]
    steps += _refuse(syscalls.number("clone3", machine), _ENOSYS)
    steps += _inspect("clone", machine, _ARGUMENT_0, [_step(_JSET, NAMESPACE_FLAGS, 0, 1), _answer(_EPERM)])
    allowed = [_step(_JEQ, family, len(families) - place, 0) for place, family in enumerate(families)]
    steps += _inspect("socket", machine, _ARGUMENT_0, [*allowed, _answer(_EAFNOSUPPORT)])
    pairs = [_step(_JEQ, FAMILIES["unix"], 1, 0), _answer(_EAFNOSUPPORT)]
    steps += _inspect("socketpair", machine, _ARGUMENT_0, pairs)
    commands = [_step(_JEQ, TIOCSTI, 1, 0), _step(_JEQ, TIOCLINUX, 0, 1), _answer(_EPERM)]
    steps += _inspect("ioctl", machine, _ARGUMENT_1, commands)
    for names in DENIED.values():
        for name in names:
            steps += _refuse(syscalls.number(name, machine), _EPERM)
    return b"".join([*steps, _step(_RET, _ALLOW)])


def _answer(errno: int) -> bytes:
    return _step(_RET, _ERRNO | errno)


def _refuse(number: int | None, errno: int) -> list[bytes]:
    return [] if number is None else [_step(_JEQ, number, 0, 1), _answer(errno)]


def _inspect(name: str, machine: str, argument: int, judgement: list[bytes]) -> list[bytes]:
    """For call `name`: load the low word of an argument, judge, else allow."""
    number = syscalls.number(name, machine)
    if number is None:
        return []
    body = [_step(_LD, argument), *judgement, _step(_RET, _ALLOW)]
    return [_step(_JEQ, number, 0, len(body)), *body]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def load(code: bytes) -> None:
    """Put the calling process and its descendants under the filter, for good; needs no_new_privs."""
    described = _Program(len(code) // 8, code)
    syscalls.call("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(described))
