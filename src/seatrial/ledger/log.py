"""The log: events in, receipts out, and the Protocols of what keeps them.

- An append, the state change it records and the new signed checkpoint are one transaction: no state without its event,
  no event without its state. Writers are serialised by the store.
- A checkpoint leaves the process only after that transaction is durable. Then the newest one is also kept outside the
  store, so that a store restored from a copy, or another one put in its place, is noticed: before every append the root
  at the published size is computed again, and a store that is smaller or different is refused (`NotTheSameLog`).
- The order of events is their index; their times never decide anything here.

>>> from seatrial.ledger.memory import MemoryCheckpoint, MemoryLogStore
>>> from seatrial.ledger.note import LogSigner
>>> from seatrial.ledger.receipt import verify_receipt
>>> signer = LogSigner.from_seed("seatrial.example/log", bytes(range(32)))
>>> log = Log.open(MemoryLogStore(), signer, MemoryCheckpoint())
>>> event = Event(
...     kind="submission.withdrawn",
...     at="2026-11-23T10:00:00Z",
...     stream="sub_000102030405060708090a0b0c0d0e0f",
...     actor=Actor("developer", "psd_101112131415161718191a1b1c1d1e1f"),
...     nonce="202122232425262728292a2b2c2d2e2f",
... )
>>> [receipt] = log.append([event])
>>> verify_receipt(receipt.encode(), signer.verifier.text).index
0
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from seatrial.ledger import merkle
from seatrial.ledger.checkpoint import Checkpoint, read_checkpoint
from seatrial.ledger.errors import LedgerError, NotTheSameLog
from seatrial.ledger.event import Actor, Event
from seatrial.ledger.note import Note, NoteSigner
from seatrial.ledger.receipt import Receipt

__all__ = ["Actor", "Event", "Log", "LogStore", "LogTx", "PublishedCheckpoint"]


class LogTx(Protocol):
    """One transaction over one log. Entries, nodes and checkpoints are only ever added."""

    def size(self) -> int:
        """Return the number of entries."""

    def put_entry(self, index: int, entry: bytes, stream: str) -> None:
        """Add entry number `index`, which must be the present size; any other index is an error of the store."""

    def entry(self, index: int) -> bytes:
        """Return entry number `index`, or raise LookupError."""

    def indexes(self, stream: str) -> Sequence[int]:
        """Return the indexes of a stream's entries, ascending."""

    def put_node(self, level: int, index: int, digest: bytes) -> None:
        """Add a complete subtree of 2**level leaves; a second one in its place is an error of the store."""

    def node(self, level: int, index: int) -> bytes:
        """Return a complete subtree's hash, or raise LookupError."""

    def put_checkpoint(self, size: int, note: bytes, *, cosigned: bool = False) -> None:
        """Add a signed checkpoint. Of one size there may be several: the log's own and those with cosignatures."""

    def latest_checkpoint(self, *, cosigned: bool = False) -> bytes | None:
        """Return the checkpoint of the largest size, of one size the one added last; None before the first.

        With `cosigned`, only those that were added as cosigned.
        """

    def after_commit(self, act: Callable[[], None]) -> None:
        """Run `act` once the outermost transaction is durable; drop it when that is rolled back."""


class LogStore(Protocol):
    """Keeps one log. Implementations: `memory`, `sqlite`, and the house's database."""

    def writing(self) -> AbstractContextManager[LogTx]:
        """Open the one writing transaction at a time, or join the one that is open; an error rolls all of it back."""

    def reading(self) -> AbstractContextManager[LogTx]:
        """Open a transaction that sees one state of the log throughout."""


class PublishedCheckpoint(Protocol):
    """The newest checkpoint that has left the process, kept apart from the store."""

    def read(self) -> bytes | None:
        """Return it; None before the first."""

    def publish(self, note: bytes, size: int) -> None:
        """Keep it durably unless a larger one is there already."""


