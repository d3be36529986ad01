"""How many reports a contact has, in which order, and that nothing gets past it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.clearinghouse.case.pace_book import PaceBook, pace_body
from seatrial.clearinghouse.case.pacing import (
    OverPace,
    Override,
    Pace,
    Waiting,
    check,
    horizon_days,
    left,
    next_up,
    order,
)
from seatrial.clearinghouse.memory import MemoryStore
from seatrial.clearinghouse.store import Conflict
from support.cases import ANA, HOUSE, NOW

if TYPE_CHECKING:
    from seatrial.clearinghouse.event import Event

MONDAY = datetime(2027, 1, 4, 12, tzinfo=UTC)


def test_order_is_exploited_triage_severity_waiting_time() -> None:
    def root(
        name: str, severity: str = "low", days: int = 0, *, exploited: bool = False, triage: str = "track"
    ) -> Waiting:
        return Waiting(name, severity, MONDAY - timedelta(days=days), exploited, triage)

    expected = [
        root("C-6", exploited=True),
        root("C-5", triage="coordinate"),
        root("C-4", "critical"),
        root("C-3", "high", days=9),
        root("C-1", "high"),
        root("C-2", "high"),
        root("C-0", triage="decline"),
    ]
    assert order(reversed(expected)) == expected


@pytest.mark.parametrize(
    ("pace", "open_roots", "places"),
    [
        (Pace("a"), 0, 3),
        (Pace("a"), 3, 0),
        (Pace("a"), 7, 0),
        (Pace("a", places=0), 0, 0),
        (Pace("a", stopped=True), 0, 0),
        (Pace("a", batch_day=0), 0, 3),
        (Pace("a", batch_day=1), 0, 0),
        (Pace("a", batch_day=1, zone="Pacific/Kiritimati"), 0, 3),  # it is Tuesday there
        (Pace("a", quiet=((MONDAY, MONDAY + timedelta(days=7)),)), 0, 0),
        (Pace("a", quiet=((MONDAY - timedelta(days=7), MONDAY),)), 0, 3),
    ],
)
def test_places_left(pace: Pace, open_roots: int, places: int) -> None:
    assert left(pace, open_roots, MONDAY) == places
    waiting = [Waiting(f"C-{number}", "low", MONDAY) for number in range(5)]
    assert len(next_up(pace, open_roots, waiting, MONDAY)) == places
    if places:
        check(pace, open_roots, "C-1", MONDAY)
    else:
        with pytest.raises(OverPace, match="named person"):
            check(pace, open_roots, "C-1", MONDAY)
        check(pace, open_roots, "C-1", MONDAY, Override("C-1", "per-ana", "attacks", MONDAY))
        with pytest.raises(OverPace):
            check(pace, open_roots, "C-1", MONDAY, Override("C-2", "per-ana", "attacks", MONDAY))


def test_what_is_no_pace_is_refused() -> None:
    for wrong in ({"places": -1}, {"places": 1001}, {"batch_day": 7}):
        with pytest.raises(ValueError, match="pace"):
            Pace("a", **wrong)
    with pytest.raises(ValueError, match="named person"):
        Override("C-1", "per-ana", " ", MONDAY)


def test_what_waits_is_looked_at_again_after_90_days_at_the_latest() -> None:
    root = Waiting("C-1", "low", MONDAY)
    assert root.looked_at_by == MONDAY + timedelta(days=90)
    sooner = Waiting("C-1", "low", MONDAY, review_by=MONDAY + timedelta(days=14))
    later = Waiting("C-1", "low", MONDAY, review_by=MONDAY + timedelta(days=900))
    assert (sooner.looked_at_by, later.looked_at_by) == (MONDAY + timedelta(days=14), root.looked_at_by)
    assert (root.overdue(root.looked_at_by), root.overdue(MONDAY)) == (True, False)


def test_the_horizon() -> None:
    assert horizon_days(0, 0) == 0
    assert horizon_days(1, 0) == float("inf")
    assert horizon_days(23_019, 281) == pytest.approx(23_019 / (281 * 3 / 14))
    assert horizon_days(23_019, 281, fix_days=7) == pytest.approx(horizon_days(23_019, 281) / 2)


ACTS = st.lists(
    st.tuples(st.sampled_from(["take", "close", "places", "stop", "start"]), st.integers(0, 9), st.integers(0, 4)),
    max_size=40,
)


@given(ACTS)
def test_never_more_open_than_places_whatever_is_done(acts: list[tuple[str, int, int]]) -> None:
    book = PaceBook(MemoryStore(), HOUSE, "house", bytes)
    for act, root, places in acts:
        before = book.bucket("sec@acme.test")
        try:
            if act == "take":
                book.take("sec@acme.test", f"C-{root}", ANA, NOW)
            elif act == "close":
                book.close("sec@acme.test", f"C-{root}", ANA, NOW)
            elif act == "places":
                book.set_pace("sec@acme.test", pace_body(places=places), ANA, NOW)
            else:
                book.set_pace("sec@acme.test", pace_body(stopped=act == "stop"), ANA, NOW)
        except OverPace:
            assert len(before.open_roots) >= before.pace.places or before.pace.stopped
        after = book.bucket("Sec@Acme.test")
        grown = len(after.open_roots) > len(before.open_roots)
        assert not grown or len(after.open_roots) <= after.pace.places
        assert not grown or not before.pace.stopped


def test_of_two_who_take_the_last_place_one_reads_again() -> None:
    store = MemoryStore()
    one, other = PaceBook(store, HOUSE, "house"), PaceBook(store, HOUSE, "house")
    one.set_pace("sec@acme.test", pace_body(places=1), ANA, NOW)
    keep = store.append

    def interfering(viewer: object, events: list[Event], **named: object) -> object:
        del viewer
        store.append = keep  # type: ignore[method-assign]
        other.take("sec@acme.test", "C-2", ANA, NOW)
        return keep(HOUSE, events, **named)  # type: ignore[arg-type]

    store.append = interfering  # type: ignore[method-assign,assignment]
    with pytest.raises(Conflict):
        one.take("sec@acme.test", "C-1", ANA, NOW)
    with pytest.raises(OverPace):
        one.take("sec@acme.test", "C-1", ANA, NOW)
    assert list(one.bucket("sec@acme.test").open_roots) == ["C-2"]


def test_a_batch_day_can_be_any_day_again() -> None:
    book = PaceBook(MemoryStore(), HOUSE, "house")
    body = pace_body(batch_day=2, zone="Asia/Tokyo", quiet=[("2027-01-01T00:00:00Z", "2027-01-08T00:00:00Z")])
    set_to = book.set_pace("sec@acme.test", body, ANA, NOW).pace
    assert (set_to.batch_day, set_to.zone, len(set_to.quiet)) == (2, "Asia/Tokyo", 1)
    assert book.set_pace("sec@acme.test", pace_body(batch_day=-1), ANA, NOW).pace.batch_day is None
