"""Runs go on after an incident by two keys on one note that both sides have read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from portal.test_developer import LEAD, Two, text

if TYPE_CHECKING:
    from portal.conftest import Served

NOTE = "A canary outside was reached; the route is closed and was probed again."
KEY = "keys/resume_after_incident/"


def test_runs_go_on_by_two_keys_on_the_note_that_both_sides_read(portal: Served) -> None:
    two = Two(portal)
    two.agreed()
    two.act(LEAD, "register_plan", "plan", "budget")
    until = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
    two.post("access/extend/", until=until.strftime("%Y-%m-%dT%H:%M"))
    two.post("access/grant/")
    two.act(LEAD, "stop_for_incident", "incident_record")
    assert two.state == "incident_hold"
    step = f"{two.at}steps/resume_after_incident/"
    two.post(KEY, note="  ")
    assert 'name="digest" value="sha256' not in two.owner.get(two.at + KEY).content.decode()
    two.post(KEY, two.lead, note=NOTE)
    page = two.owner.get(two.at + KEY)
    assert NOTE in text(page)
    [asked] = set(re.findall(r'name="digest" value="(sha256:[0-9a-f]{64})"', page.content.decode()))
    once = re.findall(r'name="once" value="([0-9a-f]+)"', two.owner.get(step).content.decode())[0]
    early = two.owner.post(step, {"once": once, "text-incident_closing_note": NOTE})
    assert (early.status_code, two.state) == (422, "incident_hold")  # one key
    two.post(KEY, digest=asked)
    other = two.desk(LEAD)
    assert [one.missing for one in other.open_keys(two.name, other.record(two.name).standing)] == [()]
    ready = two.owner.get(step)
    assert "incident_closing_note" not in ready.content.decode()
    once = re.findall(r'name="once" value="([0-9a-f]+)"', ready.content.decode())[0]
    assert two.owner.post(step, {"once": once}).status_code == 302
    assert two.state == "preflight"
