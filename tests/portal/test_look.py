"""The portal's look: every component on one page, in a real browser, at two widths, with and without scripts."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
import sys
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django import forms
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from playwright.sync_api import expect

from seatrial.framework.lifecycles import LIFECYCLES
from seatrial.framework.participant import Role
from seatrial.framework.vocabulary import Surface, Wording, check
from seatrial.portal import templatetags
from seatrial.portal.acting import Acting
from seatrial.portal.headers import POLICY
from seatrial.portal.templatetags.components import TONES
from seatrial.portal.templatetags.formats import UNSEEN, due_in, instant, money, size, span, untrusted
from support.browser import AXE, browser, chromium, visits

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from support.browser import Visit, Visits

__all__ = ["browser", "visits"]

PORTAL = Path(templatetags.__file__).parent.parent
STATIC = PORTAL / "static"
ORIGIN = "http://localhost:8400"
NOW = datetime(2026, 11, 24, 13, 41, tzinfo=UTC)
FIRST_LOAD_BYTES = 200_000
WIDTHS = (1280, 320)
PLANTED = """<!DOCTYPE html><html><head><title>Planted</title><link rel="stylesheet" href="/planted.css"></head>
<body><main><h1>Planted</h1><input type="text" name="q"><p class="pale">Hard to read</p></main></body></html>"""


class Inquiry(forms.Form):
    model = forms.CharField(help_text="The name you use inside; readers see a code name.", max_length=80)
    why = forms.CharField(
        widget=forms.Textarea, max_length=2000, help_text="In your own words.", label="What you want to learn"
    )
    level = forms.ChoiceField(choices=[("AL1", "AL1: endpoint"), ("AL2", "AL2: with logits")], label="Access level")
    form = forms.ChoiceField(
        choices=[("endpoint", "By endpoint"), ("weights", "By weights")],
        widget=forms.RadioSelect,
        label="Form of access",
    )
    readers = forms.MultipleChoiceField(
        choices=[("a", "Agency X"), ("b", "Agency Y")], widget=forms.CheckboxSelectMultiple, required=False
    )
    prerelease = forms.BooleanField(
        label="This model is not released", required=False, help_text="You can change it later."
    )
    opens = forms.DateField(label="Access opens", required=False)
    closes = forms.DateTimeField(label="Access closes", help_text="UTC.")
    dossier = forms.FileField(required=False)
    token = forms.CharField(widget=forms.HiddenInput, initial="t")


def context() -> dict[str, Any]:
    form = Inquiry({"why": "<b>bold</b>", "readers": ["a"], "closes": "soon", "token": "t", "level": "AL2"})
    pair = Acting("per-evaluator", "bureau", Role.EVALUATOR)
    return {
        "acting": pair,
        "pairs": (pair, Acting("per-evaluator", "bureau", Role.EVALUATOR_LEAD)),
        "nav": [
            {"label": "Reviews", "href": "/reviews/", "current": True},
            {"label": "What is due", "href": "/due/", "current": False, "count": 3},
            {"label": "Scrutiny", "href": "/scrutiny/", "current": False},
            {"label": "Findings", "href": "/findings/", "current": False},
            {"label": "Account", "href": "/account/", "current": False},
        ],
        "marking": {"data_class": "S", "words": "scores and drafts: item-level results", "tlp": "amber"},
        "now": NOW,
        "demonstration": True,
        "form": form,
        "start": NOW - timedelta(hours=2),
        "soon": NOW + timedelta(hours=3, minutes=20),
        "far": NOW + timedelta(days=6, hours=4),
        "past": NOW - timedelta(days=1, hours=1),
        "lifecycle": [
            {"label": label, "status": status}
            for label, status in (
                ("Inquiry", "complete"),
                ("Dossier", "complete"),
                ("Agreement", "complete"),
                ("Under review", "current"),
                ("Report draft", "upcoming"),
                ("Closed", "upcoming"),
            )
        ],
        "keys": [
            {"side": "Developer", "turned": True, "who": "per-owner", "at": NOW - timedelta(hours=1)},
            {"side": "Evaluator", "turned": False, "who": "any lead of bureau"},
        ],
        "events": [
            {
                "at": NOW - timedelta(days=2),
                "what": "Plan registered",
                "who": "per-lead",
                "more": "Before the first run.",
            },
            {"at": NOW - timedelta(hours=5), "what": "Preflight: closed", "href": "/containment/"},
            {"at": NOW - timedelta(hours=2), "what": "First run started"},
        ],
        "stages": [
            {"heading": "Share", "text": "The developer chooses what, with whom, and until when."},
            {"heading": "Measure", "text": "In sealed boxes, with a plan registered first."},
            {"heading": "Report", "text": "To the developer first; everyone can check it."},
        ],
        "of_subject": [("Subject", "heron-7"), ("Access", "AL2 by endpoint"), ("Budget", money(10_000_000))],
        "plan": "sha256:" + "3fa94c17" * 8,
        "files": [
            {
                "url": "/r.pdf",
                "name": "Report (PDF)",
                "what": "For reading",
                "size": 482_133,
                "digest": "sha256:" + "9b" * 32,
            },
            {"url": "/r.json", "name": "Assessment (JSON)", "what": "For machines", "size": 91_002},
        ],
        "transcript": "I'll look at the box first.\n$ ls -la /srv\x1b[31m\nroot \u202egnp.exe\u202c <script>alert(1)</script>\nhttps://example.org/not-a-link\x00",
    }


def gallery(**more: object) -> str:
    request = RequestFactory().get("/gallery/")
    source = Path(__file__).with_name("gallery.html").read_text()
    return engines["django"].from_string(source).render({**context(), **more}, request)


def serve(visit: Visit, pages: dict[str, str]) -> list[str]:
    """Answer from memory as the portal's server would, under its policy; the list fills with what was asked for."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
        headers = {"Content-Security-Policy": POLICY.format(elsewhere="")}
        asked.append(path)
        if route.request.resource_type == "script" and not visit.script:
            route.fallback()
        elif path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/")
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            route.fulfill(body=file.read_bytes(), headers={**headers, "Content-Type": kind})
        else:
            kind = "text/css" if path.endswith(".css") else "text/html; charset=utf-8"
            found = {"body": pages[path]} if path in pages else {"status": 404, "body": ""}
            route.fulfill(**found, headers={**headers, "Content-Type": kind})

    visit.page.route("**/*", answer)
    return asked


