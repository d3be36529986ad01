"""Every page that somebody may read, at both widths of a browser: nothing for axe to say, and it fits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from seatrial.portal import opening
from seatrial.portal.routes import ROUTES
from support.browser import browser, visits
from support.portal_server import serving
from support.portal_world import World

if TYPE_CHECKING:
    from pathlib import Path

    from portal.conftest import Served
    from seatrial.portal.access import Route
    from support.browser import Visit, Visits

__all__ = ["browser", "visits"]

WIDTHS = (1280, 320)
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
    assert found == []
    assert seen >= LEAST_PAGES


def is_page(world: World, route: Route) -> bool:
    """Whether somebody may read it here, and gets a page rather than a file, a feed or another address."""
    if not route.read:
        return False
    answer = world.reader(route).get(world.address(route))
    kind, kept = answer.headers.get("Content-Type", ""), "Content-Disposition" in answer.headers
    return answer.status_code == 200 and kind.startswith("text/html") and not kept
