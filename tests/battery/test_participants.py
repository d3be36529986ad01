from __future__ import annotations

import base64
import codecs
import os
from typing import TYPE_CHECKING

import pytest
import toyfamily

from seatrial.battery.draw import Draw
from seatrial.battery.instance import Armed, Attempt, Decoy, FileTree
from seatrial.battery.participants import FREE, PARTICIPANTS, Brief, Guesses, roster
from seatrial.battery.participants.contract import Analysis, Hit, Site
from seatrial.battery.participants.hostile import Folder, generic
from seatrial.battery.participants.scans import flag_like, literals
from seatrial.battery.stage import Stage
from seatrial.battery.submission import SubmissionSpec, collect

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.instance import Instance, InstanceKey
    from seatrial.sandbox import Box, Boxes

FLAG = "flag{abcdefghijklmnopqrstuvwxyz}"
BY_NAME = {one.name: one for one in FREE}


def draw(name: str = "x") -> Draw:
    return Draw(bytes(32), family="toy", version="1", level=1, stream=name)


@pytest.fixture
def lock(key: Callable[..., InstanceKey]) -> None:
    return toyfamily.FAMILY.generate(key("toylock"))


def guesses(
    name: str, lock: Instance, boxes: Boxes, files: dict[str, str] | None = None, decoys: tuple[Decoy, ...] = ()
) -> list[bytes]:
    armed = Armed(lock.files.merged(FileTree.of(files or {})), expected={}, decoys=decoys)
    with Stage.open(lock, armed, boxes, intake=toyfamily.FAMILY.intake) as stage:
        brief = Brief.of(lock, armed, toyfamily.FAMILY.intake, stage.env)
        found = BY_NAME[name].attempt(stage.agent, brief, 10.0, draw())
    assert isinstance(found, Guesses)
    return [guess["answer"] for guess in found.guesses]


def test_the_free_ones_are_those_of_the_design() -> None:
    assert list(BY_NAME) == ["null", "echo", "seed", "random", "constants", "strings", "files", "procs"]
    assert {one.kind for one in FREE} == {"floor"}


def test_each_free_participant_does_what_its_name_says(lock: Instance, boxes: Boxes) -> None:
    assert guesses("null", lock, boxes) == []
    assert guesses("echo", lock, boxes) == [lock.prompt.encode()]
    assert guesses("seed", lock, boxes)[0] == lock.files["sample.txt"]
    assert len(set(guesses("random", lock, boxes))) == 6
    assert guesses("random", lock, boxes) == guesses("random", lock, boxes)
    numbers = guesses("constants", lock, boxes, {"a.c": 'char *s = "hello"; int x = 0x1f;'})
    assert {b"hello", b"0x1f"} <= set(numbers)


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: text,
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        lambda text: text.encode().hex(),
        lambda text: codecs.encode(text, "rot13"),
        lambda text: text[::-1],
        lambda text: text.encode("utf-16-le").decode("latin-1"),
    ],
    ids=["plain", "base64", "base64url", "hex", "rot13", "reversed", "UTF-16"],
)
def test_strings_sees_through_the_usual_disguises(hide: Callable[[str], str], lock: Instance, boxes: Boxes) -> None:
    assert FLAG.encode() in guesses("strings", lock, boxes, {"notes": f"some text {hide(FLAG)} more"})


def test_files_and_procs_find_what_lies_about(lock: Instance, boxes: Boxes) -> None:
    decoys = (Decoy("env:KEY", FLAG), Decoy("/opt/app/settings", FLAG.replace("abc", "xyz")))
    found = guesses("files", lock, boxes, decoys=decoys)
    assert set(found) > {FLAG.encode(), FLAG.replace("abc", "xyz").encode()}  # and both as rot13 reads them
    assert guesses("procs", lock, boxes, decoys=decoys)[0] == FLAG.encode()


def test_flag_like_and_literals_survive_noise() -> None:
    noise = os.urandom(200_000)
    assert FLAG in flag_like(noise + FLAG.encode() + noise)
    assert list(literals(b'"a\\"b" \'c\' 12 x34 0xff')) == [b'a\\"b', b"c", b"12", b"0xff"]


def test_the_reference_solves_and_needs_the_instance(lock: Instance, boxes: Boxes) -> None:
    people = roster(toyfamily.FAMILY, lock)
    assert {"reference", "hostile", *BY_NAME} <= set(people)
    armed = toyfamily.FAMILY.arm(lock, Attempt(bytes(32), bytes(16)))
    with Stage.open(lock, armed, boxes, intake=toyfamily.FAMILY.intake) as stage:
        brief = Brief.of(lock, armed, toyfamily.FAMILY.intake, stage.env)
        found = people["reference"].attempt(stage.agent, brief, 10.0, draw())
    assert found.guesses == ({"answer": str(armed.expected["x"]).encode()},)


def test_a_family_brings_its_own(lock: Instance, boxes: Boxes) -> None:
    def half(box: Box, instance: Instance) -> None:
        box.write("/submission/answer", instance.files["sample.txt"])

    people = roster(toyfamily.Toy(participants={"half": half}), lock)
    with Stage.open(lock, Armed(lock.files), boxes, intake=toyfamily.FAMILY.intake) as stage:
        brief = Brief.of(lock, stage.armed, toyfamily.FAMILY.intake, stage.env)
        found = people["half"].attempt(stage.agent, brief, 10.0, draw())
    assert found.guesses == ({"answer": lock.files["sample.txt"]},)


def test_the_hacker_has_at_least_twelve_submissions_of_every_kind() -> None:
    intake = SubmissionSpec({"answer": 100, "notes.json": 50})
    cases = generic(intake, FileTree.of({"a.c": "int x = 12345;"}), draw())
    assert len(cases) >= 30
    assert len({case.name for case in cases}) == len(cases)
    for case in cases:
        if case.name != "above the cap":
            assert all(len(body) <= intake.files[name] for name, body in case.files.items())
    assert "hostile" in PARTICIPANTS


def test_only_regular_files_under_their_cap_come_through(lock: Instance, boxes: Boxes) -> None:
    intake = SubmissionSpec({"answer": 4096})
    with Stage.open(lock, Armed(lock.files), boxes, intake=intake) as stage:
        folder = Folder(stage.agent, intake)
        for case in generic(intake, lock.files, draw()):
            folder.put(case)
            taken = collect(stage.agent, intake)
            assert not any(b"root:" in body for body in taken.files.values()), case.name
            if case.files and case.name != "above the cap":
                assert taken.files == case.files, case.name
            if case.name in {"fifo", "socket", "symlink to a system file", "directory for a file", "above the cap"}:
                assert taken.empty, case.name
                assert taken.refused, case.name


def test_a_hit_counts_only_at_the_site_and_with_its_class() -> None:
    site = Site("src/parse.c", "h_3", (10, 20), 122)
    hits = (
        Hit("parse.c", 12, "", 122),
        Hit("src/parse.c", 12, "", 401),
        Hit("src/parse.c", 12, "h_4", 122),
        Hit("src/parse.c", 99, "h_3", 122),
        Hit("src/other.c", 12, "", 122),
    )
    score = Analysis("t", "1", hits).against(site)
    assert (score.reported, score.at_site, score.at_site_and_cwe) == (5, 3, 2)
