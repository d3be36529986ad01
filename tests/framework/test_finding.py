from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.framework.clock import ClockError
from seatrial.framework.disclosure import Embargo, escalation_due
from seatrial.framework.finding import embargo
from seatrial.framework.lifecycle import NotPossible
from seatrial.framework.lifecycles import apply
from seatrial.framework.obligation import due as owed
from seatrial.framework.standing import Act, Kind, Standing
from support.framework import DAY, HOUR, PACK, T0, actor, document


def at(state: str, **marks: str) -> Standing:
    found = {"finder": "per-finder", "vendor": "vendor-v", **marks}
    return Standing("fin-1", Kind.FINDING, state, since=T0, marks=tuple(sorted(found.items())))


def act(event: str, role: str, *papers: str, now: datetime = T0, **more: object) -> Act:
    by = actor(role, organisation="vendor-v" if role == "maintainer" else "")
    return replace(Act(event, by, now, documents=tuple(document(kind, now) for kind in papers)), **more)


def after(standing: Standing, one: Act) -> Standing:
    return apply(standing, one, PACK, one.at)[0]


def reported() -> Standing:
    return after(at("queued"), act("send_report", "coordinator", "report_with_label", "reproducer", "pacing_token"))


def test_the_way_from_a_candidate_to_published_details() -> None:
    start = Standing("fin-1", Kind.FINDING)
    marks = (("tlp", "TLP:AMBER+STRICT"), ("vendor", "vendor-v"))
    one = after(start, act("intake", "runner", "provenance", "commitment", marks=marks))
    assert one.mark("finder") == "per-runner"
    for step in (
        act("reproduce", "verifier", "replay_record"),
        act("cluster", "analyst", marks=(("cluster", "clu-1"),)),
        act("rate", "analyst", "rating_record", marks=(("rating", "critical"),)),
        act("sign_off", "analyst", "decision_record"),
        act("enqueue", "coordinator", "contact_log", reason="capacity of the maintainer", date=T0 + 3 * DAY),
        act("review_wait", "coordinator", reason="still no capacity", date=T0 + 14 * DAY),
        act("send_report", "coordinator", "report_with_label", "reproducer", "pacing_token"),
        act("acknowledge", "maintainer"),
        act("start_fix", "maintainer"),
        act("publish_fix", "maintainer", marks=(("fixed_version", "1.2"),)),
        act("fix_incomplete", "verifier", "replay_record"),
        act("publish_fix", "maintainer", marks=(("fixed_version", "1.3"),), date=T0 + DAY),
        act("verify_fix", "verifier", "replay_record"),
        act("publish_advisory", "coordinator", "advisory"),
    ):
        one = after(one, step)
    assert one.date("fix_public") == T0 + DAY
    with pytest.raises(NotPossible, match="the clock of the details"):
        after(one, act("publish_details", "coordinator", "details", now=T0 + DAY + 1079 * HOUR))
    done = after(one, act("publish_details", "coordinator", "details", now=T0 + DAY + 1080 * HOUR))
    assert done.state == "details_published"
    assert owed(done, PACK, T0) == ()


def test_a_logic_fault_takes_a_script_or_two_reviews_none_by_the_finder() -> None:
    def reviews(*signers: str) -> Act:
        papers = tuple(document("written_review", signers=(name,), version=n + 1) for n, name in enumerate(signers))
        return replace(act("confirm_logic", "analyst"), documents=papers)

    assert after(at("candidate"), act("confirm_logic", "verifier", "oracle_script")).state == "reproduced"
    assert after(at("candidate"), reviews("per-a", "per-b")).state == "reproduced"
    for signers in ((), ("per-a",), ("per-a", "per-a"), ("per-a", "per-finder")):
        with pytest.raises(NotPossible, match="two written reviews"):
            after(at("candidate"), reviews(*signers))


def test_what_is_exploited_is_not_paced() -> None:
    bare = act("send_report", "coordinator", "report_with_label", "reproducer")
    with pytest.raises(NotPossible, match="a pacing token"):
        after(at("queued"), bare)
    noted = after(at("queued"), act("note_exploited", "analyst", "exploitation_evidence"))
    assert noted.state == "queued"
    assert after(noted, bare).date("day0") == T0


def test_silence_goes_to_a_coordinator_after_thirty_days_and_at_once_without_a_contact() -> None:
    asked = act("escalate", "coordinator", "coordinator_reference", now=T0 + 720 * HOUR)
    early = replace(asked, at=T0 + 719 * HOUR)
    with pytest.raises(NotPossible, match="silence"):
        after(reported(), early)
    assert after(reported(), asked).state == "escalated"
    assert after(reported().with_mark("no_contact", "yes"), replace(asked, at=T0)).state == "escalated"
    assert escalation_due(PACK, T0, contact=True) == T0 + 720 * HOUR
    assert escalation_due(PACK, T0, contact=False) == T0


