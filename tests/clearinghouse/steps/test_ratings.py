from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.clearinghouse.cluster import Cluster, Member, Stage
from seatrial.clearinghouse.event import Actor, EventType
from seatrial.clearinghouse.rating import NotAVector, NotDecidable, RaterKind, Rating
from seatrial.clearinghouse.steps import Refused
from seatrial.clearinghouse.steps.chains import Chains
from seatrial.clearinghouse.steps.ratings import RatingDesk
from support.findings import HOUSE, kept, plain, source
from support.framework import BUREAU, DAY, T0

if TYPE_CHECKING:
    from collections.abc import Iterator

HIGH = Rating(
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CWE-787",
)
LOW = Rating(
    "CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N",
    "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N",
    "CWE-787",
)
ONE = "C-000001"


@pytest.fixture
def desk() -> Iterator[RatingDesk]:
    with kept("memory", None) as at:  # type: ignore[arg-type]  # nothing lies on a disk
        [item] = at.take([source([plain(1)])])
        desk = RatingDesk(at.store, HOUSE, Actor("per-1", "analyst"), T0 + DAY)
        at.store.new_cluster_ids(HOUSE, 1)
        chains = Chains.of(at.store, HOUSE, [ONE], Actor("worker:clustering", "1"), T0)
        chains.add(ONE, EventType.JOINED, {})
        made = Cluster(cluster_id=ONE, project="p", keeper=BUREAU, members=(Member(finding_id=item.id),))
        at.store.append(HOUSE, chains.made, [made])
        yield desk


def of(desk: RatingDesk, person: str) -> RatingDesk:
    return replace(desk, person=Actor(person, "analyst"))


def test_a_severe_rating_takes_two_who_did_not_see_each_other(desk: RatingDesk) -> None:
    desk.propose(ONE, HIGH)
    with pytest.raises(NotDecidable, match="two independent proposals"):
        desk.decide(ONE, HIGH)
    of(desk, "per-2").propose(ONE, HIGH)  # saw the first
    with pytest.raises(NotDecidable, match="two independent proposals"):
        desk.decide(ONE, HIGH)
    of(desk, "per-3").propose(ONE, HIGH, blind=True)
    assert desk.decide(ONE, HIGH).person == "per-1"
    [cluster] = desk.store.clusters(HOUSE, [ONE])
    assert cluster.stage is Stage.RATED
    rated = desk.rated(ONE)
    assert rated.decision is not None
    assert [proposal.rater for proposal in rated.proposals] == ["per-1", "per-2", "per-3"]
    assert rated.decision["rating"]["cvss_4"] == HIGH.cvss_4


def test_differing_bands_need_words_and_a_rule_is_no_person(desk: RatingDesk) -> None:
    assert desk.propose(ONE, LOW, rule="floor").kind is RaterKind.RULE
    of(desk, "per-2").propose(ONE, HIGH, blind=True)
    with pytest.raises(NotDecidable, match="say in words why"):
        desk.decide(ONE, HIGH)
    assert desk.decide(ONE, HIGH, "reachable without an account").reason


def test_what_cannot_be_read_is_not_kept(desk: RatingDesk) -> None:
    with pytest.raises(NotAVector):
        desk.propose(ONE, replace(HIGH, cvss_4="CVSS:4.0/AV:Q"))
    assert desk.rated(ONE).proposals == ()
    with pytest.raises(Refused, match="no such cluster"):
        desk.propose("C-000404", HIGH)
