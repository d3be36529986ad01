"""Coverage of the intervals on simulated worlds with a known truth, as the Markdown table of `docs/measurement.md`.

    python benchmarks/coverage.py                     # 400 participants a world, a minute or two
    python benchmarks/coverage.py 4000                # the size of the gates
    python benchmarks/coverage.py 1000 Q4 "60x5"      # only figures or worlds that contain one of the words

Below 4,000 participants targets are widened by three standard errors of the run's own size. Every hundred participants
have a generator of their own, so the figures do not depend on the number of processes. 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from coverage_worlds import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coverage_worlds import Case, Range, Truth

SEED = 20261124
GATE = 4000  # participants: a coverage is then known to a third of a point (one standard error)
PART = 100


@dataclass(frozen=True)
class Figure:
    """A measured share with its target."""

    name: str
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
            return ""
        low, high = self.range
        return f"at least {low}" if high >= 1 else f"{low} to {high}"

    def row(self) -> str:
        """One line of the table."""
        without = 1 - self.shown / self.of
        return f"| {self.name} | {self.world} | {self.share:.3f} | {without:.1%} | {self.target} | {self.state} |"


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
    own = [len(case.name), *case.name.encode(), *type(case).__name__.encode()]
    first, *seeds = np.random.SeedSequence([SEED, *own]).spawn(1 + -(-participants // PART))
    truth = case.truth(np.random.default_rng(first))
    sizes = [min(PART, participants - PART * number) for number in range(len(seeds))]
    hits: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for some_hits, some_shown in pool.map(part, [case] * len(seeds), [truth] * len(seeds), seeds, sizes):
        hits.update(some_hits)
        shown.update(some_shown)
    for name, wanted in case.targets().items():
        yield Figure(name, case.name, hits[name], shown[name], participants, wanted)


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
    chosen = parser.parse_args()
    words = chosen.words or [""]
    cases = [case for case in CASES if any(word in name for word in words for name in (case.name, *case.targets()))]
    print(f"{chosen.participants:,} simulated participants a world, seed {SEED}\n")
    print("| figure | world | coverage | without a number | target | |\n|---|---|---|---|---|---|")
    started, missed = time.monotonic(), 0
    for figure in figures(chosen.participants, cases, chosen.processes):
        missed += figure.state == "missed"
        print(figure.row(), flush=True)
    print(f"\n{missed} missed; {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
