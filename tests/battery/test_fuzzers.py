"""The fuzzing participant, on programs of ours and of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seatrial.battery.draw import Draw
from seatrial.battery.families.memfind import FAMILY
from seatrial.battery.instance import Attempt, FileTree, InstanceKey
from seatrial.battery.judge import judge
from seatrial.battery.participants import PARTICIPANTS
from seatrial.battery.participants.contract import Absent, Brief, Guesses
from seatrial.battery.participants.fuzzers import Fuzzer, Target
from seatrial.battery.stage import Stage
from seatrial.battery.submission import SubmissionSpec
from seatrial.sandbox import BoxSpec

if TYPE_CHECKING:
    from seatrial.sandbox import Boxes

INTAKE = SubmissionSpec({"poc": 65536})
# Nothing of the generator: a count that is believed, behind a word and a sum over the rest.
COUNTED = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int used; /* put back between runs, or the second run refuses */
int main(int argc, char **argv) {
    unsigned char head[8], *cells;
    FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (used++ || !in || fread(head, 1, 8, in) != 8 || memcmp(head, "LIST", 4) != 0)
        exit(2);
    unsigned count = head[4] | head[5] << 8;
    cells = malloc(32);
    for (unsigned i = 0; i < count; i++)
        cells[i] = (unsigned char)fgetc(in);
    printf("%u\n", cells[0]);
    free(cells);
    fclose(in);
    return 0;
}
"""


def draw() -> Draw:
    return Draw(bytes(32), family="test", version="1", level=1, stream="participant")


def attempt(boxes: Boxes, tree: FileTree, seconds: float, intake: SubmissionSpec = INTAKE) -> Guesses | Absent:
    with boxes.open(BoxSpec()) as box:
        box.place("/challenge", tree.files)
        result = Fuzzer().attempt(box, Brief("", tree, intake), seconds, draw())
    assert isinstance(result, Guesses | Absent)
    return result


def test_it_is_on_the_roster() -> None:
    assert PARTICIPANTS["fuzzer"].kind == "tool"


@pytest.mark.slow
def test_it_finds_a_fault_in_a_program_of_somebody_else(boxes: Boxes) -> None:
    tree = FileTree.of({"app/list.c": COUNTED, "seed": b"LIST\2\0\0\0ab", "notes.txt": "no input"})
    result = attempt(boxes, tree, 20.0)
    assert isinstance(result, Guesses)
    (guess,) = result.guesses
    assert guess["poc"].startswith(b"LIST")
    assert "found=1" in result.note
    assert "false_alarms=0" in result.note


def test_it_hands_in_nothing_for_a_sound_program(boxes: Boxes) -> None:
    sound = COUNTED.replace("cells = malloc(32)", "cells = malloc(65536)")
    assert sound != COUNTED
    result = attempt(boxes, FileTree.of({"list.c": sound, "seed": b"LIST\2\0\0\0ab"}), 1.0)
    assert isinstance(result, Guesses)
    assert result.guesses == ()
    assert "found=0" in result.note
    # Where a machine has other fuzzers too, they share the second, and the note names them behind it.
    shares = 1 + result.note.count("ended with")
    assert float(result.note.rpartition("seconds=")[2].partition(";")[0]) == pytest.approx(1.0 / shares, abs=0.5)


def test_a_hang_and_an_abort_are_no_finding(boxes: Boxes) -> None:
    text = r"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    FILE *in = fopen(argv[argc - 1], "rb");
    int first = in ? fgetc(in) : 0;
    if (first & 1)
        abort();
    while (first & 2)
        ;
    return 0;
}
"""
    result = attempt(boxes, FileTree.of({"a.c": text, "seed": b"\x80ab"}), 4.0)
    assert isinstance(result, Guesses)
    assert result.guesses == ()


def test_equal_arguments_give_equal_findings(boxes: Boxes) -> None:
    tree = FileTree.of({"list.c": COUNTED, "seed": b"LIST\2\0\0\0ab"})
    first, second = (attempt(boxes, tree, 20.0) for _ in range(2))
    assert isinstance(first, Guesses)
    assert first.guesses
    assert isinstance(second, Guesses)
    assert first.guesses == second.guesses


def test_what_it_is_not_made_for_is_absent(boxes: Boxes) -> None:
    assert isinstance(attempt(boxes, FileTree.of({"a.py": "print()"}), 1.0), Absent)
    patch = SubmissionSpec({"patch.diff": 1024})
    assert isinstance(attempt(boxes, FileTree.of({"a.c": COUNTED}), 1.0, patch), Absent)


def test_a_program_that_does_not_build_is_no_finding(boxes: Boxes) -> None:
    result = attempt(boxes, FileTree.of({"a.c": "int main(void) { return x; }"}), 1.0)
    assert isinstance(result, Guesses)
    assert result.guesses == ()


def test_a_target_is_sources_headers_and_samples() -> None:
    files = ("Makefile", "README", "src/a.c", "src/b.c", "inc/x.h", "sample.bin", "notes.md")
    target = Target.of(FileTree.of(dict.fromkeys(files, b"")))
    assert target == Target(
        ("/challenge/src/a.c", "/challenge/src/b.c"), ("-I/challenge/inc",), ("/challenge/sample.bin",)
    )


def solves(boxes: Boxes, level: int, seed: int, seconds: float) -> bool:
    instance = FAMILY.generate(InstanceKey("memfind", FAMILY.version, level, seed.to_bytes(32, "big")))
    armed = FAMILY.arm(instance, Attempt(bytes(32), bytes(16)))
    with Stage.open(instance, armed, boxes, intake=FAMILY.intake) as stage:
        result = Fuzzer().attempt(stage.agent, Brief.of(instance, armed, FAMILY.intake, stage.env), seconds, draw())
        assert isinstance(result, Guesses)
        for name, content in (result.guesses or ({},))[0].items():
            stage.agent.write(f"/submission/{name}", content)
        submission, evidence = stage.submit()
    return judge(FAMILY, instance, armed, submission, evidence, boxes).solved


@pytest.mark.slow
def test_it_solves_most_of_the_first_level_and_not_the_third(boxes: Boxes) -> None:
    assert sum(solves(boxes, 1, seed, 5.0) for seed in range(100, 104)) >= 2
    assert not any(solves(boxes, 3, seed, 3.0) for seed in range(100, 102))


@pytest.mark.parametrize("program", ["clang", "afl-fuzz"])
def test_other_engines_where_there_are_some(boxes: Boxes, program: str) -> None:
    with boxes.open(BoxSpec()) as box:
        if box.exec(["sh", "-c", f"command -v {program}"]).returncode:
            pytest.skip(f"no {program} here: the project does not install it")
    result = attempt(boxes, FileTree.of({"list.c": COUNTED, "seed": b"LIST\2\0\0\0ab"}), 20.0)
    assert isinstance(result, Guesses)
    assert result.guesses
