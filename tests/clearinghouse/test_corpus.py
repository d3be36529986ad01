"""A few programs of the made corpus: truth by running every fix, and what clusters and patches make of the proofs."""

from __future__ import annotations

import random

import pytest

from support.corpus_run import seen, true
from support.crash_corpus import SHAPES, corpus, program


def test_a_seed_makes_the_same_programs_and_every_shape() -> None:
    made = corpus(random.Random(7), 60)
    assert made == corpus(random.Random(7), 60)
    assert {shape for one in made for shape in one.shapes} == set(SHAPES)
    assert all(
        len([proof for proof in one.proofs if proof.bug == bug]) == 3 for one in made for bug in range(1, one.bugs + 1)
    )


@pytest.mark.slow
def test_two_bugs_behind_one_stack_are_met_as_one_and_truth_knows() -> None:
    found = seen(program(random.Random(7), "twins", "same_stack"))
    assert true(found)
    assert found.truth == (1, 1, 1, 2, 2, 2)  # measured with each fix, as they were planted
    assert any({found.truth[member] for member in group} == {1, 2} for group in found.groups)
