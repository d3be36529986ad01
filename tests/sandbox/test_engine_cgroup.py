"""Control groups: what is written where. Version 2 is tried on a made folder only: this says nothing of a kernel's."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.sandbox import BoxSpec, Limits, Profile, Unavailable, cgroup, watchdog
from seatrial.sandbox.embedded.launcher import EmbeddedEngine

MIB = 1024 * 1024


@pytest.fixture
def engine() -> Iterator[EmbeddedEngine]:
    try:
        made = EmbeddedEngine()
        made.open(BoxSpec()).close()
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield made
    made.close()


def test_limits_are_in_force_in_the_kernel(engine: EmbeddedEngine) -> None:
    if engine.groups.mode != "cgroup1":
        pytest.skip(f"limits are kept by {engine.groups.mode} here")
    limits = Limits(memory_bytes=64 * MIB, pids=77, cpus=0.25)
    with engine.open(BoxSpec(limits=limits)) as box:
        service = box.spawn(["sh", "-c", "echo up; exec sleep 60"])
        assert next(service.lines()) == b"up"
        memory, pids, cpu = box.group.folders
        assert (memory / "memory.limit_in_bytes").read_text() == f"{64 * MIB}\n"
        assert (pids / "pids.max").read_text() == "77\n"
        assert (cpu / "cpu.cfs_quota_us").read_text() == "25000\n"
        for folder in (memory, pids, cpu):
            inside = {int(word) for word in (folder / "tasks").read_text().split()}
            assert len(inside) == 2  # the shim and the command
            assert box.pid not in inside
        seen = box.exec(["cat", "/proc/self/cgroup"]).stdout.decode()
        assert all(line.endswith(":/") for line in seen.splitlines())  # no name of ours shows
        service.kill()


def test_processor_time_is_bounded(engine: EmbeddedEngine) -> None:
    if engine.groups.mode == "rlimit":
        pytest.skip("no control group bounds processor time here")
    with engine.open(BoxSpec(limits=Limits(cpus=0.1))) as box:
        code = "import time\nt=time.monotonic()\nwhile time.monotonic()-t<1:pass\nprint(time.process_time())"
        assert float(box.exec(["python3", "-c", code]).stdout) < 0.5


@pytest.mark.slow
def test_three_bombs_leave_the_neighbour_alone(engine: EmbeddedEngine) -> None:
    small = Limits(pids=100, memory_bytes=128 * MIB, cpus=0.2, disk_bytes=64 * MIB)
    bombs = [
        "f(){ f|f& };f; sleep 60",
        "python3 -c 'x=bytearray(10**9)'; sleep 60",
        "while :; do cat /dev/zero > big; done",
    ]
    with engine.open(BoxSpec()) as neighbour:

        def median() -> float:
            times = []
            for _ in range(21):
                started = time.monotonic()
                assert neighbour.exec(["true"]).returncode == 0
                times.append(time.monotonic() - started)
            return sorted(times)[10]

        quiet = median()
        attackers = [engine.open(BoxSpec(limits=small)) for _ in bombs]
        for box, bomb in zip(attackers, bombs, strict=True):
            box.spawn(["sh", "-c", bomb])
        time.sleep(0.5)
        loud = median()
        started = time.monotonic()
        for box in attackers:
            box.close()
        assert time.monotonic() - started < 3  # 0.14 s on an idle machine
    assert loud < quiet * 10 + 0.05  # orders of magnitude only: the benchmark states the rest


def test_a_spec_may_insist_on_control_groups(engine: EmbeddedEngine) -> None:
    spec = BoxSpec(profile=Profile(needs_cgroup=True))
    if engine.groups.mode == "rlimit":
        with pytest.raises(Unavailable, match="control groups"):
            engine.open(spec)
    else:
        engine.open(spec).close()


@pytest.fixture
def made_version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    base = tmp_path / "user.slice/run.scope"
    base.mkdir(parents=True)
    (base / "cgroup.controllers").write_text("cpu memory pids\n")
    (base / "cgroup.subtree_control").write_text("")
    (base / "cgroup.procs").write_text(f"{os.getpid()}\n")
    monkeypatch.setattr(cgroup, "_mounts", lambda: {"": (tmp_path, "/")})
    monkeypatch.setattr(cgroup, "_own_paths", lambda: {"": "/user.slice/run.scope"})
    monkeypatch.setattr(cgroup, "_set", lambda path, value: path.write_text(value))
    return base


def test_a_delegated_version_2_tree_is_used(made_version_2: Path) -> None:
    groups = cgroup.find()
    assert groups.mode == "cgroup2"
    assert (made_version_2 / "seatrial-supervisor/cgroup.procs").read_text() == str(os.getpid())  # moved to a leaf
    assert (made_version_2 / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    (root,) = groups.roots
    assert (root / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    group = groups.create(Limits(memory_bytes=64 * MIB, pids=5, cpus=1.5))
    (folder,) = group.folders
    wanted = {"memory.max": str(64 * MIB), "memory.swap.max": "0", "pids.max": "5", "cpu.max": "150000 100000"}
    assert {name: (folder / name).read_text() for name in wanted} == wanted
    assert group.lists == [folder / "cgroup.procs"]
    assert not group.remove()  # this folder is no kernel's: its files keep it from being removed
    assert folder.exists()


def test_what_a_dead_supervisor_left_is_swept(tmp_path: Path) -> None:
    dead, living, foreign = (tmp_path / name for name in ("seatrial-4194999-0", f"seatrial-{os.getpid()}-7", "other-1"))
    for folder in (dead, living, foreign):
        (folder / "b0").mkdir(parents=True)
    cgroup._sweep(tmp_path)
    assert not dead.exists()
    assert (living / "b0").exists()
    assert (foreign / "b0").exists()


def test_the_watchdog_counts_what_a_box_occupies(engine: EmbeddedEngine) -> None:
    with engine.open(BoxSpec()) as box:
        hold = "x = bytearray(50_000_000)\nprint('held', flush=True)\nimport time\ntime.sleep(60)"
        service = box.spawn(["sh", "-c", f"python3 -c '{hold.replace(chr(39), chr(34))}'; :"])
        assert next(service.lines()) == b"held"
        assert len(watchdog.descendants(box.pid)) >= 2
        assert watchdog.exceeds(box.pid, 40_000_000)
        assert not watchdog.exceeds(box.pid, 400_000_000)
        service.kill()
    assert watchdog.descendants(box.pid) == []
    assert not watchdog.exceeds(box.pid, 1)
