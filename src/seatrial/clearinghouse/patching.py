"""Measuring patches against proofs in boxes: the cells of `grouping.patch_matrix`.

A build is made once for each patch and once without any; each proof is then replayed three times on it. What differs
between replays settles nothing, and such a cell is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.clearinghouse.grouping.patch_matrix import REPLAYS, Matrix, Outcome, Patch, Proof, settled
from seatrial.clearinghouse.replaying import BuildFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seatrial.clearinghouse.replaying import Bench, Built, Case, Shown


def measure(
    bench: Bench,
    case: Case,
    patches: Sequence[tuple[Patch, bytes]],
    proofs: Sequence[tuple[Proof, bytes]],
) -> Matrix:
    """Fill the matrix of one project's build recipe.

    Args:
        bench: where builds and runs happen.
        case: the recipe and the source; its own proof is not used.
        patches: each with its unified diff.
        proofs: each with its input.
    """
    base = bench.build(case)
    cells: dict[tuple[str, str], Outcome] = {}
    usual: dict[str, tuple[str, str, str]] = {}
    for proof, pov in proofs:
        seen = _replays(bench, case, base, pov)
        usual[proof.sha256] = seen[0].signature
        _put(cells, "", proof, [Outcome.STILL if one.shown else Outcome.STOPPED for one in seen])
    for patch, diff in patches:
        for proof, cell in _column(bench, case, diff, proofs, usual).items():
            _put(cells, patch.sha256, proof, cell)
    return Matrix(tuple(patch for patch, _ in patches), tuple(proof for proof, _ in proofs), cells)


def _column(
    bench: Bench,
    case: Case,
    diff: bytes,
    proofs: Sequence[tuple[Proof, bytes]],
    usual: Mapping[str, tuple[str, str, str]],
) -> dict[Proof, list[Outcome]]:
    try:
        built = bench.build(case, patch=diff)
    except BuildFailed:
        return {proof: [Outcome.BUILD_ERROR] for proof, _ in proofs}
    if case.recipe.test and not bench.tests(case, built):
        return {proof: [Outcome.TESTS_RED] for proof, _ in proofs}
    return {
        proof: [_outcome(one, usual[proof.sha256]) for one in _replays(bench, case, built, pov)]
        for proof, pov in proofs
    }


def _outcome(seen: Shown, usual: tuple[str, str, str]) -> Outcome:
    """What a replay on a patched build says. Offsets move with a patch, so the state alone makes no other crash."""
    if not seen.shown:
        return Outcome.STOPPED
    return Outcome.STILL if seen.signature[:2] == usual[:2] else Outcome.OTHER_CRASH


def _replays(bench: Bench, case: Case, built: Built, pov: bytes) -> list[Shown]:
    return [bench.show(case, built, pov=pov) for _ in range(REPLAYS)]


def _put(cells: dict[tuple[str, str], Outcome], patch: str, proof: Proof, outcomes: list[Outcome]) -> None:
    cell = settled(outcomes)
    if cell is not None:
        cells[patch, proof.sha256] = cell
