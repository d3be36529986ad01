"""Findings after their submission was withdrawn: what says which model found them goes, the finding stays.

A finding names its submission in its mark `origin` and may hold its subject. Both are taken out of the finding as it
stands; of the acts that named them the content goes, and with it the salt, so that nobody can open the log's
commitment to it. State, papers, dates and who acted stay: whoever fixes the vulnerability needs no more. What the
clearinghouse keeps beside them has its facts about the model in one row, the origin; that row is emptied.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils import timezone

from seatrial.framework.standing import Kind, Standing
from seatrial.storage.codec import decode, encode
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database

ORIGIN = "origin"


class FindingTables:
    """The findings, as a withdrawal reaches them: all of the submission, whoever holds them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def strip(self, viewer: Viewer, submission: str) -> int:
        """Take out of every finding of this submission what is about its model; how many there were."""
        with self._database.session(viewer, writing=True):
            found = [standing for standing in self._findings() if standing.mark(ORIGIN) == submission]
            for standing in found:
                left = replace(standing.with_mark(ORIGIN, ""), subject=None)
                rows.Submission.objects.filter(pk=standing.object).update(standing=encode(left))
                self._forget_naming(standing.object, submission)
            self._empty_origins(submission)
            return len(found)

    @staticmethod
    def _empty_origins(submission: str) -> None:
        theirs = rows.FindingOrigin.objects.filter(submission=submission)
        theirs.update(submission="", run="", facts="{}", shredded_at=timezone.now())

    @staticmethod
    def _findings() -> tuple[Standing, ...]:
        kept = rows.Submission.objects.filter(kind=Kind.FINDING).values_list("standing", flat=True)
        return tuple(decode(Standing, standing) for standing in kept.iterator())

    @staticmethod
    def _forget_naming(finding: str, submission: str) -> None:
        contents = rows.ActContent.objects.filter(act__submission_id=finding)
        naming = [one.pk for one in contents if [ORIGIN, submission] in one.record.get("marks", [])]
        contents.filter(pk__in=naming).delete()
