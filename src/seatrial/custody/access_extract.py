"""A submission's rows of the gateway's log for its developer, each with its way to a root that the ledger holds.

- A line is one row: its canonical JSON as it was hashed, its root, its index and the inclusion path (RFC 9162). Whoever
  holds it and the ledger's `gateway.log_root` event needs nothing else to see that the row was not changed since.
- Rows of other submissions are in it as hashes alone, and a hash of a row cannot be guessed: its call id is random.
- A row of the running hour has no root yet, and says so.

>>> from datetime import UTC, datetime
>>> from seatrial.custody.access_log import AccessRow, Ending, MemoryAccessStore, close
>>> log = MemoryAccessStore()
>>> for number in range(3):
...     _ = log.add(AccessRow(f"cal_{number:032x}", "lea_1", f"sub_{number % 2}", datetime(2026, 1, 2, tzinfo=UTC),
...         "messages", "m", 200, Ending.WHOLE))
>>> _ = close(log, datetime(2026, 1, 2, 1, tzinfo=UTC))
>>> [(one.number, one.holds) for one in extract(log, "sub_0")]
[(0, True), (2, True)]
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.custody.access_log import rows_from, tree
from seatrial.ledger.merkle import inclusion_path, leaf_hash, verify_inclusion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.custody.access_log import AccessStore, LogRoot


@dataclass(frozen=True, slots=True)
class ProvenRow:
    """One row; without a root, `index` and `path` say nothing."""

    number: int
    entry: bytes
    root: LogRoot | None
    index: int = 0
    path: tuple[bytes, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the row is what its root was made over."""
        if self.root is None:
            return False
        top = bytes.fromhex(self.root.digest)
        return verify_inclusion(leaf_hash(self.entry), self.index, self.root.count, self.path, top)

    def to_json(self) -> str:
        """One line."""
        proof = None
        if self.root is not None:
            over = {"rows": self.root.ref, "first": self.root.first, "count": self.root.count}
            proof = {"root": over, "index": self.index, "path": [step.hex() for step in self.path]}
        return json.dumps({"number": self.number, "row": self.entry.decode(), "proof": proof})


def extract(store: AccessStore, submission: str) -> Iterator[ProvenRow]:
    """All rows of a submission, oldest first; each tree is made once."""
    own = dict(store.of_submission(submission))
    for made in store.roots():
        here = [number for number in own if made.first <= number < made.first + made.count]
        if here:
            nodes, _ = tree(itertools.islice(rows_from(store, made.first), made.count))
        for number in here:
            index = number - made.first
            path = inclusion_path(nodes, index, made.count)
            yield ProvenRow(number, own.pop(number).entry, made, index, path)
    for number, row in own.items():
        yield ProvenRow(number, row.entry, None)
