"""Capabilities of a payload: numbers, the three profiles, and giving the rest up.

Every capability acts only inside the box's own user namespace.

>>> hex(PROFILES["bare"]), PROFILES["range"] > PROFILES["task"]
('0x0', True)
"""

from __future__ import annotations

import ctypes
import os

from . import syscalls

NUMBERS = {
    "chown": 0,
    "dac_override": 1,
    "fowner": 3,
    "fsetid": 4,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "net_bind_service": 10,
    "net_raw": 13,
    "sys_chroot": 18,
    "sys_ptrace": 19,
    "mknod": 27,
    "audit_write": 29,
    "setfcap": 31,
}
PROFILES = {
    "task": sum(1 << bit for name, bit in NUMBERS.items() if name != "net_raw"),
    "range": sum(1 << bit for bit in NUMBERS.values()),
    "bare": 0,
}
_VERSION_3 = 0x20080522
_EINVAL = 22


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


_Sets = ctypes.c_uint32 * 6


def limit_bounding_set(mask: int) -> None:
    """Drop every capability outside `mask` from the bounding set; needs setpcap."""
    for bit in range(64):
        if not mask >> bit & 1:
            try:
                syscalls.prctl(syscalls.PR_CAPBSET_DROP, bit)
            except OSError as error:
                if error.errno == _EINVAL:  # beyond the last capability of this kernel
                    return
                raise


def set_capabilities(mask: int) -> None:
    """Effective and permitted become `mask`, inheritable and ambient become empty."""
    syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_CLEAR_ALL)
    header = _Header(_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    syscalls.call("capset", ctypes.byref(header), ctypes.byref(_Sets(low, low, 0, high, high, 0)))


def become(uid: int, gid: int, groups: list[int], mask: int) -> None:
    """Take a user's identity for good; root of the box keeps `mask`, every other user keeps nothing."""
    if groups != [gid] or uid != 0:
        os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    set_capabilities(mask if uid == 0 else 0)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)  # a change of identity sets it to what fs.suid_dumpable says
