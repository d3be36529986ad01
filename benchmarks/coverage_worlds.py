"""The worlds of `coverage.py`: what each simulated participant is asked, and whether its interval held the truth.

- A case computes its truth once, by Monte Carlo, and then judges any number of participants from a generator.
- An answer without a number misses nothing and shows nothing: it is counted apart. A limit that is not printed, because
  it lies beyond the bank, is no limit. An unbounded Fieller set contains everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, log
from typing import TYPE_CHECKING, Protocol, TypeAlias

import adaptive_worlds
from seatrial.measurement import (
    Estimate,
    NotIdentifiable,
    bank_success,
    budget_curve,
    generalized_success,
    horizon,
    paired_difference,
    success_in_attempts,
)
from seatrial.measurement.horizon import fieller
from seatrial.measurement.worlds import (
    BASE,
    MILDER,
    OCTAVES_OF_BUDGET,
    AttemptsWorld,
    World,
    budget_review,
    drawn_repeats,
    equals,
    review,
)

if TYPE_CHECKING:
    import numpy as np

    from seatrial.measurement.horizon import Jackknife, Weighting

Truth: TypeAlias = dict[str, float]
Verdicts: TypeAlias = dict[
    str, tuple[bool, bool]
]  # figure -> (the method's interval holds the truth, a number is printed)
Range: TypeAlias = tuple[float, float] | None


class Case(Protocol):
    """A world with its questions."""

    @property
    def name(self) -> str: ...  # noqa: D102 - a label

    @property
    def cost(self) -> int: ...  # noqa: D102 - of one participant, in reviews of a whole bank

    def targets(self) -> dict[str, Range]:
        """The figures of this world, each with the range its coverage should lie in."""

    def truth(self, rng: np.random.Generator) -> Truth:
        """What is true in this world."""

    def judge(self, truth: Truth, rng: np.random.Generator) -> Verdicts:
        """One participant."""


HONEST = (0.935, 0.965)
PARTLY = ("Q1 bank", "Q2 generalized", "Q6 p50")
P80 = (0.915, 1.0)  # the true curve is no logistic: a bias of a tenth of an octave is known
WEIGHTINGS: tuple[Weighting, ...] = ("family", "equal")


def covers(answer: Estimate | NotIdentifiable, truth: float) -> bool:
    """Whether the printed limits hold the truth; a limit that is not printed is none."""
    if not isinstance(answer, Estimate):
        return True
    low = -inf if answer.lower is None else answer.lower
    return low <= truth <= (inf if answer.upper is None else answer.upper)


def judged(answer: Estimate | NotIdentifiable, truth: float) -> tuple[bool, bool]:
    """A verdict from the printed answer."""
    return covers(answer, truth), isinstance(answer, Estimate)


@dataclass(frozen=True)
class Light:
    """A world whose participants cost about as much as the others'."""

    name: str
    cost: int = field(default=1, init=False)


@dataclass(frozen=True)
class Review(Light):
    """Q2 and Q6 in one review, horizons with both weightings."""

    world: World
    families: int
    mean_size: int
    runs: int
    theta: float
    gated: bool = True

    def targets(self) -> dict[str, Range]:
        """Q2 needs 15 families."""
        found: dict[str, Range] = {"Q2 success": HONEST} if self.families >= 15 else {}
        for weighting in WEIGHTINGS:
            found[f"Q6 p50, {weighting} weights"] = HONEST if self.gated else None
            found[f"Q6 p80, {weighting} weights"] = P80 if self.gated else None
        return found

    def truth(self, rng: np.random.Generator) -> Truth:
        """p50 is the ability itself; the rest by Monte Carlo."""
        return {
            "Q2": self.world.generalized(self.theta, rng),
            "p50": self.theta,
            "p80": self.world.horizon(self.theta, 0.8, rng),
        }

    def judge(self, truth: Truth, rng: np.random.Generator) -> Verdicts:
        """All questions of one participant."""
        outcomes, _ = review(
            self.world, rng, families=self.families, mean_size=self.mean_size, runs=self.runs, theta=self.theta
        )
        verdicts = {"Q2 success": judged(generalized_success(outcomes), truth["Q2"])} if self.families >= 15 else {}
        for weighting in WEIGHTINGS:
            found = horizon(outcomes, weighting=weighting)
            for name, log_odds in (("p50", 0.0), ("p80", log(4))):
                holds, bounded = _fieller_holds(found.curve, log_odds, truth[name])
                verdicts[f"Q6 {name}, {weighting} weights"] = (holds, bounded)
        return verdicts


