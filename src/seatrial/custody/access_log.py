"""The gateway's log: one row for each call, with digests and figures and nothing that was said.

- A row holds no body, no header and no key; model and path come from closed lists, never from the request's own text.
- Rows are numbered in the order in which they were written. A root covers every row since the root before it, so that
  none is left out; the ledger gets the root and the count alone.
- A row's call id is random (128 bits): a leaf of the tree cannot be confirmed by guessing.
- Whoever was given rows checks each with `prove` and `ledger.merkle.verify_inclusion` against the root in the ledger.

>>> row = AccessRow(call="cal_" + "0" * 32, lease="lea_" + "0" * 32, submission="sub_" + "0" * 32,
...     at=datetime(2026, 1, 2, tzinfo=UTC), path="messages", model="m", status=200, ending=Ending.WHOLE)
>>> log = MemoryAccessStore()
>>> log.add(row)
0
>>> close(log, datetime(2026, 1, 2, 1, tzinfo=UTC)).count, close(log, datetime(2026, 1, 2, 2, tzinfo=UTC))
(1, None)
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import rfc8785

from seatrial.ledger.merkle import grown, inclusion_path, leaf_hash, root

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seatrial.ledger.merkle import Nodes

ROOT_EVERY = timedelta(hours=1)
"""How often the ledger gets a root: a later change of any row is seen at most this long after the call."""
PAGE = 1000
"""Rows read at once while a root is made, so that its memory does not grow with the hour."""


class Ending(StrEnum):
    """How a call ended."""

    WHOLE = "whole"
    """The answer was forwarded to its last byte, whatever its status."""
    GATEWAY = "gateway"
    """The gateway answered by itself; nothing reached the endpoint."""
    UPSTREAM = "upstream"
    """The endpoint could not be reached, broke off or answered with something that is not forwarded."""
    CLIENT = "client"
    """The evaluator hung up."""
    CUT = "cut"
    """The lease ended while the call ran."""


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One call. Digests are hex SHA-256 of the bodies as forwarded, empty where there was none; times in ms.

    `model` is its number among the lease's models, from 1, empty for any other: rows stay, and names are deleted.
    """

    call: str
    lease: str
    submission: str
    at: datetime
    path: str
    model: str
    status: int
    ending: Ending
    code: str = ""
    request_sha256: str = ""
    response_sha256: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    microdollars: int = 0
    first_byte_ms: int = 0
    total_ms: int = 0

    @property
    def entry(self) -> bytes:
        """Canonical JSON (RFC 8785): what the tree is made of."""
        return rfc8785.dumps({**asdict(self), "at": self.at.astimezone(UTC).isoformat(), "ending": str(self.ending)})


@dataclass(frozen=True, slots=True)
class LogRoot:
    """A root over rows number `first` to `first + count - 1`; `digest` is hex."""

    first: int
    count: int
    digest: str
    made_at: datetime

    @property
    def ref(self) -> str:
        """As the ledger writes it."""
        return f"sha256:{self.digest}"


class AccessStore(Protocol):
    """Rows, roots, and which roots the ledger holds; nothing of it is ever changed."""

    def add(self, row: AccessRow) -> int:
        """Write a row; its number, from 0 without a gap. Raises `ValueError` when its call has one already."""
        ...

    def read(self, first: int, count: int) -> tuple[AccessRow, ...]:
        """At most `count` rows from number `first` on."""
        ...

    def of_submission(self, submission: str) -> tuple[tuple[int, AccessRow], ...]:
        """A submission's rows with their numbers: what its developer may have."""
        ...

    def put_root(self, made: LogRoot) -> None:
        """Keep a root. Raises `ValueError` unless it begins where the last one ended."""
        ...

    def roots(self) -> tuple[LogRoot, ...]:
        """All roots, oldest first."""
        ...

    def mark_recorded(self, made: LogRoot) -> None:
        """Keep that the ledger holds this root; again is no fault. Raises `LookupError` for a root that is not kept."""
        ...

    def unrecorded(self) -> tuple[LogRoot, ...]:
        """The roots that are not known to be in the ledger, oldest first."""
        ...


class MemoryAccessStore:
    """Rows of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[AccessRow] = []
        self._calls: set[str] = set()
        self._roots: list[LogRoot] = []
        self._recorded: set[LogRoot] = set()

    def add(self, row: AccessRow) -> int:
        """Write a row."""
        with self._lock:
            if row.call in self._calls:
                raise ValueError(f"{row.call}: this call has its row")
            self._calls.add(row.call)
            self._rows.append(row)
            return len(self._rows) - 1

    def read(self, first: int, count: int) -> tuple[AccessRow, ...]:
        """Some rows."""
        return tuple(self._rows[first : first + count])

    def of_submission(self, submission: str) -> tuple[tuple[int, AccessRow], ...]:
        """A submission's rows."""
        return tuple((number, row) for number, row in enumerate(self._rows) if row.submission == submission)

    def put_root(self, made: LogRoot) -> None:
        """Keep a root."""
        with self._lock:
            if made.first != covered(self._roots):
                raise ValueError(f"the next root begins at row {covered(self._roots)}, not {made.first}")
            self._roots.append(made)

    def roots(self) -> tuple[LogRoot, ...]:
        """All roots."""
        return tuple(self._roots)

    def mark_recorded(self, made: LogRoot) -> None:
        """The ledger holds it."""
        with self._lock:
            if made not in self._roots:
                raise LookupError(f"there is no such root from row {made.first} on")
            self._recorded.add(made)

    def unrecorded(self) -> tuple[LogRoot, ...]:
        """Those that are missing there."""
        return tuple(made for made in self._roots if made not in self._recorded)


def covered(roots: Iterable[LogRoot]) -> int:
    """How many rows the roots cover: the number of the first row without one."""
    last = None
    for last in roots:  # noqa: B007 - the last one is wanted
        pass
    return 0 if last is None else last.first + last.count


def close(store: AccessStore, now: datetime) -> LogRoot | None:
    """Make and keep the root over all rows since the last one; `None` when there are none."""
    first = covered(store.roots())
    nodes, count = tree(rows_from(store, first))
    if not count:
        return None
    made = LogRoot(first, count, root(nodes, count).hex(), now)
    store.put_root(made)
    return made


def prove(store: AccessStore, number: int) -> tuple[LogRoot, int, tuple[bytes, ...]]:
    """The root over row `number`, the row's index in it and its inclusion path. Raises `LookupError`: no root yet."""
    for made in store.roots():
        if made.first <= number < made.first + made.count:
            nodes, _ = tree(itertools.islice(rows_from(store, made.first), made.count))
            index = number - made.first
            return made, index, inclusion_path(nodes, index, made.count)
    raise LookupError(f"row {number} has no root yet; one is made every hour")


def tree(rows: Iterable[AccessRow]) -> tuple[Nodes, int]:
    """The tree over some rows, and their count."""
    kept: dict[tuple[int, int], bytes] = {}

    def nodes(level: int, index: int) -> bytes:
        return kept[level, index]

    count = 0
    for row in rows:
        kept.update(grown(nodes, count, leaf_hash(row.entry)))
        count += 1
    return nodes, count


def rows_from(store: AccessStore, first: int) -> Iterator[AccessRow]:
    """All rows from number `first` on, a page at a time."""
    while page := store.read(first, PAGE):
        yield from page
        first += len(page)
