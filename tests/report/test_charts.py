"""Pictures are well-formed, name themselves, and say by shape what they say by colour."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from seatrial.report.charts import Dot, Series, bar, budget, key, ladder

SERIES = (
    Series("m<1>", 0, (Dot(1, 1.0, 0.8, 1.0), Dot(2, None, 0.2, 0.7), Dot(3, 0.4, 0.2, 0.6))),
    Series("tool", 1, (Dot(1, 0.5, 0.3, 0.7), Dot(3, 0.0, 0.0, 0.3)), quiet=True),
)


def test_ladder() -> None:
    picture = ladder(SERIES, (1, 2, 3), "Success <by> level", "as told & so on")
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    assert root.attrib["role"] == "img"
    named = {item.attrib["id"]: item.text for item in root if item.tag in {"title", "desc"}}
    assert [named[name] for name in root.attrib["aria-labelledby"].split()] == ["Success <by> level", "as told & so on"]
    marks = [item[0].tag for item in root.iter("g") if item.attrib.get("class") == "mark"]
    assert sorted(marks) == ["circle", "circle", "polygon", "polygon"]
    assert sum(item.attrib.get("class") == "whisker" for item in root.iter("line")) == 3 * 5
    assert [item.text for item in root.iter("text")][-3:] == ["Level 1", "Level 2", "Level 3"]


def test_a_line_does_not_run_across_a_missing_value() -> None:
    assert 'class="link"' not in ladder(SERIES[:1], (1, 2, 3), "t", "d")


def test_budget() -> None:
    counts = [(2.0**-j, 0.5 - j * 0.08) for j in range(6, -1, -1)]
    points = [Dot(share, value, value - 0.05, value + 0.05) for share, value in counts[2:]]
    root = ET.fromstring(budget(points, counts, "t", "d"))  # noqa: S314 - our own text
    classes = [item.attrib.get("class", "") for item in root.iter()]
    assert classes.count("band s0") == 1
    assert classes.count("mark s0 hollow") == 2
    assert classes.count("mark s0") == 5
    without = budget([], counts, "t", "d")
    assert "band" not in without


def test_small_pictures_are_hidden_from_readers_aloud() -> None:
    for picture in (bar(0.2, 0.4, 0.6, 1), bar(0.2, None, 0.6, 1), key(3)):
        assert ET.fromstring(picture).attrib["aria-hidden"] == "true"  # noqa: S314 - our own text
    assert "circle" not in bar(0.2, None, 0.6, 1)


def test_equal_input_gives_equal_text() -> None:
    assert ladder(SERIES, (1, 2, 3), "t", "d") == ladder(SERIES, (1, 2, 3), "t", "d")
