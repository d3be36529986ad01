"""Who somebody is, in a real browser: from the operator's first link to passkeys, codes and recovery."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import expect

from seatrial.framework.participant import Role
from seatrial.registry import Registry
from support.browser import browser, visits
from support.portal_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from portal.conftest import Served
    from support.browser import Visit, Visits

__all__ = ["browser", "visits"]

RECORDS = "account_authentication_methods"
PASSWORD = "seven grey herons at dawn"  # noqa: S105 - of nobody


@pytest.fixture
def url(portal: Served) -> Iterator[str]:  # noqa: ARG001 - it is served
    with serving() as address:
        yield address


def look(visit: Visit, name: str) -> None:
    """A page holds at both widths and has nothing that axe finds."""
    for width in (320, 1280):
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.picture(f"identity-{name}")
        assert visit.axe() == [], name
        assert visit.fits(), name


def enter(page: Page, url: str, secret: str, name: str) -> None:
    page.goto(f"{url}/invitation/#{secret}")
    page.get_by_role("button", name="See what it is for").click()
    page.get_by_label("Login name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()


HALF_MINUTE = 59_000_000
"""Which half-minute an authenticator app's codes are of; it stays, so that no code is out of date meanwhile."""


@pytest.fixture(autouse=True)
def half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.yield_hotp_counters_from_time", lambda: iter([HALF_MINUTE]))


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, HALF_MINUTE))


@pytest.mark.slow
def test_the_first_operator_comes_in_by_the_link_and_signs_in_with_a_passkey(
    portal: Served, url: str, visits: Visits
) -> None:
    secret = Registry(portal.house).first_invitation(datetime.now(UTC))
    assert secret is not None
    visit = visits(base_url=url)
    page = visit.page
    visit.passkey()
    page.goto(f"/invitation/#{secret}")
    look(visit, "invitation")
    page.get_by_role("button", name="See what it is for").click()
    look(visit, "accept")
    enter(page, url, secret, "ola")
    expect(page.get_by_text("One step is left")).to_be_visible()
    look(visit, "account-incomplete")
    page.goto("/submissions/")
    expect(page).to_have_url(f"{url}/account/")
    page.get_by_role("link", name="Add a passkey").click()
    look(visit, "add-passkey")
    page.get_by_role("button", name="Make the passkey").click()
    page.wait_for_url(f"{url}/account/recovery/")
    look(visit, "recovery-codes")
    page.get_by_role("link", name="I have kept them").click()
    look(visit, "account")
    expect(page.get_by_text("Acting as operator, operations")).to_be_visible()
    page.goto("/account/")
    page.get_by_role("link", name="Remove Passkey 1").click()
    look(visit, "remove-passkey")
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("This is your last second factor")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/login/")
    look(visit, "login")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{url}/")
    expect(page.get_by_text("Acting as operator, operations")).to_be_visible()
    assert Registry(portal.house).first_invitation(datetime.now(UTC)) is None
    older(page, portal)
    page.goto("/providers/")
    look(visit, "passkey-again")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{url}/providers/")
    page.get_by_label("Name that people read").fill("kept while asked")
    older(page, portal)
    page.get_by_role("button", name="Enter it").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_text("This field is required").first.wait_for()
    assert page.get_by_label("Name that people read").input_value() == "kept while asked"


def older(page: Page, portal: Served) -> None:  # noqa: ARG001 - its session is there
    """What the browser's session has shown becomes older than a step-up allows."""
    cookie = next(one["value"] for one in page.context.cookies() if one["name"] == "seatrial")
    session = SessionStore(cookie)
    session[RECORDS] = [{**one, "at": one["at"] - 1000} for one in session[RECORDS]]
    session.save()


@pytest.mark.slow
def test_with_scripts_off_a_password_and_a_code_open_the_account_and_a_recovery_code_when_the_app_is_lost(
    portal: Served, url: str, visits: Visits
) -> None:
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    _, secret = Registry(portal.house).invite("ada", "lab-a", Role.DEVELOPER_COUNSEL, datetime.now(UTC))
    visit = visits(base_url=url, script=False)
    page = visit.page
    page.goto("/invitation/")
    page.get_by_label("Invitation").fill(secret)
    page.get_by_role("button", name="See what it is for").click()
    page.get_by_label("Login name").fill("bob")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Set up an authenticator app").click()
    look(visit, "app")
    app = page.locator("dd code").inner_text()
    page.get_by_label("Code of your authenticator app").fill("000000")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_text("Incorrect code").first).to_be_visible()
    page.get_by_label("Code of your authenticator app").fill(code(app))
    page.get_by_role("button", name="Set it up").click()
    page.wait_for_url(f"{url}/account/recovery/")
    recovery = page.locator("li code").all_inner_texts()
    assert len(recovery) == 10
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text(re.compile("Acting as developer counsel"))).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/login/?next=/account/")
    page.get_by_label("Login name").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{url}/account/factors/code/")
    look(visit, "second-factor")
    page.goto("/submissions/")
    expect(page).to_have_url(f"{url}/account/factors/code/")
    page.goto("/account/factors/code/")
    page.get_by_label("recovery code").fill(recovery[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.goto("/account/")
    expect(page.get_by_text("9 are left")).to_be_visible()
    _the_other_pages(visit, portal)


def _the_other_pages(visit: Visit, portal: Served) -> None:
    """What an account has beside: new codes, the password, a code once more, and one role more."""
    page = visit.page
    page.get_by_role("link", name="See them, or make new ones").click()
    look(visit, "recovery-codes-kept")
    page.get_by_role("link", name="Make new ones").click()
    look(visit, "recovery-codes-new")
    for path, name in (
        ("/account/factors/app/remove/", "app-remove"),
        ("/account/password/", "password"),
        ("/account/logout/", "sign-out"),
    ):
        page.goto(path)
        look(visit, name)
    older(page, portal)
    page.goto("/account/password/")
    look(visit, "code-again")
    _, another = Registry(portal.house).invite("ada", "lab-a", Role.MAINTAINER, datetime.now(UTC))
    page.goto("/invitation/")
    page.get_by_label("Invitation").fill(another)
    page.get_by_role("button", name="See what it is for").click()
    page.get_by_role("button", name="Accept as bob").wait_for()
    look(visit, "accept-signed-in")
    page.get_by_role("button", name="Accept as bob").click()
    page.get_by_text("You can act in this role now").wait_for()
    page.locator("summary", has_text="Change").click()
    look(visit, "account-two-roles")
