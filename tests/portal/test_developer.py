"""The developer's pages: from an inquiry or an offer to the withdrawal, and what a rival is told of all of it."""

from __future__ import annotations

import html
import io
import re
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from seatrial.desk import Brought, Desk
from seatrial.framework.consent import Grant
from seatrial.framework.data_class import Action, DataClass
from seatrial.framework.participant import Role
from seatrial.framework.purpose import Purpose
from seatrial.framework.standing import Actor, Kind
from seatrial.framework.submission import STATES
from seatrial.framework.vocabulary import Surface, Wording, check
from seatrial.installation import submitted_runs
from seatrial.ledger.receipt import Receipt
from seatrial.offering import Offering
from seatrial.portal.journey import way
from seatrial.shipped import load_shipped
from seatrial.storage.reads import ReadTables
from support.framework import digest

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

    from portal.conftest import Served

OWNER = Actor("ada", "lab-a", "developer_owner")
LEAD = Actor("lin", "bureau", "evaluator_lead")
EVALUATOR = Actor("eve", "bureau", "evaluator")
OFFER = {
    "code_name": "heron-7",
    "digest": digest("heron-7"),
    "evaluator": "bureau",
    "variant": "product",
    "form": "hosted_endpoint",
    "level": "AL1",
    "hours": "0",
    "purposes": ["evaluate", "report"],
    "days": "90",
}
ASKING = frozenset({Purpose.INQUIRY, Purpose.EVALUATE})
COUNTED = ("/submissions/", ".", "consents/", "agreement/", "report/", "grants/", "access/")
PAGES = ("", "agreement/", "consents/", "access/", "calls/", "runs/", "report/", "grants/", "receipts/")


@dataclass
class Two:
    """The two sides at their browsers, and one submission between them."""

    portal: Served
    owner: Client = field(init=False)
    lead: Client = field(init=False)
    name: str = ""

    def __post_init__(self) -> None:
        self.owner = self.portal.client("ada")
        self.lead = self.portal.client("lin", "bureau", Role.EVALUATOR_LEAD)
        self.portal.enter("eve", "bureau", Role.EVALUATOR)

    @property
    def at(self) -> str:
        return f"/submissions/{self.name}/"

    @property
    def state(self) -> str:
        return self.desk(OWNER).record(self.name).standing.state

    def desk(self, who: Actor) -> Desk:
        return Desk(self.portal.house, who, datetime.now(UTC))

    def post(self, page: str, who: Client | None = None, **given: object) -> HttpResponse:
        return (who or self.owner).post(self.at + page, given, follow=True)

    def offered(self) -> Two:
        """A draft, by its form."""
        answer = self.owner.post("/submissions/new/?pack=minimal", OFFER)
        assert answer.status_code == 302, answer.content.decode()
        self.name = answer.headers["Location"].split("/")[2]
        return self

    def act(self, who: Actor, event: str, *kinds: str, **more: object) -> None:
        brought = Brought(papers=tuple((kind, f"# {kind}".encode()) for kind in kinds), **more)  # type: ignore[arg-type]
        self.desk(who).act(self.name, event, brought)

    def in_terms(self) -> Two:
        self.offered()
        self.post("share/")
        self.act(LEAD, "begin_terms", "capacity_note")
        return self

    def consent(self, activity: str = "evaluate", **changed: object) -> HttpResponse:
        until = (datetime.now(UTC) + timedelta(days=60)).strftime("%Y-%m-%dT%H:%M")
        given = {
            "activity": activity,
            "organisation": "bureau",
            "roles": ["evaluator", "evaluator_lead"],
            "purposes": ["evaluate"],
            "classes": ["M", "P", "K"],
            "expires": until,
        }
        return self.post("consents/", **{**given, **changed})

    def agreed(self) -> Two:
        self.in_terms()
        self.consent()
        self.post("agreement/propose/", funding="each its own", incident_plan="We call each other.", tokens="5000000")
        self.post("agreement/sign/", self.lead, digest=self.asked())
        return self

    def asked(self) -> str:
        return self.desk(OWNER).keys(self.name, self.desk(OWNER).record(self.name).standing)[-1].request.digest

    def opened(self) -> Two:
        self.agreed()
        self.act(LEAD, "register_plan", "plan", "budget")
        until = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M")
        self.post("access/extend/", until=until)
        self.post("access/grant/")
        return self

    def commenting(self) -> Two:
        self.opened()
        self.act(EVALUATOR, "end_runs", "deviations")
        self.act(EVALUATOR, "send_draft", "transcript_review")
        self.act(LEAD, "deliver_draft", "draft")
        return self


