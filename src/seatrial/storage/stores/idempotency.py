"""Requests that a program may send again, for a day: the same request gets its first answer, another one none.

- A key is an organisation's own word for one request; what it stands for is the request's digest.
- What is kept of an answer are ids, states and numbers: whoever forgets a submission has nothing to forget here, and a
  secret that was shown once is never among them.
- A request whose process ended in the middle holds its key until somebody on the same host asks again; on another host
  for `HELD`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from seatrial.storage.models.idempotency import KEY_LENGTH as KEY_LENGTH  # noqa: PLC0414 - for whoever reads a key
from seatrial.storage.tables import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from seatrial.framework.viewer import Viewer
    from seatrial.storage.session import Database

KEPT = timedelta(hours=24)
"""Our decision: a pipeline that is run again the next day is another run."""
HELD = timedelta(minutes=2)
"""Longer than any request is worked on; then its process has ended."""


@dataclass(frozen=True, slots=True)
class Known:
    """A request that was sent before; `status` is None while it is worked on, `answer` None where it is not kept."""

    digest: str
    status: int | None
    answer: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that works on a request, as it is kept; and whether such a one is over."""

    named: Mapping[str, Any]
    gone: Callable[[Mapping[str, Any]], bool]


class AnsweredTables:
    """The keys of organisations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, viewer: Viewer, key: str, digest: str, operation: str, now: datetime, by: Holder) -> Known | None:
        """Take a key for a request; None: it is the first. What is too old is removed on the way.

        The key of a request that is not answered names its holder where the answer will stand; one that is gone has
        lost it.
        """
        with self._database.session(viewer, writing=True):
            own = rows.AnsweredRequest.objects.filter(organisation_id=viewer.organisation)
            own.filter(at__lte=now - KEPT).delete()
            held = own.filter(key=key, status__isnull=True)
            held.filter(at__lte=now - HELD).delete()
            for left in held:
                if left.answer and by.gone(left.answer):
                    left.delete()
            found, first = rows.AnsweredRequest.objects.get_or_create(
                organisation_id=viewer.organisation,
                key=key,
                defaults={"digest": digest, "operation": operation, "at": now, "answer": dict(by.named)},
            )
            return None if first else Known(found.digest, found.status, found.answer if found.status else None)

    def answered(self, viewer: Viewer, key: str, status: int, answer: Mapping[str, Any] | None) -> None:
        """Keep what was answered."""
        with self._database.session(viewer, writing=True):
            own = rows.AnsweredRequest.objects.filter(organisation_id=viewer.organisation, key=key)
            own.update(status=status, answer=answer)

    def drop(self, viewer: Viewer, key: str) -> None:
        """Let a key go: its request changed nothing, and may be sent again."""
        with self._database.session(viewer, writing=True):
            rows.AnsweredRequest.objects.filter(organisation_id=viewer.organisation, key=key).delete()
