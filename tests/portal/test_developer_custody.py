"""What goes past the portal: a deposit by custody's own process, an upload's token, leases, and the log of calls."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from portal.test_developer import LEAD, OFFER, OWNER, Two, granted, text
from seatrial.cli.weights import receiver
from seatrial.custody.access_log import AccessRow, Ending, close
from seatrial.custody.credential import opened_endpoint
from seatrial.custody.lease import LeaseState
from seatrial.custody.serving import served
from seatrial.custody.sqlite_access import SqliteAccessStore
from seatrial.custody.upload_store import UploadToken
from seatrial.framework.participant import Role
from seatrial.framework.standing import Actor
from seatrial.framework.viewer import Viewer
from seatrial.ledger.event import Event
from support.custody import made_lease

if TYPE_CHECKING:
    from portal.conftest import Served

CANARY = "sk-canary-90210"
HIDDEN = re.compile(r'<input type="hidden" name="(token|submission)" value="([^"]+)"')


@pytest.fixture
def two(portal: Served) -> Two:
    return Two(portal)


def test_a_deposit_goes_past_the_portal_and_leaves_nothing_of_the_key(
    two: Two, caplog: pytest.LogCaptureFixture
) -> None:
    two.in_terms()
    page = two.post("access/deposit/").content.decode()
    assert 'action="http://127.0.0.1:8401/deposits"' in page
    form = dict(HIDDEN.findall(page))
    form |= {"base_url": "https://models.lab-a.example/v1", "dialect": "openai", "key": CANARY}
    with served(receiver(two.portal.installation, 0)) as custody:
        answer = httpx.post(f"{custody}/deposits", data=form)
        assert answer.headers["location"].endswith(f"{two.at}access/?deposit=done")
        assert httpx.post(f"{custody}/deposits", data=form).headers["location"].endswith("?deposit=token")
    back = two.owner.get(two.at + "access/?deposit=done")
    assert "The endpoint is sealed." in text(back)
    assert "An endpoint is sealed since" in text(back)
    custody_home = two.portal.installation.custody
    kept = opened_endpoint(custody_home.vault, custody_home.credentials.get(two.name), datetime.now(UTC))
    assert kept.key.reveal().decode() == CANARY
    files = b"".join(path.read_bytes() for path in two.portal.home.rglob("*") if path.is_file())
    assert b"heron-7" in files
    for secret in (CANARY, "models.lab-a.example"):
        assert secret.encode() not in files
        assert secret not in caplog.text + back.content.decode()
    events = [kind for kind in _recorded(two) if kind == "credential.deposited"]
    assert len(events) == 1


def test_no_deposit_for_a_draft_of_a_rival_or_once_it_is_over(two: Two) -> None:
    two.offered()
    rival = two.portal.client("rob", "lab-b")
    assert rival.post(two.at + "access/deposit/").status_code == 404
    assert "Deposit an endpoint" not in text(two.owner.get(two.at + "access/"))
    two.post("share/")
    assert "Deposit an endpoint" in text(two.owner.get(two.at + "access/"))
    counsel = two.portal.client("cem", "lab-a", Role.DEVELOPER_COUNSEL)
    assert counsel.post(two.at + "access/deposit/").status_code == 404
    two.post("withdraw/")
    assert two.owner.post(two.at + "access/deposit/").status_code == 404
    assert two.owner.post(two.at + "access/upload/").status_code == 404


def test_an_upload_has_its_token_shown_once_and_the_command(two: Two) -> None:
    answer = two.owner.post("/submissions/new/", {**OFFER, "form": "sealed_weights"})
    two.name = answer.headers["Location"].split("/")[2]
    two.post("share/")
    page = text(two.post("access/upload/"))
    token = UploadToken.parse(re.findall(r"sea_upload_\S+", page)[0])
    assert "seatrial custody upload DIRECTORY --url http://127.0.0.1:8401" in page
    store = two.portal.installation.custody.uploads().store
    assert store.get(token.upload).submission == two.name
    again = text(two.owner.get(two.at + "access/"))
    assert token.upload in again
    assert "sea_upload_" not in again


def test_a_lease_is_shown_with_its_spend_and_ended_by_its_developer_alone(two: Two) -> None:
    two.opened()
    leases = two.portal.installation.custody.leases
    lease, _ = made_lease(submission=two.name, content_owners=("lab-a",))
    other, _ = made_lease(2, submission="sub_" + "8" * 32)
    for one in (lease, other):
        leases.issue(one, datetime.now(UTC))
    assert "0 of 1000" in text(two.owner.get(two.at + "access/"))
    assert two.owner.post(f"{two.at}leases/{other.id}/end/").status_code == 404
    assert two.portal.client("rob", "lab-b").post(f"{two.at}leases/{lease.id}/end/").status_code == 404
    assert leases.get(other.id).state is LeaseState.ACTIVE
    two.post(f"leases/{lease.id}/end/")
    assert leases.get(lease.id).state is LeaseState.REVOKED
    assert "revoked" in text(two.owner.get(two.at + "access/"))


def test_every_call_is_there_by_pages_and_in_files_with_its_proof(two: Two) -> None:
    two.opened()
    log = SqliteAccessStore(two.portal.installation.custody.file)
    at = datetime.now(UTC) - timedelta(hours=2)
    for number in range(130):
        owner = two.name if number % 10 else "sub_" + "8" * 32
        log.add(AccessRow(f"cal_{number:032x}", "lea_1", owner, at, "messages", "m-1", 200, Ending.WHOLE))
    assert close(log, at + timedelta(hours=1)) is not None
    log.add(AccessRow("cal_" + "f" * 32, "lea_1", two.name, at, "messages", "m-1", 200, Ending.WHOLE))
    first = two.owner.get(two.at + "calls/")
    numbers = re.findall(r'<th scope="row">(\d+)</th>', first.content.decode())
    assert (len(numbers), numbers[0]) == (100, "130")
    [before] = re.findall(r"\?before=(\d+)", first.content.decode())
    rest = re.findall(r'<th scope="row">(\d+)</th>', two.owner.get(f"{two.at}calls/?before={before}").content.decode())
    assert len(numbers + rest) == 118
    assert not set(numbers) & set(rest)
    lines = _whole(two, "jsonl").splitlines()
    assert len(lines) == 118
    proofs = [json.loads(line)["proof"] for line in lines]
    assert sum(proof is not None for proof in proofs) == 117
    rows = list(csv.DictReader(io.StringIO(_whole(two, "csv"))))
    assert {row["submission"] for row in rows} == {two.name}
    assert rows[0]["root"] == proofs[0]["root"]["rows"]
    assert two.owner.get(two.at + "calls/file.exe").status_code == 404


def test_one_grant_is_ended_and_the_others_stay(two: Two) -> None:
    two.in_terms()
    desk = two.desk(OWNER)
    for name in ("gra-1", "gra-2"):
        two.portal.house.permissions.grant(desk.viewer, two.name, granted(two, name))
    assert text(two.owner.get(two.at + "grants/")).count("agency-x") == 2
    assert two.post("grants/gra-9/end/").status_code == 404
    two.post("grants/gra-1/end/")
    for who in (LEAD, Actor("rob", "lab-b", "developer_owner")):
        viewer = Viewer.of(who.person, who.organisation, Role(who.role))
        with pytest.raises(LookupError):
            two.portal.house.permissions.end_grant(viewer, two.name, "gra-2", desk.now)
    assert two.portal.house.papers.kept(viewer, two.name) == {}
    later = datetime.now(UTC)
    left = {one.id: one.active(later) for one in two.portal.house.permissions.grants(desk.viewer, two.name)}
    assert left == {"gra-1": False, "gra-2": True}


def _whole(two: Two, ending: str) -> str:
    answer = two.owner.get(f"{two.at}calls/file.{ending}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def _recorded(two: Two) -> list[str]:
    with two.portal.house.log.store.reading() as log:
        return [Event.parse(log.entry(index)).kind for index in log.indexes(two.name)]
