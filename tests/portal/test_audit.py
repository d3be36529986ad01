"""What an auditor sees: entries with their proofs, growth, rows against the record, and who read what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from portal.test_public import drafted, receipt, taken_in
from seatrial.framework.data_class import DataClass
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer
from seatrial.ledger.event import Actor, Event
from seatrial.ledger.receipt import verify_receipt
from seatrial.storage.reads import ReadTables

if TYPE_CHECKING:
    from django.test import Client

    from portal.conftest import Served

PAGES = ("/audit/", "/audit/entries/0/", "/audit/growth/?old=1", "/audit/agreement/", "/audit/reads/", "/due/")


@pytest.fixture
def auditor(portal: Served) -> Client:
    return portal.client("aud", "watch", Role.AUDITOR)


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_the_auditors_alone(portal: Served, auditor: Client, path: str) -> None:
    drafted(portal)
    assert auditor.get(path).status_code == 200
    if path != "/due/":
        for other in (portal.client("ada"), portal.client("eva", "bureau", Role.EVALUATOR_LEAD)):
            assert other.get(path).content == other.get("/nowhere/").content


def test_entries_are_listed_newest_first_by_kind_and_by_object(portal: Served, auditor: Client) -> None:
    first, finding = drafted(portal), taken_in(portal)
    page = auditor.get("/audit/").content.decode()
    assert page.index("finding.intake") < page.index("submission.open_draft")
    of_kind = auditor.get("/audit/?kind=finding.intake").content.decode()
    assert finding[:10] in of_kind
    assert "submission.open_draft" not in of_kind
    of_object = auditor.get(f"/audit/?stream={first}").content.decode()
    assert "finding.intake" not in of_object
    assert "submission.open_draft" in of_object
    assert "All entries are shown" in auditor.get("/audit/?kind=%27").content.decode()


def test_a_proof_is_followed_to_the_signed_root_and_can_be_fetched(portal: Served, auditor: Client) -> None:
    for _ in range(5):
        drafted(portal)
    page = auditor.get("/audit/entries/3/").content.decode()
    root = portal.house.log.check().root.hex()
    assert page.count(root) == 2
    assert page.count("st-state--done") == 3
    fetched = auditor.get("/audit/entries/3/receipt/").content
    assert verify_receipt(fetched, portal.house.log.signer.verifier.text).index == 3
    assert auditor.get("/audit/entries/99/").status_code == 404


def test_a_reference_of_any_name_is_shown(portal: Served, auditor: Client) -> None:
    drafted(portal)
    named = dict.fromkeys(("items", "keys", "values"), "sha256:" + "7" * 64)
    actor, stream = Actor("runner", "psd_" + "0" * 32), "sub_" + "0" * 32
    [placed] = portal.house.log.append([Event("logs.recorded", "2026-01-01T00:00:00Z", stream, actor, "0" * 32, named)])
    page = auditor.get(f"/audit/entries/{placed.index}/")
    assert page.status_code == 200
    assert page.content.decode().count("<dt>items</dt>") == 1


def test_growth_is_shown_with_its_proof_and_impossible_sizes_are_said(portal: Served, auditor: Client) -> None:
    for _ in range(5):
        drafted(portal)
    assert "It grew" in auditor.get("/audit/growth/?old=3&new=5").content.decode()
    answer = auditor.get("/audit/growth/?old=9")
    assert (answer.status_code, "do not fit" in answer.content.decode()) == (422, True)


def test_rows_and_record_are_compared_when_it_is_asked_for(portal: Served, auditor: Client) -> None:
    receipt(portal)
    assert "They agree" not in auditor.get("/audit/agreement/").content.decode()
    assert "They agree" in auditor.post("/audit/agreement/").content.decode()


def test_who_read_what_is_shown_and_that_a_day_has_no_root_yet(portal: Served, auditor: Client) -> None:
    name = drafted(portal)
    who = Viewer.of("ada", "lab-a", Role.DEVELOPER_OWNER)
    ReadTables(portal.house.database).note(who, name, "dossier-1", DataClass.M, datetime.now(UTC))
    page = auditor.get(f"/audit/reads/?day={datetime.now(UTC):%Y-%m-%d}").content.decode()
    assert "dossier-1" in page
    assert "has no root" in page
