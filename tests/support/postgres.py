"""A throwaway PostgreSQL server for tests: one a test process, on a socket of its own, gone when the process ends.

- Its programs are Debian's (package `postgresql`, any version); as root it runs as the user `postgres`, which that
  package makes. What is missing fails the test and says what to install.
- Three users, as an installation that is shared has them: who owns the tables, the house, and who serves viewers. None
  of them is a superuser, so the second wall stands in every test.
- An empty database with all tables is a copy of a template that is made once.
"""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg

from seatrial.storage import Address
from seatrial.storage.session import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = Path("/usr/lib/postgresql")
SYSTEM_USER = "postgres"
ADMIN, OWNER, HOUSE, APP = "admin", "seatrial_owner", "seatrial_house", "seatrial_app"
TEMPLATE = "seatrial_template"
PORT = 5432  # names the socket's file; nothing listens on the network
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}


class NoServer(RuntimeError):
    """PostgreSQL is not installed."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path

    def url(self, user: str, name: str) -> str:
        """A database of it, for a user."""
        return f"postgresql://{user}@{quote(str(self.folder), safe='')}:{PORT}/{name}"

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection of its superuser."""
        return psycopg.connect(
            host=str(self.folder), port=PORT, user=ADMIN, dbname="postgres", autocommit=True, connect_timeout=10
        )

    def setting(self, name: str) -> str:
        """What `SEATRIAL_DATABASE` says of a database of it."""
        return f"{self.url(APP, name)}?house={HOUSE}&owner={OWNER}"

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The name of a new database, empty or like the template, dropped at the end."""
        name = f"seatrial_{secrets.token_hex(6)}"
        with self.admin() as admin:
            admin.execute(
                f"CREATE DATABASE {name} OWNER {OWNER}"
                + (f" TEMPLATE {template} STRATEGY FILE_COPY" if template else "")
            )
        try:
            yield name
        finally:
            with self.admin() as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def server() -> Server:
    """This process's server."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="seatrial-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    before = _as_postgres(folder)
    rows = folder / "rows"
    subprocess.run(
        [*before, programs / "initdb", "-D", rows, "-U", ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
        check=True, capture_output=True, cwd=folder,
    )  # fmt: skip
    _start([*before, programs / "postgres"], rows, folder)
    running = Server(folder)
    with running.admin() as admin:
        for user in (OWNER, HOUSE, APP):
            admin.execute(f"CREATE ROLE {user} LOGIN" + (" CREATEDB" if user == OWNER else ""))
    return running


@cache
def template() -> str:
    """A database with all tables and no row."""
    with server().admin() as admin:
        admin.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
    opened = Database(Address.of(server().folder, server().setting(TEMPLATE)))
    opened.prepare()
    opened.close()
    return TEMPLATE


def _programs() -> Path:
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise NoServer(f"{PROGRAMS}: no PostgreSQL server is installed; run: apt-get install postgresql")
    return found[-1].parent


def _as_postgres(folder: Path) -> list[str | Path]:
    """What stands before a command so that it runs without root's rights and ends with this process."""
    end_with_me: list[str | Path] = ["setpriv", "--pdeathsig", "INT"]
    if os.geteuid() != 0:
        return end_with_me
    try:
        user = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise NoServer(
            "PostgreSQL refuses to run as root and there is no user postgres; run: apt-get install postgresql"
        ) from None
    os.chown(folder, user.pw_uid, user.pw_gid)
    return [*end_with_me, "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]


def _start(command: list[str | Path], rows: Path, folder: Path) -> None:
    """Start the server and return when it answers; it writes its state to the second last line of its pid file."""
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [*command, "-D", rows, "-k", folder, "-p", str(PORT), *settings], stdout=log, stderr=log, cwd=folder
    )
    atexit.register(_stop, process)
    ready = [_programs() / "pg_isready", "-q", "-h", folder, "-p", str(PORT), "-t", "1"]
    while subprocess.run(ready, check=False, capture_output=True).returncode:
        if process.poll() is not None:
            raise NoServer(f"PostgreSQL did not start: {(folder / 'log').read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
