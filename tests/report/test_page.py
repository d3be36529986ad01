"""The page as a browser and a reader with a screen reader find it."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import seatrial.report
from seatrial.report import table, words

from .made import HOSTILE
from .pages import Page

TABLE_BESIDE = {
    "ladder": "levels-caption",
    "family": "matrix-caption",
    "budget": "budget-caption",
    "horizon": "horizons-caption",
    "abilities": "abilities-caption",
    "narrowing": "rounds-caption",
}
CSS = Path(seatrial.report.__file__).parent / "templates"


@pytest.fixture(params=["model_run", "bare_run", "rounds_run", "drawn_run", "extras_run"])
def run(request: pytest.FixtureRequest) -> Path:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Path)
    return found


@pytest.fixture
def text(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def page(text: str) -> Page:
    return Page.of(text)


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "assessment.json").read_bytes())
    return found


def test_it_is_one_file_that_runs_and_loads_nothing(text: str, page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form", "audio", "video"} & set(page.tags)
    for element in page.elements:
        assert not any(name.startswith("on") or name in {"src", "srcset", "style"} for name in element.attributes)
        target = element.attributes.get("href", "#")
        assert target.startswith(("#", "transcripts/")), target
    assert not re.search(r"url\(|@import|@font-face|https?://(?!example\.test/x\.png)", text)
    policy = next(item for item in page.all("meta") if item.attributes.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy.attributes["content"]


def test_it_is_well_formed(page: Page) -> None:
    assert page.unclosed == []
    ids = [item.attributes["id"] for item in page.elements if "id" in item.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(element.attributes.get(name, "").split()) <= set(ids)
        target = element.attributes.get("href", "")
        if target.startswith("#"):
            assert target[1:] in ids


def test_landmarks_language_and_headings(page: Page) -> None:
    assert page.all("html")[0].attributes["lang"] == "en"
    assert page.texts("title") != [""]
    for tag in ("header", "nav", "main", "footer", "h1"):
        assert len(page.all(tag)) == 1, tag
    levels = [int(item.tag[1]) for item in page.elements if re.fullmatch(r"h[1-6]", item.tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.all("a")[0].attributes["class"] == "skip"


def test_tables_have_captions_and_headers(page: Page) -> None:
    assert len(page.all("table")) >= 8
    assert len(page.all("caption")) == len(page.all("table"))
    for header in page.all("th"):
        assert header.attributes.get("scope") in {"col", "row", "rowgroup"}, header
        assert header.text.strip()
    for element in page.all("div"):
        if element.attributes.get("class") == "scroll":
            assert element.attributes.keys() >= {"tabindex", "role", "aria-labelledby"}


def test_pictures_have_title_description_and_a_table(page: Page) -> None:
    pictures = [item for item in page.all("svg") if item.attributes.get("aria-hidden") != "true"]
    assert pictures
    for picture in pictures:
        assert picture.attributes["role"] == "img"
        assert len(picture.attributes["aria-labelledby"].split()) == 2
    assert all(text.strip() for text in [*page.texts("title"), *page.texts("desc")])
    captions = {item.attributes.get("id") for item in page.all("caption")}
    for picture in pictures:
        name = picture.attributes["aria-labelledby"].partition("-title")[0]
        assert TABLE_BESIDE[name.partition("-")[0]] in captions, name


def test_scope_and_limits_come_first(page: Page) -> None:
    sections = [item.attributes["id"] for item in page.all("section")]
    assert sections[0] == "scope"
    assert sections[1] == "headline"
    text = page.all("section")[0].text
    for needed in (
        "not a licence, a clearance",
        "lower bound at the stated budget",
        "toy programs",
        "share the kernel",
        "design targets",
    ):
        assert needed in " ".join(text.split())


def test_every_run_stands_in_it_and_leads_to_its_transcript(run: Path, page: Page) -> None:
    links = {
        unquote(item.attributes["href"]) for item in page.all("a") if item.attributes["href"].startswith("transcripts/")
    }
    samples = record(run)["samples"]
    assert links == {item["transcript"] for item in samples if item["transcript"]}
    assert all((run / link).is_file() for link in links)
    rows = [item for item in page.all("table") if item.attributes.get("class") == "runs"]
    assert len(rows) == 1
    for sample in samples:
        assert sample["sample"] in rows[0].text


def test_it_names_the_assessment_it_was_made_from(run: Path, text: str) -> None:
    content = (run / "assessment.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() in text
    for item in record(run)["evidence"]:
        if "/" not in item["path"]:
            assert item["sha256"] in text
            assert hashlib.sha256((run / item["path"]).read_bytes()).hexdigest() == item["sha256"]


def test_untrusted_text_stays_text(model_run: Path) -> None:
    text = (model_run / "report.html").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert any("<script>alert(1)</script>" in shown for shown in Page.of(text).texts("pre"))
    assert HOSTILE not in text


def test_what_cannot_be_said_is_said(run: Path, page: Page) -> None:
    whole = " ".join(page.blocks)
    for item in record(run)["not_identifiable"]:
        assert item["reason"] in whole
    for text in record(run)["not_tested"]:
        assert " ".join(text.split()) in whole


def test_print_dark_and_narrow_are_provided(text: str) -> None:
    for rule in ("@media print", "@media (prefers-color-scheme: dark)", "@media (max-width:", "focus-visible"):
        assert rule in text


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes() -> list[dict[str, str]]:
    """The colour variables of the light, dark and print pages."""
    found = re.findall(r":root \{(.*?)\}", (CSS / "base.css").read_text(encoding="utf-8"), re.DOTALL)
    sets = []
    for body in found:
        named = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})\b", body))
        sets.append({name: "#" + "".join(c * 2 for c in v[1:]) if len(v) == 4 else v for name, v in named.items()})
    return sets


def test_contrast_of_text_and_marks() -> None:
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for what a picture needs (1.4.11)."""
    assert len(palettes()) == 3
    for colours in palettes():
        for ground in ("paper", "card", "wash", "note", "code"):
            for ink in ("ink", "soft"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground, colours)
        for ground in ("paper", "card", "note"):
            assert contrast(colours["accent"], colours[ground]) >= 4.5
        for series in range(8):
            assert contrast(colours[f"s{series}"], colours["card"]) >= 3


