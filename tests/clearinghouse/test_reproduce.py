"""Findings shown again by real compilers in real boxes."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from seatrial.clearinghouse.bisection import bisect
from seatrial.clearinghouse.disposition import Disposition
from seatrial.clearinghouse.finding import ClaimKind, Expect, Recipe
from seatrial.clearinghouse.grouping import Outcome, Patch, Proof, agreements
from seatrial.clearinghouse.minimise import ddmin, minimise
from seatrial.clearinghouse.patching import measure
from seatrial.clearinghouse.replaying import Bench, BuildFailed, Built, CannotRun, Case, Shown, TreeImages
from seatrial.clearinghouse.reproduce import reproduce, without_recipe
from seatrial.sandbox import SealedBoxes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static char *copy(const char *text, size_t size) {
  char *out = malloc(8);
  memcpy(out, text, size > 8 ? SIZE : size);
  return out;
}
static int sum(const int *list, int at) { return list[at]; }
int main(int argc, char **argv) {
  char text[64] = {0};
  FILE *in = fopen(argv[1], "rb");
  size_t size = fread(text, 1, 63, in);
  if (size && text[0] == 'A') { char *out = copy(text, size); free(out); }
  if (size && text[0] == 'B') { int *list = calloc(4, 4); list[0] = sum(list, text[1] == 'x' ? INDEX : 0); free(list); }
  if (size && text[0] == 'Z') { fputs(
    "==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000018 at pc 0x1 bp 0x2 sp 0x3\n"
    "WRITE of size 1 at 0x602000000018 thread T0\n    #0 0x1 in forged /src/forged.c:1\n", stderr); return 1; }
  if (size && text[0] == 'F') { FILE *r = fopen("/dev/urandom", "rb"); if (fgetc(r) & 1) abort(); }
  return 0;
}
"""
BUILD = ("gcc", "-g", "-O0", "-fsanitize=address", "-fno-omit-frame-pointer", "-o", "target", "target.c")


def recipe(expect: Expect = Expect.CRASH, **changed: object) -> Recipe:
    given = {"image": "host", "build": BUILD, "run": ("./target", "{pov}"), "expect": expect, "timeout_s": 5}
    return Recipe.model_validate(given | changed)


def source(size: str = "size", index: str = "4") -> bytes:
    return PROGRAM.replace("SIZE", size).replace("INDEX", index).encode()


def case(pov: bytes, seed: bytes | None = b"ordinary", **changed: object) -> Case:
    return Case(recipe(**changed), files=(("target.c", source()),), pov=pov, seed=seed)  # type: ignore[arg-type]


def diff(before: str, after: str) -> bytes:
    """A unified diff of the program's one line that has `before`."""
    lines = source().decode().splitlines()
    number = next(number for number, line in enumerate(lines) if before in line)
    old = lines[number]
    return (
        f"--- a/target.c\n+++ b/target.c\n@@ -{number + 1} +{number + 1} @@\n-{old}\n+{old.replace(before, after)}\n"
    ).encode()


FIX_A = diff("size > 8 ? size : size", "size > 8 ? 8 : size")
FIX_B = diff("? 4 : 0", "? 3 : 0")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with SealedBoxes() as boxes:
        yield Bench(boxes)


@pytest.mark.slow
def test_a_true_finding_is_shown_three_times_and_its_patch_stops_it(bench: Bench) -> None:
    found = reproduce(bench, case(b"A-long-input"), FIX_A)
    assert (found.disposition, found.hits, found.runs) == (Disposition.REPRODUCED, 3, 3)
    assert found.report is not None
    assert (found.report.type, found.report.trace[0].function) == ("Heap-buffer-overflow\nWRITE 12", "copy")
    assert found.marks == {"finder_harness"}
    assert reproduce(bench, case(b"A-long-input"), FIX_B).marks == {"finder_harness", "patch_does_not_stop"}
    assert reproduce(bench, case(b"A-long-input"), b"no diff").marks == {"finder_harness", "patch_does_not_build"}


