"""The three machines, each over all of its steps."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.case import case_state as cs
from seatrial.clearinghouse.case.embargo import STEPS as EMBARGO_STEPS
from seatrial.clearinghouse.case.embargo import Embargo, EmbargoError, EmbargoState, Terms
from seatrial.clearinghouse.case.report_state import NoSuchStep, ReportState, moved

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def test_report_states_have_the_protocols_steps_and_no_other() -> None:
    steps = ["SR", "RV", "RI", "IV", "IC", "VA", "VD", "AD", "AC", "DA", "DC"]
    found = []
    for one, other in product(ReportState, repeat=2):
        try:
            found.append(one.letter + moved(one, other).letter)
        except NoSuchStep:
            continue
    assert sorted(found) == sorted(steps)
    assert {one.letter for one in ReportState} == set("SRIVDAC")


def test_case_states_transitions_and_histories_are_those_of_the_published_model() -> None:
    assert len(cs.states()) == 32
    assert len(cs.transitions()) == 58
    histories = list(cs.histories())
    assert len(histories) == len(set(histories)) == 70
    counts = Counter(map(cs.met, histories))
    assert [counts[number] for number in range(13)] == [1, 0, 2, 4, 6, 9, 11, 11, 10, 8, 4, 3, 1]


def test_histories_are_exactly_the_orders_that_the_rules_in_words_allow() -> None:
    """The same 70, from the rules as they are stated, over all 720 orders."""

    def fits(order: tuple[str, ...]) -> bool:
        at = {event: index for index, event in enumerate(order)}
        causal = at["V"] < at["F"] < at["D"]
        exploit_brings_public = at["P"] < at["X"] or at["P"] == at["X"] + 1
        public_brings_vendor = at["V"] < at["P"] or at["V"] == at["P"] + 1
        return causal and exploit_brings_public and public_brings_vendor

    assert {"".join(order) for order in permutations(cs.EVENTS) if fits(order)} == set(cs.histories())


def test_the_best_and_the_worst_history() -> None:
    by_met = {cs.met(history): history for history in cs.histories()}
    assert by_met[12] == "VFDPXA"
    assert by_met[0] == "AXPVFD"


@given(st.data())
def test_any_walk_of_acts_is_a_history(data: st.DataObject) -> None:
    state, order = cs.BEGINNING, ""
    while ways := [event for event in cs.EVENTS if event in cs.nexts(state)]:
        steps = cs.forced(state, data.draw(st.sampled_from(ways)))
        assert not steps[0].implied
        assert all(step.implied for step in steps[1:])
        order += "".join(step.event for step in steps)
        state = cs.after(state, "".join(step.event for step in steps))
        assert cs.due_next(state) == ""
    assert order in set(cs.histories())
    assert cs.standing(order) == (cs.met(order), 12)


@pytest.mark.parametrize(
    ("state", "event", "says"),
    [
        ("vfdpxa", "F", "needs V"),
        ("Vfdpxa", "D", "needs F"),
        ("Vfdpxa", "V", "known already"),
        ("vfdpxa", "Q", "no event"),
        ("VfdpXa", "F", "next event is P"),
        ("vfdPxa", "A", "next event is V"),
    ],
)
def test_what_cannot_happen_says_why(state: str, event: str, says: str) -> None:
    with pytest.raises(cs.NotPossibleNow, match=says):
        cs.after(state, event)


def terms(number: int = 1, days: int = 30) -> Terms:
    return Terms(f"emb-{number}", NOW + timedelta(days=days), "Europe/Berlin")


def test_an_embargo_holds_when_every_party_has_accepted_these_terms() -> None:
    asked = Embargo().proposed(terms(), "house", {"acme", "brio"}, NOW)
    half = asked.accepted("acme")
    assert (asked.state, half.state, half.silent(NOW)) == (EmbargoState.PROPOSED, EmbargoState.PROPOSED, False)
    held = half.accepted("brio")
    assert (held.state, held.silent(NOW), held.silent(terms().end)) == (EmbargoState.ACTIVE, True, False)
    assert held.terms is not None
    assert Terms("e", terms().end, "UTC", downstream_days=7).downstream_at == terms().end - timedelta(days=7)
    assert held.terms.shown == "2026-12-31 01:00:00 +01:00 (Europe/Berlin)"
    other = asked.proposed(terms(2, 10), "acme", {"house", "acme", "brio"}, NOW)
    assert (other.state, other.consents) == (EmbargoState.PROPOSED, {"acme"})
    assert asked.declined("brio").state is EmbargoState.NONE


def test_of_a_revision_that_is_declined_the_former_terms_stay() -> None:
    held = Embargo().proposed(terms(), "house", set(), NOW)
    revising = held.proposed(terms(2, 60), "house", {"house", "acme"}, NOW)
    assert (revising.state, revising.silent(NOW)) == (EmbargoState.REVISING, True)
    back = revising.declined("acme")
    assert (back.state, back.terms, back.proposal) == (EmbargoState.ACTIVE, terms(), None)
    assert revising.accepted("acme").terms == terms(2, 60)
    assert revising.overtaken() == back
    gone = revising.exited()
    assert gone.state is EmbargoState.EXITED
    with pytest.raises(EmbargoError, match="it is the end"):
        gone.proposed(terms(), "house", set(), NOW)


@given(st.lists(st.sampled_from(["propose", "accept", "decline", "exit"]), max_size=12), st.data())
def test_no_sequence_of_acts_leaves_the_table(acts: list[str], data: st.DataObject) -> None:
    embargo = Embargo()
    for act in acts:
        party = data.draw(st.sampled_from(["house", "acme", "brio"]))
        before = embargo
        try:
            embargo = {
                "propose": lambda: embargo.proposed(terms(), party, {"house", "acme"}, NOW),  # noqa: B023 - at once
                "accept": lambda: embargo.accepted(party),  # noqa: B023 - the same
                "decline": lambda: embargo.declined(party),  # noqa: B023 - the same
                "exit": embargo.exited,
            }[act]()
        except EmbargoError:
            continue
        via = EMBARGO_STEPS[before.state] | ({before.state} if act == "accept" else set())
        through = {EmbargoState.PROPOSED, EmbargoState.REVISING}
        assert embargo.state in via or any(embargo.state in EMBARGO_STEPS[middle] for middle in via & through)
        if embargo.silent(NOW) and act == "accept" and embargo.proposal is None:
            assert {"house", "acme"} <= embargo.consents


@pytest.mark.parametrize(("zone", "end"), [("Mars/Base", 30), ("UTC", -1)])
def test_terms_without_a_zone_or_in_the_past_are_refused(zone: str, end: int) -> None:
    with pytest.raises(ValueError, match="embargo"):
        Embargo().proposed(Terms("emb-1", NOW + timedelta(days=end), zone), "house", set(), NOW)
