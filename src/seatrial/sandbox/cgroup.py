"""Control groups: the kernel's own bound on what a box may use.

- One group a box, for its payload only; the agent stays in its supervisor's group, so that a box at its limit
  can still be told to stop. The agent's own use is bounded by the caps of `wire`.
- Version 1 as root: one folder each under memory, pids and cpu. Version 2 where a subtree is delegated.
- A folder is named for its supervisor; the next supervisor sweeps what a dead one left.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.sandbox.spec import Limits

PREFIX = "seatrial-"
CPU_PERIOD_US = 100_000  # the kernel's default period
_CONTROLLERS = ("memory", "pids", "cpu")
_SERIAL = itertools.count()


@dataclass
class Group:
    """The control group of one box's payload."""

    folders: list[Path] = field(default_factory=list)
    lists: list[Path] = field(default_factory=list)

    def open_lists(self) -> list[int]:
        """The task lists, open for writing: who writes 0 into each of them has joined."""
        return [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in self.lists]

    def remove(self) -> bool:
        """Remove the folders; False while a process is still in one of them."""
        for folder in list(self.folders):
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return False
            self.folders.remove(folder)
        return True


class Groups:
    """Where one supervisor's control groups stand; `mode` is `cgroup1`, `cgroup2` or `rlimit` (none)."""

    def __init__(self, mode: str, bases: dict[str, Path], own_lists: list[Path]) -> None:
        self.mode = mode
        self.own_lists = [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in own_lists]
        self._numbers = itertools.count()
        self._roots: dict[str, Path] = {}
        name = f"{PREFIX}{os.getpid()}-{next(_SERIAL)}"
        for controller, base in bases.items():
            _sweep(base)
            root = base / name
            root.mkdir()
            self._roots[controller] = root
        if mode == "cgroup2":
            for root in self._roots.values():
                (root / "cgroup.subtree_control").write_text("+memory +pids +cpu")

    @property
    def roots(self) -> list[Path]:
        """The folders that hold every group of this supervisor."""
        return list(self._roots.values())

    def create(self, limits: Limits) -> Group:
        """A group with these limits in force."""
        name = f"b{next(self._numbers)}"
        group = Group()
        try:
            for controller, root in self._roots.items():
                folder = root / name
                folder.mkdir()
                group.folders.append(folder)
                for file, value in _FILES[self.mode](controller, limits):
                    _set(folder / file, value)
                group.lists.append(folder / ("tasks" if self.mode == "cgroup1" else "cgroup.procs"))
        except OSError:
            group.remove()
            raise
        return group

    def remove(self) -> None:
        """Remove the folders of this supervisor, once every box is closed."""
        while self.own_lists:
            os.close(self.own_lists.pop())
        for root in self._roots.values():
            with contextlib.suppress(OSError):
                root.rmdir()


def _version_1(controller: str, limits: Limits) -> list[tuple[str, str]]:
    return {
        "memory": [
            ("memory.limit_in_bytes", str(limits.memory_bytes)),
            ("memory.memsw.limit_in_bytes", str(limits.memory_bytes)),
        ],
        "pids": [("pids.max", str(limits.pids))],
        "cpu": [("cpu.cfs_quota_us", str(max(1000, round(limits.cpus * CPU_PERIOD_US))))],
    }[controller]


def _version_2(controller: str, limits: Limits) -> list[tuple[str, str]]:
    del controller
    return [
        ("memory.max", str(limits.memory_bytes)),
        ("memory.swap.max", "0"),
        ("pids.max", str(limits.pids)),
        ("cpu.max", f"{max(1000, round(limits.cpus * CPU_PERIOD_US))} {CPU_PERIOD_US}"),
    ]


_FILES = {"cgroup1": _version_1, "cgroup2": _version_2}
_OPTIONAL = {"memory.memsw.limit_in_bytes", "memory.swap.max"}  # absent on kernels without swap accounting


def _set(path: Path, value: str) -> None:
    try:
        with path.open("r+") as file:
            file.write(value)
    except FileNotFoundError:
        if path.name not in _OPTIONAL:
            raise


def find() -> Groups:
    """The control groups this process may make: version 2 where delegated, else version 1, else none."""
    mounts, own = _mounts(), _own_paths()
    for attempt in (_delegated_2, _writable_1):
        with contextlib.suppress(OSError, KeyError):
            return attempt(mounts, own)
    return Groups("rlimit", {}, [])


def _delegated_2(mounts: dict[str, tuple[Path, str]], own: dict[str, str]) -> Groups:
    base = _base(mounts, own, "")
    offered = set((base / "cgroup.controllers").read_text().split())
    if not offered.issuperset(_CONTROLLERS):
        raise OSError("the version 2 hierarchy does not hold these controllers")
    enabled = set((base / "cgroup.subtree_control").read_text().split())
    if not enabled.issuperset(_CONTROLLERS):
        _make_room(base)
        (base / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        return Groups("cgroup2", {"all": base}, [base / _LEAF / "cgroup.procs"])
    return Groups("cgroup2", {"all": base}, [base / "cgroup.procs"])


_LEAF = f"{PREFIX}supervisor"


def _make_room(base: Path) -> None:
    """Move the processes of a delegated group into a leaf: only a group without processes may share out limits."""
    leaf = base / _LEAF
    leaf.mkdir(exist_ok=True)
    for pid in (base / "cgroup.procs").read_text().split():
        (leaf / "cgroup.procs").write_text(pid)


def _writable_1(mounts: dict[str, tuple[Path, str]], own: dict[str, str]) -> Groups:
    bases = {controller: _base(mounts, own, controller) for controller in _CONTROLLERS}
    return Groups("cgroup1", bases, [base / "tasks" for base in bases.values()])


def _base(mounts: dict[str, tuple[Path, str]], own: dict[str, str], controller: str) -> Path:
    """The folder of this process's own group in one hierarchy."""
    point, root = mounts[controller]
    path = own[controller]
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    folder = point / path.lstrip("/")
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    return folder


def _mounts() -> dict[str, tuple[Path, str]]:
    """Controller → mount point and the part shown there; the version 2 hierarchy under the empty name."""
    found: dict[str, tuple[Path, str]] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words, _, rest = line.partition(" - ")
        fields, kind = words.split(), rest.split()
        where = (Path(fields[4]), fields[3])
        if kind[0] == "cgroup2":
            found.setdefault("", where)
        elif kind[0] == "cgroup":
            for option in kind[2].split(","):
                if option in _CONTROLLERS:
                    found.setdefault(option, where)
    return found


def _own_paths() -> dict[str, str]:
    """Controller → path of this process's group; the version 2 hierarchy under the empty name."""
    found = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path
    return found


def _sweep(base: Path) -> None:
    """Remove what supervisors that are gone have left; a folder that still holds a process stays."""
    for folder in base.glob(f"{PREFIX}[0-9]*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            with contextlib.suppress(OSError):
                for below in folder.iterdir():
                    if below.is_dir():
                        below.rmdir()
                folder.rmdir()
