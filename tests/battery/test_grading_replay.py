"""Replaying proofs of foreign programs, none of which our generator made."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.battery.c.build import ADDRESS, REPRODUCIBLE, TARGET, BuildFailed, Recipe, build, compile_c
from seatrial.battery.grading.case import Case, CaseError, Proof, RunPlan, load_case
from seatrial.battery.grading.replay import Execution, Run, _agreed, grade_replay, observe
from seatrial.battery.instance import FileTree
from seatrial.sandbox import BoxSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.battery.grading.replay import CaseReplay, ProofReplay
    from seatrial.sandbox import Boxes

CASES = Path(__file__).parent / "cases"


@pytest.fixture(scope="module")
def replayed(boxes: Boxes) -> Callable[[str], dict[str, ProofReplay]]:
    done: dict[str, CaseReplay] = {}

    def of(name: str) -> dict[str, ProofReplay]:
        if name not in done:
            done[name] = grade_replay(load_case(CASES / name), boxes)
        return {item.proof: item for item in done[name].proofs}

    return of


def test_a_library_with_its_own_makefile_and_a_twin(replayed: Callable[[str], dict[str, ProofReplay]]) -> None:
    found = replayed("gradebook")
    proof = found["proofs/five.txt"]
    assert (proof.reproduced, proof.state, proof.fault) == (3, "reproduced", "heap-buffer-overflow")
    assert [(place.file, place.function) for place in proof.frames[:3]] == [
        ("lib/book.c", "enrol"), ("lib/book.c", "book_line"), ("app/main.c", "main"),
    ]  # fmt: skip
    assert (proof.as_stated, proof.twin_clean) == (True, "yes")
    quiet = found["proofs/two.txt"]
    assert (quiet.reproduced, quiet.state, quiet.twin_clean) == (0, "not reproduced", "not checked")


def test_standard_input_and_a_twin_by_environment(replayed: Callable[[str], dict[str, ProofReplay]]) -> None:
    found = replayed("undo")
    assert {name: item.fault for name, item in found.items()} == {
        "proofs/replace-after-undo": "double-free",
        "proofs/undo-twice": "heap-use-after-free",
        "proofs/harmless": "",
    }
    assert {item.twin_clean for item in found.values() if item.fault} == {"yes"}
    assert all(item.as_stated for item in found.values() if item.fault)


def test_a_plain_build_faults_by_signal(replayed: Callable[[str], dict[str, ProofReplay]]) -> None:
    found = replayed("matrix")
    empty = found["proofs/empty.txt"]
    assert (empty.reproduced, empty.fault, empty.frames, empty.as_stated) == (3, "SIGSEGV", (), None)
    assert empty.twin_clean == "not checked"
    assert found["proofs/two.txt"].state == "not reproduced"


def test_what_a_program_prints_is_not_believed(replayed: Callable[[str], dict[str, ProofReplay]]) -> None:
    found = replayed("parrot")
    assert {item.state for item in found.values()} == {"not reproduced"}
    assert any("longer than 2 s" in note for note in found["proofs/slow.txt"].notes)


def test_json_has_what_the_design_asks_for(boxes: Boxes) -> None:
    case = load_case(CASES / "matrix")
    body = grade_replay(case, boxes).as_json()
    assert body["case"] == "matrix"
    assert body["proofs"][0] == {
        "proof": "proofs/empty.txt", "reproduced": "3 of 3", "state": "reproduced", "class": "SIGSEGV", "frames": [],
        "as_stated": None, "twin_clean": "not checked", "notes": [],
    }  # fmt: skip


FORGER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    char path[256], *options = getenv("ASAN_OPTIONS"), *at = strstr(options, "log_path=") + 9;
    snprintf(path, sizeof path, "%.*s.1", (int)strcspn(at, ":"), at);
    FILE *out = fopen(path, "w");
    fputs("==1==ERROR: AddressSanitizer: double-free on address 0x1 at pc 0x2 bp 0x3 sp 0x4\n"
          "    #0 0x5 in main /case/source/forger.c:3\nSUMMARY: AddressSanitizer: double-free x\n", out);
    return argc ? 3 : (int)(size_t)argv;
}
"""


