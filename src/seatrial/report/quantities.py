"""Which quantity for whom: everything that a reading of somebody's results can say, or what was asked of it.

- Asked for nothing, it answers all that the columns can carry; what they cannot is listed with the reason.
- Asked for a quantity by name, it answers for every participant, if need be that it is not identifiable.
- Every participant is answered for apart. Random draws depend on the seed, the participant and the quantity alone, so
  leaving others out changes no number.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from seatrial.measurement import (
    LEVEL,
    BudgetCurve,
    Estimate,
    NotIdentifiable,
    OutcomesError,
    bank_success,
    budget_curve,
    generalized_success,
    horizon,
    paired_difference,
)
from seatrial.measurement.ability import MIN_OTHERS, POINTS, Field
from seatrial.measurement.bank import Bank
from seatrial.measurement.comparison import GAP_ESTIMAND, elicitation_gap
from seatrial.measurement.richness import Incidence, richness
from seatrial.measurement.success import success_in_attempts
from seatrial.measurement.thresholds import Claim, statements
from seatrial.report.measured_integrity import ASK, Fit, ParticipantSigns, Signs, bounds, ends, fit, signs

if TYPE_CHECKING:
    from typing import Literal

    from seatrial.evaluation.reading import Reading
    from seatrial.measurement import Outcomes, PairedComparison

QUANTITIES = {
    "success": "Q1",
    "generalized": "Q2",
    "budget": "Q3",
    "attempts": "Q4",
    "ability": "Q5",
    "horizon": "Q6",
    "difference": "Q7",
    "elicitation": "Q8",
    "threshold": "Q9",
    "integrity": "Q11",
    "findings": "Q12",
}
OTHER_NAMES = {"pass@k": "Q4", "gap": "Q8", "richness": "Q12"}
QUICK_CELLS = 50_000  # participants by tasks: beyond, abilities take longer than all other quantities together
SHARES = (0.5, 0.8)  # of horizons: the two that are published side by side


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is wanted; nothing named means all that the results can give."""

    quantities: tuple[str, ...] = ()  # Q1 ... Q12
    participants: tuple[str, ...] = ()
    level: float = LEVEL
    seed: int = 0
    attempts: int | None = None
    against: str = ""
    default_arm: str = "default"
    at_least: tuple[str, ...] = ()  # a share as 0.5, or minutes as 60min
    weighting: Literal["family", "equal"] = "family"


@dataclass(frozen=True)
class Answer:
    """One quantity of one participant in one arm."""

    participant: str
    arm: str
    quantity: str
    name: str  # tells answers of one quantity apart: p50 and p80, the shares of a budget
    answer: Estimate | NotIdentifiable
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NotOffered:
    """A quantity that these columns cannot carry."""

    quantity: str
    reason: str


@dataclass(frozen=True)
class Answers:
    """All answers, by participant."""

    answers: tuple[Answer, ...]
    signs: Signs | None  # None where Q11 was not asked for
    not_offered: tuple[NotOffered, ...]


def quantity_named(text: str) -> str:
    """Q1 for "success", "q1" or "Q1"; an unknown word is an error that lists the known ones."""
    word = text.strip().casefold()
    found = QUANTITIES.get(word) or OTHER_NAMES.get(word) or (text.strip().upper() if _is_number(word) else "")
    if found not in QUANTITIES.values():
        known = ", ".join(f"{name} ({number})" for name, number in QUANTITIES.items())
        raise ValueError(f"quantity {text!r}: one of {known}")
    return found


def answers(reading: Reading, asked: Asked) -> Answers:
    """Answer what was asked; raises `ValueError` where the question does not fit the results."""
    room = _Room(reading, asked)
    offered = {number: room.obstacle(number) for number in QUANTITIES.values()}
    wanted = asked.quantities or tuple(number for number, reason in offered.items() if not reason)
    found: list[Answer] = []
    for participant, arm in room.chosen:
        for number in dict.fromkeys(wanted):
            found += room.answer(number, participant, arm)
    left = () if asked.quantities else tuple(NotOffered(number, reason) for number, reason in offered.items() if reason)
    return Answers(tuple(found), room.signs() if "Q11" in wanted else None, left)


def _is_number(word: str) -> bool:
    return word[:1] == "q" and word[1:].isdigit()


