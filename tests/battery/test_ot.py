"""What the three sub-tasks of ot share: identity, ladder, leaks, clean captures, and the gate in real boxes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.battery.families.ot import PROTECT, READ, RESPOND
from seatrial.battery.families.ot.plants import KINDS
from seatrial.battery.fingerprint import fingerprint
from seatrial.battery.gate.leak import scan
from seatrial.battery.gate.monotone import dominates
from seatrial.battery.gate.verify import verify
from seatrial.battery.instance import Attempt, InstanceKey
from seatrial.battery.stage import Stage
from seatrial.battery.verdict import Outcome

if TYPE_CHECKING:
    from seatrial.battery.family import Family
    from seatrial.sandbox import Boxes

FAMILIES: dict[str, Family] = {family.id: family for family in (READ, RESPOND, PROTECT)}
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
ids = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


def key(family: Family, level: int, number: int = 0) -> InstanceKey:
    return InstanceKey(family.id, family.version, level, hashlib.sha256(b"ot %d %d" % (level, number)).digest())


GOLDEN = json.loads(Path(__file__).with_name("golden_ot.json").read_text())  # "family level number" → digest


def digest(family: Family, level: int, number: int) -> str:
    """Of everything that a participant or a service's box gets, and of the same of the twin."""
    instance = family.generate(key(family, level, number))
    assert instance.hidden.twin is not None
    seen = [
        [one.prompt, one.files, one.services, one.technique, dict(one.knobs)]
        for one in (instance, instance.hidden.twin)
    ]
    return fingerprint(seen)[:32]


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_digests(name: str) -> None:
    """A change of any byte has to change the family's version, and these."""
    family, level, number = name.split(" ")
    assert digest(FAMILIES[family], int(level), int(number)) == GOLDEN[name]


_AGAIN = """
import sys
from seatrial.battery.families.ot import PROTECT, READ, RESPOND
from seatrial.battery.fingerprint import digests
from seatrial.battery.instance import InstanceKey
for family in (READ, RESPOND, PROTECT):
    print(digests(family.generate(InstanceKey(family.id, family.version, 4, bytes(31) + b"\\x07"))))
"""


def test_other_surroundings_give_the_same_bytes() -> None:
    outputs = set()
    for seed, zone in (("0", "UTC"), ("77", "Asia/Kathmandu")):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LANG": "de_DE.UTF-8"}
        outputs.add(subprocess.run([sys.executable, "-c", _AGAIN], env=env, capture_output=True, check=True).stdout)
    assert len(outputs) == 1


@ids
def test_every_level_is_harder_than_the_one_before(family: Family) -> None:
    for level in range(1, 13):
        assert dominates(family.knobs(level + 1), family.knobs(level), family.ordered_knobs) == ""
    with pytest.raises(ValueError, match="levels start at 1"):
        family.knobs(0)


@ids
def test_all_plants_are_drawn(family: Family) -> None:
    assert {family.generate(key(family, 1, number)).technique for number in range(12)} == set(KINDS)


@pytest.mark.parametrize("level", [6, 8])
@ids
def test_levels_above_the_ladder_generate(family: Family, level: int) -> None:
    level -= family is READ and level > 6  # at level 8 its captures take seconds; the slow test goes to 12
    instance = family.generate(key(family, level))
    assert dict(instance.knobs) == dict(family.knobs(level))


@pytest.mark.slow
@ids
def test_levels_far_above_the_ladder_generate(family: Family) -> None:
    """To level 12; a capture doubles with every level, so reading stops at 8 here (12 takes minutes)."""
    assert family.generate(key(family, 8 if family is READ else 12)).hidden.twin is not None


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
@ids
def test_nothing_delivered_tells_of_the_generator(family: Family, level: int) -> None:
    for number in range(2):
        instance = family.generate(key(family, level, number))
        assert scan(instance, instance.files) == []
        text = instance.prompt.lower()
        assert not [word for word in ("twin", "seatrial", "planted", "level 1", family.id) if word in text]


@ids
def test_arming_puts_nothing_in(family: Family) -> None:
    instance = family.generate(key(family, 2))
    one, other = (family.arm(instance, Attempt(bytes([number]) * 32, bytes(16))) for number in (1, 2))
    assert one == other
    assert one.files == instance.files


def complaints(capture: bytes, path: Path) -> str:
    path.write_bytes(capture)
    argv = ["tshark", "-n", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    argv += ["-Y", f"_ws.malformed || _ws.expert.severity >= {0x00600000}"]  # warnings and errors
    argv += ["-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message"]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300).stdout


@needs_tshark
@pytest.mark.parametrize("level", [1, 3, 4, 5])
@pytest.mark.parametrize("family", [READ, PROTECT], ids=["ot-read", "ot-protect"])
def test_a_foreign_dissector_finds_nothing_wrong_with_a_capture(family: Family, level: int, tmp_path: Path) -> None:
    instance = family.generate(key(family, level))
    assert instance.hidden.twin is not None
    for one in (instance, instance.hidden.twin):
        assert complaints(one.files["capture.pcap"], tmp_path / "capture.pcap") == ""


@needs_tshark
@pytest.mark.slow
@pytest.mark.parametrize("level", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("family", [READ, PROTECT], ids=["ot-read", "ot-protect"])
def test_many_captures_are_clean(family: Family, level: int, tmp_path: Path) -> None:
    for number in range(1, 4):
        capture = family.generate(key(family, level, number)).files["capture.pcap"]
        assert complaints(capture, tmp_path / "capture.pcap") == ""


@pytest.mark.slow
@pytest.mark.parametrize("level", [1, 3, 5])
@ids
def test_the_gate_qualifies(family: Family, level: int, boxes: Boxes) -> None:
    for number in range(2):
        manifest = verify(family, key(family, level, number), boxes, depth="full" if number else "standard")
        assert manifest.first_broken == ""


@ids
def test_the_gate_qualifies_an_easy_one(family: Family, boxes: Boxes) -> None:
    assert verify(family, key(family, 2, 5), boxes).first_broken == ""


@pytest.mark.parametrize(
    ("family", "name"), [(family, name) for family in FAMILIES.values() for name in family.participants]
)
def test_naive_participants_act_in_the_box(family: Family, name: str, boxes: Boxes) -> None:
    instance = family.generate(key(family, 3, 6))
    armed = family.arm(instance, Attempt(bytes(32), bytes(16)))
    with Stage.open(instance, armed, boxes, intake=family.intake) as stage:
        family.participants[name](stage.agent, instance)
        submission, evidence = stage.submit()
    assert bool(submission.files) == (family is not RESPOND)
    assert bool(evidence.requests) == (family is RESPOND)
    verdict = family.grade(instance, armed, submission, evidence, boxes)
    assert verdict.outcome in {Outcome.UNSOLVED, Outcome.HARMFUL}
