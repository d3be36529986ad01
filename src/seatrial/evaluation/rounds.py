"""The rounds of an adaptive review on the disk: what was picked and why, and the outcomes that each pick rests on.

- `rounds.jsonl` has one decision a line, `finals.jsonl` one final outcome a line; both are brought to the disk before
  what follows from them begins.
- Opening them decides everything again: a decision that does not follow from plan, bank, calibration and the outcomes
  before it is refused.
- A round closes when each of its instances has a final outcome. A lost one is final too and never blocks; a round in
  which the review itself stopped an attempt stays open, and no further one follows.
- An outcome of a closed round never changes; one of the open round may (it was lost, and was run again after a pause).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from math import isclose, isfinite
from typing import TYPE_CHECKING, Any

from seatrial.evaluation.bank import bank_of
from seatrial.evaluation.rundir import RunDirectory, RunError
from seatrial.measurement.adaptive import Decision, Design, next_round
from seatrial.measurement.bank import AXES
from seatrial.measurement.calibration import Calibration

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.evaluation.outcomes import Outcome
    from seatrial.evaluation.plan import ReviewPlan, Rounds
    from seatrial.measurement.bank import Bank

DECISIONS, FINALS, CALIBRATION = "rounds.jsonl", "finals.jsonl", "calibration.json"
STOPPED = "stopped"
EQUAL = 1e-6  # relative: linear algebra of another machine may differ in a number's last digits, never in a pick


@dataclass(frozen=True)
class Final:
    """How the subject's run of one instance ended, as the selector is told."""

    task: str
    outcome: str
    status: str
    score: float | None  # None: lost, or stopped by us

    @classmethod
    def of(cls, task: str, outcome: Outcome) -> Final:
        """From a classified sample."""
        return cls(task, outcome.outcome, outcome.status, outcome.score)


@dataclass
class RoundLog:
    """An adaptive review's decisions and outcomes so far; `open` reads and checks them."""

    run: RunDirectory
    design: Design
    bank: Bank
    calibration: Calibration | None
    decisions: list[Decision] = field(default_factory=list)
    finals: dict[str, Final] = field(default_factory=dict)

    @classmethod
    def open(cls, run: RunDirectory) -> RoundLog:
        """Read a run directory; `RunError` with code 5 when its rounds do not follow from its plan and outcomes."""
        plan = run.plan()
        if plan.rounds is None:
            raise RunError(f"review {plan.review} is not adaptive: its plan runs every instance")
        found = cls(run, design_of(plan.rounds), bank_of(plan, run.manifests()), calibration_of(run, plan))
        ends = {line["task"]: Final(**line) for line in run.lines(FINALS)}
        for line in run.lines(DECISIONS):
            recorded = decision_from(line)
            for task in found.picked():
                found.finals[task] = ends[task] if task in ends else _missing(run, task)
            differing = _differing(found._decide(), recorded)
            if differing:
                raise RunError(
                    f"{run.path / DECISIONS}, round {recorded.round}: {', '.join(differing)} do not follow from plan "
                    "and earlier outcomes; they were changed, or another release than the plan names decided",
                    code=5,
                )
            found.decisions.append(recorded)
        found.finals |= {task: ends[task] for task in found.picked() if task in ends}
        return found

    def picked(self) -> tuple[str, ...]:
        """All instances picked so far, in order."""
        return tuple(task for decision in self.decisions for task in decision.tasks)

    def pending(self) -> tuple[str, ...]:
        """What a worker hands out when it starts: all picks but those that a closed round lost for good."""
        latest = set(self.decisions[-1].tasks) if self.decisions else set()
        return tuple(
            task
            for task in self.picked()
            if task in latest or task not in self.finals or self.finals[task].score is not None
        )

    @property
    def closed(self) -> bool:
        """Whether every picked instance has its final outcome."""
        return all(task in self.finals for task in self.picked())

    @property
    def over(self) -> bool:
        """Whether no further round follows: the rule said stop, or the review itself stopped attempts."""
        if not self.decisions:
            return False
        last = self.decisions[-1]
        return last.stop or any(task in self.finals and self.finals[task].status == STOPPED for task in last.tasks)

    def note(self, final: Final) -> None:
        """Bring an outcome to the disk; telling it twice is telling it once."""
        earlier = self.finals.get(final.task)
        if earlier == final or (earlier is not None and final.task not in self.decisions[-1].tasks):
            return
        self.run.append(FINALS, asdict(final))
        self.finals[final.task] = final

    def advance(self) -> Decision:
        """Decide the next round and bring it to the disk; only once the one before is closed."""
        if not self.closed or self.over:
            raise RunError(f"{self.run.path}: round {len(self.decisions)} is not closed, or was the last")
        decision = self._decide()
        self.run.append(DECISIONS, asdict(decision))
        self.decisions.append(decision)
        return decision

    def _decide(self) -> Decision:
        scores = {task: final.score for task, final in self.finals.items() if final.score is not None}
        return next_round(self.design, self.bank, self.calibration, tuple(self.decisions), scores)