def shown(visits: Visits, page: str, **how: Any) -> tuple[Visit, list[str], dict[str, str]]:  # noqa: ANN401
    visit, pages = visits(**how), {"/gallery/": page}
    asked = serve(visit, pages)
    visit.page.goto(f"{ORIGIN}/gallery/")
    return visit, asked, pages


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_component_is_accessible_and_fits(visits: Visits, width: int, script: bool) -> None:  # noqa: FBT001
    visit, _, _ = shown(visits, gallery(), width=width, script=script)
    visit.picture(f"gallery{'' if script else '-no-script'}")
    assert visit.fits()
    assert visit.axe() == []


def test_the_gate_finds_exactly_what_was_planted(visits: Visits) -> None:
    visit = visits()
    serve(visit, {"/planted/": PLANTED, "/planted.css": ".pale { color: #999; background: #fff }"})
    visit.page.goto(f"{ORIGIN}/planted/")
    assert [found.partition(":")[0] for found in visit.axe()] == ["color-contrast", "html-has-lang", "label"]


def test_what_the_policy_refuses_is_collected(visits: Visits) -> None:
    visit = visits()
    inline = '<!DOCTYPE html><html lang="en"><title>t</title><p style="color: red">a</p><script>1</script></html>'
    serve(visit, {"/inline/": inline})
    visit.page.goto(f"{ORIGIN}/inline/")
    visit.page.wait_for_function("document.readyState === 'complete'")
    assert any("style-src" in one for one in visit.refused)
    assert any("script-src" in one for one in visit.refused)
    visit.refused.clear()


def test_a_passkey_can_be_made_and_used(visits: Visits) -> None:
    visit = visits()
    serve(visit, {"/key/": '<!DOCTYPE html><html lang="en"><title>t</title></html>'})
    visit.page.goto(f"{ORIGIN}/key/")
    visit.passkey()
    made = visit.page.evaluate(
        """async () => (await navigator.credentials.create({publicKey: {
            challenge: new Uint8Array(32), rp: {name: "t"}, user: {id: new Uint8Array(8), name: "a", displayName: "a"},
            pubKeyCredParams: [{type: "public-key", alg: -7}]}})).type"""
    )
    assert made == "public-key"


