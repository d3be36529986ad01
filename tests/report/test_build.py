"""The assessment says what the rows say, and nothing that the directory does not support."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from seatrial.evaluation.rows import read_rows, write_rows
from seatrial.evaluation.transcripts import Entry, Transcript
from seatrial.report import Assessment, ReportError, build, html, write_report

from . import made
from .built import built

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.evaluation.rows import OutcomeRow
    from seatrial.report.assessment import EstimateRecord


def estimate(assessment: Assessment, name: str) -> EstimateRecord:
    return next(item for item in assessment.estimates if item.id == name)


def rows_of(path: Path, participant: str) -> list[OutcomeRow]:
    return [row for row in read_rows(path / "samples.csv") if row.participant == participant and not row.superseded]


def change(path: Path, name: str, **values: Any) -> None:  # noqa: ANN401
    """Change fields of a JSON file; a changed plan is registered anew."""
    record = json.loads((path / name).read_text())
    record.update(values)
    made.write_json(path / name, record)
    if name == "plan.json":
        (path / "plan.digest").write_text(made.digest(record) + "\n")


def test_counts_are_those_of_the_rows(model_run: Path) -> None:
    assessment = built(model_run)
    rows = rows_of(model_run, "heron-7")
    counted = [row for row in rows if row.score is not None and row.status != "invalidated"]
    whole = estimate(assessment, "Q1/heron-7/all/all/all")
    assert (whole.solved, whole.n) == (sum(row.score == 1 for row in counted), len(counted))
    for family in ("memfind", "ot"):
        cell = [row for row in counted if (row.generator, row.level) == (family, 2)]
        found = estimate(assessment, f"Q1/heron-7/{family}/L2/all")
        assert (found.solved, found.n) == (sum(row.score == 1 for row in cell), len(cell))
    ended = Counter(row.outcome for row in rows if row.status != "invalidated")
    told: Counter[str] = Counter()
    for item in assessment.outcomes:
        if item.participant == "heron-7":
            told[item.outcome] += item.runs
    assert told == {**ended, "voided": 1}
    assert told.keys() >= {"censored", "invalid", "harmful", "unexplained", "voided", "unsolved", "solved"}


def test_every_scope_has_an_estimate_or_a_reason(model_run: Path, bare_run: Path) -> None:
    for path in (model_run, bare_run):
        assessment = built(path)
        levels = {item.level for item in assessment.battery.instances}
        families = {item.family for item in assessment.battery.instances}
        said = {
            (item.participant, item.scope.family, item.scope.level)
            for item in (*assessment.estimates, *assessment.not_identifiable)
            if item.quantity == "Q1" and item.sample_set == "all"
        }
        for person in assessment.participants:
            for family in (None, *families):
                for level in (None, *levels):
                    assert (person.name, family, level) in said


def test_only_what_the_plan_names_is_registered(model_run: Path) -> None:
    standing = {item.id: item.standing for item in built(model_run).estimates}
    assert [name for name, value in standing.items() if value == "registered" and "heron-7" in name] == [
        "Q1/heron-7/all/all/all",
        "Q2/heron-7/all/all/all",
    ]
    assert built(model_run).curves[0].points[-1].estimate.standing == "registered"  # type: ignore[union-attr]


def test_flagged_and_voided_runs_are_shown_both_ways(model_run: Path) -> None:
    assessment = built(model_run)
    rows = rows_of(model_run, "heron-7")
    counted = [row for row in rows if row.score is not None and row.status != "invalidated"]
    unflagged = [row for row in counted if not row.flags]
    assert estimate(assessment, "Q1/heron-7/all/all/without-flagged").n == len(unflagged) < len(counted)
    voided = estimate(assessment, "Q1/heron-7/all/all/with-voided")
    assert (voided.n, voided.solved) == (len(counted) + 1, sum(row.score == 1 for row in counted) + 1)
    assert voided.standing == "exploratory"
    assert not any(item.sample_set != "all" for item in assessment.estimates if item.participant == "null")


def test_comparison_is_a_count_of_pairs(model_run: Path) -> None:
    assessment = built(model_run)
    mine = {
        row.task: row for row in rows_of(model_run, "heron-7") if row.score is not None and row.status != "invalidated"
    }
    others = {
        name: {row.task: row for row in rows_of(model_run, name) if row.score is not None}
        for name in ("fuzzer", "static", "null")
    }
    for level in (None, 1, 2, 3):
        best, union = (
            next(item for item in assessment.comparisons if item.level == level and item.against == kind)
            for kind in ("best", "any")
        )
        own = {task: row.score for task, row in mine.items() if level in {None, row.level}}
        theirs = {task: row.score for task, row in others[best.other].items() if task in own}
        pairs = Counter((own[task], theirs[task]) for task in theirs)
        assert (best.both, best.subject_only, best.other_only, best.neither) == (
            pairs[1.0, 1.0], pairs[1.0, 0.0], pairs[0.0, 1.0], pairs[0.0, 0.0]
        )  # fmt: skip
        solved = {
            name: sum(row.score == 1 for task, row in table.items() if task in own) for name, table in others.items()
        }
        assert solved[best.other] == max(solved.values())
        anybody = {task for table in others.values() for task, row in table.items() if row.score == 1}
        assert union.both + union.other_only == len(anybody & own.keys())
        assert union.pairs == len(own)


def test_the_reference_is_no_yardstick(model_run: Path) -> None:
    for item in built(model_run).comparisons:
        assert "reference" not in item.candidates


def test_curve_exists_for_a_model_only(model_run: Path, bare_run: Path) -> None:
    (curve,) = built(model_run).curves
    last = curve.points[-1]
    whole = estimate(built(model_run), "Q1/heron-7/all/all/all")
    assert (last.solved, last.runs) == (whole.solved, whole.n)
    assert built(bare_run).curves == []
    assert built(bare_run).comparisons == []


def test_unavailable_is_neither_unsolved_nor_lost(bare_run: Path) -> None:
    assessment = built(bare_run)
    fuzzer = estimate(assessment, "Q1/fuzzer/all/all/all")
    assert fuzzer.n == 4
    assert fuzzer.value is not None
    reasons = {
        item.reason for item in assessment.not_identifiable if item.participant == "fuzzer" and item.scope.family
    }
    assert reasons == {"not available here: nothing to fuzz here"}


def test_an_unfinished_review_does_not_look_finished(fresh: Path) -> None:
    rows = read_rows(fresh / "samples.csv")
    write_rows(fresh / "samples.csv", [row for row in rows if row.level == 1 or row.participant != "static"])
    (fresh / "transcripts.json").unlink()
    change(fresh, "run.json", state="stopped")
    write_report(fresh)
    assessment = build(fresh)
    static = estimate(assessment, "Q1/static/all/all/all")
    assert static.value is None
    assert static.qualifiers == ["losses-bounded"]
    assert static.n == 5
    assert next(item.not_run for item in assessment.participants if item.name == "static") == 5
    assert any("static: 5 of 10 planned runs did not take place" in text for text in assessment.not_tested)
    assert "not complete" in (fresh / "report.html").read_text()


def test_equal_directories_give_equal_bytes(tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        path = made.with_model(tmp_path / name, levels=4, each=2)
        page = write_report(path)
        pages.append((page.read_bytes(), (path / "assessment.json").read_bytes()))
    assert pages[0] == pages[1]
    again = write_report(tmp_path / "a")
    assert again.read_bytes() == pages[0][0]


def test_hash_seeds_and_places_do_not_matter(model_run: Path) -> None:
    code = (
        "import sys, pathlib; from seatrial.report import build, to_json; "
        "sys.stdout.buffer.write(to_json(build(pathlib.Path(sys.argv[1]))))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code, str(model_run)], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert answers == {(model_run / "assessment.json").read_bytes()}


def test_a_changed_plan_is_refused(fresh: Path) -> None:
    plan = json.loads((fresh / "plan.json").read_text())
    made.write_json(fresh / "plan.json", {**plan, "tier": "standard"})
    with pytest.raises(ReportError, match=r"plan\.json: digest [0-9a-f]{64}, registered [0-9a-f]{64}"):
        build(fresh)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"outcome": "splendid"}, "line 2, column outcome: 'splendid'"),
        ({"outcome": "solved", "score": 0.0}, "line 2, column score: 0.0 with outcome solved"),
        ({"outcome": "invalid", "score": 1.0}, "line 2, column score: 1.0 with outcome invalid"),
        ({"transcript": "../../etc/passwd"}, "line 2, column transcript"),
        ({"transcript": "transcripts/../x.html"}, "line 2, column transcript"),
        ({"status": "budget", "outcome": "solved", "score": 1.0}, "means not solved"),
    ],
)
def test_rows_against_themselves_are_refused(fresh: Path, values: dict[str, Any], message: str) -> None:
    first, *others = read_rows(fresh / "samples.csv")
    write_rows(fresh / "samples.csv", [replace(first, **values), *others])
    with pytest.raises(ReportError) as raised:
        write_report(fresh)
    assert message in str(raised.value)
    assert not (fresh / "report.html").exists()


def test_missing_and_broken_files_are_named(fresh: Path) -> None:
    (fresh / "run.json").write_text("{")
    with pytest.raises(ReportError, match=r"run\.json: not readable JSON"):
        build(fresh)
    (fresh / "run.json").unlink()
    with pytest.raises(ReportError, match=r"run\.json: is missing"):
        build(fresh)
    (fresh / "samples.csv").unlink()
    with pytest.raises(ReportError, match=r"samples\.csv"):
        build(fresh)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.json", {"started": None}, r"run\.json: field 'state' is missing"),
        ("scrutiny.json", {"findings": [{"rule": "x"}]}, r"scrutiny\.json: field 'participant' is missing"),
        ("preflight.json", [{"engine": "e"}], r"preflight\.json: field 'level' is missing"),
        ("preflight.json", [7], r"preflight\.json: "),
        ("seeds.json", {"instances": [{"seed": "xyz"}]}, r"seeds\.json: seed 'xyz' is not hexadecimal"),
    ],
)
def test_misshapen_files_are_named(fresh: Path, name: str, content: object, message: str) -> None:
    made.write_json(fresh / name, content)
    with pytest.raises(ReportError, match=message):
        build(fresh)


def test_a_plan_without_a_field_is_named(fresh: Path) -> None:
    plan = json.loads((fresh / "plan.json").read_text())
    del plan["tier"]
    made.write_json(fresh / "plan.json", plan)
    (fresh / "plan.digest").write_text(made.digest(plan))
    with pytest.raises(ReportError, match=r"plan\.json: field 'tier' is missing"):
        build(fresh)


def test_an_instance_without_manifest_is_refused(fresh: Path) -> None:
    first = min((fresh / "manifests").glob("*.json"))
    change(fresh, "plan.json", instances=[{"id": p.stem, "epochs": 1} for p in (fresh / "manifests").glob("*.json")])
    first.unlink()
    with pytest.raises(ReportError, match=f"manifests: none for {first.stem}"):
        build(fresh)


def test_a_changed_manifest_and_a_foreign_seed_show(fresh: Path) -> None:
    assert all(item.digest_agrees and item.seed_opened for item in build(fresh).battery.instances)
    first, second = sorted((fresh / "manifests").glob("*.json"))[:2]
    manifest = json.loads(first.read_text())
    made.write_json(first, {**manifest, "status": {"state": "rejected"}})
    seeds = json.loads((fresh / "seeds.json").read_text())
    kept = [item for item in seeds["instances"] if item["id"] != second.stem]
    made.write_json(fresh / "seeds.json", {**seeds, "instances": kept})
    found = {item.id: item for item in build(fresh).battery.instances}
    assert [item.id for item in found.values() if not item.digest_agrees] == [first.stem]
    assert [item.id for item in found.values() if not item.seed_opened] == [second.stem]
    (fresh / "seeds.json").unlink()
    assert {item.seed_opened for item in build(fresh).battery.instances} == {None}


def test_a_plan_that_names_other_manifests_shows(fresh: Path) -> None:
    names = [path.stem for path in sorted((fresh / "manifests").glob("*.json"))]
    change(fresh, "plan.json", instances=[{"id": n, "epochs": 1, "manifest_sha256": "00" * 32} for n in names])
    assert not any(item.digest_agrees for item in build(fresh).battery.instances)


def test_transcripts_are_written_where_rows_say(model_run: Path) -> None:
    assessment = built(model_run)
    final = [item for item in assessment.samples if not item.superseded]
    assert all(item.transcript and (model_run / item.transcript).is_file() for item in final)
    assert all(item.transcript is None for item in assessment.samples if item.superseded)
    assert len(list((model_run / "transcripts").iterdir())) == len(final)


def test_given_transcripts_replace_the_file(fresh: Path) -> None:
    row = read_rows(fresh / "samples.csv")[0]
    one = Transcript(
        row.task, row.epoch, row.participant, row.generator, row.level, row.outcome, (Entry("score", "Grader", "x"),)
    )
    write_report(fresh, [one])
    assert [path.name for path in (fresh / "transcripts").iterdir()] == [row.transcript.partition("/")[2]]
    assert sum(item.transcript is not None for item in build(fresh).samples) == 1
    with pytest.raises(ReportError, match="no row has it"):
        write_report(fresh, [replace(one, participant="nobody")])


def test_the_plan_of_the_brief_is_enough(fresh: Path) -> None:
    """Fields that later plans add are optional."""
    plan = build(fresh).plan
    assert plan.scaffold == ""
    assert plan.participant_budget_s is None
    change(fresh, "plan.json", participant_budget_s=60, scaffold="baseline-1", instances=[])
    assert build(fresh).plan.participant_budget_s == 60
    budgets = {item.budget for item in build(fresh).estimates}
    assert budgets == {"1 min of CPU time a run"}


def test_reading_results_never_loads_inspect() -> None:
    code = "import sys, seatrial.report; print(sorted({'inspect_ai', 'matplotlib'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_page_follows_from_the_bytes_of_the_assessment(fresh: Path) -> None:
    change(fresh, "run.json", versions={"seatrial": "0.1.0", "inspect": "0.3.286"})
    page = write_report(fresh).read_text()
    content = (fresh / "assessment.json").read_bytes()
    assert "inspect, at the end" in page
    assert html.render(Assessment.model_validate_json(content), hashlib.sha256(content).hexdigest()) == page
