"""What agencies do: read what was granted, answer inquiries, and write the framework's text together with others."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from seatrial.adopted import any_pack, choosable, propose
from seatrial.framework.consent import Activity, Consent, Grant, Recipient
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.document import Document
from seatrial.framework.framework_text import READERS
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Actor, Kind, Standing
from seatrial.framework.submission_store import NotHere
from seatrial.framework.viewer import Viewer
from seatrial.offering import Offering
from seatrial.reading import granted_report
from seatrial.shipped import load_shipped, shipped

if TYPE_CHECKING:
    from django.test import Client

    from portal.conftest import Served

DAY = timedelta(days=1)
DIGEST = "sha256:" + "b" * 64
NEXT = shipped().joinpath("minimal", "2026.1.toml").read_text("utf-8").replace("2026.1", "2026.9", 1)
LONGER = NEXT.replace("hours = 72\n", "hours = 96\n", 1)


def liaison(portal: Served) -> Client:
    return portal.client("lia", "agency-x", Role.DESIGNATION_LIAISON)


def lead(portal: Served) -> Client:
    return portal.client("eva", "bureau", Role.EVALUATOR_LEAD)


def proposed(portal: Served, text: str = LONGER) -> str:
    """The address of a text that agency-x proposes."""
    answer = liaison(portal).post("/framework/propose/", {"once": "1", "text": text, "propose": "1"})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def asked(portal: Served) -> str:
    """An inquiry of lab-a to agency-x."""
    portal.enter("ada", "lab-a", Role.DEVELOPER_OWNER)
    who, now = Actor("ada", "lab-a", Role.DEVELOPER_OWNER), datetime.now(UTC)
    purposes = frozenset({Purpose.INQUIRY, Purpose.EVALUATE, Purpose.REPORT})
    offering = Offering(who, now, load_shipped("eo-14409"), "bureau", "heron", DIGEST, purposes=purposes)
    return offering.inquire(portal.house, ["agency-x"], offering.inquiry_form(["agency-x"], "all of it", "ada"))


def granted(portal: Served, role: Role = Role.AGENCY_READER, *, until: timedelta = timedelta(days=30)) -> str:
    """A submission of lab-a whose report is granted to agency-x; the report's steps are not walked."""
    name, now = asked(portal), datetime.now(UTC)
    viewer = Viewer.of("ada", "lab-a", Role.DEVELOPER_OWNER)
    consent = portal.house.submissions.load(viewer, name).standing.consents[0]
    grant = Grant(
        id="gra-1",
        consent=consent.id,
        object=name,
        data_class=DataClass.R,
        actions=frozenset({Action.READ}),
        organisation="agency-x",
        role=role,
        purpose=Purpose.REPORT,
        not_before=now,
        expires=now + until,
    )
    portal.house.permissions.grant(viewer, name, grant)
    return name


def test_an_inquiry_is_there_for_the_liaison_it_is_addressed_to_and_is_answered_there(portal: Served) -> None:
    name = asked(portal)
    client = liaison(portal)
    page = client.get("/inquiries/").content.decode()
    assert "heron" in page
    assert "waits for your answer" in page
    form = {"once": "1", "text-opaque_reference": "REF-1"}
    assert client.post(f"/submissions/{name}/steps/record_reference/", form).status_code == 302
    assert "waits for your answer" not in client.get("/inquiries/").content.decode()
    elsewhere = portal.client("lea", "bureau", Role.DESIGNATION_LIAISON)
    assert "heron" not in elsewhere.get("/inquiries/").content.decode()
    reader = portal.client("rea", "agency-x", Role.AGENCY_READER)
    assert reader.get("/inquiries/").content == reader.get("/nowhere/").content


def test_a_grant_is_listed_for_the_organisation_it_is_to_and_for_no_other(portal: Served) -> None:
    name = granted(portal)
    reader = portal.client("rea", "agency-x", Role.AGENCY_READER)
    assert name[:12] in reader.get("/granted/").content.decode()
    other = portal.client("reb", "bureau", Role.AGENCY_READER)
    assert name[:12] not in other.get("/granted/").content.decode()
    rival = portal.client("riv", "lab-b")
    assert rival.get("/granted/").content == rival.get("/nowhere/").content


@pytest.mark.parametrize("role", [Role.AGENCY_READER, Role.DESIGNATION_LIAISON])
def test_a_report_that_is_not_there_or_not_granted_is_not_there(portal: Served, role: Role) -> None:
    name = granted(portal)
    client = portal.client("rea", "agency-x", role)
    assert client.get(f"/granted/{name}/gra-1/").content == client.get("/nowhere/").content
    assert client.get(f"/granted/{name}/gra-2/").content == client.get("/nowhere/").content


