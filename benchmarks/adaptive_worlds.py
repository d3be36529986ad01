"""Whole reviews in simulated worlds, through the functions a real review calls; used by gates_adaptive.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from seatrial.measurement import (
    Bank,
    Calibration,
    Decision,
    Design,
    Estimate,
    NotIdentifiable,
    Outcomes,
    calibrate,
    next_round,
    partial,
)
from seatrial.measurement.adaptive import State
from seatrial.measurement.worlds import BASE, World, calibrator_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seatrial.measurement.outcomes import Floats

PERSON = 1.0
TRUTH_SEED = 7


@dataclass(frozen=True)
class Scene:
    """One kind of review: the bank, who calibrated it, who takes it, and how."""

    name: str
    theta: float = 5.5
    families: int = 60
    mean_size: int = 5
    calibrators: int = 12  # 0: none
    abilities: tuple[float, float] = (0.5, 8.0)
    mode: str = "auto"
    cap: int = 60
    person: float = PERSON
    axis: str = "minutes"  # "level": three generator levels; "none": nothing is known
    half_width: float = 0.01  # so small that only the cap stops a review
    world: World = BASE


@dataclass
class Tally:
    """What many reviews of one scene gave."""

    reviews: int = 0
    probability: int = 0
    runs: list[int] = field(default_factory=list)
    covered: dict[str, list[bool]] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)
    width: dict[str, list[float]] = field(default_factory=dict)
    error: dict[str, list[float]] = field(default_factory=dict)
    wide_full: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, answer: Estimate | NotIdentifiable, truth: float, *, octaves: bool = False) -> None:
        """Count one answer against its truth; a missing limit is a limit at infinity."""
        if isinstance(answer, NotIdentifiable):
            self.silent[name] = self.silent.get(name, 0) + 1
            return
        low = -np.inf if answer.lower is None else answer.lower
        high = np.inf if answer.upper is None else answer.upper
        self.covered.setdefault(name, []).append(low - 1e-9 <= truth <= high + 1e-9)
        if octaves and 0 < low < high < np.inf:
            self.width.setdefault(name, []).append(float(np.log2(high / low)) / 2)
        elif not octaves:
            self.width.setdefault(name, []).append((high - low) / 2)
        if answer.value is not None and not octaves:
            self.error.setdefault(name, []).append(answer.value - truth)

    def coverage(self, name: str) -> tuple[int, int]:
        """Hits and answers."""
        hits = self.covered.get(name, [])
        return sum(hits), len(hits)


@cache
def truths(world: World, theta: float, person: float) -> tuple[float, float]:
    """Generalized success and p50 in minutes."""
    rng = np.random.default_rng(TRUTH_SEED)
    return world.generalized(theta, rng, person=person, draws=2_000_000), float(2**theta)


def run(scene: Scene, reviews: int, seed: int) -> Tally:
    """Many reviews of a scene."""
    tally = Tally()
    generalized, p50 = truths(scene.world, scene.theta, scene.person)
    for number in range(reviews):
        rng = np.random.default_rng([seed, number])
        bank, row, calibration, x = _bank(scene, rng)
        design = Design(seed=number, cap=scene.cap, mode=scene.mode, half_width=scene.half_width)
        decisions = review(design, bank, calibration, dict(zip(bank.task.tolist(), row.tolist(), strict=True)))
        answers = partial(bank, calibration, decisions, table(bank, row, decisions, x), design=design, rng=rng)
        tally.reviews += 1
        tally.probability += answers.mode == "probability"
        tally.runs.append(sum(len(decision.tasks) for decision in decisions))
        tally.add("bank", answers.bank, float(row.mean()))
        tally.add("generalized", answers.generalized, generalized)
        if scene.axis == "minutes":
            tally.add("p50", answers.p50, p50, octaves=True)
    return tally


def review(
    design: Design, bank: Bank, calibration: Calibration | None, scores: Mapping[str, float]
) -> tuple[Decision, ...]:
    """All rounds of one review of a participant whose scores are known."""
    decisions: list[Decision] = []
    known: dict[str, float] = {}
    while not decisions or not decisions[-1].stop:
        decisions.append(next_round(design, bank, calibration, decisions, known))
        known |= {task: scores[task] for task in decisions[-1].tasks}
    return tuple(decisions)


def table(bank: Bank, row: Floats, decisions: Sequence[Decision], x: Floats) -> Outcomes:
    """The runs that the decisions asked for."""
    places = bank.positions([task for decision in decisions for task in decision.tasks])
    columns = {
        "participant": ["m"] * len(places),
        "task": bank.task[places],
        "item": bank.item[places],
        "family": bank.family[places],
        "score": row[places],
        "minutes": np.exp2(x[places]),
        "minutes_source": ["completion"] * len(places),
    }
    return Outcomes.of(columns, budget=2_000_000, bank_version="simulated")


def _bank(scene: Scene, rng: np.random.Generator) -> tuple[Bank, Floats, Calibration | None, Floats]:
    world = calibrator_world(
        scene.world,
        rng,
        theta=scene.theta,
        families=scene.families,
        mean_size=scene.mean_size,
        calibrators=max(scene.calibrators, 1),
        abilities=scene.abilities,
        person=scene.person,
    )
    names = [f"t{number}" for number in range(len(world.x))]
    family = [f"f{number}" for number in world.family]
    levels = np.digitize(world.x, [3.5, 6.5]).astype(np.float64)
    bank = Bank.of(
        names,
        family,
        minutes=np.exp2(world.x) if scene.axis == "minutes" else None,
        level=levels if scene.axis == "level" else None,
    )
    if not scene.calibrators:
        return bank, world.scores, None, world.x
    calibration = calibrate(
        world.calibrators,
        bank,
        comparison_key="simulated",
        bank_version="simulated",
        rng=rng,
        sizes=(30, 60, 90, 120) if scene.cap > 60 else (scene.cap,),
    )
    return bank, world.scores, calibration, world.x


KINDS = (
    "two abilities",
    "guessing",
    "no minutes, holes",
    "constant rows and columns",
    "few tasks",
    "one family",
    "participant contradicts a tenth of the bank",
)


def strange(reviews: int, seed: int) -> Iterator[tuple[str, int, int, float]]:
    """Kind of matrix, intervals of the bank's rate that covered, reviews, and how many runs were saved.

    The last row of each random matrix is the participant, the others calibrate. The gain is that of the mean half-width
    against a random battery drawn without replacement.
    """
    for number, kind in enumerate(KINDS):
        hits, gains = 0, []
        for again in range(reviews):
            rng = np.random.default_rng([seed, number, again])
            matrix, bank = _matrix(kind, rng)
            row = matrix[-1]
            made = calibrate(
                matrix[:-1], bank, comparison_key="strange", bank_version="strange", rng=rng, sizes=(30, 60, 90, 120)
            )
            scores = dict(zip(bank.task.tolist(), row.tolist(), strict=True))
            design = Design(seed=again, half_width=0.05)
            decisions = review(design, bank, made, scores)
            _, lower, upper = State.of(bank, made, decisions, scores).limits()
            truth = float(row.mean())
            hits += lower - 1e-9 <= truth <= upper + 1e-9
            runs = sum(len(decision.tasks) for decision in decisions)
            infinite = max(truth * (1 - truth), 1e-3) / max((upper - lower) / 2 / 1.96, 1e-3) ** 2
            gains.append(infinite / (1 + (infinite - 1) / len(bank)) / runs)
        yield kind, hits, reviews, float(np.median(gains))


def _matrix(kind: str, rng: np.random.Generator) -> tuple[Floats, Bank]:
    people = int(rng.integers(6, 31))
    tasks = int(rng.integers(20, 60)) if kind == "few tasks" else int(rng.integers(80, 500))
    families = 1 if kind == "one family" else max(2, tasks // int(rng.integers(3, 15)))
    family = rng.integers(0, families, tasks)
    x = rng.uniform(-1, 11, tasks)
    slope = rng.uniform(0.2, 1.2)
    logits = (
        rng.normal(0, rng.uniform(1, 4), people)[:, None] - slope * (x - 5) + rng.normal(0, rng.uniform(0.5, 3), tasks)
    )
    if kind == "two abilities":
        logits = logits + rng.normal(0, 2, (people, 2))[:, rng.integers(0, 2, families)][:, family]
    logits = logits + rng.normal(0, rng.uniform(0, 1.5), (people, families))[:, family]
    chance = 1 / (1 + np.exp(-logits))
    if kind == "guessing":
        chance = 0.2 + 0.75 * chance
    scores = (rng.random(chance.shape) < chance).astype(np.float64)
    if kind == "no minutes, holes":
        scores[:-1][rng.random((people - 1, tasks)) < 0.3] = np.nan
    if kind.startswith("participant"):  # calibrators agree on a fifth of the tasks, as nothing else would suggest
        scores[:-1, : tasks // 5] = rng.integers(0, 2, tasks // 5)
    if kind == "constant rows and columns":
        scores[:, : tasks // 5] = rng.integers(0, 2, tasks // 5)
        scores[0], scores[1] = 1, 0
    timed = kind not in {"no minutes, holes", "guessing"}
    names = [f"t{number}" for number in range(tasks)]
    bank = Bank.of(names, [f"f{number}" for number in family], minutes=np.exp2(x) if timed else None)
    return scores, bank
