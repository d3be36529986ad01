"""Who is told of a step, and what a withdrawal takes out of findings: both in the transaction of the act."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.framework.consent import Activity
from seatrial.framework.notice import told
from seatrial.framework.participant import Membership, Organisation, OrganisationKind, Role
from seatrial.framework.standing import THE_CLOCK, Act, Actor, Effect, Kind, Standing
from seatrial.framework.viewer import Viewer
from seatrial.registry import Registry
from support.framework import AGENCY, BUREAU, DAY, HOUR, LAB, T0, actor, consent, document, fresh, full_act, subject
from support.house import open_house
from support.stores import DATABASES, address, setting

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.house import House

OWNER = Viewer.of("per-developer-owner", LAB, Role.DEVELOPER_OWNER)
LEAD = Viewer.of("per-evaluator-lead", BUREAU, Role.EVALUATOR_LEAD)
EVERYBODY = Viewer.house("all notices of a test")


def shared(house: House) -> str:
    name = house.new_id()
    house.begin(fresh(about=name), full_act("open_draft", actor("developer_owner"), T0, about=name), T0)
    act = full_act("submit", actor("developer_owner"), T0 + HOUR, about=name, consent=consent(Activity.SHARE_DOSSIER))
    house.act(name, replace(act, request_digest=""), T0 + HOUR)
    return name


def entered(house: House, role: Role, organisation: str, kind: OrganisationKind) -> Actor:
    """Somebody new in a role of an organisation."""
    who = Actor(f"new-{role.replace('_', '-')}", organisation, role)
    body = Organisation(organisation, organisation, kind)
    Registry(house).enter(body, Membership(who.person, organisation, role, T0 - DAY))
    return who


def told_to(house: House, viewer: Viewer) -> list[tuple[str, str]]:
    return [(notice.event, notice.recipient.role) for notice in house.notices.waiting(viewer)]


def declined(house: House, name: str, hours: int = 2) -> None:
    at = T0 + hours * HOUR
    house.act(name, Act("decline", actor("evaluator_lead"), at, reason="capacity"), at)


@pytest.mark.parametrize("kind", DATABASES)
def test_the_other_side_is_told_and_a_sent_notice_is_gone(kind: str, tmp_path: Path) -> None:
    with address(kind, tmp_path) as at:
        house = open_house(tmp_path, environment=setting(at))
        name = shared(house)
        declined(house, name)
        assert told_to(house, OWNER) == [("decline", Role.DEVELOPER_OWNER)]
        assert told_to(house, LEAD) == [("submit", Role.EVALUATOR_LEAD)]
        house.act(name, Act("withdraw", actor("developer_owner"), T0 + DAY), T0 + DAY)
        assert told_to(house, LEAD) == [("submit", Role.EVALUATOR_LEAD), ("withdraw", Role.EVALUATOR_LEAD)]
        house.notices.sent(EVERYBODY, house.notices.waiting(OWNER))
        assert [notice.event for notice in house.notices.waiting(EVERYBODY)] == ["submit", "withdraw"]
        house.database.close()


def test_an_evaluator_whom_no_consent_names_is_not_told_of_a_draft_that_is_withdrawn(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = house.new_id()
    draft = replace(fresh(about=name), consents=())
    house.begin(draft, Act("open_draft", actor("developer_owner"), T0), T0)
    house.act(name, Act("withdraw", actor("developer_owner"), T0 + HOUR), T0 + HOUR)
    assert house.notices.waiting(EVERYBODY) == ()


def test_what_a_clock_does_both_sides_are_told_of() -> None:
    standing = replace(fresh(), consents=(consent(Activity.EVALUATE),))
    assert {one.organisation for one in told(standing, THE_CLOCK)} == {LAB, BUREAU}


def test_a_purge_leaves_its_own_notice_and_no_earlier_one(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = shared(house)
    house.act(name, Act("withdraw", actor("developer_owner"), T0 + DAY), T0 + DAY)
    at = T0 + 2 * DAY
    by = actor("custodian", organisation="house")
    house.act(name, full_act("purge", by, at, about=name, request_digest=""), at)
    assert {notice.event for notice in house.notices.waiting(EVERYBODY)} == {"purge"}


def test_orders_that_an_older_installation_left_open_are_carried_out_in_the_rows(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    name = shared(house)
    declined(house, name)
    house.notices.sent(EVERYBODY, house.notices.waiting(EVERYBODY))
    house.orders.give(EVERYBODY, name, 3, (Effect.NOTIFY, Effect.STRIP_FINDINGS, Effect.FREEZE_EVIDENCE), T0)
    assert house.settle(T0 + DAY) == (0, ())
    assert told_to(house, OWNER) == [("decline", Role.DEVELOPER_OWNER)]


@pytest.mark.parametrize("kind", DATABASES)
def test_a_withdrawal_takes_the_model_out_of_its_findings_and_out_of_no_other(kind: str, tmp_path: Path) -> None:
    with address(kind, tmp_path) as at:
        house = open_house(tmp_path, environment=setting(at))
        name, other = shared(house), shared(house)
        mine, foreign = (found(house, origin) for origin in (name, other))
        before = house.submissions.load(EVERYBODY, mine).standing
        outcome = house.act(name, Act("withdraw", actor("developer_owner"), T0 + DAY), T0 + DAY)
        assert outcome.outstanding == ()
        stripped, left = house.submissions.load(EVERYBODY, mine), house.submissions.load(EVERYBODY, foreign)
        assert stripped.standing == replace(before.with_mark("origin", ""), subject=None)
        assert name not in repr(stripped.history)
        assert (stripped.standing.state, stripped.history[0].salt) == ("candidate", b"")
        assert (left.standing.mark("origin"), left.standing.subject) == (other, before.subject)
        assert house.disagreements() == ()
        house.database.close()


def found(house: House, origin: str) -> str:
    """A finding that says which submission's model found it."""
    name = house.new_id("fin")
    brought = tuple(document(kind, T0 + 2 * HOUR) for kind in ("provenance", "commitment"))
    marks = (("origin", origin), ("tlp", "TLP:AMBER+STRICT"))
    act = Act("intake", actor("runner"), T0 + 2 * HOUR, documents=brought, marks=marks)
    standing = Standing(name, Kind.FINDING, subject=subject(), developer=BUREAU)
    house.begin(standing, act, T0 + 2 * HOUR)
    return name