@pytest.mark.slow
def test_what_is_not_shown_is_not_true_whatever_is_printed(bench: Bench) -> None:
    assert reproduce(bench, case(b"Z")).disposition is Disposition.NOT_REPRODUCED
    assert reproduce(bench, case(b"quiet")).disposition is Disposition.NOT_REPRODUCED


@pytest.mark.slow
def test_a_harness_that_fails_by_itself_shows_nothing(bench: Bench) -> None:
    found = reproduce(bench, case(b"A-long-input", seed=b"A-seed-that-crashes"))
    assert found.disposition is Disposition.HARNESS_BROKEN
    assert "the ordinary input shows it as well" in found.reason
    broken = reproduce(bench, case(b"A", build=("gcc", "-c", "absent.c")))
    assert broken.disposition is Disposition.HARNESS_BROKEN
    assert "build failed" in broken.reason
    assert "absent.c" in broken.reason


@pytest.mark.slow
def test_timeouts_leaks_oracles_and_plain_signals(bench: Bench) -> None:
    def script(text: str, expect: Expect, pov: bytes = b"x") -> Case:
        run = ("sh", "-c", text, "sh", "{pov}")
        return Case(recipe(expect, build=(), run=run, timeout_s=1), pov=pov, seed=b"seed")

    hangs = reproduce(bench, script('read x < "$1"; [ "$x" != x ] || sleep 60', Expect.TIMEOUT))
    assert (hangs.disposition, hangs.report and hangs.report.type) == (Disposition.REPRODUCED, "Timeout")
    yes = reproduce(bench, script('read x < "$1"; [ "$x" = x ]', Expect.ORACLE))
    assert (yes.disposition, yes.marks) == (Disposition.REPRODUCED, {"oracle"})
    unsure = reproduce(bench, script("exit 7", Expect.ORACLE))
    assert unsure.disposition is Disposition.NEEDS_ATTENTION
    signal = reproduce(bench, script('read x < "$1"; [ "$x" != x ] || kill -SEGV $$', Expect.CRASH))
    assert (signal.disposition, signal.marks) == (Disposition.REPRODUCED, {"no_report"})
    wrong = "import sys; x = open(sys.argv[1]).read(); x != 'x' or {}['planted']"
    panics = reproduce(bench, Case(recipe(build=(), run=("python3", "-c", wrong, "{pov}")), pov=b"x", seed=b"seed"))
    assert (panics.disposition, panics.marks) == (Disposition.REPRODUCED, {"stated_by_target"})


class Wavering(Bench):
    """A bench whose runs show something as told, to see what is made of it."""

    def __init__(self, *shown: bool) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.answers = list(shown)

    def build(self, case: Case, *, patch: bytes = b"", commit: str = "") -> Built:  # noqa: ARG002
        return Built(b"")

    def show(self, case: Case, built: Built, *, symbols: bool = False, pov: bytes | None = None) -> Shown:  # noqa: ARG002
        return Shown(shown=pov is None and not symbols and self.answers.pop(0))


@pytest.mark.parametrize(
    ("shown", "disposition", "hits"),
    [
        ((True, True, True), Disposition.REPRODUCED, 3),
        ((False, False, False), Disposition.NOT_REPRODUCED, 0),
        ((False, True, False, *[False] * 7), Disposition.FLAKY, 1),
        ((True, True, False, *[True] * 7), Disposition.FLAKY, 9),
    ],
)
def test_three_of_three_or_ten_runs_decide(shown: tuple[bool, ...], disposition: Disposition, hits: int) -> None:
    found = reproduce(Wavering(*shown), case(b"A"))
    assert (found.disposition, found.hits, found.runs) == (disposition, hits, len(shown))


def test_what_brings_nothing_to_run_waits_for_a_person() -> None:
    assert without_recipe(ClaimKind.MEMORY).disposition is Disposition.NEEDS_ATTENTION
    assert without_recipe(ClaimKind.LOGIC).disposition is Disposition.NEEDS_ORACLE


