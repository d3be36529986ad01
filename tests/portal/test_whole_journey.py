"""One submission through all hands, every person at a browser of their own: from the inquiry to the closed review.

Once with scripts, each having signed in by the pages, the keys by passkeys; once without any script.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from portal import test_developer_journey, test_evaluator_journey
from portal.test_developer import LEAD
from portal.test_evaluator import Bureau, a_run
from portal.test_identity import older
from portal.test_identity_steps import half_minutes
from seatrial.framework.consent import Grant
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.viewer import Viewer
from support.browser import browser, visits
from support.portal_server import serving
from support.seats import Seats

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from portal.conftest import Served
    from support.browser import Visit, Visits

__all__ = ["a_run", "browser", "half_minutes", "visits"]

NOT_YET_SEEN = (
    *(
        "inquiry-answered",
        "reference",
        "begin-terms",
        "passkey-again",
        "comment",
        "report-delivered",
        "close",
        "closed",
    ),
    *("granted", "verified", "audit-entries", "audit-entry", "audit-growth", "audit-agreement"),
)
"""What no other journey looks at; those that are named elsewhere are walked here without a look."""


def looked_at(visit: Visit, name: str) -> None:
    """The page as it stands, where no other journey has: nothing for axe to say, and it fits a telephone."""
    if name not in NOT_YET_SEEN or not visit.script:
        return
    visit.page.wait_for_load_state()
    visit.picture(f"whole-{name}")
    assert visit.axe() == [], name
    visit.page.set_viewport_size({"width": 390, "height": 900})
    visit.picture(f"whole-{name}")
    assert visit.fits(), name
    visit.page.set_viewport_size({"width": 1280, "height": 900})


@dataclass
class Whole:
    """The submission, its two sides, and everybody else who has to do with it."""

    portal: Served
    seats: Seats
    bureau: Bureau = field(init=False)
    ada: Visit = field(init=False)
    lin: Visit = field(init=False)
    eve: Visit = field(init=False)

    def __post_init__(self) -> None:
        self.bureau = Bureau(self.portal)
        self.ada = self.seats.sit("ada", "lab-a", Role.DEVELOPER_OWNER, signs=True)
        self.lin = self.seats.sit("lin", "bureau", Role.EVALUATOR_LEAD, signs=True)
        self.eve = self.seats.sit("eve", "bureau", Role.EVALUATOR)
        self.sharing = test_developer_journey.Journey(self.bureau, self.ada, self.lin, looked_at)
        self.measuring = test_evaluator_journey.Journey(self.bureau, self.eve, self.lin, looked_at)

    def is_answered(self) -> None:
        """The agency's liaison answers the inquiry."""
        lou = self.seats.sit("lou", "nsa", Role.DESIGNATION_LIAISON)
        lou.page.goto("/inquiries/")
        lou.page.get_by_role("link", name="Answer with a reference").click()
        looked_at(lou, "reference")
        lou.page.get_by_label("Opaque reference (text)").fill("REF-7")
        lou.page.get_by_role("button", name="Record reference").click()
        lou.page.goto("/inquiries/")
        expect(lou.page.get_by_text("answered", exact=True)).to_be_visible()
        looked_at(lou, "inquiry-answered")

    def is_taken_up(self) -> None:
        """The lead finds the dossier and begins terms."""
        page = self.lin.page
        page.goto("/submissions/")
        page.get_by_role("link", name="heron-7").click()
        page.get_by_role("link", name="Begin terms").click()
        looked_at(self.lin, "begin-terms")
        page.get_by_label("Capacity note (text)").fill("Two people, in the week after next.")
        page.get_by_role("button", name="Begin terms").click()
        assert self.bureau.state == "terms"

    def runs(self, a_run: Path) -> None:
        """The evaluator asks for a run; what a worker leaves is there at once."""
        page = self.eve.page
        page.goto(self.bureau.review + "runs/")
        page.get_by_role("button", name="Start the preflight and a run").click()
        self.bureau.worked(a_run)
        page.reload()
        expect(page.get_by_text("Key figures")).to_be_visible()

    def comments(self) -> None:
        """The developer reads the draft that was revised for it, and comments once more."""
        page = self.ada.page
        page.goto(f"{self.bureau.at}report/")
        page.get_by_label("Your comment").fill("Nothing more from us.")
        page.get_by_role("button", name="Send the comment").click()
        expect(page.get_by_text("Your comment is recorded.")).to_be_visible()
        looked_at(self.ada, "comment")

    def signs(self) -> None:
        """The lead's passkey was shown too long ago: it is asked for again, and the signature goes on by itself."""
        if not self.seats.script:
            self.measuring.signs()
            return
        page = self.lin.page
        page.goto(self.bureau.review + "report/sign/")
        older(page, self.portal)
        page.get_by_role("button", name="Sign the report").click()
        looked_at(self.lin, "passkey-again")
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_text("The report is signed and issued.")).to_be_visible()

    def fetches(self) -> bytes:
        """The developer fetches the signed report."""
        page = self.ada.page
        page.goto(f"{self.bureau.at}report/")
        looked_at(self.ada, "report-delivered")
        with page.expect_download() as fetched:
            page.locator("a[href$='report/signed/']").first.click()
        return fetched.value.path().read_bytes()

    def closes(self) -> None:
        """The developer closes it: nothing was found in anybody's software."""
        page = self.ada.page
        page.goto(f"{self.bureau.at}steps/close/")
        looked_at(self.ada, "close")
        page.get_by_text("nothing", exact=True).click()
        page.get_by_role("button", name="Close").click()
        assert self.bureau.state == "closed"
        page.goto(self.bureau.at)
        looked_at(self.ada, "closed")
        page.goto("/submissions/")
        expect(page.get_by_text("closed", exact=True)).to_be_visible()

    def is_shared(self) -> bytes:
        """The developer consents that an agency receives results; its reader fetches them."""
        page = self.ada.page
        page.goto(f"{self.bureau.at}consents/")
        page.get_by_text("receive results", exact=True).click()
        page.get_by_label("Organisation").fill("agency-x")
        ticked(page, "roles", "agency_reader")
        ticked(page, "purposes", "report")
        ticked(page, "classes", "R")
        page.get_by_role("button", name="Give this consent").click()
        standing = self.bureau.desk(LEAD).record(self.bureau.name).standing
        [consent] = [one for one in standing.consents if one.activity == "share_results"]
        now = datetime.now(UTC)
        grant = Grant(
            "gra-1", consent.id, self.bureau.name, DataClass.R, frozenset({Action.READ}), "agency-x",
            Role.AGENCY_READER, Purpose.REPORT, now, consent.expires,
        )  # fmt: skip
        owner = Viewer.of("ada", "lab-a", Role.DEVELOPER_OWNER)
        self.portal.house.permissions.grant(owner, self.bureau.name, grant)
        rea = self.seats.sit("rea", "agency-x", Role.AGENCY_READER)
        rea.page.goto("/granted/")
        looked_at(rea, "granted")
        with rea.page.expect_download() as fetched:
            rea.page.locator("a[href*='gra-1']").click()
        return fetched.value.path().read_bytes()

    def is_checked(self, bundle: Path) -> None:
        """Somebody whom nobody knows checks the signed report, by the key that it is signed with."""
        anybody = self.seats.visits(base_url=self.seats.server, script=self.seats.script)
        anybody.page.goto("/verify/")
        anybody.page.set_input_files("input[type=file]", bundle)
        anybody.page.get_by_role("button", name="Check").click()
        expect(anybody.page.get_by_text("Nothing is false")).to_be_visible()
        looked_at(anybody, "verified")

    def is_audited(self) -> None:
        """The auditor finds the signature in the record, follows its proof, its growth, and rows against entries."""
        aud = self.seats.sit("aud", "watch", Role.AUDITOR)
        page = aud.page
        page.goto("/audit/")
        page.get_by_label("Kind").fill("submission.sign_report")
        page.get_by_role("button", name="Show these").click()
        looked_at(aud, "audit-entries")
        page.locator("tbody th a").click()
        expect(page.get_by_role("heading", name="submission.sign_report")).to_be_visible()
        signed = page.get_by_role("row", name="Signed root").get_by_role("cell").last.inner_text()
        steps = page.get_by_role("region", name="From the leaf to the root").get_by_role("row")
        assert steps.nth(steps.count() - 2).get_by_role("cell").last.inner_text() == signed
        assert bytes.fromhex(signed) == self.portal.house.log.check().root
        looked_at(aud, "audit-entry")
        page.goto("/audit/growth/?old=3")
        expect(page.get_by_text("It grew")).to_be_visible()
        looked_at(aud, "audit-growth")
        page.get_by_role("link", name="Rows against the record").click()
        page.get_by_role("button", name="Look now").click()
        expect(page.get_by_text("They agree")).to_be_visible()
        looked_at(aud, "audit-agreement")


