"""The one way to the rows: a transaction that knows who is looking.

- A query outside a session is an error, never a query to some default database: the router has no other answer.
- A session inside a session joins it, if it is of the same viewer and asks for no more than the outer one has; so an
  act, its ledger event and the checkpoint over it are one transaction, whichever of them opened it. An inner one that
  is left by an error takes back what it wrote, and only that.
- A writer takes the database's write lock at its first statement (SQLite) or the log's head row (PostgreSQL); readers
  see one consistent state and never wait.
- On PostgreSQL the transaction tells the database who is looking, and the database's own policies (`rls`) hold for
  whatever is asked in it. The house's sessions run over connections of a user of their own, where there is one.
- Several installations in one process do not meet: each has connections of its own.
- Tables of other applications (sign-in, sessions, jobs) are not the room's: they answer under Django's name "default",
  in the same database once it `becomes_default`. Ask for them outside sessions: on SQLite a second writer of the same
  thread would wait for itself.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connections, transaction

from seatrial.storage.address import Part
from seatrial.storage.django_setup import start_django

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model

    from seatrial.framework.viewer import Viewer
    from seatrial.storage.address import Address

PRIVATE_FILE = 0o600
ROOM = "storage"
"""The label of the room's own application."""
DEFAULT = "default"


CONTEXT = ("role", "organisation", "person", "submission")
"""What the database is told of a viewer, as `seatrial.role` and so on."""
HOUSE_ROLE, JOB_ROLE = "house", "job"
"""What it is told as the role of those who are no persons; no role of the framework has such a name."""
_TELL = "SELECT " + ", ".join(f"set_config('seatrial.{name}', %s, true)" for name in CONTEXT)


class NoSession(RuntimeError):
    """Rows were asked for outside a session."""


class WrongSession(RuntimeError):
    """A session was opened inside one of another viewer, another database or with less right."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The open transaction of this context: its database, whether it may write, and who is looking (None: the log)."""

    database: Database
    alias: str
    writing: bool
    viewer: Viewer | None


_open: ContextVar[Frame | None] = ContextVar("seatrial_storage_frame", default=None)


def frame() -> Frame:
    """The open transaction of this context.

    Raises:
        NoSession: none is open.
    """
    current = _open.get()
    if current is None:
        raise NoSession("rows are read and written inside `database.session(viewer)` only")
    return current


_upgrading: ContextVar[str] = ContextVar("seatrial_storage_upgrading", default=DEFAULT)


@contextmanager
def upgrading(alias: str) -> Iterator[None]:
    """While tables are changed over one connection, migrations of other applications find their rows over it too."""
    token = _upgrading.set(alias)
    try:
        yield
    finally:
        _upgrading.reset(token)


class Router:
    """Sends queries for the room's rows to the open session's connection, and those of other applications to theirs."""

    def db_for_read(self, model: type[Model], **_hints: object) -> str:
        """The open session's connection; Django's own for what is not the room's."""
        return frame().alias if _of_the_room(model) else _upgrading.get()

    db_for_write = db_for_read

    def allow_relation(self, one: Model, other: Model, **_hints: object) -> bool:
        """Rows of one session may refer to each other; rows of other applications never to the room's."""
        return _of_the_room(one) == _of_the_room(other)


def context(viewer: Viewer) -> tuple[str, str, str, str]:
    """What the database is told of a viewer; empty is nobody.

    >>> from seatrial.framework.participant import Role
    >>> from seatrial.framework.viewer import Viewer
    >>> context(Viewer.of("per-1", "lab-a", Role.DEVELOPER_OWNER))
    ('developer_owner', 'lab-a', 'per-1', '')
    """
    if viewer.sees_all:
        return (HOUSE_ROLE, "", "", "")
    if viewer.submission:
        return (JOB_ROLE, "", "", viewer.submission)
    return (str(viewer.role), viewer.organisation, viewer.person, "")


