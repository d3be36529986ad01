r"""The tree of RFC 6962 section 2.1 (hashing of RFC 9162): roots, paths, and what an outsider runs to check them.

- SHA-256; the empty tree is the hash of nothing; a leaf is hashed after 0x00, a node after 0x01; a tree of n leaves
  splits at the largest power of two below n.
- Only complete subtrees are stored: node (level, index) covers leaves [index * 2**level, (index + 1) * 2**level).
  Every root and every element of a path is a fold of at most log2(n) of them.
- The verifiers take nothing but hashes and sizes, return a truth value and never raise on a hash of a wrong length.

>>> entries = [b"", b"\x00", b"\x10"]
>>> nodes: dict[tuple[int, int], bytes] = {}
>>> for index, entry in enumerate(entries):
...     nodes.update(grown(lambda level, i: nodes[level, i], index, leaf_hash(entry)))
>>> read = lambda level, index: nodes[level, index]
>>> root(read, 3).hex()[:16]
'aeb6bcfe274b70a1'
>>> path = inclusion_path(read, 2, 3)
>>> verify_inclusion(leaf_hash(entries[2]), 2, 3, path, root(read, 3))
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from seatrial.ledger.errors import LedgerError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
MAX_PATH: Final = 63
"""No path is longer: sizes are below 2**63 in every format here."""

Nodes = Callable[[int, int], bytes]
"""How a complete subtree is read: (level, index) to its hash."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees as their parent."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grown(nodes: Nodes, index: int, leaf: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield the complete subtrees that leaf number `index` completes, the leaf itself first."""
    level, digest = 0, leaf
    yield (level, index), digest
    while index & 1:
        digest = node_hash(nodes(level, index - 1), digest)
        level, index = level + 1, index >> 1
        yield (level, index), digest


def root(nodes: Nodes, size: int) -> bytes:
    """Return the root of the first `size` leaves."""
    return _span(nodes, 0, size) if size else EMPTY_ROOT


def inclusion_path(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """Return the siblings of leaf `index` in the tree of `size` leaves, from the leaf upwards (RFC 6962 2.1.1).

    Raises:
        LedgerError: There is no such leaf.
    """
    if not 0 <= index < size:
        raise LedgerError(f"there is no entry {index} in a log of {size}")
    start, end, path = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_span(nodes, middle, end))
            end = middle
        else:
            path.append(_span(nodes, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_path(nodes: Nodes, old: int, new: int) -> tuple[bytes, ...]:
    """Return what shows that the tree of `new` leaves grew from that of `old` (RFC 6962 2.1.2).

    Raises:
        LedgerError: Not 1 <= old <= new; the empty tree needs no proof and has none.
    """
    if not 1 <= old <= new:
        raise LedgerError(f"no consistency proof leads from {old} to {new} entries; 1 <= old <= new is needed")
    start, end, path = 0, new, list[bytes]()
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_span(nodes, middle, end))
            end = middle
        else:
            path.append(_span(nodes, start, middle))
            start = middle
    if start:
        path.append(_span(nodes, start, end))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], tree: bytes) -> bool:
    """Say whether `leaf` is number `index` of the tree of `size` leaves whose root is `tree` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(leaf, tree, *path):
        return False
    first, last, digest = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if first & 1 or first == last:
            digest = node_hash(sibling, digest)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and digest == tree


def verify_consistency(old: int, new: int, old_tree: bytes, new_tree: bytes, path: Sequence[bytes]) -> bool:
    """Say whether the tree of `new` leaves with root `new_tree` grew from the other one (RFC 9162 2.1.4.2)."""
    if not 1 <= old <= new or not _are_hashes(old_tree, new_tree, *path):
        return False
    if old == new:
        return not path and old_tree == new_tree
    if not path:
        return False
    steps = list(path) if old & (old - 1) else [old_tree, *path]
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    return _climbed(first, last, steps) == (old_tree, new_tree)


def _climbed(first: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the roots of the older and the newer tree that the steps lead to, if they lead to a root."""
    older = newer = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if first & 1 or first == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            newer = node_hash(newer, step)
        first, last = first >> 1, last >> 1
    return (older, newer) if last == 0 else None


def _are_hashes(*digests: bytes) -> bool:
    return all(len(digest) == HASH_BYTES for digest in digests)


def _split(size: int) -> int:
    """Return the largest power of two below `size` (size >= 2)."""
    return 1 << (size - 1).bit_length() - 1


def _span(nodes: Nodes, start: int, end: int) -> bytes:
    """Return the root over leaves [start, end), which begins where a subtree of its size may begin."""
    parts = list[bytes]()
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append(nodes(level, start >> level))
        start += 1 << level
    digest = parts.pop()
    while parts:
        digest = node_hash(parts.pop(), digest)
    return digest
