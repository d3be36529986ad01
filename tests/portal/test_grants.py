"""A developer opens its signed report to one more reader, for one purpose and a time, on a page and by the API."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from portal.test_developer import OWNER, text
from portal.test_evaluator import a_run as a_run  # noqa: PLC0414 - a fixture
from portal.test_publication import bureau as bureau  # noqa: PLC0414 - a fixture
from portal.test_publication import signed
from seatrial.framework.consent import Activity
from seatrial.framework.participant import Role
from seatrial.ledger.event import Event

if TYPE_CHECKING:
    from pathlib import Path

    from portal.test_evaluator import Bureau

WANTED = {"organisation": "agency-x", "role": "agency_reader", "purpose": "report"}


def until(**after: float) -> datetime:
    return (datetime.now(UTC) + timedelta(**after)).replace(microsecond=0)


@pytest.mark.slow
def test_a_report_is_granted_read_and_ended_and_the_record_has_it(bureau: Bureau, a_run: Path) -> None:
    reader = bureau.portal.client("rea", "agency-x", Role.AGENCY_READER)
    liaison = bureau.portal.client("lia", "agency-x", Role.DESIGNATION_LIAISON)
    bureau.planned()
    api = f"/api/v1/submissions/{bureau.name}/grants"
    assert b"Grant it" not in bureau.owner.get(bureau.at + "grants/").content  # no report yet
    early = bureau.owner.post(api, {**WANTED, "expires": until(days=5).isoformat()}, "application/json")
    assert early.status_code == 409
    bureau.name = ""
    signed(bureau, a_run)
    api = f"/api/v1/submissions/{bureau.name}/grants"
    refused = {"expires": until(days=-1)}, {"role": "trusted_partner"}, {"purpose": "train"}, {"organisation": "A B"}
    for wrong in refused:
        given = {**WANTED, "expires": until(days=5).strftime("%Y-%m-%dT%H:%M"), **wrong}
        answer = bureau.owner.post(bureau.at + "grants/new/", given)
        assert answer.status_code == 422, wrong
    assert bureau.portal.house.permissions.grants(bureau.desk(OWNER).viewer, bureau.name) == ()
    assert bureau.name[:12] not in text(reader.get("/granted/"))
    bureau.post("grants/new/", expires=until(days=5).strftime("%Y-%m-%dT%H:%M"), once="1", **WANTED)
    bureau.post("grants/new/", expires=until(days=5).strftime("%Y-%m-%dT%H:%M"), once="1", **WANTED)
    [grant] = bureau.portal.house.permissions.grants(bureau.desk(OWNER).viewer, bureau.name)
    named = [one for one in bureau.desk(OWNER).record(bureau.name).standing.consents if one.id == grant.consent]
    assert [(one.activity, one.classes, one.expires) for one in named] == [
        (Activity.SHARE_RESULTS, frozenset("R"), grant.expires)
    ]
    whole = reader.get(f"/granted/{bureau.name}/{grant.id}/")
    with zipfile.ZipFile(io.BytesIO(whole.content)) as packed:
        assert "report.dsse.json" in packed.namelist()
    assert liaison.get(f"/granted/{bureau.name}/{grant.id}/").status_code == 404
    with bureau.portal.house.log.store.reading() as log:
        events = [Event.parse(log.entry(index)) for index in log.indexes(bureau.name)]
    assert [one.ids for one in events if one.kind == "report.view_issued"] == [{"grant": grant.id}]
    body = {**WANTED, "expires": until(days=9).isoformat()}
    keyed = {"headers": {"Idempotency-Key": "grant-1"}}
    answers = [bureau.owner.post(api, body, "application/json", **keyed) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201], answers[0].content
    assert len({json.loads(one.content)["id"] for one in answers}) == 1
    assert bureau.lead.post(api, body, "application/json").status_code == 404
    bureau.post(f"grants/{grant.id}/end/")
    assert reader.get(f"/granted/{bureau.name}/{grant.id}/").status_code == 404
    bureau.post("withdraw/", understood="on")
    assert b"Grant it" not in bureau.owner.get(bureau.at + "grants/").content
    assert bureau.owner.post(api, body, "application/json").status_code == 409
