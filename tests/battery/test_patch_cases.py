"""Foreign programs with patches made by hand: every good one is a repair, no bad one is."""

from pathlib import Path

import pytest

from seatrial.battery.grading.case import load_case
from seatrial.battery.grading.patch import grade_patch
from seatrial.sandbox import Boxes

CASES = Path(__file__).with_name("cases")
PATCHES = sorted(path.relative_to(CASES).as_posix() for path in CASES.glob("*/*/*.patch"))


def test_there_are_cases_of_both_kinds() -> None:
    kinds = {tuple(name.split("/")[:2]) for name in PATCHES}
    assert {case for case, kind in kinds if kind == "good"} == {case for case, kind in kinds if kind == "bad"}
    assert len(PATCHES) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("name", PATCHES)
def test_patch(name: str, boxes: Boxes) -> None:
    case, kind, _ = name.split("/")
    judged = grade_patch(load_case(CASES / case), (CASES / name).read_bytes(), boxes)
    assert judged.solved == (kind == "good"), judged.as_json()
