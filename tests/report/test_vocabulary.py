"""Promise 1: no word of the page, the schema or the record lets anybody through or turns anybody away.

The lists are those of `seatrial.framework.vocabulary`. The standing notices and the limits registered in a plan say
what the report is not; they are exempt, word for word.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.framework.vocabulary import Form, Surface, Wording, check
from seatrial.report import published_schema, words
from seatrial.report.assessment import NOTICES

from .made import LIMITS
from .pages import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def hits(texts: Iterable[str]) -> list[str]:
    """What the house's word list finds; each text might be a whole label."""
    exempt = {" ".join(text.split()) for text in (*NOTICES, *LIMITS)}
    wordings = [Wording(Surface.REPORT, "report", text, Form.LABEL) for text in texts]
    return [str(hit) for hit in check(item for item in wordings if " ".join(item.text.split()) not in exempt)]


def shown(page: Page) -> Iterator[str]:
    """Visible blocks, and what attributes say aloud."""
    yield from page.blocks
    for element in page.elements:
        for name in ("title", "alt", "aria-label", "id", "class"):
            if name in element.attributes:
                yield from (element.attributes[name], *element.attributes[name].split())


def schema_texts(value: Any) -> Iterator[str]:  # noqa: ANN401
    """Property names, titles, descriptions and enum values."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from schema_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from schema_texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", ["model_run", "bare_run", "rounds_run", "drawn_run", "extras_run"])
def test_pages(name: str, request: pytest.FixtureRequest) -> None:
    run: Path = request.getfixturevalue(name)
    assert hits(shown(Page.of((run / "report.html").read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("name", ["model_run", "bare_run", "rounds_run", "drawn_run", "extras_run"])
def test_records(name: str, request: pytest.FixtureRequest) -> None:
    run: Path = request.getfixturevalue(name)
    value = json.loads((run / "assessment.json").read_bytes())
    for sample in value["samples"]:
        sample["reason"] = ""  # written by graders and endpoints; the page puts the known ones into its own words
    value["outcomes"] = [{**item, "reason": ""} for item in value["outcomes"]]
    assert hits(schema_texts(value)) == []


def test_schema() -> None:
    assert hits(schema_texts(published_schema())) == []


def test_words_that_the_page_may_use() -> None:
    tables = (words.KINDS, words.REASONS, words.QUANTITIES, words.GUARANTEES, words.SETS, words.MODES)
    assert hits([word for table in tables for pair in table.items() for word in pair if word != "refused"]) == []
    assert hits([text for pair in words.OUTCOMES.values() for text in pair]) == []


@pytest.mark.parametrize(
    "text",
    [
        "Approved",
        "clearance_level",
        "The model is cleared.",
        "PASS",
        "Verdict",
        "isSafe to ship",
        "The launch can be blocked by this.",
        "held",
        "Nothing delays the release.",
    ],
)
def test_the_check_can_fail(text: str) -> None:
    assert hits([text])


@pytest.mark.parametrize("text", [*NOTICES, "What the gate showed.", "passage", "The probe found it closed"])
def test_the_check_can_hold_its_tongue(text: str) -> None:
    assert hits([text]) == []
