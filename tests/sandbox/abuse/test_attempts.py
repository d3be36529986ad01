"""Every single attempt of the abuse list that leaves its box standing, each with the outcome it must have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from seatrial.sandbox.spec import BoxSpec, Profile

if TYPE_CHECKING:
    from seatrial.sandbox.engine import EngineBox
    from seatrial.sandbox.probes.canaries import Canaries
    from seatrial.sandbox.sealed import SealedBoxes

Attempt = Callable[..., dict[str, str]]

REFUSED_CALLS = (
    "add_key", "request_key", "keyctl", "userfaultfd", "io_uring_setup", "bpf", "perf_event_open", "init_module",
    "finit_module", "delete_module", "kexec_load", "open_by_handle_at", "name_to_handle_at", "fanotify_init", "acct",
    "quotactl", "swapon", "swapoff", "reboot", "sethostname", "setdomainname", "syslog", "vhangup", "mbind",
    "set_mempolicy", "move_pages", "migrate_pages",
)  # fmt: skip
REFUSED_MOUNTS = (
    "mount_tmpfs", "mount_proc", "mount_sysfs", "mount_cgroup", "mount_bind", "mount_overlay", "remount_root",
    "remount_usr", "remount_proc_sys", "umount_mask", "umount_proc_sys", "umount_usr", "move_root", "propagate",
    "pivot_root", "fsopen", "fspick", "open_tree", "move_mount", "mount_setattr",
)  # fmt: skip
REFUSED_NAMESPACES = (
    "unshare_user", "unshare_mount", "unshare_net", "unshare_pid", "unshare_time", "setns_own", "clone_user",
    "clone_user_mount", "clone_net", "clone_high_bits",
)  # fmt: skip
FAMILIES = (
    "vsock",
    "alg",
    "xdp",
    "key",
    "bluetooth",
    "tipc",
    "socketpair_vsock",
    "socketpair_tipc",
    "socket_high_bits",
)
NETLINK = ("netlink_new_link", "netlink_new_route", "netlink_new_table")
ABSENT = (
    "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/kvm", "/dev/fuse",
    "/dev/net/tun", "/dev/loop-control", "/dev/vsock", "/dev/vhost-net", "/dev/userfaultfd", "/sys",
)  # fmt: skip
TRACING = ("attach", "seize", "vm_read", "vm_write", "getfd", "getfd0", "kcmp")
OPENING = ("mem", "environ", "maps", "exe", "root", "cwd", "fd", "fd3", "oom_score_adj")

EXPECTED: dict[str, dict[str, str]] = {
    "kernel": {
        **dict.fromkeys(REFUSED_CALLS, "EPERM"),
        "personality": "allowed",
        "landlock": "allowed|ENOSYS|EOPNOTSUPP",
        "memfd_secret": "allowed|ENOSYS",
        "vmsplice": "EBADF",
    },
    "mounts": {**dict.fromkeys(REFUSED_MOUNTS, "EPERM"), "chroot": "allowed", "chroot_escape": "allowed"},
    "namespaces": {**dict.fromkeys(REFUSED_NAMESPACES, "EPERM"), "clone3": "ENOSYS", "open_ns_of_init": "refused"},
    "sockets": {
        **dict.fromkeys(FAMILIES, "EAFNOSUPPORT"),
        **dict.fromkeys(NETLINK, "EPERM"),
        "packet": "EAFNOSUPPORT",
        "packet_dgram": "EAFNOSUPPORT",
        "raw": "EPERM",
        "raw6": "EPERM",
        "inet": "allowed",
        "unix": "allowed",
        "netlink_nft": "allowed|EPROTONOSUPPORT",
        "socketpair_unix": "allowed",
    },
    "devices": {
        **dict.fromkeys(ABSENT, "ENOENT"),
        "mknod_disk": "EPERM",
        "mknod_mem": "EPERM",
        "mknod_in_dev": "EPERM|EEXIST",
        "mknod_fifo": "allowed",
    },
    "scheduling": {
        "sched_fifo": "EPERM",
        "sched_rr": "EPERM",
        "nice": "EACCES|EPERM",
        "nice_of_init": "EPERM|EACCES",
        "ioprio_realtime": "EPERM",
        "adjtimex": "EPERM",
        "clock_adjtime": "EPERM",
        "clock_settime": "EPERM",
        "settimeofday": "EPERM",
        "raise_nofile": "EPERM",
        "raise_core": "EPERM",
        "rlimit_of_init": "EPERM",
        "ambient": "EPERM",
        "capset_all": "EPERM",
    },
    "processes": {
        **{f"{who}_{what}": "EPERM|EACCES" for who in ("init", "shim") for what in TRACING + OPENING},
        "seen": "2|3|4|5",
    },
    "terminal": {
        "pty": "allowed",
        "tiocsti": "EPERM",
        "tiocsti_high_bits": "EPERM",
        "tioclinux": "EPERM",
        "console": "ENOENT",
    },
    "architectures": {"i386": "SYS", "x32": "SYS", "iopl": "EPERM", "ioperm": "EPERM", "modify_ldt": "allowed"},
    "identity": {"uid": "0", "euid": "0", "setuid_unmapped": "EINVAL", "no_new_privs_off": "EINVAL"},
    "network": {
        "test_net": "ENETUNREACH",
        "metadata": "ENETUNREACH",
        "resolver": "ENETUNREACH",
        "private_net": "ENETUNREACH",
        "host_loopback": "ECONNREFUSED",
        "host_abstract": "ECONNREFUSED",
        "host_unix": "ENOENT",
    },
}
IN_RANGE = {
    "packet": "allowed",
    "packet_dgram": "allowed",
    "raw": "allowed",
    "raw6": "allowed",
    "vsock": "EAFNOSUPPORT",
}


@pytest.fixture(scope="module")
def outcomes(box: EngineBox, attempt: Attempt, canaries: Canaries) -> Callable[[str], dict[str, str]]:
    """Outcomes of a group, tried once."""
    known: dict[str, dict[str, str]] = {}

    def of(group: str) -> dict[str, str]:
        if group not in known:
            places = {kind: (address, port) for kind, address, port in reversed(canaries.facts.targets)}
            network = (places["tcp"][1], places["abstract"][0], places["unix"][0])
            known[group] = attempt(box, group, *(network if group == "network" else ()))
        return known[group]

    return of


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in EXPECTED.items() for name in names])
def test_attempt(outcomes: Callable[[str], dict[str, str]], group: str, name: str) -> None:
    found = outcomes(group)
    if group == "architectures" and name not in found:
        pytest.skip("only x86-64 has other architectures to enter by")
    assert found.get(name) in EXPECTED[group][name].split("|"), found


@pytest.fixture(scope="module")
def raw_box(boxes: SealedBoxes) -> Iterator[EngineBox]:
    with boxes.open(BoxSpec(profile=Profile(capabilities="range"))) as opened:
        yield opened


def test_the_range_profile_allows_raw_and_packet_sockets_and_nothing_more(raw_box: EngineBox, attempt: Attempt) -> None:
    found = attempt(raw_box, "sockets")
    assert {name: found[name] for name in IN_RANGE} == IN_RANGE
    assert all(found[name] == "EPERM" for name in NETLINK)
    assert all(attempt(raw_box, "kernel")[name] == "EPERM" for name in REFUSED_CALLS)


def test_the_bare_profile_has_no_capability(boxes: SealedBoxes, attempt: Attempt) -> None:
    with boxes.open(BoxSpec(profile=Profile(capabilities="bare"))) as bare:
        status = bare.exec(["cat", "/proc/self/status"]).stdout.decode()
        assert [line for line in status.splitlines() if line.startswith("Cap")] == [
            f"Cap{kind}:\t{0:016x}" for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")
        ]
        assert attempt(bare, "mounts")["chroot"] == "EPERM"


def test_identity_as_the_profile_says(box: EngineBox) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in box.exec(["cat", "/proc/self/status"]).stdout.decode().splitlines()
        if ":\t" in line
    )
    task = sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 19, 27, 29, 31))
    assert (int(status["CapBnd"], 16), int(status["CapEff"], 16)) == (task, task)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    for name in ("uid_map", "gid_map"):
        spans = [list(map(int, line.split())) for line in box.exec(["cat", f"/proc/self/{name}"]).stdout.splitlines()]
        assert spans
        assert all(not outer <= 0 < outer + length for _, outer, length in spans)
    limits = box.exec(["cat", "/proc/self/limits"]).stdout.decode()
    wanted = box.spec.limits
    for label, value in (
        ("Max open files", wanted.open_files),
        ("Max file size", wanted.disk_bytes),
        ("Max core file size", 1),
    ):
        row = next(line for line in limits.splitlines() if line.startswith(label))
        assert int(row[len(label) :].split()[1]) <= value


@pytest.mark.parametrize(
    "path", ["kcore", "kmsg", "keys", "config.gz", "kallsyms", "timer_list", "sched_debug", "latency_stats"]
)
def test_telling_files_of_the_kernel_are_absent_or_empty(box: EngineBox, path: str) -> None:
    read = box.exec(["head", "-c", "64", f"/proc/{path}"], timeout_s=5)
    assert read.stdout == b""


@pytest.mark.parametrize(
    "path",
    [
        "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/net/ipv4/ip_forward",
        "/proc/sysrq-trigger", "/proc/sys/kernel/shmmax", "/proc/sys/vm/drop_caches", "/proc/irq/default_smp_affinity",
        "/proc/1/oom_score_adj", "/sys/kernel/mm/ksm/run", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent",
    ],
)  # fmt: skip
def test_files_of_the_kernel_cannot_be_opened_for_writing(box: EngineBox, path: str) -> None:
    opened = box.exec(["sh", "-c", 'exec 9>>"$1"', "sh", path])
    assert opened.returncode != 0, path


def test_there_is_no_interface_but_the_loopback(box: EngineBox) -> None:
    rows = box.exec(["cat", "/proc/net/dev"]).stdout.splitlines()[2:]
    assert [row.split(b":")[0].strip() for row in rows] == [b"lo"]
    assert len(box.exec(["cat", "/proc/net/route"]).stdout.splitlines()) == 1


def test_names_are_not_looked_up(box: EngineBox) -> None:
    asked = box.exec(["getent", "hosts", "example.com"], timeout_s=5)
    assert asked.returncode != 0
    assert not asked.timed_out
    assert box.exec(["cat", "/etc/resolv.conf"]).stdout == b""


def test_the_host_is_not_in_the_list_of_processes(box: EngineBox, canaries: Canaries) -> None:
    listed = box.exec(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]).stdout
    assert canaries.facts.marker.encode() not in listed
    assert b"python" not in listed
    assert box.exec(["test", "-e", canaries.facts.marker_path]).returncode == 1


def test_a_setuid_program_gives_nothing(box: EngineBox, program: bytes, attempt: Attempt) -> None:
    if box.record().users_mode == "one":
        pytest.skip("one user: nobody to gain anything")
    box.write("/tmp/suid", program, mode=0o755)
    assert box.exec(["sh", "-c", "chown root /tmp/suid && chmod 4755 /tmp/suid && ls -l /tmp/suid"]).stdout.startswith(
        b"-rws"
    )
    ran = box.exec(["/tmp/suid", "identity"], user="user", cwd="/tmp")
    assert b"euid=1000\n" in ran.stdout
    assert attempt(box, "processes", user="user")["init_attach"] == "EPERM"
    assert attempt(box, "kernel", user="user")["keyctl"] == "EPERM"
