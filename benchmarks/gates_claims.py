"""G3, G6, G9 and the differences: threshold statements, judges, arms, integrity, richness; one line a figure.

    SEATRIAL_LYPTUS=folder python benchmarks/gates_claims.py          # about four minutes
    python benchmarks/gates_claims.py 0.1                             # a tenth of the repetitions

The integrity figures need the folder of published runs; without it they are "not run".
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from seatrial.measurement import (
    Bank,
    Claim,
    Estimate,
    Incidence,
    Labels,
    NotIdentifiable,
    Outcomes,
    PersonFit,
    Reference,
    broken_items,
    elicitation_gap,
    generalized_success,
    judged_success,
    paired_difference,
    person_fit,
    reference,
    richness,
    statements,
)
from seatrial.measurement.difficulties import fit_difficulties, usable_calibrators
from seatrial.measurement.thresholds import log_e_value
from seatrial.measurement.worlds import BASE, JudgeWorld, equals, family_sizes, peeked, review

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Figure = tuple[str, str, str, str]  # name, figure, target, reached | missed | not run

SEED = 20261124
REVIEWS = 2000
PATHS = 4000
LOOKS = range(10, 301)
JUDGES = (
    JudgeWorld(0.95, 0.95, 0.3, 300, 100),
    JudgeWorld(0.9, 0.97, 0.1, 300, 100),
    JudgeWorld(0.95, 0.95, 0.3, 300, 300),
)
TASKS = 100
SUBSETS = 20  # of tasks for each target
DRAWN = 10  # sets of twelve calibrators, for shuffled items
MIN_CALIBRATORS, MAX_CALIBRATORS = 5, 12
FIRST_TARGET = 5  # from the sixth model in order of release on
RICH = (
    ("12 runs, 80 findings, beta(0.5, 4)", 12, 80, lambda rng, n: rng.beta(0.5, 4, n)),
    ("12 runs, 80 findings, beta(1, 9)", 12, 80, lambda rng, n: rng.beta(1, 9, n)),
    ("10 runs, 25 findings, log-normal", 10, 25, lambda rng, n: np.minimum(np.exp(rng.normal(-2.5, 1.2, n)), 0.95)),
    ("30 runs, 100 findings, beta(0.5, 4)", 30, 100, lambda rng, n: rng.beta(0.5, 4, n)),
    ("30 runs, 300 findings, log-normal", 30, 300, lambda rng, n: np.minimum(np.exp(rng.normal(-4, 1.5, n)), 0.95)),
)
EFFORT = 4.0  # shape of a gamma with mean 1: how much runs of one world differ in what they find


def figures(folder: Path | None, rng: np.random.Generator, scale: float = 1.0) -> Iterator[Figure]:
    """Every figure; `scale` multiplies the repetitions."""
    times = max(50, round(REVIEWS * scale))
    yield from judges(rng, times)
    yield from peeking(rng, max(400, round(PATHS * scale)))
    yield from differences(rng, times)
    yield from gaps(rng, times // 2)
    yield from claims(rng, times // 4)
    yield from findings(rng, times // 4)
    if folder is None:
        for name in ("honest flagged", "20 % suppression found", "shuffled items AUC"):
            yield f"G6 {name}", "SEATRIAL_LYPTUS names no folder", "", "not run"
        return
    yield from integrity(folder, rng)


def judges(rng: np.random.Generator, times: int) -> Iterator[Figure]:
    """G3: coverage of the corrected rate, of one battery and over families."""
    for world in JUDGES:
        hits = 0
        for _ in range(times):
            verdicts, labelled, labels = world.verdicts(rng)
            answer = judged_success(_runs(verdicts), Labels.of(labels.astype(int), labelled.astype(int)))
            hits += _covers(answer, world.share)
        name = f"G3 judge {world.sensitivity}/{world.specificity}, p {world.share}, {world.labels} labels"
        yield _least(name, hits / times, 0.945, times)
    truth, hits = BASE.generalized(5.5, rng), 0
    for _ in range(times // 2):
        outcomes, _ = review(BASE, rng, families=30, mean_size=10, runs=1, theta=5.5)
        seen = rng.random(len(outcomes)) < np.where(outcomes.score > 0, 0.95, 0.05)
        judged = outcomes.where(np.ones(len(outcomes), dtype=bool))
        judged = Outcomes.of(
            {
                "participant": judged.participant,
                "task": judged.task,
                "family": judged.family,
                "score": seen.astype(float),
            },
            budget=1,
            bank_version="simulated",
        )
        labels = Labels(50, int(rng.binomial(50, 0.95)), 50, int(rng.binomial(50, 0.95)))
        hits += _covers(judged_success(judged, labels, generalized=True), truth)
    yield _least("G3 judge over 30 families, 100 labels", hits / (times // 2), 0.945, times // 2)


def peeking(rng: np.random.Generator, paths: int) -> Iterator[Figure]:
    """G3: false alarms of a participant exactly at the threshold, looked at after every run."""
    solved = np.cumsum(peeked(rng, share=0.5, runs=LOOKS[-1], paths=paths), axis=1).astype(np.float64)
    log_e = log_e_value(solved, np.broadcast_to(np.arange(1.0, LOOKS[-1] + 1), solved.shape), 0.5)
    alarms = float((log_e[:, LOOKS[0] - 1 :].max(axis=1) >= log(20)).mean())
    yield "G3 false alarms over 300 looks", f"{alarms:.4f} of {paths:,}", "<= 0.05", _state(alarms <= 0.05)


def differences(rng: np.random.Generator, times: int) -> Iterator[Figure]:
    """Two equal participants told apart, over families and on one bank of few families."""
    for families, size, low, high in ((30, 10, 0.04, 0.065), (60, 5, 0.04, 0.065), (8, 20, 0.0, 0.065)):
        alarms = 0
        for _ in range(times):
            first, second = equals(BASE, rng, families=families, mean_size=size, theta=5.5)
            alarms += not _covers(paired_difference(first, second).answer, 0.0)
        yield _between(f"Q7 false alarms, {families} families", alarms / times, low, high, times)


def gaps(rng: np.random.Generator, times: int) -> Iterator[Figure]:
    """Coverage of the chosen arm's true gain, with arms that differ and with arms that do not."""
    for name, families, gains in (
        ("no arm better, 60 families", 60, (0.0, 0.0, 0.0, 0.0)),
        ("no arm better, 30 families", 30, (0.0, 0.0, 0.0, 0.0)),
        ("arms differ, 60 families", 60, (0.0, 0.4, 0.8, 1.2)),
        ("no arm better, 12 families (one bank)", 12, (0.0, 0.0, 0.0, 0.0)),
    ):
        size = 300 // families
        base = BASE.generalized(5.5, rng)
        truth = {f"arm{i}": BASE.generalized(5.5 + gain, rng) - base if gain else 0.0 for i, gain in enumerate(gains)}
        hits, naive, found = 0, [], []
        for _ in range(times):
            outcomes = _arms(rng, families, size, gains)
            gap = elicitation_gap(outcomes, rng=rng, default="arm0")
            hits += _covers(gap.comparison.answer, truth[gap.chosen or "arm0"])
            if isinstance(gap.comparison.answer, Estimate) and gap.comparison.answer.value is not None:
                found.append(gap.comparison.answer.value - truth[gap.chosen or "arm0"])
            shares = [outcomes.only(arm=f"arm{i}").score.mean() for i in range(len(gains))]
            naive.append(max(shares[1:]) - shares[0])
        yield _between(f"Q8 coverage, {name}", hits / times, 0.935, 0.985 if families < 15 else 0.965, times)
        if not any(gains):
            bias = float(np.mean(found))
            words = f"{bias:+.4f} (chosen and measured on the same: {float(np.mean(naive)):+.4f})"
            yield f"Q8 bias, {name}", words, "within 0.006", _state(abs(bias) <= 0.006)