@pytest.fixture
def two(portal: Served) -> Two:
    return Two(portal)


def text(answer: HttpResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def sentences(answer: HttpResponse) -> list[str]:
    """What a page says, a text at a time, as its reader sees it."""
    parts = re.split(r"<[^>]+>", answer.content.decode())
    return [plain for part in parts if (plain := html.unescape(part).strip())]


def test_an_offer_is_a_draft_that_is_shared_by_one_act(two: Two) -> None:
    assert "Terms of this pack" in text(two.owner.get("/submissions/new/"))
    two.offered()
    assert two.state == "draft"
    assert two.lead.get(two.at).status_code == 404
    shown = text(two.owner.get(two.at + "share/"))
    assert "bureau, as evaluator and evaluator lead" in shown
    assert "heron-7" in shown
    shared = two.post("share/")
    assert two.state == "submitted"
    assert "Shared with bureau" in text(shared)
    assert two.lead.get(two.at).status_code == 200
    standing = two.desk(OWNER).record(two.name).standing
    paper = two.owner.get(f"{two.at}papers/{standing.documents[0].digest.removeprefix('sha256:')}/")
    assert b"heron-7" in paper.content
    assert paper.headers["Content-Disposition"].startswith("attachment")


def test_a_form_that_is_wrong_says_where_and_keeps_what_was_written(two: Two) -> None:
    wrong = two.owner.post("/submissions/new/", {**OFFER, "code_name": "Heron 7", "digest": "sha256:1", "purposes": []})
    assert wrong.status_code == 422
    assert "Heron 7" in wrong.content.decode()
    assert text(wrong).count("Use lowercase letters") >= 1
    assert two.portal.house.submissions.list(two.desk(OWNER).viewer, Kind.SUBMISSION) == ()


def test_an_inquiry_goes_to_those_it_ticks_and_to_nobody_else(two: Two) -> None:
    asked = {**OFFER, "recipients": ["nsa"], "shared": "Is this in your remit?", "contact": "desk 4"}
    assert "nsa" in two.owner.get("/submissions/inquire/").content.decode()
    answer = two.owner.post("/submissions/inquire/?pack=eo-14409", {**asked, "evaluator": "caisi"})
    assert answer.status_code == 302, text(answer)
    two.name = answer.headers["Location"].split("/")[2]
    [consent] = two.desk(OWNER).record(two.name).standing.consents
    assert {one.organisation for one in consent.recipients} == {"nsa"}
    assert consent.purposes == {"inquiry"}
    assert two.state == "inquiry"
    assert two.owner.get("/submissions/inquire/?pack=minimal").status_code == 404
    two.post("steps/start_dossier/", once="1")
    assert two.state == "draft"


def test_who_is_asked_sees_the_inquiry_and_no_page_of_the_developer(two: Two) -> None:
    now = datetime.now(UTC)
    asked = Offering(OWNER, now, load_shipped("eo-14409"), "bureau", "heron-7", digest("heron-7"), purposes=ASKING)
    two.name = asked.inquire(two.portal.house, ["agency-x"], asked.inquiry_form(["agency-x"], "Yours?", "desk 4"))
    liaison = two.portal.client("lou", "agency-x", Role.DESIGNATION_LIAISON)
    page = text(liaison.get(two.at))
    assert "Record reference" in page
    assert "Withdraw" not in page
    for left in (*PAGES[1:], "withdraw/", "share/"):
        assert liaison.get(two.at + left).status_code == 404, left
    other = two.portal.client("ora", "bureau", Role.DESIGNATION_LIAISON)
    assert other.get(two.at).status_code == 404


def test_both_sides_sign_the_digest_of_the_text_that_is_shown(two: Two) -> None:
    two.in_terms()
    nothing = text(two.owner.get(two.at + "agreement/"))
    assert "Nobody has proposed a text yet" in nothing
    two.post("agreement/propose/", funding="each its own", incident_plan="We call each other.", tokens="5000000")
    page = text(two.lead.get(two.at + "agreement/"))
    assert "tokens 5000000" in page
    assert "We call each other." in page
    assert "Before it takes effect it needs: consent evaluate" in page
    assert "evaluator lead must act" in page.lower()
    two.post("agreement/sign/", two.lead, digest=digest("another"))
    two.post("agreement/sign/", two.lead, digest=two.asked())
    assert two.state == "terms"
    assert "Two keys: agree" in two.owner.get(two.at).content.decode()
    two.consent()
    two.post("agreement/sign/", digest=two.asked())
    assert two.state == "agreed"
    assert "Two keys: agree" not in two.owner.get(two.at).content.decode()
    papers = {one.kind: one for one in two.desk(OWNER).record(two.name).standing.documents}
    assert papers["agreement"].digest == two.asked()
    assert set(papers["agreement"].signers) == {"ada", "lin"}
    signed = two.portal.house.papers.get(two.desk(LEAD).viewer, two.name, papers["agreement"].digest).decode()
    assert papers["incident_plan"].digest in signed
    assert papers["data_use_schedule"].digest in signed
    assert "Both sides have signed" in text(two.lead.get(two.at + "agreement/"))


def test_a_consent_is_given_shown_and_taken_back(two: Two) -> None:
    two.in_terms()
    too_long = two.consent(expires="2099-01-01T00:00")
    assert too_long.status_code == 422
    assert "outlast the offer" in text(too_long)
    two.consent("hold_weights")
    [_, given] = two.desk(OWNER).record(two.name).standing.consents
    assert "hold sealed weights" in text(two.owner.get(two.at + "consents/"))
    assert two.post("consents/con_none/revoke/").status_code == 404
    two.post(f"consents/{given.id}/revoke/")
    assert "taken back" in text(two.owner.get(two.at + "consents/"))
    assert not two.desk(OWNER).record(two.name).standing.consents[-1].active(datetime.now(UTC))


def test_access_opens_is_paused_and_goes_on(two: Two) -> None:
    two.agreed()
    assert "document plan" in text(two.owner.get(two.at + "access/"))
    two.act(LEAD, "register_plan", "plan", "budget")
    assert "Open access" in text(two.owner.get(two.at + "access/"))
    two.post("access/grant/")
    standing = two.desk(OWNER).record(two.name).standing
    assert (standing.state, standing.window is not None) == ("access_open", True)
    receipt = next(one for one in standing.documents if one.kind == "access_receipt")
    written = two.portal.house.papers.get(two.desk(OWNER).viewer, two.name, receipt.digest).decode()
    assert standing.window is not None
    assert standing.window.end.strftime("%Y-%m-%dT%H:%M:%S") in written
    assert two.post("access/pause/").status_code == 422
    two.post("access/pause/", reason="on_request")
    assert two.state == "paused"
    two.post("access/resume/")
    assert two.state == "preflight"
    sooner = (datetime.now(UTC) + timedelta(days=2)).replace(second=0, microsecond=0)
    two.post("access/extend/", until=sooner.strftime("%Y-%m-%dT%H:%M"))
    window = two.desk(OWNER).record(two.name).standing.window
    assert window is not None
    assert window.end == sooner


def test_the_draft_is_commented_and_its_time_extended(two: Two) -> None:
    two.commenting()
    page = text(two.owner.get(two.at + "report/"))
    assert "Draft, version 1" in page
    assert "Extend the time to comment" in page
    two.post("report/extend/")
    assert "Extend the time to comment" not in text(two.owner.get(two.at + "report/"))
    counsel = two.portal.client("cem", "lab-a", Role.DEVELOPER_COUNSEL)
    assert two.post("report/comment/", counsel).status_code == 422
    two.post("report/comment/", counsel, text="Section 3 misreads our card.")
    standing = two.desk(OWNER).record(two.name).standing
    assert standing.mark("commented")
    comment = next(one for one in standing.documents if one.kind == "comment")
    paper = two.owner.get(f"{two.at}papers/{comment.digest.removeprefix('sha256:')}/")
    assert paper.content == b"Section 3 misreads our card."


def test_a_report_of_a_run_is_there_from_the_delivery_of_the_draft_on(two: Two) -> None:
    two.opened()
    run = two.portal.home / "run-1"
    run.mkdir()
    (run / "report.html").write_text("<h1>report</h1>")
    (run / "run.json").write_text("{}")
    submitted_runs(two.portal.home).enter(two.name, run)
    assert two.owner.get(two.at + "runs/1/report.html").status_code == 404
    two.act(EVALUATOR, "end_runs", "deviations")
    two.act(EVALUATOR, "send_draft", "transcript_review")
    two.act(LEAD, "deliver_draft", "draft")
    page = two.owner.get(two.at + "report/")
    assert "runs/1/report.html" in page.content.decode()
    given = two.owner.get(two.at + "runs/1/report.html")
    assert given.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(given.streaming_content) == b"<h1>report</h1>"  # type: ignore[attr-defined]
    for wrong in ("2/report.html", "1/run.json", "0/report.html"):
        assert two.owner.get(f"{two.at}runs/{wrong}").status_code == 404


def test_what_a_draft_was_written_with_opens_with_its_delivery(two: Two) -> None:
    two.opened()
    two.act(EVALUATOR, "end_runs", "deviations")
    two.act(EVALUATOR, "send_draft", "transcript_review")
    review = two.desk(OWNER).record(two.name).standing.documents[-1]
    file = f"{two.at}papers/{review.digest.removeprefix('sha256:')}/"
    assert two.owner.get(file).status_code == 404
    assert "open to you with the draft" in text(two.owner.get(two.at))
    two.act(LEAD, "deliver_draft", "draft")
    assert two.owner.get(file).status_code == 200
    two.post("report/comment/", text="Read.")
    assert two.owner.get(two.at + "report/signed/").status_code == 404
    two.act(LEAD, "sign_report", "report", "report_text", "annexed_comments")
    assert "Fetch the signed report" in text(two.owner.get(two.at + "report/"))
    whole = two.owner.get(two.at + "report/signed/")
    with zipfile.ZipFile(io.BytesIO(whole.content)) as opened:
        assert {"report.md", "comments.md"} < set(opened.namelist())


def test_the_history_has_its_entries_and_every_entry_its_proof(two: Two) -> None:
    two.in_terms()
    page = two.owner.get(two.at).content.decode()
    assert page.count(" of the record: its proof") == len(two.desk(OWNER).record(two.name).history)
    proof = two.owner.get(two.at + "proofs/1/")
    assert Receipt.parse(proof.content).index >= 0
    assert two.owner.get(two.at + "proofs/99/").status_code == 404


@pytest.mark.parametrize("role", [Role.TASK_OWNER, Role.EVALUATOR])
def test_no_link_of_what_is_due_or_of_a_key_leads_to_nowhere(two: Two, role: Role) -> None:
    two.in_terms()
    two.post("agreement/propose/", funding="each its own", incident_plan="We call each other.", tokens="5000000")
    client = two.portal.client("tom", "bureau", role)
    pages = [client.get(at) for at in ("/due/", f"/reviews/{two.name}/", two.at)]
    shown = "".join(answer.content.decode() for answer in pages if answer.status_code == 200)
    assert "heron-7" in shown
    for address in {one for one in re.findall(r'href="([^"#?]+)', shown) if two.name in one}:
        assert client.get(address).status_code == 200, address


@pytest.mark.parametrize("state", ["draft", "submitted", "terms", "agreed", "access_open", "developer_comment"])
def test_every_page_stands_in_every_state_and_a_rival_is_told_of_none(portal: Served, state: str) -> None:
    ways = {
        "draft": Two.offered,
        "terms": Two.in_terms,
        "agreed": Two.agreed,
        "access_open": Two.opened,
        "developer_comment": Two.commenting,
    }
    two = Two(portal)
    if state == "submitted":
        two.offered().post("share/")
    else:
        ways[state](two)
    assert two.state == state
    rival = portal.client("rob", "lab-b")
    nothing = rival.get("/nowhere/").content
    for page in (*PAGES, "withdraw/"):
        shown = two.owner.get(two.at + page)
        assert shown.status_code == 200, page
        assert check([Wording(Surface.PAGE, page, line) for line in sentences(shown)]) == (), page
        refused = rival.get(two.at + page)
        assert (refused.status_code, refused.content) == (404, nothing), page
    for act in ("access/grant/", "withdraw/", "share/", "access/deposit/", "agreement/propose/"):
        refused = rival.post(two.at + act)
        assert (refused.status_code, refused.content) == (404, nothing), act
    two.post("withdraw/")
    assert two.state == "withdrawn"
    assert two.owner.get(two.at + "receipts/withdrawal/md").status_code == 200


@pytest.mark.parametrize("role", [Role.DEVELOPER_OWNER, Role.DEVELOPER_COUNSEL])
def test_a_withdrawal_is_one_page_and_one_button_and_its_receipt_says_what_ended(two: Two, role: Role) -> None:
    two.opened()
    who = two.portal.client("cem", "lab-a", role)
    page = two.owner.get(two.at + "withdraw/").content.decode()
    assert page.count("Withdraw now") == 1
    assert "without" not in text(two.owner.get(two.at + "withdraw/")).split("Withdraw now")[1][:40]
    done = two.post("withdraw/", who)
    assert two.state == "withdrawn"
    said = text(done)
    assert "What ended" in said
    assert "Everything has ended" in said
    for ending in ("dsse.json", "tlog-proof", "md"):
        file = two.owner.get(f"{two.at}receipts/withdrawal/{ending}")
        assert file.status_code == 200
        assert file.content
    assert two.owner.get(two.at + "receipts/deletion/md").status_code == 404
    first = two.owner.get(f"{two.at}receipts/withdrawal/dsse.json").content
    assert two.owner.post(two.at + "withdraw/").status_code == 302
    assert two.owner.get(f"{two.at}receipts/withdrawal/dsse.json").content == first
    assert two.owner.get(two.at + "withdraw/").status_code == 302
    for left in PAGES:
        assert two.owner.get(two.at + left).status_code == 200, left


def test_an_action_of_two_keys_is_asked_for_and_turned_by_both_sides(two: Two) -> None:
    two.agreed()
    meant = digest("the next version")
    page = text(two.owner.get(two.at + "steps/adopt_pack/"))
    assert "takes two keys" in page
    two.post("keys/adopt_pack/", digest=meant)
    assert "your key is turned for this already" in text(two.post("keys/adopt_pack/", digest=meant))
    assert "Turn my key" in text(two.lead.get(two.at + "keys/adopt_pack/"))
    counsel = two.portal.client("cem", "lab-a", Role.DEVELOPER_COUNSEL)
    assert "holds no key" in text(two.post("keys/adopt_pack/", counsel, digest=meant))
    two.post("keys/adopt_pack/", two.lead, digest=meant)
    taken = two.post("steps/adopt_pack/", once="1")
    assert "Recorded: adopt pack." in text(taken)
    assert two.desk(OWNER).record(two.name).history[-1].entry.event == "adopt_pack"
    assert two.owner.get(two.at + "keys/no_such/").status_code == 404


def test_no_state_is_without_words() -> None:
    for state in STATES:
        shown = way((), state)
        assert sum(step["status"] == "current" for step in shown) == 1, state


def test_pages_ask_the_database_as_often_for_many_as_for_one(two: Two) -> None:
    two.in_terms()
    before = {page: asked_by(two, page) for page in COUNTED}
    first = two.name
    for _ in range(6):
        two.offered()
    two.name = first
    for _ in range(6):
        two.consent()
        two.act(OWNER, "record_incident", "incident_record")
    desk = two.desk(OWNER)
    for number in range(4):
        two.portal.house.permissions.grant(desk.viewer, two.name, granted(two, f"gra-{number}"))
        ReadTables(two.portal.house.database).note(desk.viewer, two.name, "dossier", DataClass.M, desk.now)
    assert {page: asked_by(two, page) for page in COUNTED} == before
    assert min(before.values()) > 2


def asked_by(two: Two, page: str) -> int:
    """How many statements a page puts to the database, on whatever connection."""
    with ExitStack() as stack:
        asked = [stack.enter_context(CaptureQueriesContext(one)) for one in connections.all()]
        assert two.owner.get(page if page.startswith("/") else two.at + page.lstrip(".")).status_code == 200
    return sum(len(one) for one in asked)


def granted(two: Two, name: str) -> Grant:
    now = datetime.now(UTC)
    return Grant(
        id=name,
        consent="con-1",
        object=two.name,
        data_class=DataClass.P,
        actions=frozenset({Action.READ}),
        organisation="agency-x",
        role=Role.AGENCY_READER,
        purpose=Purpose.REPORT,
        not_before=now,
        expires=now + timedelta(days=3),
    )
