from __future__ import annotations

import doctest
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.battery import calibration, canonical, draw, ladder, seeds, tiers
from seatrial.battery.draw import Draw
from seatrial.battery.gate import encodings
from seatrial.battery.participants import contract

if TYPE_CHECKING:
    from types import ModuleType


def stream(name: str = "names", seed: bytes = bytes(32)) -> Draw:
    return Draw(seed, family="memfind", version="1", level=1, stream=name)


@pytest.mark.parametrize("module", [calibration, canonical, contract, draw, encodings, ladder, seeds, tiers])
def test_examples_in_the_docstrings_run(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def test_the_stream_is_the_same_for_ever() -> None:
    # Written down once; a change of these bytes changes every instance of every family.
    assert stream().bytes(8).hex() == "99b38956fb4b999d"
    assert [stream("bug").below(1000) for _ in range(2)] == [stream("bug").below(1000)] * 2


def test_streams_do_not_shift_each_other() -> None:
    names, other = stream(), stream()
    Draw(bytes(32), family="memfind", version="1", level=1, stream="bug").bytes(100)
    assert [names.below(7) for _ in range(20)] == [other.below(7) for _ in range(20)]


@given(st.integers(1, 2**70), st.binary(min_size=32, max_size=32))
def test_below_stays_below(limit: int, seed: bytes) -> None:
    assert 0 <= stream(seed=seed).below(limit) < limit


def test_below_is_uniform() -> None:
    source = stream()
    counts = Counter(source.below(6) for _ in range(6000))
    chi_square = sum((count - 1000) ** 2 / 1000 for count in counts.values())
    assert chi_square < 20.5  # 99.9 % point for 5 degrees of freedom; the stream is fixed, so this never flickers


@given(st.lists(st.integers(), max_size=30))
def test_shuffling_keeps_every_item(items: list[int]) -> None:
    assert sorted(stream().shuffled(items)) == sorted(items)


def test_primes_are_prime_and_of_their_size() -> None:
    source = stream("prime")
    prime = source.prime(64, coprime_to=65537)
    assert prime.bit_length() == 64
    assert all(prime % small for small in range(3, 10_000, 2))
    assert not source.is_prime(561)  # a Carmichael number
    assert not source.is_prime(2**61 - 3)
