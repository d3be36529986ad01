"""A review of a submission writes its own part of the record, and says who acts next where it may not begin."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.cli.submitted_review import SubmittedReview
from seatrial.custody.home import CustodyHome
from seatrial.custody.sqlite_access import SqliteAccessStore
from seatrial.evaluation.boundary import paper
from seatrial.evaluation.rundir import RunDirectory, RunError
from seatrial.framework.viewer import Viewer
from seatrial.installation import Installation
from seatrial.sandbox import NotSealed
from seatrial.sandbox.preflight import PreflightRecord
from seatrial.sandbox.probes.record import ProbeResult
from support.calls import calls
from support.desk import EVALUATOR, OWNER, Desk, opened, recorded
from support.endpoint import Fault, Messages, Say, endpoint
from support.minds import Solver, instance_of

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.framework.standing import Standing

KEY = "sk-canary-0c19d2-review"
SANITY = 3
"""Questions to the endpoint before the first sample of an attempt."""
PARTS = {
    *("plan.registered", "submission.boundary_closed", "run.started", "run.ended", "logs.recorded", "report.drafted"),
}
SMALL = (
    *("--model", "alpha", "--alias", "heron-7", "--seed", "journey"),
    *("--families", "memfind", "--levels", "1", "--participant", "null"),
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return Desk(tmp_path / "home", tmp_path / "papers", apart=False)


def standing(name: str) -> Standing:
    return Installation.open().record(name).standing


def kept(name: str, kind: str) -> list[bytes]:
    """The papers of a kind that the submission holds, as they were kept."""
    papers, viewer = Installation.open().house.papers, Viewer.for_submission(name)
    digests = [document.digest for document in standing(name).documents if document.kind == kind]
    return [papers.get(viewer, name, digest) for digest in digests]


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.slow
def test_a_review_that_is_carried_on_records_each_part_in_order(desk: Desk, tmp_path: Path) -> None:
    out, solver, first = tmp_path / "run", Solver(instance_of("journey", "memfind", 1)), [True]

    def out_of_reach_at_first(messages: Messages, number: int) -> Say | Fault:
        return Fault(503) if first and number >= SANITY else solver(messages, number)

    with endpoint(out_of_reach_at_first) as served:
        name = opened(desk, served, KEY)
        apart = Desk(desk.home, desk.papers)
        apart("review", "--submission", name, *SMALL, "--outage-grace", "1", "--out", out, code=4)
        first.clear()
        apart("resume", out, "--submission", name)
    events = recorded(desk, name)
    assert [kind for kind, _ in events if kind in PARTS] == [
        *("plan.registered", "submission.boundary_closed", "run.started", "run.ended"),
        *("run.started", "run.ended", "logs.recorded", "report.drafted"),
    ]
    _digests_are_of_what_is_there(dict(events), out)
    _both_leases_are_in_the_runs_record(desk, name, out)
    _papers_are_what_was_seen(name, out)
    _every_call_is_in_the_gateways_log(desk, name, out)


def _digests_are_of_what_is_there(refs: dict[str, dict[str, str]], out: Path) -> None:
    assert refs["run.started"] == refs["plan.registered"]
    assert refs["logs.recorded"]["items"] == sha256((out / "samples.csv").read_bytes())
    lines = "".join(
        f"{hashlib.sha256(log.read_bytes()).hexdigest()}  logs/{log.name}\n" for log in sorted(out.glob("logs/*.eval"))
    )
    assert refs["logs.recorded"]["logs"] == sha256(lines.encode())
    assert refs["report.drafted"]["assessment"] == sha256((out / "assessment.json").read_bytes())


def _both_leases_are_in_the_runs_record(desk: Desk, name: str, out: Path) -> None:
    run, plan = json.loads((out / "run.json").read_text()), json.loads((out / "plan.json").read_text())
    leases = [attempt["lease_digest"] for attempt in run["attempts"]]
    assert len(set(leases)) == 2
    assert leases[0] == plan["lease_digest"]
    assert [refs["token"] for kind, refs in recorded(desk, name) if kind == "lease.issued"] == leases
    assert len(list((desk.home / "runs" / name).iterdir())) == 2


def _papers_are_what_was_seen(name: str, out: Path) -> None:
    assert standing(name).state == "running"
    records = {f"sha256:{one['digest']}": one for one in json.loads((out / "preflight.json").read_text())}
    preflights = kept(name, "preflight_record")
    assert preflights
    for content in preflights:
        seen = records[sha256(content)]
        assert seen["sealed"]
        assert json.loads(content) == {key: value for key, value in seen.items() if key != "digest"}
    [sanity] = [json.loads(content) for content in kept(name, "endpoint_sanity_record")]
    resumed = json.loads((out / "endpoint_sanity.json").read_text())
    assert sanity["lease"] != resumed["lease"]  # the act was the first attempt's; the second asked again


def _every_call_is_in_the_gateways_log(desk: Desk, name: str, out: Path) -> None:
    rows = {row.call: row for _, row in SqliteAccessStore(CustodyHome.open(desk.home).file).of_submission(name)}
    asked = {
        json.loads(content)[part]["call"]
        for content in (*kept(name, "endpoint_sanity_record"), (out / "endpoint_sanity.json").read_bytes())
        for part in ("question", "maximum", "stream")
    }
    logged = calls(out, "heron-7")
    assert len(asked) == 2 * SANITY
    assert {call.id for call in logged} == set(rows) - asked
    assert {(call.status, call.again) for call in logged} >= {(200, False), (503, True)}
    for call in logged:
        row = rows[call.id]
        assert row.status == call.status
        assert call.again or row.request_sha256 == call.request_sha256
        assert row.output_tokens == (call.output_tokens if call.status == 200 else 0)


def test_before_the_preflight_a_review_says_who_starts_it(desk: Desk, tmp_path: Path) -> None:
    with endpoint(Solver()) as served:
        name = opened(desk, served, KEY, began=False)
        said = desk("review", "--submission", name, *SMALL, "--out", tmp_path / "run", code=2)
        assert f"submission act {name} start_preflight --as PERSON bureau evaluator" in said
        desk.act(name, "start_preflight", EVALUATOR)
        desk("submission", "act", name, "pause", *OWNER, "--reason", "on_request")
        said = desk("review", "--submission", name, *SMALL, "--out", tmp_path / "run", code=2)
        assert "paused, where no run begins; the side that paused goes on" in said
        assert served.bodies == []
    assert "lease.issued" not in [kind for kind, _ in recorded(desk, name)]


def record(*, sealed: bool) -> PreflightRecord:
    result = ProbeResult(
        "network", "net", mandatory=True, expected="", control="seen", observed="",
        verdict="closed" if sealed else "open", duration_us=1,
    )  # fmt: skip
    return PreflightRecord(
        nonce="0" * 32, started_ns=1, ended_ns=2, engine="namespaces", engine_version="1", level=1, level_basis="",
        kernel_release="", arch="", boot_id="", limits_mode="", users_mode="", spec_digest="", rootfs_digest="",
        boundary_digest="", probe_list_digest="", mandatory=("network",), results=(result,),
    )  # fmt: skip


def test_a_boundary_that_is_found_open_is_recorded_as_open_and_nothing_runs(desk: Desk) -> None:
    found = record(sealed=False)
    assert sha256(paper(found)) == f"sha256:{found.digest}"
    with endpoint(Solver()) as served:
        name = opened(desk, served, KEY)
    review = SubmittedReview(name)
    with pytest.raises(NotSealed, match="network is open"), review.shown_closed():
        raise NotSealed(found.why(), found)
    assert standing(name).state == "access_open"
    assert kept(name, "preflight_record") == [paper(found)]
    with pytest.raises(RunError, match="start_preflight"):
        review.check()


def test_an_endpoint_that_does_not_answer_closes_nothing(desk: Desk, tmp_path: Path, monkeypatch: Any) -> None:  # noqa: ANN401
    run = tmp_path / "run"
    with endpoint(Solver()) as served:
        name = opened(desk, served, KEY)
    review = SubmittedReview(name)

    def silent(*_: object) -> bytes:
        raise RunError("the endpoint answered a short question with 503", code=4)

    monkeypatch.setattr("seatrial.cli.submitted_review.first_questions", silent)
    monkeypatch.setattr("seatrial.evaluation.boundary.show_closed", lambda *_: (record(sealed=True),))
    monkeypatch.setattr("seatrial.evaluation.rundir.RunDirectory.open", RunDirectory)
    with pytest.raises(RunError, match="503"):
        review.closed(run, None)  # type: ignore[arg-type]  # the way there is never used
    assert standing(name).state == "preflight"
    assert kept(name, "endpoint_sanity_record") == []


def test_what_cannot_be_recorded_at_the_end_is_said_and_undoes_nothing(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with endpoint(Solver()) as served:
        name = opened(desk, served, KEY)
    SubmittedReview(name).ended(tmp_path / "gone", "stopped")
    assert f"{name}: not recorded: FileNotFoundError" in capsys.readouterr().err
    assert datetime.now(UTC) > standing(name).since  # type: ignore[operator]
