"""Tables of an older installation become today's: migrations, then triggers, the lifecycles' steps, the second wall.

- Two processes that start at once on one database do it one after the other.
- What was done last is a mark: a digest of the tables' form, the triggers, the steps and the wall. Nothing is done, and
  nothing is locked, while the mark is today's; a process that is killed on the way leaves none.
- Triggers are away while tables change their form, and written anew after it; no act is written meanwhile, for the
  upgrade has the database for itself.
- Other applications that are installed in the same process (sign-in, sessions, jobs) have their tables made as well.
- On PostgreSQL it is done by the owner's user, as the house.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from seatrial.storage import rls
from seatrial.storage.address import Part
from seatrial.storage.lifecycles import EDGES
from seatrial.storage.session import HOUSE_ROLE, ROOM, upgrading
from seatrial.storage.tables import rows
from seatrial.storage.triggers import removal, renewal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from seatrial.storage.address import Address
    from seatrial.storage.session import Database

UPGRADE_LOCK = 0x5EA7_0001
"""PostgreSQL's advisory lock for the same purpose; any constant of our own."""
MARK_BITS = 31
"""SQLite keeps a database's mark, `user_version`, as a signed integer of 32 bits."""


class OldTables(RuntimeError):
    """The tables have another form than this version's, and this process cannot change them."""


def pending(database: Database) -> bool:
    """Whether tables are missing or of an older form."""
    executor = MigrationExecutor(database.connection(writing=True))
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def upgrade(database: Database) -> None:
    """Bring the tables up to date.

    Raises:
        OldTables: the owner's user does not let this process in.
    """
    if _stands(database, Part.VIEWER):
        return
    with _alone(database) as connection:
        if _stands(database, Part.OWNER):
            return
        executor = MigrationExecutor(connection)
        if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
            if any(migration.app_label == ROOM for migration, _ in plan):
                _taken_down(database, connection)
            with upgrading(connection.alias):
                executor.migrate(executor.loader.graph.leaf_nodes())
        _put_up(database, connection)


def mark_old(database: Database) -> None:
    """Let the next upgrade write triggers, steps and wall anew: rows from a backup bring those of their own time."""
    with _alone(database) as connection:
        _mark(connection, 0)


def _taken_down(database: Database, connection: BaseDatabaseWrapper) -> None:
    with database.transaction(writing=True, part=Part.OWNER), connection.cursor() as cursor:
        for statement in removal(connection.vendor):
            cursor.execute(statement)
    _mark(connection, 0)


def _put_up(database: Database, connection: BaseDatabaseWrapper) -> None:
    with database.transaction(writing=True, part=Part.OWNER), connection.cursor() as cursor:
        for statement in renewal(connection.vendor):
            cursor.execute(statement)
        rows.Edge.objects.all().delete()
        rows.Edge.objects.bulk_create(
            rows.Edge(kind=kind, source=source, event=event, target=target)
            for kind, source, event, target in sorted(EDGES)
        )
        if connection.vendor == "postgresql":
            for statement in (*rls.renewal(database.address), *rls.other_rights(database.address)):
                cursor.execute(statement)
        _mark(connection, _wanted(database.address))


def _stands(database: Database, part: Part) -> bool:
    connection = database.connection(writing=True, part=part)
    if _marked(connection) != _wanted(database.address):
        return False
    return not _others_installed() or (not pending(database) and _others_usable(database, connection))


def _others_installed() -> bool:
    return len(list(apps.get_app_configs())) > 1


def _others_usable(database: Database, connection: BaseDatabaseWrapper) -> bool:
    """Whether the serving user may use the other applications' tables."""
    if connection.vendor == "sqlite" or not database.address.divided:
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE(bool_and(has_table_privilege(%s, quote_ident(name), 'DELETE')), true)"
            " FROM unnest(%s::text[]) name",
            [database.address.user_of(Part.VIEWER), rls.other_tables()],
        )
        return bool(cursor.fetchone()[0])


@cache
def _wanted(address: Address) -> int:
    """The mark of today's tables, rules and steps, for these users of a database."""
    vendor = "sqlite" if address.engine == "sqlite3" else "postgresql"
    forms = sorted(MigrationLoader(None).graph.leaf_nodes(ROOM))
    wall = rls.renewal(address) if vendor == "postgresql" else []
    said = json.dumps([forms, renewal(vendor), sorted(EDGES), wall])
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:4], "big") >> (32 - MARK_BITS) or 1


def _marked(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA user_version")
        else:
            cursor.execute("SELECT COALESCE(obj_description(to_regclass('storage_edge'), 'pg_class'), '0')")
        return int(cursor.fetchone()[0])


def _mark(connection: BaseDatabaseWrapper, mark: int) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA user_version = {mark}")
            return
        cursor.execute("SELECT to_regclass('storage_edge')")
        if cursor.fetchone()[0]:
            cursor.execute(f"COMMENT ON TABLE storage_edge IS '{mark}'")


@contextmanager
def _alone(database: Database) -> Iterator[BaseDatabaseWrapper]:
    """The owner's connection, while no other process upgrades this database."""
    connection = database.connection(writing=True, part=Part.OWNER)
    if database.address.engine == "sqlite3":
        with Path(database.address.name + ".upgrade").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield connection
        return
    try:
        connection.ensure_connection()
    except OperationalError as error:
        owner = database.address.user_of(Part.OWNER)
        raise OldTables(
            f"the tables are not this version's, and the database's user {owner} does not let this process in; run"
            f" once, with {owner}'s line in the password file: seatrial submission list ({error})"
        ) from error
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_lock(%s), set_config('seatrial.role', %s, false)", [UPGRADE_LOCK, HOUSE_ROLE]
        )
        try:
            yield connection
        finally:
            cursor.execute("SELECT set_config('seatrial.role', '', false), pg_advisory_unlock(%s)", [UPGRADE_LOCK])