class Database:
    """One database: opened once, used by any number of threads."""

    def __init__(self, address: Address) -> None:
        self.address = address
        start_django()
        self._names: dict[tuple[Part, bool], str] = {}
        for part in Part:
            for writing in (True, False):
                settings = address.settings(writing=writing, part=part)
                name = hashlib.sha256(repr(settings).encode()).hexdigest()[:16]
                alias = f"{'write' if writing else 'read'}_{name}"
                self._names[part, writing] = alias
                if alias not in connections.settings:
                    _configure(alias, settings)

    def alias(self, *, writing: bool, part: Part = Part.VIEWER) -> str:
        """Django's name for a connection; parts that are one user of the database have one."""
        return self._names[part, writing]

    @contextmanager
    def session(self, viewer: Viewer, *, writing: bool = False) -> Iterator[Frame]:
        """A transaction as `viewer` sees the rows; joins an open one of the same viewer."""
        with self._frame(viewer, writing=writing) as opened:
            yield opened

    @contextmanager
    def transaction(self, *, writing: bool, part: Part = Part.VIEWER) -> Iterator[Frame]:
        """A transaction without a viewer, for tables that hold no content: the log's. Joins any open one."""
        with self._frame(None, writing=writing, part=part) as opened:
            yield opened

    @contextmanager
    def _frame(self, viewer: Viewer | None, *, writing: bool, part: Part = Part.VIEWER) -> Iterator[Frame]:
        outer = _open.get()
        if outer is not None:
            joined = self._joined(outer, viewer, writing=writing)
            with transaction.atomic(using=joined.alias) if writing else nullcontext():
                yield joined
            return
        if viewer is not None and viewer.sees_all:
            part = Part.HOUSE
        alias = self.alias(writing=writing, part=part)
        with transaction.atomic(using=alias, durable=True):
            if viewer is not None:
                self._tell(alias, viewer)
            opened = Frame(self, alias, writing, viewer)
            token = _open.set(opened)
            try:
                yield opened
            finally:
                _open.reset(token)

    def _joined(self, outer: Frame, viewer: Viewer | None, *, writing: bool) -> Frame:
        if outer.database is not self:
            raise WrongSession("a session of another database is open here; end it first")
        if viewer is not None and viewer != outer.viewer:
            raise WrongSession("a session of another viewer is open here; end it first")
        if writing and not outer.writing:
            raise WrongSession("a reading session is open here; open it with writing=True to change rows in it")
        return outer

    def _tell(self, alias: str, viewer: Viewer) -> None:
        if self.address.engine == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute(_TELL, context(viewer))

    def connection(self, *, writing: bool, part: Part = Part.VIEWER) -> BaseDatabaseWrapper:
        """This thread's connection."""
        return connections[self.alias(writing=writing, part=part)]

    def become_default(self) -> None:
        """Let Django's other applications use this database in this process, under the name that they ask for."""
        _configure(DEFAULT, self.address.settings(writing=True))
        connections[DEFAULT].close()
        del connections[DEFAULT]

    def empty_journal(self) -> None:
        """Have the journal beside SQLite's file hold no page from before a deletion; PostgreSQL keeps its own.

        Raises:
            TimeoutError: Somebody reads an older state still; ask again.
        """
        if self.address.engine != "sqlite3":
            return
        with self.connection(writing=True).cursor() as cursor:
            [busy, *_] = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise TimeoutError("the journal of the rows is in use; what was deleted is in it until the next round")

    def close(self) -> None:
        """Close this thread's connections."""
        for alias in set(self._names.values()):
            connections[alias].close()

    def prepare(self) -> None:
        """Make the file (0600) and bring the tables up to date; quick when there is nothing to do."""
        from seatrial.storage.upgrade import upgrade  # noqa: PLC0415 - the upgrade is read when it runs

        if self.address.engine == "sqlite3":
            with suppress(FileExistsError):  # an open file's locks go with any descriptor of it that is closed here
                os.close(os.open(self.address.name, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        upgrade(self)


def _configure(alias: str, settings: dict[str, Any]) -> None:
    connections.settings[alias] = connections.configure_settings({DEFAULT: {}, alias: settings})[alias]


def _of_the_room(model: Model | type[Model]) -> bool:
    return model._meta.app_label == ROOM  # noqa: SLF001 - Django's documented way to a model's own description