def reviewed(name: str, digest: str, granted_role: Role, version: int, now: datetime) -> tuple[Standing, Grant]:
    """A standing with a signed report, a consent to share results, and a grant of it."""
    consent = Consent(
        id="con-1",
        subject="sbj-1",
        activity=Activity.SHARE_RESULTS,
        purposes=frozenset({Purpose.REPORT}),
        recipients=frozenset({Recipient("agency-x", granted_role)}),
        classes=frozenset({DataClass.R}),
        not_before=now - DAY,
        expires=now + 9 * DAY,
        terms_digest=DIGEST,
        signer="ada",
        given_at=now - DAY,
    )
    who = Actor("ada", "lab-a", Role.DEVELOPER_OWNER)
    offer = Offering(who, now - DAY, load_shipped("minimal"), "bureau", "heron", DIGEST)
    subject = replace(offer.subject(name), id="sbj-1")
    report = Document("report", 1, digest, "bureau", ("eva",), now)
    standing = Standing(
        name, Kind.SUBMISSION, "report_issued", now, subject, "lab-a", "bureau",
        offer.policy.ref, (report,), (consent,),
    )  # fmt: skip
    grant = Grant(
        id="gra-1", consent="con-1", object=standing.object, data_class=DataClass.R, actions=frozenset({Action.READ}),
        organisation="agency-x", role=granted_role, purpose=Purpose.REPORT, not_before=now - DAY, expires=now + DAY,
        object_version=version,
    )  # fmt: skip
    return standing, grant


def answered(
    portal: Served, role: Role, *, version: int = 1, later: timedelta = timedelta(0), revoked: bool = False
) -> bool:
    """Whether somebody of agency-x in this role is given the report's bytes."""
    now = datetime.now(UTC)
    for organisation in ("lab-a", "bureau"):
        portal.enter(f"of-{organisation}", organisation, Role.MAINTAINER if organisation == "lab-a" else Role.EVALUATOR)
    portal.enter("rea", "agency-x", role)
    name = asked(portal)
    owner = Viewer.of("ada", "lab-a", Role.DEVELOPER_OWNER)
    digest = portal.house.papers.put(owner, name, DataClass.R, b"signed")
    standing, grant = reviewed(name, digest, Role.AGENCY_READER, version, now)
    if revoked:
        standing = replace(standing, consents=(standing.consents[0].revoke(now),))
    try:
        found = granted_report(portal.house, Actor("rea", "agency-x", role), standing, grant, now + later)
    except NotHere:
        return False
    return found == {"report": b"signed"}


def test_a_report_is_open_by_grant_and_consent_in_the_role_and_the_time_of_both(portal: Served) -> None:
    assert answered(portal, Role.AGENCY_READER)
    assert not answered(portal, Role.ANALYST)
    assert not answered(portal, Role.AGENCY_READER, version=2)
    assert not answered(portal, Role.AGENCY_READER, later=2 * DAY)
    assert not answered(portal, Role.AGENCY_READER, revoked=True)


def test_a_text_is_looked_at_and_its_faults_are_said_with_line_and_rule(portal: Served) -> None:
    broken = NEXT.replace("role = ", "role = 'public' # ", 1)
    answer = liaison(portal).post("/framework/propose/", {"once": "1", "text": broken, "propose": "1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "no-role-for-everyone" in page
    assert portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT) == ()


def test_of_bytes_that_are_no_policy_it_is_shown_what_is_wrong(portal: Served) -> None:
    reader = liaison(portal)
    who = Actor("lia", "agency-x", Role.DESIGNATION_LIAISON)
    name = propose(portal.house, who, b"hours = 'many'\n", datetime.now(UTC), "1")
    answer = reader.get(f"/framework/{name}/")
    assert answer.status_code == 200
    assert "Its bytes are no policy" in answer.content.decode()
    assert "What is wrong, and where" in answer.content.decode()


def test_what_a_text_changes_is_shown_in_words_before_it_is_proposed(portal: Served) -> None:
    page = liaison(portal).post("/framework/propose/", {"once": "1", "text": LONGER, "check": "1"}).content.decode()
    assert "What it changes in minimal 2026.1" in page
    assert '>72</td><td class="st-wrapped">96<' in page
    assert portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT) == ()


def test_a_version_is_taken_once(portal: Served) -> None:
    taken = NEXT.replace("2026.9", "2026.1", 1)
    page = liaison(portal).post("/framework/propose/", {"once": "1", "text": taken, "propose": "1"})
    assert (page.status_code, "raise the version" in page.content.decode()) == (422, True)


def test_a_form_sent_twice_proposes_once(portal: Served) -> None:
    assert proposed(portal) == proposed(portal)
    assert len(portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT)) == 1


