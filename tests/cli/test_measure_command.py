"""`seatrial measure` as it is typed: pages, records, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.report.measured import check

SEATRIAL = Path(sys.executable).with_name("seatrial")
LYPTUS = Path(os.environ.get("SEATRIAL_LYPTUS", Path(__file__).parents[3] / "shared" / "data" / "lyptus"))
SEED = 5


def measure(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(SEATRIAL), "measure", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def record(*arguments: object) -> dict[str, Any]:
    done = measure(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    check(value)
    return value


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six models on 120 tasks of 20 families, two runs each; success falls with length."""
    path = tmp_path_factory.mktemp("table") / "runs.csv"
    rng = np.random.default_rng(SEED)
    hours = rng.uniform(0, 8, 120)
    family = rng.normal(0, 1, 20)
    rows = ["model,task,family,score,epoch,tokens,minutes"]
    for model in range(6):
        for task in range(120):
            chance = 1 / (1 + np.exp(hours[task] - 2 - model + family[task % 20]))
            rows += [
                f"m{model},t{task},f{task % 20},{int(rng.random() < chance)},{epoch},{int(rng.integers(1, 1000))},"
                f"{2 ** hours[task]:.3f}"
                for epoch in (0, 1)
            ]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_table_gives_all_that_it_can(table: Path) -> None:
    found = record(table, "--column", "participant=model", "--budget", "1000")
    quantities = {(item["participant"], item["quantity"]) for item in found["answers"]}
    assert quantities == {(f"m{model}", q) for model in range(6) for q in ("Q1", "Q2", "Q3", "Q4", "Q5", "Q6")}
    assert {item["quantity"] for item in found["not_offered"]} == {"Q7", "Q8", "Q9", "Q12"}
    assert found["source"]["rows_read"] == found["source"]["rows_used"] == 1440
    for item in found["answers"]:
        if item["identifiable"] and item["value"] is not None:
            low = -np.inf if item["lower"] is None else item["lower"]
            high = np.inf if item["upper"] is None else item["upper"]
            assert low <= item["value"] <= high
    abilities = [item["value"] for item in found["answers"] if item["quantity"] == "Q5" and item["identifiable"]]
    assert abilities == sorted(abilities)  # the models were made in this order


def test_leaving_participants_out_changes_no_number(table: Path) -> None:
    options = (
        table,
        "--column",
        "participant=model",
        "--quantity",
        "success",
        "--quantity",
        "budget",
        "--budget",
        1000,
    )
    everybody = [item for item in record(*options)["answers"] if item["participant"] == "m3"]
    assert record(*options, "--participant", "m3")["answers"] == everybody


def test_differences_and_thresholds(table: Path) -> None:
    options = ("--column", "participant=model", "--participant", "m4", "--against", "m1", "--at-least", "0.5")
    found = record(table, *options, "--at-least", "20min", "--quantity", "difference", "--quantity", "threshold")
    names = {item["name"]: item for item in found["answers"]}
    assert names["minus m1"]["lower"] > 0
    assert names["minus m1"]["details"]["pairs"] == 240
    assert names["success at least 0.5"]["details"]["shown"] is True
    assert names["p50 at least 20 min"]["details"]["of"] == "Q6"


def test_the_page_says_numbers_with_intervals_and_what_is_missing(table: Path) -> None:
    done = measure(table, "--column", "participant=model", "--participant", "m2")
    assert done.returncode == 0, done.stderr
    assert "success, these tasks" in done.stdout
    assert "50 % horizon" in done.stdout
    assert "Not in these results:" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("task_id,score\na,1\n", (), "column task missing: name it with --column task=task_id"),
        ("task,score\na,P\n", (), "--partial-as-miss"),
        ("task,score\na,1\n", ("--quantity", "speed"), "quantity 'speed': one of success (Q1)"),
        ("task,score\na,1\n", ("--participant", "nobody"), "no participant 'nobody' in runs.csv; there are: runs"),
        ("task,score\na,1\n", ("--at-least", "2"), "--at-least 2: a share between 0 and 1"),
        ("task,score\na,1\n", ("--column", "task"), "write OURS=THEIRS"),
        ("task,score\na,1\n", ("--quantity", "difference"), "--against PARTICIPANT"),
        ("task,score\na,1\n", ("--quantity", "attempts", "--attempts", "4"), "needs 4 runs of every task"),
        ("task,score\na,1\n", ("--scorer", "x"), "--scorer: says nothing about this kind of source"),
        ("task,score\na,1\n", ("--quantity", "findings"), "clusters_found"),
    ],
)
def test_bad_input_is_exit_2_and_one_line(tmp_path: Path, text: str, options: tuple[str, ...], message: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    done = measure(path, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("seatrial: ")
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


def test_text_from_outside_cannot_move_the_cursor(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("participant,task,score\n\x1b[2Jm,a,1\n")
    done = measure(path)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not LYPTUS.is_dir(), reason="the published folder is not here (SEATRIAL_LYPTUS): not run")
def test_the_published_folder() -> None:
    started = time.monotonic()
    found = record(LYPTUS, "--quantity", "horizon")
    assert time.monotonic() - started < 60  # some two seconds alone; other tests share the cores
    assert len(found["answers"]) == 32
    for item in found["answers"]:
        details = item["details"]
        assert abs(details["fitted"] / details["published"] - 1) < 5e-3, item["participant"]
        if item["identifiable"] and item["value"] is not None:
            assert item["value"] == pytest.approx(details["fitted"])
