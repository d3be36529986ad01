"""Deliberate holes: engines that are each broken in one way, and a preflight that must refuse every one of them.

A mutation is code appended to a copy of the engine's inside, or an override of a plan, made here and reachable from
nowhere else. In a box with a hole only the preflight's own probes ever run, and they open, look and close.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.sandbox.embedded import zygote
from seatrial.sandbox.embedded.launcher import EmbeddedEngine
from seatrial.sandbox.errors import NotSealed
from seatrial.sandbox.preflight import preflight
from seatrial.sandbox.sealed import SealedBoxes
from seatrial.sandbox.spec import BoxSpec

if TYPE_CHECKING:
    from seatrial.sandbox.embedded.box import EmbeddedBox

Plan = dict[str, Any]
AS_ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Hole:
    """One broken engine: code appended to modules of the inside, a change of the plan, and what must notice."""

    name: str
    noticed_by: str
    inside: tuple[tuple[str, str], ...] = ()
    plan: Callable[[Plan], Plan] = lambda plan: plan
    opened: Callable[[EmbeddedBox], None] | None = None
    root_only: bool = False
    zygote_environment: tuple[tuple[str, str], ...] = ()


TAKE = """
_complete = _Held.__init__
def _with_hole(self, *, with_host):
    _complete(self, with_host=with_host)
    self.{where}[{place!r}] = clone_tree({path!r})
_Held.__init__ = _with_hole
"""
EXTRA_DESCRIPTOR = """
_kept = _keep
def _keep(streams, control):
    number = _kept(streams, control)
    os.set_inheritable(os.open("/", os.O_PATH), True)
    return number
"""
OWN_PROC = """
_fresh = detached
def detached(kind, attributes, **options):
    return clone_tree("/proc", attributes) if kind == "proc" else _fresh(kind, attributes, **options)
"""
ONE_NETWORK = """
_alone = main
def main(control):
    namespaces.unshare(namespaces.CLONE_NEWNET)
    namespaces._up("lo")
    _alone(control)
"""
NO_GROUP = """
_limited = Setting.join
def _join(self):
    self.cgroup = []
    _limited(self)
Setting.join = _join
"""
RESOLVER = """
_plain = _put
def _put(path, content, mode=0o644):
    _plain(path, "nameserver 127.0.0.1\\n" if path.endswith("resolv.conf") else content, mode)
