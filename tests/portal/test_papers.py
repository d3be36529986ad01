"""Papers as a page shows them: their few shapes, and nothing of what was typed into them as markup."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.framework.papers import cell, table
from seatrial.paperwork import annexed
from seatrial.portal.templatetags.papers import paper


def test_headings_tables_lists_and_paragraphs() -> None:
    shown = paper("# Agreement\n\nFirst line\nsecond.\n\n- one\n- two\n\n| term | agreed |\n| --- | --- |\n| a | b |\n")
    assert "<h3>Agreement</h3>" in shown
    assert "<p>First line second.</p>" in shown
    assert "<li>one</li><li>two</li>" in shown
    assert '<th scope="col">term</th>' in shown
    assert '<tr><th scope="row">a</th><td>b</td></tr>' in shown
    assert "<h5>x</h5>" in paper("## x", 4)


@pytest.mark.parametrize(
    "typed", ["<script>alert(1)</script>", "a | b", "back\\slash", "\u202etxt", "javascript:x", "[a](b)"]
)
def test_what_was_typed_into_a_cell_stays_one_cell_of_text(typed: str) -> None:
    shown = paper(table(("what", "who"), [(typed, "lab-a")]))
    assert shown.count("<td>") == 1
    assert "<td>lab-a</td>" in shown
    for never in ("<script", "<a ", "\u202e"):
        assert never not in shown


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60))
def test_no_text_becomes_markup(typed: str) -> None:
    shown = paper(f"# {cell(typed)}\n\n{typed}\n\n{table(('a', 'b'), [(typed, typed)])}")
    for tag in ("<script", "<img", "<a", "<style", "<iframe"):
        assert tag not in shown.lower()


def test_annexes_are_read_from_their_own_part_alone() -> None:
    digest, other = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    head = f"# Agreement\n\n| incident_plan | {other} |\n\n"
    listed = table(("paper", "digest"), [("incident_plan", digest)])
    text = f"{head}\n## Papers that belong to this agreement\n\n{listed}\n"
    assert annexed(text.encode()) == {"incident_plan": digest}
