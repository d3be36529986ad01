"""How a sample of anybody's log ended, and with which score.

- A limit is a failure at the budget, an error a lost run, a cancelled sample a stopped one; a score of 1 that was given
  before a limit stands.
- A scorer that says why it gave no score is believed: a refusal or an empty answer is the participant's, a grader that
  broke is not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seatrial.evaluation.grades import grade
from seatrial.measurement import OutcomesError

if TYPE_CHECKING:
    from inspect_ai.log import EvalSampleSummary
    from inspect_ai.scorer import Score

CANCELLED = "cancel"  # in the message of a sample that was broken off from outside
OPERATOR = "operator"  # the limit type of a person who ended a sample
OF_THE_PARTICIPANT = ("invalid_response_format", "refusal", "no_response")  # unscored for these: a failure, not a loss


def ended(sample: EvalSampleSummary, score: Score | None, *, where: str) -> tuple[str, float]:
    """Status and score of a sample: the first that applies."""
    value = value_of(score, where)
    if sample.error:
        return ("stopped" if CANCELLED in sample.error.lower() else "lost"), math.nan
    if sample.limit == OPERATOR and value != 1:
        return "stopped", math.nan
    if sample.limit and value != 1:
        return "budget", 0.0 if math.isnan(value) else value
    reason = score.reason if score is not None else None
    if math.isnan(value):
        if reason in OF_THE_PARTICIPANT:
            return ("refused" if reason == "refusal" else "finished"), 0.0
        return ("lost" if sample.completed else "stopped"), math.nan
    return ("refused" if reason == "refusal" and value == 0 else "finished"), value


def value_of(score: Score | None, where: str) -> float:
    """A score as a number, NaN where there is none."""
    if score is None:
        return math.nan
    try:
        value = grade(score.value)
    except ValueError as error:
        raise OutcomesError(f"{where}: {error}") from None
    return math.nan if value is None else value
