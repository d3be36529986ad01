"""Figures of the memfind family: generation, gate, fuzzer and static analysers by level.

    python benchmarks/memfind.py [--seeds 10] [--fuzz-seconds 60] [--levels 1 2 3] [--only generate gate fuzz static]

Prints machine and load first: CPU seconds of a loaded machine are pessimistic.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable

from seatrial.battery.draw import Draw
from seatrial.battery.families.memfind import FAMILY
from seatrial.battery.gate.verify import verify
from seatrial.battery.instance import Attempt, Instance, InstanceKey
from seatrial.battery.judge import judge
from seatrial.battery.participants.analysers import Static, by_tool
from seatrial.battery.participants.contract import Analysis, Brief, Guesses, Site
from seatrial.battery.participants.fuzzers import Fuzzer
from seatrial.battery.stage import Stage
from seatrial.sandbox.sealed import SealedBoxes

PARTS = ("generate", "gate", "fuzz", "static")


def key_of(level: int, seed: int) -> InstanceKey:
    """The key of a benchmark seed."""
    return InstanceKey(FAMILY.id, FAMILY.version, level, b"benchmark".ljust(24, b"\0") + seed.to_bytes(8, "big"))


def generation(level: int, seeds: int) -> None:
    """Milliseconds to generate an instance with its twin, and how many sources differ."""
    spent, digests = [], set()
    for seed in range(seeds):
        started = time.process_time()
        instance = FAMILY.generate(key_of(level, seed))
        spent.append(1000 * (time.process_time() - started))
        digests.add(instance.files.digest())
    lines = sum(content.count(b"\n") for path, content, _ in instance.files if path.endswith((".c", ".h")))
    print(
        f"L{level} generate: median {statistics.median(spent):.1f} ms, {len(digests)} of {seeds} differ, {lines} lines"
    )


def gate(level: int, seeds: int, boxes: SealedBoxes) -> None:
    """CPU seconds of the whole gate."""
    spent, rejected = [], []
    for seed in range(seeds):
        manifest = verify(FAMILY, key_of(level, seed), boxes)
        spent.append(manifest.timing["cpu_ms"].get("total", sum(manifest.timing["cpu_ms"].values())) / 1000)
        if not manifest.qualified:
            rejected.append(f"{seed}: {manifest.first_broken}")
    print(f"L{level} gate: median {statistics.median(spent):.2f} CPU-s; {len(rejected)} of {seeds} rejected {rejected}")


def fuzzing(level: int, seeds: int, seconds: float, boxes: SealedBoxes) -> None:
    """Instances that the fuzzer solves, judged by the production grader."""
    solved, notes = 0, []
    for seed in range(seeds):
        instance = FAMILY.generate(key_of(level, seed))
        result = act(instance, boxes, lambda stage, brief, draw: Fuzzer().attempt(stage.agent, brief, seconds, draw))
        if isinstance(result, tuple):
            solved += result[0]
            notes.append(f"{instance.technique}{'+' if result[0] else '-'}")
    print(f"L{level} fuzzer, {seconds:g} CPU-s each: {solved} of {seeds} solved ({', '.join(notes)})", flush=True)


def act(instance: Instance, boxes: SealedBoxes, do: Callable[..., object]) -> object:
    """Let a participant act on the stage; guesses are graded: (solved, note)."""
    armed = FAMILY.arm(instance, Attempt(bytes(32), bytes(16)))
    with Stage.open(instance, armed, boxes, intake=FAMILY.intake) as stage:
        brief = Brief.of(instance, armed, FAMILY.intake, stage.env)
        draw = Draw(instance.key.seed, family="benchmark", version="1", level=instance.key.level, stream="participant")
        result = do(stage, brief, draw)
        if not isinstance(result, Guesses):
            return result
        if not result.guesses:
            return False, result.note
        for name, content in result.guesses[0].items():
            stage.agent.write(f"/submission/{name}", content)
        submission, evidence = stage.submit()
    return judge(FAMILY, instance, armed, submission, evidence, boxes).solved, result.note


def static(level: int, seeds: int, boxes: SealedBoxes) -> None:
    """Warnings in the planted function, with and without its CWE, by tool."""
    totals: dict[str, list[int]] = {}
    for seed in range(seeds):
        instance = FAMILY.generate(key_of(level, seed))
        result = act(instance, boxes, lambda stage, brief, draw: Static().attempt(stage.agent, brief, 60.0, draw))
        if not isinstance(result, Analysis):
            print(f"L{level} static: {result}")
            return
        site = Site.of(instance.hidden.witness)
        for tool, analysis in by_tool(result).items():
            score = analysis.against(site)
            counts = totals.setdefault(tool, [0, 0, 0])
            counts[0] += score.reported
            counts[1] += score.at_site > 0
            counts[2] += score.at_site_and_cwe > 0
    for tool, (reported, site_hits, true_hits) in totals.items():
        print(
            f"L{level} {tool}: {reported / seeds:.1f} warnings an instance; "
            f"site {site_hits} of {seeds}, site and CWE {true_hits} of {seeds}"
        )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--fuzz-seconds", type=float, default=60.0)
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    asked = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
    )
    with SealedBoxes() as boxes:
        for level in asked.levels:
            if "generate" in asked.only:
                generation(level, max(asked.seeds, 20))
            if "gate" in asked.only:
                gate(level, asked.seeds, boxes)
            if "static" in asked.only:
                static(level, asked.seeds, boxes)
            if "fuzz" in asked.only:
                fuzzing(level, asked.seeds, asked.fuzz_seconds, boxes)


if __name__ == "__main__":
    main()