@dataclass(frozen=True)
class Log:
    """One log: its store, its key (whose name is the origin), and its published checkpoint. See `open`."""

    store: LogStore
    signer: NoteSigner
    published: PublishedCheckpoint

    @classmethod
    def open(cls, store: LogStore, signer: NoteSigner, published: PublishedCheckpoint) -> Log:
        """Open a log, or begin it in an empty store; a begun log publishes the checkpoint of the empty tree at once.

        Raises:
            NotTheSameLog: The store does not hold what was published, or holds entries and nothing was published.
            Malformed, NotVerified: What was published is no checkpoint of this key.
        """
        log = cls(store, signer, published)
        if published.read() is None:
            with store.writing() as tx:
                if not tx.size():
                    log._sign(tx, merkle.EMPTY_ROOT, 0)
        with store.reading() as tx:
            behind = log._checked(tx).size < tx.size()
        if behind:
            log._catch_up()
        return log

    @property
    def origin(self) -> str:
        """The log's name, as checkpoints state it."""
        return self.signer.verifier.name

    def check(self) -> Checkpoint:
        """Return the published checkpoint once the store is shown to hold it.

        Raises:
            NotTheSameLog: See `open`.
        """
        with self.store.reading() as tx:
            return self._checked(tx)

    def append(self, events: Iterable[Event]) -> tuple[Receipt, ...]:
        """Append a batch and return a receipt for each event, in order.

        On return the batch is durable and its checkpoint published; inside a transaction of the store that was open
        already, it becomes so when that one commits, and not at all when it is rolled back.

        Raises:
            LedgerError: No event was given.
            NotTheSameLog: The store is not the one that was published from; nothing was written.
        """
        batch = tuple(events)
        if not batch:
            raise LedgerError("append: no event was given")
        with self.store.writing() as tx:
            self._holds(tx, Checkpoint.parse(Note.parse(self._published_note()).text))
            first, nodes = tx.size(), _Nodes(tx)
            for index, event in enumerate(batch, first):
                tx.put_entry(index, event.entry, event.stream)
                nodes.grow(index, event.entry)
            size = first + len(batch)
            note = self._sign(tx, merkle.root(nodes, size), size)
            return tuple(
                Receipt(event.entry, index, merkle.inclusion_path(nodes, index, size), note)
                for index, event in enumerate(batch, first)
            )

    def missing(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Return those whose nonce no entry of their stream has: what a killed process has not appended yet."""
        asked = tuple(events)
        with self.store.reading() as tx:
            streams = {event.stream for event in asked}
            known = {Event.parse(tx.entry(index)).nonce for one in streams for index in tx.indexes(one)}
        return tuple(event for event in asked if event.nonce not in known)

    def checkpoint(self) -> bytes:
        """Return the newest published checkpoint, after the check that the store holds it."""
        self.check()
        return self._published_note()

    def receipt(self, index: int) -> Receipt:
        """Return the receipt of an entry: under the newest cosigned checkpoint that covers it, else under the newest.

        Raises:
            LedgerError: There is no such entry yet.
        """
        newest = self._published_note()
        with self.store.reading() as tx:
            cosigned = tx.latest_checkpoint(cosigned=True)
            note = cosigned if cosigned is not None and index < _size(cosigned) else newest
            path = merkle.inclusion_path(_Nodes(tx), index, _size(note))
            return Receipt(tx.entry(index), index, path, note)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the proof that the tree of `new` entries grew from that of `old`; empty from the empty tree."""
        with self.store.reading() as tx:
            if new > tx.size():
                raise LedgerError(f"there is no tree of {new} entries in a log of {tx.size()}")
            return merkle.consistency_path(_Nodes(tx), old, new) if old else ()

    def keep_cosigned(self, note: Note) -> None:
        """Keep a checkpoint of this log that witnesses cosigned; receipts are issued under it from now on.

        Raises:
            NotTheSameLog: It is not a checkpoint of this store.
        """
        checkpoint = read_checkpoint(note.encode(), self.signer.verifier)
        with self.store.writing() as tx:
            self._holds(tx, checkpoint)
            tx.put_checkpoint(checkpoint.size, note.encode(), cosigned=True)

    def _sign(self, tx: LogTx, root: bytes, size: int) -> bytes:
        note = Checkpoint(self.origin, size, root).signed(self.signer)
        tx.put_checkpoint(size, note)
        tx.after_commit(lambda: self.published.publish(note, size))
        return note

    def _catch_up(self) -> None:
        """Publish what was durable when a process ended before it could: the store is ahead, and nothing is signed."""
        with self.store.writing() as tx:
            note = tx.latest_checkpoint()
            if note is not None:
                size = read_checkpoint(note, self.signer.verifier).size
                tx.after_commit(lambda: self.published.publish(note, size))

    def _published_note(self) -> bytes:
        note = self.published.read()
        if note is None:
            raise NotTheSameLog(f"{self.origin}: nothing was published by it; {GO_ON}")
        return note

    def _checked(self, tx: LogTx) -> Checkpoint:
        checkpoint = read_checkpoint(self._published_note(), self.signer.verifier)
        self._holds(tx, checkpoint)
        return checkpoint

    def _holds(self, tx: LogTx, checkpoint: Checkpoint) -> None:
        size = tx.size()
        if size < checkpoint.size:
            raise NotTheSameLog(
                f"{self.origin}: the store holds {size} entries, {checkpoint.size} were published; it is an older copy."
                f" {GO_ON}"
            )
        if merkle.root(tx.node, checkpoint.size) != checkpoint.root:
            raise NotTheSameLog(
                f"{self.origin}: the first {checkpoint.size} entries are not the published ones. {GO_ON}"
            )


GO_ON = "Put the newest copy back, or go on under a new origin: seatrial ledger continue"


class _Nodes:
    """A transaction's nodes, each read at most once, with those that this batch completed."""

    def __init__(self, tx: LogTx) -> None:
        self._tx = tx
        self._known = dict[tuple[int, int], bytes]()

    def __call__(self, level: int, index: int) -> bytes:
        key = (level, index)
        if key not in self._known:
            self._known[key] = self._tx.node(level, index)
        return self._known[key]

    def grow(self, index: int, entry: bytes) -> None:
        for (level, at), digest in merkle.grown(self, index, merkle.leaf_hash(entry)):
            self._known[level, at] = digest
            self._tx.put_node(level, at, digest)


def _size(note: bytes) -> int:
    return Checkpoint.parse(Note.parse(note).text).size


def recomputed_root(tx: LogTx, size: int) -> bytes:
    """Return the root over the first `size` entries from their bytes alone, without one stored node: an audit."""
    nodes = dict[tuple[int, int], bytes]()
    for index in range(size):
        nodes.update(merkle.grown(lambda level, at: nodes[level, at], index, merkle.leaf_hash(tx.entry(index))))
    return merkle.root(lambda level, at: nodes[level, at], size)
