"""No cap is passed, whatever the number of threads and processes and however calls end: figures, not promises."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.custody.budget import Call, Reason, Refusal, Reservation, Usage, over, refusal
from seatrial.custody.lease import LeaseRefused, LeaseToken, Limits, NoSuchLease, Prices
from seatrial.custody.lease_store import MemoryLeaseStore
from seatrial.custody.sqlite import CustodyFile
from seatrial.custody.sqlite_leases import SqliteLeaseStore
from support.sealed import IMPLEMENTATIONS, LIMITS, NOW, Stores, lease

if TYPE_CHECKING:
    from pathlib import Path

TIGHT = Limits(
    max_requests=40, max_input_tokens=900, max_output_tokens=700, max_concurrent=7, max_microdollars=2500,
    max_output_per_request=100,
)  # fmt: skip
PRICES = Prices(1_000_000, 2_000_000)


def spend_some(store: MemoryLeaseStore | SqliteLeaseStore, lease_id: str, seed: int, calls: int) -> int:
    """Make calls of random size that end in random ways; how many went out."""
    chance, out = random.Random(seed), 0
    for _ in range(calls):
        size, most = chance.randint(1, 40), chance.randint(1, 40)
        answer = store.reserve(lease_id, Call("m", size, most, chance.choice((1, 1, 2))), NOW)
        if isinstance(answer, Refusal):
            assert answer.reason in {Reason.CONCURRENCY, Reason.IN_FLIGHT, Reason.EXHAUSTED}
            continue
        out += 1
        usage = Usage(chance.randint(0, size), chance.randint(0, most)) if chance.random() < 0.7 else None
        store.settle(answer.id, usage, NOW)
    return out


def in_process(path: Path, lease_id: str, seed: int, calls: int) -> int:
    return spend_some(SqliteLeaseStore(CustodyFile(path)), lease_id, seed, calls)


def within(store: MemoryLeaseStore | SqliteLeaseStore, lease_id: str, out: int) -> None:
    spend = store.spend(lease_id)
    assert over(store.get(lease_id), spend.settled) == ""
    assert spend.open_calls == 0
    assert spend.held.requests == spend.held.output_tokens == 0
    assert spend.settled.requests == out > 0


@pytest.mark.parametrize("kind", IMPLEMENTATIONS)
def test_threads_at_the_edge_of_every_cap_overspend_nothing(kind: str, tmp_path: Path) -> None:
    stores = Stores(kind, tmp_path)
    made, _ = lease(TIGHT, prices=PRICES)
    stores.leases.issue(made, NOW)
    with ThreadPoolExecutor(20) as pool:
        out = sum(pool.map(lambda seed: spend_some(stores.leases, made.id, seed, 10), range(20)))
    within(stores.leases, made.id, out)


@pytest.mark.slow
def test_processes_and_threads_on_one_file_overspend_nothing(tmp_path: Path) -> None:
    path = tmp_path / "custody.sqlite3"
    store = SqliteLeaseStore(CustodyFile(path))
    made, _ = lease(TIGHT, prices=PRICES)
    store.issue(made, NOW)
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool, ThreadPoolExecutor(4) as threads:
        other = pool.starmap_async(in_process, [(path, made.id, seed, 40) for seed in range(8)])
        out = sum(threads.map(lambda seed: spend_some(store, made.id, seed, 20), range(100, 104)))
        out += sum(other.get(120))
    within(store, made.id, out)


@pytest.mark.parametrize("kind", IMPLEMENTATIONS)
def test_two_hundred_at_once_take_exactly_what_is_left(kind: str, tmp_path: Path) -> None:
    stores = Stores(kind, tmp_path)
    made, _ = lease(replace(LIMITS, max_requests=17, max_concurrent=200))
    stores.leases.issue(made, NOW)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: stores.leases.reserve(made.id, Call("m", 1, 1), NOW), range(200)))
    assert sum(isinstance(answer, Reservation) for answer in answers) == 17
    assert {answer.status for answer in answers if isinstance(answer, Refusal)} == {429}


calls = st.tuples(st.integers(0, 60), st.integers(1, 100), st.integers(1, 3), st.booleans(), st.floats(0, 1))


@settings(deadline=None, max_examples=150)
@given(st.lists(calls, max_size=60))
def test_no_order_of_calls_passes_a_cap_and_waiting_is_never_asked_for_in_vain(
    steps: list[tuple[int, int, int, bool, float]],
) -> None:
    store = MemoryLeaseStore()
    made, _ = lease(TIGHT, prices=PRICES)
    store.issue(made, NOW)
    running: list[tuple[Reservation, Call]] = []
    for size, most, choices, end, share in steps:
        call = Call("m", size, most, choices)
        answer = store.reserve(made.id, call, NOW)
        if isinstance(answer, Reservation):
            running.append((answer, call))
        elif answer.status == 429:
            assert running
            spend = store.spend(made.id)
            empty = replace(spend, held=spend.held - spend.held, open_calls=0)
            assert refusal(made, empty, call, NOW) is None
        if end and running:
            reservation, made_call = running.pop()
            used = Usage(int(made_call.request_bytes * share), int((made_call.max_output_tokens or 0) * share))
            store.settle(reservation.id, used, NOW)
        spend = store.spend(made.id)
        assert over(made, spend.settled + spend.held) == ""
        assert spend.open_calls == len(running) <= TIGHT.max_concurrent


def test_prices_are_rounded_up() -> None:
    assert Prices(1, 0).cost(1, 0) == 1
    assert Prices(3_000_000, 15_000_000).cost(1_000_000, 1_000_000) == 18_000_000
    assert Prices(0, 0).cost(10, 10) == 0


@pytest.mark.parametrize(
    "limits", [{"max_requests": 0}, {"max_input_tokens": -1}, {"max_hours": 0}, {"max_concurrent": 2**53}]
)
def test_a_limit_is_a_whole_number_above_zero(limits: dict[str, int]) -> None:
    with pytest.raises(LeaseRefused, match=next(iter(limits))):
        replace(LIMITS, **limits)


def test_a_lease_that_makes_no_sense_is_not_issued() -> None:
    with pytest.raises(LeaseRefused, match="prices"):
        lease(replace(LIMITS, max_microdollars=1))
    made, _ = lease()
    for change in ({"expires": NOW}, {"models": ()}, {"expires": NOW.replace(tzinfo=None)}):
        with pytest.raises(LeaseRefused):
            replace(made, **change)


@pytest.mark.parametrize(
    "text", ["", "sk-x", "sea_lease_lea_" + "0" * 32, "sea_lease_lea_" + "0" * 32 + "_" + "A" * 44]
)
def test_what_is_no_token_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(NoSuchLease) as refused:
        LeaseToken.parse(text)
    assert not text or text not in str(refused.value)


def test_calls_of_a_killed_process_are_abandoned_and_those_of_a_living_one_are_not(tmp_path: Path) -> None:
    path = tmp_path / "custody.sqlite3"
    store = SqliteLeaseStore(CustodyFile(path))
    made, _ = lease()
    store.issue(made, NOW)
    living = store.reserve(made.id, Call("m", 1, 5), NOW)
    assert isinstance(living, Reservation)
    process = multiprocessing.get_context("spawn").Process(target=reserve_and_die, args=(path, made.id))
    process.start()
    process.join(60)
    assert store.spend(made.id).open_calls == 2
    assert store.abandon(NOW) == 1
    spend = store.spend(made.id)
    assert (spend.open_calls, spend.held.output_tokens, spend.settled.output_tokens) == (1, 5, 7)


def reserve_and_die(path: Path, lease_id: str) -> None:
    SqliteLeaseStore(CustodyFile(path)).reserve(lease_id, Call("m", 1, 7), NOW)
    os.kill(os.getpid(), signal.SIGKILL)
