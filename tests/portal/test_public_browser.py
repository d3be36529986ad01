"""The pages of the public and of agencies in a browser without scripts, at both widths before axe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.test_agency import asked, granted, proposed
from portal.test_public import receipt, taken_in
from seatrial.framework.participant import Role
from support.browser import browser, visits
from support.portal_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.test import Client

    from portal.conftest import Served
    from support.browser import Visit, Visits

__all__ = ["browser", "visits"]

WIDTHS = (1280, 320)
PUBLIC = (
    ("home", "/"),
    ("participants", "/participants/"),
    ("pack", "/packs/eo-14409/"),
    ("statistics", "/statistics/"),
    ("reports", "/reports/"),
    ("commitments", "/commitments/"),
    ("record", "/record/"),
    ("keys", "/keys/"),
)


@pytest.fixture
def server(portal: Served) -> Iterator[str]:  # noqa: ARG001 - the portal that is served
    with serving() as address:
        yield address


def looked_at(visit: Visit, name: str) -> None:
    """The page as it stands: at both widths nothing for axe to say, and nothing to scroll sideways."""
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.picture(f"public-{name}")
        assert visit.axe() == [], (name, width)
        assert visit.fits(), (name, width)


def walked(visits: Visits, server: str, pages: tuple[tuple[str, str], ...], client: Client | None = None) -> Visit:
    """Somebody without scripts at each of these pages."""
    visit = visits(script=False, base_url=server)
    if client is not None:
        cookie = {"name": "seatrial", "value": client.cookies["seatrial"].value, "url": server}
        visit.context.add_cookies([cookie])  # type: ignore[list-item]  # as Playwright wants it
    for name, path in pages:
        answer = visit.page.goto(path)
        assert answer is not None
        assert answer.status in {200, 422}, path
        looked_at(visit, name)
    return visit


@pytest.mark.slow
def test_anybody_reads_the_public_pages_and_checks_a_receipt(
    portal: Served, visits: Visits, server: str, tmp_path: Path
) -> None:
    taken_in(portal)
    file = tmp_path / "1.tlog-proof"
    file.write_bytes(receipt(portal))
    visit = walked(visits, server, PUBLIC)
    visit.page.goto("/verify/")
    looked_at(visit, "verify")
    visit.page.set_input_files("input[type=file]", file)
    visit.page.get_by_role("button", name="Check").click()
    visit.page.get_by_text("Nothing is false").wait_for()
    looked_at(visit, "verified")
    visit.page.fill("[name=key]", "no key")
    visit.page.get_by_role("button", name="Check").click()
    assert visit.page.title().startswith("Error:")
    looked_at(visit, "verify-wrong")


@pytest.mark.slow
def test_an_agency_reads_what_it_has_and_writes_a_text(portal: Served, visits: Visits, server: str) -> None:
    asked(portal)
    granted(portal)
    text = proposed(portal)
    reader = portal.client("rea", "agency-x", Role.AGENCY_READER)
    walked(
        visits,
        server,
        (("granted", "/granted/"), ("texts", "/framework/"), ("comment", f"{text}steps/comment/")),
        reader,
    )
    liaison = portal.client("lia", "agency-x", Role.DESIGNATION_LIAISON)
    pages = (("inquiries", "/inquiries/"), ("text", text), ("propose", "/framework/propose/"))
    visit = walked(visits, server, pages, liaison)
    visit.page.fill("[name=text]", "[pack]\nid = 'x'\n")
    visit.page.get_by_role("button", name="Look at it").click()
    looked_at(visit, "propose-wrong")
