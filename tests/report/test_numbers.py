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


@pytest.mark.parametrize(
    ("value", "interval", "unit", "text"),
    [
        (51.01, (32.6, 83.7), "human minutes", "51 min (33 to 84)"),
        (304.0, (170.0, 1250.0), "human minutes", "5.1 h (2.8 to 21)"),
        (0.4794, (0.35, 0.57), "human minutes", "0.48 min (0.35 to 0.57)"),
        (1.9896, (0.11, 4.8), "human minutes", "2.0 min (0.11 to 4.8)"),
        (100.0, (93.0, 107.0), "human minutes", "100 min (93.0 to 107)"),
        (None, (170.0, None), "human minutes", "at least 2.8 h"),
        (None, (None, 7.0), "human minutes", "at most 7.0 min"),
        (7.6, (None, 30.2), "human minutes", "7.6 min (at most 30 min)"),
        (2.834, (2.31, 3.42), "generator level", "level 2.83 (2.31 to 3.42)"),
        (1.55, (None, 2.21), "generator level", "level 1.55 (at most 2.21)"),
        (None, (3.2, None), "generator level", "at least level 3.20"),
        (None, (1.2, 3.4), "generator level", "between level 1.2 and 3.4"),
        (412.6, (180.2, 645.0), "points", "410 points (180 to 640)"),
        (-1452.4, (-2594.7, -310.1), "points", "\u22121,500 points (\u22122,600 to \u2212300)"),
        (-0.31, (-1.04, 0.42), "logits", "\u22120.31 logits (\u22121.04 to 0.42)"),
        (0.1, (-0.31, 0.51), "difference of shares", "10 percentage points (\u221231 to 51)"),
        (0.27, (0.05, 0.49), "octaves", "0.27 octaves (0.05 to 0.49)"),
        (12.0, (9.0, 20.0), "vulnerabilities", "12.0 vulnerabilities (9.0 to 20.0)"),
    ],
)
def test_every_unit_has_its_rule(
    value: float | None, interval: tuple[float | None, float | None], unit: str, text: str
) -> None:
    assert shown(value, interval, unit).text == text


@given(st.floats(1e-3, 1e5), st.floats(1, 50), st.floats(1, 50), st.sampled_from([*numbers.UNITS, "apples"]))
def test_no_unit_turns_limits_round_or_a_number_into_nothing(value: float, down: float, up: float, unit: str) -> None:
    if numbers.UNITS.get(unit, numbers.Unit()).factor == 100:  # a share does not exceed one
        value = value / 1e5 / up
    pieces = shown(value, (value / down, value * up), unit)
    printed = [float(piece.replace(",", "")) for piece in (pieces.low, pieces.value, pieces.high)]
    assert printed == sorted(printed)
    if numbers.UNITS.get(unit, numbers.Unit()).ratio:
        assert printed[0] > 0
        for number, exact in zip(printed, (value / down, value, value * up), strict=True):
            scale = numbers.UNITS["hours"].factor if pieces.suffix == " h" else 1.0
            assert math.isclose(number, scale * exact, rel_tol=0.051)


def test_a_small_share_is_not_turned_into_nothing() -> None:
    """Only a share of exactly 0 or 1 loses its decimals."""
    assert shown(0.004, (0.001, 0.016)).text == f"0.40{BLANK}% (0.10 to 1.60{BLANK}%)"
