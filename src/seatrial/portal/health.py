"""Whether the portal can do its work, check by check; and what an installation lacks before others rely on it.

- A check says whether it holds, and in words for the operator what was seen; anybody else is shown names and yes or no.
- `ready` is asked often and asks little; `missing` is asked by `seatrial portal check` and before a start, and lists
  everything at once.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.ledger.policy import Policy
from seatrial.storage import rls
from seatrial.storage.session import Database
from seatrial.storage.upgrade import pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seatrial.house import House
    from seatrial.portal.settings import PortalSettings

DISK_SHARE = 0.05
"""Of the disk, free: below that databases begin to fail in ways of their own."""
QUIET = timedelta(seconds=60)
"""A worker beats every five seconds."""
CLOCK_OFF = timedelta(minutes=1)
"""Between this host and its database."""
OTHERS = 0o077
PUBLIC = ".pub"
"""In the name of a key that is meant for others."""
TIME_ERROR = 5
"""What the kernel answers while nothing keeps its clock."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, whether it holds, and what was seen."""

    name: str
    holds: bool
    seen: str


def ready(house: House, now: datetime) -> tuple[Check, ...]:
    """The checks of an installation that serves."""
    return (
        _checked("database", lambda: _database(house)),
        _checked("migrations", lambda: _migrations(house)),
        _checked("ledger", lambda: _ledger(house)),
        _checked("keys", lambda: _keys(house.home)),
        _checked("disk", lambda: _disk(house.home)),
        _checked("worker", lambda: _worker(house, now)),
    )


def _checked(name: str, look: Callable[[], tuple[bool, str]]) -> Check:
    try:
        return Check(name, *look())
    except Exception as error:  # noqa: BLE001 - whatever stops one look is what it saw
        return Check(name, holds=False, seen=type(error).__name__)


def _database(house: House) -> tuple[bool, str]:
    with house.database.transaction(writing=False):
        house.database.connection(writing=False).ensure_connection()
    return True, house.database.address.engine


def _migrations(house: House) -> tuple[bool, str]:
    old = pending(house.database)
    return not old, "older tables than this version's" if old else "as this version has them"


def _ledger(house: House) -> tuple[bool, str]:
    with house.log.store.reading() as log:
        return True, f"log {house.ledger.number} has the root that was published, over {log.size()} entries"


def _keys(home: Path) -> tuple[bool, str]:
    open_ones = list(open_to_others(home))
    return not open_ones, open_ones[0] if open_ones else "open to their owner alone"


def _disk(home: Path) -> tuple[bool, str]:
    known = shutil.disk_usage(home)
    share = known.free / known.total
    return share > DISK_SHARE, f"{share:.0%} free, {known.free >> 30} GiB"


def _worker(house: House, now: datetime) -> tuple[bool, str]:
    quiet = house.jobs.quiet_for(now)
    if quiet is None:
        return False, "none was ever seen; run: seatrial worker"
    return quiet <= QUIET, f"seen {max(0, round(quiet.total_seconds()))} s ago"


def open_to_others(home: Path) -> Iterator[str]:
    """Directories and files of keys that others than their owner could use, each with what to do."""
    places = [home, home / "keys", home / "ledger"]
    files = [*(home / "keys").rglob("*"), *(home / "ledger").glob("*.key")]
    for path in (*places, *(one for one in files if PUBLIC not in one.suffixes)):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & OTHERS:
            yield f"{path}: others can use it; run: chmod go= {path}"


def missing(place: PortalSettings, now: datetime) -> list[str]:
    """Everything that an installation lacks, by its settings; nothing is made and nothing changed."""
    found = list(open_to_others(place.home))
    nearest = next(path for path in (place.home, *place.home.parents) if path.exists())
    holds, seen = _disk(nearest)
    found += [] if holds else [f"disk of {nearest}: {seen}; more than {DISK_SHARE:.0%} must be free"]
    found += _of_keys(place)
    found += _of_the_database(place, now)
    if place.production:
        found += [*_of_witnesses(place.home), *_of_the_clock()]
    return found


def _of_keys(place: PortalSettings) -> Iterator[str]:
    named = (("SEATRIAL_SECRET_KEY_FILE", place.secret_key_file), ("SEATRIAL_FACTOR_KEY_FILE", place.factor_key_file))
    for name, path in named:
        if path is not None and not os.access(path, os.R_OK):
            yield f"{name}: {path} cannot be read"
        elif path is not None and stat.S_IMODE(path.stat().st_mode) & OTHERS:
            yield f"{name}: others can use {path}; run: chmod 600 {path}"


def _of_the_database(place: PortalSettings, now: datetime) -> list[str]:
    if place.database.engine == "sqlite3" and not Path(place.database.name).exists():
        return []
    database = Database(place.database)
    try:
        found = list(rls.faults(database)) if place.production else []
        if pending(database):
            found.append("SEATRIAL_DATABASE: its tables are missing or older than this version; start the portal once")
        if place.database.engine == "postgresql":
            found += _apart(database, now)
    except Exception as error:  # noqa: BLE001 - a database that does not answer is what is missing
        return [f"SEATRIAL_DATABASE: it does not answer ({type(error).__name__})"]
    finally:
        database.close()
    return found


def _apart(database: Database, now: datetime) -> list[str]:
    with database.transaction(writing=False), database.connection(writing=False).cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        apart = abs(cursor.fetchone()[0].astimezone(UTC) - now)
    return [f"clock: {apart} apart from the database's; keep both by NTP"] if apart > CLOCK_OFF else []


def _of_witnesses(home: Path) -> list[str]:
    file = home / "ledger" / "policy"
    try:
        known = Policy.parse(file.read_bytes())
    except FileNotFoundError:
        return [f"{file}: missing; production needs a witness of its record, named there with its key and address"]
    except ValueError as error:
        return [f"{file}: {error}"]
    reached = [name for name, key in known.witnesses.items() if known.urls.get(key.text)]
    return [] if reached else [f"{file}: names no witness with an address; production needs one"]


def _of_the_clock() -> list[str]:
    """Whether something keeps this host's clock, as the kernel knows it."""
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(256))
    return ["clock: nothing keeps it; run an NTP client on this host"] if state == TIME_ERROR else []
