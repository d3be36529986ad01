"""What is counted over many submissions, and what commits to findings without telling them: both are for everybody.

- Only the house asks: no row, name or id of a submission comes out, and nobody's own count.
- A count is of different submissions, in a quarter that is over. Whether a small one is shown is the asker's to decide.
- A commitment is the salted one of the record's entry; it opens for whoever is given the finding's own salt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count
from django.db.models.functions import ExtractQuarter, ExtractYear

from seatrial.framework.standing import Kind
from seatrial.ledger.event import Event
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database

COMMITMENT = "doc_commitment"
"""The reference by which an intake's entry commits to what was brought as a commitment."""
MOST = 100


@dataclass(frozen=True, slots=True)
class Commitment:
    """The record's entry of one intake: which log, where in it, on what day, and the salted digest."""

    log: int
    index: int
    day: str
    ref: str


class FigureTables:
    """Counts and commitments of one installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_quarter(self, viewer: Viewer, events: Sequence[str], until: datetime) -> Mapping[tuple[int, int, str], int]:
        """How many submissions took each step in each quarter before `until`: (year, quarter, step) to a count."""
        if not viewer.sees_all:
            return {}
        with self._database.session(viewer):
            found = (
                rows.Act.objects.filter(submission__kind=Kind.SUBMISSION, event__in=events, at__lt=until)
                .order_by()
                .annotate(year=ExtractYear("at"), quarter=ExtractQuarter("at"))
                .values_list("year", "quarter", "event")
                .annotate(many=Count("submission_id", distinct=True))
            )
            return {(year, quarter, event): many for year, quarter, event, many in found}

    def commitments(self, viewer: Viewer, before: tuple[int, int] | None, most: int = MOST) -> tuple[Commitment, ...]:
        """The newest commitments to findings, those before an entry (log, index) of the record."""
        if not viewer.sees_all:
            return ()
        with self._database.session(viewer):
            taken = rows.Act.objects.filter(submission__kind=Kind.FINDING, event="intake", entry_index__isnull=False)
            taken = taken.order_by("-entry_log", "-entry_index")
            if before is not None:
                log, index = before
                taken = taken.filter(entry_log=log, entry_index__lt=index) | taken.filter(entry_log__lt=log)
            read = taken.values_list("entry_log", "entry_index")[:most]
            places = [(log, index) for log, index in read if log is not None and index is not None]
            entries = self._entries(places)
        return tuple(_commitment(place, entries[place]) for place in places if place in entries)

    @staticmethod
    def _entries(places: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        logs: dict[int, list[int]] = {}
        for log, index in places:
            logs.setdefault(log, []).append(index)
        found = {}
        for log, indexes in logs.items():
            read = rows.LedgerEntry.objects.filter(log=log, index__in=indexes).values_list("index", "entry")
            found.update({(log, index): bytes(entry) for index, entry in read})
        return found


def _commitment(place: tuple[int, int], entry: bytes) -> Commitment:
    event = Event.parse(entry)
    return Commitment(*place, event.at[:10], event.refs.get(COMMITMENT, event.refs["act"]))
