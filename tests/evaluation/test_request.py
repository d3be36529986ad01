"""What follows from a request before anything is generated: comparison, calibration, precision."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seatrial.evaluation import scaffold
from seatrial.evaluation.comparable import Comparison
from seatrial.evaluation.forecast import precision
from seatrial.evaluation.plan import PlannedFamily, PlannedInstance, Sampling, Subject
from seatrial.evaluation.request import (
    Request,
    cells_of,
    comparison_of,
    level_caps,
    notices,
    sampling_of,
    usable_calibration,
)
from seatrial.evaluation.rounds import write_calibration
from seatrial.evaluation.rundir import RunError
from seatrial.measurement.bank import Bank
from seatrial.measurement.replay import calibrate
from support.plans import made_plan

ASKED = Request(participants=("simulated:0.5",), families=("ot-read",), levels=(1, 2), instances=3, precision="0.05")
MODEL = replace(ASKED, model="openai-api/lab/x", alias="alpha")


@pytest.mark.parametrize("request_", [ASKED, MODEL], ids=["participant", "model"])
def test_a_request_is_compared_by_what_its_plan_will_be_compared_by(request_: Request) -> None:
    plan = made_plan(
        subject=Subject(alias="alpha", kind="model" if request_.model else "participant", model=request_.model),
        families=(PlannedFamily(id="ot-read", version="1", levels=(1, 2), instances_per_level=3),),
        instances=tuple(
            PlannedInstance(id=str(level), family="ot-read", level=level, index=0, epochs=1, manifest_sha256="0" * 64)
            for level in (1, 2)
        ),
        level_caps={str(level): level_caps(level, request_) for level in (1, 2)},
        participant_budget_s=request_.participant_budget_s,
        scaffold_digest=scaffold.digest(),
    )
    assert comparison_of(request_, cells_of(request_)) == Comparison.of(plan)
    assert Comparison.read(Comparison.of(plan).key) == Comparison.of(plan)


def calibration(path: Path, made_for: Request, *, calibrators: int) -> Path:
    rng, levels = np.random.default_rng(2), [1.0, 2.0] * 3
    bank = Bank.of([f"ot-read-v1-L{1 + n % 2}/t{n}" for n in range(6)], ["ot-read/t"] * 6, level=levels)
    scores = (rng.random((calibrators, 6)) < 0.5).astype(float)
    scores[:, 0], scores[:, 1] = 0, 1
    key = comparison_of(made_for, cells_of(made_for))
    write_calibration(
        path, calibrate(scores, bank, comparison_key=key.key, bank_version=key.bank_version, rng=rng, sizes=(2, 4))
    )
    return path


def test_a_calibration_of_another_budget_or_scaffold_is_refused_by_name(tmp_path: Path) -> None:
    file = calibration(tmp_path / "c.json", MODEL, calibrators=6)
    fitting = replace(MODEL, calibration=file)
    assert usable_calibration(fitting, cells_of(fitting)) is not None
    assert notices(fitting) == ()
    for other, said in [
        (replace(fitting, limit_tokens=7), "budget of level 1, budget of level 2 differ"),
        (replace(ASKED, calibration=file), "scaffold"),
        (replace(fitting, families=("ot-read", "web")), "version of web"),
    ]:
        with pytest.raises(RunError, match=said):
            usable_calibration(other, cells_of(other))
    narrower = replace(fitting, levels=(2,))
    assert usable_calibration(narrower, cells_of(narrower)) is not None


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    file = calibration(tmp_path / "c.json", MODEL, calibrators=6)
    file.write_text(file.read_text().replace('"comparison_key":"{', '"comparison_key":"?{'))
    fitting = replace(MODEL, calibration=file)
    with pytest.raises(RunError, match="cannot be read"):
        usable_calibration(fitting, cells_of(fitting))


def test_too_few_calibrators_are_said_before_anything_runs(tmp_path: Path) -> None:
    few = replace(MODEL, calibration=calibration(tmp_path / "c.json", MODEL, calibrators=4))
    assert "4 usable calibrators, 5 needed: probability mode is used" in notices(few)[0]


def test_a_fixed_review_stays_the_default() -> None:
    sampling = sampling_of(replace(ASKED, precision=""), "0" * 64, None)
    assert isinstance(sampling, Sampling)
    with pytest.raises(RunError, match="name its --precision"):
        cells_of(replace(ASKED, precision="", mode="probability"))


@pytest.mark.slow
def test_a_precision_has_its_price_before_the_first_call() -> None:
    asked = replace(MODEL, tier="standard", families=(), levels=(), instances=None, limit_tokens=1000)
    found = precision(asked)
    assert found == precision(asked)
    assert found["instances"] == 280
    assert 40 <= found["runs"] <= 120
    assert found["tokens_at_most"] == 1000 * found["runs"]
    assert found["hours_at_most"] > 0
    assert {item["quantity"] for item in found["expectations"]} >= {"Q1", "Q2", "Q7", "Q11"}
    assert precision(replace(asked, model=""))["tokens_at_most"] == 0
