"""Nothing but keys: sign-in, an offer with its key for the agreement, the lead's signature, a withdrawal.

At each stop of the focus it can be seen where it is; no page keeps it; after an error it stands on the summary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from portal.test_developer import LEAD, Two
from portal.test_developer_journey import signed_in
from portal.test_evaluator import Bureau, a_run
from portal.test_identity_steps import PASSWORD, account, code, half_minutes
from support.browser import browser, visits
from support.framework import digest
from support.portal_server import serving

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from portal.conftest import Served
    from support.browser import Visit, Visits

__all__ = ["a_run", "browser", "half_minutes", "visits"]

MOST_STOPS = 120
"""Of one page: the largest has about sixty things to come to."""
SHOWN = """() => {
    const one = document.activeElement, drawn = one.matches(".usa-radio__input, .usa-checkbox__input");
    const seen = drawn ? one.nextElementSibling : one, box = seen.getBoundingClientRect();
    const style = getComputedStyle(seen, drawn ? "::before" : null);
    const marked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    const there = box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0
        && box.top < innerHeight && box.left < innerWidth;
    return one === document.body || one.id === "main" || (marked && there) ? "" : one.outerHTML.slice(0, 120);
}"""


@dataclass
class Keys:
    """Somebody who has a keyboard and nothing else."""

    visit: Visit

    def __post_init__(self) -> None:
        self.page.emulate_media(reduced_motion="reduce")  # what moves into sight is not there at once

    @property
    def page(self) -> Page:
        return self.visit.page

    def to(self, goal: Locator) -> None:
        """Tab there, and see at each stop where the focus is."""
        goal.wait_for()
        handle = goal.element_handle()
        for _ in range(MOST_STOPS):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(SHOWN) == "", self.page.url
            if self.page.evaluate("one => document.activeElement === one", handle):
                return
        raise AssertionError(f"{goal}: not to be come to by {MOST_STOPS} stops of {self.page.url}")

    def write(self, label: str, text: str) -> None:
        """Go to a field and write, in place of what stands there."""
        self.to(self.page.get_by_label(label))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def press(self, name: str, role: str = "button") -> None:
        """Go to a button or a link, and press it."""
        self.to(self.page.get_by_role(role, name=name, exact=True).last)  # type: ignore[arg-type]
        self.sends()

    def sends(self) -> None:
        """Enter, and the page that follows."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press("Enter")

    def follow(self, name: str) -> None:
        self.press(name, "link")

    def round(self) -> None:
        """Tab through all of the page, and come out of it."""
        self.page.evaluate("document.activeElement.blur()")
        for _ in range(MOST_STOPS):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(SHOWN) == "", self.page.url
            if self.page.evaluate("document.activeElement.matches('footer li:last-child a')"):
                self.page.keyboard.press("Tab")
                assert self.page.evaluate("!document.activeElement.closest('main, footer')"), self.page.url
                return
        raise AssertionError(f"{self.page.url} keeps the focus")

    def is_told(self, field: str) -> None:
        """The summary of errors has the focus; its first link leads into the field."""
        expect(self.page.locator("[data-focus]")).to_be_focused()
        self.page.keyboard.press("Tab")
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_label(field)).to_be_focused()


def signs_in(keys: Keys, secret: str) -> None:
    page = keys.page
    page.goto("/account/login/")
    keys.round()
    keys.write("Login name", "ada")
    keys.press("Sign in")
    keys.is_told("Password")
    page.keyboard.type(PASSWORD)
    keys.sends()
    page.get_by_label("Code of your authenticator app").wait_for()
    keys.write("Code of your authenticator app", "000000")
    keys.sends()
    keys.is_told("Code of your authenticator app")
    page.keyboard.press("Control+A")
    page.keyboard.type(code(secret))
    keys.sends()
    expect(page.get_by_text("Acting as developer owner")).to_be_visible()
    keys.follow("Account")
    keys.follow("Add a passkey")
    keys.press("Make the passkey")


def offers(keys: Keys, two: Two) -> None:
    page = keys.page
    page.goto("/submissions/")
    keys.follow("New offer")
    keys.round()
    page.evaluate("document.activeElement.blur()")
    keys.write("Code name", "Heron 7")
    keys.write("Digest of its identity record", digest("heron-7"))
    keys.write("Evaluator", "bureau")
    keys.to(page.get_by_label("product", exact=True))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("safeguards reduced")).to_be_checked()
    page.keyboard.press("ArrowUp")
    keys.sends()
    keys.is_told("Code name")
    page.keyboard.press("Control+A")
    page.keyboard.type("heron-7")
    keys.to(page.get_by_label("comment", exact=True))
    page.keyboard.press("Space")
    expect(page.get_by_label("comment", exact=True)).to_be_checked()
    keys.sends()
    keys.follow("Submit")
    two.name = page.url.split("/")[4]
    keys.press("Consent and share")
    assert two.state == "submitted"
    two.act(LEAD, "begin_terms", "capacity_note")
    two.consent()


def turns_a_key(keys: Keys, two: Two) -> None:
    page = keys.page
    page.goto(f"{two.at}agreement/")
    keys.round()
    page.evaluate("document.activeElement.blur()")
    keys.write("Who pays", "each its own")
    keys.write("Plan for incidents", "We call each other.")
    keys.press("Propose it and turn my key")
    expect(page.get_by_text("turned by ada")).to_be_visible()


@pytest.mark.slow
def test_a_developer_signs_in_offers_turns_a_key_and_withdraws_by_keys_alone(portal: Served, visits: Visits) -> None:
    two, secret = Two(portal), account(portal)
    with serving() as server:
        visit = visits(base_url=server)
        visit.passkey()
        keys = Keys(visit)
        signs_in(keys, secret)
        offers(keys, two)
        turns_a_key(keys, two)
        keys.page.goto(two.at)
        keys.round()
        keys.page.evaluate("document.activeElement.blur()")
        keys.follow("Withdraw")
        keys.round()
        keys.page.evaluate("document.activeElement.blur()")
        keys.press("Withdraw now")
        expect(keys.page.get_by_text("Everything has ended")).to_be_visible()
    assert two.state == "withdrawn"


@pytest.mark.slow
def test_a_lead_signs_by_keys_alone(portal: Served, visits: Visits, a_run: Path) -> None:
    bureau = Bureau(portal)
    bureau.delivered(a_run)
    bureau.post("report/comment/", text="Thank you.")
    with serving() as server:
        keys = Keys(signed_in(visits, server, bureau.lead, script=True))
        keys.page.goto(bureau.review + "report/")
        keys.follow("Sign report")
        keys.round()
        keys.page.evaluate("document.activeElement.blur()")
        keys.press("Sign the report")
        expect(keys.page.get_by_text("The report is signed and issued.")).to_be_visible()
    assert bureau.state == "report_issued"
