"""Coverage of the intervals on simulated worlds with a known truth, one line a figure: figure, target, yes or no.

    python benchmarks/measurement.py            # 400 reviews a world, about half a minute
    python benchmarks/measurement.py 4000       # the gate's size

Targets are those of the measurement design (gate G2), widened by three standard errors of the run's own size.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement import Estimate, bank_success, budget_curve, generalized_success, paired_difference
from seatrial.measurement.worlds import (
    BASE,
    MILDER,
    OCTAVES_OF_BUDGET,
    World,
    budget_review,
    drawn_repeats,
    equals,
    review,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.measurement import NotIdentifiable, Outcomes

SEED = 20261124
BAND_SHARE = 4  # a band costs as much as some twenty other intervals, so it gets a quarter of the reviews
GENERALIZED = (
    ("base 15x20", BASE, 15, 20, 1, 5.5),
    ("base 30x10", BASE, 30, 10, 1, 5.5),
    ("base 60x5", BASE, 60, 5, 1, 5.5),
    ("base 60x5, 4 runs", BASE, 60, 5, 4, 5.5),
    ("base 60x5, near the top", BASE, 60, 5, 1, 8.5),
    ("base 60x5, 4 runs, nearer", BASE, 60, 5, 4, 9.5),
    ("milder 60x3", MILDER, 60, 3, 1, 5.0),
    ("milder 20x8", MILDER, 20, 8, 1, 5.0),
)


@dataclass(frozen=True)
class Figure:
    """A measured share with its target range."""

    name: str
    hits: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The measured share."""
        return self.hits / self.of

    @property
    def reached(self) -> bool:
        """Whether the share lies in the target range, within three standard errors of this run's size."""
        slack = 3 * sqrt(0.05 * 0.95 / self.of)
        return self.low - slack <= self.share <= self.high + slack


def covers(answer: Estimate | NotIdentifiable, truth: float) -> bool:
    """Whether an answer is an estimate whose interval holds the truth."""
    if not isinstance(answer, Estimate) or answer.lower is None or answer.upper is None:
        return False
    return answer.lower <= truth <= answer.upper


def generalized(reviews: int, rng: np.random.Generator) -> list[Figure]:
    """Q2 in the worlds of the design."""
    figures = []
    for name, world, families, mean_size, runs, theta in GENERALIZED:
        truth = world.generalized(theta, rng)

        def one(
            world: World = world, shape: tuple[int, int, int, float] = (families, mean_size, runs, theta)
        ) -> Outcomes:
            return review(world, rng, families=shape[0], mean_size=shape[1], runs=shape[2], theta=shape[3])[0]

        hits = sum(covers(generalized_success(one()), truth) for _ in range(reviews))
        figures.append(Figure(f"Q2 {name}", hits, reviews, 0.935, 0.965))
    return figures


def bank(reviews: int, rng: np.random.Generator) -> list[Figure]:
    """Q1: every task once, every task four times, four times on a random fifth."""
    cases: tuple[tuple[str, int, bool, float, float, float], ...] = (
        ("one run", 1, False, 5.5, 0.95, 1.0),
        ("4 runs", 4, False, 5.5, 0.93, 0.965),
        ("4 runs on a random fifth", 4, True, 5.5, 0.93, 0.965),
        ("4 runs on a random fifth, near the top", 4, True, 9.5, 0.93, 0.965),
    )
    figures = []
    for name, runs, some, theta, low, high in cases:
        hits = 0
        for _ in range(reviews):
            outcomes, chance = review(BASE, rng, families=60, mean_size=5, runs=runs, theta=theta)
            answer = bank_success(drawn_repeats(outcomes, rng) if some else outcomes)
            hits += covers(answer, float(chance.mean()))
        figures.append(Figure(f"Q1 {name}", hits, reviews, low, high))
    return figures


def band(reviews: int, rng: np.random.Generator) -> list[Figure]:
    """Q3: the whole curve inside its band, over the points that have one."""
    figures = []
    for families, mean_size in ((15, 20), (30, 10), (60, 5)):
        truth = [BASE.generalized(5.5 + octaves, rng) for octaves in OCTAVES_OF_BUDGET]
        hits = 0
        for _ in range(reviews):
            outcomes = budget_review(BASE, rng, families=families, mean_size=mean_size, theta=5.5)
            curve = budget_curve(outcomes, rng=rng)
            points = zip(curve.points, truth, strict=True)  # type: ignore[union-attr]
            hits += all(covers(point.answer, value) for point, value in points if isinstance(point.answer, Estimate))
        figures.append(Figure(f"Q3 band {families}x{mean_size}", hits, reviews, 0.93, 0.97))
    return figures


def difference(reviews: int, rng: np.random.Generator) -> list[Figure]:
    """Q7: how often two equal participants are told apart."""
    alarms = 0
    for _ in range(reviews):
        first, second = equals(BASE, rng, families=30, mean_size=10, theta=5.5)
        alarms += not covers(paired_difference(first, second).answer, 0.0)
    return [Figure("Q7 false alarms", alarms, reviews, 0.04, 0.065)]


def main() -> int:
    """Print every figure; 1 when one misses its target."""
    reviews = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    parts: tuple[tuple[Callable[[int, np.random.Generator], list[Figure]], int], ...] = (
        (generalized, reviews),
        (bank, reviews),
        (band, max(100, reviews // BAND_SHARE)),
        (difference, reviews),
    )
    missed = 0
    for part, size in parts:
        started = time.process_time()
        for figure in part(size, np.random.default_rng(SEED)):
            word = "reached" if figure.reached else "missed"
            missed += not figure.reached
            print(f"{figure.name:44} {figure.share:.3f}  target {figure.low}-{figure.high}  n {figure.of}  {word}")
        print(f"{'':44} {time.process_time() - started:.1f} s CPU")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
