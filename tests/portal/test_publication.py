"""A report is published by two keys and the developer's consent, on its day; the edition is public and no more."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from portal.test_developer import OWNER, text
from portal.test_evaluator import Bureau
from portal.test_evaluator import a_run as a_run  # noqa: PLC0414 - a fixture
from seatrial.desk import Desk
from seatrial.drafting import public_key
from seatrial.framework.data_class import DataClass
from seatrial.framework.document import Document
from seatrial.framework.standing import Actor, Effect
from seatrial.publication import EDITION, Edition
from seatrial.publishing import Publishing
from seatrial.report.bundle import ENVELOPE, checked

if TYPE_CHECKING:
    from pathlib import Path

    from django.http import HttpResponse
    from django.test import Client

    from portal.conftest import Served


@pytest.fixture
def bureau(portal: Served) -> Bureau:
    return Bureau(portal)


CONSENT = {
    "activity": "publish_report",
    "organisation": "bureau",
    "roles": ["evaluator_lead"],
    "purposes": ["report"],
    "classes": ["R"],
}


def day(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def signed(bureau: Bureau, a_run: Path) -> Bureau:
    bureau.delivered(a_run)
    bureau.post("report/comment/", text="Nothing to add.")
    answer = bureau.step(bureau.lead, "sign")
    assert bureau.state == "report_issued", text(answer)
    return bureau


def page(bureau: Bureau, who: Client) -> str:
    return text(shown(bureau, who))


def shown(bureau: Bureau, who: Client) -> HttpResponse:
    return who.get(f"/submissions/{bureau.name}/publication/")


def post(bureau: Bureau, who: Client, what: str, **given: str) -> HttpResponse:
    return who.post(f"/submissions/{bureau.name}/publication/{what}/", given)


def asked(bureau: Bureau, who: Client) -> str:
    """The digest of the edition that a key is asked for."""
    found = re.findall(r'name="digest" value="(sha256:[0-9a-f]{64})"', shown(bureau, who).content.decode())
    assert found
    return found[0]


def consenting(bureau: Bureau) -> None:
    until = (datetime.now(UTC) + timedelta(days=20)).strftime("%Y-%m-%dT%H:%M")
    bureau.post("consents/", expires=until, **CONSENT)


@pytest.mark.slow
def test_two_keys_and_a_consent_make_an_edition_public_and_a_withdrawal_is_written_beside_it(
    bureau: Bureau,
    a_run: Path,
) -> None:
    signed(bureau, a_run)
    anybody, owner = bureau.portal.client(), bureau.owner
    figures_by_api(bureau, a_run)
    assert "No report is published here" in text(anybody.get("/reports/"))
    assert "needs the developer" not in page(bureau, bureau.lead)
    assert post(bureau, bureau.lead, "propose", public_from=day(-1)).status_code == 302
    read = owner.get(f"/submissions/{bureau.name}/publication/report.html")
    assert "attachment" in read.headers["Content-Disposition"]
    assert owner.get(f"/submissions/{bureau.name}/publication/samples.csv").status_code == 404
    assert bureau.eve.get(f"/submissions/{bureau.name}/publication/").status_code == 404  # no key of its own
    post(bureau, owner, "key", digest=asked(bureau, owner))
    assert "it needs the developer's consent to publish" in page(bureau, owner).replace("&#x27;", "'")
    assert not (bureau.portal.home / "published").exists()  # two keys without a consent publish nothing
    consenting(bureau)
    post(bureau, owner, "key", digest=asked(bureau, owner))
    assert "The report is public since" in page(bureau, bureau.lead)
    [folder] = (bureau.portal.home / "published").iterdir()
    listed = text(anybody.get("/reports/"))
    assert folder.name in listed
    assert "heron-7" in text(anybody.get("/feeds/published.atom"))
    whole = anybody.get(f"/reports/{folder.name}/bundle.zip").content
    with zipfile.ZipFile(io.BytesIO(whole)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    assert {one.found for one in checked(files[ENVELOPE], files, public_key(bureau.portal.home)[0])} == {"verified"}
    found = text(anybody.post("/verify/", {"file": SimpleUploadedFile("bundle.zip", whole)}))
    assert "It was published here" in found
    assert "Something is false" not in found
    assert files["report.html"] == read.content  # what is read before a key is turned is what becomes public
    nothing_else(bureau, files, json.loads((a_run / "assessment.json").read_bytes()))
    assert post(bureau, owner, "stop").status_code == 302
    assert folder.is_dir()  # what is public stays public
    bureau.post("withdraw/", understood="on")
    assert bureau.state == "withdrawn"
    assert "The developer withdrew the submission" in text(anybody.get(f"/reports/{folder.name}/"))
    assert anybody.get(f"/reports/{folder.name}/bundle.zip").content == whole
    receipt_checked(bureau, anybody)


def receipt_checked(bureau: Bureau, anybody: Client) -> None:
    """Whoever holds the receipt of the withdrawal has its signature and its entry in the record looked at."""
    at = f"{bureau.at}receipts/withdrawal/"
    receipt, proof = bureau.owner.get(f"{at}dsse.json").content, bureau.owner.get(f"{at}tlog-proof").content
    other = receipt.replace(b'"payload": "e', b'"payload": "f')

    def end(content: bytes, *beside: bytes) -> str:
        files = zip(("file", "proof"), (content, *beside), strict=False)
        given = {name: SimpleUploadedFile(name, one) for name, one in files}
        return text(anybody.post("/verify/", given))

    assert "receipt of a withdrawal" in end(receipt, proof)
    assert "Something is false" not in end(receipt, proof)
    assert "give the .tlog-proof file" in end(receipt)
    assert "Something is false" in end(other, proof)
    assert "Something is false" in end(receipt, proof.replace(b"index ", b"index 1"))


def figures_by_api(bureau: Bureau, a_run: Path) -> None:
    """Both sides read a finished run's numbers by the API, each with its error; a rival finds nothing."""
    [unit] = bureau.runs()
    at = f"/api/v1/reviews/{bureau.name}/runs/{unit.id}"
    told = [who.get(f"{at}/estimates").json() for who in (bureau.eve, bureau.owner)]
    assert told[0] == told[1]
    whole = json.loads((a_run / "assessment.json").read_bytes())
    assert len(told[0]["estimates"]) == len(whole["estimates"])
    assert all(one["method"] and one["n"] and one["budget"] and one["confidence"] for one in told[0]["estimates"])
    assert bureau.eve.get(f"{at}/files/samples.csv").content == (a_run / "samples.csv").read_bytes()
    assert bureau.owner.get(f"{at}/files/assessment.json").content == (a_run / "assessment.json").read_bytes()
    rival = bureau.portal.client("tess", "lab-b")
    for who, file in ((bureau.owner, "samples.csv"), (bureau.eve, "plan.json"), (rival, "assessment.json")):
        assert who.get(f"{at}/files/{file}").status_code == 404
    assert rival.get(f"{at}/estimates").status_code == 404


