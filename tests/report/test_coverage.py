"""The coverage figures that reports quote are the documented ones, and only those of the methods in use."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import seatrial.report
from seatrial.report.coverage import FILE, coverage, published

from .built import built
from .pages import Page

DOCUMENT = Path(__file__).parents[2] / "docs" / "measurement.md"
CELL = re.compile(r"(\d\.\d{3})(?: \((\d+\.\d)% open\))?(?: \*\*missed\*\*)?")


def documented() -> list[dict[str, Any]]:
    """Every cell of the coverage tables as a figure, world by world."""
    text = DOCUMENT.read_text(encoding="utf-8")
    tables = text.partition("<!-- coverage: begin -->")[2].partition("<!-- coverage: end -->")[0]
    found = []
    for table in tables.strip().split("\n\n"):
        head, _, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
        for first, *cells in rows:
            world, _, simulated = re.fullmatch(r"(.*)(, )([\d,]+)", first).groups()  # type: ignore[union-attr]
            for name, cell in zip(head[1:], cells, strict=True):
                parts = CELL.fullmatch(cell)
                if parts is not None:
                    open_share = round(float(parts[2] or 0) / 100, 3)
                    found.append(
                        {
                            "figure": name,
                            "world": world,
                            "simulated": int(simulated.replace(",", "")),
                            "covered": float(parts[1]),
                            "without_number": open_share,
                        }
                    )
    return found


def key(item: dict[str, Any]) -> tuple[str, str]:
    return item["figure"], item["world"]


def test_the_file_holds_the_documented_figures() -> None:
    file = Path(seatrial.report.__file__).parent / FILE
    written = json.loads(file.read_text(encoding="utf-8"))["figures"]
    assert len(written) > 50
    assert sorted(written, key=key) == sorted(documented(), key=key)


def test_only_methods_in_use_are_quoted() -> None:
    fixed, part = (coverage({"Q1", "Q2", "Q6"}, picked=picked) for picked in (False, True))
    assert {item.quantity for item in fixed} == {item.quantity for item in part} == {"Q1", "Q2", "Q6"}
    assert not any("equal weights" in item.figure or "partly run" in item.figure for item in fixed)
    assert all("partly run" in item.figure for item in part)
    assert coverage((), picked=False) == []


def test_a_report_quotes_them_with_the_version(model_run: Path, rounds_run: Path) -> None:
    for path in (model_run, rounds_run):
        assessment = built(path)
        assert set(assessment.coverage) <= set(published())
        assert {item.quantity for item in assessment.coverage} >= {"Q1", "Q2", "Q6"}
        text = " ".join(Page.of((path / "report.html").read_text()).blocks)
        assert "benchmarks/coverage.py of seatrial 0.1.0" in text
        for item in assessment.coverage:
            assert item.figure in text
