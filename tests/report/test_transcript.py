"""Untrusted text in a transcript stays text."""

from __future__ import annotations

from seatrial.evaluation.transcripts import Entry, Transcript
from seatrial.report.text import cut, visible
from seatrial.report.transcript import MAX_CHARS, render_transcript

from .made import HOSTILE
from .pages import Page


def page(*entries: Entry) -> tuple[str, Page]:
    text = render_transcript(Transcript("memfind-v1-L1-0", 0, "m<b>", "memfind", 1, "solved", entries))
    return text, Page.of(text)


def test_hostile_text_is_shown_and_does_nothing() -> None:
    text, parsed = page(Entry("assistant", HOSTILE, HOSTILE))
    assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form"} & set(parsed.tags)
    assert "\x1b" not in text
    assert "\u202e" not in text
    (shown,) = parsed.texts("pre")
    assert shown == visible(HOSTILE)
    assert "<script>alert(1)</script>" in shown


def test_all_kinds_in_order() -> None:
    kinds = ("prompt", "assistant", "tool-call", "tool-result", "system", "score", "error")
    _, parsed = page(*(Entry(kind, kind, f"text {kind}") for kind in kinds))
    assert parsed.texts("pre") == [f"text {kind}" for kind in kinds]


def test_long_texts_are_cut_and_say_so() -> None:
    text, parsed = page(Entry("tool-result", "bash", "y" * (MAX_CHARS + 1234)))
    assert parsed.texts("pre") == ["y" * MAX_CHARS]
    assert "1,234 more characters are left off" in text
    assert "more characters" not in page(Entry("tool-result", "bash", "y" * MAX_CHARS))[0]


def test_an_empty_transcript_says_so() -> None:
    assert "Nothing was logged" in page()[0]


def test_visible() -> None:
    assert visible("tab\tand\nline\r\n") == "tab\tand\nline\n"
    assert visible("\x00\x1b[31m\x7f\x9b") == "\\x00\\x1b[31m\\x7f\\x9b"
    assert visible("\u202eabc\u2066\u200b\ufeff\ud800") == "\\u202eabc\\u2066\\u200b\\ufeff\\ud800"
    assert visible("äöü 漢字 \U0001f6a2") == "äöü 漢字 \U0001f6a2"
    assert cut("abc", 2) == ("ab", 1)
