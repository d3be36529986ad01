"""All rows of a database as one file, and back: SQLite's own backup, or PostgreSQL's `pg_dump` and `pg_restore`.

- The copy is one consistent state of all tables, taken while others write.
- PostgreSQL's is read by the house's user with the house's context, for the second wall holds against everybody else.
- Nobody has rights in a scratch database but the owner. It is made beside the true one, or in a folder of its own,
  and is gone when it was looked at.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.storage.address import Address, Part
from seatrial.storage.session import HOUSE_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE_FILE = 0o600
PAGES_AT_ONCE = 1000
"""Of SQLite's backup: writers go on between two portions of this many pages."""
DUMP = ("--format=custom", "--enable-row-security", "--no-owner", "--no-acl")
PUT_BACK = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-acl")


class NotCopied(RuntimeError):
    """A program of the database failed, or is not installed."""


def copy_sqlite(source: Path, to: Path) -> None:
    """A consistent copy of a SQLite file, 0600 and on the disk; whatever lies in its write-ahead log is in it."""
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as one, closing(sqlite3.connect(to)) as other:
        one.backup(other, pages=PAGES_AT_ONCE)
        other.execute("PRAGMA journal_mode=DELETE")
    with to.open("rb") as written:
        os.fsync(written.fileno())


def copy_rows(address: Address, to: Path) -> None:
    """All rows of the database in one new file."""
    if address.engine == "sqlite3":
        copy_sqlite(Path(address.name), to)
        return
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
    _run(["pg_dump", *DUMP, f"--file={to}"], address, Part.HOUSE)
    with to.open("rb") as written:
        os.fsync(written.fileno())


def put_back(file: Path, address: Address) -> None:
    """Write a copy's rows into an empty database; all or nothing."""
    if address.engine == "sqlite3":
        fresh = Path(f"{address.name}.restoring")
        fresh.unlink(missing_ok=True)
        copy_sqlite(file, fresh)
        fresh.rename(address.name)
        return
    _run(["pg_restore", *PUT_BACK, f"--dbname={address.name}", str(file)], address, Part.OWNER)


@contextmanager
def scratch(file: Path, address: Address) -> Iterator[Address]:
    """A copy's rows in a database that nobody else uses."""
    if address.engine == "sqlite3":
        with tempfile.TemporaryDirectory(prefix=".scratch-", dir=file.parent) as folder:
            at = Address.of(Path(folder))
            put_back(file, at)
            yield at
        return
    name = f"{address.name[:40]}_{secrets.token_hex(6)}"
    _run(["createdb", "--template=template0", name], replace(address, name="postgres"), Part.OWNER)
    try:
        owner = address.user_of(Part.OWNER)
        at = replace(address, name=name, user=owner, house=owner, owner=owner)
        put_back(file, at)
        yield at
    finally:
        _run(["dropdb", "--force", name], replace(address, name="postgres"), Part.OWNER)


def empty(address: Address) -> bool:
    """Whether the database has none of the room's tables."""
    if address.engine == "sqlite3":
        return not Path(address.name).exists()
    asked = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'storage\\_%'"
    return _run(["psql", "--no-psqlrc", "--tuples-only", "--no-align", "-c", asked], address, Part.OWNER).strip() == "0"


def _run(command: list[str], address: Address, part: Part) -> str:
    program = shutil.which(command[0])
    if program is None:
        raise NotCopied(f"{command[0]} is not installed; run: apt-get install postgresql-client")
    environment = {**os.environ, **_libpq(address, part)}
    done = subprocess.run([program, *command[1:]], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotCopied(f"{command[0]}, as {address.user_of(part)}: {done.stderr.strip()}")
    return done.stdout


def _libpq(address: Address, part: Part) -> dict[str, str]:
    """What PostgreSQL's programs read from their environment; a password is on no command line."""
    said = {
        "PGHOST": address.host,
        "PGPORT": address.port,
        "PGUSER": address.user_of(part),
        "PGDATABASE": address.name,
        "PGOPTIONS": f"-c seatrial.role={HOUSE_ROLE}",
    }
    if address.password_file is not None:
        divided = {"PGPASSFILE": str(address.password_file)}
        said |= divided if address.owner else {"PGPASSWORD": address.password_file.read_text().strip()}
    return {name: value for name, value in said.items() if value}
