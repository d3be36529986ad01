"""Nothing survives: whoever is killed and when, every process, group, id block and descriptor is free again."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.sandbox import BoxGone, BoxSpec, Limits, RangeHost, RangeSpec, Unavailable
from seatrial.sandbox.embedded.launcher import EmbeddedEngine
from seatrial.sandbox.ids import FIRST, IdBlocks
from seatrial.sandbox.loop import Loop

if TYPE_CHECKING:
    from seatrial.sandbox.embedded.box import EmbeddedBox

SUPERVISOR = """
import json, sys, time
from seatrial.sandbox import BoxSpec, RangeHost, RangeSpec
from seatrial.sandbox.embedded.launcher import EmbeddedEngine
engine = EmbeddedEngine()
boxes = [engine.open(BoxSpec()) for _ in range(3)]
boxes += engine.open_range(RangeSpec((RangeHost("one"), RangeHost("two")))).values()
for box in boxes:
    box.spawn(["sleep", "3600"])
    box.exec(["sh", "-c", "setsid sh -c 'trap : TERM INT HUP; while :; do sleep 1; done' >/dev/null 2>&1 &"])
roots = [str(root) for root in engine.groups.roots]
print(json.dumps([[box.pid for box in boxes], engine._zygote.process.pid, roots]), flush=True)
time.sleep(3600)
"""


@pytest.fixture
def engine() -> Iterator[EmbeddedEngine]:
    try:
        made = EmbeddedEngine()
        made.open(BoxSpec()).close()
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield made
    made.close()


def eventually(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def processes_of(pid: int) -> list[int]:
    """Every process in the pid namespace of `pid`."""
    space = Path(f"/proc/{pid}/ns/pid").readlink()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if (entry / "ns/pid").readlink() == space:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("victims", [("supervisor",), ("zygote", "supervisor"), ("supervisor", "zygote")])
def test_a_killed_supervisor_takes_everything_along(victims: tuple[str, ...], engine: EmbeddedEngine) -> None:
    del engine  # shows that boxes can be made here
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        firsts, zygote, roots = json.loads(supervisor.stdout.readline())
        processes = [pid for first in firsts for pid in processes_of(first)]
        assert len(processes) >= 5 * 4  # agent, shim, and the sleeping ones
        for victim in victims:
            os.kill(zygote if victim == "zygote" else supervisor.pid, signal.SIGKILL)
        assert eventually(lambda: not any(map(alive, processes)), 3)
    assert eventually(lambda: not alive(zygote), 3)
    if "zygote" in victims:
        EmbeddedEngine().close()  # nobody was left to remove the groups: the next supervisor does
    assert eventually(lambda: not any(Path(root).exists() for root in roots), 3)


def test_a_killed_zygote_ends_no_box_and_is_replaced(engine: EmbeddedEngine) -> None:
    with engine.open(BoxSpec()) as box:
        assert engine._zygote is not None
        engine._zygote.process.kill()
        engine._zygote.process.wait()
        assert box.exec(["echo", "alive"]).stdout == b"alive\n"
        assert eventually(lambda: engine._zygote is not None and not engine._zygote.alive)
        with engine.open(BoxSpec()) as other:
            assert other.exec(["echo", "new"]).stdout == b"new\n"


def test_a_killed_agent_is_a_gone_box(engine: EmbeddedEngine) -> None:
    box = engine.open(BoxSpec())
    service = box.spawn(["sleep", "3600"])
    processes = processes_of(box.pid)
    os.kill(box.pid, signal.SIGKILL)
    with pytest.raises(BoxGone):
        service.wait(5)
    with pytest.raises(BoxGone):
        box.exec(["true"])
    assert eventually(lambda: not any(map(alive, processes)))
    assert box.record().end == "gone"
    box.close()


def test_a_command_that_cannot_be_killed_costs_the_box(engine: EmbeddedEngine) -> None:
    if os.geteuid() != 0:
        pytest.skip("stopping an agent from outside needs root")
    box = engine.open(BoxSpec())
    os.kill(box.pid, signal.SIGSTOP)  # from outside; inside, PID 1 cannot be stopped
    result = box.exec(["sleep", "3600"], timeout_s=0.2)
    assert result.timed_out
    assert eventually(box.closed.done, 10)
    assert box.record().end == "watchdog"


def take_over(box: EmbeddedBox, ours: socket.socket, spoken: socket.socket) -> None:
    """Make the agent's words the test's; in one step of the loop, for the agent leaves when it is not heard."""
    box.loop.unwatch(spoken.fileno())
    os.dup2(ours.fileno(), spoken.fileno(), inheritable=False)
    box.channel.listen()


def test_an_agent_that_says_something_strange_costs_the_box(engine: EmbeddedEngine) -> None:
    for message in (
        b"\xff",
        b'{"op":"gone","id":99,"rc":0}',
        b'{"op":"ready"}',
        b'{"op":"born","id":1,"pid":1}',
        b"x" * 70_000,
    ):
        box = engine.open(BoxSpec())
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        spoken = box.channel._ours
        with ours, theirs:
            theirs.send(message)
            engine.loop.submit(partial(take_over, box, ours, spoken))
            assert eventually(lambda box=box: box.record().end == "gone"), message  # type: ignore[misc]
        with pytest.raises(BoxGone):
            box.exec(["true"])
        box.close()


def state(engine: EmbeddedEngine) -> dict[str, object]:
    """Everything a box could leave behind in its supervisor, its zygote and the machine."""
    assert engine._zygote is not None
    zygote = engine._zygote.process.pid
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - the listing's own descriptor counts alike
        "descriptors of the zygote": len(os.listdir(f"/proc/{zygote}/fd")) if os.geteuid() == 0 else 0,  # noqa: PTH208
        "children of the zygote": Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split(),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "groups": [folder.name for root in engine.groups.roots for folder in root.iterdir() if folder.is_dir()],
        "id blocks": engine.blocks.held if engine.blocks else 0,
        "boxes": len(engine._boxes),
        "timers": len(engine.loop._timers),
        "watched": len(engine.loop._watched),
    }


def one_life(engine: EmbeddedEngine, dice: random.Random) -> None:
    """Open a box, do something with it, end it in one of many ways."""
    if dice.random() < 0.1:
        boxes = list(engine.open_range(RangeSpec((RangeHost("one"), RangeHost("two")))).values())
    else:
        boxes = [engine.open(BoxSpec())]
    for box in boxes:
        deed = dice.randrange(7)
        try:
            if deed == 0:
                box.exec(["true"])
            elif deed == 1:
                box.spawn(["sh", "-c", "sleep 3600 & sleep 3600"])
            elif deed == 2:
                box.place("/opt/x", {"a": (b"x", 0o644)})
            elif deed == 3:
                box.exec(["sleep", "3600"], timeout_s=0.01)
            elif deed == 4:
                box.spawn(["sleep", "3600"])
                os.kill(box.pid, signal.SIGKILL)
                box.write("/tmp/x", b"1")
            elif deed == 5:
                os.kill(box.pid, signal.SIGKILL)
        except BoxGone:
            assert deed in {4, 5}
        box.close()


@pytest.mark.parametrize("lives", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_boxes_leave_nothing(lives: int, engine: EmbeddedEngine) -> None:
    one_life(engine, random.Random(0))
    assert eventually(lambda: state(engine)["children of the zygote"] == [])
    before = state(engine)
    dice = random.Random(lives)
    for _ in range(lives):
        one_life(engine, dice)
    assert eventually(lambda: state(engine) == before), (before, state(engine))


def test_blocks_of_ids_are_never_shared(tmp_path: Path) -> None:
    first, second = IdBlocks((tmp_path,)), IdBlocks((tmp_path,))  # as two supervisors have them
    held = [blocks.reserve() for blocks in (first, second) * 50]
    assert len(set(held)) == 100
    assert min(held) >= FIRST
    first.release(held[0])
    assert first.held == 49
    second.close()
    again = [first.reserve() for _ in range(51)]
    assert not set(again) & set(held[2::2])
    first.close()


def test_a_loop_survives_its_callbacks(caplog: pytest.LogCaptureFixture) -> None:
    loop = Loop("test")
    seen: list[str] = []
    loop.submit(lambda: seen.append(str(1 / 0)))
    loop.submit(lambda: loop.later(0.02, lambda: seen.append("late")) and None)
    loop.submit(lambda: loop.later(0.01, lambda: seen.append("never")).cancel())
    loop.submit(lambda: seen.append("soon"))
    assert eventually(lambda: seen == ["soon", "late"])
    assert "ZeroDivisionError" in caplog.text
    loop.close()


def test_an_engine_closes_twice_and_then_refuses() -> None:
    try:
        made = EmbeddedEngine()
        box = made.open(BoxSpec(limits=Limits(pids=50)))
    except Unavailable as reason:
        pytest.skip(str(reason))
    made.close()
    made.close()
    with pytest.raises(BoxGone):
        box.exec(["true"])
    with pytest.raises(BoxGone):
        made.open(BoxSpec())
