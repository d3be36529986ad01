"""A backup: rows, custody's file and what it sealed, in a folder that is whole or is not there; never a key.

- It is made under a name that ends in `.part`, looked at, and renamed: a killed one is no backup, and the next one
  removes it. That it may be there is written down before the first byte (`backup_record`).
- It ends by putting its rows into a scratch database and computing the root of each log from its entries alone.
- The rows are taken before custody's: a lease that ended in between is ended in the backup, never alive again.
- `keys/` and `ledger/` are not in it: a key would open what the backup holds, and the published checkpoint is what
  shows that a restored database is old.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seatrial.framework.viewer import HOUSE, Viewer
from seatrial.ledger.checkpoint import Checkpoint
from seatrial.ledger.event import Actor, Event, instant, pseudonym, sha256_ref
from seatrial.ledger.log import recomputed_root
from seatrial.ledger.note import Note
from seatrial.ledger.outside import sync_folder, write_durably
from seatrial.storage.backup_record import NAME, UNFINISHED, BackupRecord
from seatrial.storage.reads import house_stream
from seatrial.storage.rows_copy import copy_rows, copy_sqlite, scratch
from seatrial.storage.session import Database
from seatrial.storage.stores.log import LogTables
from seatrial.storage.tables import rows as models

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seatrial.storage.address import Address
    from seatrial.storage.reads import Recording

VERSION = 1
MANIFEST = "manifest.json"
ROWS = {"sqlite3": "seatrial.sqlite3", "postgresql": "rows.pgdump"}
CUSTODY_FILE = "custody.sqlite3"
SEALED = ("records", "chunks")
"""Custody's folders of sealed bytes."""
PRIVATE_FOLDER = 0o700
AT_ONCE = 2**20
LOCK = "backups.lock"
"""Backups of one installation are made one after the other."""