def claims(rng: np.random.Generator, times: int) -> Iterator[Figure]:
    """Three claims exactly at the truth, judged together: how often any is shown."""
    share, minutes = BASE.generalized(5.5, rng), 2**5.5
    wrong = 0
    for _ in range(times):
        outcomes, chance = review(BASE, rng, families=60, mean_size=5, runs=1, theta=5.5)
        stated = [
            Claim("these tasks", "Q1", float(chance.mean())),
            Claim("such tasks", "Q2", share),
            Claim("minutes", "Q6", minutes),
        ]
        wrong += any(statement.shown for statement in statements(stated, outcomes))
    yield _most("Q9 any of three true limits exceeded", wrong / times, 0.05, times)
    low = _most_of_q2(rng, share, times)
    yield _between("Q9 one claim at the truth (Q2)", low, 0.03, 0.07, times)


def _most_of_q2(rng: np.random.Generator, share: float, times: int) -> float:
    wrong = 0
    for _ in range(times):
        outcomes, _ = review(BASE, rng, families=60, mean_size=5, runs=1, theta=5.5)
        assert isinstance(generalized_success(outcomes), Estimate)  # noqa: S101 - a world with 60 families has one
        wrong += statements([Claim("such tasks", "Q2", share)], outcomes)[0].shown
    return wrong / times


