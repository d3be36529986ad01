"""No kernel interface beyond the filter, and no file of the kernel that could be written or that tells of the host."""

from __future__ import annotations

import platform
from typing import Any

from seatrial.sandbox.probes.probe import Asks, Finding, Observations, Probe, Scene, Unseen, complete, shut_unless

KERNEL_FILES = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hotplug",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/kernel/yama/ptrace_scope",
    "/proc/sys/kernel/shmmax",  # of the box's own namespace, and so the first to show a /proc/sys that is not shut
    "/proc/sys/fs/mqueue/msg_max",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/proc/1/oom_score_adj",
    "/proc/timer_list",
    "/sys/kernel/uevent_helper",
    "/sys/kernel/mm/ksm/run",
    "/sys/fs/cgroup/release_agent",
    "/sys/fs/cgroup/memory/release_agent",
    "/sys/fs/cgroup/cgroup.procs",
)
# Masked by content: such a file may open, and then it is empty.
TELLING_FILES = (
    "/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/config.gz", "/proc/kallsyms", "/proc/timer_list",
    "/proc/latency_stats",
)  # fmt: skip
DEVICES = (
    "/dev/mem", "/dev/kmsg", "/dev/port", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/vda", "/dev/sda",
    "/dev/nvme0n1", "/dev/loop-control", "/dev/loop0", "/dev/vhost-net", "/dev/vsock", "/dev/userfaultfd",
    "/dev/mapper/control", "/sys/kernel",
)  # fmt: skip

# Number and harmless arguments. The kernel itself answers them with EFAULT, EINVAL, EBADF or success; only a filter
# answers EPERM (clone3: ENOSYS) to anybody, so these need no privilege to be told apart.
_BAD = -1
CALLS: dict[str, dict[str, tuple[int, list[int]]]] = {
    "x86_64": {
        "unshare": (272, [0]),
        "setns": (308, [_BAD, 0]),
        "mount": (165, [1, 1, 1, 0, 0]),
        "keyctl": (250, [99999, 0, 0, 0, 0]),
        "add_key": (248, [1, 1, 0, 0, 0]),
        "request_key": (249, [1, 1, 0, 0]),
        "io_uring_setup": (425, [0, 1]),
        "perf_event_open": (298, [1, 0, 0, 0, 0]),
        "name_to_handle_at": (303, [_BAD, 1, 1, 1, 0]),
        "userfaultfd": (323, [0x7000000]),
        "clone3": (435, [0, 0]),
        "mbind": (237, [1, 0, 99, 0, 0, 0]),
        "clone_newuser": (56, [0x10000000 | 0x10000 | 0x100, 0, 0, 0, 0]),  # CLONE_THREAD without CLONE_SIGHAND
    },
    "aarch64": {
        "unshare": (97, [0]),
        "setns": (268, [_BAD, 0]),
        "mount": (40, [1, 1, 1, 0, 0]),
        "keyctl": (219, [99999, 0, 0, 0, 0]),
        "add_key": (217, [1, 1, 0, 0, 0]),
        "request_key": (218, [1, 1, 0, 0]),
        "io_uring_setup": (425, [0, 1]),
        "perf_event_open": (241, [1, 0, 0, 0, 0]),
        "name_to_handle_at": (264, [_BAD, 1, 1, 1, 0]),
        "userfaultfd": (282, [0x7000000]),
        "clone3": (435, [0, 0]),
        "mbind": (235, [1, 0, 99, 0, 0, 0]),
        "clone_newuser": (220, [0x10000000 | 0x10000 | 0x100, 0, 0, 0, 0]),
    },
}
# Calls that the kernel refuses to the unprivileged by itself: the filter must refuse them to the box's root as well.
PRIVILEGED_CALLS: dict[str, dict[str, tuple[int, list[int]]]] = {
    "x86_64": {
        "bpf": (321, [9999, 0, 0]),
        "init_module": (175, [0, 0, 0]),
        "finit_module": (313, [_BAD, 0, 0]),
        "kexec_load": (246, [0, 1 << 20, 0, 0]),
        "open_by_handle_at": (304, [_BAD, 0, 0]),
        "fanotify_init": (300, [_BAD, 0]),
        "pivot_root": (155, [1, 1]),
        "fsopen": (430, [1, 0]),
        "quotactl": (179, [_BAD, 0, 0, 0]),
        "swapon": (167, [1, 0]),
        "acct": (163, [1]),
        "syslog": (103, [99, 0, 0]),
        "iopl": (172, [99]),
    },
    "aarch64": {
        "bpf": (280, [9999, 0, 0]),
        "init_module": (105, [0, 0, 0]),
        "finit_module": (273, [_BAD, 0, 0]),
        "kexec_load": (104, [0, 1 << 20, 0, 0]),
        "open_by_handle_at": (265, [_BAD, 0, 0]),
        "fanotify_init": (262, [_BAD, 0]),
        "pivot_root": (41, [1, 1]),
        "fsopen": (430, [1, 0]),
        "quotactl": (60, [_BAD, 0, 0, 0]),
        "swapon": (224, [1, 0]),
        "acct": (89, [1]),
        "syslog": (116, [99, 0, 0]),
    },
}
FAMILIES = (
    ("alg", 38, 5, 0), ("xdp", 44, 3, 0), ("key", 15, 3, 2), ("bluetooth", 31, 3, 1), ("tipc", 30, 1, 0),
    ("can", 29, 3, 1), ("smc", 43, 1, 0), ("rds", 21, 5, 0), ("kcm", 41, 5, 0),
)  # fmt: skip
RAW = (("packet", 17, 3, 0), ("raw", 2, 3, 1))
# The kernel makes both sockets of a pair before it finds that the family has no pairs.
PAIRS = (("vsock_pair", 40, 1, 0), ("tipc_pair", 30, 1, 0))
PLAIN = (("unix", 1, 1, 0), ("inet", 2, 1, 0), ("netlink", 16, 3, 0))
REFUSED = frozenset({"EPERM", "EACCES", "EAFNOSUPPORT"})


