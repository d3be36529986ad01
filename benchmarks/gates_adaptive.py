"""Calibration and adaptive review: one line a figure with its target, reached, missed or not run.

    python benchmarks/gates_adaptive.py                      # every part, 100 reviews a scene: about 15 minutes
    python benchmarks/gates_adaptive.py --reviews 300 partly # one part, larger

Parts: partly (G2p, simulated), none (reviews without calibration), replay (G4, on published runs named by the
environment variable SEATRIAL_LYPTUS, needs pyarrow), ranks (G8), strange (random matrices of many kinds), speed (G7).
Coverage targets are widened by two standard errors of the run's own size.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import chisquare

from adaptive_worlds import Scene, Tally, review, run, strange
from seatrial.measurement import Bank, Calibration, Design, calibrate
from seatrial.measurement.adaptive import State
from seatrial.measurement.calibration import fit_difficulties
from seatrial.measurement.completion import horizon_draws
from seatrial.measurement.posterior import THETA, Posterior
from seatrial.measurement.replay import HORIZON_FLOOR, informative_rounds
from seatrial.measurement.worlds import BASE, calibrator_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatrial.measurement.outcomes import Floats

SEED = 20261124
PARTS = ("partly", "none", "replay", "ranks", "strange", "speed")
SIZES = (30, 45, 60, 90)
INSIDE = (0.93, 1.0)  # narrower is allowed to be found, wider is only a cost
ABOVE = (0.92, 1.0)
PARTLY = (
    Scene("inside, information", mode="information"),
    Scene("inside, automatic"),
    Scene("inside, probability", mode="probability"),
    Scene("above, information", theta=8.5, mode="information"),
    Scene("far above, information", theta=10.0, mode="information"),
    Scene("above, automatic", theta=8.5),
    Scene("above, probability", theta=8.5, mode="probability"),
    Scene("inside, 30 families of 10", families=30, mean_size=10, mode="information"),
    Scene("inside, 15 families of 20", families=15, mean_size=20, mode="information"),
    Scene("inside, 15 families of 5", families=15, mean_size=5, mode="information", cap=30),
    Scene("inside, 5 calibrators", calibrators=5, mode="information"),
    Scene("inside, levels, no minutes", axis="level", mode="information"),
    Scene("inside, nothing known", axis="none", mode="information"),
    Scene("inside, twice the misfit", person=2.0, mode="information"),
)
NONE = (
    Scene("60 families of 5, 60 runs", calibrators=0),
    Scene("60 families of 5, 120 runs", calibrators=0, cap=120),
    Scene("weak, 60 runs", calibrators=0, theta=0.0),
    Scene("very weak, 120 runs", calibrators=0, theta=-4.0, cap=120),
    Scene("strong, 60 runs", calibrators=0, theta=10.0),
    Scene("nothing known, 60 runs", calibrators=0, axis="none"),
    Scene("levels, 120 runs", calibrators=0, axis="level", cap=120),
    Scene("30 families of 10, 90 runs", calibrators=0, families=30, mean_size=10, cap=90),
    Scene("15 families of 20, 120 runs", calibrators=0, families=15, mean_size=20, cap=120),
    Scene("15 families of 5, 60 runs", calibrators=0, families=15, mean_size=5),
)


@dataclass(frozen=True)
class Figure:
    """A measured value with its target; None: not run, and why."""

    name: str
    value: float | None
    low: float = -np.inf
    high: float = np.inf
    note: str = ""

    def line(self) -> str:
        """One line: value, target, verdict."""
        if self.value is None:
            return f"{self.name:62} {'-':>8}  not run ({self.note})"
        bounds = [f">= {self.low:g}" if self.low > -np.inf else "", f"<= {self.high:g}" if self.high < np.inf else ""]
        target = " and ".join(filter(None, bounds)) or "none"
        reached = "reached" if self.low <= self.value <= self.high else "MISSED"
        verdict = reached if target != "none" else "shown"
        return f"{self.name:62} {self.value:8.3f}  {target:20} {verdict:8} {self.note}"


def covered(name: str, hits: int, of: int, target: tuple[float, float], note: str = "") -> Figure:
    """A coverage against its target, two standard errors wide."""
    if not of:
        return Figure(name, None, note="no interval was given")
    low, high = target
    room = 2 * sqrt(low * (1 - low) / of)
    return Figure(name, hits / of, round(low - room, 3), high, f"n = {of} {note}")


def partly(reviews: int) -> Iterator[Figure]:
    """G2p: calibrators, then a participant that runs a part of the bank."""
    for scene in PARTLY:
        target = INSIDE if scene.name.startswith("inside") else ABOVE
        tally = run(scene, reviews, SEED)
        share = tally.probability / tally.reviews
        if scene.name == "above, automatic":
            yield Figure("above, automatic: probability mode picked", share, 0.85)
        if scene.name == "inside, automatic":
            yield Figure("inside, automatic: probability mode picked", share, high=0.15)
        yield from _coverages(scene, tally, target)


def none(reviews: int) -> Iterator[Figure]:
    """No calibration: the interval has to hold whatever the first round made of the chances."""
    for scene in NONE:
        yield from _coverages(scene, run(scene, 3 * reviews, SEED), (0.93, 1.0))


def _coverages(scene: Scene, tally: Tally, target: tuple[float, float]) -> Iterator[Figure]:
    for name in ("bank", "generalized", "p50"):
        if name == "p50" and scene.axis != "minutes":
            continue
        hits, of = tally.coverage(name)
        unit = "octaves" if name == "p50" else "share"
        widths = tally.width.get(name, [])
        note = f"half-width {np.median(widths):.3f} {unit}" if widths else ""
        silent = tally.silent.get(name, 0)
        note += f", no number in {silent}" if silent else ""
        yield covered(f"{scene.name}: {name}", hits, of, target, note)


def strange_matrices(reviews: int) -> Iterator[Figure]:
    """Random matrices of other shapes and misfits, automatic mode: coverage and gain of the bank's success rate."""
    for kind, hits, of, gain in strange(reviews, SEED):
        yield covered(f"strange, {kind}: bank", hits, of, (0.9, 1.0), f"runs saved x{gain:.2f}")


