"""Clocks to the second. Every expected instant is written out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.case import policy as policies
from seatrial.clearinghouse.case.clocks import (
    Adjustments,
    Extension,
    Facts,
    Pause,
    deadlines,
    due,
    extension,
    paused,
    resumed,
    shown,
)
from seatrial.clearinghouse.case.policy import BadPolicy, Policy, parse, pinned, shipped
from seatrial.framework.clock import ClockError

DAY = 86_400
HOUSE = shipped("house-1")


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def told(text: str, zone: str = "UTC") -> Facts:
    return Facts(first_contact=at(text, zone))


@pytest.mark.parametrize(
    ("start", "zone", "ninety_days_later", "as_shown"),
    [
        # across the spring change of 2027 in Berlin (28 March), New York (14 March), and autumn in Sydney (4 April)
        ("2027-01-15T12:00:00", "Europe/Berlin", "2027-04-15T11:00:00+00:00", "2027-04-15 13:00:00 +02:00"),
        ("2027-01-15T12:00:00", "America/New_York", "2027-04-15T17:00:00+00:00", "2027-04-15 13:00:00 -04:00"),
        ("2027-01-15T12:00:00", "Australia/Sydney", "2027-04-15T01:00:00+00:00", "2027-04-15 11:00:00 +10:00"),
        # across the autumn change in Berlin (31 October) and New York (7 November), and spring in Sydney (3 October)
        ("2027-09-01T12:00:00", "Europe/Berlin", "2027-11-30T10:00:00+00:00", "2027-11-30 11:00:00 +01:00"),
        ("2027-09-01T12:00:00", "America/New_York", "2027-11-30T16:00:00+00:00", "2027-11-30 11:00:00 -05:00"),
        ("2027-09-01T12:00:00", "Australia/Sydney", "2027-11-30T02:00:00+00:00", "2027-11-30 13:00:00 +11:00"),
        # across 29 February 2028, and across the 28th of a year without one
        ("2028-02-01T00:00:01", "UTC", "2028-05-01T00:00:01+00:00", "2028-05-01 00:00:01 +00:00"),
        ("2027-02-01T00:00:01", "UTC", "2027-05-02T00:00:01+00:00", "2027-05-02 00:00:01 +00:00"),
    ],
)
def test_ninety_days_are_7776000_seconds_in_every_zone(
    start: str, zone: str, ninety_days_later: str, as_shown: str
) -> None:
    found = deadlines((HOUSE,), told(start, zone), now=at(start, zone)).disclosure
    assert found is not None
    assert found.isoformat() == ninety_days_later
    assert (found - at(start, zone).astimezone(UTC)).total_seconds() == 90 * DAY
    assert shown(found, zone) == f"{as_shown} ({zone})"


START = "2027-01-01T00:00:00+00:00"
TOLD = Facts(first_contact=at(START))
# policy, facts beside first contact on 1 January 2027, advisory due, details due
COURSES = [
    ("house-1", {}, "2027-04-01T00:00:00", "2027-05-16T00:00:00"),
    ("house-1", {"fix_public": "2027-02-01T06:00:00"}, "2027-02-01T06:00:00", "2027-03-18T06:00:00"),
    ("house-1", {"exploited": "2027-01-10T00:00:00"}, "2027-01-17T00:00:00", "2027-03-03T00:00:00"),
    ("house-1", {"exploited": "2026-12-20T00:00:00"}, "2027-01-08T00:00:00", "2027-02-22T00:00:00"),
    ("house-1", {"exploited": "2027-03-30T00:00:00"}, "2027-04-01T00:00:00", "2027-05-16T00:00:00"),
    ("house-1", {"public": "2027-01-20T03:04:05"}, "2027-01-20T03:04:05", "2027-01-20T03:04:05"),
    ("certcc", {}, "2027-02-15T00:00:00", "2027-02-15T00:00:00"),
    ("certcc", {"fix_public": "2027-01-20T00:00:00"}, "2027-02-15T00:00:00", "2027-02-15T00:00:00"),
    ("project-zero-2025", {}, "2027-04-01T00:00:00", "2027-04-01T00:00:00"),
    ("project-zero-2025", {"fix_public": "2027-02-01T00:00:00"}, "2027-03-03T00:00:00", "2027-03-03T00:00:00"),
    ("project-zero-2025", {"fix_public": "2027-04-01T00:00:00"}, "2027-04-01T00:00:00", "2027-05-01T00:00:00"),
    ("project-zero-2025", {"fix_public": "2027-04-02T00:00:00"}, "2027-04-01T00:00:00", "2027-04-01T00:00:00"),
    ("oss-fuzz", {"fix_public": "2027-01-11T00:00:00"}, "2027-01-11T00:00:00", "2027-02-10T00:00:00"),
    ("oss-fuzz", {"fix_public": "2027-03-30T00:00:00"}, "2027-03-30T00:00:00", "2027-04-01T00:00:00"),
    ("openssf-model", {}, "2027-04-01T00:00:00", "2027-04-01T00:00:00"),
    ("openssf-model", {"fix_public": "2027-02-01T00:00:00"}, "2027-02-01T00:00:00", "2027-02-01T00:00:00"),
]


@pytest.mark.parametrize(("name", "facts", "advisory", "details"), COURSES)
def test_courses(name: str, facts: dict[str, str], advisory: str, details: str) -> None:
    given_facts = Facts(first_contact=at(START), **{key: at(value) for key, value in facts.items()})
    found = deadlines((shipped(name),), given_facts, now=at(START))
    assert found.advisory == at(advisory)
    assert found.details == at(details)


def test_the_early_announcement_and_the_answer_that_is_asked_for() -> None:
    early = deadlines((shipped("project-zero-2025"),), TOLD, now=at(START))
    assert early.announcement == at("2027-01-08T00:00:00")
    assert shipped("project-zero-2025").announces == ("vendor", "product", "reported_on", "disclosure_due")
    asked = deadlines((shipped("openssf-model"),), TOLD, now=at(START))
    assert asked.answer == at("2027-01-22T00:00:00")
    answered = Facts(first_contact=at(START), answered=at("2027-01-02T00:00:00"))
    assert deadlines((shipped("openssf-model"),), answered, now=at(START)).answer is None
    assert deadlines((HOUSE,), TOLD, now=at(START)).escalation == at("2027-01-31T00:00:00")
    assert deadlines((HOUSE,), answered, now=at(START)).escalation is None


def test_nothing_is_due_before_anybody_was_told() -> None:
    found = deadlines((HOUSE,), Facts(exploited=at(START)), now=at(START))
    assert (found.disclosure, found.advisory, found.details, found.over(at("2030-01-01"))) == (None, None, None, ())


def test_at_the_due_second_it_is_over_and_the_second_before_it_is_not() -> None:
    found = deadlines((HOUSE,), TOLD, now=at(START))
    assert found.advisory is not None
    assert "advisory" in found.over(found.advisory)
    assert "advisory" not in found.over(found.advisory - timedelta(seconds=1))


def more(seconds: int, when: str = "2027-02-01T00:00:00", agreed: tuple[str, ...] = ()) -> Extension:
    return Extension("disclosure", "per-1", "a patch is in review", seconds, at(when), frozenset(agreed))


def test_two_extensions_add_up_to_the_second_and_end_where_the_policy_ends() -> None:
    once = extension(HOUSE, TOLD, Adjustments(), more(5 * DAY + 7), ["acme"])
    twice = extension(HOUSE, TOLD, once, more(9 * DAY - 7, "2027-04-02T00:00:00"), ["acme"])
    assert due(HOUSE, "disclosure", TOLD, twice, at(START)) == at("2027-04-15T00:00:00")
    with pytest.raises(ClockError, match="missing: acme"):
        extension(HOUSE, TOLD, twice, more(1), ["acme"])
    longer = extension(HOUSE, TOLD, twice, more(1, agreed=("acme",)), ["acme"])
    assert due(HOUSE, "disclosure", TOLD, longer, at(START)) == at("2027-04-15T00:00:01")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Extension("disclosure", "", "why", 1, at(START)), "a person and a reason"),
        (Extension("disclosure", "per-1", " ", 1, at(START)), "a person and a reason"),
        (Extension("disclosure", "per-1", "why", 0, at(START)), "1 second or more"),
        (Extension("disclosure", "per-1", "why", 1, at("2027-04-01T00:00:00")), "it is over since"),
        (Extension("exploited", "per-1", "why", 1, at(START)), "does not run"),
        (Extension("disclosure", "per-1", "why", 15 * DAY, at(START)), "there is no vendor"),
    ],
)
def test_an_extension_that_cannot_be_says_why(asked: Extension, says: str) -> None:
    with pytest.raises(ClockError, match=says):
        extension(HOUSE, TOLD, Adjustments(), asked, [])


def test_a_pause_moves_the_end_by_its_length_and_one_that_lasts_moves_it_along() -> None:
    stands = paused(Adjustments(), Pause("disclosure", "per-1", "the vendor's team is away", at("2027-02-01T00:00:00")))
    assert due(HOUSE, "disclosure", TOLD, stands, at("2027-02-03T00:00:01")) == at("2027-04-03T00:00:01")
    goes_on = resumed(stands, "disclosure", at("2027-02-04T12:00:00"))
    assert due(HOUSE, "disclosure", TOLD, goes_on, at("2029-01-01")) == at("2027-04-04T12:00:00")
    with pytest.raises(ClockError, match="paused already"):
        paused(stands, Pause("disclosure", "per-1", "again", at("2027-02-02T00:00:00")))
    with pytest.raises(ClockError, match="not paused"):
        resumed(goes_on, "disclosure", at("2027-02-05T00:00:00"))
    with pytest.raises(ClockError, match="inside an earlier one"):
        paused(goes_on, Pause("disclosure", "per-1", "again", at("2027-02-03T00:00:00")))
    late = paused(Adjustments(), Pause("disclosure", "per-1", "too late", at("2027-04-01T00:00:00")))
    assert due(HOUSE, "disclosure", TOLD, late, at("2028-01-01")) == at("2027-04-01T00:00:00")


def test_a_pause_inside_an_extension_counts_and_the_short_clock_does_not_pause_with_the_long_one() -> None:
    extended = extension(HOUSE, TOLD, Adjustments(), more(14 * DAY), [])
    both = resumed(
        paused(extended, Pause("disclosure", "per-1", "away", at("2027-04-10T00:00:00"))),
        "disclosure",
        at("2027-04-11T00:00:00"),
    )
    assert due(HOUSE, "disclosure", TOLD, both, at("2028-01-01")) == at("2027-04-16T00:00:00")
    known = Facts(first_contact=at(START), exploited=at("2027-02-01T00:00:00"))
    assert deadlines((HOUSE,), known, both, now=at("2028-01-01")).advisory == at("2027-02-08T00:00:00")


def test_of_two_policies_the_sooner_decides_unless_a_vendor_took_the_longer() -> None:
    two = (HOUSE, shipped("certcc"))
    sooner = deadlines(two, TOLD, now=at(START))
    assert (sooner.policy, sooner.advisory) == ("certcc", at("2027-02-15T00:00:00"))
    longer = deadlines(two, TOLD, now=at(START), accepted={"house-1"})
    assert (longer.policy, longer.advisory) == ("house-1", at("2027-04-01T00:00:00"))
    assert deadlines(two, TOLD, now=at(START), accepted={"certcc"}) == sooner
    out = Facts(first_contact=at(START), public=at("2027-01-05T00:00:00"))
    assert deadlines(two, out, now=at(START), accepted={"house-1"}).advisory == at("2027-01-05T00:00:00")


ROLLING = """
id = "rolling"
version = "2027.1"
title = "Rolls over"
effective_from = "2027-01-01"
source = "made for a test"
details = "with_advisory"
ends_on_fix = true
unverified = []
[rollover]
zone = "America/New_York"
holidays = [2027-12-24, 2027-12-27]
[[clock]]
id = "disclosure"
starts = "first_contact"
hours = 2160
"""


def test_holidays_move_a_deadline_only_where_the_policy_says_so() -> None:
    rolls = parse(ROLLING.encode())
    # 90 days after 25 September, 20:00 UTC is Friday 24 December, 15:00 in New York: a holiday there, then a weekend,
    # then a holiday again; Tuesday, the same hour.
    facts = told("2027-09-25T20:00:00")
    assert due(rolls, "disclosure", facts, Adjustments(), at(START)) == at("2027-12-28T20:00:00")
    assert due(HOUSE, "disclosure", facts, Adjustments(), at(START)) == at("2027-12-24T20:00:00")
    assert all(shipped(name).rollover is None for name in policies.names())


def test_a_case_keeps_the_bytes_that_it_was_opened_with(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = HOUSE.ref
    newer = (policies._folder() / "house-1" / "2026.1.toml").read_bytes().replace(b"hours = 2160", b"hours = 24")
    edited = parse(newer)
    assert pinned(kept).clock("disclosure").hours == 2160

    def other(name: str, version: str = "") -> Policy:
        assert (name, version) == (kept.id, kept.version)
        return edited

    monkeypatch.setattr(policies, "shipped", other)
    with pytest.raises(BadPolicy, match="differs from the one that the case was opened with"):
        pinned(kept)


def test_every_shipped_policy_reads_and_says_where_it_is_from() -> None:
    assert set(policies.names()) == {
        *("anthropic-2026-03", "project-zero-2025", "certcc", "openssf-model", "oss-fuzz", "house-1"),
    }
    for name in policies.names():
        policy = shipped(name)
        assert policy.ref.id == name
        assert policy.source
        assert all(clock.hours % 24 == 0 for clock in policy.clocks.values())
    ours, theirs = HOUSE, shipped("anthropic-2026-03")
    assert dict(ours.clocks) == dict(theirs.clocks)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("hours = 2160", "hours = 0"), "above 0"),
        (('id = "disclosure"', 'id = "surprise"'), "is one of"),
        (('starts = "first_contact"', 'starts = "launch"'), "is one of"),
        (('details = "with_advisory"', 'details = "never"'), "never"),
        (("ends_on_fix = true", "ends_on_fix = true\nsecret = 1"), "is no key"),
        (('title = "Rolls over"', ""), "title is missing"),
        (('zone = "America/New_York"', 'zone = "Nowhere"'), "Nowhere"),
        (("[[clock]]", "[[clock"), "not TOML"),
    ],
)
def test_a_file_that_is_no_policy_says_why(change: tuple[str, str], says: str) -> None:
    with pytest.raises(BadPolicy, match=says):
        parse(ROLLING.replace(*change).encode())


SECONDS = st.integers(min_value=0, max_value=200 * DAY)


@given(start=SECONDS, since=SECONDS, length=SECONDS, extra=st.integers(1, 14 * DAY), ask=SECONDS)
def test_the_end_is_start_plus_hours_plus_extension_plus_what_was_paused_before_it(
    start: int, since: int, length: int, extra: int, ask: int
) -> None:
    zero = at(START)
    facts = Facts(first_contact=zero + timedelta(seconds=start))
    plain = start + 90 * DAY
    adjusted = Adjustments()
    if ask < plain:
        asked = Extension("disclosure", "per-1", "why", extra, zero + timedelta(seconds=ask))
        adjusted = extension(HOUSE, facts, adjusted, asked, [])
        plain += extra
    begin, end = zero + timedelta(seconds=since), zero + timedelta(seconds=since + length)
    adjusted = resumed(paused(adjusted, Pause("disclosure", "per-1", "why", begin)), "disclosure", end)
    stood = max(0, since + length - max(since, start)) if since < plain else 0
    found = due(HOUSE, "disclosure", facts, adjusted, zero + timedelta(days=900))
    assert found == zero + timedelta(seconds=plain + stood)
