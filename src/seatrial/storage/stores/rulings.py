"""Rulings on flagged samples, of submissions that the viewer sees.

- A ruling is of the viewer's own person. It is written once and never changed.
- Its developer sees what was decided about its model; it goes with the content of a submission that is purged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.evaluation.scrutiny.rulings import Decision, Ruling, why_not
from seatrial.framework.submission_store import NotHere
from seatrial.storage.stores.submissions import beside_seen, seen_by
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database


class RulingTables:
    """The rulings of one installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, viewer: Viewer, submission: str, ruling: Ruling) -> None:
        """Keep a ruling.

        Raises:
            NotHere: there is no such submission for this viewer.
            ValueError: it is somebody else's, or this person asked for a second one.
        """
        if (ruling.person, ruling.organisation) != (viewer.person, viewer.organisation):
            raise ValueError("a ruling: nobody decides for somebody else")
        with self._database.session(viewer, writing=True):
            if not rows.Submission.objects.filter(seen_by(viewer), pk=submission).exists():
                raise NotHere(submission)
            earlier = [one for one in self.of(viewer, submission, ruling.unit) if one.key == ruling.key]
            if why := why_not(earlier, ruling.person):
                raise ValueError(why)
            named = {name: getattr(ruling, name) for name in Ruling.__slots__}
            rows.Ruling.objects.create(submission_id=submission, **named)

    def of(self, viewer: Viewer, submission: str = "", unit: str = "") -> tuple[Ruling, ...]:
        """Rulings that the viewer sees, oldest first; of one submission, of one run of it, or all."""
        with self._database.session(viewer):
            found = rows.Ruling.objects.filter(beside_seen(viewer))
            found = found.filter(submission_id=submission) if submission else found
            found = found.filter(unit=unit) if unit else found
            return tuple(_ruling(row) for row in found.order_by("pk"))


def _ruling(row: rows.Ruling) -> Ruling:
    named = (row.unit, row.participant, row.sample, row.epoch)
    return Ruling(*named, Decision(row.decision), row.reason, row.person, row.organisation, row.at)
