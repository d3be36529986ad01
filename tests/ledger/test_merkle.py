"""The tree: the classic vectors, every pair up to 257, an independent implementation, and every flipped bit."""

from __future__ import annotations

from hashlib import sha256

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.ledger import merkle
from seatrial.ledger.errors import LedgerError
from support.ledger import CT_INPUTS, Reference

CT_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def tree(entries: list[bytes]) -> merkle.Nodes:
    nodes: dict[tuple[int, int], bytes] = {}
    for index, entry in enumerate(entries):
        nodes.update(merkle.grown(lambda level, at: nodes[level, at], index, merkle.leaf_hash(entry)))
    return lambda level, at: nodes[level, at]


def entries(count: int) -> list[bytes]:
    return [index.to_bytes(4, "big") for index in range(count)]


def test_the_roots_of_the_classic_certificate_transparency_inputs() -> None:
    nodes = tree(list(CT_INPUTS))

    assert [merkle.root(nodes, size).hex() for size in range(1, 9)] == list(CT_ROOTS)
    assert merkle.root(nodes, 0) == sha256(b"").digest()


def test_every_inclusion_pair_up_to_257() -> None:
    every = entries(257)
    nodes, reference = tree(every), Reference(every)
    for size in range(1, 258):
        root = merkle.root(nodes, size)
        assert root == reference.mth(0, size)
        for index in range(size):
            path = merkle.inclusion_path(nodes, index, size)
            assert list(path) == reference.path(index, 0, size)
            assert merkle.verify_inclusion(merkle.leaf_hash(every[index]), index, size, path, root)


def test_every_consistency_pair_up_to_257() -> None:
    every = entries(257)
    nodes, reference = tree(every), Reference(every)
    roots = [merkle.root(nodes, size) for size in range(258)]
    for new in range(1, 258):
        for old in range(1, new + 1):
            path = merkle.consistency_path(nodes, old, new)
            assert list(path) == reference.subproof(old, 0, new, whole=True)
            assert merkle.verify_consistency(old, new, roots[old], roots[new], path)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 33, 64, 65])
def test_a_path_is_true_at_no_other_place(size: int) -> None:
    every = entries(size)
    nodes = tree(every)
    root = merkle.root(nodes, size)
    for index in range(size):
        leaf, path = merkle.leaf_hash(every[index]), merkle.inclusion_path(nodes, index, size)
        for other in range(-1, size + 2):
            assert merkle.verify_inclusion(leaf, other, size, path, root) == (other == index)
        assert not merkle.verify_inclusion(leaf, index, size, (*path, root), root)
        assert not path or not merkle.verify_inclusion(leaf, index, size, path[:-1], root)


def flips(data: bytes) -> list[bytes]:
    return [data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :] for at in range(len(data)) for bit in range(8)]


@pytest.mark.parametrize(("index", "size"), [(0, 1), (4, 7), (6, 7), (11, 16), (16, 17)])
def test_any_flipped_bit_of_leaf_path_or_root_is_refused(index: int, size: int) -> None:
    every = entries(size)
    nodes = tree(every)
    leaf, path, root = (
        merkle.leaf_hash(every[index]),
        merkle.inclusion_path(nodes, index, size),
        merkle.root(nodes, size),
    )

    assert merkle.verify_inclusion(leaf, index, size, path, root)
    assert not any(merkle.verify_inclusion(bad, index, size, path, root) for bad in flips(leaf))
    assert not any(merkle.verify_inclusion(leaf, index, size, path, bad) for bad in flips(root))
    for at, step in enumerate(path):
        for bad in flips(step):
            assert not merkle.verify_inclusion(leaf, index, size, (*path[:at], bad, *path[at + 1 :]), root)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (4, 7), (6, 8), (8, 9)])
def test_any_flipped_bit_of_a_consistency_proof_is_refused(old: int, new: int) -> None:
    nodes = tree(entries(new))
    before, after, path = merkle.root(nodes, old), merkle.root(nodes, new), merkle.consistency_path(nodes, old, new)

    assert merkle.verify_consistency(old, new, before, after, path)
    assert not any(merkle.verify_consistency(old, new, bad, after, path) for bad in flips(before))
    assert not any(merkle.verify_consistency(old, new, before, bad, path) for bad in flips(after))
    for at, step in enumerate(path):
        for bad in flips(step):
            assert not merkle.verify_consistency(old, new, before, after, (*path[:at], bad, *path[at + 1 :]))


def test_degenerate_proofs_are_refused() -> None:
    nodes = tree(entries(4))
    root = merkle.root(nodes, 4)

    assert merkle.verify_consistency(4, 4, root, root, ())
    assert not merkle.verify_consistency(4, 4, root, merkle.root(nodes, 3), ())
    assert not merkle.verify_consistency(4, 4, root, root, (root,))
    assert not merkle.verify_consistency(0, 4, merkle.EMPTY_ROOT, root, ())
    assert not merkle.verify_consistency(3, 4, merkle.root(nodes, 3), root, ())
    assert not merkle.verify_consistency(4, 3, root, merkle.root(nodes, 3), ())
    assert not merkle.verify_inclusion(b"short", 0, 1, (), b"short")
    with pytest.raises(LedgerError, match="no entry 4"):
        merkle.inclusion_path(nodes, 4, 4)
    with pytest.raises(LedgerError, match="1 <= old <= new"):
        merkle.consistency_path(nodes, 0, 4)


@settings(deadline=None, max_examples=12)
@given(size=st.integers(1, 4096), seed=st.integers(0, 2**32), picks=st.lists(st.integers(0, 2**32), max_size=20))
def test_an_independent_implementation_agrees(size: int, seed: int, picks: list[int]) -> None:
    every = [sha256(f"{seed}/{index}".encode()).digest() for index in range(size)]
    nodes, oracle = tree(every), pymerkle.InmemoryTree.init_from_entries(every, algorithm="sha256")

    assert merkle.root(nodes, size) == oracle.get_root()
    for pick in picks:
        index, old = pick % size, pick % size + 1
        proof = oracle.prove_inclusion(index + 1)
        assert proof.path[0] == merkle.leaf_hash(every[index])
        assert tuple(proof.path[1:]) == merkle.inclusion_path(nodes, index, size)
        assert merkle.root(nodes, old) == oracle.get_root(old)
        pymerkle.verify_consistency(oracle.get_root(old), oracle.get_root(), oracle.prove_consistency(old))