def test_nothing_is_published_without_a_basis() -> None:
    advisory = act("publish_advisory", "coordinator", "advisory")
    with pytest.raises(NotPossible, match="a basis"):
        after(reported(), replace(advisory, at=T0 + 2160 * HOUR - timedelta(seconds=1)))
    assert after(reported(), replace(advisory, at=T0 + 2160 * HOUR)).state == "advisory_published"
    agreed = act("publish_advisory", "coordinator", "advisory", "agreement_of_all_parties")
    assert after(reported(), agreed).state == "advisory_published"
    public = after(reported(), act("note_public", "analyst", "publication_evidence"))
    assert after(public, advisory).state == "advisory_published"


def test_a_merge_is_undone_and_a_mistake_reopened() -> None:
    merged = after(at("clustered"), act("mark_duplicate", "runner", marks=(("dup_of", "fin-2"),)))
    assert merged.mark("dup_of") == "fin-2"
    apart = after(merged, act("unmerge", "analyst", reason="another root cause"))
    assert (apart.state, apart.mark("dup_of")) == ("reproduced", "")
    retracted = after(reported(), act("retract", "analyst", reason="a test harness fault"))
    assert [one.name for one in owed(retracted, PACK, T0)] == ["reopen"]
    assert after(retracted, act("reopen", "analyst", "new_evidence")).state == "candidate"


def test_what_is_owed_on_a_report_and_by_whom() -> None:
    found = {one.name: (one.by, one.owner) for one in owed(reported(), PACK, T0)}
    assert found == {
        "acknowledge": (None, "maintainer"),
        "escalate": (T0 + 720 * HOUR, "coordinator"),
        "publish_advisory": (T0 + 2160 * HOUR, "coordinator"),
    }
    told = replace(reported(), state="advisory_published")
    assert [(one.name, one.by) for one in owed(told, PACK, T0)] == [("publish_details", T0 + 3240 * HOUR)]


# Clocks


def test_a_finding_that_nobody_was_told_of_has_no_clock() -> None:
    assert embargo(at("rated")) is None
    assert embargo(reported()) == Embargo(T0)


def test_ninety_days_or_the_fix_if_sooner_and_fourteen_more_once_for_progress() -> None:
    one = Embargo(T0)
    assert one.advisory_due(PACK) == T0 + 90 * DAY
    assert replace(one, fix_public=T0 + 10 * DAY).advisory_due(PACK) == T0 + 10 * DAY
    longer = one.extended(PACK, "coordinator", T0 + 89 * DAY, progress=True)
    assert longer.advisory_due(PACK) == T0 + 104 * DAY
    for again, now, progress in ((longer, T0, True), (one, T0 + 90 * DAY, True), (one, T0, False)):
        with pytest.raises(ClockError):
            again.extended(PACK, "coordinator", now, progress=progress)


def test_seven_days_from_the_later_of_day_zero_and_the_note_and_the_sooner_of_both_clocks() -> None:
    early, late = Embargo(T0, exploited=T0 - 30 * DAY), Embargo(T0, exploited=T0 + 88 * DAY)
    assert early.disclosure_end(PACK) == T0 + 7 * DAY
    assert late.disclosure_end(PACK) == T0 + 90 * DAY
    assert early.exploited_extended(PACK, "coordinator", T0).disclosure_end(PACK) == T0 + 14 * DAY
    with pytest.raises(ClockError, match="no such clock"):
        Embargo(T0).exploited_extended(PACK, "coordinator", T0)


def test_details_follow_the_fix_or_the_clock_or_come_at_once() -> None:
    assert Embargo(T0, fix_public=T0 + 10 * DAY).details_due(PACK) == T0 + 55 * DAY
    assert Embargo(T0).details_due(PACK) == T0 + 135 * DAY
    assert Embargo(T0, public=T0 + DAY).details_due(PACK) == T0 + DAY
    broad = Embargo(T0, fix_public=T0).details_wait(1080, "in every router")
    assert broad.details_due(PACK) == T0 + 90 * DAY
    for hours, reason in ((1081, "broad"), (0, "broad"), (10, " ")):
        with pytest.raises(ClockError, match="a written reason"):
            Embargo(T0).details_wait(hours, reason)


INSTANTS = st.none() | st.integers(0, 200 * 24).map(lambda hours: T0 + hours * HOUR)


@given(INSTANTS, INSTANTS, INSTANTS)
@settings(deadline=None)
def test_no_fact_that_becomes_known_makes_others_wait_longer(
    exploited: datetime | None, fix: datetime | None, public: datetime | None
) -> None:
    bare, known = Embargo(T0), Embargo(T0, exploited, fix, public)
    assert known.advisory_due(PACK) <= bare.advisory_due(PACK)
    assert known.advisory_due(PACK) <= known.details_due(PACK)
