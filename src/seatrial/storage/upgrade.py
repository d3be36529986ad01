"""Tables of an older installation become today's: migrations, then the triggers and the lifecycles' steps.

- Two processes that start at once on one database do it one after the other.
- Nothing is done, and nothing is locked, when the tables are today's.
- Other applications that are installed in the same process (sign-in, sessions, jobs) have their tables made as well.
- Triggers are written anew after every migration: SQLite drops them when it changes a table.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.db.migrations.executor import MigrationExecutor

from seatrial.storage.lifecycles import EDGES
from seatrial.storage.session import upgrading
from seatrial.storage.tables import rows
from seatrial.storage.triggers import renewal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.storage.session import Database

UPGRADE_LOCK = 0x5EA7_0001
"""PostgreSQL's advisory lock for the same purpose; any constant of our own."""


def pending(database: Database) -> bool:
    """Whether tables are missing or of an older form."""
    executor = MigrationExecutor(database.connection(writing=True))
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def upgrade(database: Database) -> None:
    """Bring the tables up to date."""
    if not pending(database) and _steps(database) == EDGES:
        return
    with _alone(database):
        connection = database.connection(writing=True)
        executor = MigrationExecutor(connection)
        with upgrading(connection.alias):
            executor.migrate(executor.loader.graph.leaf_nodes())
        with database.transaction(writing=True), connection.cursor() as cursor:
            for statement in renewal(connection.vendor):
                cursor.execute(statement)
            rows.Edge.objects.all().delete()
            rows.Edge.objects.bulk_create(
                rows.Edge(kind=kind, source=source, event=event, target=target)
                for kind, source, event, target in sorted(EDGES)
            )


def _steps(database: Database) -> frozenset[tuple[str, ...]]:
    with database.transaction(writing=False):
        return frozenset(rows.Edge.objects.values_list("kind", "source", "event", "target"))


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    if database.address.engine == "postgresql":
        with database.connection(writing=True).cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [UPGRADE_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [UPGRADE_LOCK])
        return
    with Path(database.address.name + ".upgrade").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
