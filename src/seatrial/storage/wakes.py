"""Messages that wake workers: django-tasks-db's table, reached over the connection of the open transaction.

- A message says which unit is to be looked at, and nothing else: losing one or sending it twice does no harm.
- It is written in the transaction that made the unit due, so that one rolled back leaves nothing.
- Whoever takes it removes it in the transaction in which the unit is claimed; what a killed worker leaves is the unit,
  and the sweep wakes that again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seatrial.storage.django_setup import JOBS, start_django
from seatrial.storage.session import upgrading as over

start_django()

from django_tasks import task  # noqa: E402 - a message has a table, which is there only after that
from django_tasks_db.models import DBTaskResult  # noqa: E402 - the same

if TYPE_CHECKING:
    from seatrial.storage.session import Frame


@task(backend=JOBS, queue_name="chores")
def look_at(unit: str) -> None:
    """Make a unit complete. The room's own workers take these messages; they are not for the library's worker."""
    raise RuntimeError(f"{unit}: messages of this queue are for `seatrial worker`, not for db_worker")


def send(frame: Frame, lane: str, unit: str) -> None:
    """Wake a worker of a lane, once the open transaction is committed."""
    with over(frame.alias):
        look_at.using(queue_name=lane).enqueue(unit)


def sent(frame: Frame) -> frozenset[str]:
    """The units that have a message."""
    with over(frame.alias):
        return frozenset(found["args"][0] for found in _messages().values_list("args_kwargs", flat=True))


def any_in(frame: Frame, lane: str) -> bool:
    """Whether a lane has a message; asked before a lock is taken."""
    with over(frame.alias):
        return bool(_messages().filter(queue_name=lane).exists())


def take(frame: Frame, lane: str) -> str | None:
    """Take the oldest message of a lane that nobody else is taking: its unit."""
    with over(frame.alias):
        message = _messages().filter(queue_name=lane).get_locked()
        if message is None:
            return None
        unit: str = message.args_kwargs["args"][0]
        message.delete()
        return unit


def _messages() -> Any:  # noqa: ANN401 - the library's own kind of QuerySet, which the plugin does not know
    return DBTaskResult.objects.ready().filter(task_path=look_at.module_path)