def nothing_else(bureau: Bureau, files: dict[str, bytes], whole: dict[str, Any]) -> None:
    """No model fact, transcript, single run or name of a party is in what everybody may read."""
    said = json.loads(files["assessment.json"])
    assert (said["samples"], said["validity"]["findings"], said["subject"]["model"]) == ([], [], "")
    assert whole["samples"]
    secrets = {whole["subject"]["model"], bureau.name, "bureau", "lab-a", *(one["sample"] for one in whole["samples"])}
    named = {one["id"] for one in whole["battery"]["instances"]}  # held-out tasks stand by their ids and digests
    everything = b"\n".join(files.values()).decode()
    assert {one for one in secrets - named - {""} if re.search(rf"\b{re.escape(one)}\b", everything)} <= {"heron-7"}
    assert said["estimates"] == whole["estimates"]


@pytest.mark.slow
def test_until_its_day_either_side_stops_it_and_nothing_of_it_was_ever_public(bureau: Bureau, a_run: Path) -> None:
    signed(bureau, a_run)
    anybody, owner, folder = bureau.portal.client(), bureau.owner, bureau.portal.home / "published"
    consenting(bureau)
    post(bureau, bureau.lead, "propose", public_from=day(5))
    assert post(bureau, bureau.lead, "stop").status_code == 302  # one key falls back
    assert b'name="digest"' not in shown(bureau, owner).content
    for who in (bureau.lead, owner):
        post(bureau, owner, "propose", public_from=day(5))
        post(bureau, bureau.lead, "key", digest=asked(bureau, bureau.lead))
        assert "Both sides agreed" in page(bureau, owner)
        [one] = folder.iterdir()
        for path in ("/", "/brief/", "/bundle.zip"):
            assert anybody.get(f"/reports/{one.name}{path}").status_code == 404
        assert post(bureau, who, "stop").status_code == 302
        assert list(folder.iterdir()) == []
    post(bureau, owner, "propose", public_from=day(5))
    post(bureau, bureau.lead, "key", digest=asked(bureau, bureau.lead))
    assert len(list(folder.iterdir())) == 1
    consent = next(
        one for one in bureau.desk(OWNER).record(bureau.name).standing.consents if one.activity == "publish_report"
    )
    bureau.post(f"consents/{consent.id}/revoke/")
    assert list(folder.iterdir()) == []  # a consent that is taken back ends it as well
    api = f"/api/v1/submissions/{bureau.name}/publication"
    assert owner.get(api).json()["public_from"]
    assert anybody.get(api).status_code == 401
    forged(bureau)


def forged(bureau: Bureau) -> None:
    """An edition that does not follow from the signed report becomes public by no two keys."""
    now = datetime.now(UTC)
    desk = Desk(bureau.portal.house, Actor("lin", "bureau", "evaluator_lead"), now)
    standing = bureau.desk(OWNER).record(bureau.name).standing
    edition, _ = Publishing(desk, standing).prepared(now)
    other = Edition(edition.name, 9, edition.report, now, {**edition.files, "x": "sha256:" + "0" * 64}, ())
    house = bureau.portal.house
    digest = house.papers.put(desk.viewer, bureau.name, DataClass.P, other.content)
    document = Document(EDITION, 9, digest, "bureau", ("lin",), now)
    again = replace(standing, documents=(*standing.documents, document)).with_date("public_from", now)
    given = replace(next(one for one in standing.consents if one.activity == "publish_report"), revoked_at=None)
    with pytest.raises(ValueError, match="does not follow from the signed report"):
        house.rooms[Effect.SETTLE_PUBLICATION](again.with_consent(given), now)