@dataclass(frozen=True, eq=False)
class _Room:
    reading: Reading
    asked: Asked

    @cached_property
    def chosen(self) -> tuple[tuple[str, str], ...]:
        """Participants and arms that are asked about."""
        known = list(dict.fromkeys(name for name, _ in self.reading.participants))
        for name in (*self.asked.participants, *filter(None, [self.asked.against])):
            if name not in known:
                raise ValueError(f"no participant {name!r} in {self.reading.name}; there are: {_listed(known)}")
        if self.asked.against and set(self.asked.participants) == {self.asked.against}:
            raise ValueError(f"--against {self.asked.against}: a participant is not compared with itself")
        wanted = self.asked.participants or known
        return tuple(pair for pair in self.reading.participants if pair[0] in wanted)

    def obstacle(self, number: str) -> str:
        """Why a quantity is not among the answers when nothing was asked for; empty when it is."""
        runs, asked = self.reading.outcomes, self.asked
        people = {name for name, _ in self.reading.participants}
        several = len(self.reading.participants) > len(people)
        reasons = {
            "Q3": ("no token cap is known (--budget TOKENS, or a column cap)", not self.reading.caps.any()),
            "Q4": ("needs several runs of every task, or --attempts K", not (asked.attempts or self._least_runs > 1)),
            "Q5": self._no_ability(len(people)),
            "Q6": ("no human minutes and no levels", bool(np.isnan(runs.minutes).all() and np.isnan(runs.level).all())),
            "Q7": ("needs --against PARTICIPANT", not asked.against),
            "Q8": ("needs a participant in several arms", not several),
            "Q9": ("needs --at-least, a share as 0.5 or minutes as 60min", not asked.at_least),
            "Q12": ("needs a column clusters_found", self.reading.clusters is None),
        }
        reason, missing = reasons.get(number, ("", False))
        return reason if missing else ""

    def _no_ability(self, people: int) -> tuple[str, bool]:
        if people <= MIN_OTHERS:
            return f"needs {MIN_OTHERS + 1} participants on the same tasks", True
        cells = people * len(np.unique(self.reading.outcomes.task))
        told = f"{cells:,} cells of participants by tasks take a minute: ask for it by name (--quantity ability)"
        return told, cells > QUICK_CELLS

    def answer(self, number: str, participant: str, arm: str) -> Iterator[Answer]:
        """All answers of one quantity for one participant."""
        ways = {
            "Q1": self._success,
            "Q2": self._generalized,
            "Q3": self._budget,
            "Q4": self._attempts,
            "Q5": self._ability,
            "Q6": self._horizon,
            "Q7": self._difference,
            "Q8": self._elicitation,
            "Q9": self._threshold,
            "Q11": self._integrity,
            "Q12": self._findings,
        }
        for name, found, details in ways[number](participant, arm):
            yield Answer(participant, arm, number, name, found, details)

    def _table(self, participant: str, arm: str) -> Outcomes:
        if (participant, arm) not in self._tables:
            self._tables[participant, arm] = self.reading.table(participant, arm)
        return self._tables[participant, arm]

    @cached_property
    def _tables(self) -> dict[tuple[str, str], Outcomes]:
        return {}

    def _rng(self, *key: str) -> np.random.Generator:
        digest = hashlib.sha256("\0".join(key).encode()).digest()
        return np.random.default_rng([self.asked.seed, int.from_bytes(digest[:8])])

    @property
    def _least_runs(self) -> int:
        """Planned runs of the task, participant and arm that has fewest."""
        runs = self.reading.outcomes
        cells = np.unique(
            np.stack([self.reading.code, np.unique(runs.task, return_inverse=True)[1]]), axis=1, return_counts=True
        )[1]
        return int(cells.min()) if len(cells) else 0

    def _success(self, participant: str, arm: str) -> _Found:
        runs = self._table(participant, arm)
        drawn = self.reading.repeats_drawn_before
        yield "success", bank_success(runs, level=self.asked.level, repeats_drawn_before=drawn), _solved(runs)

    def _generalized(self, participant: str, arm: str) -> _Found:
        runs = self._table(participant, arm)
        yield "generalized", generalized_success(runs, level=self.asked.level), _solved(runs)

    def _budget(self, participant: str, arm: str) -> _Found:
        rng = self._rng(participant, arm, "Q3")
        found = budget_curve(self._table(participant, arm), rng=rng, level=self.asked.level)
        if not isinstance(found, BudgetCurve):
            yield "budget", found, {}
            return
        for point in found.points:
            details = {"share": point.share, "solved": point.solved, "runs": point.runs, "limited": found.limited}
            yield f"budget {point.share:g}", point.answer, {**details, "seed": self.asked.seed}

    def _attempts(self, participant: str, arm: str) -> _Found:
        runs = self._table(participant, arm)
        k = self.asked.attempts or max(2, self._least_runs)
        try:
            found = success_in_attempts(runs, k, level=self.asked.level)
        except OutcomesError as error:
            raise OutcomesError(f"{participant}: {error}; ask for fewer with --attempts") from None
        yield f"attempts {k}", found, {"attempts": k}

    def _ability(self, participant: str, arm: str) -> _Found:
        if (participant, arm) not in self._representatives:
            return  # of several arms the default one stands among the others
        found = self._field.ability(self._representatives.index((participant, arm)), level=self.asked.level)
        points = POINTS * found.value if isinstance(found, Estimate) and found.value is not None else None
        yield "ability", found, {"points": points, "points_per_logit": POINTS}

    @cached_property
    def _representatives(self) -> tuple[tuple[str, str], ...]:
        found: dict[str, str] = {}
        for name, arm in self.reading.participants:
            if name not in found or arm == self.asked.default_arm:
                found[name] = arm
        return tuple(found.items())

    @cached_property
    def _field(self) -> Field:
        runs = self.reading.outcomes
        task, first = np.unique(runs.task, return_index=True)
        bank = Bank.of(
            task.tolist(),
            runs.family[first].tolist(),
            item=runs.item[first].tolist(),
            minutes=runs.minutes[first],
            level=runs.level[first],
        )
        return Field.of([self._table(*pair) for pair in self._representatives], bank, seed=self.asked.seed)

    def _horizon(self, participant: str, arm: str) -> _Found:
        runs = self._timed(participant, arm)
        for share in SHARES:
            found = horizon(runs, share=share, weighting=self.asked.weighting, level=self.asked.level)
            curve = found.curve
            log_odds = math.log(share / (1 - share))
            crossing = curve.at(log_odds) if curve is not None and curve.slope else math.nan
            details = {
                "share": share,
                "axis": found.axis,
                "weighting": self.asked.weighting,
                "fitted": _finite(2.0**crossing if found.axis == "minutes" and crossing < 1000 else crossing),
                "intercept": _finite(curve.intercept) if curve is not None else None,
                "slope": _finite(curve.slope) if curve is not None else None,
                "shortest_task": _finite(found.shortest),
                "longest_task": _finite(found.longest),
                "share_of_tasks_longer": found.share_longer,
                "runs_without_length": len(self._table(participant, arm).counted())
                - len(runs.counted())
                + found.without_length,
                "timed_tasks_only": _brief(found.timed),
                "published": self.reading.published.get((participant, f"p{100 * share:g}")),
            }
            yield f"p{100 * share:g}", found.answer, details

    def _timed(self, participant: str, arm: str) -> Outcomes:
        runs = self._table(participant, arm)
        return runs.where(np.isfinite(runs.minutes)) if self.reading.minutes_only else runs

    def _difference(self, participant: str, arm: str) -> _Found:
        against = self.asked.against
        if not against:
            raise ValueError("a difference needs somebody to differ from: --against PARTICIPANT")
        if participant == against:
            return
        arms = [other for name, other in self.reading.participants if name == against]
        other = arm if arm in arms else arms[0]
        pair = paired_difference(self._table(participant, arm), self._table(against, other), level=self.asked.level)
        yield f"minus {against}", pair.answer, {"against": against, "against_arm": other, **_pairs(pair)}

    def _elicitation(self, participant: str, arm: str) -> _Found:
        arms = [other for name, other in self.reading.participants if name == participant]
        default = self.asked.default_arm
        if arm != (default if default in arms else arms[0]):
            return  # one answer a participant, over all its arms
        if len(arms) < 2:
            reason = f"one arm ({arm}) and no other"
            missing = NotIdentifiable(quantity="Q8", estimand=GAP_ESTIMAND, reason=reason, counts={"arms": 1})
            yield "elicitation gap", missing, {}
            return
        if default not in arms:
            told = f"{participant} has the arms {', '.join(arms)} and no {default!r}"
            raise ValueError(f"{told}: --default-arm names the one that the others are measured against")
        runs = self.reading.outcomes.only(participant=participant)
        gap = elicitation_gap(runs, rng=self._rng(participant, "Q8"), default=default, level=self.asked.level)
        details = {
            "chosen_arm": gap.chosen,
            "arms": list(gap.arms),
            "halved_by": gap.halved_by,
            "seed": self.asked.seed,
        }
        yield "elicitation gap", gap.comparison.answer, {**details, **_pairs(gap.comparison)}

    def _threshold(self, participant: str, arm: str) -> _Found:
        if not self.asked.at_least:
            raise ValueError("a threshold needs a number: --at-least 0.5 for a share, --at-least 60min for a horizon")
        claims = [claim for text in dict.fromkeys(self.asked.at_least) for claim in claims_of(text)]
        timed = [claim for claim in claims if claim.quantity == "Q6"] if self.reading.minutes_only else []
        together = [(self._table(participant, arm), [claim for claim in claims if claim not in timed])]
        together += [(self._timed(participant, arm), timed)]
        drawn = self.reading.repeats_drawn_before
        for runs, stated_together in together:
            for stated in statements(stated_together, runs, level=self.asked.level, repeats_drawn_before=drawn):
                details = {
                    "of": stated.claim.quantity,
                    "threshold": stated.claim.threshold,
                    "p_value": stated.p_value,
                    "adjusted_p_value": stated.adjusted,
                    "judged_together": len(stated_together),
                    "shown": stated.shown,
                    "words": stated.words,
                }
                yield stated.claim.name, stated.answer, details

    def _integrity(self, participant: str, arm: str) -> _Found:
        yield from bounds(self._table(participant, arm), level=self.asked.level)

    def signs(self) -> Signs:
        """Q11 of everybody who was asked about."""
        enough = len(self._representatives) > MIN_OTHERS
        named = "Q11" in self.asked.quantities
        found = []
        for participant, arm in self.chosen:
            fitted: Fit | str = ASK if enough else f"needs {MIN_OTHERS + 1} participants on the same tasks"
            if named and enough and (participant, arm) in self._representatives:
                row = self._representatives.index((participant, arm))
                fitted = fit(self._field, row, rng=self._rng(participant, arm, "Q11"))
            found.append(
                ParticipantSigns(
                    participant=participant,
                    arm=arm,
                    families=ends(self._table(participant, arm)),
                    person_fit=None if isinstance(fitted, str) else fitted,
                    person_fit_reason=fitted if isinstance(fitted, str) else "",
                )
            )
        return signs(found, self._field if enough else None)

    def _findings(self, participant: str, arm: str) -> _Found:
        """Q12, from the counted runs; a run without a cluster found nothing."""
        if self.reading.clusters is None:
            raise ValueError(
                "findings need a column clusters_found: for each run its clusters, separated by semicolons"
            )
        runs = self._table(participant, arm)
        counted = ~np.isin(runs.status, ("lost", "stopped", "invalidated"))
        rows = np.flatnonzero(self.reading.rows_of(participant, arm))[counted]
        pairs = [(str(row), cluster) for row in rows for cluster in self.reading.clusters[row]]
        if not len(rows):
            return
        found = richness(
            Incidence.of(pairs, runs=len(rows)),
            rng=self._rng(participant, arm, "Q12"),
            budget=runs.budget,
            bank_version=runs.bank_version,
            more=(len(rows),),
            targets=len(np.unique(runs.task)),
            level=self.asked.level,
        )
        details = {"runs": found.runs, "distinct": found.distinct}
        yield "distinct findings", found.total, {**details, "rarefied": list(found.rarefied)}
        yield "sample coverage", found.coverage, {**details, "seed": self.asked.seed}
        for answer in found.forecasts:
            yield f"new in {len(rows)} more runs", answer, {**details, "seed": self.asked.seed}


