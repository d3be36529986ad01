"""Rounding by the half-width, and words for limits."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.report import charts, numbers, table, text
from seatrial.report.numbers import decimals, shown

BLANK = "\u202f"


def test_worked_examples() -> None:
    for module in (numbers, text, table, charts):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("half_width", "places"),
    [
        (40, 0),
        (13.04, 0),
        (10.0, 0),
        (9.96, 0),
        (9.94, 1),
        (5.6, 1),
        (1.0, 1),
        (0.996, 1),
        (0.56, 2),
        (0.0312, 3),
        (0, 0),
    ],
)
def test_two_significant_digits_of_the_half_width(half_width: float, places: int) -> None:
    assert decimals(half_width) == places


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_what_is_printed_stays_close_and_in_order(a: float, b: float, c: float) -> None:
    low, value, high = sorted((a, b, c))
    pieces = shown(value, (low, high))
    places = decimals(100 * (high - low) / 2)
    printed = [float(piece) for piece in (pieces.low, pieces.value, pieces.high)]
    assert printed == sorted(printed)
    for number, exact in zip(printed, (low, value, high), strict=True):
        assert math.isclose(number, 100 * exact, abs_tol=0.5 * 10.0**-places + 1e-9)


def test_limits_in_words() -> None:
    assert shown(0.0, (0.0, 0.168)).text == f"0{BLANK}% (at most 16.8{BLANK}%)"
    assert shown(1.0, (0.832, 1.0)).text == f"100{BLANK}% (at least 83.2{BLANK}%)"
    assert shown(None, (0.2, 0.61)).text == f"between 20 and 61{BLANK}%"
    assert shown(-0.1, (-0.31, 0.11)).text == f"\u221210{BLANK}% (\u221231 to 11{BLANK}%)"


def test_a_small_share_is_not_turned_into_nothing() -> None:
    """Only a share of exactly 0 or 1 loses its decimals."""
    assert shown(0.004, (0.001, 0.016)).text == f"0.40{BLANK}% (0.10 to 1.60{BLANK}%)"
