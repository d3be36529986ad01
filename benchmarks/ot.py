"""The three sub-tasks of ot through the gate in real boxes: what qualifies, what it costs, what naive ones reach.

    python benchmarks/ot.py                                 # 3 sub-tasks x 3 plants x levels 1-5 x 2 seeds
    python benchmarks/ot.py --seeds 34 --families ot-read   # some hundred seeds a level of one sub-task
    python benchmarks/ot.py --levels 6 8 --played 0

One line a sub-task and level, rejected instances with their reason, then one line a figure: figure, target, reached or
missed. CPU is that of all processes of the gate, boxes included. Naive participants act once on the instances of the
first `--played` seeds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from seatrial.battery.families.ot import PROTECT, READ, RESPOND
from seatrial.battery.gate.verify import verify
from seatrial.battery.instance import Attempt, InstanceKey
from seatrial.battery.judge import judge
from seatrial.battery.seeds import instance_seed
from seatrial.battery.stage import Stage
from seatrial.sandbox.sealed import SealedBoxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.battery.family import Family
    from seatrial.battery.instance import Instance
    from seatrial.sandbox import Boxes

_ASSESSMENT = b"benchmarks/ot".ljust(32, b"\0")
_ATTEMPT = Attempt(b"benchmark run secret".ljust(32, b"\0"), b"benchmark nonce ")
_FAMILIES: dict[str, Family] = {family.id: family for family in (READ, RESPOND, PROTECT)}
EASY = 2  # the highest level that naive participants may reach; a guess, to be compared with their figures


@dataclass
class Tally:
    """One sub-task at one level."""

    qualified: int = 0
    seen: int = 0
    gate_s: list[float] = field(default_factory=list)
    generate_s: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    solved: Counter[str] = field(default_factory=Counter)
    played: int = 0


def keys(family: Family, level: int, count: int) -> Iterator[InstanceKey]:
    """The first keys of a level, `count` for each plant."""
    wanted, index = dict.fromkeys(family.techniques, count), 0
    while any(wanted.values()):
        key = InstanceKey(
            family.id, family.version, level, instance_seed(_ASSESSMENT, family.id, family.version, level, index)
        )
        index += 1
        technique = family.generate(key).technique
        if wanted[technique]:
            wanted[technique] -= 1
            yield key


def play(family: Family, instance: Instance, name: str, boxes: Boxes) -> bool:
    """Whether a naive participant solves an instance."""
    armed = family.arm(instance, _ATTEMPT)
    with Stage.open(instance, armed, boxes, intake=family.intake) as stage:
        family.participants[name](stage.agent, instance)
        submission, evidence = stage.submit()
    return judge(family, instance, armed, submission, evidence, boxes).solved


def measure(family: Family, level: int, seeds: int, played: int, boxes: Boxes) -> Tally:
    """Verify instances, and let the naive ones act on the first `played` of each plant."""
    tally, turns = Tally(), Counter[str]()
    for key in keys(family, level, seeds):
        started = time.process_time()
        instance = family.generate(key)
        tally.generate_s.append(time.process_time() - started)
        manifest = verify(family, key, boxes)
        tally.seen += 1
        tally.qualified += manifest.qualified
        tally.gate_s.append(manifest.timing["cpu_ms"]["total"] / 1000)
        if not manifest.qualified:
            tally.reasons.append(f"{instance.technique} {key.id}: {manifest.first_broken}")
        turns[instance.technique] += 1
        if turns[instance.technique] <= played:
            tally.played += 1
            tally.solved.update(name for name in family.participants if play(family, instance, name, boxes))
    return tally


def figures(found: dict[tuple[str, int], Tally]) -> Iterator[tuple[str, str, str, bool]]:
    """Figure, value, target, reached."""
    for name in dict.fromkeys(family for family, _ in found):
        rows = [tally for (family, _), tally in found.items() if family == name]
        qualified, seen = sum(row.qualified for row in rows), sum(row.seen for row in rows)
        yield f"{name} qualified", f"{qualified} of {seen}", ">= 99 %", qualified >= 0.99 * seen
        spent = median(second for row in rows for second in row.gate_s)
        yield f"{name} gate, median CPU", f"{spent:.2f} s", "<= 2 s", spent <= 2
        late = [(level, tally) for (family, level), tally in found.items() if family == name and level > EASY]
        solved, played = sum(sum(tally.solved.values()) for _, tally in late), sum(tally.played for _, tally in late)
        if played:
            yield f"{name} naive ones above L{EASY}", f"{solved} of {played}", "0", solved == 0


def main() -> int:
    """Print every row and figure; 1 when a figure misses its target."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--seeds", type=int, default=2, help="of each plant")
    parser.add_argument("--played", type=int, default=2, help="of each plant, by the naive participants")
    parser.add_argument("--families", nargs="+", default=list(_FAMILIES), choices=list(_FAMILIES))
    chosen = parser.parse_args()
    found: dict[tuple[str, int], Tally] = {}
    with SealedBoxes() as boxes:
        for name in chosen.families:
            for level in chosen.levels:
                tally = measure(_FAMILIES[name], level, chosen.seeds, chosen.played, boxes)
                found[name, level] = tally
                naive = ", ".join(f"{who} {tally.solved[who]}/{tally.played}" for who in _FAMILIES[name].participants)
                print(
                    f"{name:11} L{level}  {tally.qualified}/{tally.seen} qualified  generate"
                    f" {1000 * median(tally.generate_s):.0f} ms  gate {median(tally.gate_s):.2f} s"
                    f" (most {max(tally.gate_s):.2f})  {naive}",
                    *tally.reasons,
                    sep="\n    ",
                    flush=True,
                )
    missed = 0
    for figure, value, target, reached in figures(found):
        missed += not reached
        print(f"{figure:34} {value:18} target {target:10} {'reached' if reached else 'missed'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
