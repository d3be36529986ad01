"""A finding at browsers without scripts: reproduced, rated, reported, mended, told to those who run the software.

Analyst, verifier, coordinator, the software's maintainer and an operator of infrastructure, each with a browser of
their own; every page on the way is before axe, and fits a narrow screen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from portal.test_feeds import published
from portal.test_findings import HOUSE
from portal.test_public import taken_in
from seatrial.framework.participant import Role
from seatrial.portal import opening
from support.browser import browser, visits
from support.portal_server import serving
from support.seats import Seats

if TYPE_CHECKING:
    from portal.conftest import Served
    from support.browser import Visit, Visits

__all__ = ["browser", "visits"]

QUEUED_UNTIL = timedelta(days=2)


@dataclass
class Journey:
    """One finding and everybody who has it."""

    seats: Seats
    name: str
    looked: set[str] = field(default_factory=set)

    @property
    def state(self) -> str:
        return self.seats.portal.house.submissions.load(HOUSE, self.name).standing.state

    def look(self, visit: Visit, name: str) -> None:
        """Each kind of page once."""
        if name in self.looked:
            return
        self.looked.add(name)
        visit.picture(f"finding-{name}")
        assert visit.axe() == [], name
        visit.page.set_viewport_size({"width": 320, "height": 900})
        assert visit.fits(), name
        visit.page.set_viewport_size({"width": 1280, "height": 900})

    def sit(self, role: Role) -> Visit:
        organisation = {Role.MAINTAINER: "works", Role.INFRASTRUCTURE_OPERATOR: "grid"}.get(role, "house-ops")
        return self.seats.sit(f"of-{role}".replace("_", "-"), organisation, role)

    def step(self, role: Role, event: str, **brought: str) -> None:
        """Find the finding in one's list, choose the step, bring what it asks for."""
        visit, said = self.sit(role), event.replace("_", " ").capitalize()
        page = visit.page
        if f"list-{role}" in self.looked:
            page.goto(f"/findings/{self.name}/")
        else:
            page.goto("/findings/")
            self.look(visit, f"list-{role}")
            page.get_by_role("link", name=self.name[:12]).click()
            self.look(visit, f"page-{role}")
        page.get_by_role("link", name=said, exact=True).click()
        for field_name, value in brought.items():
            at = page.locator(f"[name='{field_name.replace('_', '-', 1)}'], [name='{field_name}']")
            if at.first.get_attribute("type") == "radio":
                page.get_by_text(value, exact=True).click()
            else:
                at.fill(value)
        self.look(visit, f"step-{role}")
        page.get_by_role("button", name=said, exact=True).click()
        expect(page.get_by_role("heading", name="History")).to_be_visible()

    def is_reported(self) -> None:
        until = (datetime.now(UTC) + QUEUED_UNTIL).strftime("%Y-%m-%dT%H:%M")
        self.step(Role.VERIFIER, "reproduce", text_replay_record="It crashed again in a fresh box.")
        self.step(Role.ANALYST, "cluster", mark_cluster="clu-1")
        self.step(Role.ANALYST, "rate", text_rating_record="Of little reach.", mark_rating="low")
        self.step(Role.ANALYST, "sign_off", text_decision_record="I have read it.")
        self.step(Role.COORDINATOR, "enqueue", text_contact_log="desk@works", reason="they take two a week", date=until)
        papers = {"text_report_with_label": "An overflow in parse().", "text_reproducer": "AAAA"}
        papers["text_pacing_token"] = "one of two"  # noqa: S105 - a paper's name
        self.step(Role.COORDINATOR, "send_report", **papers)
        assert self.state == "reported"

    def is_mended(self) -> None:
        """The maintainer reads the report, says so, and mends it."""
        mia = self.sit(Role.MAINTAINER)
        self.step(Role.MAINTAINER, "acknowledge")
        mia.page.get_by_role("link", name="Report with label, 1").click()
        expect(mia.page.get_by_text("An overflow in parse().")).to_be_visible()
        self.look(mia, "paper")
        self.step(Role.MAINTAINER, "start_fix")
        self.step(Role.MAINTAINER, "publish_fix", mark_fixed_version="2.4.1")
        assert self.state == "fix_available"

    def is_told(self) -> None:
        """Those who run it read what to do, and what reviews say of weaknesses of its kind."""
        self.step(Role.COORDINATOR, "publish_advisory", text_advisory="Update to 2.4.1.")
        ola = self.sit(Role.INFRASTRUCTURE_OPERATOR)
        ola.page.goto("/advisories/")
        self.look(ola, "advisories")
        ola.page.get_by_role("link", name=self.name[:12]).click()
        expect(ola.page.get_by_text("Update to 2.4.1.")).to_be_visible()
        self.look(ola, "advisory")
        ola.page.get_by_role("link", name="Defensive annex").click()
        said = ola.page.inner_text("main")
        assert "Memory errors in C programs" in said
        assert "95" in said
        assert "heron" not in said
        self.look(ola, "annex")


@pytest.mark.slow
def test_a_finding_goes_from_the_analyst_to_those_who_run_the_software(
    portal: Served, visits: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_place", [replace(opening.place(), home=portal.home)])
    published(portal)
    with serving() as server:
        one = Journey(Seats(portal, server, visits, script=False), taken_in(portal))
        one.is_reported()
        one.is_mended()
        one.is_told()
        assert len(one.seats.taken) == 5
