"""What speaks for a pair of groups, and when it is enough."""

import pytest

from seatrial.clearinghouse.grouping import (
    Hint,
    Kind,
    Matrix,
    Outcome,
    Patch,
    Profile,
    Proof,
    agreements,
    candidates,
    contradictions,
    hints_of,
    near,
)
from seatrial.clearinghouse.grouping.patch_matrix import change_digest, settled
from seatrial.clearinghouse.grouping.text import alike

PROOFS = (Proof("p1", "A"), Proof("p2", "A"), Proof("p3", "B"))
OF_A = Patch("fa", "A", origin="one", content="x", tests="unit")
OF_B = Patch("fb", "B", origin="two", content="y")


def matrix(changed: dict[tuple[str, str], Outcome] | None = None, *patches: Patch) -> Matrix:
    some = patches or (OF_A, OF_B)
    cells = {("", proof.sha256): Outcome.STILL for proof in PROOFS}
    cells |= {(patch.sha256, proof.sha256): Outcome.STOPPED for patch in some for proof in PROOFS}
    return Matrix(some, PROOFS, cells | (changed or {}))


def test_patches_that_stop_each_others_proofs_join() -> None:
    assert agreements(matrix()) == ([("A", "B")], [])


@pytest.mark.parametrize(
    "short",
    [
        matrix({("fb", "p2"): Outcome.STILL}),
        matrix({("fb", "p1"): Outcome.TESTS_RED}),
        matrix({("fb", "p1"): Outcome.OTHER_CRASH}),
        matrix(None, OF_A, Patch("fb", "B", origin="one", content="y")),  # one source
        matrix(None, OF_A, Patch("fb", "B", origin="two", content="x")),  # one change
        matrix(None, Patch("fa", "A", origin="one", content="x"), OF_B),  # no tests named
    ],
)
def test_less_than_two_way_agreement_only_proposes(short: Matrix) -> None:
    joined, hints = agreements(short)
    assert joined == []
    assert hints
    assert {hint.kind for hint in hints} == {Kind.ONE_WAY_PATCH}


def test_the_upstream_fix_needs_no_second_source() -> None:
    upstream = Patch("fb", "B", origin="one", content="x", upstream=True)
    assert agreements(matrix(None, OF_A, upstream))[0] == [("A", "B")]


def test_without_a_crash_in_the_control_column_a_cell_says_nothing() -> None:
    dead = {("", proof.sha256): Outcome.STOPPED for proof in PROOFS}
    assert agreements(matrix(dead)) == ([], [])


def test_a_patch_that_does_not_mend_its_own_group_counts_for_nothing() -> None:
    assert agreements(matrix({("fa", "p1"): Outcome.STILL, ("fb", "p3"): Outcome.STILL})) == ([], [])


def test_a_patch_that_parts_its_group_proposes_a_split() -> None:
    assert contradictions(matrix({("fa", "p2"): Outcome.STILL})) == {"A": (("p1",), ("p2",))}
    assert contradictions(matrix()) == {}


def test_replays_that_differ_settle_nothing() -> None:
    assert settled([Outcome.STOPPED] * 3) is Outcome.STOPPED
    assert settled([Outcome.STOPPED, Outcome.STILL, Outcome.STOPPED]) is None


def test_a_change_is_known_again_in_other_dress() -> None:
    first = "--- a/f.c\n+++ b/f.c\n@@ -1,2 +1,2 @@\n ctx\n-  if (n > 4)\n+  if (n >= 4)\n"
    moved = "--- f.c\t2026-01-01\n+++ f.c\n@@ -9,2 +9,2 @@\n other\n-\tif (n>4)\n+\tif (n>=4)\n"
    assert change_digest(first) == change_digest(moved)
    assert change_digest(first) != change_digest(first.replace(">=", "<"))


def test_hints_come_from_what_groups_share() -> None:
    commit = {"introduced_by": "c0ffee", "type_words": frozenset({"Heap-buffer-overflow"})}
    profiles = [
        Profile("C-2", **commit, functions=frozenset({"parse"}), fixed_by="f1"),
        Profile("C-1", **commit, functions=frozenset({"parse", "main"}), fixed_by="f1"),
        Profile("C-3", places=frozenset({(787, "a.c", "parse")}), fix_hunks=frozenset({("a.c", 10)})),
        Profile("C-4", places=frozenset({(787, "a.c", "parse")}), fix_hunks=frozenset({("a.c", 10)})),
    ]
    found = candidates(hints_of(profiles))
    assert [(pair.one, pair.other, [hint.kind for hint in pair.hints]) for pair in found] == [
        ("C-1", "C-2", [Kind.SAME_FIX, Kind.SAME_INTRODUCTION_AND_FRAME, Kind.SAME_INTRODUCTION_AND_TYPE]),
        ("C-3", "C-4", [Kind.SAME_FIX, Kind.SAME_WEAKNESS_AND_PLACE]),
    ]


def test_a_commit_that_brought_everything_says_nothing() -> None:
    many = [Profile(f"C-{n}", introduced_by="import", functions=frozenset({"parse"})) for n in range(21)]
    assert hints_of(many) == []
    assert hints_of(many[:20])


def test_at_most_five_a_group_and_declined_pairs_stay_away() -> None:
    hints = [hint for n in range(9) if (hint := near("C-0", f"C-{n + 1}", 0.31 + n / 100))]
    found = candidates(hints)
    assert [pair.other for pair in found] == ["C-1", "C-2", "C-3", "C-4", "C-5"]
    declined = {("C-0", "C-1"): frozenset({found[0].hints[0].words})}
    assert candidates(hints, declined)[0].other == "C-2"
    patch = Hint("C-1", "C-0", Kind.ONE_WAY_PATCH, 1.0, "patch stops all")
    assert [candidates([*hints, patch], declined)[0].one, candidates([*hints, patch], declined)[0].other] == [
        "C-0",
        "C-1",
    ]
    assert near("a", "b", 0.51) is None


def test_texts_that_say_nearly_the_same() -> None:
    text = "the session cookie is accepted after the account was removed because the cache is asked first"
    texts = {"C-1": text, "C-2": text.replace("first", "before"), "C-3": "a filename from the archive leaves the root"}
    hints = alike(texts)
    assert [(hint.one, hint.other) for hint in hints] == [("C-1", "C-2")]
    assert hints[0].weight == pytest.approx(13 / 15)
