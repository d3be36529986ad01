"""The public edition: every part has a class, what is of another class is out and listed, and no number changes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from seatrial.framework.data_class import DataClass
from seatrial.framework.vocabulary import Surface, Wording
from seatrial.framework.vocabulary import check as check_words
from seatrial.report import brief, edition, html
from seatrial.report.assessment import Assessment, ReportError, to_json

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = ("estimates", "not_identifiable", "curves", "comparisons", "horizons", "abilities", "outcomes", "thresholds")


@pytest.mark.parametrize("name", ["model_run", "bare_run", "rounds_run"])
def test_what_is_not_of_the_report_is_out_and_listed_and_no_number_changes(
    name: str, request: pytest.FixtureRequest
) -> None:
    run: Path = request.getfixturevalue(name)
    whole = Assessment.model_validate_json((run / "assessment.json").read_bytes())
    shown, withheld = edition.public(whole)
    content = to_json(shown)
    page = html.render(shown, hashlib.sha256(content).hexdigest())
    assert all(getattr(shown, one) == getattr(whole, one) for one in NUMBERS)
    assert (shown.samples, shown.validity.findings, shown.subject.model, shown.run.usd) == ([], [], "", None)
    assert shown.validity.flagged_runs == whole.validity.flagged_runs
    listed = {one.path: one.count for one in withheld}
    assert listed["samples"] == len(whole.samples)
    assert all(one.data_class not in edition.PUBLIC for one in withheld)
    told = page + brief.text(brief.brief(shown)) + content.decode()
    words = {one.evidence for one in whole.validity.findings} | {one.reason for one in whole.run.stops}
    assert not [one for one in words - {""} if one in told]
    assert edition.public(shown) == (shown, ())
    assert check_words([Wording(Surface.REPORT, "withheld", f"{one.what}; {one.reason}") for one in withheld]) == ()


def test_a_part_that_belongs_to_no_class_makes_no_edition(bare_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Assessment.model_validate_json((bare_run / "assessment.json").read_bytes())
    value = json.loads(whole.model_dump_json(by_alias=True))
    assert set(value) == set(edition.PARTS)
    assert {part for part, of in edition.PARTS.items() if of not in edition.PUBLIC} <= {
        path.partition(".")[0] for path in edition.CLOSED
    }
    fewer = {part: of for part, of in edition.PARTS.items() if part != "integrity"}
    monkeypatch.setattr(edition, "PARTS", fewer)
    with pytest.raises(ReportError, match="integrity: belongs to no class"):
        edition.public(whole)
    assert DataClass.R in edition.PUBLIC
