from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.framework.clock import after
from seatrial.framework.window import CEILING_HOURS, Window, WindowEmpty, WindowError, open_window

NEW_YORK = ZoneInfo("America/New_York")
OPENED = datetime(2026, 10, 20, 13, tzinfo=UTC)
FAR = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "America/St_Johns")


def opened(at: datetime = OPENED, **ends: datetime | None) -> Window:
    return open_window(at, **{"consent_expires": FAR, **ends})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2026, 10, 20, 9, tzinfo=NEW_YORK), datetime(2026, 11, 19, 13, tzinfo=UTC)),
        (datetime(2027, 3, 1, 9, tzinfo=NEW_YORK), datetime(2027, 3, 31, 14, tzinfo=UTC)),
        (datetime(2028, 2, 10, tzinfo=UTC), datetime(2028, 3, 11, tzinfo=UTC)),
        (datetime(2027, 2, 10, tzinfo=UTC), datetime(2027, 3, 12, tzinfo=UTC)),
    ],
)
def test_thirty_days_are_720_elapsed_hours(start: datetime, end: datetime) -> None:
    assert opened(start).end == end
    assert opened(start).ends_by == "ceiling"


def test_the_wall_clock_moves_where_summer_time_ends_or_begins() -> None:
    assert opened(datetime(2026, 10, 20, 9, tzinfo=NEW_YORK)).end.astimezone(NEW_YORK).hour == 8
    assert opened(datetime(2027, 3, 1, 9, tzinfo=NEW_YORK)).end.astimezone(NEW_YORK).hour == 10


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - wall-clock times, the zone comes next
    st.sampled_from(ZONES),
    st.sampled_from((0, 1)),
)
@settings(deadline=None)
def test_the_ceiling_is_exact_to_the_second_in_every_zone(wall: datetime, zone: str, fold: int) -> None:
    start = wall.replace(tzinfo=ZoneInfo(zone), fold=fold)
    end = opened(start, consent_expires=datetime(2050, 1, 1, tzinfo=UTC)).end
    assert end - start.astimezone(UTC) == timedelta(seconds=CEILING_HOURS * 3600)


@pytest.mark.parametrize("name", ["agreed_end", "partner_release", "consent_expires"])
def test_the_earliest_end_decides(name: str) -> None:
    window = opened(**{name: OPENED + 5 * HOUR})
    assert window.end == OPENED + 5 * HOUR
    assert window.ends_by == name.removesuffix("_expires")


def test_it_is_over_at_the_very_end() -> None:
    window = opened()
    assert window.contains(OPENED)
    assert not window.contains(OPENED - timedelta(microseconds=1))
    assert window.contains(window.end - timedelta(microseconds=1))
    assert not window.contains(window.end)


@pytest.mark.parametrize("name", ["agreed_end", "partner_release", "consent_expires"])
@pytest.mark.parametrize("late", [timedelta(0), HOUR])
def test_nothing_opens_that_would_be_over(name: str, late: timedelta) -> None:
    with pytest.raises(WindowEmpty, match="no access to open"):
        opened(**{name: OPENED - late})


def test_no_end_is_agreed_beyond_the_ceiling() -> None:
    with pytest.raises(WindowError, match="lies beyond"):
        opened(agreed_end=after(OPENED, CEILING_HOURS) + HOUR)
    with pytest.raises(WindowError, match="may last until"):
        opened().agreed_until(after(OPENED, CEILING_HOURS) + HOUR, OPENED)
    with pytest.raises(WindowError, match="at most 720"):
        open_window(OPENED, consent_expires=FAR, ceiling_hours=721)


def test_the_agreed_end_moves_within_the_ceiling() -> None:
    window = opened(agreed_end=OPENED + 100 * HOUR)
    assert window.agreed_until(OPENED + 700 * HOUR, OPENED + HOUR).end == OPENED + 700 * HOUR
    assert window.agreed_until(OPENED - HOUR, OPENED + HOUR).end == OPENED + HOUR


def test_a_partner_date_moved_into_the_past_ends_it_now() -> None:
    now = OPENED + 48 * HOUR
    assert opened().with_partner_release(OPENED + HOUR, now).end == now


