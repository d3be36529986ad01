import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.evaluation import outcomes
from seatrial.evaluation.outcomes import BUDGET_LIMITS, STOP_LIMITS, SampleFacts, classify

VERDICTS = ["", "solved", "unsolved", "unexplained", "harmful", "void"]
LIMITS = ["", *sorted(BUDGET_LIMITS), *sorted(STOP_LIMITS)]


def test_the_worked_example() -> None:
    assert doctest.testmod(outcomes).failed == 0


@pytest.mark.parametrize(
    ("facts", "outcome", "status", "score"),
    [
        (SampleFacts(verdict="solved"), "solved", "finished", 1.0),
        (SampleFacts(verdict="unsolved"), "unsolved", "finished", 0.0),
        (SampleFacts(verdict="harmful"), "harmful", "finished", 0.0),
        (SampleFacts(verdict="unexplained"), "unexplained", "finished", 0.0),
        (SampleFacts(verdict="void"), "invalid", "lost", None),
        (SampleFacts(verdict="unsolved", limit="token"), "unsolved", "budget", 0.0),
        (SampleFacts(verdict="unsolved", limit="custom"), "censored", "stopped", None),
        (SampleFacts(verdict="unsolved", refused=True), "unsolved", "refused", 0.0),
        (SampleFacts(verdict="unsolved", gave_up=True), "unsolved", "finished", 0.0),
        (SampleFacts(error="endpoint outage: APIConnectionError"), "invalid", "lost", None),
        (SampleFacts(started_only=True), "censored", "stopped", None),
        (SampleFacts(unavailable="absent: sqlmap"), "unavailable", "lost", None),
        (SampleFacts(), "invalid", "lost", None),
    ],
)
def test_each_case(facts: SampleFacts, outcome: str, status: str, score: float | None) -> None:
    found = classify(facts)
    assert (found.outcome, found.status, found.score) == (outcome, status, score)


@given(
    st.builds(
        SampleFacts,
        verdict=st.sampled_from(VERDICTS),
        limit=st.sampled_from(LIMITS),
        error=st.sampled_from(["", "endpoint outage", "box gone"]),
        refused=st.booleans(),
        gave_up=st.booleans(),
        started_only=st.booleans(),
    )
)
def test_no_stop_outage_or_crash_is_ever_a_failure(facts: SampleFacts) -> None:
    found = classify(facts)
    ours = facts.started_only or facts.limit in STOP_LIMITS or bool(facts.error) or facts.verdict == "void"
    if ours and facts.verdict != "solved":
        assert found.score is None
    assert (found.score == 1.0) == (facts.verdict == "solved")


@given(limit=st.sampled_from(sorted(BUDGET_LIMITS)), refused=st.booleans(), gave_up=st.booleans())
def test_the_registered_budget_always_counts(limit: str, *, refused: bool, gave_up: bool) -> None:
    found = classify(SampleFacts(verdict="unsolved", limit=limit, refused=refused, gave_up=gave_up))
    assert (found.score, found.status) == (0.0, "budget")
