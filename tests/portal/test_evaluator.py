"""The evaluator's and the lead's pages: from the queue to a signed report, and what others are told of all of it."""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import zipfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from portal.test_developer import EVALUATOR, LEAD, OWNER, Two, text
from report.made import HOSTILE, with_model
from seatrial.drafting import public_key
from seatrial.evaluation.jobs import Ending, Lane, Process, UnitState
from seatrial.evaluation.queued import request_of, review_of, run_folder, run_id
from seatrial.evaluation.scrutiny.rulings import sample_key
from seatrial.evaluation.transcripts import Entry, Transcript
from seatrial.framework.participant import Role
from seatrial.framework.viewer import Viewer
from seatrial.ledger.event import Event
from seatrial.report import write_report
from seatrial.report.bundle import ENVELOPE, checked
from seatrial.reviewing import ReviewRuns
from seatrial.storage.reads import ReadTables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.http import HttpResponse
    from django.test import Client

    from portal.conftest import Served
    from seatrial.evaluation.jobs import PlanUnit

PLAN = {"tier": "ci", "families": ["crypto"], "levels": ["1"], "instances": "1", "participants": ["reference", "null"]}
HOUSE = Viewer.house("a test of the pages")
HERE = Process("here", "boot", "space", 1, 1)
LONG = "abc " * 8_000
"""Of an entry that takes several pieces."""


@dataclass
class Bureau(Two):
    """The two sides, with the evaluator at a browser as well."""

    eve: Client = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.eve = self.portal.client("eve", "bureau", Role.EVALUATOR)

    @property
    def review(self) -> str:
        return f"/reviews/{self.name}/"

    def planned(self) -> Bureau:
        self.agreed()
        assert self.lead.post(self.review + "plan/", PLAN).status_code == 302
        return self

    def started(self) -> Bureau:
        self.planned()
        until = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
        self.post("access/extend/", until=until.strftime("%Y-%m-%dT%H:%M"))
        self.post("access/grant/")
        assert self.eve.post(self.review + "runs/start/").status_code == 302
        return self

    def runs(self) -> tuple[PlanUnit, ...]:
        return ReviewRuns(self.portal.house).of(HOUSE, self.name)

    def worked(self, a_run: Path, ending: Ending = Ending.DONE, reason: str = "") -> PlanUnit:
        """What a worker would leave: the run directory, and how the unit ended."""
        jobs, now = self.portal.house.jobs, datetime.now(UTC)
        unit = jobs.claim(Lane.REVIEWS, HERE, now)
        assert unit is not None
        shutil.copytree(a_run, run_folder(self.portal.home, unit), dirs_exist_ok=True)
        assert jobs.settle(unit, ending, reason, now)
        return unit

    def run(self, unit: PlanUnit) -> str:
        return f"{self.review}runs/{unit.id}/"

    def finished(self, a_run: Path) -> PlanUnit:
        self.started()
        return self.worked(a_run)

    def reviewed(self, a_run: Path) -> PlanUnit:
        unit = self.finished(a_run)
        answer = self.eve.get(self.review + "end/")
        assert unit.id in text(answer)
        given = {"once": once(answer), "deviations": "# Deviations\nnone"}
        assert self.eve.post(self.review + "end/", given).status_code == 302
        assert self.state == "review"
        return unit

    def drafted(self, a_run: Path) -> PlanUnit:
        unit = self.reviewed(a_run)
        self.step(self.eve, "draft", remarks="Read them all.")
        assert self.state == "draft_report"
        return unit

    def delivered(self, a_run: Path) -> PlanUnit:
        unit = self.drafted(a_run)
        self.step(self.lead, "deliver")
        assert self.state == "developer_comment"
        return unit

    def step(self, who: Client, page: str, **changed: str) -> HttpResponse:
        """Send a step's form as it stands, with what is changed in it."""
        answer = who.get(f"{self.review}report/{page}/")
        given = {"once": once(answer), **changed}
        if (written := area(answer)) and "text" not in changed:
            given["text"] = written
        return who.post(f"{self.review}report/{page}/", given)


