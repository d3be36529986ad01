"""The published schema: complete, strict, and the gate before every write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from seatrial.report import Assessment, ReportError, check, published_schema, to_json
from seatrial.report.assessment import generated_schema

from .built import built

if TYPE_CHECKING:
    from collections.abc import Iterator


def objects(value: object, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON object below a value, with its path."""
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from objects(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from objects(item, f"{path}[{index}]")


def test_the_published_schema_is_the_classes() -> None:
    assert published_schema() == json.loads(json.dumps(generated_schema()))
    Draft202012Validator.check_schema(published_schema())


@pytest.fixture
def everything(
    model_run: Path, bare_run: Path, rounds_run: Path, drawn_run: Path, extras_run: Path
) -> tuple[Path, ...]:
    return model_run, bare_run, rounds_run, drawn_run, extras_run


def test_written_files_validate(everything: tuple[Path, ...]) -> None:
    for path in everything:
        content = (path / "assessment.json").read_bytes()
        assert Assessment.model_validate(json.loads(content)) == built(path)
        assert to_json(built(path)) == content  # which holds it against the published schema


def test_no_number_without_its_error(everything: tuple[Path, ...]) -> None:
    """Whatever carries an estimand and a value carries all the rest, wherever it stands."""
    needed = {
        "estimand",
        "value",
        "interval",
        "level",
        "method",
        "n",
        "families",
        "budget",
        "qualifiers",
        "unit",
        "tasks",
    }
    found = 0
    for path in everything:
        value = json.loads((path / "assessment.json").read_bytes())
        for where, item in objects(value):
            if "value" in item:
                assert item.keys() >= needed, where
                numbers = [item["interval"][0], item["value"], item["interval"][1]]
                present = [number for number in numbers if number is not None]
                assert present == sorted(present), where
                assert len(present) > (item["value"] is not None), where
                if item["unit"] in {"share of tasks", "difference of shares"}:
                    assert None not in item["interval"], where
                assert item["n"] > 0
                assert item["budget"]
                found += 1
        for item in value["not_identifiable"]:
            assert item["reason"]
    assert found > 100


def test_nothing_unknown_is_accepted(model_run: Path) -> None:
    """One object of every kind, once with a field that nobody knows."""
    value = json.loads((model_run / "assessment.json").read_bytes())
    for name in ("samples", "estimates", "evidence", "outcomes", "not_identifiable"):
        value[name] = value[name][:2]  # two of a kind are enough, and the check is quicker
    value["battery"]["instances"] = value["battery"]["instances"][:2]
    free = {
        "$.plan.environment", "$.plan.campaign_caps", "$.run.versions", "$.validity.flagged_runs",
        "$.validity.voided_runs", "$.not_identifiable[].counts",
    }  # fmt: skip
    seen = set(free)
    for where, item in list(objects(value)):
        kind = re.sub(r"\[\d+\]", "[]", where)
        if kind in seen:
            continue
        seen.add(kind)
        item["surprise"] = 1
        with pytest.raises(ReportError, match="surprise"):
            check(value)
        with pytest.raises(ValidationError, match="surprise"):
            Assessment.model_validate(value)
        del item["surprise"]
    check(value)
    assert len(seen - free) > 25


def test_ids_are_unique(everything: tuple[Path, ...]) -> None:
    for path in everything:
        written = json.loads((path / "assessment.json").read_bytes())
        found = [item["id"] for _, item in objects(written) if "interval" in item]
        assert len(found) == len(set(found))


def test_errors_name_path_and_rule(model_run: Path) -> None:
    value = json.loads((model_run / "assessment.json").read_bytes())
    value["estimates"][3]["interval"] = [0.1]
    with pytest.raises(ReportError, match=r"\$\.estimates\[3\]\.interval"):
        check(value)


def test_an_assessment_cannot_be_changed(bare_run: Path) -> None:
    assessment = built(bare_run)
    with pytest.raises(ValidationError, match="frozen"):
        assessment.version = 2  # type: ignore[misc]


def test_what_does_not_validate_is_not_written(bare_run: Path) -> None:
    broken = built(bare_run).model_copy(update={"language": "fr"})
    with pytest.raises(ReportError, match=r"\$\.language"):
        to_json(broken)


def test_every_field_says_what_it_is() -> None:
    """A part has a sentence of its own, and a field whose name alone could be misread has a description."""
    for name, part in published_schema()["$defs"].items():
        assert part.get("description", "").strip(), name
    for name in ("level", "families", "n", "interval"):
        assert name in published_schema()["$defs"]["EstimateRecord"]["properties"]


def test_the_page_about_the_record_names_every_part() -> None:
    text = (Path(__file__).parents[2] / "docs" / "assessment.md").read_text(encoding="utf-8")
    for name in published_schema()["properties"]:
        assert f"`{name}`" in text, name
    for name in published_schema()["$defs"]["EstimateRecord"]["properties"]:
        assert f'"{name}"' in text, name
