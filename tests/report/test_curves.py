"""The pictures beyond shares by level: what is drawn, and what is left open where there is no limit."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from seatrial.report.charts import Series, family
from seatrial.report.curves import Person, Place, Round, abilities, horizon, narrowing
from seatrial.report.svg import Dot

PLACES = (Place(1, 10, 10), Place(2, 6, 10), Place(3, 1, 12))


def classes(picture: str) -> list[str]:
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    return [item.attrib.get("class", "") for item in root.iter()]


def texts(picture: str) -> list[str]:
    return [item.text or "" for item in ET.fromstring(picture).iter("text")]  # noqa: S314 - our own text


def whiskers(picture: str) -> int:
    return classes(picture).count("whisker")


def test_every_picture_names_itself_and_stays_in_its_frame() -> None:
    dots = (Dot(0, 2.2, 1.9, 2.6), Dot(0, 1.4, None, 1.9))
    pictures = [
        horizon((3.0, -1.4), PLACES, list(zip((0.5, 0.8), dots, strict=True)), minutes=False, title="a<b", desc="c&d"),
        horizon(None, (Place(-2.5, 1, 2), Place(11.0, 0, 3)), [], minutes=True, title="t", desc="d"),
        abilities([Person("m", 0, Dot(0, 120, -60, 300)), Person("n", 1, dots[1])], 400, title="t", desc="d"),
        abilities([Person("m", 0, Dot(0, 0, 0, 0))], None, title="t", desc="d"),
        narrowing([Round(1, 20, Dot(1, 0.5, None, None))], 0.05, title="t", desc="d"),
        family(Series("m", 0, (Dot(1, 0.5, 0.1, 0.9),)), (1, 2), "t", "d", name="family-0"),
    ]
    for picture in pictures:
        root = ET.fromstring(picture)  # noqa: S314 - our own text
        assert root.attrib["role"] == "img"
        named = [item.attrib["id"] for item in root if item.tag in {"title", "desc"}]
        assert root.attrib["aria-labelledby"].split() == named
        width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
        for item in root.iter():
            for name, limit in (("x1", width), ("x2", width), ("y1", height), ("y2", height), ("cx", width)):
                assert -1 <= float(item.attrib.get(name, 0)) <= limit + 1, (picture[:80], item.attrib)


def test_each_run_is_a_tick() -> None:
    picture = horizon((3.0, -1.4), PLACES, [], minutes=False, title="t", desc="d")
    assert classes(picture).count("rug") == sum(item.runs for item in PLACES)
    assert classes(picture).count("mark s5 hollow") == len(PLACES)


def test_beyond_the_outermost_challenges_the_curve_is_dashed() -> None:
    drawn = classes(horizon((3.0, -1.4), PLACES, [], minutes=False, title="t", desc="d"))
    assert (drawn.count("curve s0"), drawn.count("curve s0 beyond")) == (1, 2)
    assert not any("curve" in name for name in classes(horizon(None, PLACES, [], minutes=False, title="t", desc="d")))


@pytest.mark.parametrize(("low", "high", "lines"), [(1.6, 2.4, 3), (None, 2.4, 2), (1.6, None, 2), (1.6, 9.0, 2)])
def test_an_end_without_limit_has_no_bar(low: float | None, high: float | None, lines: int) -> None:
    picture = horizon(None, PLACES, [(0.5, Dot(0, 2.0, low, high))], minutes=False, title="t", desc="d")
    assert whiskers(picture) == lines


def test_a_mark_without_value_has_no_marker() -> None:
    at_least = horizon(None, PLACES, [(0.5, Dot(0, None, 2.9, None))], minutes=False, title="t", desc="d")
    assert classes(at_least).count("mark") == 0
    assert whiskers(at_least) == 2


def test_times_are_told_in_minutes_and_hours() -> None:
    places = [Place(float(x), 1, 2) for x in range(-1, 12)]
    told = texts(horizon((3.0, -0.5), places, [], minutes=True, title="t", desc="d"))
    assert "4 h" in told or "8 h" in told
    assert any(re.fullmatch(r"[\d.]+ min", text) for text in told)
    assert sum(text.endswith(("min", " h")) for text in told) <= 8


def test_abilities_stand_in_rows_beside_the_strongest_calibrator() -> None:
    people = [Person("m<1>", 0, Dot(0, 120, -60, 300)), Person("tool", 1, Dot(0, -400, -700, -100))]
    picture = abilities(people, 650, title="t", desc="d")
    assert [text for text in texts(picture) if text in {"m<1>", "tool"}] == ["m<1>", "tool"]
    assert classes(picture).count("wanted") == 1
    assert whiskers(picture) == 6
    assert "wanted" not in classes(abilities(people, None, title="t", desc="d"))


def test_rounds_stand_before_the_width_that_was_wanted() -> None:
    rounds = [Round(1, 20, Dot(1, 0.4, None, None)), Round(2, 40, Dot(2, 0.5, 0.4, 0.6))]
    picture = narrowing(rounds, 0.05, title="t", desc="d")
    assert classes(picture).count("wanted") == 2
    assert {"20 runs", "40 runs"} <= set(texts(picture))
    assert whiskers(picture) == 1 + 3
