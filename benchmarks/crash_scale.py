"""How fast crash logs become groups: made logs of many projects, read as a stream by a process of its own.

    python benchmarks/crash_scale.py                     # 10,000 reports, 600 bugs, 40 projects
    python benchmarks/crash_scale.py --reports 1000000 --bugs 30000 --projects 1000

The logs are AddressSanitizer's, made by a seeded generator that bends each bug's stack in the ways that compilers and
callers do: frames inlined or not, other callers, tails of 4 to 24 frames, lines moved, template arguments, recursion,
addresses. They are written before the clock starts. B-cubed on them is a smoke test of the generator and the reader
together and says nothing about accuracy on real crashes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TYPES = ("heap-buffer-overflow", "heap-use-after-free", "stack-buffer-overflow", "global-buffer-overflow", "SEGV")
WORDS = ("parse", "read", "emit", "copy", "scan", "fold", "init", "walk", "grow", "seek", "pack", "trim", "load", "map")
END = "\0"


class Bug:
    """One root: a project, a type, and the frames that lead to it, innermost first."""

    def __init__(self, rng: random.Random, number: int, project: int) -> None:
        self.number, self.project = number, project
        self.type = rng.choice(TYPES)
        self.access = rng.choice(("READ", "WRITE"))
        self.size = rng.choice((1, 2, 4, 8, 16))
        names = [
            f"{rng.choice(WORDS)}_{rng.choice(WORDS)}{number if place < 2 else rng.randrange(40)}" for place in range(8)
        ]
        self.frames = [(name, f"/src/p{project}/{rng.choice(WORDS)}.cc", rng.randrange(20, 900)) for name in names]
        self.templated = rng.random() < 0.2
        self.ways = [
            [(f"caller_{rng.randrange(200)}", "/src/main.cc", rng.randrange(1, 500)) for _ in range(24)]
            for _ in range(rng.choice((1, 1, 2, 3)))
        ]

    def log(self, rng: random.Random) -> str:
        """One report of it, bent."""
        frames = [list(frame) for frame in self.frames]
        if rng.random() < 0.3:
            del frames[rng.randrange(2, len(frames))]  # inlined away
        if rng.random() < 0.2:
            frames.insert(rng.randrange(3, len(frames)), [f"wrap_{rng.randrange(9)}", "/src/wrap.cc", 12])
        if rng.random() < 0.1:
            place = rng.randrange(3, len(frames))
            frames[place:place] = [frames[place]] * rng.randrange(1, 4)  # recursion
        for frame in frames[1:]:
            if rng.random() < 0.15:
                frame[2] += rng.randrange(1, 4)
        length = rng.randrange(4, 25)
        frames += [list(frame) for frame in rng.choice(self.ways)]
        base = 0x550000000000 + rng.randrange(1 << 32)
        address = 0x602000000000 + 16 * rng.randrange(1 << 24)
        lines = []
        for number, (name, file, line) in enumerate(frames[:length]):
            shown = f"{name}<{rng.choice(('int', 'char', 'long'))}>" if self.templated and number < 2 else name
            lines.append(
                f"    #{number} {base + 64 * number:#x} in {shown}(char const*, unsigned long) {file}:{line}:{7}"
            )
        if self.type == "SEGV":
            head = f"SEGV on unknown address {address:#014x} (pc {base:#x} bp 0x7ffd00 sp 0x7ffd00 T0)"
            fact = f"==77==The signal is caused by a {self.access} memory access."
        else:
            head = f"{self.type} on address {address:#014x} at pc {base:#x} bp 0x7ffd00 sp 0x7ffcf8"
            fact = f"{self.access} of size {self.size} at {address:#014x} thread T0"
        summary = f"SUMMARY: AddressSanitizer: {self.type} {frames[0][1]}:{frames[0][2]}:7 in {frames[0][0]}"
        return "\n".join([f"==77==ERROR: AddressSanitizer: {head}", fact, *lines, "", summary, ""])


def make(path: Path, reports: int, bugs: int, projects: int, seed: int) -> None:
    """Write the logs, each after its project and its bug's number, and followed by a NUL."""
    rng = random.Random(seed)
    roots = [Bug(rng, number, rng.randrange(projects)) for number in range(bugs)]
    weights = [1 / (number + 1) ** 0.7 for number in range(bugs)]
    with path.open("w") as file:
        for bug in rng.choices(roots, weights, k=reports):
            file.write(f"{bug.project} {bug.number}\n{bug.log(rng)}{END}")


def measure(path: Path) -> None:
    """Read, parse and group the logs of a file, and print what it took as JSON. Runs in a process of its own."""
    import resource  # noqa: PLC0415 - of the measured process
    from array import array  # noqa: PLC0415

    from seatrial.clearinghouse.crash import parse  # noqa: PLC0415
    from seatrial.clearinghouse.grouping import cluster_traces, trace_of  # noqa: PLC0415

    truth = array("l")
    parsing = 0.0

    def traces():  # noqa: ANN202 - a stream
        nonlocal parsing
        rest = ""
        with path.open() as file:
            while piece := file.read(1 << 20):
                *whole, rest = (rest + piece).split(END)
                for log in whole:
                    head, _, text = log.partition("\n")
                    project, bug = head.split()
                    truth.append(int(bug))
                    begin = time.process_time()
                    trace = trace_of(project, parse(text)[0])
                    parsing += time.process_time() - begin
                    yield trace

    found = cluster_traces(traces())
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "reports": len(truth),
                "groups": len(found.groups),
                "without_trace": len(found.without_trace),
                "capped": len(found.capped),
                "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                "of_that_parsing_s": round(parsing, 2),
                "peak_mb": round(used.ru_maxrss / 1024),
                "b_cubed": b_cubed([group.members for group in found.groups], truth),
            }
        )
    )


def b_cubed(groups: list[tuple[int, ...]], truth: object) -> dict[str, float]:
    """Bagga and Baldwin's precision and recall, of all grouped reports."""
    sizes = Counter(truth)
    precision = recall = count = 0.0
    for group in groups:
        for bug, hits in Counter(truth[member] for member in group).items():
            precision += hits * hits / len(group)
            recall += hits * hits / sizes[bug]
        count += len(group)
    return {"precision": round(precision / count, 4), "recall": round(recall / count, 4)}


def main() -> None:
    """Make the logs and measure."""
    options = argparse.ArgumentParser()
    options.add_argument("--reports", type=int, default=10_000)
    options.add_argument("--bugs", type=int, default=600)
    options.add_argument("--projects", type=int, default=40)
    options.add_argument("--seed", type=int, default=20261124)
    options.add_argument("--measure", type=Path)
    given = options.parse_args()
    if given.measure:
        measure(given.measure)
        return
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "logs"
        make(path, given.reports, given.bugs, given.projects, given.seed)
        print(f"{given.reports} logs, {path.stat().st_size / 1e6:.0f} MB")
        subprocess.run([sys.executable, __file__, "--measure", path], check=True, env={**os.environ})


if __name__ == "__main__":
    main()
