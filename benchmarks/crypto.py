"""The crypto family through the gate in real boxes: what qualifies, what it costs, what `textbook` reaches.

    python benchmarks/crypto.py                          # 14 techniques x levels 1-5 x 1 seed, some four minutes
    python benchmarks/crypto.py --seeds 4 --levels 1 2   # more seeds of fewer levels
    python benchmarks/crypto.py --levels 6 8             # beyond the ladder

One line a technique and level, then one line a figure: figure, target, reached or missed. CPU is that of all
processes of the gate, boxes included; a solver's time is a third of G1, which runs it three times.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from seatrial.battery.families.crypto import FAMILY
from seatrial.battery.gate.verify import verify
from seatrial.battery.instance import Attempt, InstanceKey
from seatrial.battery.judge import judge
from seatrial.battery.manifest import GuaranteeState
from seatrial.battery.seeds import instance_seed
from seatrial.battery.stage import Stage
from seatrial.sandbox.sealed import SealedBoxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.battery.instance import Instance
    from seatrial.sandbox import Boxes

_ASSESSMENT = b"benchmarks/crypto".ljust(32, b"\0")
_ATTEMPT = Attempt(b"benchmark run secret".ljust(32, b"\0"), b"benchmark nonce ")
_RSA = ("rsa-broadcast", "rsa-close-primes", "rsa-shared-prime", "rsa-wiener")


@dataclass(frozen=True)
class Row:
    """One instance: wall seconds of generating, CPU seconds of solver, twin and gate, and what was found."""

    level: int
    technique: str
    generate_s: float
    solver_s: float
    twin_s: float
    gate_s: float
    broken: str
    textbook: bool


def keys(level: int, technique: str, count: int) -> Iterator[InstanceKey]:
    """The first keys of a level whose last part is of a technique."""
    index = 0
    while count:
        seed = instance_seed(_ASSESSMENT, FAMILY.id, FAMILY.version, level, index)
        key = InstanceKey(FAMILY.id, FAMILY.version, level, seed)
        index += 1
        if FAMILY.chain(key)[-1] == technique:
            count -= 1
            yield key


def measured(key: InstanceKey, boxes: Boxes) -> Row:
    """Generate, verify, and let the textbook try."""
    started = time.perf_counter()
    instance = FAMILY.generate(key)
    generate_s = time.perf_counter() - started
    manifest = verify(FAMILY, key, boxes)
    spent = manifest.timing["cpu_ms"]
    broken = "; ".join(
        f"{name}: {found.reason}" for name, found in manifest.guarantees.items() if found.state is GuaranteeState.BROKEN
    )
    return Row(
        key.level,
        instance.technique,
        generate_s,
        spent["G1"] / 3000,
        spent["G3"] / 1000,
        spent["total"] / 1000,
        broken,
        textbook(instance, boxes),
    )


def textbook(instance: Instance, boxes: Boxes) -> bool:
    """Whether the participant `textbook` solves it."""
    armed = FAMILY.arm(instance, _ATTEMPT)
    with Stage.open(instance, armed, boxes, intake=FAMILY.intake) as stage:
        FAMILY.participants["textbook"](stage.agent, instance)
        submission, evidence = stage.submit()
    return judge(FAMILY, instance, armed, submission, evidence, boxes).solved


def figures(rows: list[Row]) -> Iterator[tuple[str, str, str, bool]]:
    """Figure, value, target, reached."""
    qualified = sum(not row.broken for row in rows)
    yield "qualified", f"{qualified} of {len(rows)}", ">= 99 %", qualified >= 0.99 * len(rows)
    gate = median(row.gate_s for row in rows)
    yield "gate, median CPU", f"{gate:.2f} s", "<= 2 s", gate <= 2
    by_level: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_level[row.level].append(row)
    for level, some in sorted(by_level.items()):
        generate, solver = median(row.generate_s for row in some), max(row.solver_s for row in some)
        twin, tried = max(row.twin_s for row in some), sum(row.textbook for row in some)
        rsa = sum(row.technique in _RSA for row in some)
        if level <= 3:
            yield f"L{level} generate, median wall", f"{1000 * generate:.0f} ms", "<= 200 ms", generate <= 0.2
        bound = 5 if level < 5 else 20 if level == 5 else 100
        yield f"L{level} solver, worst CPU", f"{solver:.2f} s", f"<= {bound} s", solver <= bound
        yield f"L{level} twin, worst CPU", f"{twin:.2f} s", "<= 5 s", twin <= 5
        if level <= 2:
            others = sum(row.textbook and row.technique not in _RSA for row in some)
            yield f"L{level} textbook", f"{tried} of {len(some)}, {rsa} RSA", "RSA only", others == 0
        else:
            yield f"L{level} textbook", f"{tried} of {len(some)}", "0", tried == 0


def main() -> int:
    """Print every row and figure; 1 when a figure misses its target."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--techniques", nargs="+", default=list(FAMILY.techniques), choices=FAMILY.techniques)
    chosen = parser.parse_args()
    rows: list[Row] = []
    print(f"{'':3}{'technique':18}{'generate':>9}{'solver':>8}{'twin':>7}{'gate':>7}  textbook")
    with SealedBoxes() as boxes:
        for level in chosen.levels:
            for technique in chosen.techniques:
                for key in keys(level, technique, chosen.seeds):
                    row = measured(key, boxes)
                    rows.append(row)
                    print(
                        f"L{level} {technique:18}{row.generate_s:8.2f}s{row.solver_s:7.2f}s{row.twin_s:6.2f}s"
                        f"{row.gate_s:6.2f}s  {'solved' if row.textbook else '-':8}{row.broken}",
                        flush=True,
                    )
    missed = 0
    for name, value, target, reached in figures(rows):
        missed += not reached
        print(f"{name:30} {value:18} target {target:10} {'reached' if reached else 'missed'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