def findings(rng: np.random.Generator, times: int) -> Iterator[Figure]:
    """G9: findings differ in how easily they are made."""
    for name, runs, total, draw, unequal in [
        *((*world, False) for world in RICH),
        *((f"{name}, runs differ", *rest, True) for name, *rest in (RICH[0], RICH[3])),
    ]:
        bounds, made, hits, covered = [], [], {runs // 2: 0, runs: 0}, 0
        for _ in range(times):
            chance = draw(rng, total)
            counts = _made(rng, chance, runs, unequal=unequal)
            seen = counts > 0
            found = richness(
                Incidence(counts[seen], runs), rng=rng, budget="1 h", bank_version="simulated", more=tuple(hits)
            )
            if isinstance(found.total, NotIdentifiable):
                continue
            bounds.append(found.total.value or 0.0)
            made.append(found.distinct)
            average = 1 - (1 + -np.log1p(-chance) / EFFORT) ** -EFFORT if unequal else chance
            covered += _covers(found.coverage, float(average[seen].sum() / average.sum()))
            for more, answer in zip(hits, found.forecasts, strict=True):
                came = int(((counts == 0) & (_made(rng, chance, more, unequal=unequal) > 0)).sum())
                hits[more] += _covers(answer, came)
        bound, mean_made = float(np.mean(bounds)), float(np.mean(made))
        words = f"{mean_made:.1f} made, bound {bound:.1f}, {total} there"
        yield f"G9 {name}", words, "made < bound < there", _state(mean_made < bound < total)
        for more, share in hits.items():
            yield _least(f"G9 {name}: {more} more runs", share / len(bounds), 0.90, len(bounds))
        yield _least(f"G9 {name}: sample coverage", covered / len(bounds), 0.90, len(bounds))


def integrity(folder: Path, rng: np.random.Generator) -> Iterator[Figure]:
    """G6: models in order of release, the twelve before each as its calibrators."""
    for timed in (True, False):
        table = Released.read(folder, timed=timed)
        where = f"{table.scores.shape[1]} tasks"
        honest, suppressed, stated = table.flags(rng)
        yield f"G6 honest flagged, {where}", f"{honest:.3f}", "<= 0.05", _state(honest <= 0.05)
        words = f"{suppressed:.3f} (power stated beforehand: {stated:.2f})"
        yield f"G6 20 % suppression found, {where}", words, ">= 0.65", _state(suppressed >= 0.65)
        auc = table.shuffled(rng)
        yield f"G6 shuffled items AUC, 12 calibrators, {where}", f"{auc:.3f}", ">= 0.93", _state(auc >= 0.93)


@dataclass(frozen=True)
class Released:
    """Published runs: models in order of release by tasks, and the bank."""

    scores: Floats
    bank: Bank

    @classmethod
    def read(cls, folder: Path, *, timed: bool) -> Released:
        """The tasks with human minutes, or all that were run."""
        from pyarrow import parquet  # noqa: PLC0415 - of use only where the folder is

        runs = parquet.read_table(folder / "model_runs.parquet").to_pylist()
        tasks = {row["task_id"]: row for row in parquet.read_table(folder / "task_difficulties.parquet").to_pylist()}
        summary = parquet.read_table(folder / "model_summaries_human_2M.parquet").to_pylist()
        order = [row["agent"] for row in sorted(summary, key=lambda row: (str(row["release_date"]), row["agent"]))]
        column = "best_available_minutes" if timed else "model_estimate_minutes"
        family = {row["task_id"]: row["task_family"] for row in runs}
        names = sorted(name for name in family if (tasks[name][column] or 0) > 0 or not timed)
        place = {name: number for number, name in enumerate(names)}
        scores = np.full((len(order), len(names)), np.nan)
        for row in runs:
            if row["task_id"] in place and row["alias"] in order:
                scores[order.index(row["alias"]), place[row["task_id"]]] = row["score_binarized"]
        minutes = [tasks[name][column] if (tasks[name][column] or 0) > 0 else None for name in names]
        return cls(scores, Bank.of(names, [family[name] for name in names], minutes=minutes))

    def flags(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """Shares flagged of honest targets, of targets that lost a fifth of their solves; the power stated for that."""
        honest, suppressed, stated = [], [], []
        for target in range(FIRST_TARGET, len(self.scores)):
            older = self.scores[max(0, target - MAX_CALIBRATORS) : target]
            if usable_calibrators(older).sum() < MIN_CALIBRATORS:
                continue
            against = reference(older, self.bank, tasks=TASKS, rng=rng)
            if not isinstance(against, Reference):
                continue
            difficulties = fit_difficulties(older, self.bank)
            stated.append(against.power[1].power)
            for _ in range(SUBSETS):
                own = np.full(len(self.bank), np.nan)
                at = rng.choice(np.flatnonzero(~np.isnan(self.scores[target])), size=TASKS, replace=False)
                own[at] = self.scores[target, at]
                for found, row in (
                    (honest, own),
                    (suppressed, own * np.where(rng.random(len(own)) < 0.2, 0.0, 1.0)),
                ):
                    answer = person_fit(row, difficulties, against)
                    found.append(isinstance(answer, PersonFit) and answer.flagged)
        return float(np.mean(honest)), float(np.mean(suppressed)), float(np.mean(stated))

    def shuffled(self, rng: np.random.Generator) -> float:
        """AUC of the correlation between items as they are and with their outcomes shuffled among calibrators."""
        usable = self.scores[usable_calibrators(self.scores)]
        return float(np.mean([self._shuffled(rng.permutation(usable)[:MAX_CALIBRATORS], rng) for _ in range(DRAWN)]))

    def _shuffled(self, usable: Floats, rng: np.random.Generator) -> float:
        plain = {item.task: item.correlation for item in broken_items(usable, self.bank).items}
        mixed = []
        for column, name in enumerate(self.bank.task.tolist()):
            if name in plain:
                turned = usable.copy()
                turned[:, column] = rng.permutation(usable[:, column])
                found = {item.task: item.correlation for item in broken_items(turned, self.bank).items}
                if name in found:
                    mixed.append(found[name])
        good, bad = np.array(list(plain.values()))[:, None], np.array(mixed)[None]
        return float((good > bad).mean() + 0.5 * (good == bad).mean())


def _made(rng: np.random.Generator, chance: Floats, runs: int, *, unequal: bool) -> NDArray[np.int64]:
    """In how many runs each finding was made; unequal runs search with efforts of their own."""
    if not unequal:
        return rng.binomial(runs, chance)
    effort = rng.gamma(EFFORT, 1 / EFFORT, runs)[:, None]
    return (rng.random((runs, len(chance))) < 1 - (1 - chance) ** effort).sum(axis=0)


def _runs(solved: NDArray[np.bool_]) -> Outcomes:
    number = np.arange(len(solved)).astype(str)
    table = {"participant": ["m"] * len(solved), "task": number, "family": number, "score": solved.astype(float)}
    return Outcomes.of(table, budget=1, bank_version="simulated")


def _arms(rng: np.random.Generator, families: int, size: int, gains: tuple[float, ...]) -> Outcomes:
    """One participant in several arms, each worth some octaves over the first."""
    family = family_sizes(rng, families, size)
    difficulty = BASE.difficulty(rng, family)
    scores = [rng.random(len(family)) < expit(BASE.slope * (5.5 + gain - difficulty)) for gain in gains]
    return Outcomes.of(
        {
            "participant": ["m"] * len(family) * len(gains),
            "arm": np.repeat([f"arm{i}" for i in range(len(gains))], len(family)),
            "task": np.tile(np.arange(len(family)).astype(str), len(gains)),
            "family": np.tile(family.astype(str), len(gains)),
            "score": np.concatenate(scores).astype(float),
        },
        budget=1,
        bank_version="simulated",
    )


def _covers(answer: Estimate | NotIdentifiable, truth: float) -> bool:
    if not isinstance(answer, Estimate):
        return False
    return (answer.lower is None or answer.lower <= truth) and (answer.upper is None or truth <= answer.upper)


def _slack(share: float, of: int) -> float:
    """Two standard errors of the figure's own size."""
    return 2 * float(np.sqrt(share * (1 - share) / of))


def _least(name: str, share: float, bound: float, of: int) -> Figure:
    return name, f"{share:.3f} of {of:,}", f">= {bound}", _state(share >= bound - _slack(bound, of))


def _most(name: str, share: float, bound: float, of: int) -> Figure:
    return name, f"{share:.3f} of {of:,}", f"<= {bound}", _state(share <= bound + _slack(bound, of))


def _between(name: str, share: float, low: float, high: float, of: int) -> Figure:
    inside = low - _slack(max(low, 0.05), of) <= share <= high + _slack(high, of)
    return name, f"{share:.3f} of {of:,}", f"{low}-{high}", _state(inside)


def _state(reached: bool) -> str:  # noqa: FBT001 - a figure's outcome
    return "reached" if reached else "missed"


def main() -> int:
    """Print every figure; 1 when one is missed."""
    named = os.environ.get("SEATRIAL_LYPTUS")
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    missed = 0
    for name, figure, target, state in figures(
        Path(named) if named else None, np.random.default_rng(SEED), scale
    ):  # fmt: skip
        missed += state == "missed"
        print(f"{name:62} {figure:40} target {target:24} {state}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
