"""Where an installation keeps its rows: SQLite in its own directory, or PostgreSQL by one setting.

- `SEATRIAL_DATABASE` is empty, or `postgresql://user@host:port/name`. A password never stands in it: it is read from
  the file that `SEATRIAL_DATABASE_PASSWORD_FILE` names, so that no process list and no error message shows it.
- PostgreSQL knows up to three users of one installation, `?owner=...&house=...` behind the name: the owner makes and
  changes tables, the house sees every row, and the user before the `@` serves everybody else, and sees what the viewer
  of its session may. Without them one user is all three. With them the password file is in libpq's own format, a line
  `host:port:name:user:password` each; whoever serves need not hold the owner's line.
- Of two connections of one user, the reading one cannot write.

>>> Address.of(Path("/srv/seatrial")).engine
'sqlite3'
>>> at = Address.of(Path("/srv/seatrial"), "postgresql://app@db.example/seatrial?owner=keeper&house=house")
>>> at.engine, [at.user_of(part) for part in Part]
('postgresql', ['app', 'house', 'keeper'])
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

SQLITE_FILE = "seatrial.sqlite3"
BUSY_SECONDS = 20
"""How long a writer waits for another one before it gives up."""

WRITER_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
"""WAL: readers never wait for the writer. FULL: what was acknowledged survives a power cut.
secure_delete: what is purged leaves no old page."""
READER_PRAGMAS = "PRAGMA query_only=ON;"
POSTGRES_READER = r"-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\ read"
"""Cannot write, and sees one state of all tables for as long as its transaction lasts, as SQLite's readers do."""


class BadAddress(ValueError):
    """A database setting that names no database."""


class Part(StrEnum):
    """Whom a connection is for; each may be a user of the database of its own."""

    VIEWER = "viewer"
    HOUSE = "house"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Address:
    """One database: a file, or a server's name for it."""

    engine: Literal["sqlite3", "postgresql"]
    name: str
    host: str = ""
    port: str = ""
    user: str = ""
    password_file: Path | None = None
    house: str = ""
    owner: str = ""

    @classmethod
    def of(cls, home: Path, setting: str = "", password_file: Path | None = None) -> Address:
        """The database of the installation in `home`; `setting` is the text of `SEATRIAL_DATABASE`."""
        if not setting:
            return cls("sqlite3", str(home / SQLITE_FILE))
        parts = urlsplit(setting)
        name = unquote(parts.path.lstrip("/"))
        if parts.scheme != "postgresql" or not name:
            raise BadAddress("SEATRIAL_DATABASE: must be postgresql://user@host:port/name; leave it out for SQLite")
        if parts.password is not None:
            raise BadAddress(
                "SEATRIAL_DATABASE: holds a password; put it in a file named by SEATRIAL_DATABASE_PASSWORD_FILE"
            )
        users = dict(parse_qsl(parts.query, keep_blank_values=True))
        if users.keys() - {Part.HOUSE, Part.OWNER} or (users and not (users.get(Part.HOUSE) and users.get(Part.OWNER))):
            raise BadAddress(
                "SEATRIAL_DATABASE: behind the name stands nothing, or ?owner=...&house=... with both users"
            )
        return cls(
            "postgresql",
            name,
            _host(parts.netloc),
            str(parts.port or ""),
            unquote(parts.username or ""),
            password_file,
            **users,
        )

    def user_of(self, part: Part) -> str:
        """The database's user for this part."""
        return {Part.HOUSE: self.house, Part.OWNER: self.owner}.get(part) or self.user

    @property
    def divided(self) -> bool:
        """Whether the parts are users of their own: without that the second wall holds against mistakes only."""
        return len({self.user_of(part) for part in Part}) == len(Part)

    def settings(self, *, writing: bool, part: Part = Part.VIEWER) -> dict[str, Any]:
        """What Django wants to know of a connection."""
        if self.engine == "sqlite3":
            return self._sqlite(writing=writing)
        options = {} if writing else {"options": POSTGRES_READER}
        if self.password_file and self.owner:
            options["passfile"] = str(self.password_file)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": self.name,
            "HOST": self.host,
            "PORT": self.port,
            "USER": self.user_of(part),
            "PASSWORD": self.password_file.read_text().strip() if self.password_file and not self.owner else "",
            "OPTIONS": options,
        }

    def _sqlite(self, *, writing: bool) -> dict[str, Any]:
        mode = {"transaction_mode": "IMMEDIATE"} if writing else {}
        pragmas = WRITER_PRAGMAS if writing else READER_PRAGMAS
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": self.name,
            "OPTIONS": {"timeout": BUSY_SECONDS, "init_command": pragmas, **mode},
        }


def _host(netloc: str) -> str:
    """The host as it is written: a socket's folder, with its slashes as %2F, keeps its letters."""
    place = netloc.rpartition("@")[2]
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return unquote(place.partition(":")[0])
