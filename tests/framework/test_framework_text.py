from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial.framework.framework_text import commenters, current
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.lifecycles import apply
from seatrial.framework.obligation import due as owed
from seatrial.framework.participant import Role
from seatrial.framework.standing import Act, Kind, Standing
from seatrial.framework.two_key import KeyAction, KeyRequest, Vote
from support.framework import HOUR, PACK, T0, actor, digest, document

LEAD, LIAISON, CLEARING = Role.EVALUATOR_LEAD, Role.DESIGNATION_LIAISON, Role.CLEARINGHOUSE_LEAD


def step(standing: Standing, event: str, role: str, organisation: str, *papers: str, **more: object) -> Standing:
    documents = tuple(document(kind, version=2 if event == "revise" else 1) for kind in papers)
    act = replace(Act(event, actor(role, f"per-{organisation}", organisation), T0, documents), **more)
    return apply(standing, act, PACK, T0)[0]


def proposed() -> Standing:
    return step(Standing("txt-1", Kind.FRAMEWORK_TEXT), "propose", LEAD, "bureau", "pack_text")


def commented() -> Standing:
    one = step(proposed(), "comment", LIAISON, "agency-n", "comment")
    return step(one, "comment", Role.AGENCY_READER, "agency-w", "comment")


def keys(about: str, *sides: tuple[str, str, Role], of: str = "txt-1") -> dict[str, object]:
    request = KeyRequest("key-1", KeyAction.ADOPT_PACK, of, about, "per-bureau", T0)
    votes = tuple(Vote("key-1", about, person, organisation, role, T0) for person, organisation, role in sides)
    return {"key_request": request, "votes": votes}


MINE, THEIRS = ("per-bureau", "bureau", LEAD), ("per-agency-n", "agency-n", LIAISON)


def test_proposed_commented_revised_adopted_superseded() -> None:
    one = commented()
    assert commenters(one) == {"agency-n", "agency-w"}
    revised = step(one, "revise", LEAD, "bureau", "pack_text", "versioned_diff")
    assert (revised.state, current(revised)) == ("revised", digest("pack_text 2"))
    adopted = step(revised, "adopt", LEAD, "bureau", **keys(current(revised), MINE, THEIRS))
    assert adopted.state == "adopted"
    assert step(adopted, "supersede", CLEARING, "treasury", "successor").state == "superseded"
    assert [owed(text, PACK, T0)[0].name for text in (one, adopted)] == ["adopt", "supersede"]
    assert owed(replace(adopted, state="superseded"), PACK, T0) == ()


def test_nobody_adopts_alone_or_another_text_or_without_comments() -> None:
    one = commented()
    text = current(one)
    for wrong in (
        keys(text, MINE),
        keys(text, MINE, ("per-bureau", "agency-n", LIAISON)),
        keys(text, MINE, ("per-x", "bureau", LEAD)),
        keys(text, MINE, ("per-r", "agency-w", Role.AGENCY_READER)),
        keys(digest("another text"), MINE, THEIRS),
        keys(text, MINE, THEIRS, of="txt-2"),
        {},
    ):
        with pytest.raises(NotPossible, match="two keys of two organisations"):
            step(one, "adopt", LEAD, "bureau", **wrong)
    assert step(one, "adopt", LEAD, "bureau", **keys(text, MINE, THEIRS)).state == "adopted"
    only_one = step(proposed(), "comment", LIAISON, "agency-n", "comment")
    own = step(only_one, "comment", LEAD, "bureau", "comment")
    with pytest.raises(NotPossible, match="comments of 2 organisations"):
        step(own, "adopt", LEAD, "bureau", **keys(current(own), MINE, THEIRS))


def test_a_revision_needs_new_votes() -> None:
    old = keys(current(commented()), MINE, THEIRS)
    revised = step(commented(), "revise", LEAD, "bureau", "pack_text", "versioned_diff")
    with pytest.raises(NotPossible, match="this very text"):
        step(revised, "adopt", LEAD, "bureau", **old)


@pytest.mark.parametrize("event", ["revise", "withdraw"])
def test_only_the_proposer_revises_and_withdraws(event: str) -> None:
    papers = ("pack_text", "versioned_diff") if event == "revise" else ()
    with pytest.raises(NotPossible, match="its proposer's own act"):
        step(commented(), event, LIAISON, "agency-n", *papers)
    done = step(commented(), event, LEAD, "bureau", *papers)
    assert done.state == {"revise": "revised", "withdraw": "withdrawn"}[event]


def test_a_proposer_withdraws_with_nothing_at_any_time_before_adoption() -> None:
    for one in (proposed(), commented(), step(commented(), "revise", LEAD, "bureau", "pack_text", "versioned_diff")):
        act = Act("withdraw", actor(LEAD, "per-x", "bureau"), T0 - HOUR)
        assert apply(one, act, PACK, T0 - HOUR)[0].state == "withdrawn"


def test_before_there_is_a_text_there_is_no_digest() -> None:
    assert current(Standing("txt-1", Kind.FRAMEWORK_TEXT)) == ""
