"""From the facts of one sample to its outcome: one pure function, first match wins.

- A stop by us, an outage or a crash is never a failure of the participant.
- A stop by the registered budget always is.
- A submission that was judged before the stop keeps its judgement.

>>> classify(SampleFacts(verdict="solved", limit="token")).outcome
'solved'
>>> classify(SampleFacts(verdict="", limit="token"))
Outcome(outcome='unsolved', reason='budget: token', status='budget', score=0.0)
>>> classify(SampleFacts(verdict="", error="endpoint outage")).status
'lost'
"""

from __future__ import annotations

from dataclasses import dataclass

BUDGET_LIMITS = frozenset({"token", "turn", "message", "working", "cost", "context", "participant"})
STOP_LIMITS = frozenset({"custom", "operator", "time", "campaign", "stopped", "withdrawn"})


@dataclass(frozen=True)
class SampleFacts:
    """What is known of one finished or broken-off attempt."""

    verdict: str = ""  # the grader's outcome of the last judged submission, "" when none was judged
    reasons: tuple[str, ...] = ()
    limit: str = ""  # which limit ended the attempt
    error: str = ""  # why the attempt broke off
    unavailable: str = ""  # which tool of a participant without a model is missing, or why it does not apply
    refused: bool = False
    gave_up: bool = False
    started_only: bool = False  # known from the journal alone: killed or stopped in flight


@dataclass(frozen=True)
class Outcome:
    """How an attempt counts: `score` is None when it may not enter a mean."""

    outcome: str
    reason: str
    status: str
    score: float | None


def classify(facts: SampleFacts) -> Outcome:  # noqa: C901, PLR0911 - one table of cases, read from top to bottom
    """The outcome of an attempt."""
    if facts.unavailable:
        return Outcome("unavailable", facts.unavailable, "lost", None)
    if facts.verdict == "solved":
        return Outcome("solved", "", "finished", 1.0)
    if facts.started_only or facts.limit in STOP_LIMITS:
        return Outcome("censored", f"stopped: {facts.limit or 'in flight'}", "stopped", None)
    if facts.error:
        return Outcome("invalid", facts.error, "lost", None)
    if facts.verdict == "void":
        return Outcome("invalid", "; ".join(facts.reasons) or "the grader could not judge", "lost", None)
    if facts.verdict in {"harmful", "unexplained"}:
        return Outcome(facts.verdict, "; ".join(facts.reasons), "finished", 0.0)
    if facts.limit in BUDGET_LIMITS:
        return Outcome("unsolved", f"budget: {facts.limit}", "budget", 0.0)
    if facts.refused:
        return Outcome("unsolved", "refused", "refused", 0.0)
    if facts.gave_up:
        return Outcome("unsolved", "gave up", "finished", 0.0)
    if facts.verdict == "unsolved":
        return Outcome("unsolved", "; ".join(facts.reasons) or "wrong", "finished", 0.0)
    return Outcome("invalid", "no judgement was recorded", "lost", None)