def ranks(_: int) -> Iterator[Figure]:
    """G8: ranks of the true ability among posterior draws are uniform (arXiv 1804.06788)."""
    rng = np.random.default_rng(SEED)
    counts = np.zeros(20)
    step = THETA[1] - THETA[0]
    for _ in range(2000):
        theta = rng.normal(0, 2.5)
        while abs(theta) > THETA[-1]:
            theta = rng.normal(0, 2.5)
        b = rng.normal(0, 2, 60)
        score = (rng.random(60) < expit(theta - b)).astype(np.float64)
        posterior = Posterior.of_difficulties(np.ones(60), b).updated(np.arange(60), score)
        draws = rng.choice(THETA, 99, p=posterior.weight) + rng.uniform(-step / 2, step / 2, 99)
        counts[int((draws < theta).sum()) // 5] += 1
    yield Figure("ranks: chi-square p of 20 bins, 2000 participants", float(chisquare(counts).pvalue), 0.01)


def speed(_: int) -> Iterator[Figure]:
    """G7, the parts of this room's calibration; seconds of processor time."""
    rng = np.random.default_rng(SEED)
    theta, b, a = rng.normal(0, 1, 120), rng.normal(0, 1.5, 500), np.exp(rng.normal(0.3, 0.5, 500))
    scores = (rng.random((120, 500)) < expit(a * (theta[:, None] - b))).astype(np.float64)
    bank = Bank.of([f"t{n}" for n in range(500)], [f"f{n % 50}" for n in range(500)])
    yield Figure("seconds, two-parameter fit 120 x 500", _seconds(lambda: fit_difficulties(scores, bank)), high=2)
    world = calibrator_world(BASE, rng, theta=5.5)
    several = _bank(world.x, world.family)
    made = lambda: _calibrated(world.calibrators, several, (30, 45, 60, 90, 120))  # noqa: E731 - timed below
    yield Figure("seconds, multipliers 12 x 300 x 5 sizes", _seconds(made), high=15)
    x = rng.uniform(0, 10, 5000)
    many = _bank(x, np.arange(5000) // 20)
    row = (rng.random(5000) < expit(5 - x)).astype(np.float64)
    known = dict(zip(many.task.tolist(), row.tolist(), strict=True))
    yield Figure(
        "seconds, whole review of 5000 tasks, no calibration",
        _seconds(lambda: review(Design(), many, None, known)),
        high=5,
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _bank(x: Floats, family: np.ndarray) -> Bank:
    return Bank.of([f"t{n}" for n in range(len(x))], [f"f{n}" for n in family], minutes=np.exp2(x))


def _calibrated(scores: Floats, bank: Bank, sizes: tuple[int, ...], seed: int = SEED) -> Calibration:
    rng = np.random.default_rng(seed)
    return calibrate(scores, bank, comparison_key="benchmark", bank_version="benchmark", rng=rng, sizes=sizes)


@dataclass(frozen=True)
class _Miss:
    """One replayed review: error and half-width, of the rate and of the horizon in octaves."""

    error: float
    half: float
    octaves: float
    octaves_half: float


def replay(reviews: int) -> Iterator[Figure]:
    """G4: newest models of a published bank, calibrated on older ones; truth is what the full bank gave."""
    folder = os.environ.get("SEATRIAL_LYPTUS", "")
    try:
        scores, bank = published(Path(folder))
    except (ImportError, FileNotFoundError) as reason:
        yield Figure("replay", None, note=f"SEATRIAL_LYPTUS={folder!r}: {reason}")
        return
    again = max(5, min(20, reviews // 5))
    targets = list(_targets(scores, bank))
    spread = float(np.mean([np.nanmean(row) * (1 - np.nanmean(row)) for _, row in targets]))
    yield Figure("replay: targets", len(targets), 9, 9, f"{again} replays each")
    informed = {n: [m for at, t in enumerate(targets) for m in _informed(*t, bank, n, again, at)] for n in SIZES}
    drawn = {n: [m for at, t in enumerate(targets) for m in _drawn(*t, bank, n, again, at)] for n in SIZES}
    for n, misses in informed.items():
        error = np.array([miss.error for miss in misses])
        octaves = np.array([miss.octaves for miss in misses])
        yield Figure(f"replay, information, {n} runs: RMSE of the rate", _rms(error), high=0.033 if n == 45 else np.inf)
        yield Figure(f"replay, information, {n} runs: RMSE, octaves", _rms(octaves), high=0.35 if n == 45 else np.inf)
        yield Figure(f"replay, information, {n} runs: fewer runs, times", _gain(misses, n, spread), 2.0)
    pooled = [miss for misses in informed.values() for miss in misses]
    yield Figure("replay, information: coverage of the rate", _share(pooled), 0.9)
    inside = np.mean([abs(miss.octaves) <= miss.octaves_half for miss in pooled])
    yield Figure("replay, information: coverage of the horizon", float(inside), 0.9)
    for n, misses in drawn.items():
        yield Figure(f"replay, probability, {n} runs: fewer runs, times", _gain(misses, n, spread), 1.6)
    yield Figure(
        "replay, probability: coverage of the rate", _share([m for misses in drawn.values() for m in misses]), 0.9
    )


def published(folder: Path) -> tuple[Floats, Bank]:
    """Models by tasks with human minutes, models in order of release."""
    from pyarrow import parquet  # noqa: PLC0415 - only this part needs it

    def columns(name: str) -> dict[str, list[object]]:
        found: dict[str, list[object]] = parquet.read_table(folder / name).to_pydict()
        return found

    runs, tasks = columns("model_runs.parquet"), columns("task_difficulties.parquet")
    models = columns("model_summaries_human_2M.parquet")
    minutes = {
        str(task): float(str(value))
        for task, value in zip(tasks["task_id"], tasks["best_available_minutes"], strict=True)
        if value is not None and float(str(value)) > 0
    }
    names = sorted({str(task) for task in runs["task_id"]} & set(minutes))
    released = sorted(zip(map(str, models["release_date"]), map(str, models["agent"]), strict=True))
    row = {alias: at for at, (_, alias) in enumerate(released)}
    place = {name: at for at, name in enumerate(names)}
    scores = np.full((len(row), len(names)), np.nan)
    family = [""] * len(names)
    for task, alias, score, suite in zip(
        runs["task_id"], runs["alias"], runs["score_binarized"], runs["task_family"], strict=True
    ):
        if str(task) in place:
            scores[row[str(alias)], place[str(task)]] = float(str(score))
            family[place[str(task)]] = str(suite)
    return scores, Bank.of(names, family, minutes=[minutes[name] for name in names])


def _targets(scores: Floats, bank: Bank) -> Iterator[tuple[Calibration, Floats]]:
    for at in range(5, len(scores)):
        made = _calibrated(scores[max(0, at - 12) : at], bank, SIZES, at)
        if made.usable >= 5:
            yield made, scores[at]


def _informed(made: Calibration, row: Floats, bank: Bank, n: int, again: int, at: int) -> Iterator[_Miss]:
    known = np.flatnonzero(~np.isnan(row))
    part, own = bank.where(known), row[known]
    prior = made.posterior(part)
    for number in range(again):
        rng = np.random.default_rng([SEED, at, n, number])
        posterior, seen = informative_rounds(own, part, prior, n, rng)
        value, sd = posterior.bank_mean(seen, own[seen])
        octaves, octaves_sd = horizon_draws(posterior, part.x, seen, own, rng)
        wide = made.quantile(0.95)
        yield _Miss(
            value - float(own.mean()),
            wide * made.multiplier(n) * sd,
            octaves,
            wide * made.multiplier(n, horizon=True) * max(octaves_sd, HORIZON_FLOOR),
        )


def _drawn(made: Calibration, row: Floats, bank: Bank, n: int, again: int, at: int) -> Iterator[_Miss]:
    known = np.flatnonzero(~np.isnan(row))
    part, own = bank.where(known), row[known]
    scores = dict(zip(part.task.tolist(), own.tolist(), strict=True))
    for number in range(again):
        seed = int(np.random.default_rng([SEED, at, n, number]).integers(2**31))
        design = Design(first=n // 3, cap=n, mode="probability", half_width=0.001, seed=seed)
        decisions = review(design, part, made, scores)
        value, lower, upper = State.of(part, made, decisions, scores).limits()
        yield _Miss(value - float(own.mean()), (upper - lower) / 2, np.nan, np.nan)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.nanmean(values**2)))


def _share(misses: list[_Miss]) -> float:
    return float(np.mean([abs(miss.error) <= miss.half + 1e-9 for miss in misses]))


def _gain(misses: list[_Miss], n: int, spread: float, tasks: int = 291) -> float:
    """Runs of a random battery with the same half-width, over n."""
    half = float(np.mean([miss.half for miss in misses]))
    infinite = spread / (half / 1.96) ** 2
    return infinite / (1 + (infinite - 1) / tasks) / n


def main() -> None:
    """Print every figure of the parts asked for."""
    options = argparse.ArgumentParser(description="Gates of calibration and adaptive review.")
    options.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    options.add_argument("--reviews", type=int, default=100, help="a scene")
    chosen = options.parse_args()
    work: dict[str, Callable[[int], Iterator[Figure]]] = {
        "partly": partly,
        "none": none,
        "replay": replay,
        "ranks": ranks,
        "strange": strange_matrices,
        "speed": speed,
    }
    missed = 0
    for part in chosen.parts or PARTS:
        for figure in work[part](chosen.reviews):
            line = figure.line()
            missed += " MISSED " in line
            print(line, flush=True)
    print(f"{missed} missed")


if __name__ == "__main__":
    main()
