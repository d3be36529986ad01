"""The outbox: notices of steps, until they are sent. Written in the transaction of the step that they are about.

- A notice names an object, a step and a time; what happened is read where the reader may read it.
- Whoever looks sees the notices to their own organisation; a job of the house sees all, and removes what it has sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.framework.notice import Notice, Recipient
from seatrial.framework.participant import Role
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database


class NoticeTables:
    """The notices that are not sent yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, viewer: Viewer, submission: str, seq: int, recipients: tuple[Recipient, ...]) -> None:
        """Write down who is to be told of a step; again is no fault."""
        with self._database.session(viewer, writing=True):
            act = rows.Act.objects.get(submission_id=submission, seq=seq)
            rows.Notice.objects.bulk_create(
                [rows.Notice(act=act, organisation=one.organisation, role=one.role) for one in recipients],
                ignore_conflicts=True,
            )

    def waiting(self, viewer: Viewer) -> tuple[Notice, ...]:
        """The notices to the viewer's organisation, oldest first."""
        with self._database.session(viewer):
            found = rows.Notice.objects.select_related("act").order_by("pk")
            if not viewer.sees_all:
                found = found.filter(organisation=viewer.organisation)
            return tuple(_notice(row) for row in found)

    def sent(self, viewer: Viewer, notices: tuple[Notice, ...]) -> None:
        """These were sent, and go."""
        with self._database.session(viewer, writing=True):
            rows.Notice.objects.filter(pk__in=[one.number for one in notices]).delete()

    def forget(self, viewer: Viewer, submission: str) -> None:
        """Nobody is told any more of what happened to it so far."""
        with self._database.session(viewer, writing=True):
            rows.Notice.objects.filter(act__submission_id=submission).delete()


def _notice(row: rows.Notice) -> Notice:
    act = row.act
    return Notice(row.pk, Recipient(row.organisation, Role(row.role)), act.submission_id, act.event, act.at)
