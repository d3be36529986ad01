"""Where an installation keeps its rows: SQLite in its own directory, or PostgreSQL by one setting.

- `SEATRIAL_DATABASE` is empty, or `postgresql://user@host:port/name`. A password never stands in it: it is read from
  the file that `SEATRIAL_DATABASE_PASSWORD_FILE` names, so that no process list and no error message shows it.
- The two connections of an installation differ in one thing only: the reading one cannot write.

>>> Address.of(Path("/srv/seatrial")).engine
'sqlite3'
>>> Address.of(Path("/srv/seatrial"), "postgresql://app@db.example/seatrial").engine
'postgresql'
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

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


@dataclass(frozen=True, slots=True)
class Address:
    """One database: a file, or a server's name for it."""

    engine: Literal["sqlite3", "postgresql"]
    name: str
    host: str = ""
    port: str = ""
    user: str = ""
    password_file: Path | None = None

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
        host = unquote(parts.hostname or "")
        return cls("postgresql", name, host, str(parts.port or ""), unquote(parts.username or ""), password_file)

    def settings(self, *, writing: bool) -> dict[str, Any]:
        """What Django wants to know of the writing or the reading connection."""
        if self.engine == "sqlite3":
            return self._sqlite(writing=writing)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": self.name,
            "HOST": self.host,
            "PORT": self.port,
            "USER": self.user,
            "PASSWORD": self.password_file.read_text().strip() if self.password_file else "",
            "OPTIONS": {} if writing else {"options": POSTGRES_READER},
        }

    def _sqlite(self, *, writing: bool) -> dict[str, Any]:
        mode = {"transaction_mode": "IMMEDIATE"} if writing else {}
        pragmas = WRITER_PRAGMAS if writing else READER_PRAGMAS
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": self.name,
            "OPTIONS": {"timeout": BUSY_SECONDS, "init_command": pragmas, **mode},
        }
