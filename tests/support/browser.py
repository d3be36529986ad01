"""A real browser for journeys: Debian's Chromium driven by Playwright, axe, and what the policy refused.

- `visits` opens a browser of one's own for each person: `visit = visits(width=320)`, then `visit.page.goto(…)`.
- At the end of a test nothing may be left in `visit.refused` (content security policy) or `visit.errors` (scripts);
  a test that expects some clears the list.
- `visits(script=False)` delivers no script to the page. Scripts stay possible, so that axe can look: the policy lets a
  page have no inline script, hence what is not delivered does not run.
- The browser lives as long as a module's tests: while Playwright's driver runs, the thread has a running event loop,
  and neither `asyncio.run` of another test nor Django's ORM would work beside it for a whole session.
- `TEST_CHROMIUM` names another browser; `TEST_SCREENSHOTS` a folder for pictures. No browser is ever fetched.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

AXE = Path(__file__).parent / "axe" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "section508"]
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
)
PATIENCE_MS = 10_000  # a page of a loaded test machine; nothing here waits for a clock
HEIGHT = 900
SHEET = {"width": 718, "height": 1016}  # A4 less 10 mm at each side, at 96 to the inch
POLICY = "Content Security Policy"
TELL = f"""addEventListener('securitypolicyviolation',
    e => console.error('{POLICY}: ' + e.violatedDirective + ' ' + e.blockedURI))"""
PASSKEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Visit:
    """One person at one browser window, with cookies of their own."""

    context: BrowserContext
    page: Page
    script: bool = True
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def axe(self) -> list[str]:
        """What axe finds on the page as it stands: `rule: selector (what to do)`, sorted."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("tags => axe.run({runOnly: tags, resultTypes: ['violations']})", AXE_TAGS)
        return sorted(
            f"{rule['id']}: {' '.join(map(str, node['target']))} ({rule['help']})"
            for rule in found["violations"]
            for node in rule["nodes"]
        )

    def passkey(self) -> str:
        """Give the window an authenticator that agrees to everything; its id, for the protocol's other commands."""
        protocol = self.context.new_cdp_session(self.page)
        protocol.send("WebAuthn.enable")
        added: dict[str, str] = protocol.send("WebAuthn.addVirtualAuthenticator", {"options": PASSKEY})
        return added["authenticatorId"]

    def fits(self) -> bool:
        """Whether the page needs no scrolling sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))

    def picture(self, name: str) -> None:
        """A picture of the whole page in the folder that TEST_SCREENSHOTS names; nothing without it."""
        if folder := os.environ.get("TEST_SCREENSHOTS"):
            width = (self.page.viewport_size or {"width": 0})["width"]
            safe = re.sub(r"[^\w.-]+", "-", name).strip("-")
            self.page.screenshot(path=Path(folder) / f"{safe}-{width}.png", full_page=True)

    def paper(self, name: str) -> None:
        """A picture of it as it is printed, where pictures are kept; what stands on it fits a sheet's width."""
        size = self.page.viewport_size
        self.page.emulate_media(media="print")
        self.page.set_viewport_size(SHEET)
        self.picture(f"{name}-paper")
        assert self.fits(), name
        self.page.emulate_media(media="screen")
        if size:
            self.page.set_viewport_size(size)

    def hear(self, message: ConsoleMessage) -> None:
        """Keep what the browser says of the policy; its wording differs, the policy's name does not."""
        if POLICY in message.text or "frame-ancestors" in message.text:
            self.refused.append(message.text)


class Visits(Protocol):
    """Opens a browser window for one person."""

    def __call__(self, *, width: int = 1280, script: bool = True, **context: Any) -> Visit:  # noqa: ANN401
        """`context` goes to Playwright: `base_url`, `timezone_id`, `color_scheme`, …"""


def chromium(own: Path) -> str:
    """The browser to use: the one named, Playwright's own build where it was installed, or the system's.

    Raises:
        LookupError: none is installed.
    """
    if named := os.environ.get("TEST_CHROMIUM"):
        return named
    if own.exists():
        return str(own)
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise LookupError(
        "no Chromium: install it (Debian: chromium; elsewhere: playwright install chromium) or name it in TEST_CHROMIUM"
    )


def without_scripts(route: Route) -> None:
    """Everything but scripts."""
    if route.request.resource_type == "script":
        route.abort()
    else:
        route.fallback()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patched, sync_playwright() as playwright:
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the loop is Playwright's; no coroutine touches the ORM
        found = chromium(Path(playwright.chromium.executable_path))
        running = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    opened: list[Visit] = []

    def visit(*, width: int = 1280, script: bool = True, **context: Any) -> Visit:  # noqa: ANN401
        made = browser.new_context(viewport={"width": width, "height": HEIGHT}, **context)
        made.set_default_timeout(PATIENCE_MS)
        made.add_init_script(TELL)
        if not script:
            made.route(lambda _: True, without_scripts)
        one = Visit(made, made.new_page(), script)
        one.page.on("console", one.hear)
        one.page.on("pageerror", lambda error: one.errors.append(str(error)))
        opened.append(one)
        return one

    yield visit
    left = [(one.refused, one.errors) for one in opened]
    for one in opened:
        one.context.close()
    wrong = [one for one in left if one != ([], [])]
    assert not wrong, wrong
