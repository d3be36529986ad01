"""The repair family: good repairs in every style are accepted, bad ones are not, and the tests have teeth."""

import pytest

from seatrial.battery.c.render import render
from seatrial.battery.families.memfind import generate as memfind
from seatrial.battery.families.patch import FAMILY, grade
from seatrial.battery.families.patch.diffs import Text, diff
from seatrial.battery.families.patch.hostile import PATCH
from seatrial.battery.instance import Instance
from seatrial.battery.seeds import SeedEntry
from seatrial.battery.submission import Submission
from seatrial.battery.verdict import Outcome, Verdict
from seatrial.sandbox import Boxes

SEED = bytes(range(32))


def made(level: int, index: int = 0) -> Instance:
    return FAMILY.generate(SeedEntry.of(SEED, FAMILY.id, FAMILY.version, level, index).key)


def text_of(instance: Instance, style: str | None = None) -> Text:
    program = memfind.model(instance.key.seed, instance.key.level)
    return Text.of(render(program, style) if style else render(program))


def judged(instance: Instance, patch: bytes, boxes: Boxes) -> Verdict:
    return grade.grade(instance, Submission({PATCH: patch}), boxes)


def test_the_partner_task_is_on_the_same_program() -> None:
    instance = made(2)
    partner = memfind.generate(instance.key, FAMILY.intake)
    assert instance.pair == partner.pair
    assert instance.technique == partner.technique
    for path, body, _ in partner.files:
        if path.startswith("src/"):
            assert instance.files[path] == instance.files[path.replace("src/", "src.orig/", 1)] == body


def test_evidence_grows_scarce_with_the_level() -> None:
    files = {level: set(made(level).files.files) for level in (1, 2, 3, 5)}
    assert {"proof.bin", "report.txt"} <= files[1]
    assert {"proof.bin", "report.txt"} <= files[2]
    assert "proof.bin" in files[3]
    assert "report.txt" not in files[3]
    assert "proof.bin" not in files[5]
    assert "report.txt" in files[5]


@pytest.mark.slow
@pytest.mark.parametrize("level", [1, 3])
def test_every_style_of_repair_is_accepted(level: int, boxes: Boxes) -> None:
    instance = made(level)
    program = memfind.model(instance.key.seed, instance.key.level)
    for style in program.hazard.styles:
        verdict = judged(instance, diff(text_of(instance).files, text_of(instance, style).files), boxes)
        assert verdict.outcome is Outcome.SOLVED, (style, verdict)


@pytest.mark.slow
def test_no_bad_repair_is_accepted(boxes: Boxes) -> None:
    instance = made(1)
    assert len(instance.hidden.hostile) >= 10
    for case in instance.hidden.hostile:
        verdict = judged(instance, case.files[PATCH], boxes)
        assert verdict.outcome is Outcome.UNSOLVED, case.name
        assert (verdict.partial or 0.0) < 1.0, case.name


@pytest.mark.slow
def test_the_hidden_inputs_notice_every_emptied_handler(boxes: Boxes) -> None:
    instance = made(1)
    program = memfind.model(instance.key.seed, instance.key.level)
    repaired = text_of(instance, program.repair)
    unnoticed = []
    for handler in program.handlers:
        patch = diff(text_of(instance).files, repaired.emptied(handler.name))
        if judged(instance, patch, boxes).outcome is Outcome.SOLVED:
            unnoticed.append(handler.name)
    assert unnoticed == []


def test_nothing_and_a_diff_that_does_not_apply_are_unsolved(boxes: Boxes) -> None:
    instance = made(1)
    assert grade.grade(instance, Submission(), boxes).outcome is Outcome.UNSOLVED
    twin = instance.hidden.twin
    assert twin is not None
    program = memfind.model(instance.key.seed, instance.key.level)
    reference = diff(text_of(instance).files, text_of(instance, program.repair).files)
    assert grade.grade(twin, Submission({PATCH: reference}), boxes).outcome is Outcome.UNSOLVED