@pytest.mark.slow
@pytest.mark.parametrize("script", [True, False])
def test_from_the_inquiry_to_the_closed_review(
    portal: Served,
    visits: Visits,
    a_run: Path,
    tmp_path: Path,
    script: bool,  # noqa: FBT001
) -> None:
    with serving() as server:
        walked(Whole(portal, Seats(portal, server, visits, script)), a_run, tmp_path)


def walked(one: Whole, a_run: Path, tmp_path: Path) -> None:
    """All of it, in order."""
    one.sharing.asks()
    one.is_answered()
    one.sharing.offers()
    one.is_taken_up()
    one.sharing.agrees()
    one.measuring.plans()
    one.sharing.opens()
    one.runs(a_run)
    one.measuring.drafts()
    one.comments()
    one.signs()
    fetched = one.fetches()
    given = one.is_shared()
    one.closes()
    assert files(fetched) == files(given)
    bundle = tmp_path / "report.zip"
    bundle.write_bytes(given)
    one.is_checked(bundle)
    one.is_audited()
    assert len({seen(visit.page) for visit in one.seats.everybody()}) == len(one.seats.taken) == 6


def ticked(page: Page, name: str, value: str) -> None:
    """Of these checkboxes, this one and no other."""
    for box in page.locator(f"input[name={name}]").all():
        if box.is_checked() != (box.get_attribute("value") == value):
            page.locator(f"label[for={box.get_attribute('id')}]").click()


def files(archive: bytes) -> dict[str, bytes]:
    """What is in a bundle."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def seen(page: Page) -> str:
    """Whose session a browser has."""
    page.goto("/account/")
    found = re.search(r"Login name\s+(\S+)", page.inner_text("main"))
    return found[1] if found else ""