@pytest.mark.parametrize("kind", DATABASES)
def test_of_a_text_whoever_proposed_or_commented_is_told_and_no_order_stays_open(kind: str, tmp_path: Path) -> None:
    with address(kind, tmp_path) as at:
        house = open_house(tmp_path, environment=setting(at))
        name, liaison = house.new_id("txt"), entered(house, Role.DESIGNATION_LIAISON, AGENCY, OrganisationKind.AGENCY)
        proposal = Act("propose", liaison, T0, documents=(document("pack_text"),))
        assert house.begin(Standing(name, Kind.FRAMEWORK_TEXT), proposal, T0).outstanding == ()
        assert house.notices.waiting(EVERYBODY) == ()
        comment = Act("comment", actor("evaluator_lead"), T0 + HOUR, documents=(document("comment"),))
        house.act(name, comment, T0 + HOUR)
        assert house.act(name, Act("withdraw", liaison, T0 + DAY), T0 + DAY).outstanding == ()
        assert {one.recipient.organisation for one in house.notices.waiting(EVERYBODY)} == {BUREAU}
        assert ("withdraw", Role.EVALUATOR_LEAD) in told_to(house, LEAD)
        assert house.orders.open(EVERYBODY) == ()
        house.database.close()


@pytest.mark.parametrize("kind", DATABASES)
def test_of_a_finding_its_coordinators_are_told_and_no_order_stays_open(kind: str, tmp_path: Path) -> None:
    with address(kind, tmp_path) as at:
        house = open_house(tmp_path, environment=setting(at))
        name, analyst = house.new_id("fin"), entered(house, Role.ANALYST, "harbor", OrganisationKind.CLEARINGHOUSE)
        brought = tuple(document(one) for one in ("provenance", "commitment"))
        marks = (("tlp", "TLP:AMBER+STRICT"), ("vendor", AGENCY))
        taken = Act("intake", analyst, T0, documents=brought, marks=marks)
        house.begin(Standing(name, Kind.FINDING, evaluator="harbor"), taken, T0)
        retraction = Act("retract", analyst, T0 + HOUR, reason="a mistake")
        assert house.act(name, retraction, T0 + HOUR).outstanding == ()
        waiting = [(one.recipient.organisation, one.recipient.role) for one in house.notices.waiting(EVERYBODY)]
        assert waiting == [("harbor", Role.COORDINATOR)]
        assert house.orders.open(EVERYBODY) == ()
        house.database.close()


def test_a_maintainer_is_told_once_a_finding_was_reported_and_not_of_its_own_answer() -> None:
    queued = Standing("fin-1", Kind.FINDING, "queued", evaluator=BUREAU).with_mark("vendor", "works")
    by = actor("coordinator")
    assert told(queued, by) == ()
    reported = replace(queued.with_date("day0", T0), state="reported")
    assert [(one.organisation, one.role) for one in told(reported, by)] == [("works", Role.MAINTAINER)]
    answered = told(reported, Actor("mara", "works", Role.MAINTAINER))
    assert [(one.organisation, one.role) for one in answered] == [(BUREAU, Role.COORDINATOR)]