def test_the_known_limit_a_program_that_reads_its_environment(boxes: Boxes) -> None:
    """Stated in the module: such a program is believed, and the exit code of the run gives it away."""
    tree = FileTree.of({"forger.c": FORGER})
    target = compile_c(boxes, tree, *ADDRESS)
    (run,) = observe(boxes, target, Execution(("./target", "{input}")), b"", repeats=1)
    assert (run.fault, run.exit_agrees) == ("double-free", False)


def test_an_input_with_a_strange_name_or_a_huge_one(boxes: Boxes) -> None:
    case = load_case(CASES / "undo")
    proofs = (Proof("proofs/../$(id) ;\n.bin", b"=x\n"), Proof("-rf", b"=" + b"A" * (8 << 20)))
    plan = RunPlan(("sh", "-c", 'exec ./undo < "$1"', "sh", "{input}"), timeout_s=10)
    made = Case("strange", case.source, case.build, plan, proofs=proofs)
    assert {item.state for item in grade_replay(made, boxes).proofs} == {"not reproduced"}


def test_memory_that_runs_out_is_no_fault(boxes: Boxes) -> None:
    text = "#include <stdlib.h>\nint main(void) { char *p = malloc((size_t)1 << 60); return p ? 1 : 0; }\n"
    tree = FileTree.of({"greedy.c": text})
    target = compile_c(boxes, tree, *ADDRESS)
    (run,) = observe(boxes, target, Execution(("./target",)), b"", repeats=1)
    assert (run.fault, run.exit_code) == ("", 0)


def test_a_build_is_made_once_and_a_failing_one_says_why(boxes: Boxes) -> None:
    tree = FileTree.of({"a.c": "int main(void) { return 0; }\n"})
    assert compile_c(boxes, tree) is compile_c(boxes, tree)
    assert compile_c(boxes, tree, "-O2") is not compile_c(boxes, tree)
    broken = FileTree.of({"a.c": "int main(void) { return x; }\n"})
    with pytest.raises(BuildFailed, match=r"build command `gcc .* ended with 1"):
        compile_c(boxes, broken)


def test_two_builds_of_one_tree_are_equal(boxes: Boxes) -> None:
    """The working directory once stood in the debug information."""
    tree = FileTree.of({"a.c": "int main(void) { return 0; }\n"})
    other = BoxSpec(hostname="other")
    recipe = Recipe((("gcc", *ADDRESS, *REPRODUCIBLE, "-o", TARGET, "a.c"),), keep=TARGET)
    assert build(boxes, tree, recipe).content == build(boxes, tree, recipe, box=other).content


def run_of(fault: str, function: str = "f") -> Run:
    from seatrial.battery.grading.replay import Place  # noqa: PLC0415

    return Run(fault, "AddressSanitizer" if fault else "", (Place("a.c", 1, function),), (), (), False, 1, True, b"")


def test_agreement_is_by_class_and_innermost_function() -> None:
    assert len(_agreed([run_of("a"), run_of("a"), run_of("a", "g")])) == 2
    assert len(_agreed([run_of("a"), run_of(""), run_of("")])) == 1
    assert _agreed([run_of(""), run_of(""), run_of("")]) == []