def once(answer: HttpResponse) -> str:
    return re.search(r'name="once" value="([0-9a-f]+)"', answer.content.decode())[1]  # type: ignore[index]


def area(answer: HttpResponse) -> str:
    """What stands in a form's field of text."""
    found = re.search(r'<textarea name="text"[^>]*>\n?(.*?)</textarea>', answer.content.decode(), re.DOTALL)
    return html.unescape(found[1]) if found else ""


@pytest.fixture
def bureau(portal: Served) -> Bureau:
    return Bureau(portal)


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run directory with a transcript and a flag for each sample of the model."""
    run = with_model(tmp_path_factory.mktemp("made") / "run", levels=4, each=2)
    rows = [line.split(",") for line in (run / "samples.csv").read_text().splitlines()[1:]]
    samples = list(dict.fromkeys(row[3] for row in rows if row[0] == "heron-7"))
    (run / "transcripts.json").write_text(
        json.dumps([asdict(one) for one in transcripts(samples)], indent=2, sort_keys=True)
    )
    finding = {"rule": "grader-touch", "participant": "heron-7", "epoch": 0, "effect": "flag", "evidence": HOSTILE}
    found = [{**finding, "sample": sample} for sample in samples[:2]] + [
        {**finding, "sample": samples[0], "rule": "egress-attempt", "evidence": "curl example.test"}
    ]
    (run / "scrutiny.json").write_text(json.dumps({"rules_version": "1", "findings": found}))
    write_report(run, ())
    return run


def transcripts(samples: list[str]) -> Iterator[Transcript]:
    for sample in samples:
        entries = (
            Entry("prompt", "Task", "Find the key."),
            Entry("assistant", "Participant", f"I look around. {HOSTILE}"),
            *(Entry("tool-result", f"call {number}", f"line {number}") for number in range(30)),
            Entry("tool-result", "the last call", LONG + "needle in it"),
        )
        yield Transcript(sample, 0, "heron-7", "memfind", 1, "solved", entries)


def test_the_queue_shows_what_waits_for_whom_and_until_when(bureau: Bureau) -> None:
    bureau.agreed()
    shown = text(bureau.eve.get("/reviews/"))
    assert "heron-7" in shown
    assert "access, once the plan is registered developer owner in" in shown
    assert "Nothing here" in text(bureau.eve.get("/reviews/?show=ended"))
    page = text(bureau.lead.get(bureau.review))
    assert "Register plan" in page
    assert "Waits for developer owner" in page
    assert "Register plan" not in text(bureau.eve.get(bureau.review))
    assert bureau.owner.get("/reviews/").status_code == 404


def test_a_plan_shows_what_it_would_take_before_a_lead_registers_it(bureau: Bureau) -> None:
    bureau.agreed()
    query = "tier=standard&participants=null&at_least=0.5,0.8&usd_input=2&usd_output=10&total_tokens=40000000"
    shown = text(bureau.eve.get(f"{bureau.review}plan/?{query}"))
    assert "Runs 896, 448 of them by the model" in shown
    assert "Tokens of the model 40,000,000" in shown
    assert "400.00" in shown
    assert "A lead registers the plan" in shown
    assert bureau.eve.post(bureau.review + "plan/", PLAN).status_code == 404
    wrong = bureau.lead.get(f"{bureau.review}plan/?tier=ci&participants=null&at_least=2&usd_input=1")
    assert "2 is no share between 0 and 1" in text(wrong)
    assert "Both prices, or neither" in text(wrong)
    answer = bureau.lead.post(bureau.review + "plan/", {**PLAN, "at_least": "0.5"})
    assert answer.status_code == 302
    registered = text(bureau.lead.get(bureau.review + "plan/"))
    assert "Version 1, registered" in registered
    assert "Registered thresholds 0.5" in registered
    standing = bureau.desk(LEAD).record(bureau.name).standing
    [budget] = [one for one in standing.documents if one.kind == "budget"]
    paper = json.loads(bureau.portal.house.papers.get(HOUSE, bureau.name, budget.digest))
    assert (paper["runs"], paper["model_runs"], paper["tokens"]) == (3, 1, 500_000)
    again = bureau.eve.get(f"{bureau.review}plan/?tier=ci&participants=null&precision=0.2")
    assert "What the wanted precision would show" in text(again)


def test_a_run_begins_from_the_registered_plan_alone(bureau: Bureau) -> None:
    bureau.agreed()
    assert "runs begin while access is open" in text(bureau.eve.get(bureau.review + "runs/"))
    bureau.act(LEAD, "register_plan", "plan", "budget")
    assert "is no request that a run can begin from" in text(bureau.lead.get(bureau.review + "plan/"))
    bureau.post("access/grant/")
    assert bureau.state == "access_open"
    shown = bureau.eve.post(bureau.review + "runs/start/", follow=True)
    assert "is no request that a run can begin from" in text(shown)
    assert (bureau.state, bureau.runs()) == ("access_open", ())


def test_a_run_is_started_watched_stopped_and_carried_on(bureau: Bureau, a_run: Path, tmp_path: Path) -> None:
    bureau.started()
    [unit] = bureau.runs()
    assert bureau.state == "preflight"
    assert (unit.wanted.what["request"]["model"], unit.wanted.by) == ("heron-7", "eve")
    bureau.eve.post(bureau.review + "runs/start/")
    assert len(bureau.runs()) == 1
    waiting = text(bureau.eve.get(bureau.run(unit)))
    assert "waiting" in waiting
    assert "Waits for a worker (owner: operator)" in waiting
    assert "No worker is there" in waiting
    part = tmp_path / "part"
    shutil.copytree(a_run, part, ignore=shutil.ignore_patterns("assessment.json", "report.html", "seeds.json"))
    jobs = bureau.portal.house.jobs
    claimed = jobs.claim(Lane.REVIEWS, HERE, datetime.now(UTC))
    assert claimed is not None
    told = {
        "stage": "running",
        "done": 2,
        "total": 6,
        "line": "running",
        "eta_s": 600,
        "spend": {"tokens": 1234, "usd": None},
    }
    jobs.beat({(claimed.id, claimed.attempt): told})
    people = {"heron-7": {"done": 1, "planned": 3, "running": 1, "invalid": 0}}
    (part / "progress.json").write_text(json.dumps({"participants": people}))
    shutil.copytree(part, run_folder(bureau.portal.home, unit))
    running = text(bureau.eve.get(bureau.run(unit)))
    assert "2 of 6" in running
    assert "about 10 min" in running
    assert "1,234 tokens" in running
    assert "heron-7 1 3 1 0" in running
    assert "Access ends" in running
    assert "Samples in flight are censored" in text(bureau.eve.get(bureau.run(unit) + "stop/"))
    assert bureau.eve.post(bureau.run(unit) + "stop/", follow=True).status_code == 200
    assert jobs.unit(HOUSE, unit.id).stopping.startswith("stopped (owner: evaluator): by eve")
    assert jobs.settle(claimed, Ending.CALLED_OFF, "stopped (owner: evaluator): by eve", datetime.now(UTC))
    stopped = text(bureau.eve.get(bureau.run(unit)))
    assert "Carry on with the rest" in stopped
    assert "Carry on" not in text(bureau.lead.get(bureau.run(unit)))
    assert bureau.eve.post(bureau.run(unit) + "carry-on/").status_code == 302
    newest, first = bureau.runs()
    assert (run_id(newest), first.id, newest.state) == (unit.id, unit.id, UnitState.WAITING)
    done = bureau.worked(a_run)
    assert run_folder(bureau.portal.home, done) == run_folder(bureau.portal.home, unit)
    assert "nothing to carry on with" in text(bureau.eve.post(bureau.run(done) + "carry-on/", follow=True))


def test_a_finished_run_shows_its_figures_its_samples_and_its_files(bureau: Bureau, a_run: Path) -> None:
    unit = bureau.finished(a_run)
    shown = text(bureau.eve.get(bureau.run(unit)))
    assert "Key figures" in shown
    assert re.search(r"heron-7 between \d+ and \d+ % .*? share of the tasks of this battery", shown)
    assert "How the runs ended" in shown
    page = bureau.eve.get(bureau.run(unit) + "files/report.html")
    assert page.headers["Content-Disposition"] == 'attachment; filename="heron-7-report.html"'
    assert page.content == (a_run / "report.html").read_bytes()
    for name in ("plan.json", "seeds.sealed", "..%2Fplan.json"):
        assert bureau.eve.get(bureau.run(unit) + f"files/{name}").status_code == 404
    rows = text(bureau.eve.get(bureau.run(unit) + "samples/?participant=heron-7"))
    assert "1 to 40 of 40" in rows
    assert "fuzzer" not in rows.partition("Samples in the plan")[2]
    answer = bureau.eve.post(bureau.run(unit) + "render/", follow=True)
    assert "A worker writes the report again" in text(answer)


def test_a_transcript_is_text_and_nothing_else_and_its_opening_is_written_down(bureau: Bureau, a_run: Path) -> None:
    unit = bureau.finished(a_run)
    queue = bureau.eve.get("/scrutiny/")
    assert text(queue).count("grader-touch (flag)") == 2
    [where, _] = dict.fromkeys(re.findall(r'href="(/reviews/[^"]*/samples/[0-9a-f]{16}/)"', queue.content.decode()))
    page = bureau.eve.get(where)
    body = page.content.decode()
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body
    assert "\u202e" not in body
    assert r"\u202e" in body
    assert "1 to 20 of 33" in text(page)
    assert "line 17" in text(page)
    assert "line 18" not in text(page)
    assert "line 18" in text(bureau.eve.get(where + "?from=20"))
    found = text(bureau.eve.get(where, {"q": "NEEDLE"}))
    assert "1 entry holds it" in found
    assert "needle in it" in found
    whole = text(bureau.eve.get(where + "?entry=33&piece=3"))
    assert "needle in it" in whole
    reads = ReadTables(bureau.portal.house.database).list(bureau.desk(OWNER).viewer, bureau.name)
    assert [(one.person, one.data_class) for one in reads] == [("eve", "T")] * 4
    assert reads[0].object.startswith(unit.id)
    assert bureau.eve.get(f"{bureau.run(unit)}samples/{'0' * 16}/").status_code == 404
    assert bureau.eve.get(f"{bureau.run(unit)}samples/{sample_key('reference', 'x', 0)}/").status_code == 404


def test_a_decision_is_one_persons_and_a_second_person_is_another(bureau: Bureau, a_run: Path) -> None:
    bureau.finished(a_run)
    queue = bureau.eve.get("/scrutiny/").content.decode()
    first, second = dict.fromkeys(re.findall(r'href="(/reviews/[^"]*/samples/[0-9a-f]{16}/)"', queue))
    assert bureau.eve.post(first + "decide/", {"decision": "confirmed"}).status_code == 422
    bureau.eve.post(first + "decide/", {"decision": "second_person", "reason": "not sure"})
    bureau.eve.post(second + "decide/", {"decision": "no_concern", "reason": "a path in its own box"})
    waiting = text(bureau.eve.get("/scrutiny/"))
    assert "a second person is asked for by eve" in waiting
    assert waiting.count("grader-touch") == 1
    assert "somebody other than eve decides" in text(bureau.eve.get(first))
    refused = bureau.eve.post(first + "decide/", {"decision": "confirmed", "reason": "after all"})
    assert "somebody other than eve decides" in text(refused)
    assert (
        bureau.lead.post(first + "decide/", {"decision": "confirmed", "reason": "it read the key"}).status_code == 302
    )
    assert "Nothing waits" in text(bureau.eve.get("/scrutiny/"))
    assert "No flagged sample waits" in text(bureau.eve.get(bureau.review + "scrutiny/"))


@pytest.mark.slow
def test_a_report_goes_from_a_run_to_a_signature_that_others_can_check(bureau: Bureau, a_run: Path) -> None:
    bureau.drafted(a_run)
    assert "Deliver draft" in text(bureau.lead.get(bureau.review + "report/"))
    assert bureau.eve.get(bureau.review + "report/deliver/").status_code == 404
    spoilt = bureau.step(bureau.lead, "deliver", text="# Only this")
    assert spoilt.status_code == 422
    assert "names no files of a run" in text(spoilt)
    bureau.step(bureau.lead, "deliver")
    assert bureau.state == "developer_comment"
    bureau.post("report/comment/", text="Table 1 reads as if all families ran.")
    assert "Table 1 reads as if" in text(bureau.lead.get(bureau.review + "report/"))
    revised = area(bureau.eve.get(bureau.review + "report/revise/"))
    bureau.step(bureau.eve, "revise", text=revised.replace("(write here)", "Five families ran."), remarks="Said so.")
    assert bureau.state == "draft_report"
    bureau.step(bureau.lead, "deliver")
    bureau.post("report/comment/", text="Thank you.")
    shown = text(bureau.lead.get(bureau.review + "report/sign/"))
    assert "report.md" in shown
    assert "comments.md" in shown
    answer = bureau.step(bureau.lead, "sign")
    assert (answer.status_code, bureau.state) == (302, "report_issued"), text(answer)
    page = text(bureau.eve.get(bureau.review + "report/"))
    assert page.count(" verified") == 5
    whole = bureau.eve.get(bureau.review + "report/whole/")
    with zipfile.ZipFile(io.BytesIO(whole.content)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    assert b"Five families ran." in files["report.md"]
    assert b"Table 1 reads as if all families ran." in files["comments.md"]
    key, _ = public_key(bureau.portal.home)
    assert {one.found for one in checked(files[ENVELOPE], files, key)} == {"verified"}
    other = {**files, "assessment.json": files["assessment.json"].replace(b"heron-7", b"heron-8")}
    assert [one.what for one in checked(files[ENVELOPE], other, key) if one.found == "false"] == ["assessment.json"]
    with bureau.portal.house.log.store.reading() as log:
        kinds = [Event.parse(log.entry(index)).kind for index in log.indexes(bureau.name)]
    assert kinds[-2:] == ["submission.sign_report", "report.signed"]
    changes = bureau.eve.get(bureau.review + "report/versioned_diff/1/").content.decode()
    assert "+Five families ran." in changes


def test_nothing_is_signed_that_does_not_follow_from_its_assessment(
    bureau: Bureau, a_run: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(a_run, other)
    (other / "report.html").write_bytes((a_run / "report.html").read_bytes().replace(b"heron-7", b"heron-8"))
    bureau.delivered(other)
    shown = bureau.lead.get(bureau.review + "report/sign/")
    assert "does not follow from assessment.json" in text(shown)
    bureau.lead.post(bureau.review + "report/sign/", {"once": "0" * 32})
    assert bureau.state == "developer_comment"


def test_the_lead_sees_which_decision_waits_for_whom(bureau: Bureau) -> None:
    bureau.in_terms()
    bureau.consent()
    bureau.post("agreement/propose/", funding="each its own", incident_plan="We call each other.", tokens="5000000")
    shown = text(bureau.lead.get("/countersign/"))
    assert "One waits for yours" in shown
    assert "Read it and turn your key" in shown
    assert "Evaluator lead must act" in shown
    assert re.search(r"lapse in 2[34] h", shown)
    assert bureau.eve.get("/countersign/").status_code == 404
    bureau.post("agreement/sign/", bureau.lead, digest=bureau.asked())
    assert "Nothing waits" in text(bureau.lead.get("/countersign/"))


def test_whoever_does_not_assess_it_is_told_that_nothing_is_there(bureau: Bureau, a_run: Path) -> None:
    unit = bureau.finished(a_run)
    elsewhere = bureau.portal.client("oto", "bureau-b", Role.EVALUATOR)
    head = bureau.portal.client("ole", "bureau-b", Role.EVALUATOR_LEAD)
    rival = bureau.portal.client("riv", "lab-b")
    nothing = bureau.eve.get("/nowhere/").content
    key = ReviewRuns(bureau.portal.house).glance(unit).flagged()[0].key
    run = f"runs/{unit.id}/"
    pages = ("", "plan/", "boundary/", "end/", "runs/", run, run + "stop/", run + "samples/", run + f"samples/{key}/")
    more = (run + "files/report.html", "scrutiny/", "report/", "report/draft/", "report/whole/", "report/draft/1/")
    for client in (elsewhere, head, rival, bureau.owner):
        for page in (*pages, *more):
            answer = client.get(bureau.review + page)
            assert (answer.status_code, answer.content) == (404, nothing), page
        for page in ("runs/start/", run + "stop/", run + "carry-on/", run + f"samples/{key}/decide/", "report/sign/"):
            assert client.post(bureau.review + page).status_code == 404, page
    for page in ("/reviews/", "/scrutiny/"):
        assert "heron-7" not in text(elsewhere.get(page))
    assert "heron-7" not in text(head.get("/countersign/"))
    assert bureau.eve.get(bureau.review.replace("sub_", "sub_0") + run).content == nothing
    assert bureau.runs()[0].stopping == ""


@pytest.mark.slow
def test_pages_hold_in_every_state(bureau: Bureau, a_run: Path) -> None:
    unit = bureau.delivered(a_run)
    for page in ("", "plan/", "boundary/", "end/", "runs/", "scrutiny/", "report/"):
        for client in (bureau.eve, bureau.lead):
            assert client.get(bureau.review + page).status_code == 200, page
    for page, client in (
        ("draft/", bureau.eve),
        ("revise/", bureau.eve),
        ("deliver/", bureau.lead),
        ("sign/", bureau.lead),
    ):
        assert client.get(f"{bureau.review}report/{page}").status_code == 200, page
    bureau.post("withdraw/")
    assert bureau.state == "withdrawn"
    for page in ("", "plan/", "boundary/", "end/", "runs/", f"runs/{unit.id}/", "scrutiny/", "report/"):
        assert bureau.eve.get(bureau.review + page).status_code == 200, page
    assert "Start" not in text(bureau.eve.get(bureau.review + "runs/"))
    assert "heron-7" in text(bureau.eve.get("/reviews/?show=ended"))


LISTS = ("/reviews/", "/scrutiny/", "/countersign/")


def asked(client: Client, page: str) -> int:
    """How many statements a page makes."""
    with ExitStack() as stack:
        counted = [stack.enter_context(CaptureQueriesContext(one)) for one in connections.all()]
        assert client.get(page).status_code == 200
        return sum(len(one) for one in counted)


def test_lists_ask_as_often_for_many_as_for_one(bureau: Bureau, a_run: Path) -> None:
    unit = bureau.finished(a_run)
    pages = (*LISTS, bureau.review, bureau.review + "runs/", bureau.review + "scrutiny/", bureau.run(unit))
    bureau.lead.get("/reviews/")  # opens the connection
    before = {page: asked(bureau.lead, page) for page in pages}
    for _ in range(2):
        other = Bureau(bureau.portal)
        other.in_terms()
        other.consent()
        other.post("agreement/propose/", funding="own", incident_plan="We call.", tokens="5000000")
    jobs, viewer = bureau.portal.house.jobs, bureau.desk(EVALUATOR).viewer
    request = request_of(unit.wanted.what)
    for number in range(60):
        jobs.enqueue(viewer, review_of(bureau.name, request, by="eve", plan=f"{number}"), datetime.now(UTC))
    assert {page: asked(bureau.lead, page) for page in pages} == before
    assert "1 to 25 of 61" in text(bureau.lead.get(bureau.review + "runs/"))
