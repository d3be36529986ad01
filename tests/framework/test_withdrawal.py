from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.framework.data_class import STRIPPED_ON_WITHDRAWAL, DataClass
from seatrial.framework.withdrawal import (
    Departed,
    Ended,
    Progress,
    deletion_due,
    orders,
    outstanding,
    receipt,
    receipt_due,
)
from support.framework import DAY, HOUR, T0, digest

SECOND = timedelta(seconds=1)
NAMES = [order.name for order in orders(T0)]
FAST = [order.name for order in orders(T0) if order.due <= T0 + 60 * SECOND]


def progress(late: str = "", **more: object) -> Progress:
    confirmed = {order.name: order.due for order in orders(T0) if order.name != late}
    return Progress(confirmed, **more)  # type: ignore[arg-type]


def test_the_orders_and_their_times() -> None:
    due = {order.name: order.due - T0 for order in orders(T0)}
    assert {due[name] for name in ("revoke_leases", "close_gateway", "destroy_key_half")} == {5 * SECOND}
    assert due["cut_calls"] == 10 * SECOND
    assert {due[name] for name in ("cancel_jobs", "kill_boxes")} == {30 * SECOND}
    assert {due[name] for name in ("end_grants", "void_votes", "start_deletion", "issue_receipt")} == {60 * SECOND}
    assert due["remove_chunks"] == 24 * HOUR
    assert due["remove_records"] == 7 * DAY
    assert [order.due for order in orders(T0)] == sorted(order.due for order in orders(T0))
    assert len(set(NAMES)) == len(NAMES)


def test_everything_about_the_model_is_removed_and_nothing_waits_for_the_record() -> None:
    assert set(deletion_due(T0)) == STRIPPED_ON_WITHDRAWAL
    assert deletion_due(T0)[DataClass.K] == T0 + 24 * HOUR
    assert deletion_due(T0)[DataClass.T] == T0 + 7 * DAY
    assert "ledger" not in {order.room for order in orders(T0)}


def test_a_receipt_says_what_ended_what_stays_and_what_had_left() -> None:
    left = Departed("interim report", digest("interim"), "bureau", T0 - DAY)
    held = frozenset({DataClass.R, DataClass.F, DataClass.M})
    done = progress(leases=(Ended("lea-1", T0 + SECOND),), grants_ended=("gra-1",), departed=(left,), holds=held)
    got = receipt(T0, "heron-7", (digest("heron-7"),), done, T0 + 40 * SECOND)
    assert (got.outstanding, got.late, got.departed) == ((), False, (left,))
    assert {kept for kept, _ in got.stays} == {DataClass.P, DataClass.L, DataClass.R, DataClass.F}
    assert dict(got.deletion_due) == deletion_due(T0)
    assert all(why for _, why in got.stays)


def test_what_is_not_confirmed_in_time_is_outstanding_and_the_receipt_is_not_late() -> None:
    got = receipt(T0, "heron-7", (), progress("kill_boxes", runs=(Ended("run-1", None),)), receipt_due(T0))
    assert got.outstanding == ("kill_boxes", "run-1")
    assert not got.late
    assert receipt(T0, "heron-7", (), progress(), T0 + 61 * SECOND).late


def test_a_receipt_issued_early_counts_what_is_still_open_as_outstanding() -> None:
    got = receipt(T0, "heron-7", (), Progress({}), T0 + SECOND)
    assert set(got.outstanding) == set(FAST) - {"issue_receipt"}


def test_removal_is_outstanding_only_once_it_is_due() -> None:
    late = progress("remove_records")
    assert outstanding(T0, late, T0 + 7 * DAY - SECOND) == ()
    assert outstanding(T0, late, T0 + 7 * DAY) == ("remove_records",)


@given(st.sets(st.sampled_from(NAMES)), st.integers(0, 100))
@settings(deadline=None)
def test_nothing_unconfirmed_is_ever_left_out(done: set[str], seconds: int) -> None:
    got = receipt(T0, "heron-7", (), Progress(dict.fromkeys(done, T0)), T0 + seconds * SECOND)
    assert set(got.outstanding) == set(FAST) - done - {"issue_receipt"}
