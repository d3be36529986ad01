"""A log kept in memory: for tests, for trying things out, and as the plainest reading of the storage Protocols."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seatrial.ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class MemoryLogStore:
    """Keeps one log in this process; a transaction that fails takes its additions back."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tx: MemoryLogTx | None = None
        self._entries = list[bytes]()
        self._streams = dict[str, list[int]]()
        self._nodes = dict[tuple[int, int], bytes]()
        self._checkpoints = list[tuple[int, bytes, bool]]()

    @contextmanager
    def writing(self) -> Iterator[MemoryLogTx]:
        """Open the writing transaction, or join the one that is open in this thread."""
        with self._lock:
            if self._tx is not None:
                yield self._tx
                return
            acts = self._transacted()
            with acts as tx:
                yield tx
            after = tx.after
        for act in after:
            act()

    @contextmanager
    def _transacted(self) -> Iterator[MemoryLogTx]:
        entries, checkpoints = len(self._entries), len(self._checkpoints)
        self._tx = MemoryLogTx(self)
        try:
            yield self._tx
        except BaseException:
            self._take_back(entries, checkpoints, self._tx.nodes_added)
            raise
        finally:
            self._tx = None

    def _take_back(self, entries: int, checkpoints: int, nodes: Sequence[tuple[int, int]]) -> None:
        del self._entries[entries:], self._checkpoints[checkpoints:]
        self._streams = {name: [i for i in own if i < entries] for name, own in self._streams.items()}
        for key in nodes:
            del self._nodes[key]

    @contextmanager
    def reading(self) -> Iterator[MemoryLogTx]:
        """Open a transaction that sees one state: writers wait for it."""
        with self._lock:
            yield self._tx or MemoryLogTx(self)


class MemoryLogTx:
    """A transaction of `MemoryLogStore`."""

    def __init__(self, store: MemoryLogStore) -> None:
        self._store = store
        self.after = list[Callable[[], None]]()
        self.nodes_added = list[tuple[int, int]]()

    def size(self) -> int:
        """Return the number of entries."""
        return len(self._store._entries)

    def put_entry(self, index: int, entry: bytes, stream: str) -> None:
        """Add the next entry."""
        if index != self.size():
            raise LedgerError(f"entry {index} is not the next one; the log has {self.size()}")
        self._store._entries.append(entry)
        self._store._streams.setdefault(stream, []).append(index)

    def entry(self, index: int) -> bytes:
        """Return an entry."""
        if not 0 <= index < self.size():
            raise LookupError(f"there is no entry {index} in a log of {self.size()}")
        return self._store._entries[index]

    def indexes(self, stream: str) -> Sequence[int]:
        """Return the indexes of a stream's entries."""
        return tuple(self._store._streams.get(stream, ()))

    def put_node(self, level: int, index: int, digest: bytes) -> None:
        """Add a complete subtree."""
        if (level, index) in self._store._nodes:
            raise LedgerError(f"node {index} of level {level} is there already; nodes never change")
        self._store._nodes[level, index] = digest
        self.nodes_added.append((level, index))

    def node(self, level: int, index: int) -> bytes:
        """Return a complete subtree's hash."""
        return self._store._nodes[level, index]

    def put_checkpoint(self, size: int, note: bytes, *, cosigned: bool = False) -> None:
        """Add a signed checkpoint."""
        self._store._checkpoints.append((size, note, cosigned))

    def latest_checkpoint(self, *, cosigned: bool = False) -> bytes | None:
        """Return the newest checkpoint, or the newest cosigned one."""
        fitting = [(size, at) for at, (size, _, by) in enumerate(self._store._checkpoints) if by or not cosigned]
        return self._store._checkpoints[max(fitting)[1]][1] if fitting else None

    def after_commit(self, act: Callable[[], None]) -> None:
        """Run `act` after the outermost transaction."""
        self.after.append(act)


class MemoryCheckpoint:
    """A published checkpoint that lives as long as the process."""

    def __init__(self) -> None:
        self._held: tuple[int, bytes] | None = None

    def read(self) -> bytes | None:
        """Return it."""
        return self._held[1] if self._held else None

    def publish(self, note: bytes, size: int) -> None:
        """Keep it unless a larger one is there."""
        if self._held is None or size >= self._held[0]:
            self._held = (size, note)
