"""The stores that contract suites run over: in memory, in SQLite, and in PostgreSQL."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.framework.participant import Organisation, OrganisationKind
from seatrial.framework.submission_store import MemorySubmissions, SubmissionStore
from seatrial.framework.viewer import Viewer
from seatrial.storage import Address
from seatrial.storage.session import Database
from seatrial.storage.stores.participants import ParticipantTables
from seatrial.storage.stores.submissions import SubmissionTables
from support import postgres
from support.framework import BUREAU, LAB, RIVAL

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASES = ("sqlite", "postgresql")
KINDS = {LAB: OrganisationKind.DEVELOPER, RIVAL: OrganisationKind.DEVELOPER, BUREAU: OrganisationKind.EVALUATOR}


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    """An empty database with all tables, closed at the end."""
    with address(kind, folder) as at:
        opened = Database(at)
        opened.prepare()
        try:
            yield opened
        finally:
            opened.close()


@cache
def _empty_sqlite() -> bytes:
    """The bytes of a database with all tables and no row: made once, for making it takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        opened = Database(Address.of(Path(folder)))
        opened.prepare()
        opened.close()
        return Path(opened.address.name).read_bytes()


@contextmanager
def address(kind: str, folder: Path) -> Iterator[Address]:
    """An empty database with all tables."""
    if kind == "sqlite":
        at = Address.of(folder)
        Path(at.name).write_bytes(_empty_sqlite())
        yield at
        return
    with postgres.server().database(postgres.template()) as name:
        yield Address.of(folder, postgres.server().setting(name))


def setting(at: Address) -> dict[str, str]:
    """The environment that names this database."""
    return {} if at.engine == "sqlite3" else {"SEATRIAL_DATABASE": postgres.server().setting(at.name)}


@dataclass(frozen=True)
class Stored:
    """A store of submissions, and whether it checks the log's entries itself."""

    submissions: SubmissionStore
    database: Database | None


def enrolled(opened: Database) -> Database:
    """With the parties of the tests in its registry."""
    house = Viewer.house("the parties of a test")
    for name, kind in KINDS.items():
        ParticipantTables(opened).add(house, Organisation(name, name, kind))
    return opened


@contextmanager
def submission_store(kind: str, folder: Path) -> Iterator[Stored]:
    """A store that knows the parties."""
    if kind == "memory":
        yield Stored(MemorySubmissions(frozenset({LAB, RIVAL})), None)
        return
    with database(kind, folder) as opened:
        yield Stored(SubmissionTables(enrolled(opened)), opened)
