from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.framework.clock import Clock, ClockError, ClockKind, Pause, Timer, account, after, earliest

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUNS = Clock("runs", "boundary_closed", 168, ClockKind.STAGE, "evaluator", pauses_on=("developer_fault",))
COMMENT = Clock("comment", "deliver_draft", 72, ClockKind.DEADLINE, "developer_owner", 168, 1, "developer_owner")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"hours": 0}, "hours must be above 0"),
        ({"extra_hours": -1}, "hours must be above 0"),
        ({"extra_hours": 5}, "an extension names"),
        ({"extra_hours": 5, "extra_times": 1}, "an extension names"),
        ({"extender": "coordinator"}, "an extension names"),
        ({"kind": ClockKind.CEILING, "extra_hours": 5, "extra_times": 1, "extender": "evaluator"}, "never grows"),
        ({"kind": ClockKind.CEILING, "pauses_on": ("developer_fault",)}, "only a stage pauses"),
        ({"pauses_on": ("developer_fault",)}, "only a stage pauses"),
    ],
)
def test_a_clock_that_contradicts_itself_is_refused(fields: dict[str, object], says: str) -> None:
    sound = {"id": "x", "starts": "submit", "hours": 1, "kind": ClockKind.DEADLINE, "owner": "evaluator"}
    Clock(**sound)  # type: ignore[arg-type]
    with pytest.raises(ClockError, match=says):
        Clock(**{**sound, **fields})  # type: ignore[arg-type]


def test_only_faults_that_the_clock_names_move_it() -> None:
    theirs = Pause(START + HOUR, START + 5 * HOUR, "developer_fault")
    ours = Pause(START + 6 * HOUR, START + 9 * HOUR, "evaluator_fault")
    timer = Timer(RUNS, START, (theirs, ours))
    now = START + 20 * HOUR
    assert timer.due(now) == START + 172 * HOUR
    assert timer.left(now) == 152 * HOUR
    assert account(timer.pauses, START, now) == {"developer_fault": 4 * HOUR, "evaluator_fault": 3 * HOUR}


def test_a_pause_that_lasts_moves_the_end_with_the_time() -> None:
    timer = Timer(RUNS, START, (Pause(START + HOUR, None, "developer_fault"),))
    for hours in (1, 200, 1000):
        now = START + hours * HOUR
        assert timer.due(now) == START + (168 + hours - 1) * HOUR
        assert not timer.over(now)


def test_a_pause_before_the_start_or_after_the_end_moves_nothing() -> None:
    before = Pause(START - 5 * HOUR, START - 2 * HOUR, "developer_fault")
    late = Pause(START + 168 * HOUR, START + 170 * HOUR, "developer_fault")
    astride = Pause(START - HOUR, START + HOUR, "developer_fault")
    now = START + 300 * HOUR
    assert Timer(RUNS, START, (before, late)).due(now) == START + 168 * HOUR
    assert Timer(RUNS, START, (astride,)).due(now) == START + 169 * HOUR


def test_a_deadline_is_over_at_its_end_and_extended_once_by_its_extender() -> None:
    timer = Timer(COMMENT, START)
    end = START + 72 * HOUR
    assert not timer.over(end - timedelta(microseconds=1))
    assert timer.over(end)
    assert timer.left(end + HOUR) == timedelta(0)
    extended = timer.extended("developer_owner", START)
    assert extended.due(START) == START + 240 * HOUR
    with pytest.raises(ClockError, match="1 times, no more"):
        extended.extended("developer_owner", START)
    with pytest.raises(ClockError, match="not by evaluator"):
        timer.extended("evaluator", START)
    with pytest.raises(ClockError, match="by nobody"):
        Timer(RUNS, START).extended("evaluator", START)
    with pytest.raises(ClockError, match="is over since"):
        timer.extended("developer_owner", end)


def test_hours_are_counted_in_utc_across_a_change_of_the_clocks() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert after(datetime(2026, 10, 25, 0, tzinfo=zone), 24) == datetime(2026, 10, 25, 22, tzinfo=UTC)
    assert after(datetime(2028, 2, 28, 12, tzinfo=zone), 48) == datetime(2028, 3, 1, 11, tzinfo=UTC)


def test_the_earliest_of_what_is_set() -> None:
    assert earliest(None, None) is None
    assert earliest(START + HOUR, None, START) == START


PAUSES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.sampled_from(("developer_fault", "evaluator_fault"))),
    max_size=6,
)


def laid_out(raw: list[tuple[int, int, str]]) -> tuple[Pause, ...]:
    pauses, at = [], START
    for gap, length, fault in raw:
        pauses.append(Pause(at + gap * HOUR, at + (gap + length) * HOUR, fault))
        at += (gap + length) * HOUR
    return tuple(pauses)


@given(PAUSES)
@settings(deadline=None)
def test_time_at_work_when_a_stage_is_due_is_the_hours_of_its_clock(raw: list[tuple[int, int, str]]) -> None:
    pauses = laid_out(raw)
    later = START + timedelta(days=365)
    due = Timer(RUNS, START, pauses).due(later)
    at_work = due - START - account(pauses, START, due).get("developer_fault", timedelta(0))
    assert at_work == 168 * HOUR


@given(PAUSES, st.integers(0, 500))
@settings(deadline=None)
def test_no_pause_of_ours_gives_us_time(raw: list[tuple[int, int, str]], hours: int) -> None:
    pauses, now = laid_out(raw), START + hours * HOUR
    theirs = tuple(pause for pause in pauses if pause.fault == "developer_fault")
    assert Timer(RUNS, START, pauses).due(now) == Timer(RUNS, START, theirs).due(now)
