"""A developer withdraws by one press on a page: while a review runs for real, and while the house's file is locked."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from playwright.sync_api import expect

from portal.test_developer import text
from portal.test_developer_journey import signed_in
from portal.test_evaluator import HOUSE, PLAN, Bureau
from seatrial.custody.lease import LeaseState
from seatrial.custody.receipt import ReceiptKind
from seatrial.evaluation.jobs import UnitState
from seatrial.evaluation.queued import run_folder
from seatrial.reviewing import ReviewRuns
from support.browser import browser, visits
from support.custody import made_lease
from support.desk import Desk as Commands
from support.endpoint import Endpoint, Messages, Say, endpoint
from support.jobs import until
from support.portal_server import serving
from support.reviewing import WAIT_S, working

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portal.conftest import Served
    from support.browser import Visits

__all__ = ["browser", "visits"]

KEY = "sk-canary-19c0de-endpoint"
WITHIN_S = 60
"""What the page promises for all of it; leases and streams are dead long before."""
SANITY = 3
"""Calls of the review to the endpoint before its first sample."""


def endless(_messages: Messages, number: int) -> Say:
    """A mind that goes on for ever."""
    return Say(f"turn {number}", (("bash", {"command": "sleep 0.2; echo still here"}),))


def running(bureau: Bureau, served: Endpoint, papers: Path) -> None:
    """A review that is asked for, with an endpoint that answers."""
    bureau.agreed()
    assert bureau.lead.post(bureau.review + "plan/", {**PLAN, "participants": ["null"]}).status_code == 302
    papers.mkdir()
    key = papers / "key.txt"
    key.write_text(KEY)
    deposit = ("custody", "deposit", bureau.name, "--url", served.url, "--credential", key, "--on-site")
    Commands(bureau.portal.home, papers, apart=False)(*deposit)
    bureau.post("access/grant/")
    assert bureau.eve.post(bureau.review + "runs/start/").status_code == 302


@pytest.mark.slow
def test_one_press_ends_a_running_review_and_shows_the_receipt(portal: Served, visits: Visits, tmp_path: Path) -> None:
    bureau = Bureau(portal)
    with serving() as server, endpoint(endless) as served:
        running(bureau, served, tmp_path / "papers")
        visit = signed_in(visits, server, bureau.owner, script=True)
        page = visit.page
        with working(portal.home):
            until(lambda: len(served.bodies) > SANITY, WAIT_S, "the model is called by a sample")
            page.goto(f"{bureau.at}runs/")
            expect(page.get_by_role("status")).to_contain_text("A review runs")
            page.get_by_role("navigation", name="Of this submission").get_by_role("link", name="Overview").click()
            page.get_by_role("link", name="Withdraw").click()
            expect(page.get_by_text("You need no reason, and nobody else has to act.")).to_be_visible()
            expect(page.get_by_role("listitem").filter(has_text="Every lease of the scope revoked")).to_be_visible()
            assert page.locator("main input:not([type=hidden]), main textarea, main select").count() == 0
            began = time.monotonic()
            page.get_by_role("button", name="Withdraw now").click(no_wait_after=True)
            expect(page.get_by_text("Everything has ended")).to_be_visible(timeout=WITHIN_S * 1000)
            assert time.monotonic() - began < WITHIN_S
            calls = len(served.bodies)
            visit.picture("withdrawn-running")
            assert visit.axe() == []
            visit.paper("withdrawn")
            [unit] = bureau.runs()
            until(lambda: not ReviewRuns(portal.house).one(HOUSE, bureau.name, unit.id).open, WAIT_S, "the job is over")
        assert len(served.bodies) == calls, "the endpoint was called after the withdrawal"
        said = page.inner_text("main")
        with page.expect_download() as fetched:
            page.get_by_role("link", name="withdrawal.dsse.json").click()
        assert json.loads(fetched.value.path().read_bytes())["payload"]
    [lease] = portal.installation.custody.leases.of_submission(bureau.name)
    assert f"Lease {lease.id}: ended" in said
    assert "not known to have ended" not in said
    assert f"Run {run_folder(portal.home, unit).name}" in said
    assert ReviewRuns(portal.house).one(HOUSE, bureau.name, unit.id).state is UnitState.CANCELLED
    run = json.loads((run_folder(portal.home, unit) / "run.json").read_text())
    assert "withdrawn (owner: developer)" in run["stops"][-1]["reason"]
    assert bureau.state == "withdrawn"


@contextmanager
def locked(portal: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody else writes into the house's database and does not end; whoever waits gives up soon."""
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias]["OPTIONS"], "timeout", SOON_S)
    for connection in connections.all():
        connection.close()
    with closing(sqlite3.connect(portal.home / "seatrial.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


SOON_S = 0.3
"""How long a writer is waited for here; in earnest it is twenty seconds, and a withdrawal has sixty."""


def test_with_the_house_locked_the_page_ends_access_and_the_receipt_says_what_is_left(
    portal: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    bureau = Bureau(portal)
    bureau.started()
    lease, _ = made_lease(submission=bureau.name, content_owners=("lab-a",))
    leases = portal.installation.custody.leases
    leases.issue(lease, datetime.now(UTC))
    with locked(portal, monkeypatch):
        said = text(bureau.post("withdraw/"))
        assert leases.of_submission(bureau.name)[0].state is LeaseState.REVOKED
        assert f"Lease {lease.id}: ended" in said
        assert "Some of the rest was not confirmed in time" in said
        assert "Its proof is owed" in said
    assert bureau.state == "preflight"
    said = text(bureau.post("withdraw/"))
    assert bureau.state == "withdrawn"
    assert "Its proof is owed" not in said
    again = portal.installation.custody.receipts.get(ReceiptKind.WITHDRAWAL, bureau.name)
    assert again is not None
    assert again.proof is not None