def test_the_first_load_is_small(visits: Visits) -> None:
    visit, asked, pages = shown(visits, gallery())
    visit.page.wait_for_load_state("networkidle")
    files = [STATIC / path.removeprefix("/static/") for path in sorted(set(asked)) if path.startswith("/static/")]
    sent = [file.with_name(file.name + ".gz") for file in files]
    total = sum((packed if packed.exists() else file).stat().st_size for file, packed in zip(files, sent, strict=True))
    assert 100_000 < total + len(pages["/gallery/"].encode()) <= FIRST_LOAD_BYTES


def test_a_keyboard_reaches_the_page_and_its_errors(visits: Visits) -> None:
    visit, _, _ = shown(visits, gallery())
    focused = "document.activeElement.className"
    assert "st-errors" in visit.page.evaluate(focused)
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "id_model"
    calm, _, _ = shown(visits, gallery(form=Inquiry()))
    calm.page.keyboard.press("Tab")
    assert calm.page.evaluate(focused) == "usa-skipnav"
    calm.page.keyboard.press("Enter")
    assert calm.page.evaluate("document.activeElement.id") == "main"


def test_the_menu_of_a_narrow_screen_opens_by_script_and_stands_open_without(visits: Visits) -> None:
    visit, _, _ = shown(visits, gallery(), width=320)
    link = visit.page.get_by_role("link", name="Scrutiny")
    assert not link.is_visible()
    visit.page.get_by_role("button", name="Menu").click()
    assert link.is_visible()
    bare, _, _ = shown(visits, gallery(), width=320, script=False)
    assert bare.page.get_by_role("link", name="Scrutiny").is_visible()
    assert bare.page.get_by_role("link", name="Refresh").is_visible()


def runs(done: int) -> str:
    source = '{% extends "base.html" %}{% load components %}{% block content %}{% live "runs" "/gallery/" said %}'
    return (
        engines["django"]
        .from_string(source + "<p>{{ said }}</p>{% endlive %}{% endblock %}")
        .render({"said": f"{done} of 40 samples done", "now": NOW}, RequestFactory().get("/gallery/"))
    )


def test_a_part_renews_itself_until_it_is_paused_or_gone(visits: Visits) -> None:
    visit, pages = visits(), {"/gallery/": runs(12)}
    asked = serve(visit, pages)
    visit.page.clock.install()
    visit.page.goto(f"{ORIGIN}/gallery/")
    status, pause = visit.page.get_by_role("status"), visit.page.locator("[data-live-pause]")
    pages["/gallery/"] = runs(13)
    visit.page.clock.run_for(10_500)
    expect(status).to_have_text("13 of 40 samples done")
    expect(visit.page.locator("#runs p")).to_have_text("13 of 40 samples done")
    pause.click()
    before = len(asked)
    visit.page.clock.run_for(30_000)
    assert len(asked) == before
    pause.click()
    pages["/gallery/"] = "<!DOCTYPE html><title>Sign in</title>"
    visit.page.clock.run_for(10_500)
    expect(status).to_contain_text("Refresh the page")
    expect(visit.page.locator("#runs p")).to_have_text("13 of 40 samples done")


def test_paper_shows_what_is_said_and_nothing_to_press(visits: Visits) -> None:
    visit, _, _ = shown(visits, gallery())
    visit.page.emulate_media(media="print")
    visit.picture("gallery-print")
    page = visit.page
    assert not page.get_by_role("navigation", name="Main").is_visible()
    assert not page.get_by_role("button", name="Turn the evaluator's key").is_visible()
    assert page.get_by_text("TLP:AMBER").is_visible()
    after = "getComputedStyle(document.querySelector('main .usa-alert a'), '::after').content"
    assert page.evaluate(after) == '" (" attr(href) ")"' or "/submissions/heron/report/" in page.evaluate(after)
    assert page.evaluate("getComputedStyle(document.querySelector('.st-table')).overflowX") == "visible"


def test_a_confirmation_is_one_page_with_one_button() -> None:
    confirm = {
        "title": "Withdraw heron-7",
        "lead": "You need no reason.",
        "effects": ["Leases end within 60 s."],
        "action": "/submissions/heron/withdraw/",
        "button": "Withdraw now",
        "style": "usa-button--secondary",
        "back": "/submissions/heron/",
    }
    page = render_to_string("components/confirm.html", {"confirm": confirm}, RequestFactory().get("/"))
    assert page.count('method="post"') == page.count('type="submit"') == 1
    assert "csrfmiddlewaretoken" in page
    assert "Leases end within 60 s." in page


