"""A developer at a browser, scripts off: from an inquiry to the withdrawal, every page at both widths before axe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from portal.test_developer import EVALUATOR, LEAD, Two
from seatrial.cli.weights import receiver
from seatrial.custody.serving import served
from seatrial.portal import opening
from support.browser import browser, visits
from support.custody import made_lease
from support.framework import digest
from support.portal_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    from portal.conftest import Served
    from support.browser import Visit, Visits

__all__ = ["browser", "visits"]

WIDTHS = (1280, 320)


@pytest.fixture
def server(portal: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The portal, with custody's own process beside it."""
    before = opening.place()
    with serving() as address:
        monkeypatch.setenv("SEATRIAL_URL", address)
        with served(receiver(portal.installation, 0)) as custody:
            monkeypatch.setattr(opening, "_place", [replace(before, url=address, custody_url=custody)])
            yield address


def signed_in(visits: Visits, server: str, client: Client, *, script: bool = False) -> Visit:
    visit = visits(script=script, base_url=server)
    session = client.cookies["seatrial"].value
    visit.context.add_cookies([{"name": "seatrial", "value": session, "url": server}])
    return visit


def looked_at(visit: Visit, name: str) -> None:
    """The page as it stands: at both widths nothing for axe to say, and nothing to scroll sideways."""
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.picture(f"developer-{name}")
        assert visit.axe() == [], (name, width)
        assert visit.fits(), (name, width)


@dataclass
class Journey:
    """One submission between two people at their browsers."""

    two: Two
    ada: Visit
    lin: Visit
    look: Callable[[Visit, str], None] = looked_at

    def asks(self) -> None:
        """An inquiry, once as it should not be."""
        page = self.ada.page
        page.goto("/submissions/")
        self.look(self.ada, "nothing")
        page.get_by_role("link", name="New inquiry").click()
        self.look(self.ada, "inquiry")
        page.get_by_role("button", name="Send the inquiry").click()
        self.look(self.ada, "inquiry-wrong")
        page.locator("label", has_text="National Security Agency").click()
        page.get_by_label("What you share for this inquiry").fill("Is this in your remit?")
        page.get_by_label("Contact").fill("desk 4")
        page.get_by_label("Code name").fill("heron-7")
        page.get_by_label("Evaluator").fill("bureau")
        page.get_by_label("Digest of its identity record").fill(digest("heron-7"))
        page.get_by_role("button", name="Send the inquiry").click()
        self.two.name = page.url.split("/")[4]
        self.look(self.ada, "overview-inquiry")

    def offers(self) -> None:
        """A dossier, shared."""
        page = self.ada.page
        page.get_by_role("link", name="Start dossier").click()
        self.look(self.ada, "step")
        page.get_by_role("button", name="Start dossier").click()
        page.get_by_role("link", name="Submit", exact=True).click()
        self.look(self.ada, "share")
        page.get_by_role("button", name="Consent and share").click()
        assert self.two.state == "submitted"

    def agrees(self) -> None:
        """A consent, and a text that both sides sign."""
        page, lin = self.ada.page, self.lin.page
        page.goto(f"{self.two.at}consents/")
        page.get_by_role("button", name="Give this consent").click()
        self.look(self.ada, "consents")
        page.goto(f"{self.two.at}agreement/")
        page.get_by_label("Plan for incidents").fill("We call each other.")
        page.get_by_role("button", name="Propose it and turn my key").click()
        self.look(self.ada, "agreement")
        lin.goto(f"{self.two.at}agreement/")
        self.look(self.lin, "agreement-lead")
        lin.get_by_role("button", name="Sign: turn my key").click()
        assert self.two.state == "agreed"

    def opens(self) -> None:
        """Access, with the day on which it ends."""
        page = self.ada.page
        page.goto(f"{self.two.at}access/")
        self.look(self.ada, "access-before")
        until = datetime.now(UTC) + timedelta(days=5)
        page.get_by_label("Access ends at (UTC)").fill(until.strftime("%Y-%m-%dT%H:%M"))
        page.get_by_role("button", name="Record this end").click()
        page.get_by_role("button", name="Open access").click()
        assert self.two.state == "access_open"

    def deposits(self, server: str) -> None:
        """An endpoint that goes past the portal."""
        page = self.ada.page
        page.get_by_role("button", name="Deposit an endpoint").click()
        self.look(self.ada, "deposit")
        page.get_by_label("Address of the endpoint").fill("https://models.lab-a.example/v1")
        page.get_by_label("Key", exact=True).fill("sk-canary")
        page.get_by_role("button", name="Seal it").click()
        assert page.url.startswith(f"{server}{self.two.at}access/?deposit=done")

    def withdraws(self) -> None:
        """One page, one button."""
        page = self.ada.page
        page.get_by_role("link", name="Withdraw").click()
        self.look(self.ada, "withdraw")
        page.get_by_role("button", name="Withdraw now").click()
        assert self.two.state == "withdrawn"
        self.look(self.ada, "receipts")


def watching(visits: Visits, server: str, two: Two) -> None:
    """With scripts the page of runs renews itself, says so politely, and can be paused."""
    visit = signed_in(visits, server, two.owner, script=True)
    visit.page.goto(f"{two.at}runs/")
    assert visit.page.get_by_role("status").inner_text() == "Nothing runs. It stands in: preflight."
    visit.page.get_by_role("button", name="Pause").click()
    looked_at(visit, "runs-script")


@pytest.mark.slow
def test_from_an_inquiry_to_the_withdrawal(portal: Served, server: str, visits: Visits) -> None:
    two = Two(portal)
    one = Journey(two, signed_in(visits, server, two.owner), signed_in(visits, server, two.lead))
    one.asks()
    one.offers()
    two.act(LEAD, "begin_terms", "capacity_note")
    one.agrees()
    two.act(LEAD, "register_plan", "plan", "budget")
    one.opens()
    one.deposits(server)
    lease, _ = made_lease(submission=two.name, content_owners=("lab-a",))
    portal.installation.custody.leases.issue(lease, datetime.now(UTC))
    one.ada.page.reload()
    looked_at(one.ada, "access")
    two.act(EVALUATOR, "start_preflight")
    for place in ("Runs", "Report", "Who sees what", "Overview"):
        one.ada.page.get_by_role("navigation", name="Of this submission").get_by_role("link", name=place).click()
        looked_at(one.ada, place)
    watching(visits, server, two)
    one.withdraws()
    assert f"Lease {lease.id}: ended" in one.ada.page.inner_text("main")
