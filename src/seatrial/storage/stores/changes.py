"""What changed lately, of all that a viewer sees: which object, which step, where it stands since. No content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

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
            kinds = dict(objects.values_list("pk", "kind")[:most])
            acts = rows.Act.objects.filter(submission_id__in=list(kinds)).order_by("-at", "-pk")
            if since is not None:
                acts = acts.filter(at__gt=since)
            found = acts.values_list("submission_id", "seq", "event", "target", "at", "person")[:most]
            return tuple(
                Change(name, Kind(kinds[name]), seq, event, state, at, person)
                for name, seq, event, state, at, person in found
            )
