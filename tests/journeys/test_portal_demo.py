"""`seatrial portal --demo`: what a visitor finds, as each role, and what a second start does."""

from __future__ import annotations

import html
import re
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from seatrial.framework.participant import SERVICE_ROLES, Role
from seatrial.framework.standing import Kind
from seatrial.framework.submission import STATES
from seatrial.framework.viewer import Viewer
from seatrial.house import House
from seatrial.shipped import shipped_pack
from support.portal_process import serving, until

if TYPE_CHECKING:
    from pathlib import Path

    from support.portal_process import Portal

SECOND_START_S = 30
HOUSE = Viewer.house("what a demonstration has")


@pytest.mark.slow
def test_a_demonstration_has_every_state_a_real_review_and_a_door_for_each_role(tmp_path: Path) -> None:
    with serving(tmp_path, "--demo", "--home", str(tmp_path / "home")) as portal:
        until(lambda: "portal: " in portal.out.read_text(), "filled")
        assert until(portal.answers, "pages")
        before = _found(portal.home)
        assert before[Kind.SUBMISSION].keys() == STATES.keys()
        assert len(before[Kind.FINDING]) > 10
        assert before[Kind.FRAMEWORK_TEXT] == {"proposed": 1}
        assert len(list(portal.home.glob("reviews/*/run/report.html"))) == 1
        assert _roles(portal) == set(Role) - SERVICE_ROLES - {Role.PUBLIC}
        assert "sea_inv_" not in portal.out.read_text()
        portal.process.send_signal(signal.SIGTERM)
        portal.process.wait()
    began = time.monotonic()
    with serving(tmp_path, "--demo", "--home", str(tmp_path / "home")) as portal:
        assert until(portal.answers, "pages again")
        assert time.monotonic() - began < SECOND_START_S
        assert _found(portal.home) == before


def _found(home: Path) -> dict[Kind, Counter[str]]:
    house = House.open(home, packs=shipped_pack, environment={})
    found = {kind: Counter(one.state for one in house.submissions.list(HOUSE, kind)) for kind in Kind}
    assert house.disagreements() == ()
    house.database.close()
    return found


def _roles(portal: Portal) -> set[Role]:
    """The roles in which a visitor gets in and sees a page of that role."""
    page = httpx.get(f"{portal.url}/demonstration/").text
    return {_signed_in(portal, html.unescape(one)) for one in re.findall(r'name="player" value="([^"]+)"', page)}


def _signed_in(portal: Portal, player: str) -> Role:
    role = Role(player.rpartition(":")[2])
    with httpx.Client(base_url=portal.url, follow_redirects=True, timeout=60) as visitor:
        door = visitor.get("/demonstration/").text
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', door)
        assert found is not None
        page = visitor.post("/demonstration/", data={"csrfmiddlewaretoken": found.group(1), "player": player})
        assert page.status_code == 200, player
        assert f"Acting as <strong>{role.replace('_', ' ')}</strong>" in page.text
        assert "Demonstration." in page.text
    return role


def test_a_demonstration_is_refused_beside_real_settings(tmp_path: Path) -> None:
    with serving(tmp_path, "--demo", "--host", "192.0.2.1") as portal:
        assert portal.process.wait(60) == 2
    assert not (portal.home / "demo").exists()
