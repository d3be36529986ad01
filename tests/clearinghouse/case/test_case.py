"""A case as the fold of its events: what can be done, what cannot, and what each participant sees."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.clearinghouse.case import acts, escalation
from seatrial.clearinghouse.case.book import NoCase, policy_body
from seatrial.clearinghouse.case.case import Case, CaseError
from seatrial.clearinghouse.case.embargo import EmbargoState
from seatrial.clearinghouse.case.need_to_know import seen_by
from seatrial.clearinghouse.case.policy import shipped
from seatrial.clearinghouse.case.report_state import ReportState
from seatrial.clearinghouse.event import EventType
from seatrial.clearinghouse.store import Conflict
from support.cases import ANA, NOW, WORKER, World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def propose(world: World, days: int = 60, by: str = "house") -> tuple[EventType, dict[str, Any]]:
    end = (world.now + timedelta(days=days)).isoformat()
    terms = {"id": "emb-1", "end": end, "zone": "Europe/Berlin"}
    return EventType.EM, {"step": "propose", "organisation": by, "terms": terms}


def answer(organisation: str, step: str = "accept") -> tuple[EventType, dict[str, Any]]:
    return EventType.EM, {"step": step, "organisation": organisation}


def test_a_case_is_its_events_and_numbers_follow_one_another(world: World) -> None:
    one, two = world.opened(), world.opened()
    assert (one.case_id, two.case_id) == ("SC-2026-0001", "SC-2026-0002")
    assert world.book.ids([2026]) == ("SC-2026-0001", "SC-2026-0002")
    assert Case.of(world.book.events(one.case_id)) == world.book.case(one.case_id) == one
    assert one.policy == shipped("house-1").ref
    with pytest.raises(NoCase):
        world.book.case("SC-2026-0009")
    with pytest.raises(CaseError, match="is about one cluster or more"):
        world.book.open_case("nothing", [], ANA, NOW)
    assert world.book.ids([2026]) == ("SC-2026-0001", "SC-2026-0002")


def test_a_vendor_opens_a_case(world: World) -> None:
    opener = {"organisation": "acme", "roles": ["vendor"], "components": ["parser"]}
    case = world.book.open_case("ours", ["C-000001"], ANA, NOW, opener=opener)
    assert case.participant("acme").is_vendor


def test_whoever_is_reached_has_the_report_is_aware_and_the_clock_runs(world: World) -> None:
    case = world.opened()
    assert case.deadlines(NOW).advisory is None
    case = world.book.act(
        case.case_id, lambda one: acts.tried(one, "acme", "security_md", "sec@acme.test", "bounced"), ANA, NOW
    )
    assert (case.facts.first_attempt, case.facts.first_contact) == (NOW, None)
    then = world.later(days=2)
    case = world.book.act(
        case.case_id, lambda one: acts.tried(one, "acme", "mail", "sec@acme.test", "reached"), ANA, then
    )
    acme = case.participant("acme")
    assert (acme.report, acme.vfd, acme.silent, case.silent) == (ReportState.RECEIVED, "Vfd", True, ("acme",))
    assert case.deadlines(then).advisory == then + timedelta(days=90)
    case = world.book.act(
        case.case_id, [(EventType.MESSAGE, {"organisation": "acme", "text": "thanks"})], ANA, world.later(days=1)
    )
    assert (case.silent, case.facts.answered) == ((), world.now)


def test_silence_goes_to_a_coordinator_after_the_policys_time_and_at_once_without_a_contact(world: World) -> None:
    case = world.opened()
    case = world.book.act(
        case.case_id, lambda one: acts.tried(one, "acme", "mail", "sec@acme.test", "reached"), ANA, NOW
    )
    just = NOW + timedelta(days=30)
    assert escalation.escalation_due(case, just - timedelta(seconds=1)) is None
    due = escalation.escalation_due(case, just)
    assert due is not None
    assert (due.since, due.why) == (just, "no answer since the first attempt: acme")
    with pytest.raises(CaseError, match="by a named person"):
        world.book.act(case.case_id, escalation.escalate("cert", "silence"), WORKER, just)
    case = world.book.act(case.case_id, escalation.escalate("cert", "silence"), ANA, just)
    assert escalation.escalation_due(case, just) is None

    other = world.opened()
    other = world.book.act(
        other.case_id, lambda one: acts.tried(one, "acme", "absent", "", "absent"), ANA, world.now + timedelta(days=31)
    )
    found = escalation.escalation_due(other, world.now + timedelta(days=31))
    assert found is not None
    assert found.why == "no contact was found"


def test_an_exploit_that_is_public_brings_public_and_every_vendor_in_one_act(world: World) -> None:
    case = world.opened()
    case = world.join(case.case_id, "brio", ["vendor"], ["parser"])
    case = world.book.act(case.case_id, lambda one: acts.known(one, "X", evidence="https://example.org"), ANA, NOW)
    assert [(one.event, one.organisation, one.implied) for one in case.happened] == [
        ("X", "", False),
        ("P", "", True),
        ("V", "acme", True),
        ("V", "brio", True),
    ]
    assert (case.state_of("acme"), case.forced) == ("VfdPXa", None)
    assert case.deadlines(NOW).advisory == NOW
    assert case.desiderata("acme") == (3, 10)  # V, P and X before A; F and D against A are open
    with pytest.raises(ValueError, match="known already"):
        world.book.act(case.case_id, [(EventType.CS, {"event": "P"})], ANA, NOW)


def test_what_must_come_next_comes_first(world: World) -> None:
    case = world.book.act(world.opened().case_id, [(EventType.CS, {"event": "X"})], ANA, NOW)
    assert case.forced == ("P", "")
    with pytest.raises(CaseError, match="P  comes first"):
        world.book.act(case.case_id, [(EventType.CS, {"event": "A"})], ANA, NOW)
    with pytest.raises(CaseError, match="is no vendor here"):
        world.book.act(world.opened().case_id, [(EventType.CS, {"event": "V", "organisation": "house"})], ANA, NOW)


def test_after_it_is_out_an_embargo_is_only_left_and_one_person_is_enough(world: World) -> None:
    case = world.opened()
    case = world.book.act(case.case_id, [propose(world), answer("acme")], ANA, NOW)
    assert (case.embargo.state, case.keeps_silent(NOW)) == (EmbargoState.ACTIVE, True)
    with pytest.raises(CaseError, match="left by agreement; missing: acme, house"):
        world.book.act(case.case_id, acts.embargo_exit("we want to"), ANA, NOW)
    with pytest.raises(ValueError, match="nothing is out"):
        escalation.break_glass(case, "in a hurry")
    case = world.book.act(case.case_id, [propose(world, 90, "acme")], ANA, NOW)
    case = world.book.act(case.case_id, lambda one: acts.known(one, "A"), ANA, NOW)
    assert (case.exit_due, case.embargo.proposal) == ("attacks are seen", None)
    for step in (propose(world), answer("acme")):
        with pytest.raises(CaseError, match="no embargo is proposed or accepted any more"):
            world.book.act(case.case_id, [step], ANA, NOW)
    with pytest.raises(CaseError, match="named person, with a reason"):
        world.book.act(case.case_id, escalation.break_glass(case, "attacks"), WORKER, NOW)
    with pytest.raises(CaseError, match="named person, with a reason"):
        world.book.act(case.case_id, escalation.break_glass(case, ""), ANA, NOW)
    case = world.book.act(case.case_id, escalation.break_glass(case, "attacks on users"), ANA, NOW)
    assert (case.embargo.state, case.exit_due) == (EmbargoState.EXITED, "")


def test_what_cannot_be_is_not_written(world: World) -> None:
    case = world.opened()
    before = world.book.events(case.case_id)
    refused = [
        [(EventType.RM, {"organisation": "acme", "to": "closed"})],
        [(EventType.RM, {"organisation": "nobody", "to": "received"})],
        [(EventType.MESSAGE, {"organisation": "acme", "thread": "other", "text": "?"})],
        [(EventType.STATUS_SET, {"organisation": "acme", "product": "other", "status": "affected"})],
        [(EventType.STATUS_SET, {"organisation": "acme", "product": "parser", "status": "maybe"})],
        [(EventType.STATUS_SET, {"organisation": "acme", "product": "parser", "status": "not_affected"})],
        [(EventType.FIX_VERIFIED, {"version": "1.2"})],
        [(EventType.CLOCK_SET, {"fact": "fix_public", "at": "2099-01-01T00:00:00Z"})],
        [(EventType.CLOCK_SET, {"fact": "fix_public", "at": "2026-11-01T00:00:00"})],
        [(EventType.CASE_OPENED, {"policy": policy_body(shipped("house-1")), "clusters": ["C-000001"]})],
        [(EventType.RATING_DECIDED, {})],
        # the first of these could be; the second not: so neither is
        [
            (EventType.RM, {"organisation": "acme", "to": "received"}),
            (EventType.CS, {"event": "F", "organisation": "acme"}),
        ],
    ]
    for steps in refused:
        with pytest.raises(ValueError, match=r"."):
            world.book.act(case.case_id, steps, ANA, NOW)
    assert world.book.events(case.case_id) == before
    with pytest.raises(CaseError, match="before its last event"):
        world.book.act(case.case_id, [], ANA, NOW - timedelta(seconds=1))


def test_who_is_slower_is_tried_again_on_what_the_case_is_by_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = world.opened()
    keep, seen = world.store.append, list[int]()

    def act(one: Case) -> list[acts.Step]:
        seen.append(one.seq)
        return [(EventType.STATUS_SET, {"organisation": "acme", "tracking": f"ACME-{one.seq}"})]

    def interfering(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - the store's own
        monkeypatch.setattr(world.store, "append", keep)
        world.join(case.case_id, "brio", ["other"])
        return keep(*given, **named)

    monkeypatch.setattr(world.store, "append", interfering)
    after = world.book.act(case.case_id, act, ANA, NOW)
    assert seen == [case.seq, case.seq + 1]
    assert after.participant("acme").tracking == (f"ACME-{case.seq + 1}",)
    assert "brio" in after.participants

    def always(*_: object, **__: object) -> None:
        raise Conflict("busy")

    monkeypatch.setattr(world.store, "append", always)
    with pytest.raises(Conflict, match="others act on it"):
        world.book.act(case.case_id, act, ANA, NOW)


def test_two_policies_a_vendors_word_and_numbers(world: World) -> None:
    case = world.opened()
    steps = [
        (EventType.CLOCK_SET, {"fact": "first_contact", "at": NOW.isoformat()}),
        (EventType.CLOCK_SET, {"policy": policy_body(shipped("certcc"))}),
    ]
    case = world.book.act(case.case_id, steps, ANA, NOW)
    assert case.deadlines(NOW).policy == "certcc"
    case = world.book.act(
        case.case_id, [(EventType.CLOCK_SET, {"organisation": "acme", "accepts": "house-1"})], ANA, NOW
    )
    assert case.deadlines(NOW).policy == "house-1"
    named = {
        "organisation": "acme",
        "number": "CVE-2026-12345",
        "tracking": "ACME-7",
        "product": "parser",
        "status": "fixed",
    }
    case = world.book.act(case.case_id, [(EventType.STATUS_SET, named)], ANA, NOW)
    assert (case.numbers, case.participant("acme").tracking) == (("CVE-2026-12345",), ("ACME-7",))
    assert case.participant("acme").statements["parser"].status == "fixed"
    paused = [(EventType.CLOCK_PAUSED, {"clock": "disclosure", "reason": "away"})]
    with pytest.raises(CaseError, match="by a named person"):
        world.book.act(case.case_id, paused, WORKER, NOW)
    world.book.act(case.case_id, paused, ANA, NOW)
    case = world.book.act(
        case.case_id, [(EventType.CLOCK_PAUSED, {"clock": "disclosure", "ends": True})], ANA, world.later(hours=7)
    )
    longer = {"clock": "disclosure", "seconds": 5, "reason": "in review"}
    case = world.book.act(case.case_id, [(EventType.CLOCK_EXTENDED, longer)], ANA, world.now)
    assert case.deadlines(world.now).advisory == NOW + timedelta(days=90, hours=7, seconds=5)
    case = world.book.act(case.case_id, lambda one: acts.fix_public(one, "acme", "1.4.2"), ANA, world.now)
    assert (case.deadlines(world.now).advisory, case.state_of("acme")) == (world.now, "VFdpxa")


def big(world: World) -> Case:
    """121 vendors on three products, and 1,000 messages, each with a canary of its thread."""
    products = ("parser", "server", "client")
    case = world.book.open_case("big", ["C-000001"], ANA, NOW)
    steps: list[acts.Step] = [(EventType.JOINED, {"organisation": "house", "roles": ["coordinator"]})]
    steps += [
        (EventType.JOINED, {"organisation": f"v{number}", "roles": ["vendor"], "components": [products[number % 3]]})
        for number in range(121)
    ]
    steps += [
        (
            EventType.MESSAGE,
            {
                "organisation": f"v{number % 121}",
                "thread": products[number % 121 % 3],
                "text": f"canary-{number % 121 % 3}-{number}",
            },
        )
        for number in range(1000)
    ]
    return world.book.act(case.case_id, steps, ANA, NOW)


def test_a_vendor_sees_its_own_products_threads_and_nothing_stands_for_the_rest(world: World) -> None:
    case = big(world)
    assert (len(case.vendors), len(case.messages), len(world.book.events(case.case_id))) == (121, 1000, 1 + 122 + 1000)
    seen = seen_by(case, "v0")
    assert {message.thread for message in seen.messages} == {"parser"}
    assert [message.seq for message in seen.messages] == list(range(1, len(seen.messages) + 1))
    said = repr(seen)
    assert "canary-0-" in said
    assert "canary-1-" not in said
    assert "canary-2-" not in said
    assert set(seen.participants) == {"house", *(f"v{number}" for number in range(0, 121, 3))}
    assert "server" not in said
    assert seen.last == ""
    assert seen_by(case, "house") == case
    with pytest.raises(CaseError, match="takes no part"):
        seen_by(case, "rival")


def test_what_a_vendor_sees_does_not_depend_on_what_it_may_not_see(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    for one in (world, other):
        case = one.opened()
        one.join(case.case_id, "brio", ["vendor"], ["server"], "sec@brio.test")
        one.book.act(
            case.case_id, [(EventType.MESSAGE, {"organisation": "acme", "thread": "parser", "text": "ours"})], ANA, NOW
        )
    secret = {"organisation": "brio", "thread": "server", "text": "we ship on Friday"}
    status = {"organisation": "brio", "product": "server", "status": "affected", "tracking": "BRIO-1", "spoken": False}
    other.book.act("SC-2026-0001", [(EventType.MESSAGE, secret), (EventType.STATUS_SET, status)], ANA, NOW)
    here, there = seen_by(world.book.case("SC-2026-0001"), "acme"), seen_by(other.book.case("SC-2026-0001"), "acme")
    assert here == there


def test_desiderata_are_counted_for_each_vendor(world: World) -> None:
    case = world.opened()
    case = world.join(case.case_id, "brio", ["vendor"], ["server"])
    case = world.book.act(
        case.case_id, lambda one: acts.tried(one, "acme", "mail", "sec@acme.test", "reached"), ANA, NOW
    )
    case = world.book.act(case.case_id, lambda one: acts.fix_public(one, "acme", "1.4.2"), ANA, NOW)
    case = world.book.act(case.case_id, lambda one: acts.known(one, "P"), ANA, NOW)
    assert case.desiderata("acme") == (8, 9)  # aware and ready before all three; public before exploit and attacks
    assert case.desiderata("brio")[0] < 8