"""
READABLE = """
_closed = Agent.serve
def _readable(self):
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    _closed(self)
Agent.serve = _readable
"""
NO_LINK_WORK = "def interface_up(*_arguments, **_options): pass\ndef quieten_network(*_arguments): pass\n"


def _take(where: str, place: str, path: str) -> tuple[tuple[str, str], ...]:
    return (("mounts.py", TAKE.format(where=where, place=place, path=path)),)


def _uplink(box: EmbeddedBox) -> None:
    """A cable from the box to a test network of our own, with a default route."""
    name = f"hole{box.pid}"[:15]
    inside = ["nsenter", f"--net=/proc/{box.pid}/ns/net"]
    commands = (
        ["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(box.pid)],
        [*inside, "ip", "address", "add", "10.99.0.2/24", "dev", "eth0"],
        [*inside, "ip", "link", "set", "eth0", "up"],
        ["ip", "link", "set", name, "up"],
        [*inside, "ip", "route", "add", "default", "via", "10.99.0.1", "onlink", "dev", "eth0"],
    )
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)


HOLES = (
    Hole(
        "no network namespace", "network.host_tcp",
        inside=(("namespaces.py", "BOX &= ~CLONE_NEWNET\n" + NO_LINK_WORK),),
    ),
    Hole("no ipc namespace", "host.ipc", inside=(("namespaces.py", "BOX &= ~CLONE_NEWIPC\n"),)),
    Hole("no control group namespace", "host.namespaces", inside=(("agent.py", "namespaces.CLONE_NEWCGROUP = 0\n"),)),
    Hole("no filter", "kernel.calls", inside=(("filter.py", "def load(code): pass\n"),)),
    Hole("a filter without its list of keys", "kernel.calls", inside=(("filter.py", "DENIED.pop('keys')\n"),)),
    Hole("a filter that lets vsock through", "network.vsock", inside=(("filter.py", "FAMILIES['vsock'] = 40\n"),)),
    Hole(
        "a filter that lets namespaces through clone", "kernel.calls",
        inside=(("filter.py", "NAMESPACE_FLAGS = 0x80000000\n"),),
    ),
    Hole("the host's /proc", "host.processes", inside=(("mounts.py", OWN_PROC),)),
    Hole(
        "the host's root inside", "resources.ids",
        plan=lambda plan: {**plan, "uids": [[0, 0, 65536]], "gids": [[0, 0, 65536]]}, root_only=True,
    ),
    Hole("a proxy in the environment", "host.environment", plan=lambda plan: {**plan, "env": {"no_proxy": "*"}}),
    Hole("a key in the environment", "host.environment", plan=lambda plan: {**plan, "env": {"SOME_API_KEY": "none"}}),
    Hole("a key in the zygote", "host.secrets", zygote_environment=(("SOME_API_KEY", "none"),)),
    Hole("a socket of the host", "host.mounts", inside=_take("files", "run/engine.sock", "SOCKET")),
    Hole("a folder of the host, writable", "host.mounts", inside=_take("folders", "mnt", "FOLDER")),
    Hole("the control groups in view", "host.mounts", inside=_take("folders", "mnt", "/sys/fs/cgroup")),
    Hole("sysfs in view", "host.mounts", inside=_take("folders", "mnt", "/sys")),
    Hole("all devices in view", "host.mounts", inside=_take("folders", "mnt", "/dev")),
    Hole(
        "an administrator's capability", "resources.capabilities",
        plan=lambda plan: {**plan, "capabilities": plan["capabilities"] | 1 << 21},
    ),
    Hole("an inherited descriptor", "host.descriptors", inside=(("payload.py", EXTRA_DESCRIPTOR),)),
    Hole(
        "a network shared by siblings", "sibling.sockets",
        inside=(
            ("namespaces.py", "BOX &= ~CLONE_NEWNET\n_up = interface_up\n" + NO_LINK_WORK),
            ("zygote.py", ONE_NETWORK),
        ),
        root_only=True,
    ),
    Hole("no place in the control group", "resources.cgroup", inside=(("payload.py", NO_GROUP),), root_only=True),
    Hole("no limits", "resources.limits", plan=lambda plan: {**plan, "rlimits": {}}),
    Hole("a writable /proc/sys", "kernel.write", inside=(("mounts.py", "READ_ONLY_PROC = ()\n"),)),
    Hole("kernel symbols in view", "kernel.read", inside=(("mounts.py", "EMPTY_PROC = ()\n"),)),
    Hole("a resolver", "network.names", inside=(("mounts.py", RESOLVER),)),
    Hole("an agent that can be read", "agent.tracing", inside=(("agent.py", READABLE),)),
    Hole("an uplink", "network.interfaces", opened=_uplink, root_only=True),
)  # fmt: skip


class Mutant(EmbeddedEngine):
    """An engine with one hole; its own guard of the id map is off, so that the preflight has to notice."""

    def __init__(self, hole: Hole) -> None:
        super().__init__()
        self.hole = hole

    def _plan(self, box: EmbeddedBox, *arguments: str) -> dict[str, object]:
        return self.hole.plan(super()._plan(box, *arguments))

    def _guard_root(self, box: EmbeddedBox) -> None:
        """Off."""

    def open(self, spec: BoxSpec) -> EmbeddedBox:
        box = super().open(spec)
        if self.hole.opened:
            self.hole.opened(box)
        return box


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter, so that nothing but a boundary hides what is in it."""
    with tempfile.TemporaryDirectory(prefix="seatrial-hole-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def mutate(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Hole], Mutant]]:
    engines: list[Mutant] = []
    tmp_path = open_folder
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    (tmp_path / "folder").mkdir()
    listener.bind(str(tmp_path / "socket"))
    listener.listen(1)

    def make(hole: Hole) -> Mutant:
        copy = tmp_path / "engine" / "inside"
        shutil.copytree(Path(zygote.__file__).parent / "inside", copy)
        for name, code in hole.inside:
            text = code.replace("'SOCKET'", repr(str(tmp_path / "socket"))).replace(
                "'FOLDER'", repr(str(tmp_path / "folder"))
            )
            with (copy / name).open("a") as module:
                module.write(f"\n\n{text}")
        monkeypatch.setattr(zygote, "_PROGRAM", copy / "__main__.py")

        def started(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
            return subprocess.Popen(*arguments, **{**options, "env": dict(hole.zygote_environment)})

        monkeypatch.setattr(zygote, "subprocess", SimpleNamespace(**{**vars(subprocess), "Popen": started}))
        engines.append(Mutant(hole))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()
    listener.close()


NO_HOLE = Hole("no hole", "")


@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.name.replace(" ", "-"))
def test_a_hole_is_refused(hole: Hole, mutate: Callable[[Hole], Mutant]) -> None:
    if hole.root_only and not AS_ROOT:
        pytest.skip("this hole needs root to be made")
    engine = mutate(hole)
    record = preflight(engine, BoxSpec())
    assert not record.sealed
    assert hole.noticed_by in {result.id for result in record.failures if result.verdict == "open"}, record.why()
    with pytest.raises(NotSealed) as refused:
        SealedBoxes(engine).open(BoxSpec())
    assert refused.value.record is not None


def test_the_same_copy_without_a_hole_is_sealed(mutate: Callable[[Hole], Mutant]) -> None:
    record = preflight(mutate(NO_HOLE), BoxSpec())
    assert record.sealed, record.why()


def test_at_least_ten_holes() -> None:
    assert len({hole.name for hole in HOLES}) >= 10
