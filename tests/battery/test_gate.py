"""The gate on a toy family: sound, it qualifies; with each flaw planted, exactly the right guarantee is broken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import toyfamily
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.battery import gate
from seatrial.battery import judge as judging
from seatrial.battery.evidence import Evidence
from seatrial.battery.gate.meter import cpu_seconds
from seatrial.battery.instance import Attempt, InstanceKey
from seatrial.battery.manifest import GUARANTEES, GuaranteeState
from seatrial.battery.submission import Submission
from seatrial.battery.verdict import Outcome
from seatrial.sandbox import BoxSpec, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.instance import Instance
    from seatrial.sandbox import Box, Boxes


def verify(
    family: toyfamily.Toy, key: Callable[..., InstanceKey], boxes: Boxes, depth: gate.Depth = "standard"
) -> None:
    return gate.verify(family, key(family.id), boxes, depth=depth)


@pytest.mark.parametrize("family", [toyfamily.FAMILY, toyfamily.KEEPER_FAMILY], ids=lambda family: family.id)
@pytest.mark.parametrize("depth", ["standard", "full"])
def test_a_sound_family_qualifies(
    family: toyfamily.Toy, key: Callable[..., InstanceKey], boxes: Boxes, depth: gate.Depth
) -> None:
    manifest = verify(family, key, boxes, depth)
    assert manifest.first_broken == ""
    assert list(manifest.guarantees) == list(GUARANTEES)
    for finding in manifest.guarantees.values():
        assert finding.state is GuaranteeState.HELD or finding.reason
    assert manifest.guarantees["G9"].counts["generic"] >= (30 if depth == "full" else 12)
    assert manifest.guarantees["G2"].counts["participants"] == 8


FLAWS = {
    "unsolvable": "G1",
    "the solver raises": "G1",
    "the answer lies about": "G2",
    "the grader accepts all": "G2",
    "no twin": "G3",
    "the twin is solved": "G3",
    "a twin that is a copy": "G3",
    "the twin does not work": "G3",
    "functional raises": "G3",
    "an empty witness": "G4",
    "no case": "G4",
    "the clock": "G5",
    "the working directory": "G5",
    "the hash seed": "G5",
    "the order of a set": "G5",
    "the time zone": "G5",
    "the umask": "G5",
    "a knob falls": "G6",
    "no knob rises": "G6",
    "no ordered knobs": "G6",
    "the seed as hex": "G8",
    "the seed in bytes": "G8",
    "the generator's name": "G8",
    "the generator's path": "G8",
    "a telling word": "G8",
    "a telling file name": "G8",
    "a file of the twin": "G8",
    "a line of the twin": "G8",
    "a line of the solver": "G8",
    "the solver": "G8",
    "a build path": "G8",
    "a packed word": "G8",
    "the id of the weakness": "G8",
    "the grader raises": "G9",
    "the grader returns nothing": "G9",
    "the grader looks for a part": "G9",
    "the grader takes any number": "G9",
}
# What a flaw breaks besides: a grader that accepts all is noticed by every guarantee that asks it.
ALSO = {
    "the grader accepts all": {"G3", "G4", "G9"},
    "the grader takes any number": {"G2", "G3", "G4"},
    "the grader returns nothing": {"G1", "G2", "G3"},
    "the grader raises": {"G1", "G2", "G3"},
    "an empty witness": {"G1"},
    "the working directory": {"G8"},
    "the answer lies about": {"G8"},
}


@pytest.mark.parametrize(("flaw", "guarantee"), FLAWS.items())
def test_the_gate_notices_each_flaw(flaw: str, guarantee: str, key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    level = 2 if flaw == "a knob falls" else 1
    family = toyfamily.Toy(flaw=flaw)
    depth = "full" if flaw == "the answer lies about" else "standard"  # standard grades a few literals, full all
    manifest = gate.verify(family, key(family.id, level=level), boxes, depth=depth)
    broken = {name for name, item in manifest.guarantees.items() if item.state is GuaranteeState.BROKEN}
    assert guarantee in broken
    assert broken <= {guarantee} | ALSO.get(flaw, set())
    assert not manifest.qualified
    assert all(manifest.guarantees[name].reason for name in broken)


SERVICE_FLAWS = {
    "a stale flag": "G7",
    "a stale decoy": "G7",
    "the flag in base64": "G7",
    "the flag in a file": "G7",
    "a decoy without an event": "G2",
    "the service does not start": "G1",
}


@pytest.mark.parametrize(("flaw", "guarantee"), SERVICE_FLAWS.items())
def test_the_gate_notices_each_flaw_of_a_service(
    flaw: str, guarantee: str, key: Callable[..., InstanceKey], boxes: Boxes
) -> None:
    manifest = verify(toyfamily.Toy(id="toykeeper", service=True, flaw=flaw), key, boxes)
    assert manifest.guarantees[guarantee].state is GuaranteeState.BROKEN, manifest.guarantees
    assert not manifest.qualified


def test_a_flag_in_a_file_is_found_but_unexplained(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    manifest = verify(toyfamily.Toy(id="toykeeper", service=True, flaw="the flag in a file"), key, boxes)
    assert not manifest.participants["strings"].solved  # no service released it, so the grader calls it unexplained
    assert manifest.participants["strings"].guesses >= 1


def test_what_does_not_apply_says_why(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    manifest = verify(toyfamily.Toy(flaw="no case, with a reason"), key, boxes)
    assert manifest.guarantees["G4"].state is GuaranteeState.NOT_APPLICABLE
    assert manifest.guarantees["G4"].reason == "the toy says so"
    assert manifest.guarantees["G7"].state is GuaranteeState.NOT_APPLICABLE
    assert manifest.qualified


def test_a_generator_that_prints_does_not_disturb_the_rebuild(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    assert verify(toyfamily.Toy(flaw="a print"), key, boxes).qualified


def test_a_grader_that_takes_too_long_is_a_defect(
    key: Callable[..., InstanceKey], boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "GRADE_CAP_S", -1.0)
    manifest = verify(toyfamily.FAMILY, key, boxes)
    assert "more than" in manifest.guarantees["G9"].reason


def test_what_a_grader_raises_is_void_and_never_an_acceptance(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    family = toyfamily.Toy(flaw="the grader raises")
    instance = family.generate(key("toylock"))
    armed = family.arm(instance, Attempt(bytes(32), bytes(16)))
    judged = judging.judge(family, instance, armed, Submission({"answer": b"["}), Evidence(), boxes)
    assert judged.verdict.outcome is Outcome.VOID
    assert "JSONDecodeError" in judged.defect
    assert not judged.solved


def test_a_family_that_no_other_process_finds_breaks_g5(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    class Local(toyfamily.Toy):
        pass

    manifest = verify(Local(), key, boxes)
    assert manifest.first_broken.startswith("G5: no other process can find the family")


def test_a_machine_without_boxes_is_not_the_instance_s_fault(key: Callable[..., InstanceKey]) -> None:
    class NoBoxes:
        def open(self, spec: BoxSpec) -> Box:
            raise Unavailable(f"no engine for {spec.hostname}")

    with pytest.raises(Unavailable):
        verify(toyfamily.FAMILY, key, NoBoxes())


def test_equal_findings_have_equal_digests(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    one, other = (verify(toyfamily.FAMILY, key, boxes) for _ in range(2))
    assert one.digest() == other.digest()
    assert verify(toyfamily.FAMILY, key, boxes, "full").digest() != one.digest()


def test_a_generator_that_raises_gives_no_manifest(boxes: Boxes) -> None:
    class Broken(toyfamily.Toy):
        def generate(self, key: InstanceKey) -> Instance:
            raise ArithmeticError(f"no prime found for level {key.level}")

    with pytest.raises(ArithmeticError, match="no prime"):
        gate.verify(Broken(), InstanceKey("toylock", "1", 1, bytes(32)), boxes)


@settings(deadline=None)
@given(st.integers(1, 11))
def test_dominance_of_the_toy_to_level_twelve(level: int) -> None:
    family = toyfamily.FAMILY
    assert gate.dominates(family.knobs(level + 1), family.knobs(level), family.ordered_knobs) == ""
    assert gate.dominates(family.knobs(level), family.knobs(level + 1), family.ordered_knobs) != ""


def test_counts_for_the_statistics(key: Callable[..., InstanceKey], boxes: Boxes) -> None:
    manifests = [gate.verify(toyfamily.FAMILY, key("toylock", number), boxes).public() for number in range(3)]
    rows = gate.table(manifests)
    assert {row["participant"] for row in rows} >= {"null", "procs"}
    assert sum(row["n"] for row in rows if row["participant"] == "null") == 3
    assert all(row["solved"] == 0 for row in rows)


def test_cpu_time_counts_grandchildren(boxes: Boxes) -> None:
    before = cpu_seconds()
    with boxes.open(BoxSpec()) as box:
        started = time.process_time()
        box.exec(["python3", "-c", "import time\nwhile time.process_time() < 0.4: pass"])
        own = time.process_time() - started
    deadline = time.monotonic() + 5.0
    while cpu_seconds() - before < own + 0.3:  # a closed box is counted as soon as it is reaped
        assert time.monotonic() < deadline