def test_no_colour_judges() -> None:
    """No green and no red: neither hue is close to that of a traffic light."""
    for colours in palettes():
        for name, colour in colours.items():
            red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
            if not re.fullmatch(r"s\d|accent", name) or max(red, green, blue) - min(red, green, blue) < 24:
                continue
            assert not (green > red + 30 and green > blue + 30), (name, colour)
            assert not (red > green + 110 and red > blue + 110 and green < 70), (name, colour)


def test_times_and_counts_in_words() -> None:
    assert words.period("2026-11-24T07:05:00+00:00", "2026-11-24T15:42:10+00:00") == "2026-11-24 07:05 to 15:42 UTC"
    assert (
        words.period("2026-11-24T07:05:00+00:00", "2026-11-25T01:00:00Z")
        == "2026-11-24 07:05 UTC to 2026-11-25 01:00 UTC"
    )
    assert words.period(None, None) == "not recorded to not recorded"
    assert [words.spoken(seconds) for seconds in (0.24, 75, 7200)] == ["0.2 s", "1.2 min", "2.0 h"]
    assert words.minutes((5, 5)) == "5 min"
    assert words.minutes((90, 240)) == "1.5 to 4 h"
    counts = [table.count(number) for number in (999, 12_400, 2_500_000, 1_020_000_000)]
    assert counts == ["999", "12.4 k", "2.5 M", "1,020 M"]
    assert [table.span(seconds) for seconds in (45, 600, 7200, 5400)] == ["45 s", "10 min", "2 h", "90 min"]
    assert table.levels_in_words([1, 2, 3]) == "1 to 3"
    assert table.levels_in_words([1, 3]) == "1, 3"


def test_each_picture_is_there_where_there_is_something_to_show(
    model_run: Path, bare_run: Path, rounds_run: Path, drawn_run: Path
) -> None:
    wanted = {
        model_run: {"ladder", "family", "budget", "horizon"},
        bare_run: {"ladder", "family"},
        rounds_run: {"ladder", "family", "budget", "horizon", "abilities", "narrowing"},
        drawn_run: {"ladder", "family", "budget", "horizon", "narrowing"},
    }
    for path, names in wanted.items():
        parsed = Page.of((path / "report.html").read_text(encoding="utf-8"))
        drawn = [
            item.attributes["aria-labelledby"] for item in parsed.all("svg") if "aria-labelledby" in item.attributes
        ]
        assert {name.partition("-")[0] for name in drawn} == names
