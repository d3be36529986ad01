"""What changed lately, of all that a viewer sees: which object, which step, where it stands since. No content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q

from seatrial.framework.participant import DEVELOPER_ROLES
from seatrial.framework.standing import Kind
from seatrial.storage.stores.submissions import seen_by
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one object."""

    object: str
    kind: Kind
    seq: int
    event: str
    state: str
    at: datetime
    person: str


class ChangeTables:
    """The steps of an installation, by time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, viewer: Viewer, since: datetime | None, most: int) -> tuple[Change, ...]:
        """The newest steps after a time, or of all times, newest first.

        The newest `most` steps are of the `most` objects that changed last, so that only those are looked at.
        """
        with self._database.session(viewer):
            objects = rows.Submission.objects.filter(seen_by(viewer)).order_by("-changed_at", "pk")
            if since is not None:
                objects = objects.filter(changed_at__gt=since)
            found = {
                one
                for way in _ways(viewer)
                for one in objects.filter(way).values_list("pk", "kind", "changed_at")[:most]
            }
            newest = sorted(sorted(found), key=lambda one: one[2], reverse=True)[:most]
            kinds = {name: kind for name, kind, _ in newest}
            acts = rows.Act.objects.filter(submission_id__in=list(kinds)).order_by("-at", "-pk")
            if since is not None:
                acts = acts.filter(at__gt=since)
            steps = acts.values_list("submission_id", "seq", "event", "target", "at", "person")[:most]
            return tuple(
                Change(name, Kind(kinds[name]), seq, event, state, at, person)
                for name, seq, event, state, at, person in steps
            )


def _ways(viewer: Viewer) -> tuple[Q, ...]:
    """By what an object can be known to a viewer, a part of a question each: together, all that they see.

    Asked one by one, each begins at its own few rows; asked in one, PostgreSQL looks at every object there is.
    """
    if viewer.sees_all or viewer.submission or viewer.role in DEVELOPER_ROLES:
        return (Q(),)
    own = viewer.organisation
    named = rows.Acquaintance.objects.filter(organisation=own).values("submission_id")
    return Q(pk__in=named), Q(evaluator=own), Q(told=own), Q(kind=Kind.FRAMEWORK_TEXT)
