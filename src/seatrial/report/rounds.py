"""A review whose instances were picked in rounds, as records: how they were picked, and what a part of a battery says.

- The decisions are read with evaluation's own reader, which decides everything again: a log that does not follow from
  plan, calibration and outcomes is refused.
- The subject's numbers are those of a partly run battery. Everybody else's describe the instances that were run, which
  were picked for the subject's sake: they are no sample of the battery, so nothing beyond them is stated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seatrial.evaluation.rounds import CALIBRATION, DECISIONS, RoundLog
from seatrial.evaluation.rundir import RunDirectory, RunError
from seatrial.measurement import Estimate, NotIdentifiable, partial
from seatrial.measurement.ability import POINTS
from seatrial.report.assessment import ReportError
from seatrial.report.collection import About
from seatrial.report.horizons import SHARES, places
from seatrial.report.records import Ability, CalibrationRecord, Horizon, HorizonPoint, Round, Rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.measurement import Outcomes, Partial
    from seatrial.report.collection import Answer, Numbers
    from seatrial.report.table import Tables

SEED_DIGITS = 12  # of the plan's digest
PICKED_ESTIMAND = "share of the instances that were picked solved in one run each, at the stated budget"
PICKED = "the instances were picked for {}, so they are no sample of challenges like these"


@dataclass(frozen=True, eq=False)
class Picked:
    """The rounds of a run directory, checked, with what partly run batteries are read with."""

    log: RoundLog
    seed: int
    sha256: str  # of the calibration; empty without one

    @classmethod
    def of(cls, tables: Tables) -> Picked | None:
        """None where every instance of the plan was run."""
        path = tables.files.path
        if not (path / DECISIONS).is_file():
            return None
        try:
            log = RoundLog.open(RunDirectory(path))
        except RunError as error:
            raise ReportError(str(error)) from error
        file = path / CALIBRATION
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest() if log.calibration is not None else ""
        return cls(log, int(tables.files.plan_digest[:SEED_DIGITS], 16), sha256)

    def partial(self, outcomes: Outcomes) -> Partial:
        """What a participant's runs of the picked instances say of the battery."""
        log, rng = self.log, np.random.default_rng(self.seed)
        return partial(log.bank, log.calibration, tuple(log.decisions), outcomes, design=log.design, rng=rng)

    def record(self, participant: str) -> Rounds:
        """The decisions as a record."""
        rounds, runs = [], 0
        for decision in self.log.decisions:
            rounds.append(
                Round(
                    number=decision.round,
                    mode=decision.mode,
                    reason=decision.reason,
                    picked=len(decision.tasks),
                    runs=runs,
                    share=decision.value,
                    lower=decision.lower,
                    upper=decision.upper,
                    ability=decision.theta_mean,
                    ability_sd=decision.theta_sd,
                    last=decision.stop,
                )
            )
            runs += len(decision.tasks)
        modes = [item.mode for item in rounds if not item.last] or ["start"]
        return Rounds(
            participant=participant,
            mode=modes[-1],
            wanted=self.log.design.half_width,
            battery=len(self.log.bank),
            picked=runs,
            seed=self.log.design.seed,
            rounds=rounds,
            calibration=self._calibration(),
        )

    def _calibration(self) -> CalibrationRecord | None:
        found = self.log.calibration
        if found is None:
            return None
        return CalibrationRecord(
            sha256=self.sha256,
            models=found.usable,
            strongest=POINTS * float(np.exp(np.log(found.a).mean())) * found.largest_theta,
            scale=found.scale_version,
            bank=found.bank_version,
        )


def add_partial(found: Numbers, picked: Picked, about: About, outcomes: Outcomes) -> Partial:
    """Q1 and Q2 of a partly run battery."""
    answers = picked.partial(outcomes)
    found.add(about, answers.bank, solved=int(outcomes.counted().score.sum()))
    found.add(about, answers.generalized, solved=int(outcomes.counted().score.sum()))
    return answers


def add_partial_horizon(found: Numbers, participant: str, outcomes: Outcomes, answers: Partial) -> None:
    """Q6 of a partly run battery; the curve behind it is a mean over completed tables, so none is drawn."""
    points = []
    for share, answer in zip(SHARES, (answers.p50, answers.p80), strict=True):
        estimate, reason = found.place(About(participant, suffix=f"p{100 * share:.0f}"), answer)
        points.append(HorizonPoint(share=share, estimate=estimate, reason=reason, share_longer=None, timed=None))
    if any(point.estimate for point in points):
        unit = next(point.estimate.unit for point in points if point.estimate)
        axis = "minutes" if unit == "human minutes" else "level"
        found.horizons.append(
            Horizon(
                participant=participant,
                axis="minutes" if axis == "minutes" else "level",
                curve=None,
                points=points,
                places=places(outcomes, axis),
                without_length=0,
            )
        )


def add_abilities(found: Numbers, picked: Picked, tables: Tables, subject: Partial) -> None:
    """Q5 for everybody on the scale of the calibration, the subject first; nothing without a calibration."""
    names = tables.participants
    _ability(found, names[0], subject.ability)
    if picked.log.calibration is None:
        return
    for name in names[1:]:
        outcomes = tables.outcomes(name)
        if len(outcomes.counted()):
            _ability(found, name, _placed(picked.partial(outcomes).ability, outcomes))


def generalized_from_picked(subject: str) -> Callable[[Outcomes], Answer]:
    """Q2 of the others in a review that was picked for somebody else: never a number."""

    def answer(outcomes: Outcomes) -> Answer:
        counts = {"runs": len(outcomes.counted())}
        reason = PICKED.format(subject)
        return NotIdentifiable(quantity="Q2", estimand="share of challenges like these", reason=reason, counts=counts)

    return answer


def _placed(answer: Answer, outcomes: Outcomes) -> Answer:
    """An ability; somebody who solved all or nothing lies beyond these instances, and only a prior says how far."""
    scores = outcomes.counted().score
    if isinstance(answer, NotIdentifiable) or 0 < scores.mean() < 1:
        return answer
    reason = f"{'all' if scores.any() else 'none'} of the instances that were run was solved: no limit for the ability"
    return NotIdentifiable(quantity="Q5", estimand=answer.estimand, reason=reason, counts={"runs": len(scores)})


def _ability(found: Numbers, participant: str, answer: Answer) -> None:
    if isinstance(answer, NotIdentifiable):
        _, reason = found.place(About(participant), answer)
        found.abilities.append(Ability(participant=participant, logits=None, points=None, reason=reason))
        return
    logits = _scaled(answer, 1 / POINTS, "logits")
    found.abilities.append(
        Ability(
            participant=participant,
            logits=found.record(About(participant, suffix="logits"), logits),
            points=found.record(About(participant, suffix="points"), answer),
            reason="",
        )
    )


def _scaled(answer: Estimate, factor: float, unit: str) -> Estimate:
    """The same answer in another unit of its scale."""

    def times(number: float | None) -> float | None:
        return None if number is None else factor * number

    return replace(answer, value=times(answer.value), lower=times(answer.lower), upper=times(answer.upper), unit=unit)
