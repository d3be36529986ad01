"""Promise 1: no word of the page, the schema or the record lets anybody through or turns anybody away.

The lists are the house's (design of the vocabulary check): words that never stand anywhere, and words that never
stand as a whole label, cell, heading, name or value, nor in one sentence with a word for a release. The standing
notices and the limits registered in a plan say what the report is not; they are exempt, word for word.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.report import published_schema, words
from seatrial.report.assessment import NOTICES

from .made import LIMITS
from .pages import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NEVER = re.compile(
    r"\b(?:approv(?:e|es|ed|ing|al|als)|disapprov(?:e|es|ed|ing|al)|reject(?:s|ed|ing|ion|ions)?|cleared|clearances?|"
    r"preclear(?:s|ed|ance)?|certif(?:y|ies|ied|ying|ication|icate|icates)|veto(?:es|ed)?|greenlight(?:s|ed)?|licensure|"
    r"go no go|fit for|ready for|safe to|is covered|covered model|designated)\b"
)
LABEL = re.compile(
    r"(?:pass(?:es|ed|ing)?|fail(?:s|ed|ing|ure|ures)?|block(?:s|ed|ing)?|clear(?:s|ing)?|permit(?:s|ted)?|permissions?|"
    r"licen[sc]e[sd]?|authori[sz]e[sd]?|allow(?:s|ed)?|den(?:y|ies|ied)|refuse[sd]?|hold(?:s|ing)?|held|delay(?:s|ed)?|"
    r"gates?|eligible|compliant|safe|unsafe|secure|verdicts?)"
)
RELEASE = re.compile(
    r"\b(?:releas(?:e|es|ed|ing)|launch(?:es|ed)?|deploy(?:s|ed|ment|ments)?|rollouts?|ship(?:s|ped)?|go live|"
    r"general availability|(?:publish|open) (?:model|weights))\b"
)


def plain(text: str) -> str:
    """NFKC, case-folded, split on snake, camel and kebab."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", unicodedata.normalize("NFKC", text))
    return " ".join(re.sub(r"[_\-/.]+", " ", spaced).casefold().split())


def hits(texts: Iterable[str]) -> list[str]:
    """What the two rules find."""
    exempt = {" ".join(text.split()) for text in (*NOTICES, *LIMITS)}
    found = []
    for text in texts:
        if " ".join(text.split()) in exempt:
            continue
        if NEVER.search(plain(text)):
            found.append(f"never: {text}")
        if LABEL.fullmatch(plain(text).strip(" :;,")):
            found.append(f"as a label: {text}")
        for sentence in re.split(r"(?<=[.:;!?])\s", text):
            words = plain(sentence)
            if re.search(rf"\b{LABEL.pattern}\b", words) and RELEASE.search(words):
                found.append(f"beside a release: {sentence}")
    return found


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