@dataclass(frozen=True)
class Printed(Light):
    """Q6 as it is printed, with the ends of the bank cut off."""

    families: int
    mean_size: int
    theta: float

    def targets(self) -> dict[str, Range]:
        """Cutting a limit off only widens: at least the method's own coverage."""
        return {"Q6 p50 as printed": (0.935, 1.0), "Q6 p80 as printed": (0.915, 1.0)}

    def truth(self, rng: np.random.Generator) -> Truth:
        """In minutes."""
        return {"p50": 2.0**self.theta, "p80": 2.0 ** BASE.horizon(self.theta, 0.8, rng)}

    def judge(self, truth: Truth, rng: np.random.Generator) -> Verdicts:
        """Both horizons."""
        outcomes, _ = review(BASE, rng, families=self.families, mean_size=self.mean_size, runs=1, theta=self.theta)
        return {
            f"Q6 {name} as printed": judged(horizon(outcomes, share=share).answer, truth[name])
            for name, share in (("p50", 0.5), ("p80", 0.8))
        }


@dataclass(frozen=True)
class Bank(Light):
    """Q1: 60 families of 5, every task `runs` times or only a random fifth of them."""

    runs: int
    fifth: bool
    theta: float
    range: Range

    def targets(self) -> dict[str, Range]:
        """One figure."""
        return {"Q1 success": self.range}

    def truth(self, rng: np.random.Generator) -> Truth:  # noqa: ARG002 - of each bank its own, in `judge`
        """None in common."""
        return {}

    def judge(self, truth: Truth, rng: np.random.Generator) -> Verdicts:  # noqa: ARG002 - the same
        """The truth is the mean chance over the very tasks."""
        outcomes, chance = review(BASE, rng, families=60, mean_size=5, runs=self.runs, theta=self.theta)
        answer = bank_success(drawn_repeats(outcomes, rng) if self.fifth else outcomes)
        return {"Q1 success": judged(answer, float(chance.mean()))}


@dataclass(frozen=True)
class Curve(Light):
    """Q3: the whole curve inside its band, over the points that have one."""

    families: int
    mean_size: int

    def targets(self) -> dict[str, Range]:
        """One figure."""
        return {"Q3 band": (0.93, 1.0)}

    def truth(self, rng: np.random.Generator) -> Truth:
        """One value a share of the budget."""
        return {str(octaves): BASE.generalized(5.5 + octaves, rng) for octaves in OCTAVES_OF_BUDGET}

    def judge(self, truth: Truth, rng: np.random.Generator) -> Verdicts:
        """A curve without any point has no number."""
        outcomes = budget_review(BASE, rng, families=self.families, mean_size=self.mean_size, theta=5.5)
        curve = budget_curve(outcomes, rng=rng)
        points = () if isinstance(curve, NotIdentifiable) else curve.points
        pairs = list(zip(points, truth.values(), strict=False))
        shown = any(isinstance(point.answer, Estimate) for point, _ in pairs)
        return {"Q3 band": (all(covers(point.answer, value) for point, value in pairs), shown)}


@dataclass(frozen=True)
class Attempts(Light):
    """Q4: at least one success in k attempts."""

    world: AttemptsWorld

    def targets(self) -> dict[str, Range]:
        """One figure."""
        return {f"Q4 in at least one of {self.world.k}": (0.94, 0.97)}

    def truth(self, rng: np.random.Generator) -> Truth:
        """By Monte Carlo."""
        return {"Q4": self.world.truth(rng)}

    def judge(self, truth: Truth, rng: np.random.Generator) -> Verdicts:
        """One participant."""
        answer = success_in_attempts(self.world.review(rng), self.world.k)
        return {f"Q4 in at least one of {self.world.k}": judged(answer, truth["Q4"])}


@dataclass(frozen=True)
class Equals(Light):
    """Q7: how often two participants of one ability are told apart."""

    families: int
    mean_size: int

    def targets(self) -> dict[str, Range]:
        """False alarms, not coverage."""
        return {"Q7 false alarms": (0.04, 0.065)}

    def truth(self, rng: np.random.Generator) -> Truth:  # noqa: ARG002 - no difference, whatever is drawn
        """No difference."""
        return {"difference": 0.0}

    def judge(self, truth: Truth, rng: np.random.Generator) -> Verdicts:
        """One pair."""
        first, second = equals(BASE, rng, families=self.families, mean_size=self.mean_size, theta=5.5)
        holds, shown = judged(paired_difference(first, second).answer, truth["difference"])
        return {"Q7 false alarms": (not holds, shown)}


