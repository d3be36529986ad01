"""Nothing survives: whoever dies first, no process, control group or mount is left."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seatrial
from seatrial.sandbox.embedded.launcher import EmbeddedEngine
from seatrial.sandbox.errors import BoxGone
from seatrial.sandbox.sealed import SealedBoxes
from seatrial.sandbox.spec import BoxSpec, Limits

Seen = Callable[[str], list[int]]
SUPERVISOR = """
import json, sys, time
from seatrial.sandbox.sealed import SealedBoxes
from seatrial.sandbox.spec import BoxSpec
marker = sys.argv[1]
boxes = SealedBoxes()
opened = [boxes.open(BoxSpec()) for _ in range(3)]
for box in opened:
    box.spawn(["sh", "-c", f"setsid sh -c 'sleep 1000 & exec -a {marker} sleep 1000' {marker} & sleep 1000", marker])
    box.spawn(["sleep", "1000"])
time.sleep(0.3)
print(json.dumps({
    "boxes": [box.pid for box in opened],
    "zygote": boxes.engine._zygote.process.pid,
    "groups": [str(path) for path in boxes.engine.groups.roots],
}), flush=True)
time.sleep(1000)
"""


def start(marker: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(seatrial.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, marker], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def wait_until(gone: Callable[[], bool], seconds: float = 10) -> float:
    started = time.monotonic()
    while not gone():
        assert time.monotonic() - started < seconds, "something is left"
        time.sleep(0.01)
    return time.monotonic() - started


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("victim", ["supervisor", "supervisor and zygote", "zygote, then supervisor"])
def test_a_killed_supervisor_leaves_nothing(victim: str, seen_on_host: Seen) -> None:
    marker = f"left-{secrets.token_hex(6)}"
    process, facts = start(marker)
    try:
        assert len(seen_on_host(marker)) >= 3
        assert all(alive(pid) for pid in facts["boxes"])
        if victim == "zygote, then supervisor":
            os.kill(facts["zygote"], signal.SIGKILL)
            time.sleep(0.2)
        if victim == "supervisor and zygote":
            os.kill(facts["zygote"], signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    taken = wait_until(
        lambda: not seen_on_host(marker) and not any(alive(pid) for pid in [*facts["boxes"], facts["zygote"]])
    )
    assert taken < 5
    if victim == "supervisor":
        wait_until(lambda: not any(Path(folder).exists() for folder in facts["groups"]))


def test_groups_left_by_a_killed_zygote_are_swept_by_the_next_supervisor() -> None:
    marker = f"left-{secrets.token_hex(6)}"
    process, facts = start(marker)
    os.kill(facts["zygote"], signal.SIGKILL)
    process.kill()
    process.wait()
    process.stdout.close()  # type: ignore[union-attr]
    wait_until(lambda: not any(alive(pid) for pid in facts["boxes"]))
    engine = EmbeddedEngine()
    try:
        engine.open(BoxSpec()).close()
        assert not [folder for folder in facts["groups"] if Path(folder).exists()]
    finally:
        engine.close()


def test_a_dead_agent_is_a_dead_box_and_nothing_else() -> None:
    with SealedBoxes() as boxes:
        other, box = boxes.open(BoxSpec()), boxes.open(BoxSpec())
        running = box.spawn(["sleep", "1000"])
        os.kill(box.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        with pytest.raises(BoxGone):
            running.wait(10)
        with pytest.raises(BoxGone):
            box.exec(["true"])
        with pytest.raises(BoxGone):
            box.read("/etc/hostname")
        assert other.exec(["echo", "alive"]).stdout == b"alive\n"


def test_a_dead_zygote_ends_no_box_and_a_new_one_is_started() -> None:
    with SealedBoxes() as boxes:
        box = boxes.open(BoxSpec())
        os.kill(boxes.engine._zygote.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        time.sleep(0.2)
        assert box.exec(["echo", "alive"]).stdout == b"alive\n"
        assert boxes.open(BoxSpec()).exec(["echo", "fresh"]).stdout == b"fresh\n"


def test_a_lifetime_ends_the_box(seen_on_host: Seen) -> None:
    marker = f"left-{secrets.token_hex(6)}"
    with SealedBoxes() as boxes:
        box = boxes.open(BoxSpec(limits=Limits(lifetime_s=1)))
        running = box.spawn(["sh", "-c", "trap '' TERM HUP INT; sleep 1000", marker])
        with pytest.raises(BoxGone):
            running.wait(10)
        wait_until(lambda: not seen_on_host(marker))
        wait_until(lambda: box.record().end is not None)
        assert box.record().end == "watchdog"


def test_closing_ends_every_process(seen_on_host: Seen) -> None:
    marker = f"left-{secrets.token_hex(6)}"
    with SealedBoxes() as boxes:
        box = boxes.open(BoxSpec())
        box.spawn(["sh", "-c", "(setsid sleep 1000 &); trap '' TERM; sleep 1000", marker])
        wait_until(lambda: bool(seen_on_host(marker)))
        box.close()
        wait_until(lambda: not seen_on_host(marker))
        box.close()
        assert box.record().end == "closed"
