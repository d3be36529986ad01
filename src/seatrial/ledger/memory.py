"""A log kept in memory: for tests, for trying things out, and as the plainest reading of the storage Protocols."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatrial.ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass
class _Rows:
    entries: list[tuple[str, bytes]] = field(default_factory=list)
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    checkpoints: list[tuple[int, bytes, bool]] = field(default_factory=list)


class MemoryLogStore:
    """Keeps one log in this process; a transaction that fails takes its additions back."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rows = _Rows()
        self._tx: MemoryLogTx | None = None
        self._writes = False

    @contextmanager
    def writing(self) -> Iterator[MemoryLogTx]:
        """Open the writing transaction, or join the one that is open in this thread."""
        with self._lock:
            if self._tx is not None:
                if not self._writes:
                    raise LedgerError(
                        "a reading transaction cannot turn into a writing one; open the writing one first"
                    )
                yield self._tx
                return
            with self._opened(writes=True) as tx:
                try:
                    yield tx
                except BaseException:
                    tx.take_back()
                    raise
        for act in tx.after:
            act()

    @contextmanager
    def reading(self) -> Iterator[MemoryLogTx]:
        """Open a transaction that sees one state: writers wait for it."""
        with self._lock:
            if self._tx is not None:
                yield self._tx
                return
            with self._opened(writes=False) as tx:
                yield tx

    @contextmanager
    def _opened(self, *, writes: bool) -> Iterator[MemoryLogTx]:
        self._tx, self._writes = MemoryLogTx(self._rows), writes
        try:
            yield self._tx
        finally:
            self._tx = None


class MemoryLogTx:
    """A transaction of `MemoryLogStore`."""

    def __init__(self, rows: _Rows) -> None:
        self._rows = rows
        self._began = (len(rows.entries), len(rows.checkpoints))
        self._nodes_added = list[tuple[int, int]]()
        self.after = list[Callable[[], None]]()

    def take_back(self) -> None:
        """Remove what this transaction added."""
        entries, checkpoints = self._began
        del self._rows.entries[entries:], self._rows.checkpoints[checkpoints:]
        for key in self._nodes_added:
            del self._rows.nodes[key]

    def size(self) -> int:
        """Return the number of entries."""
        return len(self._rows.entries)

    def put_entry(self, index: int, entry: bytes, stream: str) -> None:
        """Add the next entry."""
        if index != self.size():
            raise LedgerError(f"entry {index} is not the next one; the log has {self.size()}")
        self._rows.entries.append((stream, entry))

    def entry(self, index: int) -> bytes:
        """Return an entry."""
        if not 0 <= index < self.size():
            raise LookupError(f"there is no entry {index} in a log of {self.size()}")
        return self._rows.entries[index][1]

    def indexes(self, stream: str) -> Sequence[int]:
        """Return the indexes of a stream's entries."""
        return [index for index, (own, _) in enumerate(self._rows.entries) if own == stream]

    def put_node(self, level: int, index: int, digest: bytes) -> None:
        """Add a complete subtree."""
        if (level, index) in self._rows.nodes:
            raise LedgerError(f"node {index} of level {level} is there already; nodes never change")
        self._rows.nodes[level, index] = digest
        self._nodes_added.append((level, index))

    def node(self, level: int, index: int) -> bytes:
        """Return a complete subtree's hash."""
        try:
            return self._rows.nodes[level, index]
        except KeyError:
            raise LookupError(f"node {index} of level {level} is missing from the store") from None

    def put_checkpoint(self, size: int, note: bytes, *, cosigned: bool = False) -> None:
        """Add a signed checkpoint."""
        self._rows.checkpoints.append((size, note, cosigned))

    def latest_checkpoint(self, *, cosigned: bool = False) -> bytes | None:
        """Return the newest checkpoint, or the newest cosigned one."""
        rows = self._rows.checkpoints
        fitting = [(size, at) for at, (size, _, by) in enumerate(rows) if by or not cosigned]
        return rows[max(fitting)[1]][1] if fitting else None

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
        if self._held is None or size > self._held[0]:
            self._held = (size, note)