@dataclass(frozen=True)
class Partly:
    """A bank of 60 families of which 60 tasks are run in rounds, with 12 calibrators or none."""

    scene: adaptive_worlds.Scene
    cost: int = field(default=10, init=False)

    @property
    def name(self) -> str:
        """The scene's."""
        return self.scene.name

    def targets(self) -> dict[str, Range]:
        """Its own: with misfit of one ability the multiplied intervals may be too wide, never too narrow."""
        return {f"{name}, partly run": (0.92, 1.0) for name in PARTLY}

    def truth(self, rng: np.random.Generator) -> Truth:  # noqa: ARG002 - kept by the scenes
        """None here."""
        return {}

    def judge(self, truth: Truth, rng: np.random.Generator) -> Verdicts:  # noqa: ARG002 - the same
        """One review; rounds are chosen as a real review chooses them."""
        tally = adaptive_worlds.run(self.scene, 1, int(rng.integers(2**31)))
        return {
            f"{name}, partly run": _tallied(tally, name.split()[-1]) for name in ("Q1 bank", "Q2 generalized", "Q6 p50")
        }


def _tallied(tally: adaptive_worlds.Tally, name: str) -> tuple[bool, bool]:
    hits, answers = tally.coverage(name)
    return bool(hits == answers), bool(answers)


def _fieller_holds(curve: Jackknife | None, log_odds: float, x: float) -> tuple[bool, bool]:
    """The method's own limits, before anything is cut; without them nothing is excluded."""
    limits = fieller(curve, log_odds) if curve else None
    if limits is None:
        return True, False
    return limits[0] <= x <= limits[1], True


CASES: tuple[Case, ...] = (
    Review("base 15x20", BASE, 15, 20, 1, 5.5),
    Review("base 30x10", BASE, 30, 10, 1, 5.5),
    Review("base 60x5", BASE, 60, 5, 1, 5.5),
    Review("base 60x5, 4 runs", BASE, 60, 5, 4, 5.5),
    Review("base 60x5, near the top", BASE, 60, 5, 1, 8.5),
    Review("base 60x5, 4 runs, nearer the top", BASE, 60, 5, 4, 9.5),
    Review("milder 60x3", MILDER, 60, 3, 1, 5.0),
    Review("milder 60x3, 4 runs", MILDER, 60, 3, 4, 5.0),
    Review("milder 60x3, 4 runs, near the top", MILDER, 60, 3, 4, 8.5),
    Review("milder 20x8", MILDER, 20, 8, 1, 5.0),
    Review("milder 7x25 (this bank only)", MILDER, 7, 25, 1, 5.0, gated=False),
    Printed("base 60x5", 60, 5, 5.5),
    Printed("base 60x5, nearer the top", 60, 5, 9.5),
    Bank("one run a task", 1, False, 5.5, (0.93, 1.0)),
    Bank("4 runs a task", 4, False, 5.5, (0.93, 1.0)),
    Bank("4 runs of a random fifth", 4, True, 5.5, (0.93, 1.0)),
    Bank("4 runs of a random fifth, near the top", 4, True, 9.5, (0.93, 1.0)),
    Curve("base 15x20", 15, 20),
    Curve("base 30x10", 30, 10),
    Curve("base 60x5", 60, 5),
    Attempts("150 tasks, 8 attempts, 50 families", AttemptsWorld(150, 8, 5, 50)),
    Attempts("150 tasks, 10 attempts, 50 families", AttemptsWorld(150, 10, 10, 50)),
    Attempts("60 tasks, 10 attempts, 20 families", AttemptsWorld(60, 10, 5, 20)),
    Equals("base 15x20", 15, 20),
    Equals("base 30x10", 30, 10),
    Equals("base 60x5", 60, 5),
    Partly(adaptive_worlds.Scene("60 of 60x5, inside the calibrators' range")),
    Partly(adaptive_worlds.Scene("60 of 60x5, above all calibrators", theta=8.5)),
    Partly(adaptive_worlds.Scene("60 of 60x5, no calibrators", calibrators=0)),
)
