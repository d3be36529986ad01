"""Rulings: of one's own person, by a second one where it was asked for, gone with a purged submission's content."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.evaluation.scrutiny.rulings import Decision, Ruling, settled
from seatrial.framework.consent import Activity
from seatrial.framework.participant import Role
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer
from seatrial.storage.stores.rulings import RulingTables
from support.framework import BUREAU, HOUR, LAB, RIVAL, T0, actor, consent, fresh, full_act
from support.house import open_house

if TYPE_CHECKING:
    from pathlib import Path

EVALUATOR = Viewer.of("per-evaluator", BUREAU, Role.EVALUATOR)
LEAD = Viewer.of("per-evaluator-lead", BUREAU, Role.EVALUATOR_LEAD)
OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
RIVALS = Viewer.of("riv-developer-owner", RIVAL, Role.DEVELOPER_OWNER)


def ruled(viewer: Viewer, decision: Decision) -> Ruling:
    return Ruling("unit-1", "alpha", "web-v1-L1-a", 0, decision, "read it", viewer.person, viewer.organisation, T0)


def test_rulings_are_added_by_their_person_and_seen_by_the_parties_alone(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = house.new_id()
    house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), T0, about=name), T0)
    share = full_act("submit", actor("developer_owner"), T0 + HOUR, about=name, consent=consent(Activity.SHARE_DOSSIER))
    house.act(name, replace(share, request_digest=""), share.at)
    store = RulingTables(house.database)
    store.add(EVALUATOR, name, ruled(EVALUATOR, Decision.SECOND_PERSON))
    with pytest.raises(ValueError, match="somebody other than per-evaluator decides"):
        store.add(EVALUATOR, name, ruled(EVALUATOR, Decision.NO_CONCERN))
    with pytest.raises(ValueError, match="nobody decides for somebody else"):
        store.add(EVALUATOR, name, ruled(LEAD, Decision.NO_CONCERN))
    assert settled(store.of(LEAD, name)) is None
    store.add(LEAD, name, ruled(LEAD, Decision.CONFIRMED))
    assert [one.decision for one in store.of(OWNER)] == [Decision.SECOND_PERSON, Decision.CONFIRMED]
    assert settled(store.of(EVALUATOR, name, "unit-1")) == ruled(LEAD, Decision.CONFIRMED)
    assert store.of(RIVALS) == store.of(RIVALS, name) == store.of(LEAD, name, "unit-2") == ()
    with pytest.raises(NotHere):
        store.add(RIVALS, name, ruled(RIVALS, Decision.NO_CONCERN))
