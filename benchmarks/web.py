"""The web family through the gate in real boxes: what qualifies, what it costs, what the crawler and sqlmap reach.

    python benchmarks/web.py                            # 8 techniques x levels 1-5 x 2 seeds, some twenty minutes
    python benchmarks/web.py --seeds 10 --levels 1 2    # more seeds of fewer levels
    python benchmarks/web.py --levels 8 12 --seeds 1    # beyond the ladder

One line a technique and level, then one line a figure: figure, target, reached or missed. CPU is that of all
processes of the gate, boxes included. The solver's wall time is measured on a run of its own, with start-up of the
boxes left out; from level 3 on most of it is waiting for the service's request rate.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from seatrial.battery.families.web import FAMILY
from seatrial.battery.gate.verify import verify
from seatrial.battery.instance import Attempt, InstanceKey
from seatrial.battery.judge import judge
from seatrial.battery.manifest import GuaranteeState
from seatrial.battery.seeds import instance_seed
from seatrial.battery.stage import Stage
from seatrial.battery.verdict import Outcome
from seatrial.sandbox import SealedBoxes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatrial.battery.instance import Instance
    from seatrial.sandbox import Boxes

_ASSESSMENT = b"benchmarks/web".ljust(32, b"\0")
_ATTEMPT = Attempt(b"benchmark run secret".ljust(32, b"\0"), b"benchmark nonce ")


@dataclass(frozen=True)
class Row:
    """One instance: seconds of generating and solving, CPU seconds of the gate, and what was found."""

    level: int
    technique: str
    generate_s: float
    solver_s: float
    solver: Outcome
    gate_s: float
    broken: str
    crawler: bool
    sqlmap: bool | None  # None: not in the box


def keys(level: int, technique: str, count: int) -> Iterator[InstanceKey]:
    """The first keys of a level whose last section is of a technique."""
    index = 0
    while count:
        seed = instance_seed(_ASSESSMENT, FAMILY.id, FAMILY.version, level, index)
        key = InstanceKey(FAMILY.id, FAMILY.version, level, seed)
        index += 1
        if FAMILY.chain(key)[-1] == technique:
            count -= 1
            yield key


def attempt(instance: Instance, boxes: Boxes, act: Callable[[Stage], object]) -> tuple[Outcome, float]:
    """What comes of an attempt, and the seconds that it took."""
    armed = FAMILY.arm(instance, _ATTEMPT)
    with Stage.open(instance, armed, boxes, intake=FAMILY.intake) as stage:
        started = time.perf_counter()
        act(stage)
        seconds = time.perf_counter() - started
        submission, evidence = stage.submit()
    return judge(FAMILY, instance, armed, submission, evidence, boxes).verdict.outcome, seconds


def participant(name: str, instance: Instance, boxes: Boxes) -> bool:
    """Whether one of the family's participants solves it."""
    outcome, _ = attempt(instance, boxes, lambda stage: FAMILY.participants[name](stage.agent, instance))
    return outcome is Outcome.SOLVED


def measured(key: InstanceKey, boxes: Boxes, *, has_sqlmap: bool) -> Row:
    """Generate, verify, solve, and let the participants try."""
    started = time.perf_counter()
    instance = FAMILY.generate(key)
    generate_s = time.perf_counter() - started
    manifest = verify(FAMILY, key, boxes)
    broken = "; ".join(
        f"{name}: {found.reason}" for name, found in manifest.guarantees.items() if found.state is GuaranteeState.BROKEN
    )
    outcome, solver_s = attempt(instance, boxes, lambda stage: stage.run(instance.hidden.solver))
    return Row(
        key.level,
        instance.technique,
        generate_s,
        solver_s,
        outcome,
        manifest.timing["cpu_ms"]["total"] / 1000,
        broken,
        participant("crawler", instance, boxes),
        participant("sqlmap", instance, boxes) if has_sqlmap else None,
    )


def figures(rows: list[Row]) -> Iterator[tuple[str, str, str, bool]]:
    """Figure, value, target, reached."""
    qualified = sum(not row.broken for row in rows)
    yield "qualified", f"{qualified} of {len(rows)}", ">= 99 %", qualified >= 0.99 * len(rows)
    solved = sum(row.solver is Outcome.SOLVED for row in rows)
    yield "solver, one more run", f"{solved} of {len(rows)}", "all", solved == len(rows)
    gate = median(row.gate_s for row in rows)
    yield "gate, median CPU", f"{gate:.2f} s", "<= 3 s", gate <= 3
    crawled = sum(row.crawler for row in rows)
    yield "crawler", f"{crawled} of {len(rows)}", "0", crawled == 0
    by_level: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_level[row.level].append(row)
    for level, some in sorted(by_level.items()):
        middle, worst = median(row.solver_s for row in some), max(row.solver_s for row in some)
        if level <= 4:
            yield f"L{level} solver, median wall", f"{middle:.1f} s", "<= 5 s", middle <= 5
        yield f"L{level} solver, worst wall", f"{worst:.1f} s", "<= 300 s", worst <= 300
        yield f"L{level} gate, median CPU", f"{median(row.gate_s for row in some):.2f} s", "(no target)", True


def main() -> int:
    """Print every row and figure; 1 when a figure misses its target."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--techniques", nargs="+", default=list(FAMILY.techniques), choices=FAMILY.techniques)
    chosen = parser.parse_args()
    rows: list[Row] = []
    with SealedBoxes() as boxes:
        has_sqlmap = _has_sqlmap(boxes)
        print(f"{'':3}{'technique':17}{'generate':>9}{'solver':>9}{'gate':>8}  crawler sqlmap")
        for level in chosen.levels:
            for technique in chosen.techniques:
                for key in keys(level, technique, chosen.seeds):
                    row = measured(key, boxes, has_sqlmap=has_sqlmap)
                    rows.append(row)
                    print(_line(row), flush=True)
    missed = 0
    for name, value, target, reached in figures(rows):
        missed += not reached
        print(f"{name:28} {value:14} target {target:12} {'reached' if reached else 'missed'}")
    return 1 if missed else 0


def _has_sqlmap(boxes: Boxes) -> bool:
    key = next(keys(1, "sqli-union", 1))
    instance = FAMILY.generate(key)
    with Stage.open(instance, FAMILY.arm(instance, _ATTEMPT), boxes, intake=FAMILY.intake) as stage:
        return stage.agent.exec(["sh", "-c", "command -v sqlmap"]).returncode == 0


def _line(row: Row) -> str:
    tool = "absent" if row.sqlmap is None else "solved" if row.sqlmap else "-"
    return (
        f"L{row.level} {row.technique:17}{row.generate_s:8.2f}s{row.solver_s:8.1f}s{row.gate_s:7.2f}s  "
        f"{'solved' if row.crawler else '-':7} {tool:6} "
        f"{'' if row.solver is Outcome.SOLVED else f'solver {row.solver}; '}{row.broken}"
    )


if __name__ == "__main__":
    sys.exit(main())
