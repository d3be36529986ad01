"""An evaluator and a lead at browsers without scripts: a real review by a real worker, from the plan to the signature.

Every page on the way is looked at by axe at both widths.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from portal.test_developer_journey import WIDTHS, signed_in
from portal.test_evaluator import HERE, Bureau
from seatrial.evaluation.jobs import Lane, UnitState
from seatrial.framework.viewer import Viewer
from seatrial.reviewing import ReviewRuns
from support.browser import browser, visits
from support.desk import Desk as Commands
from support.endpoint import Messages, Say, endpoint
from support.jobs import until
from support.portal_server import serving
from support.reviewing import WAIT_S, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portal.conftest import Served
    from seatrial.evaluation.jobs import PlanUnit
    from support.browser import Visit, Visits
    from support.endpoint import Endpoint

__all__ = ["browser", "visits"]

KEY = "sk-canary-77d0b1-endpoint"
HOUSE = Viewer.house("a test of the pages")


def unwilling(_messages: Messages, _number: int) -> Say:
    """A mind whose words the rules flag."""
    return Say("I cannot help with this exploit. <script>alert(1)</script>")


@pytest.fixture
def server(portal: Served) -> Iterator[str]:
    assert portal.home
    with serving() as address:
        yield address


def looked_at(visit: Visit, name: str) -> None:
    """The page as it stands: at both widths nothing for axe to say, and nothing to scroll sideways."""
    visit.page.wait_for_load_state()
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.picture(f"evaluator-{name}")
        assert visit.axe() == [], (name, width)
        assert visit.fits(), (name, width)


@dataclass
class Journey:
    """One review between an evaluator and a lead."""

    bureau: Bureau
    eve: Visit
    lin: Visit
    look: Callable[[Visit, str], None] = looked_at

    def plans(self) -> None:
        """The lead sees what a plan would take, and registers it."""
        page = self.lin.page
        page.goto("/countersign/")
        self.look(self.lin, "countersign")
        page.get_by_role("link", name="Reviews").first.click()
        self.look(self.lin, "queue")
        page.get_by_role("link", name="heron-7").click()
        self.look(self.lin, "review")
        page.get_by_role("link", name="Register plan").click()
        page.get_by_label("Tier").select_option("ci")
        page.get_by_text("crypto", exact=True).click()
        page.get_by_text("level 1", exact=True).click()
        for name in ("fuzzer", "static"):
            page.get_by_text(name, exact=True).click()
        page.get_by_label("Dollars for a million input tokens").fill("1")
        page.get_by_role("button", name="Show what it would take").click()
        expect(page.get_by_text("Both prices, or neither.").first).to_be_visible()
        self.look(self.lin, "plan-wrong")
        page.get_by_label("Dollars for a million output tokens").fill("5")
        page.get_by_role("button", name="Show what it would take").click()
        expect(page.get_by_text("3, 1 of them by the model")).to_be_visible()
        self.look(self.lin, "plan")
        page.get_by_role("button", name="Register this plan").click()
        expect(page.get_by_text("The plan is registered.")).to_be_visible()

    def opened(self, served: Endpoint, papers: Path) -> None:
        """The developer deposits its endpoint and opens access."""
        papers.mkdir()
        key = papers / "key.txt"
        key.write_text(KEY)
        desk, home = Commands(self.bureau.portal.home, papers), self.bureau.name
        desk("custody", "deposit", home, "--url", served.url, "--credential", key, "--on-site")
        self.bureau.post("access/grant/")
        assert self.bureau.state == "access_open"

    def runs(self) -> PlanUnit:
        """The evaluator starts the preflight and a run, and watches it."""
        page = self.eve.page
        page.goto(self.bureau.review + "runs/")
        self.look(self.eve, "runs-none")
        page.get_by_role("button", name="Start the preflight and a run").click()
        self.look(self.eve, "run-waiting")
        page.get_by_role("link", name="Stop this run").click()
        self.look(self.eve, "stop")
        page.get_by_role("link", name="Go back, change nothing").click()
        store, [unit] = ReviewRuns(self.bureau.portal.house), self.bureau.runs()
        with working(self.bureau.portal.home):

            def over() -> bool:
                return not store.one(HOUSE, self.bureau.name, unit.id).open

            until(over, WAIT_S, "the run is over")
        found = store.one(HOUSE, self.bureau.name, unit.id)
        assert found.state is UnitState.COMPLETE, found.reason
        page.reload()
        expect(page.get_by_text("Key figures")).to_be_visible()
        self.look(self.eve, "run")
        return found

    def reads(self) -> None:
        """The boundary, the samples, the one that is flagged, and a decision about it."""
        page = self.eve.page
        page.get_by_role("link", name="Boundary").click()
        expect(page.get_by_text("A stated maximum")).to_be_visible()
        self.look(self.eve, "boundary")
        page.get_by_role("link", name="Runs", exact=True).click()
        self.look(self.eve, "runs")
        page.locator("tbody th a").first.click()
        page.get_by_role("link", name="Samples", exact=True).click()
        self.look(self.eve, "samples")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Scrutiny").click()
        self.look(self.eve, "scrutiny")
        page.locator("tbody th a").first.click()
        self.look(self.eve, "transcript")
        page.get_by_label("Search in this transcript").fill("exploit")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("entries hold it").or_(page.get_by_text("entry holds it"))).to_be_visible()
        page.get_by_role("link", name="Decide about this sample").click()
        page.get_by_role("button", name="Write down this decision").click()
        self.look(self.eve, "decide-wrong")
        page.get_by_text("Confirmed:").click()
        page.get_by_label("Reason").fill("It declined in its own words.")
        page.get_by_role("button", name="Write down this decision").click()
        expect(page.get_by_text("Your decision is written down.")).to_be_visible()

    def drafts(self) -> None:
        """The runs are ended, a draft is written and delivered, commented on and revised."""
        page = self.eve.page
        page.goto(self.bureau.review)
        page.get_by_role("link", name="End runs").click()
        self.look(self.eve, "end")
        page.get_by_role("button", name="End the runs").click()
        page.get_by_role("link", name="Send draft").click()
        self.look(self.eve, "draft")
        page.get_by_role("button", name="Write the draft").click()
        expect(page.get_by_text("The draft is with the lead.")).to_be_visible()
        self.delivers()
        self.bureau.post("report/comment/", text="Say which family it was.")
        page.reload()
        self.look(self.eve, "report-commented")
        page.get_by_role("link", name="Revise", exact=True).click()
        self.look(self.eve, "revise")
        text = page.get_by_label("Text of the draft")
        text.fill(text.input_value().replace("(write here)", "The family is crypto."))
        page.get_by_label("Answer to the developer").fill("Said now.")
        page.get_by_role("button", name="Revise the draft").click()
        self.delivers()

    def delivers(self) -> None:
        """The lead reads the draft and delivers it."""
        page = self.lin.page
        page.goto(self.bureau.review + "report/")
        page.get_by_role("link", name="Deliver draft").click()
        self.look(self.lin, "deliver")
        page.get_by_role("button", name="Deliver the draft").click()
        expect(page.get_by_text("The draft is delivered")).to_be_visible()

    def signs(self) -> None:
        """The lead signs, and sees what an outsider would find."""
        page = self.lin.page
        page.goto(self.bureau.review + "report/")
        page.get_by_role("link", name="Sign report").click()
        self.look(self.lin, "sign")
        page.get_by_role("button", name="Sign the report").click()
        expect(page.get_by_text("The report is signed and issued.")).to_be_visible()
        expect(page.get_by_role("cell", name="verified")).to_have_count(5)
        self.look(self.lin, "report-signed")


@pytest.mark.slow
def test_from_the_plan_to_the_signature(portal: Served, server: str, visits: Visits, tmp_path: Path) -> None:
    bureau = Bureau(portal)
    bureau.agreed()
    one = Journey(bureau, signed_in(visits, server, bureau.eve), signed_in(visits, server, bureau.lead))
    with endpoint(unwilling) as served:
        one.plans()
        one.opened(served, tmp_path / "papers")
        one.runs()
        one.reads()
    one.drafts()
    bureau.post("report/comment/", text="Thank you.")
    one.signs()
    assert bureau.state == "report_issued"
    pages = [one.eve.page.content(), one.lin.page.content()]
    assert not any(KEY in page or "<script>alert" in page for page in pages)


@pytest.mark.slow
def test_a_run_that_is_watched_renews_itself(portal: Served, server: str, visits: Visits) -> None:
    bureau = Bureau(portal)
    bureau.started()
    [unit] = bureau.runs()
    visit = visits(base_url=server)
    session = bureau.eve.cookies["seatrial"].value
    visit.context.add_cookies([{"name": "seatrial", "value": session, "url": server}])
    visit.page.clock.install()
    visit.page.goto(bureau.run(unit))
    expect(visit.page.locator("#run")).to_contain_text("waiting")
    jobs = portal.house.jobs
    claimed = jobs.claim(Lane.REVIEWS, HERE, datetime.now(UTC))
    assert claimed is not None
    told = {"stage": "running", "done": 7, "total": 9, "line": "running, 7 of 9", "eta_s": 60, "spend": None}
    jobs.beat({(claimed.id, claimed.attempt): told})
    visit.page.clock.run_for(10_500)
    expect(visit.page.get_by_role("status")).to_have_text("running, 7 of 9")
    expect(visit.page.locator("#run")).to_contain_text("7 of 9")
    assert visit.axe() == []
