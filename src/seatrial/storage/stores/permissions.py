"""Grants, requests for two keys, and votes, of submissions that the viewer sees.

- A grant's reader sees the grants to its own organisation; the developer sees all of its own submissions.
- A vote is written once. A withdrawal ends grants and voids requests in its own transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial.framework.consent import Grant
from seatrial.framework.participant import DEVELOPER_ROLES
from seatrial.framework.two_key import KeyRequest, Vote
from seatrial.storage.codec import decode, encode
from seatrial.storage.stores.submissions import MOST, beside_seen, seen_by
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from datetime import datetime

    from seatrial.framework.two_key import KeyAction
    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database


class PermissionTables:
    """What else is opened, asked for and voted on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grant(self, viewer: Viewer, submission: str, grant: Grant) -> None:
        """Keep a new grant, of the developer's own submission.

        Raises:
            LookupError: there is no such submission of this viewer's.
            ValueError: the id is taken.
        """
        with self._database.session(viewer, writing=True):
            self._seen(viewer, submission)
            if not viewer.sees_all and viewer.role not in DEVELOPER_ROLES:
                raise LookupError(f"{submission}: there is no such object of yours")
            _, new = rows.Grant.objects.get_or_create(
                submission_id=submission,
                name=grant.id,
                defaults={
                    "object": grant.object,
                    "data_class": grant.data_class,
                    "organisation": grant.organisation,
                    "role": grant.role,
                    "not_before": grant.not_before,
                    "expires": grant.expires,
                    "ended_at": grant.ended_at,
                    "record": encode(grant),
                },
            )
        if not new:
            raise ValueError(f"grant {grant.id}: is there already; a grant does not change, it ends")

    def grants(self, viewer: Viewer, submission: str) -> tuple[Grant, ...]:
        """The grants of a submission that the viewer may know of."""
        with self._database.session(viewer):
            found = rows.Grant.objects.filter(submission_id=submission).order_by("pk")
            if not (viewer.sees_all or viewer.submission == submission or viewer.role in DEVELOPER_ROLES):
                found = found.filter(organisation=viewer.organisation)
            found = found.filter(beside_seen(viewer))
            return tuple(decode(Grant, record) for record in found.values_list("record", flat=True))

    def granted(self, viewer: Viewer, after: str = "") -> tuple[tuple[tuple[str, Grant], ...], str]:
        """The grants to the viewer's organisation, each with its submission, newest first, and where the next begin."""
        with self._database.session(viewer):
            found = rows.Grant.objects.filter(organisation=viewer.organisation).order_by("-pk")
            found = found.filter(beside_seen(viewer))
            if after.isdecimal():
                found = found.filter(pk__lt=int(after))
            read = list(found.values_list("pk", "submission_id", "record")[: MOST + 1])
        more = str(read[MOST - 1][0]) if len(read) > MOST else ""
        return tuple((submission, decode(Grant, record)) for _, submission, record in read[:MOST]), more

    def end_grants(self, viewer: Viewer, submission: str, at: datetime) -> int:
        """End all grants of a submission; how many were still open."""
        with self._database.session(viewer, writing=True):
            self._seen(viewer, submission)
            going = list(rows.Grant.objects.filter(submission_id=submission, ended_at__isnull=True))
            for row in going:
                row.ended_at, row.record = at, encode(decode(Grant, row.record).end(at))
            rows.Grant.objects.bulk_update(going, ["ended_at", "record"])
            return len(going)

    def end_grant(self, viewer: Viewer, submission: str, name: str, at: datetime) -> bool:
        """End one grant of the developer's own submission; whether it was open until now.

        Raises:
            LookupError: there is no such grant of this viewer's.
        """
        with self._database.session(viewer, writing=True):
            self._seen(viewer, submission)
            own = viewer.sees_all or viewer.role in DEVELOPER_ROLES
            row = rows.Grant.objects.filter(submission_id=submission, name=name).first() if own else None
            if row is None:
                raise LookupError(f"{name}: there is no such grant of yours")
            if row.ended_at is not None:
                return False
            row.ended_at, row.record = at, encode(decode(Grant, row.record).end(at))
            row.save(update_fields=["ended_at", "record"])
            return True

    def ask(self, viewer: Viewer, submission: str, request: KeyRequest) -> None:
        """Keep a request for two keys."""
        with self._database.session(viewer, writing=True):
            self._seen(viewer, submission)
            rows.KeyRequest.objects.create(
                submission_id=submission,
                name=request.id,
                action=request.action,
                digest=request.digest,
                at=request.at,
                withdrawn_at=request.withdrawn_at,
                record=encode(request),
            )

    def vote(self, viewer: Viewer, submission: str, vote: Vote) -> None:
        """Keep a vote, of the viewer's own person.

        Raises:
            LookupError: there is no such request for this viewer.
            ValueError: it is somebody else's vote.
        """
        if not viewer.sees_all and (vote.person, vote.organisation) != (viewer.person, viewer.organisation):
            raise ValueError(f"vote on {vote.request}: nobody votes for somebody else")
        with self._database.session(viewer, writing=True):
            self._seen(viewer, submission)
            asked = rows.KeyRequest.objects.filter(submission_id=submission, name=vote.request).first()
            if asked is None:
                raise LookupError(f"{vote.request}: there is no such request")
            rows.Vote.objects.create(request=asked, person=vote.person, at=vote.at, record=encode(vote))

    def asked(self, viewer: Viewer, submission: str) -> tuple[tuple[KeyRequest, tuple[Vote, ...]], ...]:
        """The requests of a submission with their votes."""
        with self._database.session(viewer):
            self._seen(viewer, submission)
            found = rows.KeyRequest.objects.filter(submission_id=submission).order_by("pk").prefetch_related("votes")
            return tuple(
                (decode(KeyRequest, row.record), tuple(decode(Vote, vote.record) for vote in row.votes.all()))
                for row in found
            )

    def asked_everywhere(self, viewer: Viewer) -> tuple[tuple[str, KeyRequest, tuple[Vote, ...]], ...]:
        """The requests that nobody has withdrawn, of every submission that the viewer sees, oldest first."""
        with self._database.session(viewer):
            found = rows.KeyRequest.objects.filter(beside_seen(viewer), withdrawn_at__isnull=True).order_by("pk")
            return tuple(
                (
                    row.submission_id,
                    decode(KeyRequest, row.record),
                    tuple(decode(Vote, vote.record) for vote in row.votes.all()),
                )
                for row in found.prefetch_related("votes")
            )

    def void(self, viewer: Viewer, submission: str, at: datetime) -> int:
        """Void all open requests of a submission, and so every vote on them; how many."""
        return self._voided(viewer, submission, at)

    def take_back(self, viewer: Viewer, submission: str, action: KeyAction, at: datetime) -> int:
        """Void the open requests for one action, and so every key that was turned for it; how many."""
        return self._voided(viewer, submission, at, action=action)

    def _voided(self, viewer: Viewer, submission: str, at: datetime, **which: str) -> int:
        with self._database.session(viewer, writing=True):
            self._seen(viewer, submission)
            asked = rows.KeyRequest.objects.filter(submission_id=submission, withdrawn_at__isnull=True)
            going = list(asked.filter(**which))
            for row in going:
                row.withdrawn_at, row.record = at, {**row.record, "withdrawn_at": at.isoformat()}
            rows.KeyRequest.objects.bulk_update(going, ["withdrawn_at", "record"])
            return len(going)

    @staticmethod
    def _seen(viewer: Viewer, submission: str) -> None:
        if not rows.Submission.objects.filter(seen_by(viewer), pk=submission).exists():
            raise LookupError(f"{submission}: there is no such object")