def broken_case(tmp_path: Path, old: str, new: str, name: str = "gradebook") -> Path:
    folder = tmp_path / name
    shutil.copytree(CASES / name, folder)
    file = folder / "case.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return folder


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "gradebook"', 'id = "gradebook", colour = "red"', "case.colour: unknown key; known here: id"),
        ("timeout_s = 120", "timeout_s = 0", "build.timeout_s: 0 is not allowed; give seconds above zero"),
        ("timeout_s = 120", "timeout_s = nan", "build.timeout_s: nan is not allowed"),
        ("timeout_s = 120", "timeout_s = true", "build.timeout_s: 'True' is not allowed"),
        ('[["make", "-s"]]', '["make", "-s"]', "build.commands: give a list of commands"),
        ('[["make", "-s"]]', "[]", "build.commands: give a list of commands"),
        ("[run]", "[runs]", "run: missing; give a table"),
        ('"{input}"]', '"input"]', "has no {input}; add it, or set run.stdin = true"),
        ("timeout_s = 10", 'faults = ["crash"]', "run.faults: ['crash'] is not allowed"),
        ('path = "proofs/five.txt"', 'path = "proofs/six.txt"', "'proofs/six.txt' cannot be read"),
        ('path = "proofs/five.txt"', 'path = "../case.toml"', "leaves the case"),
        ('path = "proofs/five.txt"', 'path = "/etc/passwd"', "leaves the case"),
        ('path = "proofs/five.txt"', 'path = "proofs"', "cannot be read"),
        ('path = "proofs/five.txt"', 'path = "proofs/two.txt"', "stands there twice"),
        ('stdout = "tests/two.out"', "stdout = 3", "test[0].stdout: '3' is not allowed"),
        ('stdout = "tests/two.out"', 'exit = 300\nstdout = "tests/two.out"', "test[0].exit: 300 is not allowed"),
        ('CFLAGS = "-O2 -g"', "CFLAGS = 2", "build.plain_env: give a table of texts"),
        ("[run]", "[run", "not TOML"),
    ],
)
def test_a_mistake_in_a_case_is_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(CaseError) as caught:
        load_case(broken_case(tmp_path, old, new))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_case_that_is_not_there_or_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such case directory"):
        load_case(tmp_path / "none")
    with pytest.raises(CaseError, match="no such file"):
        load_case(tmp_path)
    (tmp_path / "case.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CaseError, match="cannot be read"):
        load_case(tmp_path)
    (tmp_path / "case.toml").unlink()
    os.mkfifo(tmp_path / "case.toml")
    with pytest.raises(CaseError, match="not a regular file"):
        load_case(tmp_path)


def test_links_in_a_case(tmp_path: Path) -> None:
    folder = broken_case(tmp_path, "gradebook", "gradebook")
    (folder / "source" / "also.c").symlink_to("lib/book.c")
    assert b"enrol" in load_case(folder).source["also.c"]
    (folder / "source" / "secret").symlink_to("/etc/passwd")
    with pytest.raises(CaseError, match="leaves the case"):
        load_case(folder)
    (folder / "source" / "secret").unlink()
    (folder / "source" / "loop").symlink_to(".")
    with pytest.raises(CaseError, match="a linked folder is not taken"):
        load_case(folder)


def test_a_missing_tool_or_program_is_one_line(tmp_path: Path, boxes: Boxes) -> None:
    folder = broken_case(tmp_path, '[["make", "-s"]]', '[["no-such-build-tool"]]')
    with pytest.raises(CaseError, match=r"build of source: 'no-such-build-tool' is not in the box"):
        grade_replay(load_case(folder), boxes)
    shutil.rmtree(folder)
    folder = broken_case(tmp_path, '["bin/gradebook", "{input}"]', '["bin/nothing", "{input}"]')
    with pytest.raises(CaseError, match=r"run.command: 'bin/nothing' is not in the built tree"):
        grade_replay(load_case(folder), boxes)
    shutil.rmtree(folder)
    folder = broken_case(tmp_path, '[["make", "-s"]]', '[["make", "-s", "no-such-target"]]')
    with pytest.raises(CaseError, match=r"build of source: build command `make -s no-such-target` ended with 2"):
        grade_replay(load_case(folder), boxes)


def test_a_case_without_proofs_has_nothing_to_replay(boxes: Boxes) -> None:
    case = load_case(CASES / "matrix")
    with pytest.raises(CaseError, match="no proof to replay"):
        grade_replay(Case(case.id, case.source, case.build, case.run), boxes)
