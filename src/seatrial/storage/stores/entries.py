"""The record's entries for an auditor: page by page, newest first, by kind or by object.

An entry holds digests, ids and pseudonyms. Who else may read one is a party to it, which is asked elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.framework.participant import Role
from seatrial.ledger.event import Event
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database

MOST = 100
LOOKED_THROUGH = 5000
"""Entries that one page looks through for a kind, which has no index: what it did not reach, the next page does."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its place in its log, and the event."""

    index: int
    event: Event


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, newest first; `before` is where the next page begins, -1 where there is none."""

    entries: tuple[Entry, ...]
    before: int


class EntryTables:
    """The entries of one installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, viewer: Viewer, log: int, before: int = -1, kind: str = "", stream: str = "") -> EntryPage:
        """The entries of a log before an index, of one kind and of one object where they are named."""
        if viewer.role is not Role.AUDITOR and not viewer.sees_all:
            return EntryPage((), -1)
        with self._database.session(viewer):
            found = rows.LedgerEntry.objects.filter(log=log).order_by("-index")
            if before >= 0:
                found = found.filter(index__lt=before)
            if stream:
                found = found.filter(stream=stream)
            looked = LOOKED_THROUGH if kind else MOST + 1
            read = [(index, bytes(entry)) for index, entry in found.values_list("index", "entry")[:looked]]
        return _page(read, kind, whole=len(read) < looked)


def _page(read: list[tuple[int, bytes]], kind: str, *, whole: bool) -> EntryPage:
    wanted = f'"kind":"{kind}"'.encode()
    chosen = [(index, entry) for index, entry in read if not kind or wanted in entry]
    shown = tuple(Entry(index, Event.parse(entry)) for index, entry in chosen[:MOST])
    if len(chosen) > MOST:
        return EntryPage(shown, shown[-1].index)
    return EntryPage(shown, -1 if whole or not read else read[-1][0])