def _arch(table: dict[str, dict[str, tuple[int, list[int]]]]) -> dict[str, Any]:
    return {name: [number, arguments] for name, (number, arguments) in table.get(platform.machine(), {}).items()}


def _write(_: Scene) -> Asks:
    return {"writable": {"paths": list(KERNEL_FILES)}}


def _judge_write(_: Scene, seen: Observations) -> Finding:
    answer = seen["writable"]
    complete(answer, KERNEL_FILES)
    opened = [f"{path} can be opened for writing" for path, result in answer.items() if result == "opened"]
    return shut_unless(opened, f"{len(answer)} files absent or refused")


def _exists(_: Scene) -> Asks:
    return {"files#exist": {"paths": ["/proc/sys/kernel/core_pattern", "/proc/kallsyms"]}}


def _sees_exist(_: Scene, seen: Observations) -> bool:
    return all("absent" not in answer for answer in seen["files#exist"].values())


def _read(_: Scene) -> Asks:
    return {"files#kernel": {"paths": [*TELLING_FILES, *DEVICES]}}


def _judge_read(_: Scene, seen: Observations) -> Finding:
    answer = seen["files#kernel"]
    readable = []
    complete(answer, (*TELLING_FILES, *DEVICES))
    for path in (*TELLING_FILES, *DEVICES):
        found = answer[path]
        empty = found.get("bytes") == "" and path in TELLING_FILES
        if not ("absent" in found or "refused" in found or empty):
            readable.append(f"{path} is there")
    return shut_unless(readable, f"{len(answer)} files absent, refused or empty")


def _calls(_: Scene) -> Asks:
    return {"syscalls": {"calls": {**_arch(CALLS), **_arch(PRIVILEGED_CALLS)}}}


def _calls_outside(_: Scene) -> Asks:
    return {"syscalls": {"calls": _arch(CALLS)}}


def _judge_calls(_: Scene, seen: Observations) -> Finding:
    results = seen["syscalls"]["results"]
    wanted = {**_arch(CALLS), **_arch(PRIVILEGED_CALLS)}
    if not wanted:
        raise Unseen(f"no table of system calls for {platform.machine()}")
    complete(results, wanted)
    allowed = [
        f"{name}: {result}"
        for name, result in results.items()
        if result != "EPERM" and not (name == "clone3" and result == "ENOSYS")
    ]
    return shut_unless(allowed, f"{len(results)} calls refused by the filter")


def _sees_calls(_: Scene, seen: Observations) -> bool:
    """Without a filter at least these three are answered by the kernel proper on every machine."""
    results = seen["syscalls"]["results"]
    return all(results.get(name) not in (None, "EPERM") for name in ("unshare", "setns", "name_to_handle_at"))


def _families(scene: Scene) -> Asks:
    wanted = [*FAMILIES, *PLAIN] if scene.spec.profile.capabilities == "range" else [*FAMILIES, *RAW, *PLAIN]
    return {"families#all": {"wanted": [list(item) for item in wanted], "pairs": [list(item) for item in PAIRS]}}


def _plain_families(_: Scene) -> Asks:
    return {"families#all": {"wanted": [list(item) for item in PLAIN]}}


def _judge_families(scene: Scene, seen: Observations) -> Finding:
    results = seen["families#all"]["results"]
    asked = _families(scene)["families#all"]
    complete(results, (name for name, *_ in (*asked["wanted"], *asked["pairs"])))
    plain = {name for name, *_ in PLAIN}
    made = [
        f"{name} socket: {result}" for name, result in results.items() if name not in plain and result not in REFUSED
    ]
    return shut_unless(made, f"{len(results) - len(plain)} families refused")


def _sees_families(_: Scene, seen: Observations) -> bool:
    return all(seen["families#all"]["results"].get(name) == "made" for name, *_ in PLAIN)


PROBES = (
    Probe("kernel.write", "kernel files", "none can be opened for writing", _write, _judge_write, _exists, _sees_exist),
    Probe("kernel.read", "kernel files", "absent, refused or empty", _read, _judge_read, _exists, _sees_exist),
    Probe("kernel.calls", "filter", "EPERM from the filter", _calls, _judge_calls, _calls_outside, _sees_calls),
    Probe(
        "kernel.families",
        "filter",
        "socket families refused",
        _families,
        _judge_families,
        _plain_families,
        _sees_families,
    ),
)
