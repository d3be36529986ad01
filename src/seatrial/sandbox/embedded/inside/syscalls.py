"""System calls that Python does not offer, by number, for x86-64 and aarch64.

- A call raises `OSError` with the kernel's errno, as `os` functions do.
- A name that an architecture lacks has no number there: `number` returns None, and the filter skips it.

>>> number("mount", "x86_64"), number("iopl", "aarch64")
(165, None)
"""

from __future__ import annotations

import ctypes
import os

MACHINE = os.uname().machine

# name: (x86-64, aarch64); from the kernel's syscall_64.tbl and asm-generic/unistd.h. From 424 on all
# architectures share one numbering.
_TABLE: dict[str, tuple[int | None, int | None]] = {
    "accept4": (288, 242),
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "capset": (126, 91),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "fstatfs": (138, 44),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "seccomp": (317, 277),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
_COLUMN = {"x86_64": 0, "aarch64": 1}
SUPPORTED = tuple(_COLUMN)

AT_FDCWD = -100
PR_SET_DUMPABLE, PR_SET_NAME, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 4, 15, 24, 36
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4

# PyDLL keeps Python's lock over the call: `clone3` must come back in the child with the lock held.
_libc = ctypes.PyDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = [ctypes.c_long] + [ctypes.c_void_p] * 6


def number(name: str, machine: str = MACHINE) -> int | None:
    """The number of a system call on an architecture, None where it has no such call."""
    return _TABLE[name][_COLUMN[machine]]


def call(name: str, *arguments: object) -> int:
    """Make one system call; integers and buffers (bytes, ctypes) are passed as they are."""
    found = number(name)
    if found is None:
        raise OSError(38, f"{name}: no such system call on {MACHINE}")
    result: int = _syscall(found, *arguments, *[None] * (6 - len(arguments)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    """`prctl(2)`."""
    return call("prctl", option, *arguments, *[0] * (4 - len(arguments)))


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT = 0x02, 0x04, 0x08, 0x10


def openat2(folder: int, path: str, flags: int, mode: int, resolve: int) -> int:
    """`openat2(2)`: open `path` below the directory `folder` under the resolve rules; returns a file descriptor."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    return call("openat2", folder, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))


_statfs = ctypes.c_uint64 * 32


def file_system(descriptor: int) -> int:
    """The magic number of the file system that holds an open file (`fstatfs(2)`)."""
    answer = _statfs()
    call("fstatfs", descriptor, ctypes.byref(answer))
    return answer[0] & 0xFFFFFFFF
