"""What a box costs: to make, to run commands in, to end; alone, twenty at once, in a private network.

    python benchmarks/sandbox.py [rounds]

Prints the machine and its load first: figures of a loaded machine are several times those of an idle one. Compared
with podman and docker where one of them is installed and works.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.sandbox import BoxSpec, RangeHost, RangeSpec
from seatrial.sandbox.embedded.launcher import EmbeddedEngine
from seatrial.sandbox.preflight import door_check, preflight

if TYPE_CHECKING:
    from seatrial.sandbox.embedded.box import EmbeddedBox

ROUNDS = 30
CLEAR_MS = 20.0  # a box from nothing to its first finished command, median, as root
CLEAR_CPU_MS = 10.0  # processor time of opening, one command and closing: what the gate's budget assumes
PARALLEL_MS = 80.0 * 1.5
IMAGE = "debian:12-slim"


def main() -> None:
    """Measure everything and print it."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    machine()
    engine = EmbeddedEngine()
    print(f"limits {engine.groups.mode}, ids a box {engine.ids}, rounds {rounds}, times in milliseconds")
    try:
        alone(engine, rounds)
        parallel(engine)
        ranges(engine)
        sizes(engine)
    finally:
        engine.close()
    for tool in ("podman", "docker"):
        others(tool)


def machine() -> None:
    """Who measured this, and how busy it was."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "?: ?")
    print(f"{model.partition(': ')[2]}, {os.cpu_count()} processors, kernel {platform.release()}")
    print(f"python {platform.python_version()}, user id {os.geteuid()}, load {' '.join(map(str, os.getloadavg()))}")


def timed(name: str, rounds: int, work: Callable[[], object], clear: float | None = None) -> float:
    """Median, tenth and ninetieth percentile of `work`."""
    work()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    middle = statistics.median(times)
    verdict = "" if clear is None else f"  {'clears' if middle <= clear else 'MISSES'} {clear:g}"
    print(f"{name:42} {middle:8.2f}   ({times[len(times) // 10]:.2f} to {times[len(times) * 9 // 10]:.2f}){verdict}")
    return middle


def alone(engine: EmbeddedEngine, rounds: int) -> None:
    """One box at a time."""
    opened: list[EmbeddedBox] = []

    def first_command() -> None:
        opened.append(engine.open(BoxSpec()))
        opened[-1].exec(["/bin/true"])

    timed("start to first command finished", rounds, first_command, CLEAR_MS)
    timed("end of a box", len(opened), lambda: opened.pop().close() if opened else None)
    timed("open and close", rounds, lambda: engine.open(BoxSpec()).close())
    with engine.open(BoxSpec()) as box:
        timed("a later command", rounds, lambda: box.exec(["/bin/true"]))
        timed("read of a small file", rounds, lambda: box.read("/etc/passwd"))
        timed("write of a small file", rounds, lambda: box.write("/tmp/x", b"x"))
        timed("write and read of 50 MiB", 3, lambda: (box.write("/tmp/big", bytes(50 << 20)), box.read("/tmp/big")))
        tree = {f"d{n % 20}/f{n}": (os.urandom(2500), 0o644) for n in range(400)}
        timed("place of 400 files, 1 MB", rounds, lambda: box.place("/opt/task", tree))
        timed("the door check of a box", rounds, lambda: door_check(box))
    timed("a whole preflight", 3, lambda: preflight(engine, BoxSpec()))
    processor_time(rounds)


def processor_time(rounds: int) -> None:
    """Processor time of whole lives, this process and every process of the boxes together."""
    group = Path("/sys/fs/cgroup/cpuacct") / f"bench-{os.getpid()}"
    try:
        group.mkdir()
        (group / "cgroup.procs").write_text(str(os.getpid()))
    except OSError:
        print("processor time of a life                   not measured: no cpuacct group can be made here")
        return
    counting = EmbeddedEngine()  # its zygote, and so its boxes, are born into the group
    try:
        counting.open(BoxSpec()).close()
        before = int((group / "cpuacct.usage").read_text())
        for _ in range(rounds):
            with counting.open(BoxSpec()) as box:
                box.exec(["/bin/true"])
        spent = (int((group / "cpuacct.usage").read_text()) - before) / rounds / 1e6
        verdict = "clears" if spent <= CLEAR_CPU_MS else "MISSES"
        print(f"{'processor time of open, command, close':42} {spent:8.2f}   {verdict} {CLEAR_CPU_MS:g}")
    finally:
        counting.close()
        (group.parent / "cgroup.procs").write_text(str(os.getpid()))
        group.rmdir()


def parallel(engine: EmbeddedEngine) -> None:
    """Twenty boxes opened at once, each with one command."""

    def life(_: int) -> None:
        with engine.open(BoxSpec()) as box:
            box.exec(["/bin/true"])

    with ThreadPoolExecutor(20) as pool:
        timed("20 boxes at once, first commands finished", 10, lambda: list(pool.map(life, range(20))), PARALLEL_MS)


def ranges(engine: EmbeddedEngine) -> None:
    """Private networks."""
    for count in (5, 10):
        spec = RangeSpec(tuple(RangeHost(f"h{number}") for number in range(count)))
        opened: list[EmbeddedBox] = []
        timed(f"a private network of {count} hosts", 10, partial(_open_range, engine, spec, opened))
        for box in opened:
            box.close()


def _open_range(engine: EmbeddedEngine, spec: RangeSpec, opened: list[EmbeddedBox]) -> None:
    opened += engine.open_range(spec).values()


def sizes(engine: EmbeddedEngine) -> None:
    """Memory of idle boxes."""
    boxes = [engine.open(BoxSpec()) for _ in range(10)]
    private = []
    for box in boxes:
        try:
            rows = Path(f"/proc/{box.pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            break
        private.append(sum(int(row.split()[1]) for row in rows if row.startswith("Private")))
    if private:
        print(f"{'private memory of an idle box, KiB':42} {statistics.median(private):8.0f}")
    print(f"{'memory of this process, KiB':42} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:8}")
    for box in boxes:
        box.close()


def others(tool: str) -> None:
    """The same life in another engine, where it works."""
    words = [tool, "run", "--rm", "--network", "none", IMAGE, "true"]
    if not shutil.which(tool):
        print(f"{tool}: not installed")
        return
    try:
        trial = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        print(f"{tool}: no answer")
        return
    if trial.returncode:
        said = trial.stderr.strip().splitlines()
        print(f"{tool}: does not work here ({said[-1][:100] if said else 'no reason given'})")
        return
    timed(f"{tool} run, {IMAGE}", 10, lambda: subprocess.run(words, capture_output=True, check=True))


if __name__ == "__main__":
    main()
