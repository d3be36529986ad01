"""Coverage of the intervals on simulated worlds with a known truth, as the Markdown tables of `docs/measurement.md`.

    python benchmarks/coverage.py                     # 400 participants a world, two minutes on two cores
    python benchmarks/coverage.py 4000                # the size of the gates, some twenty-five minutes
    python benchmarks/coverage.py 1000 Q4 "60x5"      # only figures or worlds that contain one of the words
    python benchmarks/coverage.py 4000 --write        # also the file from which reports quote these figures

One line a figure goes to the error stream: figure, target, reached or missed. The tables go to the output. A review
of a partly run bank costs as much as a hundred others, so those worlds get a tenth of the participants. Below 4,000
participants targets are widened by three standard errors of the run's own size. Every part of a world has a
generator of its own, so the figures do not depend on the number of processes. 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coverage_worlds import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coverage_worlds import Case, Range, Truth

SEED = 20261124
GATE = 4000  # participants: a coverage is then known to a third of a point (one standard error)
PART = 100  # participants of one generator
QUOTED = Path(__file__).parents[1] / "src" / "seatrial" / "report" / "coverage.json"


@dataclass(frozen=True)
class Figure:
    """A measured share with its target."""

    name: str
    kind: str  # of world
    world: str
    hits: int
    shown: int
    of: int
    range: Range

    @property
    def share(self) -> float:
        """The measured share."""
        return self.hits / self.of

    @property
    def state(self) -> str:
        """Whether the share lies in the range; figures without one are only reported."""
        if self.range is None:
            return "no target"
        slack = 0.0 if self.of >= GATE else 3 * sqrt(0.05 * 0.95 / self.of)
        return "reached" if self.range[0] - slack <= self.share <= self.range[1] + slack else "missed"

    @property
    def target(self) -> str:
        """The range in words."""
        if self.range is None:
            return "none"
        low, high = self.range
        return f"at least {low}" if high >= 1 else f"{low} to {high}"

    def line(self) -> str:
        """The figure by itself."""
        without = f"{1 - self.shown / self.of:.1%} without a number"
        target = f"target {self.target}" if self.range else ""
        return f"{self.name:32} {self.world:40} {self.share:.3f}  n {self.of:5}  {without:22} {target:26} {self.state}"

    def cell(self) -> str:
        """The figure in a table of its kind."""
        open_ends = f" ({1 - self.shown / self.of:.1%} open)" if self.shown < self.of else ""
        return f"{self.share:.3f}{open_ends}{' **missed**' if self.state == 'missed' else ''}"


def quoted(found: Sequence[Figure]) -> str:
    """The figures as reports quote them: JSON, rounded as in the tables."""
    rows = [
        {
            "figure": figure.name,
            "world": figure.world,
            "simulated": figure.of,
            "covered": round(figure.share, 3),
            "without_number": round(1 - figure.shown / figure.of, 3),
        }
        for figure in found
    ]
    return json.dumps({"seed": SEED, "figures": rows}, indent=1) + "\n"


def tables(found: Sequence[Figure]) -> Iterator[str]:
    """One table a kind of world, in lines of Markdown: a row a world, a column a figure."""
    for kind in dict.fromkeys(figure.kind for figure in found):
        some = [figure for figure in found if figure.kind == kind]
        targets = {figure.name: figure.target for figure in reversed(some)}
        names = list(dict.fromkeys(figure.name for figure in some))
        yield f"| world, participants | {' | '.join(names)} |"
        yield "|---" * (1 + len(names)) + "|"
        yield f"| *target* | {' | '.join(f'*{targets[name]}*' for name in names)} |"
        for world in dict.fromkeys(figure.world for figure in some):
            row = {figure.name: figure for figure in some if figure.world == world}
            cells = [row[name].cell() if name in row else "" for name in names]
            yield f"| {world}, {next(iter(row.values())).of:,} | {' | '.join(cells)} |"
        yield ""


def part(case: Case, truth: Truth, seed: np.random.SeedSequence, size: int) -> tuple[Counter[str], Counter[str]]:
    """Hits and answers with a number among some participants."""
    rng = np.random.default_rng(seed)
    hits: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for _ in range(size):
        for name, (held, number) in case.judge(truth, rng).items():
            hits[name] += held
            shown[name] += number
    return hits, shown


def measured(case: Case, participants: int, pool: ProcessPoolExecutor) -> Iterator[Figure]:
    """The figures of one world."""
    participants, size = -(-participants // case.cost), PART // case.cost
    own = [len(case.name), *case.name.encode(), *type(case).__name__.encode()]
    first, *seeds = np.random.SeedSequence([SEED, *own]).spawn(1 + -(-participants // size))
    truth = case.truth(np.random.default_rng(first))
    sizes = [min(size, participants - size * number) for number in range(len(seeds))]
    hits: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for some_hits, some_shown in pool.map(part, [case] * len(seeds), [truth] * len(seeds), seeds, sizes):
        hits.update(some_hits)
        shown.update(some_shown)
    for name, wanted in case.targets().items():
        yield Figure(name, type(case).__name__, case.name, hits[name], shown[name], participants, wanted)


def figures(participants: int, cases: Sequence[Case] = CASES, processes: int | None = None) -> Iterator[Figure]:
    """All figures, world by world."""
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        for case in cases:
            yield from measured(case, participants, pool)


def main() -> int:
    """Print the table; 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("participants", type=int, nargs="?", default=400)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--write", action="store_true", help=f"write {QUOTED.name} for reports; all worlds only")
    chosen = parser.parse_intermixed_args()
    if chosen.write and chosen.words:
        parser.error("--write takes all figures of all worlds: leave the words out")
    words = chosen.words or [""]
    cases = [case for case in CASES if any(word in name for word in words for name in (case.name, *case.targets()))]
    started, found = time.monotonic(), []
    for figure in figures(chosen.participants, cases, chosen.processes):
        found.append(figure)
        print(figure.line(), file=sys.stderr, flush=True)
    missed = sum(figure.state == "missed" for figure in found)
    print(f"{missed} missed; {time.monotonic() - started:.0f} s, seed {SEED}", file=sys.stderr)
    print(*tables(found), sep="\n")
    if chosen.write:
        QUOTED.write_text(quoted(found), encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