def test_moving_dates_revives_nothing() -> None:
    over = opened(partner_release=OPENED + HOUR, agreed_end=OPENED + 2 * HOUR)
    now = OPENED + 3 * HOUR
    assert not over.with_partner_release(None, now).agreed_until(OPENED + 100 * HOUR, now).contains(now)
    assert over.with_partner_release(FAR, now).end == OPENED + HOUR


def test_revoking_and_granting_again_keeps_serial_and_end() -> None:
    window = opened(agreed_end=OPENED + 100 * HOUR)
    revoked = window.revoked(OPENED + HOUR)
    now = OPENED + 50 * HOUR
    assert revoked.end == OPENED + HOUR
    again = revoked.with_partner_release(FAR, now).granted_again(now, FAR)
    assert (again.serial, again.end, again.contains(now)) == (1, window.end, True)
    assert revoked.granted_again(now, OPENED + 60 * HOUR).end == OPENED + 60 * HOUR


def test_past_its_end_a_new_consent_opens_the_next_serial() -> None:
    window = opened().ended(OPENED + HOUR)
    now = OPENED + 800 * HOUR
    again = window.granted_again(now, FAR, agreed_end=now + 10 * HOUR)
    assert (again.serial, again.opened_at, again.end) == (2, now, now + 10 * HOUR)


def test_an_open_window_is_not_opened_twice() -> None:
    with pytest.raises(WindowError, match="is open until"):
        opened().granted_again(OPENED + HOUR, FAR)


def test_after_the_partner_date_there_is_nothing_to_open_until_the_developer_moves_it() -> None:
    window, now = opened(partner_release=OPENED + HOUR), OPENED + 2 * HOUR
    with pytest.raises(WindowEmpty):
        window.granted_again(now, FAR)
    assert window.with_partner_release(FAR, now).granted_again(now, FAR).serial == 2


def test_a_second_end_does_not_move_the_first() -> None:
    window = opened().ended(OPENED + HOUR).withdrawn(OPENED + 2 * HOUR)
    assert window.ended(OPENED + 5 * HOUR).end == OPENED + HOUR
    assert window.withdrawn(OPENED + 5 * HOUR).withdrawn_at == OPENED + 2 * HOUR
    assert window.revoked(OPENED + 3 * HOUR).revoked(OPENED + 4 * HOUR).revoked_at == OPENED + 3 * HOUR


INSTANTS = st.integers(-10, 900).map(lambda hours: OPENED + hours * HOUR)
ENDS = ("agreed_end", "partner_release", "ended_at", "withdrawn_at", "revoked_at")


@st.composite
def windows(draw: st.DrawFn) -> Window:
    ends = {name: draw(st.none() | INSTANTS) for name in ENDS}
    return replace(Window(1, OPENED, draw(INSTANTS), ceiling_hours=draw(st.integers(1, CEILING_HOURS))), **ends)


@given(windows(), INSTANTS, INSTANTS, INSTANTS)
@settings(deadline=None)
def test_an_earlier_partner_date_never_moves_the_end_later(
    window: Window, one: datetime, other: datetime, now: datetime
) -> None:
    earlier, later = sorted((one, other))
    assert window.with_partner_release(earlier, now).end <= window.with_partner_release(later, now).end
    assert replace(window, partner_release=earlier).end <= replace(window, partner_release=later).end
    assert window.with_partner_release(later, now).end <= window.with_partner_release(None, now).end


@given(windows(), st.sampled_from(ENDS), INSTANTS)
@settings(deadline=None)
def test_no_end_that_is_added_gives_more_time(window: Window, name: str, when: datetime) -> None:
    bare = replace(window, **{name: None})
    assert replace(bare, **{name: when}).end <= bare.end <= window.ceiling


@given(windows(), INSTANTS, INSTANTS, INSTANTS)
@settings(deadline=None)
def test_what_is_over_stays_over_whatever_is_moved(
    window: Window, now: datetime, date: datetime, later: datetime
) -> None:
    if window.contains(now) or now < OPENED:
        return
    moved = window.with_partner_release(date, now)
    moved = moved.agreed_until(min(date, window.ceiling), now)
    assert not moved.contains(max(now, later))