def design_of(rounds: Rounds) -> Design:
    """What a plan says of its rounds, in the terms of measurement; `ValueError` when it contradicts itself."""
    return Design(
        half_width=float(Decimal(rounds.precision)),
        first=rounds.first,
        block=rounds.block,
        cap=rounds.cap,
        mode=rounds.mode,
        seed=rounds.seed,
    )


def calibration_of(run: RunDirectory, plan: ReviewPlan) -> Calibration | None:
    """The calibration that the plan names; `RunError` when the file is another one or cannot be read."""
    if plan.rounds is None or not plan.rounds.calibration_sha256:
        return None
    return read_calibration(run.path / CALIBRATION, expected=plan.rounds.calibration_sha256)


def read_calibration(path: Path, *, expected: str = "") -> Calibration:
    """A calibration file; `RunError` names it and what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read: {error}") from error
    found = hashlib.sha256(text.encode()).hexdigest()
    if expected and found != expected:
        raise RunError(f"{path}: digest {found}, the plan names {expected}", code=5)
    try:
        made = Calibration.from_json(text)
        _require_numbers(made)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RunError(f"{path}: is no calibration that this release reads: {error}") from error
    return made


def _require_numbers(made: Calibration) -> None:
    """Raise `TypeError` or `ValueError` where a field is no number, or none that a posterior can use."""
    if not made.item or not all(isinstance(item, str) for item in made.item):
        raise ValueError("item: names of forms are needed")
    if made.usable != int(made.usable) or made.usable < 0 or made.axis not in AXES:
        raise ValueError("usable is a count, axis one of " + ", ".join(AXES))
    scale = (made.intercept, made.slope, made.spread, made.largest_theta, made.linking_se)
    factors = (*made.multipliers.values(), *made.horizon_multipliers.values())
    if not all(map(isfinite, (*made.a, *made.b, *made.sd, *scale, *factors, *made.replay_errors.values()))):
        raise ValueError("every number must be finite")
    if min(made.a) <= 0 or min((*made.sd, made.spread, made.linking_se)) < 0 or min((1.0, *factors)) < 1:
        raise ValueError("discriminations lie above 0, errors not below 0, multipliers not below 1")


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration file, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(calibration.to_json(), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error}") from error


def picked_in(path: Path) -> frozenset[str]:
    """The instances that a run directory's rounds have picked so far."""
    return frozenset(task for decision in read_decisions(RunDirectory(path)) for task in decision.tasks)


def read_decisions(run: RunDirectory) -> tuple[Decision, ...]:
    """The decisions of an adaptive review as they stand; none for another."""
    return tuple(decision_from(line) for line in run.lines(DECISIONS))


def decision_from(line: dict[str, Any]) -> Decision:
    """One line of `rounds.jsonl`."""
    try:
        values = {item.name: line[item.name] for item in fields(Decision)}
    except KeyError as error:
        raise RunError(f"{DECISIONS}: a line lacks {error}", code=5) from error
    frozen: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return Decision(**frozen)


def _missing(run: RunDirectory, task: str) -> Final:
    raise RunError(f"{run.path / FINALS}: no outcome of {task}, on which a later round rests", code=5)


def _differing(one: Decision, other: Decision) -> tuple[str, ...]:
    """The fields in which two decisions differ: picks at all, numbers beyond their last digits."""
    return tuple(name for name, value in vars(one).items() if not _equal(value, getattr(other, name)))


def _equal(one: Any, other: Any) -> bool:  # noqa: ANN401 - fields of a decision
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, float) and isinstance(other, float | int):
        return isclose(one, other, rel_tol=EQUAL, abs_tol=EQUAL)
    return bool(one == other)