def test_a_browser_is_found_or_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "chrome"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TEST_CHROMIUM", raising=False)
    with pytest.raises(LookupError, match="no Chromium: install it"):
        chromium(own)
    own.touch()
    assert chromium(own) == str(own)
    monkeypatch.setenv("TEST_CHROMIUM", "/opt/chrome")
    assert chromium(own) == "/opt/chrome"


def test_vendored_files_are_the_ones_that_were_made() -> None:
    for folder in (STATIC, AXE.parent):
        listed = dict(reversed(line.split("  ")) for line in (folder / "DIGESTS.sha256").read_text().splitlines())
        there = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
        assert {name for name in there if not name.startswith("seatrial/")} == {*listed, "DIGESTS.sha256"}
        for name, digest in listed.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
            if name.endswith(".gz"):
                assert gzip.decompress((folder / name).read_bytes()) == (folder / name[:-3]).read_bytes()


def test_styles_load_nothing_from_elsewhere() -> None:
    for sheet in STATIC.rglob("*.css"):
        used = set(re.findall(r"url\(\s*[\"']?([^\"')]*)", sheet.read_text())) - {""}
        assert used
        assert {name for name in used if not (sheet.parent / name).resolve().is_relative_to(STATIC)} == set()
        assert {name for name in used if not (sheet.parent / name).is_file()} == set()


def test_untrusted_text_shows_what_cannot_be_seen() -> None:
    shown_text = str(untrusted("<a href=x>\t\n\x00\x9b\u202e\u200b\U000e0041"))
    assert re.findall(r">(\\[^<]*)<", shown_text) == ["\\x00", "\\x9b", "\\u202e", "\\u200b", "\\U000e0041"]
    assert shown_text.startswith("&lt;a href=x&gt;\t\n<span")
    visible = {
        chr(code) for code in (*range(0x600, 0x606), 0x6DD, 0x70F, *range(0x890, 0x892), 0x8E2, 0x110BD, 0x110CD)
    }
    visible |= {chr(code) for code in range(0x13430, 0x13440)}  # joiners of hieroglyphs: a font draws them
    for code in range(sys.maxunicode + 1):
        unseen = unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and chr(code) not in "\t\n"
        if unseen and chr(code) not in visible:
            assert UNSEEN.fullmatch(chr(code)), hex(code)


def test_values_are_written_for_people() -> None:
    hours = timedelta(hours=3, minutes=20)
    assert [due_in(NOW + hours, NOW), due_in(NOW - hours, NOW), due_in(NOW, NOW)] == [
        "in 3 h 20 min",
        "3 h 20 min overdue",
        "due now",
    ]
    assert [span(timedelta(days=1)), span(timedelta(days=2, hours=5)), span(timedelta(seconds=9))] == [
        "1 day",
        "2 days 5 h",
        "under 1 min",
    ]
    assert instant(NOW) == '<time datetime="2026-11-24T13:41:00Z">24 Nov 2026, 13:41 UTC</time>'
    assert [money(0), money(9_999), money(1_234_560_000), money(-5_000_000)] == [
        "$0.00",
        "under $0.01",
        "$1,234.56",
        "-$5.00",
    ]
    assert [size(1), size(1023), size(1024**2 - 1), size(64 * 1024**2)] == [
        "1 byte",
        "1023 bytes",
        "1.0 MiB",
        "64.0 MiB",
    ]


def test_every_state_of_every_lifecycle_has_one_tone() -> None:
    states = {state for one in LIFECYCLES.values() for state in one.meaning}
    assert states == set(TONES)
    shown = engines["django"].from_string('{% load components %}{% state_of "incident_hold" %}').render()
    assert "st-state--attention" in shown
    assert "incident hold" in shown


def test_the_look_says_no_word_of_permission() -> None:
    texts = [file.read_text() for file in (PORTAL / "templates" / "components").glob("*.html")]
    plain = [
        re.sub(r"{%.*?%}|{{.*?}}", " ", text) for text in (*texts, (PORTAL / "templates" / "base.html").read_text())
    ]
    assert len(plain) > 25
    assert check(Wording(Surface.PAGE, "a component", text) for text in plain) == ()