def test_a_case_that_cannot_be_run_is_refused_by_name() -> None:
    with pytest.raises(CannotRun, match="plain relative path"):
        Case(recipe(), files=(("../../etc/x", b""),), pov=b"x")
    assert "no proof came" in reproduce(Wavering(), Case(recipe())).reason
    with pytest.raises(CannotRun, match="not here"):
        TreeImages().rootfs("docker.io/somebody/image:latest")


@pytest.mark.slow
def test_a_proof_gets_smaller_and_keeps_its_signature(bench: Bench) -> None:
    one = case(b"B" + b"x" + b"padding of no account" * 2)
    found = minimise(bench, one, bench.build(one), budget=60)
    assert found.pov == b"Bx"
    assert found.finished


def test_a_search_ends_with_its_budget() -> None:
    assert ddmin(b"abcdefgh", lambda text: b"a" in text and b"h" in text, 3).finished is False
    assert ddmin(b"abcdefgh", lambda text: b"a" in text and b"h" in text, 100).pov == b"ah"


@pytest.mark.slow
def test_the_commit_that_brought_it_in_is_found(bench: Bench, tmp_path: Path) -> None:
    def git(*words: str) -> str:
        names = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main")
        return subprocess.run(
            ["git", "-C", tmp_path, *names, *words], check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    commits = []
    for number, content in enumerate([source("8"), source("8"), b"does not build", source(), source()]):
        (tmp_path / "target.c").write_bytes(content)
        (tmp_path / "note").write_text(str(number))
        git("add", "-A")
        git("commit", "-qm", str(number))
        commits.append(git("rev-parse", "HEAD").strip())
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(tmp_path, ".")
    one = Case(recipe(), archives=(packed.getvalue(),), pov=b"A-long-input")
    found = bisect(bench, one, commits[0], commits[-1])
    assert found.suspects == (commits[2], commits[3])  # one does not build, so nobody can say which
    assert found.introduced_by == ""
    with pytest.raises(ValueError, match="shows it there already"):
        bisect(bench, one, commits[3], commits[4])


@pytest.mark.slow
def test_patches_are_measured_against_proofs(bench: Bench) -> None:
    def digest(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    suite = ("sh", "-c", "printf Ashort > in && ./target in")
    one = Case(recipe(test=suite), files=(("target.c", source()),))
    broad = diff("if (size && text[0] == 'A')", "return 1; if (0)")
    patches = [
        (Patch(digest(FIX_A), "A", "one", "a", "unit"), FIX_A),
        (Patch(digest(FIX_B), "B", "two", "b", "unit"), FIX_B),
        (Patch(digest(broad), "A", "three", "c", "unit"), broad),
        (Patch(digest(b"x"), "B", "four", "d", "unit"), b"x"),
    ]
    proofs = [(Proof(digest(pov), group), pov) for pov, group in ((b"A-long-input", "A"), (b"Bx", "B"))]
    matrix = measure(bench, one, patches, proofs)
    cells = {
        (n, m): matrix.cells.get((patch.sha256, proof.sha256))
        for n, (patch, _) in enumerate(patches)
        for m, (proof, _) in enumerate(proofs)
    }
    assert [matrix.cells["", proof.sha256] for proof, _ in proofs] == [Outcome.STILL] * 2
    assert [cells[0, 0], cells[0, 1], cells[1, 0], cells[1, 1]] == [
        Outcome.STOPPED,
        Outcome.STILL,
        Outcome.STILL,
        Outcome.STOPPED,
    ]
    assert {cells[2, 0], cells[2, 1]} == {Outcome.TESTS_RED}  # silences everything, and breaks what worked
    assert {cells[3, 0], cells[3, 1]} == {Outcome.BUILD_ERROR}
    assert agreements(matrix) == ([], [])


def test_a_build_that_fails_ends_with_the_compilers_words() -> None:
    assert str(BuildFailed("build", b"first\nlast words")).endswith("last words")