_Found = Iterator[tuple[str, Estimate | NotIdentifiable, Mapping[str, Any]]]


def claims_of(text: str) -> tuple[Claim, ...]:
    """What `--at-least` claims: a share of Q1 and Q2, or minutes of the 50 % horizon."""
    word = text.strip().casefold()
    try:
        if word.endswith("min"):
            minutes = float(word.removesuffix("min"))
            return (Claim(name=f"p50 at least {minutes:g} min", quantity="Q6", threshold=minutes),)
        share = float(word)
        return (
            Claim(name=f"success at least {share:g}", quantity="Q1", threshold=share),
            Claim(name=f"generalized at least {share:g}", quantity="Q2", threshold=share),
        )
    except ValueError as error:
        raise ValueError(f"--at-least {text}: a share between 0 and 1 as 0.5, or minutes as 60min") from error


def _solved(runs: Outcomes) -> dict[str, Any]:
    counted = runs.counted()
    return {"solved": int(counted.score.sum()), "lost": len(runs.losses())}


def _pairs(pair: PairedComparison) -> dict[str, int]:
    return {
        "pairs": pair.pairs,
        **{name: getattr(pair, name) for name in ("both", "first_only", "second_only", "neither")},
    }


def _brief(found: Estimate | NotIdentifiable | None) -> dict[str, Any] | None:
    """The same on timed tasks alone: a number beside a number, with its own counts."""
    if found is None:
        return None
    if isinstance(found, NotIdentifiable):
        return {"reason": found.reason}
    kept = ("value", "lower", "upper", "n_runs", "n_tasks", "n_families")
    return {**{name: getattr(found, name) for name in kept}, "qualifiers": sorted(found.qualifiers)}


def _finite(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