@pytest.mark.parametrize("role", sorted(READERS & {Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL}))
def test_a_developer_reads_and_comments_and_does_not_adopt(portal: Served, role: Role) -> None:
    at = proposed(portal)
    rival = portal.client("riv", "lab-b", role)
    assert "Who must act" not in rival.get(at).content.decode()
    answer = rival.post(f"{at}steps/comment/", {"once": "2", "text-comment": "Ninety-six hours are long.\u202e"})
    assert answer.headers["Location"] == at
    page = portal.client("ada").get(at).content.decode()
    assert "Ninety-six hours are long." in page
    assert "\\u202e" in page
    assert rival.post(f"{at}key/", {"digest": "x"}).status_code == 404
    assert rival.get("/framework/propose/").content == rival.get("/nowhere/").content


def test_a_role_without_a_step_finds_no_text(portal: Served) -> None:
    at = proposed(portal)
    analyst = portal.client("ana", "house-ops", Role.ANALYST)
    assert analyst.get(at).content == analyst.get("/nowhere/").content
    assert lead(portal).get("/framework/txt_" + "0" * 32 + "/").status_code == 404


def adopted(portal: Served) -> str:
    at = proposed(portal)
    for person, organisation, role in (
        ("ada", "lab-a", Role.DEVELOPER_OWNER),
        ("eva", "bureau", Role.EVALUATOR_LEAD),
    ):
        form = {"once": person, "text-comment": "Seen."}
        assert portal.client(person, organisation, role).post(f"{at}steps/comment/", form).status_code == 302
    digest = _digest(portal)
    for client in (liaison(portal), lead(portal)):
        assert client.post(f"{at}key/", {"digest": digest}).status_code == 302
    assert lead(portal).post(f"{at}adopt/").status_code == 302
    return at


def _digest(portal: Served) -> str:
    [standing] = portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT)
    return standing.documents[0].digest


def test_two_organisations_adopt_and_new_submissions_may_choose_it(portal: Served) -> None:
    at = adopted(portal)
    [standing] = portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT)
    assert standing.state == "adopted"
    pack = choosable(portal.house)["minimal"]
    assert pack.ref.version == "2026.9"
    assert any_pack(portal.house, pack.ref).ref == pack.ref
    assert portal.house.packs(pack.ref).clock("comment").hours in {72, 96}
    assert "adopted" in lead(portal).get(at).content.decode()
    assert portal.house.disagreements() == ()


def test_one_organisation_does_not_adopt(portal: Served) -> None:
    at = proposed(portal)
    digest = _digest(portal)
    for person in ("lia", "leo"):
        portal.client(person, "agency-x", Role.DESIGNATION_LIAISON).post(f"{at}key/", {"digest": digest})
    page = liaison(portal).post(f"{at}adopt/", follow=True).content.decode()
    assert "not possible yet" in page
    [standing] = portal.house.submissions.list(Viewer.house("a test"), Kind.FRAMEWORK_TEXT)
    assert standing.state == "proposed"


def test_a_program_proposes_and_people_turn_keys_by_the_api(portal: Served) -> None:
    liaison(portal)
    at, kind = "/api/v1/texts", "application/json"
    wrong = liaison(portal).post(at, {"text": b64encode(b"[pack]").decode()}, kind)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "text")
    again = {"headers": {"Idempotency-Key": "text-1"}}
    made = [liaison(portal).post(at, {"text": b64encode(LONGER.encode()).decode()}, kind, **again) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201], made[0].content
    [name] = {one.json()["id"] for one in made}
    digest = _digest(portal)
    stale = liaison(portal).post(f"{at}/{name}/keys", {"digest": "sha256:" + "0" * 64}, kind)
    assert stale.status_code == 409
    turned = liaison(portal).post(f"{at}/{name}/keys", {"digest": digest}, kind).json()
    assert (turned["turned"], turned["missing"]) == (["agency-x"], 1)
    assert liaison(portal).post(f"{at}/{name}/keys", {"digest": digest}, kind).status_code == 409
    both = lead(portal).post(f"{at}/{name}/keys", {"digest": digest}, kind).json()
    assert (both["turned"], both["missing"]) == (["agency-x", "bureau"], 0)
    assert portal.client("ada").post(at, {"text": ""}, kind).status_code == 404


def test_a_revision_voids_the_keys_and_brings_its_own_diff(portal: Served) -> None:
    at = proposed(portal)
    old = _digest(portal)
    lead(portal).post(f"{at}key/", {"digest": old})
    assert "turned by eva" in lead(portal).get(at).content.decode()
    form = {"once": "3", "text": NEXT, "propose": "1"}
    assert lead(portal).post(f"{at}revise/", form).status_code == 404
    assert liaison(portal).post(f"{at}revise/", form).status_code == 302
    page = lead(portal).get(at).content.decode()
    assert "turned by eva" not in page
    assert "revised" in page
    assert "The text has changed" in lead(portal).post(f"{at}key/", {"digest": old}, follow=True).content.decode()


def test_the_file_is_given_as_it_was_proposed(portal: Served) -> None:
    at = proposed(portal)
    assert lead(portal).get(f"{at}text/").content == LONGER.encode()
