"""Every page that somebody may read, at both widths of a browser: nothing for axe to say, and it fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from portal.test_findings import HOUSE, reported
from portal.test_identity_oidc import HIGH, LOW, entered
from portal.test_identity_steps import half_minutes
from seatrial.framework.participant import Role
from seatrial.framework.standing import Kind
from seatrial.portal import opening
from seatrial.portal.identity.assurance import Need
from seatrial.portal.routes import ROUTES
from seatrial.registry import Registry
from support.browser import browser, visits
from support.oidc_provider import provider
from support.portal_server import serving
from support.portal_world import World
from support.seats import Seats

if TYPE_CHECKING:
    from pathlib import Path

    from portal.conftest import Served
    from seatrial.portal.access import Route
    from support.browser import Visit, Visits

__all__ = ["browser", "half_minutes", "visits"]

WIDTHS = (1280, 320)
PRINTED = frozenset({"report", "brief", "submission-agreement", "submission-receipts", "review-report"})
"""What somebody puts into a file of paper."""
LEAST_PAGES = 70
"""Below this the world has lost what its pages are about."""


@pytest.mark.slow
def test_every_page_is_accessible_and_fits_at_both_widths(
    portal: Served, visits: Visits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_place", [replace(opening.place(), home=portal.home)])
    world, windows = World(portal, tmp_path), dict[str, "Visit"]()
    found, seen = [], 0
    with serving() as server:
        for route in ROUTES:
            if not is_page(world, route):
                continue
            client = world.reader(route)
            session = client.cookies["seatrial"].value if "seatrial" in client.cookies else ""
            if session not in windows:
                windows[session] = visits(base_url=server)
                if session:
                    windows[session].context.add_cookies([{"name": "seatrial", "value": session, "url": server}])
            window, seen = windows[session], seen + 1
            window.page.goto(world.address(route), wait_until="load")
            for width in WIDTHS:
                window.page.set_viewport_size({"width": width, "height": 900})
                window.picture(f"every-{route.name}")
                found += [(route.name, width, one) for one in window.axe()]
                found += [] if window.fits() else [(route.name, width, "it scrolls sideways")]
            if route.name in PRINTED:
                window.paper(f"every-{route.name}")
    assert found == []
    assert seen >= LEAST_PAGES


@pytest.mark.slow
def test_pages_that_ask_for_more_or_say_no_are_accessible(
    portal: Served, visits: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = next(
        one.digest for one in portal.house.submissions.load(HOUSE, reported(portal)).standing.documents
        if one.kind == "report_with_label"
    )  # fmt: skip
    finding = portal.house.submissions.list(HOUSE, Kind.FINDING)[0].object
    with provider() as there, serving() as server:
        monkeypatch.setattr(opening, "_place", [replace(opening.place(), url=server)])
        entered(portal, there, acr=(LOW,), step_up_acr=(HIGH,), phishing_resistant_acr=("passkey",))
        there.acr = LOW
        stranger = visits(base_url=server)
        shown(stranger, "/account/provider/idp_lab/", "You are not signed in")
        shown(stranger, "/nowhere/", "Not found")
        _, secret = Registry(portal.house).invite("ada", "lab-a", Role.DEVELOPER_COUNSEL, datetime.now(UTC))
        stranger.page.goto(f"/invitation/#{secret}")
        stranger.page.get_by_role("button", name="See what it is for").click()
        stranger.page.get_by_role("link", name="Lab A").click()
        stranger.page.get_by_text("Lab A signs you in").wait_for()
        asks = "/account/provider/idp_lab/?next=/account/&need=" + Need.SIGNING.value
        shown(stranger, asks, "That answer was not taken")
        there.acr = HIGH
        shown(stranger, asks, "Your sign-in is not sure enough for that")
        analyst = Seats(portal, server, visits).by_pages("ann", "house-ops", Role.ANALYST)
        shown(analyst, f"/findings/{finding}/papers/{paper}/", "A passkey is needed")
        shown(analyst, "/account/again/?next=/account/", "A code once more")


def shown(visit: Visit, path: str, heading: str) -> None:
    """The page says this, and axe has nothing to say."""
    visit.page.goto(path)
    visit.page.get_by_role("heading", name=heading, exact=True).wait_for()
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.picture(heading)
        assert (visit.axe(), visit.fits()) == ([], True), (heading, width)


def is_page(world: World, route: Route) -> bool:
    """Whether somebody may read it here, and gets a page rather than a file, a feed or another address."""
    if not route.read:
        return False
    answer = world.reader(route).get(world.address(route))
    kind, kept = answer.headers.get("Content-Type", ""), "Content-Disposition" in answer.headers
    return answer.status_code == 200 and kind.startswith("text/html") and not kept
