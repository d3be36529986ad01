"""What this machine can do for boxes and for the work in them: each line a state, its consequence and the exact fix.

Nothing is installed or changed. What can be tried is tried (a user namespace with a fresh `/proc`, in a child), what
cannot is read from the kernel's own files.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["ok", "loss", "missing", "optional"]
COMMAND_TIMEOUT_S = 5.0
BOX_PATH = (
    "/usr/sbin:/usr/bin:/sbin:/bin"  # where a box with the host's /usr looks: /usr/local and homes are hidden there
)
FIRST_BLOCK, BLOCK = 1_000_000, 65_536
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
SYS_LANDLOCK_CREATE_RULESET = 444  # the same number on every architecture
# Debian's names; other distributions have the same programs under similar ones.
PACKAGES = {
    "gcc": "gcc libc6-dev",
    "clang": "clang",
    "git": "git",
    "make": "make",
    "ip": "iproute2",
    "gdb": "gdb",
    "tshark": "tshark",
    "cppcheck": "cppcheck",
    "flawfinder": "flawfinder",
    "valgrind": "valgrind",
    "afl-fuzz": "afl++",
    "honggfuzz": "honggfuzz",
}

# Makes the namespaces of a box in a process of its own and mounts a fresh /proc in them; exits 0, or with a step.
TRIAL = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def step(number, ok):
    if not ok:
        sys.stderr.write(os.strerror(ctypes.get_errno()))
        sys.stderr.flush()
        os._exit(number)
uid, gid = os.getuid(), os.getgid()
step(11, libc.unshare(0x10000000 | 0x20000 | 0x20000000 | 0x40000000 | 0x8000000 | 0x4000000) == 0)
try:
    open('/proc/self/setgroups', 'w').write('deny')
    open('/proc/self/gid_map', 'w').write(f'0 {gid} 1')
    open('/proc/self/uid_map', 'w').write(f'0 {uid} 1')
except OSError as error:
    ctypes.set_errno(error.errno)
    step(12, False)
child = os.fork()
if child == 0:
    step(13, libc.mount(None, b'/', None, 16384 | (1 << 18), None) == 0)
    step(14, libc.mount(b'proc', b'/proc', b'proc', 14, None) == 0)
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
STEPS = {11: "unshare", 12: "writing the id maps", 13: "making mounts private", 14: "mounting a fresh /proc"}


@dataclass(frozen=True)
class Check:
    """One finding. `missing` means that no box can be made; `loss` that something is weaker or unavailable."""

    name: str
    state: State
    found: str
    consequence: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All findings; `exit_code` is 0 usable, 1 usable with loss, 2 no box can be made."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """0, 1 or 2."""
        states = {check.state for check in self.checks}
        return 2 if "missing" in states else 1 if "loss" in states else 0

    @property
    def verdict(self) -> str:
        """The last line that a person reads."""
        return {
            0: "usable",
            1: "usable, with the losses above",
            2: "not usable: no box can be made here until the missing parts above are there",
        }[self.exit_code]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "seatrial.doctor/1",
            "exit_code": self.exit_code,
            "verdict": self.verdict,
            "checks": [asdict(check) for check in self.checks],
        }


def diagnose(root: Path = Path("/"), run: Callable[[list[str]], tuple[int, str]] | None = None) -> Diagnosis:
    """Look at this machine; `root` and `run` (a command to its exit code and text) are arguments for tests."""
    machine = _Machine(root, run or _run)
    return Diagnosis(tuple(check for look in LOOKS for check in look(machine)))


@dataclass(frozen=True)
class _Machine:
    root: Path
    run: Callable[[list[str]], tuple[int, str]]

    def text(self, path: str) -> str | None:
        try:
            return (self.root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        return (self.root / path.lstrip("/")).exists()

    def version(self, program: str, *arguments: str, path: str | None = BOX_PATH) -> str | None:
        """The first line that a program says of itself, or None when a box would not find it."""
        place = shutil.which(program, path=path)
        if place is None:
            return None
        code, text = self.run([place, *(arguments or ("--version",))])
        line = next((line.strip() for line in text.splitlines() if line.strip()), "")
        return line[:100] if code == 0 and line else "present"

    @property
    def kernel(self) -> tuple[int, int]:
        match = re.match(r"(\d+)\.(\d+)", platform.release())
        return (int(match[1]), int(match[2])) if match else (0, 0)


def _run(argv: list[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, str(error)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


# What a box is made of


def _platform(_: _Machine) -> Iterator[Check]:
    release = platform.release()
    if platform.system() != "Linux":
        yield Check(
            "platform", "missing", platform.system(), "boxes are Linux namespaces", "use a Linux VM (Lima, WSL2)"
        )
        return
    if "microsoft" in release.lower() and "WSL2" not in release:
        yield Check(
            "platform", "missing", f"WSL1 {release}", "WSL1 has no namespaces", "wsl --set-version <distribution> 2"
        )
        return
    architecture = platform.machine()
    if architecture == "x86_64":
        yield Check("platform", "ok", f"Linux {release} on {architecture}")
    else:
        yield Check(
            "platform", "loss", f"Linux {release} on {architecture}", "untested on this architecture", "use x86-64"
        )


def _kernel(machine: _Machine) -> Iterator[Check]:
    needs = (
        ((5, 12), "missing", "a box cannot make its file systems read-only as a whole", "mount_setattr"),
        ((5, 14), "loss", "process limits of boxes of one user add up", "RLIMIT_NPROC for each user namespace"),
        (
            (5, 19),
            "loss",
            "as root, an unpacked tree cannot be shown under a box's ids",
            "overlay on an id-mapped mount",
        ),
    )
    for version, state, consequence, feature in needs:
        if machine.kernel < version:
            wanted = ".".join(map(str, version))
            yield Check(f"kernel {feature}", state, platform.release(), consequence, f"boot Linux {wanted} or later")  # type: ignore[arg-type]
    if _has_filters():
        yield Check("system call filter", "ok", "seccomp")
    else:
        fix = "boot a kernel with CONFIG_SECCOMP_FILTER"
        yield Check("system call filter", "missing", "no seccomp", "a box would have no filter", fix)


def _has_filters() -> bool:
    """Whether the kernel would take a filter: asked with a bad address, so that none is loaded."""
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0) == -1 and ctypes.get_errno() == errno.EFAULT)


def _namespaces(machine: _Machine) -> Iterator[Check]:
    code, text = machine.run([sys.executable, "-I", "-S", "-c", TRIAL])
    if code == 0:
        yield Check("namespaces", "ok", "user, mount, pid, net, ipc and uts, with a fresh /proc")
        return
    step = STEPS.get(code, "starting the trial")
    reason = text.strip().splitlines()[-1][:120] if text.strip() else f"exit {code}"
    yield Check(
        "namespaces", "missing", f"{step} refused: {reason}", "no box can be made", _namespace_fix(machine, code)
    )


def _namespace_fix(machine: _Machine, code: int) -> str:
    if machine.text("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "for now: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; lasting: an AppArmor profile for "
            f"{os.path.realpath(sys.executable)} with the rule `userns,`"
        )
    if machine.text("/proc/sys/user/max_user_namespaces") == "0":
        return "sysctl -w user.max_user_namespaces=15000"
    if machine.text("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        return "sysctl -w kernel.unprivileged_userns_clone=1"
    if _in_container(machine) or code == 14:
        return (
            "inside a container: start it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined "
            "(and apparmor=unconfined where AppArmor is on); in Kubernetes hostUsers: false, or use a VM"
        )
    return "allow user namespaces on this machine"


def _in_container(machine: _Machine) -> bool:
    return machine.exists("/.dockerenv") or machine.exists("/run/.containerenv")


def _ids(machine: _Machine) -> Iterator[Check]:
    if os.geteuid() == 0:
        top = _widest(machine.text("/proc/self/uid_map") or "")
        if top >= FIRST_BLOCK + BLOCK:
            yield Check("user ids", "ok", f"root: blocks of {BLOCK} ids from {FIRST_BLOCK} on, one for each box")
        else:
            yield Check(
                "user ids", "missing", f"root of a namespace with ids up to {top}", "no block of ids for a box",
                "run as an ordinary user, or give the outer container more ids",
            )  # fmt: skip
        return
    name = os.environ.get("USER") or str(os.geteuid())
    tools = all(shutil.which(tool) for tool in ("newuidmap", "newgidmap"))
    ranges = all(_has_range(machine.text(path) or "", name) for path in ("/etc/subuid", "/etc/subgid"))
    if tools and ranges:
        yield Check("user ids", "ok", f"a range of ids for {name}")
        return
    missing = [] if tools else ["apt-get install uidmap"]
    missing += [] if ranges else [f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"]
    yield Check(
        "user ids", "loss", "no range of ids for this user", "one user in a box: programs cannot switch users there",
        "; ".join(missing),
    )  # fmt: skip


def _widest(uid_map: str) -> int:
    spans = [[int(word) for word in line.split()] for line in uid_map.splitlines() if len(line.split()) == 3]
    return max((inner + length for inner, _, length in spans), default=0)


def _has_range(table: str, name: str) -> bool:
    rows = [line.split(":") for line in table.splitlines()]
    owners = {name, str(os.geteuid())}
    return any(len(row) == 3 and row[0] in owners and row[2].isdecimal() and int(row[2]) >= BLOCK for row in rows)


def _groups(machine: _Machine) -> Iterator[Check]:
    mode = _control_groups(machine)
    if mode:
        yield Check("control groups", "ok", mode)
        return
    yield Check(
        "control groups", "loss", "none that we may write",
        "limits are rlimits: no share of the processor; memory is watched, not capped, so short bursts go unseen",
        "run under: systemd-run --user --scope -p Delegate=yes <command>",
    )  # fmt: skip


def _control_groups(machine: _Machine) -> str:
    """Which control groups this process may use, or nothing."""
    base = machine.root / "sys/fs/cgroup"
    if (base / "cgroup.controllers").is_file():
        own = next(
            (line[3:] for line in (machine.text("/proc/self/cgroup") or "").splitlines() if line.startswith("0::")), ""
        )
        folder = base / own.lstrip("/")
        controllers = set((machine.text(f"/sys/fs/cgroup/{own.lstrip('/')}/cgroup.controllers") or "").split())
        writable = os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)
        return "version 2, delegated" if writable and {"memory", "pids"} <= controllers else ""
    ours = [name for name in ("memory", "pids", "cpu") if os.access(base / name, os.W_OK)]
    return f"version 1: {', '.join(ours)}" if {"memory", "pids"} <= set(ours) else ""


def _links(machine: _Machine) -> Iterator[Check]:
    version = machine.version("ip", "-V", path=None)
    if version:
        yield Check("private networks", "ok", version)
    else:
        yield Check("private networks", "loss", "no ip", "no ranges of several boxes", "apt-get install iproute2")


def _memory(machine: _Machine) -> Iterator[Check]:
    match = re.search(r"MemAvailable:\s+(\d+) kB", machine.text("/proc/meminfo") or "")
    available = int(match[1]) * 1024 if match else 0
    boxes = max(1, int(0.75 * available / 2**30))
    state: State = "ok" if available >= 2 * 2**30 else "loss"
    consequence = "" if state == "ok" else "boxes of the usual size run one at a time"
    fix = "" if state == "ok" else "free some memory, or use a larger machine"
    yield Check(
        "memory",
        state,
        f"{available / 2**30:.1f} GiB free, {os.cpu_count()} processors: {boxes} boxes of 1 GiB",
        consequence,
        fix,
    )


# What the work in the boxes needs


def _compilers(machine: _Machine) -> Iterator[Check]:
    gcc = machine.version("gcc")
    if not gcc:
        yield Check(
            "gcc", "loss", "not found", "no generated C programs, no replays", f"apt-get install {PACKAGES['gcc']}"
        )
    else:
        _, path = machine.run(["gcc", "-print-file-name=libasan.so"])
        if path.strip().startswith("/"):
            yield Check("gcc", "ok", f"{gcc}, with AddressSanitizer")
        else:
            yield Check(
                "gcc",
                "loss",
                f"{gcc}, without AddressSanitizer",
                "no memory faults can be graded",
                "apt-get install libasan8",
            )
    clang = machine.version("clang")
    yield Check("clang", "ok", clang) if clang else _optional("clang", "a second compiler, and libFuzzer")


def _tools(machine: _Machine) -> Iterator[Check]:
    for name, use in (("git", "histories in challenges"), ("make", "building"), ("python3", "challenges in Python")):
        version = machine.version(name)
        if version:
            yield Check(name, "ok", version)
        else:
            yield Check(name, "loss", "not found", f"needed for {use}", f"apt-get install {PACKAGES.get(name, name)}")
    for name, use in (
        ("cppcheck", "the static baseline"),
        ("flawfinder", "the static baseline"),
        ("gdb", "debugging in boxes"),
        ("valgrind", "a second opinion on memory faults"),
        ("afl-fuzz", "a fuzzing baseline"),
        ("honggfuzz", "a fuzzing baseline"),
        ("tshark", "an independent reader of captures in tests"),
    ):
        version = machine.version(name, "-V") if name == "honggfuzz" else machine.version(name)
        yield Check(name, "ok", version) if version else _optional(name, use)


def _optional(name: str, use: str) -> Check:
    return Check(name, "optional", "not found", f"would serve as {use}", f"apt-get install {PACKAGES.get(name, name)}")


def _engines(machine: _Machine) -> Iterator[Check]:
    for name, use, fix in (
        ("podman", "a second engine for cross-checks", "apt-get install podman"),
        ("docker", "a second engine for cross-checks", "install Docker Engine 24.0.6 or later"),
        ("runsc", "level 3, a kernel in user space", "install gVisor"),
    ):
        version = machine.version(name, path=None)
        if version is None:
            yield Check(name, "optional", "not found", f"would serve as {use}", fix)
        elif name == "docker" and not machine.exists("/var/run/docker.sock"):
            yield Check(
                name, "optional", f"{version}, no engine running", f"would serve as {use}", "systemctl start docker"
            )
        else:
            yield Check(name, "ok", version)


def _level(machine: _Machine) -> Iterator[Check]:
    guest = re.search(r"^flags\s*:.*\bhypervisor\b", machine.text("/proc/cpuinfo") or "", re.MULTILINE)
    if guest:
        yield Check("hypervisor flag", "ok", "set: this machine is a guest")
    else:
        yield Check(
            "hypervisor flag", "optional", "not set", "level 4 cannot be declared: no virtual machine around the boxes",
            "run the whole worker in a disposable VM for reviews of a frontier model",
        )  # fmt: skip
    kvm = machine.exists("/dev/kvm")
    yield (
        Check("/dev/kvm", "ok", "there")
        if kvm
        else Check("/dev/kvm", "optional", "absent", "no virtual machines from here", "none needed")
    )
    abi = ctypes.CDLL(None).syscall(SYS_LANDLOCK_CREATE_RULESET, None, 0, 1)
    if abi > 0:
        yield Check("Landlock", "ok", f"ABI {abi}")
    else:
        yield Check(
            "Landlock", "optional", "not in this kernel", "no second layer on files", "boot with lsm=landlock,…"
        )


LOOKS: tuple[Callable[[_Machine], Iterator[Check]], ...] = (
    _platform, _kernel, _namespaces, _ids, _groups, _links, _memory, _compilers, _tools, _engines, _level,
)  # fmt: skip
