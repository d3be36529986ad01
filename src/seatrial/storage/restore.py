"""An installation put back from a backup, into a home that has none and an empty database.

- Every file is compared with the manifest, and the roots of the logs with the entries, before anything is written.
- The keys have to be there already, or what custody sealed stays closed: they are in no backup.
- Sealed bytes come first, rows last; a mark in the home lets the same restore go on where a killed one stopped.
- It ends with the fork check: a database from a backup is older than what the record has published, as a rule.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.ledger.errors import LedgerError, NotTheSameLog
from seatrial.ledger.event import sha256_ref
from seatrial.ledger.folder import LedgerFolder
from seatrial.ledger.outside import write_durably
from seatrial.storage.backup import CUSTODY_FILE, MANIFEST, ROWS, SEALED, BadBackup, Manifest, copy_tree, digests, roots
from seatrial.storage.rows_copy import copy_sqlite, empty, put_back
from seatrial.storage.session import Database
from seatrial.storage.stores.log import LogTables
from seatrial.storage.upgrade import mark_old

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.storage.address import Address

MARK = "restoring"
PRIVATE_FOLDER = 0o700


class InTheWay(ValueError):
    """Something is there that a restore would write over."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, and what the fork check says; empty where the record goes on as it is."""

    manifest: Manifest
    fork: str


def restore(folder: Path, home: Path, address: Address) -> Restored:
    """Put a backup back.

    Raises:
        BadBackup: A file is missing, added or changed, or a root is not the one that was made.
        InTheWay: The home or the database holds an installation.
        NotCopied: A program of the database failed.
    """
    manifest = checked(folder, address)
    _free(home, address, manifest)
    home.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_durably(home / MARK, _name(manifest), 0o600)
    for name in SEALED:
        shutil.rmtree(home / name, ignore_errors=True)
        if (folder / name).is_dir():
            copy_tree(folder / name, home / name)
    if (folder / CUSTODY_FILE).exists():
        (home / CUSTODY_FILE).unlink(missing_ok=True)
        copy_sqlite(folder / CUSTODY_FILE, home / CUSTODY_FILE)
    if empty(address):
        put_back(folder / ROWS[address.engine], address)
    opened = Database(address)
    mark_old(opened)
    opened.prepare()
    fork = fork_check(home, opened)
    opened.close()
    (home / MARK).unlink()
    return Restored(manifest, fork)


def checked(folder: Path, address: Address) -> Manifest:
    """The manifest of a backup that is whole.

    Raises:
        BadBackup: It is not, or it is of another kind of database.
    """
    manifest = Manifest.read(folder)
    if manifest.engine != address.engine:
        raise BadBackup(f"{folder}: rows of {manifest.engine}, and this installation uses {address.engine}")
    there = digests(folder)
    for name in sorted(manifest.files.keys() | there.keys()):
        if manifest.files.get(name) != there.get(name):
            what = "is not in the manifest" if name not in manifest.files else "is missing or was changed"
            raise BadBackup(f"{folder / name}: {what}; take another backup")
    if roots(folder / ROWS[address.engine], address) != dict(manifest.logs):
        raise BadBackup(f"{folder / MANIFEST}: the entries of a log have another root")
    return manifest


def _free(home: Path, address: Address, manifest: Manifest) -> None:
    mark = home / MARK
    if mark.exists() and mark.read_bytes() == _name(manifest):
        return
    if not empty(address):
        raise InTheWay(f"{address.name}: holds an installation; move it away, a restore writes over nothing")
    for name in (CUSTODY_FILE, *SEALED):
        if (home / name).exists() and (name == CUSTODY_FILE or any((home / name).iterdir())):
            raise InTheWay(f"{home / name}: is there already; move it away, a restore writes over nothing")


def _name(manifest: Manifest) -> bytes:
    return sha256_ref(manifest.encode()).encode()


def fork_check(home: Path, opened: Database) -> str:
    """What is wrong between these rows and what the record has published; empty when nothing is."""
    ledger = LedgerFolder(home / "ledger", lambda number: LogTables(opened, number))
    if not ledger.number:
        return "its key is not in this home; put ledger/ back, or begin another one: seatrial submission continue"
    try:
        ledger.open()
    except NotTheSameLog as error:
        return f"{error}; the house refuses every act but a withdrawal until: seatrial submission continue"
    except LedgerError as error:
        return str(error)
    return ""
