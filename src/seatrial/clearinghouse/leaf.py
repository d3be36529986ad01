"""A batch of events as one leaf of the record: the Merkle root over their hashes, in order.

The record holds ids and digests only. Anybody who is given an event, its path in its batch and the record's own receipt
can check, offline, that the event was there when the checkpoint was signed; who is given nothing learns nothing, not
even whose batch it was.

- The tree is the record's own (RFC 6962); its leaves are the 32 bytes of the events' hashes.
- The leaf's stream is the batch's own random id, its actor a pseudonym under a key that is used once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.ledger import merkle
from seatrial.ledger.event import NONCE_BYTES, STREAM_KEY_BYTES, Actor, Event, instant, pseudonym

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

KIND = "findings.batch"
BATCH_BYTES = 16
EVENTS = "events"
"""The name of the root among the leaf's references."""


class _Tree:
    def __init__(self, hashes: Sequence[str]) -> None:
        self.size = len(hashes)
        self._nodes: dict[tuple[int, int], bytes] = {}
        for index, one in enumerate(hashes):
            self._nodes.update(merkle.grown(self.node, index, merkle.leaf_hash(bytes.fromhex(one))))

    def node(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]


def root_of(hashes: Sequence[str]) -> str:
    """The root over hashes of events (64 hex digits each), in hex."""
    tree = _Tree(hashes)
    return merkle.root(tree.node, tree.size).hex()


def path_of(hashes: Sequence[str], position: int) -> tuple[str, ...]:
    """The path of the hash at `position`, from the leaf upwards, in hex."""
    tree = _Tree(hashes)
    return tuple(digest.hex() for digest in merkle.inclusion_path(tree.node, position, tree.size))


def in_batch(event_hash: str, position: int, size: int, path: Sequence[str], root: str) -> bool:
    """Whether the event of this hash is at `position` of the batch of `size` events with this root.

    >>> hashes = ["aa" * 32, "bb" * 32, "cc" * 32]
    >>> in_batch(hashes[2], 2, 3, path_of(hashes, 2), root_of(hashes))
    True
    >>> in_batch(hashes[1], 2, 3, path_of(hashes, 2), root_of(hashes))
    False
    """
    leaf, steps = merkle.leaf_hash(bytes.fromhex(event_hash)), [bytes.fromhex(one) for one in path]
    return merkle.verify_inclusion(leaf, position, size, steps, bytes.fromhex(root))


def new_batch(random: Callable[[int], bytes]) -> str:
    """The id of a batch."""
    return f"bat_{random(BATCH_BYTES).hex()}"


def record_event(batch: str, root: str, at: datetime, random: Callable[[int], bytes]) -> Event:
    """The record's leaf for a batch with this root."""
    return Event(
        kind=KIND,
        at=instant(at),
        stream=batch,
        actor=Actor("clearinghouse", pseudonym(random(STREAM_KEY_BYTES), "clearinghouse")),
        nonce=random(NONCE_BYTES).hex(),
        refs={EVENTS: f"sha256:{root}"},
    )
