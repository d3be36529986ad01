"""Labels: a lattice, and a door that no label gets past."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.secrecy.tlp import (
    ORDER,
    TLP_2_ONLY,
    Labelled,
    NotForThem,
    Recipient,
    at_most,
    check_export,
    loosest,
    strictest,
)
from seatrial.framework.data_class import Tlp

LABELS = st.sampled_from(list(Tlp))
ORGANISATIONS = ("house", "acme", "brio")
PEOPLE = tuple(Recipient(f"{name}@{organisation}", organisation) for organisation in ORGANISATIONS for name in "ab")
AUDIENCES = st.frozensets(st.sampled_from([*ORGANISATIONS, *(person.name for person in PEOPLE)]))
THINGS = st.builds(Labelled, st.just("thing"), LABELS, AUDIENCES)


def test_the_order_is_that_of_the_standard() -> None:
    assert [str(label) for label in ORDER] == ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"]
    assert set(ORDER) == set(Tlp)


@given(LABELS, LABELS, LABELS)
def test_labels_are_a_lattice(one: Tlp, two: Tlp, three: Tlp) -> None:
    for join, other in ((strictest, loosest), (loosest, strictest)):
        assert join((one, two)) == join((two, one))
        assert join((one, join((two, three)))) == join((join((one, two)), three))
        assert join((one, one)) == one
        assert join((one, other((one, two)))) == one
    assert at_most(one, two) == (strictest((one, two)) == two) == (loosest((one, two)) == one)
    assert at_most(one, two) or at_most(two, one)
    assert not (at_most(one, two) and at_most(two, three)) or at_most(one, three)
    assert (strictest(()), loosest(())) == (Tlp.TLP_CLEAR, Tlp.TLP_RED)


def goes(things: list[Labelled], label: Tlp, recipients: list[Recipient]) -> bool:
    try:
        check_export(things, label, recipients)
    except NotForThem:
        return False
    return True


@given(st.lists(THINGS, max_size=4), LABELS, st.lists(st.sampled_from(PEOPLE), unique=True, max_size=4))
def test_what_goes_out_reaches_only_its_audience_at_no_looser_label(
    things: list[Labelled], label: Tlp, recipients: list[Recipient]
) -> None:
    if not goes(things, label, recipients):
        return
    assert at_most(strictest(thing.label for thing in things), label)
    assert recipients or label in {Tlp.TLP_CLEAR, Tlp.TLP_GREEN}
    for thing in things:
        for recipient in recipients:
            named = recipient.name in thing.audience
            organised = recipient.organisation in thing.audience
            if thing.label is Tlp.TLP_RED:
                assert named
            elif thing.label in {Tlp.TLP_AMBER, Tlp.TLP_AMBER_STRICT}:
                assert organised
            else:
                assert organised or not thing.audience


@given(
    st.lists(THINGS, max_size=3),
    LABELS,
    st.lists(st.sampled_from(PEOPLE), min_size=1, unique=True, max_size=4),
    st.data(),
)
def test_less_to_fewer_goes_wherever_more_to_more_went(
    things: list[Labelled], label: Tlp, recipients: list[Recipient], data: st.DataObject
) -> None:
    if goes(things, label, recipients):
        fewer = data.draw(st.lists(st.sampled_from(recipients), min_size=1, unique=True))
        assert goes(things[1:], label, fewer)


@pytest.mark.parametrize(
    ("things", "label", "recipients", "says"),
    [
        ([Labelled("a", Tlp.TLP_RED, frozenset({"acme"}))], Tlp.TLP_RED, [PEOPLE[2]], "does not reach a@acme"),
        ([Labelled("a", Tlp.TLP_AMBER)], Tlp.TLP_GREEN, [PEOPLE[0]], "it is TLP:AMBER"),
        ([Labelled("a", Tlp.TLP_AMBER)], Tlp.TLP_AMBER, [PEOPLE[0]], "does not reach"),
        ([], Tlp.TLP_AMBER, [], "nobody is named"),
    ],
)
def test_what_is_in_the_way_is_named(
    things: list[Labelled], label: Tlp, recipients: list[Recipient], says: str
) -> None:
    with pytest.raises(NotForThem, match=says):
        check_export(things, label, recipients)


def test_a_form_that_does_not_know_a_label_refuses_it() -> None:
    knows = set(ORDER) - TLP_2_ONLY
    with pytest.raises(NotForThem, match="does not know the label"):
        check_export([], Tlp.TLP_AMBER_STRICT, [PEOPLE[0]], knows=knows)
    check_export([], Tlp.TLP_AMBER, [PEOPLE[0]], knows=knows)