class BadBackup(ValueError):
    """A folder that is no whole backup of an installation, or not one of this kind of database."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: each file's digest, and each log's size and root."""

    at: datetime
    engine: str
    files: Mapping[str, str]
    logs: Mapping[str, tuple[int, str]]
    version: int = VERSION

    def encode(self) -> bytes:
        """As the file `manifest.json` has it."""
        fields = asdict(self) | {"at": self.at.isoformat()}
        return json.dumps(fields, indent=1, sort_keys=True).encode()

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of a finished backup.

        Raises:
            BadBackup: There is none, or it cannot be read.
        """
        if folder.name.endswith(UNFINISHED):
            raise BadBackup(f"{folder}: was not finished; choose another")
        try:
            fields: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
            logs = {name: (int(size), str(root)) for name, (size, root) in fields.pop("logs").items()}
            made = cls(datetime.fromisoformat(fields.pop("at")), logs=logs, **fields)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadBackup(f"{folder / MANIFEST}: is no backup's manifest ({error})") from error
        if made.version != VERSION or made.engine not in ROWS:
            raise BadBackup(f"{folder / MANIFEST}: of version {made.version}, this program reads {VERSION}")
        return made


def backup(house: Recording, home: Path, into: Path, now: datetime) -> Path:
    """Make one below `into`, record it, and remove those that are too old; where it is.

    Raises:
        BadBackup: `into` lies in the installation, or the copy's roots are not the log's.
        NotCopied: A program of the database failed.
        OSError: The disk is full, or the place cannot be written.
    """
    place, record = into.absolute(), BackupRecord(home)
    if place.is_relative_to(home) or home.is_relative_to(place):
        raise BadBackup(f"{into}: lies with the installation; choose another disk, or at least another directory")
    place.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    with (home / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _swept(record, place, now)
        return _made(house, home, place, record, now)


def _made(house: Recording, home: Path, place: Path, record: BackupRecord, now: datetime) -> Path:
    done = place / f"{NAME}{now:%Y%m%dT%H%M%SZ}"
    if done.exists():
        raise BadBackup(f"{done}: is there already; wait a second")
    record.begun(done, now)
    part = done.with_name(done.name + UNFINISHED)
    part.mkdir(mode=PRIVATE_FOLDER)
    address, before = house.database.address, _counted(house.database)
    _filled(part, home, address)
    logs = roots(part / ROWS[address.engine], address, before)
    manifest = Manifest(now, address.engine, digests(part), logs)
    write_durably(part / MANIFEST, manifest.encode(), 0o600)
    part.rename(done)
    sync_folder(place)
    house.log.append([_event(house, manifest, now)])
    record.expire(now)
    return done


def _swept(record: BackupRecord, place: Path, now: datetime) -> None:
    """Remove what killed backups left here."""
    for folder in record.standing():
        if folder.parent == place and folder.with_name(folder.name + UNFINISHED).exists():
            record.remove(folder, now)


def _filled(part: Path, home: Path, address: Address) -> None:
    copy_rows(address, part / ROWS[address.engine])
    if (home / CUSTODY_FILE).exists():
        copy_sqlite(home / CUSTODY_FILE, part / CUSTODY_FILE)
    for name in SEALED:
        if (home / name).is_dir():
            copy_tree(home / name, part / name)


def copy_tree(source: Path, to: Path) -> None:
    """A folder of sealed files; one that goes while it is copied was deleted, and is not missed."""
    to.mkdir(mode=PRIVATE_FOLDER)
    for path in sorted(source.rglob("*")):
        there = to / path.relative_to(source)
        if path.is_symlink():
            raise BadBackup(f"{path}: a link; what custody seals are plain files")
        if path.is_dir():
            there.mkdir(mode=PRIVATE_FOLDER)
            continue
        try:
            with (
                path.open("rb") as read,
                os.fdopen(os.open(there, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
            ):
                shutil.copyfileobj(read, out, AT_ONCE)
                out.flush()
                os.fsync(out.fileno())
        except FileNotFoundError:
            continue


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a backup's folder but its manifest, by its path there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MANIFEST:
            with path.open("rb") as read:
                found[str(path.relative_to(folder))] = hashlib.file_digest(read, "sha256").hexdigest()
    return found


def roots(rows: Path, address: Address, before: Mapping[str, int] | None = None) -> dict[str, tuple[int, str]]:
    """Size and root of each log, from the entries of a copy that was put into a scratch database.

    Raises:
        BadBackup: The stored checkpoint of a log is not over the root that its entries have, or a table that only
            grows has fewer rows than it had `before`.
    """
    with scratch(rows, address) as at:
        opened = Database(at)
        try:
            there = _counted(opened)
            for table, count in (before or {}).items():
                if there[table] < count:
                    raise BadBackup(f"{table}: had {count} rows before it was copied, the copy has {there[table]}")
            return dict(_logs(opened))
        finally:
            opened.close()


def _counted(opened: Database) -> dict[str, int]:
    """Of tables that only grow: what the second wall hides from a copy would be missing without a word."""
    tables = (models.Submission, models.Act, models.Read, models.LedgerEntry)
    with opened.session(Viewer.house("whether a backup has every row")):
        return {table.__name__: table.objects.count() for table in tables}


def _logs(opened: Database) -> list[tuple[str, tuple[int, str]]]:
    found: list[tuple[str, tuple[int, str]]] = []
    number = 1
    while True:
        with LogTables(opened, number).reading() as tx:
            size, note = tx.size(), tx.latest_checkpoint()
            if not size:
                return found
            root = recomputed_root(tx, size)
        told = Checkpoint.parse(Note.parse(note).text) if note else None
        if told is None or (told.size, told.root) != (size, root):
            raise BadBackup(f"log {number}: its {size} entries do not have the root that its checkpoint signs")
        found.append((str(number), (size, root.hex())))
        number += 1


def _event(house: Recording, manifest: Manifest, now: datetime) -> Event:
    return Event(
        kind="backup.made",
        at=instant(now),
        stream=house_stream(house.ledger),
        actor=Actor("operator", pseudonym(house.random(32), HOUSE)),
        nonce=house.random(16).hex(),
        refs={"manifest": sha256_ref(manifest.encode())},
        nums={"files": len(manifest.files)},
    )
